"""dialgate export and import of a hundred thousand documents, through a gateway that runs: from a
file into PostgreSQL and back, whole, and neither side holds more than a few of them at once."""
import hashlib
import json
import subprocess
import time

import pytest
from support import postgres
from support.gateway import Gateway

DOCUMENTS = 100_000
GROWTH_MB = 24  # of what is some 60 MB of text
CLI_MB = 24
FILLING = "x" * 400


def write_lines(path):
    with open(path, "w", encoding="ascii") as out:
        for number in range(DOCUMENTS):
            doc = {"call_id": f"call-{number:06}", "phone_number": f"+4930{number:07}",
                   "disposition": "ANSWERED", "started_at": 1700000000000 + number,
                   "billsec": number % 600, "filling": FILLING}
            out.write(json.dumps({"collection": "cdr", "id": f"call-{number:06}", "doc": doc}))
            out.write("\n")


def memory_mb(pid, what="VmRSS"):
    """None: it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            found = [line.split()[1] for line in status if line.startswith(what)]
    except OSError:
        return None
    return int(found[0]) / 1024 if found else None


def run(gateway, verb, stdin=None, stdout=None):
    """The command's own memory, and by how much that of the gateway has grown, both at most."""
    with open(f"/proc/{gateway.pid}/clear_refs", "w", encoding="ascii") as peak:
        peak.write("5")
    before, own = memory_mb(gateway.pid), 0
    command = subprocess.Popen([gateway.program, verb, "--progress", "--config", gateway.config],
                               stdin=stdin, stdout=stdout or subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    while command.poll() is None:
        own = max(own, memory_mb(command.pid, "VmHWM") or 0)
        time.sleep(0.01)
    told = command.stderr.read()
    assert command.returncode == 0, told
    assert len(told.splitlines()) > 10, "progress is told"
    return own, memory_mb(gateway.pid, "VmHWM") - before


def digest(path):
    """Of what counts of each line, in any order."""
    total = 0
    with open(path, encoding="ascii") as lines:
        for line in lines:
            row = json.loads(line)
            if row["collection"] == "cdr":
                text = json.dumps([row["id"], row["doc"]], sort_keys=True).encode()
                total ^= int.from_bytes(hashlib.sha256(text).digest(), "big")
    return total


@pytest.mark.parametrize("store", ["storage-file", "storage-pg"])
def test_memory_stays_flat(tmp_path, store):
    settings = {"storage": {"plugin": "storage-file", "path": "dialgate.db", "cache_mb": 1},
                "log": {"level": "info"}}
    if store == "storage-pg":
        settings["storage"] = postgres.storage(postgres.shared().create_database())
    lines, out = tmp_path / "lines", tmp_path / "out"
    write_lines(lines)
    with Gateway(settings) as gateway:
        with open(lines, "rb") as stdin:
            own, grown = run(gateway, "import", stdin=stdin)
            print(f"{store}: import took {own:.0f} MB, the gateway grew by {grown:.0f} MB")
            assert own < CLI_MB and grown < GROWTH_MB
        with open(out, "wb") as stdout:
            own, grown = run(gateway, "export", stdout=stdout)
            print(f"{store}: export took {own:.0f} MB, the gateway grew by {grown:.0f} MB")
            assert own < CLI_MB and grown < GROWTH_MB
    assert digest(out) == digest(lines)
