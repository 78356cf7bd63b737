"""Queues and lines: GET /api/v2/queues, /api/v2/queues/{name}, POST, PATCH and DELETE of its
/members, GET /api/v2/endpoints, /api/v2/endpoints/{endpoint}; their changes as live events.
The mock tells no changes of lines: `endpoint.changed` is tested in ../asterisk/test_queues.py."""
import pytest
from conftest import QUICK
from shapes import invalid, json_of, just_now, not_authenticated, placed, refused
from support.events import Reader
from support.gateway import Gateway, build_dir
from support.waiting import wait_until

URL = "/api/v2/queues"
CALLS = "/api/v2/calls"
ENDPOINTS = "/api/v2/endpoints"
NUMBER = "+1234567890"
AGENT, OTHER = "PJSIP/8001", "PJSIP/8002"
QUEUES = [{"name": "support", "members": [AGENT, OTHER]}, {"name": "sales", "members": [AGENT]},
          {"name": "900"}]
SETTINGS = {"backend.mock": {**QUICK, "queues": QUEUES, "queue_ms": 200},
            "calls": {"allowed_contexts": ["queues"]}}
IDLE = {"interface": AGENT, "name": AGENT, "state": "not in use", "paused": False,
        "pause_reason": None, "penalty": 0, "calls_taken": 0, "in_call": False,
        "last_call_at": None}


@pytest.fixture
def exchange():
    """A gateway whose queues nobody has touched yet."""
    with Gateway(SETTINGS) as gateway:
        yield gateway


@pytest.fixture
def client(exchange, http_version):
    with exchange.client(http_version) as client:
        yield client


def path_of(interface, queue="support"):
    return f"{URL}/{queue}/members/{interface.replace('/', '%2F')}"


def change(client, interface, **body):
    return client.request("PATCH", path_of(interface), json=body)


def one(client, name="support"):
    return json_of(client.get(f"{URL}/{name}"))


def call_to(client, queue):
    call = placed(client.post(CALLS, json={"phone_number": NUMBER, "extension": queue}), NUMBER)
    wait_until(lambda: client.get(f"{CALLS}/{call}").json()["status"] == "answered", 10, "answer")
    return call


# ---- what is told ----

def test_list(client):
    body = json_of(client.get(URL))
    assert [queue["name"] for queue in body["queues"]] == ["900", "sales", "support"]
    assert body["pagination"]["total"] == 3 and body["next_cursor"] is None
    assert body["queues"][2] == {
        "name": "support", "backend": "mock", "strategy": "ringall", "waiting": 0,
        "longest_wait_ms": 0, "average_wait_ms": 0, "average_talk_ms": 0, "completed": 0,
        "abandoned": 0, "member_count": 2, "members_free": 2}
    found = json_of(client.get(URL, params={"search": "s"}))["queues"]
    assert [queue["name"] for queue in found] == ["sales", "support"]


@pytest.mark.parametrize("url, key, name", [(URL, "queues", "name"),
                                            (ENDPOINTS, "endpoints", "endpoint")])
def test_pages(client, url, key, name):
    everything = [item[name] for item in json_of(client.get(url))[key]]
    assert len(everything) > 1 and everything == sorted(everything)
    by_number = [item[name] for number in range(1, len(everything) + 1)
                 for item in json_of(client.get(url, params={"per_page": 1, "page": number}))[key]]
    by_cursor, params = [], {"per_page": 1}
    while params:
        page = json_of(client.get(url, params=params))
        by_cursor += [item[name] for item in page[key]]
        params = page["next_cursor"] and {"per_page": 1, "cursor": page["next_cursor"]}
    assert by_number == by_cursor == everything


def test_one(client):
    body = one(client)
    assert body["members"] == [IDLE, {**IDLE, "interface": OTHER, "name": OTHER}]
    assert body["callers"] == [] and body["member_count"] == 2
    for reply in (client.get(f"{URL}/nobody"), client.get(f"{URL}/suppor")):
        refused(reply, 404, "Queue not found")


