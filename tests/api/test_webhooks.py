"""/api/v2/webhooks: events as HTTP requests, to receivers that are good, slow, dead or false."""
import json
import time

import pytest
from support import receiver
from support.gateway import free_port
from support.receiver import Receiver, signature_fits
from support.waiting import wait_until
from test_call_message import MENU, SETTINGS
from test_call_message import place as place_to

QUICK = {"plugin": "mock", "ring_ms": 20, "answer_ms": 40, "talk_ms": 100, "hangup_ms": 20}
HASTY = {"allow_private": True, "timeout": "1s", "max_attempts": 3, "retry_min": "200ms",
         "retry_max": "400ms"}


@pytest.fixture(scope="module")
def gateway():
    from support.gateway import Gateway
    with Gateway({"backend.mock": QUICK, "webhooks": HASTY}) as running:
        running.client().close()
        yield running


@pytest.fixture
def client(gateway, http_version):
    with gateway.client(http_version) as opened:
        yield opened


@pytest.fixture
def hook(client):
    """Creates webhooks, which are deleted after the test."""
    made = []

    def create(url, **more):
        reply = client.post("/api/v2/webhooks", json={"url": url, **more})
        assert reply.status_code == 201, reply.text
        made.append(reply.json()["id"])
        return reply.json()
    yield create
    for name in made:
        client.delete(f"/api/v2/webhooks/{name}")


def place(client):
    reply = client.post("/api/v2/calls", json={"phone_number": "+15550123"})
    assert reply.status_code == 200, reply.text
    return reply.json()["call_id"]


def deliveries(client, name, **params):
    reply = client.get(f"/api/v2/webhooks/{name}/deliveries", params=params)
    assert reply.status_code == 200, reply.text
    return reply.json()["deliveries"]


def await_deliveries(client, name, count, state, seconds=40):
    wait_until(lambda: len(deliveries(client, name, state=state)) >= count, seconds,
               f"{count} {state} deliveries")
    return deliveries(client, name, state=state)


def test_create_change_delete(client):
    body = {"url": "https://example.com/a?b=c", "types": ["call.*", "link.up"],
            "description": "CRM", "active": False}
    made = client.post("/api/v2/webhooks", json=body)
    assert made.status_code == 201
    made = made.json()
    assert len(made["secret"]) == 48 and {key: made[key] for key in body} == body
    path = f"/api/v2/webhooks/{made['id']}"
    shown = client.get(path).json()
    assert shown == {key: item for key, item in made.items() if key != "secret"}
    assert shown in client.get("/api/v2/webhooks").json()["webhooks"]
    changed = client.put(path, json={"description": "other", "types": []}).json()
    assert changed["description"] == "other" and changed["url"] == body["url"]
    assert "secret" not in changed and changed["types"] == ["*"]
    assert client.delete(path).status_code == 204
    for method in ("get", "delete"):
        assert getattr(client, method)(path).status_code == 404
    assert client.put(path, json={}).status_code == 404


@pytest.mark.parametrize("field, value", [
    ("url", "ftp://example.com/"), ("url", "https://"), ("url", "file:///etc/passwd"),
    ("url", "https://user:secret@example.com/"), ("url", "https://a b/"), ("url", 7),
    ("types", "call.ended"), ("types", ["call.nonsense"]), ("types", ["call.ended,link.up"]),
    ("types", ["call.*"] * 41), ("secret", "short"), ("secret", "with a\nline break in it"),
    ("active", "perhaps"), ("description", "x" * 201)])
def test_wrong_fields(client, field, value):
    reply = client.post("/api/v2/webhooks", json={"url": "https://example.com/", field: value})
    assert reply.status_code == 422, reply.text
    assert reply.json()["detail"][0]["loc"][:2] == ["body", field]


def test_admins_only(gateway, client, http_version):
    gateway.add_user(f"plain{http_version}", "a long password", role="user")
    with gateway.client(http_version, signed_in=False) as plain:
        plain.sign_in(f"plain{http_version}", "a long password")
        asked = [("GET", ""), ("POST", ""), ("GET", "/1"), ("PUT", "/1"), ("DELETE", "/1"),
                 ("GET", "/1/deliveries"), ("POST", "/1/deliveries/x/resend")]
        for method, path in asked:
            assert plain.request(method, "/api/v2/webhooks" + path).status_code == 403
            assert plain.request(method, "/api/v2/webhooks" + path,
                                 token=None).status_code == 401


