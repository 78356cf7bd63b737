"""Live events and webhooks of several gateways on one PostgreSQL: each shows all, each event is
delivered once, and what a dead one leaves is delivered by another."""
import json

import pytest
from support import receiver
from support.cluster import Cluster
from support.events import Reader
from support.receiver import Receiver, signature_fits
from support.waiting import wait_until

QUICK = {"plugin": "mock", "ring_ms": 20, "answer_ms": 40, "talk_ms": 100, "hangup_ms": 20}
SETTINGS = {"backend.mock": QUICK,
            "webhooks": {"allow_private": True, "timeout": "1s", "max_attempts": 1000,
                         "retry_min": "200ms", "retry_max": "400ms"}}
WHOLE = ["call.created", "call.dialing", "call.ringing", "call.answered", "call.ended"]


@pytest.fixture(scope="module")
def cluster():
    with Cluster("a", "b", settings=SETTINGS) as running:
        running.client("b")  # has a token for readers
        yield running


def place(cluster, name):
    reply = cluster.client(name).post("/api/v2/calls", json={"phone_number": "+15550123"})
    assert reply.status_code == 200, reply.text
    return reply.json()["call_id"]


def in_order(events):
    """Of each gateway once and in order; the place names the event first, then the other one."""
    seen = {}
    for _, name, data in events:
        if data["type"] in ("gap", "closed"):
            continue
        node, number = data["id"].rsplit("-", 1)
        assert node == data["node"] and name.split(",")[0] == data["id"]
        if node in seen:
            assert int(number) == seen[node] + 1, (data["id"], seen)
        seen[node] = int(number)


def test_each_shows_all(cluster, http_version):
    with Reader(cluster["a"], http_version) as one, Reader(cluster["b"], http_version) as other, \
            Reader(cluster["a"], http_version, types="call.ended") as filtered:
        calls = [place(cluster, name) for name in "abba"]
        for reader in (one, other):
            for call_id in calls:
                wait_until(lambda: "call.ended" in reader.types(call_id), 30, "the call's end")
                assert reader.types(call_id) == WHOLE
            in_order(reader.events)
            assert all(len(name.split(",")) == 2 for _, name, _ in reader.events)
        filtered.await_type("call.ended", 4)
        assert {data["node"] for _, _, data in filtered.events} == {"a", "b"}
    assert cluster["a"].metric("dialgate_events_received_total") >= 10
    assert cluster["a"].metric("dialgate_events_gaps_total") == 0


def test_going_on_at_another_one(cluster, http_version):
    with Reader(cluster["a"], http_version) as reader:
        for name in "abab":
            place(cluster, name)
        reader.await_type("call.ended", 4)
        events = list(reader.events)
        last = events[-1][1]
    for name in "ab":
        place(cluster, name)
    with Reader(cluster["b"], http_version, last=last) as again:
        place(cluster, "a")
        again.await_type("call.ended", 3)
        in_order(events + again.events)
        assert "gap" not in again.types()
        ended = {data["call_id"] for kind, _, data in events + again.events if kind == "call.ended"}
        assert len(ended) == 7


def webhook(cluster, url):
    """Created at one of them, known to the other a moment later."""
    made = cluster.client("a").post("/api/v2/webhooks",
                                    json={"url": url, "types": ["call.ended"]}).json()
    path = f"/api/v2/webhooks/{made['id']}"
    wait_until(lambda: cluster.client("b").get(path).status_code == 200, 10, "the webhook at b")
    return made, path


def deliveries(cluster, path, state):
    reply = cluster.client("a").get(f"{path}/deliveries", params={"state": state, "per_page": 100})
    assert reply.status_code == 200, reply.text
    return reply.json()["deliveries"]


def test_a_webhook_is_told_once(cluster):
    with Receiver() as good:
        made, path = webhook(cluster, good.url)
        calls = {place(cluster, name) for name in "abbaabbaab"}
        wait_until(lambda: len(deliveries(cluster, path, "delivered")) == 10, 40, "ten deliveries")
        told = [json.loads(body) for _, _, body in good.requests]
        assert {event["call_id"] for event in told} == calls and len(told) == len(calls)
        assert {event["node"] for event in told} == {"a", "b"}
        assert all(signature_fits(made["secret"], *request[1:]) for request in good.requests)
        changed = cluster.client("b").put(path, json={"active": False})
        assert changed.status_code == 200
        wait_until(lambda: cluster.client("a").get(path).json()["active"] is False, 10, "the change")
        assert cluster.client("b").delete(path).status_code == 204
        wait_until(lambda: cluster.client("a").get(path).status_code == 404, 10, "its end")


def test_what_a_dead_one_leaves():
    """Some deliveries wait, some are under way when it is killed."""
    with Cluster("a", "b", settings=SETTINGS) as cluster, Receiver(answer=receiver.slow) as bad, \
            Reader(cluster["a"]) as reader:
        cluster.client("b")
        made, path = webhook(cluster, bad.url)
        calls = {place(cluster, "b") for _ in range(8)}
        reader.await_type("call.ended", 8)
        wait_until(lambda: len(bad.requests) >= 3, 30, "requests under way")
        assert len(deliveries(cluster, path, "pending")) == 8
        cluster["b"].kill()
        bad.answer = 200
        wait_until(lambda: len(deliveries(cluster, path, "delivered")) == 8, 60, "all of them")
        told = {json.loads(body)["call_id"] for _, _, body in bad.requests}
        assert told == calls
        place(cluster, "a")
        reader.await_type("call.ended", 9)
        in_order(reader.events)