def test_who_waits(client):
    first, second = call_to(client, "900"), call_to(client, "900")
    body = one(client, "900")
    assert [(caller["position"], caller["call_id"]) for caller in body["callers"]] == [
        (1, first), (2, second)]
    assert body["callers"][0]["caller_number"] == NUMBER
    assert body["waiting"] == 2
    assert body["longest_wait_ms"] == body["callers"][0]["wait_ms"] > 0
    client.delete(f"{CALLS}/{first}")
    wait_until(lambda: one(client, "900")["abandoned"] == 1, 10, "the first has given up")
    assert [caller["call_id"] for caller in one(client, "900")["callers"]] == [second]


def test_who_is_served(client):
    call = call_to(client, "support")
    wait_until(lambda: one(client)["waiting"] == 0, 10, "it is served")
    busy, idle = one(client)["members"]
    assert (busy["state"], busy["in_call"], busy["calls_taken"]) == ("in use", True, 1)
    just_now(busy["last_call_at"])
    assert idle["state"] == "not in use"
    # He works in two queues, and has no time in the other one either.
    assert one(client, "sales")["members"][0]["state"] == "in use"
    waits = call_to(client, "sales")
    line = json_of(client.get(f"{ENDPOINTS}/PJSIP%2F8001"))
    assert (line["state"], line["active_calls"], line["available"]) == ("in use", 1, True)
    client.delete(f"{CALLS}/{call}")
    wait_until(lambda: one(client)["completed"] == 1, 10, "it is counted")
    wait_until(lambda: one(client, "sales")["waiting"] == 0, 10, "the next is served")
    client.delete(f"{CALLS}/{waits}")


# ---- who works there ----

def test_add_and_remove(client):
    body = json_of(client.post(f"{URL}/support/members", json={
        "interface": "PJSIP/8003", "name": "Alice", "penalty": 3, "paused": True,
        "reason": "lunch"}), 201)
    alice = {**IDLE, "interface": "PJSIP/8003", "name": "Alice", "penalty": 3, "paused": True,
             "pause_reason": "lunch"}
    assert body == {"success": True, "queue": "support", "interface": "PJSIP/8003",
                    "message": "Member added", "member": alice}
    assert alice in one(client)["members"]
    refused(client.post(f"{URL}/support/members", json={"interface": "PJSIP/8003"}), 409,
            "It is a member of the queue already")
    assert json_of(client.delete(path_of("PJSIP/8003"))) == {
        "success": True, "queue": "support", "interface": "PJSIP/8003",
        "message": "Member removed", "member": None}
    assert len(one(client)["members"]) == 2
    refused(client.delete(path_of("PJSIP/8003")), 404, "Member not found")


def test_pause_and_penalty(client):
    paused = json_of(change(client, AGENT, paused=True, reason="lunch"))["member"]
    assert paused == {**IDLE, "paused": True, "pause_reason": "lunch"}
    assert one(client)["members_free"] == 1
    weighed = json_of(change(client, AGENT, penalty=7))["member"]
    assert weighed == {**paused, "penalty": 7}
    assert json_of(change(client, AGENT, paused=False, penalty=0))["member"] == IDLE
    refused(change(client, "PJSIP/9999", paused=True), 404, "Member not found")
    refused(client.request("PATCH", path_of(AGENT, "nobody"), json={"paused": True}), 404,
            "Queue not found")


def test_a_place_that_is_not_allowed(client):
    invalid(client.post(f"{URL}/support/members", json={"interface": "Local/1@secret"}),
            ("body", "interface"))
    json_of(client.post(f"{URL}/support/members", json={"interface": "Local/1@queues/n"}), 201)


@pytest.mark.parametrize("body, field", [
    ({}, "interface"), ({"interface": ""}, "interface"), ({"interface": "8001"}, "interface"),
    ({"interface": "PJSIP/"}, "interface"), ({"interface": "PJSIP/a b"}, "interface"),
    ({"interface": "PJSIP/1\r\nAction: Logoff"}, "interface"),
    ({"interface": "PJSIP/1&PJSIP/2"}, "interface"), ({"interface": "PJSIP/../1"}, "interface"),
    ({"interface": "Local/${A}@b"}, "interface"), ({"interface": "PJSIP/" + "1" * 100}, "interface"),
    ({"interface": 8001}, "interface"), ({"interface": AGENT, "penalty": -1}, "penalty"),
    ({"interface": AGENT, "penalty": 10001}, "penalty"),
    ({"interface": AGENT, "penalty": "x"}, "penalty"),
    ({"interface": AGENT, "paused": "perhaps"}, "paused"),
    ({"interface": AGENT, "name": "a\nb"}, "name"), ({"interface": AGENT, "name": "a" * 81}, "name"),
    ({"interface": AGENT, "paused": True, "reason": "a\r\nAction: Logoff"}, "reason"),
    ({"interface": AGENT, "reason": "lunch"}, "reason")])
