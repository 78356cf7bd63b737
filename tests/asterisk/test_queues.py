"""Queues and lines on a real Asterisk: what the gateway tells is what Asterisk has, what it is asked
to change is changed there. By ami, and by ari with a companion; ari alone has the lines, and says
what is missing."""
import itertools
import socket
import time
import uuid

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
LINES = SETUPS + [(version, "ari") for version in VERSIONS]


class Setup:
    def __init__(self, version, name):
        self.asterisk = asterisk_of(version)
        settings = self.asterisk.backend(plugin="ami" if name == "ami" else "ari")
        settings["calls"].update({"allowed_contexts": ["from-internal"],
                                  "endpoint": "Local/{number}@answers"})
        self.teller, self.tellers = "pbx", {"pbx"}
        self.state_tellers = {"ami": {"pbx"}, "companion": {"manager"}, "ari": set()}[name]
        if name == "companion":
            self.teller = settings["backend.pbx"]["companion"] = "manager"
            self.tellers.add("manager")
            settings["backend.manager"] = self.asterisk.ami()
        self.gateway = Gateway(settings).start()

    def close(self):
        self.asterisk.cli(f"queue remove member {MEMBER} from {QUEUE}")
        self.gateway.stop()
        self.gateway.remove()


@pytest.fixture(scope="module")
def setup(request):
    running = Setup(*request.param)
    yield running
    running.close()


@pytest.fixture
def client(setup):
    with setup.gateway.client("2") as client:
        yield client


def by(setups):
    return pytest.mark.parametrize("setup", setups, indirect=True, ids=map("-".join, setups))


def number():
    return f"55{time.monotonic_ns() % 10**8:08d}"


