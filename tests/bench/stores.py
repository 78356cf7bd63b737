"""The stores alone, without HTTP: documents created one by one and durable, read one by one, and a
million of them in lists, on storage-file and storage-pg, against SQLite and libpq alone doing the
same on the same table."""
import os
import subprocess
import tempfile
from pathlib import Path

from support.gateway import ROOT, build_dir
from support.postgres import Postgres

CALLERS = 64
LIST = 10000
DOCUMENTS = int(os.environ.get("DIALGATE_BENCH_DOCUMENTS") or 1000000)
GOALS = {"creates": 0.5, "reads": 0.5, "bulk": 0.3}


def rate(program, *arguments, env=None):
    done = subprocess.run([build_dir() / "tests" / "bench" / program, *map(str, arguments)],
                          check=False, capture_output=True, text=True,
                          env={**os.environ, **(env or {})})
    assert done.returncode == 0, f"{program}: {done.stderr}"
    return float(done.stdout)


class Store:
    """One of ours, and the library that it is made of."""

    def __init__(self, plugin, raw, place, env, settle=lambda: None):
        """settle: what one has left to do for the disk is done before the other begins."""
        self.plugin, self.raw, self.place, self.env = plugin, raw, place, env
        self.settle = settle

    def pair(self, mode, *numbers):
        """Ours first: it makes the table, and what is read from it."""
        self.settle()
        ours = rate("store_speed", build_dir() / "plugins" / f"{self.plugin}.so",
                    ROOT / "tests" / "contract" / f"{self.plugin}.toml", mode, *numbers,
                    env=self.env)
        self.settle()
        return ours, rate(self.raw, self.place, mode, *numbers)


def measure_one(report, store, rounds, seconds):
    for mode, goal in GOALS.items():
        numbers = (DOCUMENTS, LIST) if mode == "bulk" else (seconds, CALLERS)
        pairs = [store.pair(mode, *numbers) for _ in range(1 if mode == "bulk" else rounds)]
        unit = {"creates": "durable documents/s", "reads": "reads/s", "bulk": "documents/s"}[mode]
        report.figure(f"{store.plugin}, {mode}", [ours for ours, _ in pairs], unit, digits=0)
        report.figure(f"{store.raw}, {mode}", [theirs for _, theirs in pairs], unit, digits=0)
        report.goal(f"{store.plugin}, {mode}: ratio", [ours / theirs for ours, theirs in pairs],
                    least=goal)


def run(report, rounds, seconds):
    with tempfile.TemporaryDirectory() as folder:
        file = Store("storage-file", "raw_sqlite", Path(folder) / "contract.db",
                     {"CONTRACT_DIR": folder})
        measure_one(report, file, rounds, seconds)
    with Postgres({"shared_buffers": "256MB", "max_wal_size": "2GB", "autovacuum": "on"}) as server:
        url = server.create_database()
        store = Store("storage-pg", "raw_pg", url, {"DATABASE_URL": url},
                      settle=lambda: server.query("CHECKPOINT"))
        measure_one(report, store, rounds, seconds)
