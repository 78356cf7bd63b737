"""Contact Center API: POST /api/v2/token."""
import base64
import json
import time

import pytest
from shapes import invalid, json_of, refused
from support.gateway import Gateway

PASSWORD = "päss+word & 100 %"
LONG = "0123456789" * 7 + "xy"  # as many bytes as bcrypt reads
URL = "/api/v2/token"


@pytest.fixture(scope="module", autouse=True)
def users(gateway):
    gateway.add_user("alice", PASSWORD)
    gateway.add_user("long", LONG)
    gateway.add_user("gone", PASSWORD)
    gateway.cli("user", "disable", "gone")


def ask(client, **form):
    return client.post(URL, token=None, data=form)


def decoded(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def good_token(reply):
    body = json_of(reply)
    assert list(body) == ["access_token", "token_type"]
    assert body["token_type"] == "bearer"
    assert reply.headers["cache-control"] == "no-store"
    return body["access_token"]


def test_claims(client):
    before = int(time.time())
    header, claims, _ = good_token(ask(client, username="alice", password=PASSWORD)).split(".")
    after = int(time.time())
    assert decoded(header) == {"alg": "HS256", "typ": "JWT"}
    claims = decoded(claims)
    assert set(claims) == {"sub", "iat", "exp"}
    assert claims["sub"] == "alice"
    assert type(claims["iat"]) is int and type(claims["exp"]) is int
    assert before <= claims["iat"] <= after
    assert claims["exp"] - claims["iat"] == 30 * 60


def test_opens_the_api(client):
    token = good_token(ask(client, username="alice", password=PASSWORD))
    reply = client.get("/api/v2/status/00000000-0000-7000-8000-000000000000", token=token)
    assert reply.status_code == 404


@pytest.mark.parametrize("more", [
    {"grant_type": "password"}, {"grant_type": ""}, {"scope": "a b"}, {"scope": ""},
    {"client_id": "x", "client_secret": "y"}, {"something": "else"},
    {"grant_type": "password", "scope": "", "client_id": "", "client_secret": ""}])
def test_optional_fields(client, more):
    good_token(ask(client, username="alice", password=PASSWORD, **more))


def test_multipart(client):
    good_token(client.post(URL, token=None, files={
        "username": (None, "alice"), "password": (None, PASSWORD), "grant_type": (None, "password"),
    }))


def test_encoded_by_hand(client):
    def post(password):
        return client.post(URL, token=None, content=f"username=alice&password={password}",
                           headers={"Content-Type": "application/x-www-form-urlencoded"})
    good_token(post("p%C3%A4ss%2Bword+%26+100+%25"))
    good_token(post("p%c3%a4ss%2bword%20%26%20100%20%25"))
    assert post("p%C3%A4ss+word+%26+100+%25").status_code == 401, "a bare + is a space"


def test_longest_password(client):
    """bcrypt reads 72 bytes; what follows is cut off."""
    good_token(ask(client, username="long", password=LONG))
    good_token(ask(client, username="long", password=LONG + "z"))
    good_token(ask(client, username="long", password=LONG + "z" * 4000))
    assert ask(client, username="long", password=LONG[:-1]).status_code == 401


@pytest.mark.parametrize("username, password", [
    ("alice", "wrong"), ("alice", PASSWORD + " "), ("alice", PASSWORD[:-1]), ("alice", " "),
    ("Alice", PASSWORD), ("alice ", PASSWORD), ("nobody", PASSWORD), ("nobody", "x"),
    ("gone", PASSWORD), ("gone", "wrong"), ("x" * 255, "y" * 1000), ("' OR 1=1 --", "x")])
def test_wrong(client, username, password):
    reply = ask(client, username=username, password=password)
    refused(reply, 401, "Invalid credentials")
    assert "www-authenticate" not in reply.headers


USERNAME, SECRET = ("body", "username"), ("body", "password")


@pytest.mark.parametrize("form, locations", [
    ({}, [USERNAME, SECRET]),
    ({"username": "alice"}, [SECRET]),
    ({"password": PASSWORD}, [USERNAME]),
    ({"username": "", "password": PASSWORD}, [USERNAME]),
    ({"username": "alice", "password": ""}, [SECRET]),
    ({"username": "", "password": ""}, [USERNAME, SECRET]),
])
def test_missing(client, form, locations):
    reply = ask(client, **form)
    for problem in invalid(reply, *locations):
        assert problem["type"] == "missing" and problem["msg"] == "Field required"
    assert PASSWORD not in reply.json()


def test_password_is_not_echoed(client):
    assert PASSWORD not in ask(client, password=PASSWORD).text
    assert "secret-text" not in ask(client, username="x", password="secret-text" * 999).text


@pytest.mark.parametrize("grant", ["refresh_token", "client_credentials", "Password", " password"])
def test_other_grants(client, grant):
    invalid(ask(client, username="alice", password=PASSWORD, grant_type=grant),
            ("body", "grant_type"))


def test_json_instead_of_form(client):
    invalid(client.post(URL, token=None, json={"username": "alice", "password": PASSWORD}),
            USERNAME, SECRET)


def test_no_body(client):
    invalid(client.post(URL, token=None), USERNAME, SECRET)


@pytest.mark.parametrize("content", ["username=alice&password=%", "username=%00&password=x",
                                     "username=%ff&password=x"])
def test_malformed_form(client, content):
    invalid(client.post(URL, token=None, content=content,
                        headers={"Content-Type": "application/x-www-form-urlencoded"}), ("body",))


def test_no_get(client):
    reply = client.get(URL, token=None)
    refused(reply, 405, "Method Not Allowed")
    assert "POST" in reply.headers["allow"]


def test_counted(gateway, client):
    before = {result: gateway.metric("auth_attempts_total", result=result) or 0
              for result in ("success", "failed", "failure")}
    ask(client, username="alice", password=PASSWORD)
    ask(client, username="alice", password="wrong")
    after = {result: gateway.metric("auth_attempts_total", result=result) or 0
             for result in before}
    assert after["success"] == before["success"] + 1
    assert sum(after.values()) == sum(before.values()) + 2


class TestRate:
    """Ten in sixty seconds for each address; whatever the answer was."""

    @pytest.fixture(scope="class")
    def limited(self):
        with Gateway({"auth": {"token_rate": "10/60s", "jwt_issuer": "https://issuer.example",
                               "jwt_audience": "callers", "token_minutes": 5}}) as running:
            running.add_user("alice", PASSWORD)
            yield running

    def test_limit(self, limited, http_version):
        address = {"1.1": "127.0.0.2", "2": "127.0.0.3"}[http_version]
        client = limited.client(http_version, signed_in=False, source=address)
        with client:
            exceeded = limited.metric("rate_limit_exceeded_total", endpoint=URL) or 0
            for attempt in range(3):
                token = good_token(ask(client, username="alice", password=PASSWORD))
            for attempt in range(3):
                assert ask(client, username="alice", password="wrong").status_code == 401
            for attempt in range(3):
                assert ask(client).status_code == 422
            assert client.post(URL, token=None, json={}).status_code == 422
            for attempt in range(3):
                reply = ask(client, username="alice", password=PASSWORD)
                assert reply.status_code == 429
                assert json_of(reply, 429) == {"detail": "Too Many Requests"}
                assert 1 <= int(reply.headers["retry-after"]) <= 60
            reply = client.post(URL, token=None, data={"username": "alice", "password": PASSWORD},
                                headers={"X-Forwarded-For": "192.0.2.7", "X-Real-IP": "192.0.2.7",
                                         "Forwarded": "for=192.0.2.7"})
            assert reply.status_code == 429, "what a client says of its address does not count"
            assert limited.metric("rate_limit_exceeded_total", endpoint=URL) == exceeded + 4
            # Nothing but the token endpoint is limited.
            for attempt in range(20):
                assert client.get("/api/v2/status/12345678", token=token).status_code == 404
        with limited.client(http_version, signed_in=False, source=address[:-1] + "9") as other:
            good_token(ask(other, username="alice", password=PASSWORD))

    def test_behind_a_proxy(self, http_version):
        """Trusted proxies name the client; each client has a limit of its own."""
        settings = {"auth": {"token_rate": "2/60s"},
                    "server": {"trusted_proxies": ["127.0.0.0/30", "10.0.0.0/8"]}}
        with Gateway(settings) as gateway:
            def statuses(client, *forwarded):
                return [client.post(URL, token=None, data={"username": "x"}, headers={
                    "X-Forwarded-For": one}).status_code for one in forwarded]
            with gateway.client(http_version, signed_in=False, source="127.0.0.1") as proxy:
                assert statuses(proxy, *["192.0.2.1"] * 3) == [422, 422, 429]
                assert statuses(proxy, *["192.0.2.2"] * 3) == [422, 422, 429]
                assert statuses(proxy, "192.0.2.3, 192.0.2.1", "192.0.2.1, 10.1.2.3",
                                "[::ffff:192.0.2.2]:99") == [429, 429, 429]
                assert statuses(proxy, "192.0.2.3", "2001:db8::1") == [422, 422]
            with gateway.client(http_version, signed_in=False, source="127.0.0.9") as stranger:
                assert statuses(stranger, "192.0.2.4", "192.0.2.5", "192.0.2.6") == [422, 422, 429]
            assert "peer=192.0.2.1" in gateway.log() and "peer=192.0.2.4" not in gateway.log()

    def test_configured_claims(self, limited):
        with limited.client(signed_in=False, source="127.0.0.4") as client:
            token = good_token(ask(client, username="alice", password=PASSWORD))
            claims = decoded(token.split(".")[1])
            assert claims["iss"] == "https://issuer.example"
            assert claims["aud"] == "callers"
            assert claims["exp"] - claims["iat"] == 300
            assert client.get("/api/v2/status/12345678", token=token).status_code == 404
