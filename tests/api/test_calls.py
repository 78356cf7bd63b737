"""Contact Center API: POST /api/v2/calls and DELETE /api/v2/calls/{call_id}."""
import fields
import pytest
from shapes import (bad_credentials, invalid, json_of, not_authenticated, placed, refused,
                    status_of)
from support.gateway import Gateway
from support.waiting import wait_until

URL = "/api/v2/calls"
NUMBER = "+1234567890"


def merge(body):
    return {"phone_number": NUMBER, **(body or {})}


@pytest.mark.parametrize("case", fields.TAKEN, ids=fields.ids(fields.TAKEN))
def test_taken(gateway, client, ended, case):
    reply = client.post(URL, json=merge(case.body))
    ended.append(placed(reply, NUMBER, case.shown.get("context", "outbound-ivr")))
    fields.check_effect(gateway, client, ended[-1], case)


@pytest.mark.parametrize("case", fields.REFUSED, ids=fields.ids(fields.REFUSED))
def test_refused(client, case):
    invalid(client.post(URL, json=merge(case.body)), ("body", *case.path))


@pytest.mark.parametrize("number", fields.NUMBERS)
def test_numbers(client, ended, number):
    ended.append(placed(client.post(URL, json={"phone_number": number}), number))


@pytest.mark.parametrize("number", [*fields.NO_NUMBERS, "", None, 1234567890, True, [NUMBER], {}],
                         ids=ascii)
def test_no_numbers(client, number):
    invalid(client.post(URL, json={"phone_number": number}), ("body", "phone_number"))


def test_number_is_missing(client):
    problem, = invalid(client.post(URL, json={"context": "sales"}), ("body", "phone_number"))
    assert problem == {"type": "missing", "loc": ["body", "phone_number"],
                       "msg": "Field required", "input": {"context": "sales"}}


@pytest.mark.parametrize("body", [None, *fields.NO_OBJECT], ids=str)
def test_no_object(client, body):
    invalid(client.post(URL, content=b"null") if body is None else client.post(URL, json=body),
            ("body",))


def test_no_body(client):
    problem, = invalid(client.post(URL), ("body",))
    assert problem["type"] == "missing"


def test_all_problems_at_once(client):
    invalid(client.post(URL, json={"priority": 0, "timeout": 0, "caller_id": ""}),
            ("body", "phone_number"), ("body", "priority"), ("body", "timeout"),
            ("body", "caller_id"))


def test_malformed_json(client):
    problem, = invalid(client.post(URL, content=b'{"phone_number":'), ("body",))
    assert problem["type"] == "json_invalid"


def test_credentials(client):
    not_authenticated(client.post(URL, token=None, json={"phone_number": NUMBER}))
    not_authenticated(client.post(URL, token=None, content=b"{"))
    bad_credentials(client.post(URL, token="a.b.c", json={}))


def test_wrong_method(client):
    for method in ("PUT", "PATCH", "DELETE"):
        reply = client.request(method, URL)
        refused(reply, 405, "Method Not Allowed")
        assert "POST" in reply.headers["allow"]


# ---- hanging up ----

def state(client, call_id):
    return status_of(client.get(f"/api/v2/status/{call_id}"))


def in_state(client, call_id, wanted):
    wait_until(lambda: state(client, call_id)["status"] == wanted, 10, wanted)


def test_hang_up_answered(client):
    call_id = placed(client.post(URL, json={"phone_number": NUMBER}), NUMBER)
    in_state(client, call_id, "answered")
    body = json_of(client.delete(f"{URL}/{call_id}"))
    assert body == {"success": True, "call_id": call_id, "message": "Call hung up"}
    in_state(client, call_id, "completed")
    refused(client.delete(f"{URL}/{call_id}"), 409, "Call has already ended")


def test_hang_up_ringing(client):
    call_id = placed(client.post(URL, json={"phone_number": "+1234567480"}), "+1234567480")
    in_state(client, call_id, "ringing")
    json_of(client.delete(f"{URL}/{call_id}"))
    in_state(client, call_id, "failed")
    assert state(client, call_id)["failure_reason"] == "Cancelled"


def test_hang_up_unknown(client):
    refused(client.delete(f"{URL}/00000000-0000-7000-8000-000000000000"), 404, "Call not found")
    invalid(client.delete(f"{URL}/1234567"), ("path", "call_id"))
    not_authenticated(client.delete(f"{URL}/12345678", token=None))


# ---- limits and refusals ----

def test_too_many(http_version):
    settings = {"calls": {"max_active": 3},
                "backend.mock": {"ring_ms": 10, "answer_ms": 10, "talk_ms": 0}}
    with Gateway(settings) as gateway, gateway.client(http_version) as client:
        calls = [placed(client.post(URL, json={"phone_number": NUMBER}), NUMBER)
                 for _ in range(3)]
        reply = client.post(URL, json={"phone_number": NUMBER})
        refused(reply, 429, "Too many active calls")
        assert int(reply.headers["retry-after"]) >= 1
        in_state(client, calls[0], "answered")
        json_of(client.delete(f"{URL}/{calls[0]}"))
        in_state(client, calls[0], "completed")
        placed(client.post(URL, json={"phone_number": NUMBER}), NUMBER)
