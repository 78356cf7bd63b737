#!/usr/bin/python3
"""Runs a command beside a PostgreSQL of its own: with_postgres.py COMMAND ARGUMENT...

DATABASE_URL is set to an empty database of it. The command's status is this one's.
"""
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.postgres import Postgres  # noqa: E402


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Postgres(fsync=os.environ.get("PGFSYNC") != "off") as server:
        url = server.create_database()
        status = subprocess.run(sys.argv[1:], check=False,
                                env={**os.environ, "DATABASE_URL": url}).returncode
        if status:
            print(server.log()[-5000:], file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
