"""A gateway is killed with calls up on a real Asterisk: what its application would be told comes to
another one until the last of them has ended, or it is back; calls that nobody else can see are left
alone until it is back, or end in the records when it has been away for too long."""
import time

import httpx
import pytest
from support import outcomes
from support.asterisk import asterisk_of
from support.cluster import Cluster
from support.waiting import wait_until

RINGS = 20  # seconds: longer than it takes to see that a gateway is dead
DEAD_AFTER = "3s"
MOCK = {"telephony": {"backend": "mock"}, "backend.pbx": None, "backend.mock": {"plugin": "mock"}}


@pytest.fixture(scope="module")
def asterisk():
    return asterisk_of("22")


def settings(asterisk, plugin="ari", **node):
    backend = asterisk.backend("local", plugin)
    backend["calls"]["endpoint"] = "Local/{number}@answers-late"
    return {**backend, "log": {"level": "info"}, "node": {"dead_after": DEAD_AFTER, **node}}


def applications(asterisk):
    """{name of each application that somebody listens to, without its first part: its channels}."""
    env = asterisk.env
    reply = httpx.get(f"{env['ARI_URL']}/applications", trust_env=False, timeout=20,
                      auth=(env["ARI_USERNAME"], env["ARI_PASSWORD"]))
    assert reply.status_code == 200, reply.text
    return {one["name"].rpartition("-")[2]: one["channel_ids"] for one in reply.json()}


def place(client, seconds, extension="hold"):
    reply = client.post("/api/v2/calls", json={"extension": extension, "timeout": 60000,
                                              "phone_number": outcomes.new_number(f"{seconds:02}")})
    assert reply.status_code == 200, reply.text
    return reply.json()["call_id"]


def reaches(cluster, name, call_id, status, seconds=60):
    def look():
        reply = cluster.client(name).get(f"/api/v2/status/{call_id}")
        return reply.status_code == 200 and reply.json()["status"] == status
    wait_until(look, seconds, f"{call_id} to be {status} at {name}")


def taken_over(cluster, call_id):
    wait_until(lambda: cluster.record(call_id)["node"] == "right", 30, "the call to be taken over")


@pytest.fixture
def pair(asterisk):
    with Cluster("left", "right", settings=settings(asterisk)) as cluster:
        yield cluster


def test_it_is_answered_after_the_death(asterisk, pair):
    """It goes on to its place as if its gateway were there, and its times are true."""
    call_id = place(pair.client("left"), RINGS)
    reaches(pair, "left", call_id, "ringing")
    pair["left"].kill()
    taken_over(pair, call_id)
    assert pair.record(call_id)["status"] == "ringing", "it was answered too soon for this test"
    wait_until(lambda: "left" in applications(asterisk), 10, "the stand-in")
    reaches(pair, "right", call_id, "answered")
    answered = pair.record(call_id)
    assert answered["adopted_from"] == "left" and not answered.get("estimated")
    place_of = f"{asterisk.names()[call_id]}!outbound-ivr!"
    assert place_of in asterisk.cli("core show channels concise")

    assert pair.client("right").delete(f"/api/v2/calls/{call_id}").status_code == 200
    reaches(pair, "right", call_id, "completed")
    cdr = wait_until(lambda: pair.record(call_id, "cdr"), 20, "the record")
    assert (cdr["disposition"], cdr["estimated"]) == ("answered", False), cdr
    wait_until(lambda: "left" not in applications(asterisk), 20, "the stand-in to end")
    assert "right" in applications(asterisk)


def test_it_is_back_before_the_answer(asterisk, pair):
    """The server tells it of its own calls again, and it does not take them back."""
    late, early = place(pair.client("left"), RINGS), place(pair.client("left"), 1)
    reaches(pair, "left", early, "answered")
    reaches(pair, "left", late, "ringing")
    pair["left"].kill()
    taken_over(pair, late)
    wait_until(lambda: "left" in applications(asterisk), 10, "the stand-in")
    pair["left"].start()
    pair.meet()
    assert pair.record(late)["node"] == "right"
    again = place(pair.client("left"), 1)
    reaches(pair, "right", again, "answered")
    assert pair.record(again)["node"] == "left"
    reaches(pair, "right", late, "answered")
    for call_id in (late, early, again):
        assert pair.client("left").delete(f"/api/v2/calls/{call_id}").status_code == 200
        reaches(pair, "right", call_id, "completed")
        cdr = wait_until(lambda c=call_id: pair.record(c, "cdr"), 20, "the record")
        assert not cdr["estimated"], cdr


def alone(asterisk, plugin, lost_after):
    """`right` does not see the server of `left`."""
    return Cluster("left", "right", each={"right": MOCK},
                   settings=settings(asterisk, plugin, lost_after=lost_after))


def talking(cluster, count):
    calls = [place(cluster.client("left"), 1) for _ in range(count)]
    for call_id in calls:
        reaches(cluster, "left", call_id, "answered")
    return calls


@pytest.mark.parametrize("plugin", ["ari", "ami"])
def test_back_in_time_it_finds_its_calls(asterisk, plugin):
    """Nobody else sees its server, so they are left alone: those that are up go on, and those that
    ended meanwhile end now, at a time that is an estimate."""
    with alone(asterisk, plugin, "10m") as pair:
        ended, goes_on = talking(pair, 2)
        pair["left"].kill()
        asterisk.cli(f"channel request hangup {asterisk.name_of(ended)}")
        wait_until(lambda: nodes(pair, "right")["left"] == "dead", 30, "the death to be seen")
        assert {pair.record(call_id)["node"] for call_id in (ended, goes_on)} == {"left"}
        pair["left"].start()
        pair.meet()
        reaches(pair, "right", ended, "completed")
        assert wait_until(lambda: pair.record(ended, "cdr"), 20, "the record")["estimated"]
        assert pair.record(goes_on)["status"] == "answered"
        assert pair.client("right").delete(f"/api/v2/calls/{goes_on}").status_code == 200
        reaches(pair, "right", goes_on, "completed")
        cdr = wait_until(lambda: pair.record(goes_on, "cdr"), 20, "the record")
        assert (cdr["disposition"], cdr["estimated"]) == ("answered", False), cdr


@pytest.mark.parametrize("plugin", ["ari", "ami"])
def test_away_for_too_long(asterisk, plugin):
    """Nobody else sees its server: its calls end as lost, once."""
    with alone(asterisk, plugin, "6s") as pair:
        (call_id,) = talking(pair, 1)
        killed_at = time.monotonic()
        pair["left"].kill()
        reaches(pair, "right", call_id, "failed", 120)
        assert time.monotonic() - killed_at > 5, "it was given up too soon"
        cdr = wait_until(lambda: pair.record(call_id, "cdr"), 20, "the record")
        assert (cdr["failure_reason"], cdr["estimated"]) == ("node_lost", True), cdr
        asterisk.cli(f"channel request hangup {asterisk.name_of(call_id)}")
        pair["left"].start()
        pair.meet()
        assert pair.rows("cdr") == [cdr]


def nodes(cluster, name):
    listed = cluster.client(name).get("/api/v2/nodes").json()["nodes"]
    return {node["name"]: node["state"] for node in listed}