def test_delivery(client, hook):
    with Receiver() as good:
        made = hook(good.url, types=["call.answered", "call.ended"])
        call_id = place(client)
        wait_until(lambda: len(good.requests) >= 2, 40, "two requests")
        done = await_deliveries(client, made["id"], 2, "delivered")
    told = {}
    for path, headers, body in good.requests:
        event = json.loads(body)
        assert path == "/hook" and event["call_id"] == call_id
        assert signature_fits(made["secret"], headers, body)
        assert not signature_fits("another secret", headers, body)
        assert not signature_fits(made["secret"], headers, body + b" ")
        assert abs(int(headers["X-Dialgate-Timestamp"]) - time.time()) < 60
        assert headers["X-Dialgate-Event"] == event["type"]
        assert headers["X-Dialgate-Event-Id"] == event["id"]
        told[headers["X-Dialgate-Delivery-Id"]] = event
    assert {event["type"] for event in told.values()} == {"call.answered", "call.ended"}
    assert {entry["id"]: entry["event"] for entry in done} == told
    assert all(entry["last_status"] == 200 and entry["attempts"] == 1 for entry in done)


def test_calls_that_are_led(start_gateway):
    """Each step of a caller in a menu, who has answered, what became of a message; and with the end
    all of it."""
    gateway = start_gateway({"backend.mock": SETTINGS["backend.mock"], "webhooks": HASTY})
    gateway.cli("import", stdin=json.dumps(
        {"collection": "ivr_menus", "id": "1", "version": 1, "doc": MENU}) + "\n")
    with Receiver() as good, gateway.client() as client:
        types = ["call.ivr", "call.amd", "call.message", "call.ended"]
        made = client.post("/api/v2/webhooks", json={"url": good.url, "types": types}).json()
        menu = place_to(client, "911", ivr_menu=1)
        machine = place_to(client, "622", audio="welcome", amd=True, machine_message="call-us")
        await_deliveries(client, made["id"], 8, "delivered")
    assert all(signature_fits(made["secret"], headers, body) for _, headers, body in good.requests)
    told = [json.loads(body) for _, _, body in good.requests]

    def of(call, kind, member):
        return [event[member] for event in told
                if (event["call_id"], event["type"]) == (call, kind)]

    def same(marks, path):  # deliveries may overtake one another
        return sorted(map(json.dumps, marks)) == sorted(map(json.dumps, path))
    [over] = of(menu, "call.ended", "call")
    assert [mark["event"] for mark in over["ivr"]["path"]] == ["menu", "choice", "end"]
    assert (over["ivr"]["menu"], over["ivr"]["keys"], over["ivr"]["result"]) == (1, "1", "hangup")
    assert same(of(menu, "call.ivr", "ivr"), over["ivr"]["path"])
    assert not of(menu, "call.amd", "amd") and "amd" not in over and "message" not in over
    [over] = of(machine, "call.ended", "call")
    assert of(machine, "call.amd", "amd") == [over["amd"]] and over["amd"]["result"] == "machine"
    assert (over["message"]["to"], over["message"]["result"]) == ("machine", "played")
    assert same(of(machine, "call.message", "message"), over["message"]["path"])
    assert len(told) == 8 and "ivr" not in over


def test_failures_end_dead_and_are_sent_again(client, hook):
    with Receiver(answer=500) as bad:
        made = hook(bad.url, types=["call.ended"], secret="of our own choosing")
        assert made["secret"] == "of our own choosing"
        place(client)
        dead, = await_deliveries(client, made["id"], 1, "dead")
        assert dead["attempts"] == 3 and dead["last_status"] == 500
        assert dead["last_error"] == "answered 500" and len(bad.requests) == 3
        attempts = [headers["X-Dialgate-Attempt"] for _, headers, _ in bad.requests]
        assert attempts == ["1", "2", "3"]
        bad.answer = 204
        path = f"/api/v2/webhooks/{made['id']}/deliveries/{dead['id']}/resend"
        assert client.post(path).status_code == 202
        done, = await_deliveries(client, made["id"], 1, "delivered")
        assert done["id"] == dead["id"] and done["last_error"] is None
        assert signature_fits("of our own choosing", *bad.requests[3][1:])
    nobody = f"/api/v2/webhooks/{made['id']}/deliveries/nobody/resend"
    assert client.post(nobody).status_code == 404


