"""kill -9 in the middle of storage writes: what was acknowledged stays, and the file opens at once.

DIALGATE_KILLS is the number of kills: 20 in ./dev test, 200 in ./dev soak kills. Shown on
POST /api/v2/calls and GET /api/v2/status/{id}.
"""
import hashlib
import json
import os
import random
import sqlite3
import statistics
import subprocess
import threading
import time
from contextlib import closing

import pytest
from support.gateway import Gateway
from support.pipeline import Pipeline
from support.waiting import wait_until

KILLS = int(os.environ.get("DIALGATE_KILLS", 20))
WRITERS = 3
DEPTH = 8  # requests under way on each connection
LOAD_SECONDS = 0.5  # at most, between the first acknowledgement and the kill
START_SECONDS = 10  # on a machine that is busy otherwise, with a sanitizer's build
QUIET_EVERY = 5  # rounds; between them calls are killed again before their recovery is through
# How calls of these numbers may end, if nobody kills the gateway; and what may be seen before.
ENDS = {"001": "completed", "299": "completed", "486": "busy", "603": "busy", "404": "failed",
        "503": "failed", "480": "no_answer"}
PASSED = ("pending", "dialing", "ringing", "answered")
SETTINGS = {
    "log": {"level": "warn"},
    "calls": {"max_active": 100000, "recent": "1s"},
    "backend.mock": {"ring_ms": 20, "answer_ms": 60, "talk_ms": 200, "hangup_ms": 100,
                     "jitter_ms": 100},
}


class Writer(threading.Thread):
    """Places calls until the connection breaks; `acknowledged`: {call id: number}."""

    def __init__(self, gateway, token, seed):
        super().__init__()
        self.gateway, self.token, self.dice = gateway, token, random.Random(seed)
        self.prefix = f"+49{seed:06d}"
        self.acknowledged, self.problem, self.sent = {}, None, 0

    def number(self):
        self.sent += 1
        return f"{self.prefix}{self.sent:06d}{self.dice.choice(list(ENDS))}"

    def run(self):
        try:
            with Pipeline(self.gateway.address, self.token) as line:
                while True:
                    self.place(line, [self.number() for _ in range(DEPTH)])
        except OSError:
            pass  # the kill
        except Exception as error:
            self.problem = error

    def place(self, line, numbers):
        requests = [line.request("POST", "/api/v2/calls",
                                 {"phone_number": number, "timeout": 1000}) for number in numbers]
        for number, (status, body) in zip(numbers, line.exchange(requests)):
            reply = json.loads(body)
            assert (status, reply["success"]) == (200, True), (status, body)
            self.acknowledged[reply["call_id"]] = number


def load_until_killed(gateway, token, seed):
    writers = [Writer(gateway, token, seed * WRITERS + index) for index in range(WRITERS)]
    for writer in writers:
        writer.start()
    wait_until(lambda: any(writer.acknowledged or writer.problem for writer in writers), 10,
               "a first acknowledgement", every=0.001)
    time.sleep(random.random() * LOAD_SECONDS)
    gateway.kill()
    for writer in writers:
        writer.join()
        assert writer.problem is None, writer.problem
    return {call_id: number for writer in writers
            for call_id, number in writer.acknowledged.items()}


def kill_during_start(gateway):
    """A start that is killed before it is through, as by somebody impatient."""
    with open(gateway.folder / "interrupted", "ab") as out:
        process = subprocess.Popen([gateway.program, "serve", "--config", gateway.config],
                                   stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                   cwd=gateway.folder, env=gateway.environment)
        time.sleep(random.random() * 0.2)
        process.kill()
        process.wait()


def start_timed(gateway):
    begun = time.monotonic()
    gateway.start()
    return time.monotonic() - begun


def is_true(number, call):
    """What a call may be said to be: on its way, ended as its number says, or lost and marked so."""
    expected = ENDS[number[-3:]]
    if call["status"] in PASSED:
        return call["status"] != "answered" or expected == "completed"
    return call["status"] in (expected, "failed")


