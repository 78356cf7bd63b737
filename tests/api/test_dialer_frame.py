"""The frame of the campaign-dialer API: GET /api, credentials, envelopes, both base paths."""
import re

import pytest
from dialer import BASES, refused, success
from shapes import json_of
from support.client import raw

UNKNOWN = "Invalid or expired token"
NONE = "Authentication required"


def index(client, base, **options):
    return success(client.get(base, **options), None)


def test_index(admin, base):
    reply = admin.get(base)
    assert set(reply.json()) == {"success", "code", "data"}
    data = success(reply, None)
    assert data["name"] == "ARI Dialer API" and data["version"] == "1.0"
    assert set(data["user"]) == {"id", "username", "role"}
    assert isinstance(data["user"]["id"], int)
    assert (data["user"]["username"], data["user"]["role"]) == ("chief", "admin")
    assert set(data["endpoints"]) == {"campaigns", "numbers", "cdr", "monitoring", "ivr",
                                      "settings"}


def test_trailing_slash_and_head(admin, base):
    assert admin.get(base + "/").json() == admin.get(base).json()
    reply = admin.request("HEAD", base)
    assert reply.status_code == 200 and reply.content == b""
    assert reply.headers["content-length"] == str(len(admin.get(base).content))


@pytest.mark.parametrize("header, opens", [
    ("Bearer {}", True), ("Bearer\t{}", True), ("Token, Bearer {}", True), ("xBearer {} y", True),
    ("Bearer x Bearer {}", False), ("bearer {}", None), ("BEARER {}", None), ("Bearer  {}", None),
    ("Bearer{}", None), ("Bearer", None), ("{}", None), ("Basic {}", None), ("Bearer {}x", False),
])
def test_authorization(admin, base, header, opens):
    """`Bearer\\s(\\S+)`, anywhere in the header and in this case alone."""
    reply = admin.get(base, token=None, headers={"Authorization": header.format(admin.token)})
    if opens:
        success(reply, None)
    else:
        refused(reply, 401, NONE if opens is None else UNKNOWN)


def test_api_token(admin, base, gateway):
    """In the query: behind the header, and in no log."""
    index(admin, base, token=None, params={"api_token": admin.token})
    refused(admin.get(base, token=None, params={"api_token": "f" * 64}), 401, UNKNOWN)
    refused(admin.get(base, token=None, params={"api_token": ""}), 401, NONE)
    refused(admin.get(base, token="f" * 64, params={"api_token": admin.token}), 401, UNKNOWN)
    index(admin, base, token=None, params={"api_token": admin.token},
          headers={"Authorization": "bearer x"})
    for path in (f"{base}?api_token={admin.token}", f"{base}/nothing?api_token={admin.token}",
                 f"{base}?api_token={admin.token}&x=%zz", f"{base}/users?api_token={admin.token}x"):
        admin.get(path, token=None)
        admin.post(path, token=None)
    raw(gateway.address, f"GET {base}?api_token={admin.token} HTTP/1.1\r\n\r\n".encode(), 1)
    assert admin.token not in gateway.log()
    assert admin.token[8:] not in gateway.log()


@pytest.mark.parametrize("token", ["x", "f" * 63, "f" * 64, "F" * 64, "0" * 8000, "'; DROP TABLE",
                                   "%00", "ä" * 32])
def test_other_tokens(admin, base, token):
    header = {"Authorization": b"Bearer " + token.encode()}
    reply = admin.get(base, token=None, headers=header)
    refused(reply, 401, UNKNOWN)


def test_kinds_are_not_mixed(gateway, admin, client, base):
    """A JWT opens nothing here, an opaque token nothing of the contact center."""
    refused(admin.get(base, token=client.token), 401, UNKNOWN)
    reply = client.get("/api/v2/status/12345678", token=admin.token)
    assert json_of(reply, 401) == {"detail": "Could not validate credentials"}
    assert "www-authenticate" not in admin.get(base, token=None).headers


@pytest.mark.parametrize("path", ["/nothing", "/users/1/2/3", "/v3", "/settings"])
def test_unknown_path(admin, base, path):
    refused(admin.get(base + path), 404, "Not Found")
    refused(admin.get(base + path, token=None), 404, "Not Found")


def test_ids_are_digits(admin, base):
    for bad in ("x", "-1", "1x", "0x1", "1.0", "%20", "+1"):
        refused(admin.put(f"{base}/users/{bad}", json={"role": "user"}), 404, "Not Found")
        refused(admin.delete(f"{base}/tokens/{bad}"), 404, "Not Found")
    for large in ("0", "9007199254740991", "9" * 19, "9" * 40):
        refused(admin.put(f"{base}/users/{large}", json={"role": "user"}), 404, "User not found")
        refused(admin.delete(f"{base}/tokens/{large}"), 404, "Token not found")


@pytest.mark.parametrize("method, path, allow", [
    ("DELETE", "", "GET, HEAD, OPTIONS"),
    ("PUT", "/users", "GET, HEAD, POST, OPTIONS"),
    ("GET", "/users/1", "PUT, DELETE, OPTIONS"),
    ("PATCH", "/tokens", "GET, HEAD, POST, OPTIONS"),
    ("GET", "/tokens/1", "DELETE, OPTIONS"),
])
def test_wrong_method(admin, base, method, path, allow):
    reply = admin.request(method, base + path)
    refused(reply, 405, "Method Not Allowed")
    assert set(reply.headers["allow"].split(", ")) == set(allow.split(", "))


def test_cors(admin, base):
    """Any origin is named in the answer; what a page asks before has no credentials."""
    reply = admin.get(base, headers={"Origin": "https://pages.example"})
    assert reply.headers["access-control-allow-origin"] == "https://pages.example"
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert "origin" in reply.headers["vary"].lower()
    reply = admin.request("OPTIONS", base + "/users", token=None, headers={
        "Origin": "https://pages.example", "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "authorization, x-own"})
    assert reply.status_code == 200 and reply.content == b""
    assert reply.headers["access-control-allow-origin"] == "https://pages.example"
    assert reply.headers["access-control-max-age"] == "86400"
    assert reply.headers["access-control-allow-headers"] == "authorization, x-own"
    methods = set(reply.headers["access-control-allow-methods"].split(", "))
    assert {"GET", "POST", "PUT", "DELETE", "OPTIONS"} <= methods
    assert admin.request("OPTIONS", base, token=None).status_code == 200


def test_too_large(admin, base):
    refused(admin.post(base + "/users", content=b"x" * 30000), 413, re.compile("too large"))


def test_document_has_one_of_the_two(admin):
    paths = admin.get("/openapi.json").json()["paths"]
    assert "/api/users" in paths
    assert not any(path.startswith(BASES[1]) for path in paths)