def queue(client):
    reply = client.get(f"{URL}/{QUEUE}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def member(client):
    found = [one for one in queue(client)["members"] if one["interface"] == MEMBER]
    return found[0] if found else None


@by(SETUPS)
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


@by(SETUPS)
def test_who_waits(setup, client):
    """Nobody is free: a caller waits in the queue, and gives up."""
    for agent in ("8001", "8002"):
        assert client.request("PATCH", f"{URL}/{QUEUE}/members/PJSIP%2F{agent}",
                              json={"paused": True, "reason": "meeting"}).status_code == 200
    try:
        with Reader(setup.gateway, types="queue.changed") as reader:
            call = client.post(CALLS, json={
                "phone_number": number(), "context": "from-internal",
                "extension": QUEUE}).json()["call_id"]
            wait_until(lambda: queue(client)["waiting"] == 1, 30, "he waits")
            wait_until(lambda: queue(client)["longest_wait_ms"] >= 1000, 10, "a second")
            caller, = queue(client)["callers"]
            assert caller["position"] == 1 and caller["call_id"] == call
            abandoned = queue(client)["abandoned"]
            client.delete(f"{CALLS}/{call}")
            wait_until(lambda: queue(client)["callers"] == [], 20, "he has gone")
            assert queue(client)["abandoned"] == abandoned + 1

            def changes():
                return [(data["queue"], data["change"]) for _, _, data in reader.events
                        if data.get("call_id") == call]
            wait_until(lambda: (QUEUE, "caller_abandoned") in changes(), 20, "the events")
            assert changes()[0] == (QUEUE, "caller_joined")
    finally:
        for agent in ("8001", "8002"):
            client.request("PATCH", f"{URL}/{QUEUE}/members/PJSIP%2F{agent}",
                           json={"paused": False})


@by(LINES)
def test_lines(setup, client):
    found = {one["endpoint"]: one for one in
             client.get(ENDPOINTS, params={"per_page": 100, "technology": "PJSIP"}).json()["endpoints"]}
    assert {"PJSIP/trunk", "PJSIP/8001", "PJSIP/8009"} <= set(found), found
    agent, nobody = found["PJSIP/8001"], found["PJSIP/8009"]
    assert (agent["available"], agent["state"], agent["active_calls"]) == (True, "not in use", 0)
    assert (nobody["registered"], nobody["available"]) == (False, False)
    assert nobody["state"] in ("unavailable", "invalid", "unknown")
    assert client.get(f"{ENDPOINTS}/PJSIP%2F8001").json() == agent
    for wanted, there, not_there in (("true", "PJSIP/8001", "PJSIP/8009"),
                                     ("false", "PJSIP/8009", "PJSIP/8001")):
        some = client.get(ENDPOINTS, params={"per_page": 100, "available": wanted}).json()
        names = [one["endpoint"] for one in some["endpoints"]]
        assert there in names and not_there not in names, (wanted, names)
    assert client.get(f"{ENDPOINTS}/PJSIP%2Fnobody").status_code == 404


def register(asterisk, name, seconds):
    """A telephone says where it is, or with 0 that it is nowhere; from an address that is not the
    callee's, by which Asterisk knows its trunk."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.2", 0))
        phone.settimeout(20)
        place, server = f"127.0.0.2:{phone.getsockname()[1]}", "127.0.0.1"
        contact = f"<sip:{name}@{place}>" if seconds else "*"
        lines = [f"REGISTER sip:{server} SIP/2.0", "Max-Forwards: 70",
                 f"Via: SIP/2.0/UDP {place};branch=z9hG4bK{uuid.uuid4().hex}",
                 f"From: <sip:{name}@{server}>;tag=bed", f"To: <sip:{name}@{server}>",
                 f"Call-ID: {uuid.uuid4()}", "CSeq: 1 REGISTER", f"Contact: {contact}",
                 f"Expires: {seconds}", "Content-Length: 0", "", ""]
        phone.sendto("\r\n".join(lines).encode(), (server, int(asterisk.env["SIP_PORT"])))
        assert phone.recv(4096).startswith(b"SIP/2.0 200 ")


def line(client, name):
    return client.get(f"{ENDPOINTS}/PJSIP%2F{name}").json()


def tellers(reader, name, **wanted):
    """The backends that have told this of the line."""
    return {data["backend"] for _, _, data in reader.events if data["endpoint"] == f"PJSIP/{name}"
            and wanted.items() <= data.items()}


@by(LINES)
def test_a_line_comes_and_goes(setup, client):
    with Reader(setup.gateway, types="endpoint.changed") as reader:
        try:
            register(setup.asterisk, "8009", 60)
            wait_until(lambda: tellers(reader, "8009", available=True) == setup.tellers, 30,
                       "it is told")
            wait_until(lambda: line(client, "8009")["available"], 10, "it is shown")
            assert line(client, "8009")["registered"]
        finally:
            register(setup.asterisk, "8009", 0)
        wait_until(lambda: tellers(reader, "8009", available=False) == setup.tellers, 30,
                   "that it has gone")
        wait_until(lambda: not line(client, "8009")["available"], 10, "it is shown")


@by(LINES)
def test_a_line_in_use(setup, client):
    """An agent is called: his line is in use, and then no longer is. ARI does not tell so."""
    wait_until(lambda: line(client, "8002")["active_calls"] == 0, 30, "nobody else calls him")
    with Reader(setup.gateway, types="endpoint.changed") as reader:
        call = client.post(CALLS, json={
            "phone_number": number(), "context": "from-internal",
            "extension": "8002"}).json()["call_id"]
        try:
            wait_until(lambda: line(client, "8002")["state"] == "in use", 30, "he answers")
            busy = line(client, "8002")
            assert busy["available"] and busy["active_calls"] >= 1, busy
        finally:
            client.delete(f"{CALLS}/{call}")
        wait_until(lambda: line(client, "8002")["active_calls"] == 0, 30, "nothing of it is left")
        wait_until(lambda: line(client, "8002")["state"] == "not in use", 10, "he is free")
        for state in ("in use", "not in use"):
            wait_until(lambda: tellers(reader, "8002", state=state, available=True)
                       == setup.state_tellers, 30, f"{state} is told")


def test_ari_alone():
    with Gateway(asterisk_of("22").backend()) as gateway, gateway.client() as client:
        for method, url, body in (("GET", URL, None), ("GET", f"{URL}/{QUEUE}", None),
                                  ("POST", f"{URL}/{QUEUE}/members", {"interface": "PJSIP/1"}),
                                  ("DELETE", PATH, None)):
            reply = client.request(method, url, json=body)
            assert reply.status_code == 501, reply.text
            assert "companion" in reply.json()["detail"] and "(ari)" in reply.json()["detail"]
