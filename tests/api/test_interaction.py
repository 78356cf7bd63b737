"""Contact Center API: POST /api/v2/interaction/{number}."""
from urllib.parse import quote

import fields
import pytest
from shapes import (bad_credentials, invalid, json_of, not_authenticated, placed, refused,
                    status_of)

NUMBER = "+1234567890"


def url(number):
    return f"/api/v2/interaction/{quote(number, safe='+')}"


def test_no_body(client, ended):
    ended.append(placed(client.post(url(NUMBER)), NUMBER))


@pytest.mark.parametrize("content", [b"", b"null", b"{}", b" {} \n"])
def test_empty_bodies(client, ended, content):
    ended.append(placed(client.post(url(NUMBER), content=content,
                                    headers={"Content-Type": "application/json"}), NUMBER))


@pytest.mark.parametrize("case", fields.TAKEN, ids=fields.ids(fields.TAKEN))
def test_taken(gateway, client, ended, case):
    reply = client.post(url(NUMBER), json=case.body)
    ended.append(placed(reply, NUMBER, case.shown.get("context", "outbound-ivr")))
    fields.check_effect(gateway, client, ended[-1], case)


@pytest.mark.parametrize("case", fields.REFUSED, ids=fields.ids(fields.REFUSED))
def test_refused(client, case):
    invalid(client.post(url(NUMBER), json=case.body), ("body", *case.path))


@pytest.mark.parametrize("body", fields.NO_OBJECT, ids=str)
def test_no_object(client, body):
    invalid(client.post(url(NUMBER), json=body), ("body",))


def test_all_problems_at_once(client):
    invalid(client.post(url("12"), json={"context": "", "priority": 0, "variables": {"a": 1}}),
            ("path", "number"), ("body", "context"), ("body", "priority"),
            ("body", "variables", "a"))


@pytest.mark.parametrize("number", fields.NUMBERS)
def test_numbers(client, ended, number):
    ended.append(placed(client.post(url(number)), number))


@pytest.mark.parametrize("number", fields.NO_NUMBERS, ids=ascii)
def test_no_numbers(client, number):
    if "\n" in number:  # a control character in a path is no path
        assert client.post(url(number)).status_code in (400, 422)
    else:
        invalid(client.post(url(number)), ("path", "number"))


def test_plus_is_a_plus(client, ended):
    for written in ("+1234567890", "%2B1234567890", "%2b1234567890", "%2B%31234567890"):
        ended.append(placed(client.post(f"/api/v2/interaction/{written}"), NUMBER))


def test_space_is_no_plus(client):
    invalid(client.post("/api/v2/interaction/%201234567890"), ("path", "number"))


def test_empty_number(client):
    assert client.post("/api/v2/interaction/").status_code in (404, 422)


def test_query_is_ignored(client, ended):
    ended.append(placed(client.post(url(NUMBER) + "?context=other&timeout=0"), NUMBER))


def test_without_credentials(client):
    not_authenticated(client.post(url(NUMBER), token=None))
    for header in ("", "Bearer", "Basic dXNlcjpwYXNz", client.token, "Token x"):
        not_authenticated(client.post(url(NUMBER), token=None, headers={"Authorization": header}))


def test_bad_credentials(client):
    for token in ("x", "a.b.c", client.token[:-2], client.token + "A", "f" * 64):
        bad_credentials(client.post(url(NUMBER), token=token))


def test_scheme_in_any_case(client, ended):
    for scheme in ("Bearer", "bearer", "BEARER"):
        reply = client.post(url(NUMBER), token=None,
                            headers={"Authorization": f"{scheme} {client.token}"})
        ended.append(placed(reply, NUMBER))


def test_credentials_before_validation(client):
    not_authenticated(client.post(url("12"), token=None, json={"context": ""}))
    bad_credentials(client.post(url("12"), token="x.y.z", content=b"{"))


@pytest.mark.parametrize("content", [b"{", b"{]", b"nonsense", b"{'a':1}", b'{"a":1} {"b":2}',
                                     b'{"context":"\xff"}', b"\x00", b'{"context":"a\\u0000"}'])
def test_malformed_json(client, content):
    problem, = invalid(client.post(url(NUMBER), content=content,
                                   headers={"Content-Type": "application/json"}), ("body",))
    assert problem["type"] == "json_invalid"


def test_wrong_method(client):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        reply = client.request(method, url(NUMBER))
        refused(reply, 405, "Method Not Allowed")
        assert "POST" in reply.headers["allow"]
    assert client.get(f"{url(NUMBER)}/status").status_code == 404, "that one is a call's status"


def test_every_call_is_its_own(client, ended):
    ended += [placed(client.post(url(NUMBER)), NUMBER) for _ in range(5)]
    assert len(set(ended)) == 5
    assert ended == sorted(ended), "ids are ordered by time"
    for call_id in ended:
        assert status_of(client.get(f"/api/v2/status/{call_id}"))["phone_number"] == NUMBER


def test_recorded_before_the_answer(gateway, client, ended):
    ended.append(placed(client.post(url(NUMBER)), NUMBER))
    record, = gateway.stored("calls", id=ended[-1])
    assert record["phone_number"] == NUMBER
    assert record["api"] == "contact-center"
    assert record["user"] == "tester"
    assert record["mock"] is True


def test_status_of_the_answer(client, ended):
    body = json_of(client.post(url(NUMBER)))
    ended.append(body["call_id"])
    assert body["status"] == "dialing", "the backend has taken it"
