"""Queues and lines on a real Asterisk: what the gateway tells is what Asterisk has, what it is asked
to change is changed there. By ami, and by ari with a companion; ari alone says what is missing."""
import itertools
import time

import pytest
from support.asterisk import VERSIONS, asterisk_of
from support.events import Reader
from support.gateway import Gateway
from support.waiting import wait_until

CALLS, URL, ENDPOINTS = "/api/v2/calls", "/api/v2/queues", "/api/v2/endpoints"
QUEUE = "single"
MEMBER = "Local/7001@outbound-ivr/n"
PATH = f"{URL}/{QUEUE}/members/{MEMBER.replace('/', '%2F')}"
SETUPS = list(itertools.product(VERSIONS, ("ami", "companion")))


class Setup:
    def __init__(self, version, name):
        self.asterisk = asterisk_of(version)
        settings = self.asterisk.backend(plugin="ami" if name == "ami" else "ari")
        settings["calls"].update({"allowed_contexts": ["from-internal"],
                                  "endpoint": "Local/{number}@answers"})
        self.teller = "pbx"
        if name == "companion":
            self.teller = settings["backend.pbx"]["companion"] = "manager"
            settings["backend.manager"] = self.asterisk.ami()
        self.gateway = Gateway(settings).start()

    def close(self):
        self.asterisk.cli(f"queue remove member {MEMBER} from {QUEUE}")
        self.gateway.stop()
        self.gateway.remove()


@pytest.fixture(scope="module", params=SETUPS, ids=["-".join(setup) for setup in SETUPS])
def setup(request):
    running = Setup(*request.param)
    yield running
    running.close()


@pytest.fixture
def client(setup):
    with setup.gateway.client("2") as client:
        yield client


def queue(client):
    reply = client.get(f"{URL}/{QUEUE}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def member(client):
    found = [one for one in queue(client)["members"] if one["interface"] == MEMBER]
    return found[0] if found else None


def test_members(setup, client):
    with Reader(setup.gateway, types="queue.changed") as reader:
        wait_until(lambda: reader.status == 200, 20, "the stream is open")
        names = [one["name"] for one in client.get(URL).json()["queues"]]
        assert {"bed", QUEUE} <= set(names)
        before = queue(client)
        assert before["backend"] == setup.teller and before["strategy"] == "ringall"
        assert {"PJSIP/8001", "PJSIP/8002"} <= {one["interface"] for one in before["members"]}

        body = {"interface": MEMBER, "name": "Test", "penalty": 3, "paused": True,
                "reason": "lunch"}
        added = client.post(f"{URL}/{QUEUE}/members", json=body)
        assert added.status_code == 201, added.text
        shown = added.json()["member"]
        assert (shown["interface"], shown["name"], shown["penalty"], shown["paused"],
                shown["pause_reason"]) == (MEMBER, "Test", 3, True, "lunch")
        told = setup.asterisk.cli(f"queue show {QUEUE}")
        assert "Local/7001@outbound-ivr/n" in told and "paused" in told
        assert client.post(f"{URL}/{QUEUE}/members", json=body).status_code == 409

        resumed = client.request("PATCH", PATH, json={"paused": False, "penalty": 0})
        assert resumed.status_code == 200, resumed.text
        assert (member(client)["paused"], member(client)["penalty"]) == (False, 0)
        assert client.delete(PATH).status_code == 200
        assert member(client) is None
        assert client.delete(PATH).status_code == 404
        assert client.request("PATCH", PATH, json={"paused": True}).status_code == 404
        fixed = client.delete(f"{URL}/{QUEUE}/members/PJSIP%2F8001")
        assert fixed.status_code == 409, "a member by the configuration stays"
        assert client.get(f"{URL}/nobody").status_code == 404

        def changes():
            return [data["change"] for _, _, data in reader.events
                    if data.get("member") == MEMBER]
        wait_until(lambda: "member_removed" in changes(), 20, "the events")
        for change in ("member_added", "member_paused", "member_resumed", "member_penalty"):
            assert change in changes(), changes()


def test_who_waits(setup, client):
    """Nobody is free: a caller waits in the queue, and gives up."""
    for agent in ("8001", "8002"):
        assert client.request("PATCH", f"{URL}/{QUEUE}/members/PJSIP%2F{agent}",
                              json={"paused": True, "reason": "meeting"}).status_code == 200
    try:
        call = client.post(CALLS, json={
            "phone_number": f"55{time.monotonic_ns() % 10**8:08d}", "context": "from-internal",
            "extension": QUEUE}).json()["call_id"]
        wait_until(lambda: queue(client)["waiting"] == 1, 30, "he waits")
        wait_until(lambda: queue(client)["longest_wait_ms"] >= 1000, 10, "a second")
        caller, = queue(client)["callers"]
        assert caller["position"] == 1 and caller["call_id"]
        abandoned = queue(client)["abandoned"]
        client.delete(f"{CALLS}/{call}")
        wait_until(lambda: queue(client)["callers"] == [], 20, "he has gone")
        assert queue(client)["abandoned"] == abandoned + 1
    finally:
        for agent in ("8001", "8002"):
            client.request("PATCH", f"{URL}/{QUEUE}/members/PJSIP%2F{agent}",
                           json={"paused": False})


def test_lines(setup, client):
    found = {one["endpoint"]: one for one in
             client.get(ENDPOINTS, params={"per_page": 100, "technology": "PJSIP"}).json()["endpoints"]}
    assert {"PJSIP/trunk", "PJSIP/8001", "PJSIP/8009"} <= set(found), found
    agent, nobody = found["PJSIP/8001"], found["PJSIP/8009"]
    assert (agent["available"], agent["state"], agent["active_calls"]) == (True, "not in use", 0)
    assert (nobody["registered"], nobody["available"]) == (False, False)
    assert nobody["state"] in ("unavailable", "invalid", "unknown")
    assert client.get(f"{ENDPOINTS}/PJSIP%2F8001").json() == agent
    assert client.get(f"{ENDPOINTS}/PJSIP%2Fnobody").status_code == 404


def test_ari_alone():
    with Gateway(asterisk_of("22").backend()) as gateway, gateway.client() as client:
        for method, url, body in (("GET", URL, None), ("GET", f"{URL}/{QUEUE}", None),
                                  ("POST", f"{URL}/{QUEUE}/members", {"interface": "PJSIP/1"}),
                                  ("DELETE", PATH, None)):
            reply = client.request(method, url, json=body)
            assert reply.status_code == 501, reply.text
            assert "companion" in reply.json()["detail"] and "(ari)" in reply.json()["detail"]
        assert client.get(ENDPOINTS).status_code == 200