def look_at_all(gateway, token, numbers):
    """Every id that was acknowledged is known, is the same call, and its state can be true."""
    wanted = list(numbers.items())
    with Pipeline(gateway.address, token) as line:
        for first in range(0, len(wanted), 100):
            some = wanted[first:first + 100]
            requests = [line.request("GET", f"/api/v2/status/{call_id}") for call_id, _ in some]
            for (call_id, number), (status, body) in zip(some, line.exchange(requests)):
                assert status == 200, f"{call_id} was acknowledged, now: {status} {body}"
                call = json.loads(body)
                assert call["phone_number"] == number
                assert is_true(number, call), call


def read(gateway, sql):
    with closing(sqlite3.connect(f"file:{gateway.folder / 'dialgate.db'}?mode=ro", uri=True,
                                 timeout=20)) as store:
        return store.execute(sql).fetchall()


def cdr_digests(gateway):
    return {call_id: hashlib.blake2b(doc.encode(), digest_size=8).digest()
            for call_id, doc in read(gateway, 'SELECT "id", "@doc" FROM cdr')}


def await_quiet(gateway):
    """All calls have ended, and it is written."""
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 120, "an end of all calls",
               every=0.1)
    count = "SELECT (SELECT count(*) FROM calls) = (SELECT count(*) FROM cdr)"
    wait_until(lambda: read(gateway, count) == [(1,)], 30, "a CDR for each call", every=0.1)


def errors_in(log):
    return [line for line in log.splitlines() if " ERROR " in line]


@pytest.fixture(scope="module")
def gateway():
    """Judged, and removed, by the last test of this module that wants it."""
    with Gateway(SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def killed(gateway):
    """All rounds: what each of them must show is asserted on the way."""
    with gateway.client() as client:
        token = client.token
    acknowledged, cdrs, starts = {}, {}, []
    for count in range(KILLS):
        now = load_until_killed(gateway, token, count)
        if count % 4 == 3:
            kill_during_start(gateway)
        starts.append(start_timed(gateway))
        look_at_all(gateway, token, now)
        acknowledged.update(now)
        digests = cdr_digests(gateway)
        changed = [call_id for call_id, digest in cdrs.items() if digests.get(call_id) != digest]
        assert not changed, f"kill {count}: CDRs are lost or changed: {changed[:5]}"
        cdrs = digests
        assert read(gateway, "PRAGMA integrity_check") == [("ok",)]
        if (count + 1) % QUIET_EVERY == 0 or count + 1 == KILLS:
            await_quiet(gateway)
        assert not errors_in(gateway.log())
    print(f"\n{KILLS} kills, {len(acknowledged)} calls acknowledged; a start took"
          f" {statistics.median(starts):.2f} s, at most {max(starts):.2f} s; the file has"
          f" {(gateway.folder / 'dialgate.db').stat().st_size >> 20} MiB")
    return token, acknowledged, cdrs, starts


def test_acknowledged_calls_are_known(gateway, killed):
    token, acknowledged, _, _ = killed
    assert len(acknowledged) > KILLS
    look_at_all(gateway, token, acknowledged)


def test_each_call_has_ended_once(gateway, killed):
    _, acknowledged, cdrs, _ = killed
    calls = {call["id"]: call for call in gateway.stored("calls")}
    stored = gateway.stored("cdr")
    assert sorted(cdr["call_id"] for cdr in stored) == sorted(calls)
    assert set(acknowledged) <= set(calls) and set(cdrs) <= set(calls)
    for cdr in stored:
        call = calls[cdr["call_id"]]
        shared = ("status", "phone_number", "answered_at", "ended_at", "estimated")
        assert [cdr[name] for name in shared] == [call[name] for name in shared]
        # Whose end nobody saw is marked; all others ended as their number says.
        assert cdr["estimated"] and cdr["status"] == "failed" \
            or cdr["status"] == ENDS[cdr["phone_number"][-3:]], cdr


def test_numbers_are_not_called_twice(gateway, killed):
    numbers = [row[0] for row in read(gateway, "SELECT phone_number FROM calls")]
    assert len(numbers) == len(set(numbers))


def test_starts_do_not_take_longer_as_the_file_grows(killed):
    """By the quickest of many: a machine that is busy otherwise makes some of them slow."""
    _, _, _, starts = killed
    third = max(1, len(starts) // 3)
    assert max(starts) < START_SECONDS
    assert min(starts[-third:]) < min(starts[:third]) * 2 + 0.5