def test_wrong_fields(clients, http_version, body, field):
    client = clients[http_version]
    invalid(client.post(f"{URL}/support/members", json=body), ("body", field))
    if field != "interface":
        body = {key: value for key, value in body.items() if key != "interface"}
        if field != "name":
            problems = client.request("PATCH", path_of(AGENT), json=body)
            assert ["body", field] in [one["loc"] for one in json_of(problems, 422)["detail"]]


def test_nothing_to_change(clients, http_version):
    invalid(clients[http_version].request("PATCH", path_of(AGENT), json={}), ("body", "paused"))


@pytest.mark.parametrize("name", ["a%20b", "a%2Fb", "..%2F..", "a%0D%0AAction:Logoff", "a" * 81,
                                  "-a", "%C3%A4", "a,b", "$(a)"])
def test_wrong_names(clients, http_version, name):
    client = clients[http_version]
    invalid(client.get(f"{URL}/{name}"), ("path", "name"))
    invalid(client.post(f"{URL}/{name}/members", json={"interface": AGENT}), ("path", "name"))
    invalid(client.delete(path_of(AGENT, name)), ("path", "name"))


@pytest.mark.parametrize("interface", ["8001", "PJSIP%2F", "a%20b%2F1", "PJSIP%2F1%0D%0A",
                                       "PJSIP%2F..%2F1", "x" * 101])
def test_wrong_members(clients, http_version, interface):
    client = clients[http_version]
    invalid(client.delete(f"{URL}/support/members/{interface}"), ("path", "interface"))
    invalid(client.request("PATCH", f"{URL}/support/members/{interface}", json={"paused": True}),
            ("path", "interface"))


@pytest.mark.parametrize("url, params, field", [
    (URL, {"search": "a b"}, "search"), (URL, {"backend": "a/b"}, "backend"),
    (URL, {"cursor": "x"}, "cursor"), (URL, {"cursor": "a/b", "page": "1"}, "page"),
    (ENDPOINTS, {"available": "perhaps"}, "available"), (ENDPOINTS, {"technology": "a/b"},
                                                         "technology"),
    (ENDPOINTS, {"search": "a\nb"}, "search"), (ENDPOINTS, {"cursor": "x"}, "cursor")])
def test_wrong_filters(clients, http_version, url, params, field):
    invalid(clients[http_version].get(url, params=params), ("query", field))


def test_who_may(exchange, client, http_version):
    exchange.add_user("agent", "a long password", role="user")
    changes = [("POST", f"{URL}/support/members", {"interface": "PJSIP/1"}),
               ("PATCH", path_of(AGENT), {"paused": True}), ("DELETE", path_of(AGENT), None)]
    with exchange.client(http_version, signed_in=False) as user:
        user.sign_in("agent", "a long password")
        for url in (URL, f"{URL}/support", ENDPOINTS, f"{ENDPOINTS}/PJSIP%2F8001"):
            json_of(user.get(url))
            not_authenticated(user.get(url, token=None))
        for method, url, body in changes:
            assert user.request(method, url, json=body).status_code == 403
            not_authenticated(user.request(method, url, json=body, token=None))
    assert one(client)["members"][0] == IDLE


# ---- lines ----