@pytest.mark.parametrize("kind", ["slow", "dead", "redirecting", "reset"])
def test_bad_receivers(client, hook, kind):
    """They end dead, and a good one beside them is told at once."""
    with Receiver() as good, Receiver() as bad, Receiver() as elsewhere:
        bad.answer = {"slow": receiver.slow, "redirecting": receiver.redirecting(elsewhere.url),
                      "reset": lambda handler: handler.connection.close()}.get(kind, 200)
        url = f"http://127.0.0.1:{free_port()}/" if kind == "dead" else bad.url
        false = hook(url, types=["call.ended"])
        true = hook(good.url, types=["call.ended"])
        for _ in range(3):
            place(client)
        await_deliveries(client, true["id"], 3, "delivered")
        dead = await_deliveries(client, false["id"], 3, "dead", 90)
        assert not elsewhere.requests
        if kind == "redirecting":
            assert dead[0]["last_status"] == 302
        else:
            assert dead[0]["last_status"] is None and dead[0]["last_error"]


def test_an_endless_answer(client, hook):
    """What follows a good status is thrown away."""
    with Receiver(answer=receiver.endless) as rude:
        made = hook(rude.url, types=["call.ended"])
        place(client)
        assert await_deliveries(client, made["id"], 1, "delivered")[0]["attempts"] == 1


def test_not_when_inactive(client, hook):
    with Receiver() as good:
        made = hook(good.url, types=["call.ended"], active=False)
        beside = hook(good.url + "/beside", types=["call.ended"])
        place(client)
        await_deliveries(client, beside["id"], 1, "delivered")
        assert not deliveries(client, made["id"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0x7f.1", "2130706433",
                                  "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254"])
def test_private_addresses(start_private, host):
    """Whatever the name, what counts is the address that it leads to."""
    gateway, good = start_private
    with gateway.client() as client:
        made = client.post("/api/v2/webhooks", json={
            "url": f"http://{host}:{good.port}/", "types": ["call.ended"]}).json()
        place(client)
        dead, = await_deliveries(client, made["id"], 1, "dead")
        assert "its address is private" in dead["last_error"]
        assert not good.requests
        client.delete(f"/api/v2/webhooks/{made['id']}")


@pytest.fixture(scope="module")
def start_private():
    from support.gateway import Gateway
    settings = {"backend.mock": QUICK, "webhooks": {**HASTY, "allow_private": None,
                                                    "max_attempts": 1}}
    with Receiver() as good, Gateway(settings) as running:
        running.client().close()
        yield running, good


def test_restart_and_backlog(start_gateway):
    """What waits survives a kill; what is too much is dropped and counted."""
    gateway = start_gateway({"backend.mock": QUICK,
                             "webhooks": {**HASTY, "max_attempts": 1000, "max_pending": 3}})
    with Receiver(answer=503) as bad:
        with gateway.client() as client:
            made = client.post("/api/v2/webhooks",
                               json={"url": bad.url, "types": ["call.ended"]}).json()
            for _ in range(6):
                place(client)
            wait_until(lambda: gateway.metric("dialgate_webhook_dropped_total", reason="full") == 3,
                       40, "three are dropped")
            waiting = await_deliveries(client, made["id"], 3, "pending")
        gateway.kill()
        bad.answer = 200
        gateway.start()
        with gateway.client() as client:
            done = await_deliveries(client, made["id"], 3, "delivered", 60)
            assert {entry["id"] for entry in done} == {entry["id"] for entry in waiting}
            assert signature_fits(made["secret"], *bad.requests[-1][1:])
