"""No space is left where the store and the log are: calls are refused with 503, what is known is
still told, and when space returns nothing that was acknowledged is missing."""
import os
import sqlite3
import subprocess
from contextlib import closing

import pytest
from support.gateway import Gateway
from support.waiting import wait_until

MOCK = {"backend.mock": {"ring_ms": 10, "answer_ms": 30, "talk_ms": 300}}
STORE = {**MOCK, "storage": {"path": "disk/dialgate.db"}, "log": {"level": "info"}}
NUMBERS = ("+4930000001", "+4930000486", "+4930000480", "+4930000183")


class Disk:
    """A small file system of its own, below the gateway's folder."""

    def __init__(self, folder, size):
        self.path = folder / "disk"
        self.path.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.path],
                       check=True)

    def fill(self):
        """To the last byte."""
        with open(self.path / "filler", "wb", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while filler.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        (self.path / "filler").unlink()

    def remove(self):
        subprocess.run(["umount", "-l", self.path], check=True)


@pytest.fixture
def disk():
    """Makes the disk of a gateway that has not been started."""
    if os.geteuid() != 0:
        pytest.skip("a small file system is mounted for this: only root can")
    made = []

    def make(gateway, size="6m"):
        made.append(Disk(gateway.folder, size))
        return made[-1]

    yield make
    for one in made:
        one.remove()


def place(client, index):
    return client.post("/api/v2/calls", json={"phone_number": NUMBERS[index % len(NUMBERS)],
                                              "timeout": 1000})


def fill_up(client, disk, placed):
    """Calls until one is refused, which is what follows from a full disk; `placed` gets their ids."""
    disk.fill()
    for index in range(1000):
        reply = place(client, index)
        if reply.status_code != 200:
            return reply
        assert reply.json()["success"], reply.text
        placed.append(reply.json()["call_id"])
    raise AssertionError("a thousand calls were written onto a full disk")


def start_with_calls(gateway):
    client = gateway.client()
    return client, [place(client, index).json()["call_id"] for index in range(8)]


def assert_whole(gateway, placed):
    """Every acknowledged call has ended, with one CDR that agrees with its record."""
    def accounts():
        with closing(sqlite3.connect(f"file:{gateway.folder}/disk/dialgate.db?mode=ro",
                                     uri=True)) as store:
            assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            calls = dict(store.execute('SELECT "id", "status" FROM calls'))
            cdrs = dict(store.execute("SELECT call_id, json_extract(\"@doc\", '$.status')"
                                      " FROM cdr"))
        return set(placed) <= set(calls) and calls == cdrs
    wait_until(accounts, 20, "a CDR for each call", every=0.1)


def test_store_outlives_a_full_disk(disk):
    gateway = Gateway(STORE)
    space = disk(gateway)
    with gateway:
        client, placed = start_with_calls(gateway)
        refused = fill_up(client, space, placed)
        assert refused.status_code == 503, refused.text
        assert "no space is left" in gateway.log()
        for call_id in placed[:4]:
            assert client.get(f"/api/v2/status/{call_id}").status_code == 200
        assert client.get("/health", token=None).status_code == 200
        wait_until(lambda: client.get("/readiness", token=None).status_code == 503, 5,
                   "the word that nothing can be written")
        space.free()
        wait_until(lambda: client.get("/readiness", token=None).status_code == 200, 20,
                   "the word that it can again", every=0.1)
        reply = place(client, 0)
        assert reply.json()["success"], reply.text
        wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 20, "the end of all calls")
        assert_whole(gateway, [*placed, reply.json()["call_id"]])


def test_killed_on_a_full_disk(disk):
    gateway = Gateway(STORE)
    space = disk(gateway)
    with gateway:
        client, placed = start_with_calls(gateway)
        fill_up(client, space, placed)
        gateway.kill()
        space.free()
        gateway.start()
        client = gateway.client()
        for call_id in placed:
            assert client.get(f"/api/v2/status/{call_id}").status_code == 200
        assert_whole(gateway, placed)


def test_log_outlives_a_full_disk(disk):
    gateway = Gateway({**MOCK, "log": {"level": "info", "file": "disk/log"}})
    space = disk(gateway, "256k")
    log = gateway.folder / "disk" / "log"
    with gateway:
        client, placed = start_with_calls(gateway)
        space.fill()
        for index in range(50):
            assert place(client, index).json()["success"]
        space.free()
        reply = place(client, 0)
        wait_until(lambda: reply.json()["call_id"] in log.read_text(errors="replace"), 5,
                   "a line of the log")
