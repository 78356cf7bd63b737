"""A thousand calls at 60 per second: each ends right, with one CDR, and nothing stays behind."""
import collections
import threading
import time

import pytest
from support import outcomes
from support.asterisk import asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

CALLS = 1000
PER_SECOND = 60
SENDERS = 16
WARM_UP = 60
PLATFORMS = ["ari-22", "ami-22", "ami-16"]

# digits, extension, expected end; so many of each hundred
MIX = [("299", "s", "completed", 30), ("001", "short", "completed", 25),
       ("183", "short", "completed", 10), ("486", "s", "busy", 10), ("603", "s", "busy", 5),
       ("404", "s", "failed", 5), ("503", "s", "failed", 5), ("480", "s", "no_answer", 5),
       ("100", "s", "no_answer", 5)]
DISPOSITION = {"completed": "answered"}


def deck(count):
    """The mix, evenly spread over `count` calls."""
    kinds = [kind for kind in MIX for _ in range(kind[3])]
    return [kinds[index * 37 % 100] for index in range(count)]


def place_at_rate(gateway, kinds, rate):
    """Places calls at a fixed rate, whatever the answers take; gives {call id: kind}."""
    placed, lock, start = {}, threading.Lock(), time.monotonic()

    def send(offset):
        with gateway.client("2" if offset % 2 else "1.1") as client:
            for index in range(offset, len(kinds), SENDERS):
                time.sleep(max(0.0, start + index / rate - time.monotonic()))
                digits, extension, _, _ = kinds[index]
                reply = client.post("/api/v2/calls", json={
                    "phone_number": outcomes.new_number(digits), "extension": extension,
                    "timeout": 3000})
                assert reply.status_code == 200 and reply.json()["success"], reply.text
                with lock:
                    placed[reply.json()["call_id"]] = kinds[index]

    senders = [threading.Thread(target=send, args=(offset,)) for offset in range(SENDERS)]
    for one in senders:
        one.start()
    for one in senders:
        one.join()
    return placed, time.monotonic() - start


def await_quiet(gateway):
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 30, "an empty map of live calls",
               every=0.2)


@pytest.fixture(scope="module", params=PLATFORMS)
def run(request):
    plugin, version = request.param.split("-")
    asterisk = asterisk_of(version)
    with Gateway({**asterisk.backend("local", plugin), "log": {"level": "info"}}) as gateway:
        gateway.client().close()
        place_at_rate(gateway, deck(WARM_UP), PER_SECOND)
        await_quiet(gateway)
        before = gateway.descriptors()
        placed, seconds = place_at_rate(gateway, deck(CALLS), PER_SECOND)
        await_quiet(gateway)
        after = wait_until(lambda: gateway.descriptors() <= before and gateway.descriptors(), 15,
                           f"as few open files as before ({before})", every=0.5)
        with gateway.client() as client:
            finals = {call_id: client.get(f"/api/v2/status/{call_id}").json()
                      for call_id in placed}
        log = gateway.log()
        gateway.stop()
        cdrs = [row["doc"] for row in gateway.records("cdr")]
    return {"placed": placed, "seconds": seconds, "finals": finals, "cdrs": cdrs, "log": log,
            "before": before, "after": after, "channels": set(asterisk.channels()),
            "theirs": asterisk.cdrs()}


def test_rate_was_kept(run):
    assert len(run["placed"]) == CALLS
    # Slower is the machine's doing; far slower would be a gateway that stands still.
    assert CALLS / PER_SECOND * 0.85 < run["seconds"] < CALLS / PER_SECOND * 5


def test_each_ends_right(run):
    wrong = {call_id: (kind, run["finals"][call_id]["status"])
             for call_id, kind in run["placed"].items()
             if run["finals"][call_id]["status"] != kind[2]}
    assert not wrong


def test_one_cdr_each(run):
    counts = collections.Counter(cdr["call_id"] for cdr in run["cdrs"])
    assert len(run["cdrs"]) == CALLS + WARM_UP
    assert set(counts.values()) == {1}
    wrong = {cdr["call_id"]: cdr["disposition"] for cdr in run["cdrs"]
             if cdr["call_id"] in run["placed"]
             and cdr["disposition"] != DISPOSITION.get(run["placed"][cdr["call_id"]][2],
                                                       run["placed"][cdr["call_id"]][2])}
    assert not wrong


def test_asterisk_counts_the_same(run):
    answered = {call_id for call_id, kind in run["placed"].items() if kind[2] == "completed"}
    theirs = {call_id for call_id in run["placed"]
              if any(row["disposition"] == "ANSWERED" for row in run["theirs"].get(call_id, []))}
    assert theirs == answered


def test_nothing_stays_behind(run):
    assert not set(run["placed"]) & run["channels"]
    assert run["after"] <= run["before"]


def test_log_has_no_errors(run):
    """A machine that is busy otherwise may hold the loop for a moment: that alone is no error."""
    bad = [line for line in run["log"].splitlines() if " ERROR " in line
           or " WARN " in line and "held the loop" not in line]
    assert not bad, bad[:20]
