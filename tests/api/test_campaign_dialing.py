"""Campaigns as they are dialled, on the mock backend: the numbers are put into the store before the
gateway starts, and what became of them is read from the store."""
import json
from collections import Counter

from support.gateway import Gateway
from support.waiting import wait_until

QUICK = {"plugin": "mock", "ring_ms": 5, "answer_ms": 20, "talk_ms": 2000, "hangup_ms": 30}
CAMPAIGN = {"name": "spring", "status": "running", "trunk_type": "pjsip", "trunk_value": "carrier",
            "agent_dest_type": "exten", "agent_dest_value": "PJSIP/7000", "concurrent_calls": 50,
            "retry_times": 2, "retry_delay": 1, "dial_timeout": 1, "created_at": 1}
# Of 200 numbers: how many, what they end in, what becomes of them, in how many attempts.
FATES = [(40, "486", "busy", 3), (40, "404", "failed", 3), (40, "480", "no_answer", 3),
         (80, "000", "completed", 1)]


def numbers():
    place = 0
    for count, end, status, attempts in FATES:
        for _ in range(count):
            place += 1
            yield place, f"1555{place:04}{end}", status, attempts


def fill(gateway, campaign, rows):
    """Puts a campaign with these (id, phone number) into the store."""
    counts = {"pending": len(rows), "total": len(rows)}
    lines = [("campaigns", "1", campaign), ("campaign_counts", "1", counts)]
    lines += [("numbers", str(place), {"campaign_id": 1, "phone_number": phone, "status": "pending",
                                       "due_at": 0, "attempts": 0, "priority": 0, "created_at": 1})
              for place, phone in rows]
    gateway.cli("import", stdin="".join(
        json.dumps({"collection": name, "id": key, "version": 1, "doc": doc}) + "\n"
        for name, key, doc in lines))


def counts(gateway):
    return gateway.stored("campaign_counts")[0]


def is_over(gateway):
    now = counts(gateway)
    return not any(now.get(status) for status in ("pending", "calling", "answered"))


def check_counts(gateway):
    """They say what is there."""
    said, there = counts(gateway), Counter(doc["status"] for doc in gateway.stored("numbers"))
    for status in ("pending", "calling", "answered", "completed", "failed", "no_answer", "busy"):
        assert said[status] == there[status], (status, said, there)
    records = gateway.stored("cdr")
    assert said["total_calls"] == len(records)
    assert said["answered_calls"] == sum(doc["disposition"] == "answered" for doc in records)


def check_every_number(gateway):
    docs = {doc["id"]: doc for doc in gateway.stored("numbers")}
    attempts = Counter(doc["campaign_number_id"] for doc in gateway.stored("cdr"))
    for place, phone, status, expected in numbers():
        doc = docs[place]
        assert (doc["phone_number"], doc["status"]) == (phone, status), doc
        assert doc["attempts"] == expected == attempts[place], doc


def test_every_number_comes_to_its_end():
    gateway = Gateway({"backend.mock": QUICK})
    fill(gateway, CAMPAIGN, [row[:2] for row in numbers()])
    with gateway:
        wait_until(lambda: is_over(gateway), 60, "the end of the campaign", every=0.2)
        check_every_number(gateway)
        check_counts(gateway)
        records = gateway.stored("cdr")
        joined = [doc for doc in records if doc.get("agent_result") == "answered"]
        assert len(records) == 440
        assert len(joined) == 80 and {doc["agent"] for doc in joined} == {"PJSIP/7000"}
        ends = {}
        for doc in sorted(records, key=lambda doc: doc["started_at"]):
            before = ends.get(doc["campaign_number_id"])
            assert not before or doc["started_at"] >= before + 1000, doc
            ends[doc["campaign_number_id"]] = doc["ended_at"]


def test_no_more_calls_at_once_than_the_campaign_may_have():
    gateway = Gateway({"backend.mock": {**QUICK, "talk_ms": 300}})
    fill(gateway, {**CAMPAIGN, "concurrent_calls": 3},
         [(place, f"15550{place:03}000") for place in range(1, 25)])
    with gateway:
        wait_until(lambda: is_over(gateway), 60, "the end of the campaign", every=0.2)
        times = []
        for doc in gateway.stored("cdr"):
            times += [(doc["started_at"], 1), (doc["ended_at"], -1)]
        live = most = 0
        for _, step in sorted(times):
            live += step
            most = max(most, live)
        assert most == 3


def test_a_kill_loses_nothing():
    """Three times, in the middle of it. What a call came to that died with the mock is not known: it
    has failed, and counts as an attempt."""
    gateway = Gateway({"backend.mock": QUICK, "calls": {"max_duration": "10m"}})
    fill(gateway, CAMPAIGN, [row[:2] for row in numbers()])
    with gateway:
        for _ in range(3):
            before = counts(gateway).get("total_calls", 0)
            wait_until(lambda: counts(gateway).get("total_calls", 0) > before + 40, 30,
                       "some calls")
            gateway.kill()
            gateway.start()
        wait_until(lambda: is_over(gateway), 90, "the end of the campaign", every=0.2)
        check_counts(gateway)
        attempts = Counter(doc["campaign_number_id"] for doc in gateway.stored("cdr"))
        for doc in gateway.stored("numbers"):
            assert 1 <= doc["attempts"] <= 3
            assert doc["attempts"] == attempts[doc["id"]], doc


def test_the_end_of_the_numbers_is_told():
    gateway = Gateway({"backend.mock": QUICK})
    fill(gateway, CAMPAIGN, [(1, "15550001000")])
    with gateway:
        wait_until(lambda: "the numbers of a campaign are used up" in gateway.log(), 30,
                   "the log's line")
