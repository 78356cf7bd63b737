"""After a crash the end of the write-ahead log is cut or altered: the gateway starts all the same,
keeps all that stands before, and says that something was dropped. Shown on POST /api/v2/calls and
GET /api/v2/status/{id}."""
import os
import random
import sqlite3
from contextlib import closing

import pytest
from support.gateway import Gateway
from support.waiting import wait_until

CALLS = 8
SETTINGS = {"log": {"level": "info"}, "calls": {"recent": "1s"},
            "backend.mock": {"ring_ms": 10, "answer_ms": 20, "talk_ms": 30, "hangup_ms": 20}}
NUMBERS = ("+4930000001", "+4930000486", "+4930000299", "+4930000404")


def wal(gateway):
    return gateway.folder / "dialgate.db-wal"


def place(client):
    placed = []
    for index in range(CALLS):
        reply = client.post("/api/v2/calls", json={"phone_number": NUMBERS[index % len(NUMBERS)]})
        assert reply.json()["success"], reply.text
        placed.append(reply.json()["call_id"])
    return placed


def await_ends(gateway):
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 20, "the end of all calls")
    count = gateway.metric("calls_launched_total")
    wait_until(lambda: len(gateway.stored("cdr")) == count, 10, "their CDRs")


def cut(file, first):
    os.truncate(file, random.randrange(first + 1, file.stat().st_size))


def alter(file, first):
    """One bit of a page; not of its head, where SQLite keeps what tells an old log from a new."""
    frame = 24 + 4096
    pages = (file.stat().st_size - 32) // frame
    page = random.randrange((first - 32) // frame, pages)
    with open(file, "r+b") as log:
        log.seek(32 + page * frame + random.randrange(24, frame))
        byte = log.read(1)[0]
        log.seek(-1, os.SEEK_CUR)
        log.write(bytes([byte ^ 1 << random.randrange(8)]))


def cut_between_pages(file, first):
    """Not damage that could be seen: SQLite, and we, take it for an unfinished transaction."""
    frame = 24 + 4096
    first_page = (first - 32) // frame
    pages = (file.stat().st_size - 32) // frame
    os.truncate(file, 32 + random.randrange(first_page, pages) * frame)


@pytest.mark.parametrize("harm", [cut, alter, cut_between_pages])
def test_torn_tail(harm):
    with Gateway(SETTINGS) as gateway:
        client = gateway.client()
        early = place(client)
        await_ends(gateway)
        kept = {cdr["call_id"]: cdr for cdr in gateway.stored("cdr")}
        first = wal(gateway).stat().st_size
        late = place(client)
        await_ends(gateway)
        assert wal(gateway).stat().st_size > first, "the log must not have been begun anew"
        gateway.kill()
        harm(wal(gateway), first)
        gateway.start()
        said = [line for line in gateway.log().splitlines() if "dialgate.db-wal" in line]
        if harm is not cut_between_pages:
            assert len(said) == 1 and " WARN " in said[0] and "dropped" in said[0], said
        assert " ERROR " not in gateway.log()
        client = gateway.client()
        for call_id in early:
            assert client.get(f"/api/v2/status/{call_id}").json()["is_completed"]
        for call_id in late:
            assert client.get(f"/api/v2/status/{call_id}").status_code in (200, 404)
        await_recovery(gateway)
        cdrs = {cdr["call_id"]: cdr for cdr in gateway.stored("cdr")}
        assert kept.items() <= cdrs.items()
        assert set(cdrs) == {call["id"] for call in gateway.stored("calls")}
        with closing(sqlite3.connect(f"file:{gateway.folder}/dialgate.db?mode=ro",
                                     uri=True)) as store:
            assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        place(client)
        await_recovery(gateway)


def await_recovery(gateway):
    """Calls whose end was dropped are found lost, and end again."""
    def all_ended():
        calls = gateway.stored("calls")
        return all(call["ended_at"] for call in calls) and len(gateway.stored("cdr")) == len(calls)
    wait_until(all_ended, 20, "an end of every call, with a CDR", every=0.1)


def test_a_clean_end_says_nothing():
    with Gateway(SETTINGS) as gateway:
        place(gateway.client())
        await_ends(gateway)
        gateway.stop()
        gateway.start()
        assert "dialgate.db-wal" not in gateway.log()