def test_endpoints(client):
    line = {"endpoint": AGENT, "technology": "PJSIP", "resource": "8001", "backend": "mock",
            "registered": True, "available": True, "state": "not in use", "active_calls": 0}
    body = json_of(client.get(ENDPOINTS))
    assert [item["endpoint"] for item in body["endpoints"]] == [AGENT, OTHER]
    assert body["endpoints"][0] == line == json_of(client.get(f"{ENDPOINTS}/PJSIP%2F8001"))
    for params, count in (({"technology": "pjsip"}, 2), ({"technology": "SIP"}, 0),
                          ({"search": "8002"}, 1), ({"available": "true"}, 2),
                          ({"available": "false"}, 0), ({"backend": "mock"}, 2)):
        assert len(json_of(client.get(ENDPOINTS, params=params))["endpoints"]) == count, params
    refused(client.get(f"{ENDPOINTS}/PJSIP%2F1"), 404, "Endpoint not found")
    refused(client.get(ENDPOINTS, params={"backend": "other"}), 404, "There is no backend other")
    invalid(client.get(f"{ENDPOINTS}/8001"), ("path", "endpoint"))


# ---- events ----

def test_events(exchange, client):
    def changes(reader):
        return [(data["change"], data.get("member"), data.get("call_id"))
                for _, _, data in reader.events]

    with Reader(exchange, types="queue.changed") as reader:
        wait_until(lambda: reader.status == 200, 10, "the stream is open")
        json_of(client.post(f"{URL}/support/members", json={"interface": "PJSIP/8003"}), 201)
        json_of(change(client, AGENT, paused=True, penalty=2))
        json_of(change(client, AGENT, paused=False))
        json_of(client.delete(path_of("PJSIP/8003")))
        call = call_to(client, "900")
        client.delete(f"{CALLS}/{call}")
        wait_until(lambda: len(reader.events) >= 7, 10, "all of them")
        assert changes(reader) == [
            ("member_added", "PJSIP/8003", None), ("member_penalty", AGENT, None),
            ("member_paused", AGENT, None), ("member_resumed", AGENT, None),
            ("member_removed", "PJSIP/8003", None), ("caller_joined", None, call),
            ("caller_abandoned", None, call)]
        kind, _, first = reader.events[0]
        assert kind == "queue.changed"
        assert (first["backend"], first["queue"]) == ("mock", "support")
    types = json_of(client.get("/api/v2/events/types"))
    listed = [kind["type"] for kind in types["types"]]
    assert "queue.changed" in listed and "endpoint.changed" in listed


def test_no_events():
    settings = {**SETTINGS, "events": {"queues": False}}
    with Gateway(settings) as gateway, gateway.client("2") as client:
        with Reader(gateway) as reader:
            wait_until(lambda: reader.status == 200, 10, "the stream is open")
            json_of(client.post(f"{URL}/support/members", json={"interface": "PJSIP/8003"}), 201)
            call = call_to(client, "900")
            wait_until(lambda: "call.answered" in [kind for kind, _, _ in reader.events], 10,
                       "the call's events")
            assert "queue.changed" not in [kind for kind, _, _ in reader.events]
            client.delete(f"{CALLS}/{call}")


# ---- a backend that has no word for them ----

@pytest.fixture(params=[True, False], ids=["companion", "alone"])
def bare(request):
    pbx = {"plugin": "bare", "file": "bare.txt"}
    settings = {"plugins": {"path": ["plugins", str(build_dir() / "tests" / "plugins")]},
                "telephony": {"backend": "pbx"}, "backend.pbx": pbx, "backend.mock": None}
    if request.param:
        pbx["companion"] = "manager"
        settings["backend.manager"] = SETTINGS["backend.mock"]
    with Gateway(settings) as gateway:
        gateway.helped = request.param
        yield gateway


def test_who_helps(bare, http_version):
    with bare.client(http_version) as client:
        asked = [("GET", URL, None, "queues", "queues"),
                 ("GET", f"{URL}/support", None, "queues", "queues"),
                 ("PATCH", path_of(AGENT), {"paused": True}, "queues to change", "queue_change"),
                 ("GET", ENDPOINTS, None, "endpoints", "endpoints")]
        for method, url, body, what, capability in asked:
            reply = client.request(method, url, json=body)
            if bare.helped:
                assert reply.status_code == 200, reply.text
            else:
                refused(reply, 501, f"The backend pbx (bare) has no {what}, and no companion that "
                                    f"has (capability {capability})")
        if bare.helped:
            assert json_of(client.get(f"{URL}/support"))["backend"] == "manager"
            assert json_of(client.get(URL, params={"backend": "pbx"}))["queues"]
