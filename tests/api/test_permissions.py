"""Each role and each pattern of permissions against each route of the campaign-dialer API, taken
from the gateway's own document: a route that is new is tested without a change here."""
import re

import pytest
from dialer import BASES, refused, success

DENIED = "Permission denied for this endpoint"
ADMINS = "Admin access required"
# What may be in the place of names: none of it is special but the star.
ODD = [".*", "users/.*", "users/lis.", "users/lis?", "users/[a-z]+", "^users/list$", "users/list|x",
       "(users|tokens)/*", "users\\/*", "USERS/*", "users /*", "users//*", "users/", "/users/*",
       "%", "users/%", "*x", "x*", "*" * 99 + "x", "*u*s*e*r*s*x*" * 7, "a*" * 50]


def covers(pattern, name):
    """By the table of prefixes: regular expressions would take forever over some of ODD."""
    row = [True] + [False] * len(name)
    for letter in pattern:
        if letter == "*":
            row = [any(row[:end + 1]) for end in range(len(row))]
        else:
            row = [False] + [row[end] and name[end] == letter for end in range(len(name))]
    return row[-1]


def documented(document):
    """(method, path, names, admins only) of each route that takes opaque tokens."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if {"token": []} in operation["security"]:
                yield (method.upper(), path, tuple(operation.get("x-permission", ())),
                       operation.get("x-role") == "admin")


@pytest.fixture(scope="module")
def routes(gateway):
    with gateway.client(signed_in=False) as client:
        return list(documented(client.get("/openapi.json").json()))


@pytest.fixture(scope="module")
def patterns(routes):
    """The names, the groups, halves of names, and what is none of them."""
    names = {name for _, _, alternatives, _ in routes for name in alternatives}
    found = set(names) | {name.split("/")[0] + "/*" for name in names}
    found |= {"*/" + name.split("/")[1] for name in names}
    found |= {"*", "**", "*/*", "campaigns/numbers", "campaigns/*", "other/*", "users", "u*",
              "*s/l*t", "*list*"}
    return sorted(found)


@pytest.fixture(scope="module")
def makers(gateway, admin_token):
    """An unrestricted token of an admin, and of a user."""
    gateway.add_user("plain", "long enough for all")
    return {"admin": admin_token, "user": gateway.create_token("plain")}


def token_with(client, maker, permissions):
    reply = client.post("/api/tokens", json={"permissions": permissions}, token=maker)
    return success(reply, "API token created successfully", 201)["token"]


def begin_stream(client, path, token):
    """How an answer without end begins; all of it, if it is a refusal."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with client.http.stream("GET", path, headers=headers) as reply:
        if reply.status_code != 200:
            reply.read()
        return reply


def ask(client, method, path, token):
    """With ids that nothing has and a body that fits nothing, so that nothing is done."""
    path = re.sub(r"\{\w+\}", "999999999", path)
    if path.endswith("/stream"):
        return begin_stream(client, path, token)
    content = None if method in ("GET", "DELETE") else b"[]"
    return client.request(method, path, token=token, content=content,
                          headers={"Accept": "application/json"})


def judge(reply, role, permissions, names, admins_only):
    """What the answer must be for want of a permission, and only then."""
    allowed = permissions is None or not names or any(
        covers(pattern, name) for pattern in permissions for name in names)
    if admins_only and role != "admin":
        refused(reply, 403, ADMINS)
    elif not allowed:
        refused(reply, 403, DENIED)
    else:
        assert reply.status_code not in (401, 403, 405, 500), reply.text


def test_the_names(routes):
    """Every route but the index has a permission; what only admins may is users/*."""
    found = {(method, path): (names, admins) for method, path, names, admins in routes}
    assert found["GET", "/api"] == ((), False)
    assert found["GET", "/api/users"] == (("users/list",), True)
    assert found["POST", "/api/users"] == (("users/create",), True)
    assert found["PUT", "/api/users/{id}"] == (("users/update",), True)
    assert found["DELETE", "/api/users/{id}"] == (("users/delete",), True)
    assert found["GET", "/api/tokens"] == (("tokens/list",), False)
    assert found["POST", "/api/tokens"] == (("tokens/create",), False)
    assert found["DELETE", "/api/tokens/{id}"] == (("tokens/revoke",), False)
    for (method, path), (names, admins) in found.items():
        assert names or path == "/api", (method, path)
        assert all(re.fullmatch("[a-z]+/[a-z_]+", name) for name in names), names
        assert admins == path.startswith("/api/users"), path
        if "/{id}/numbers" in path and path.startswith("/api/campaigns"):
            assert names[1:] == ("campaigns/numbers",), (method, path)


@pytest.mark.parametrize("role", ["admin", "user"])
def test_each_pattern_on_each_route(gateway, http_version, routes, patterns, makers, role):
    """What one version of HTTP asks below one of the base paths, the other does below the other."""
    turn = http_version == "2"
    with gateway.client(http_version, signed_in=False) as client:
        for i, permissions in enumerate([None] + [[pattern] for pattern in patterns]):
            token = token_with(client, makers[role], permissions)
            for k, (method, path, names, admins_only) in enumerate(routes):
                base = BASES[(i + k + turn) % 2]
                reply = ask(client, method, path.replace("/api", base, 1), token)
                judge(reply, role, permissions, names, admins_only)


def test_odd_patterns(gateway, client, routes, makers):
    for pattern in ODD:
        token = token_with(client, makers["admin"], [pattern])
        for method, path, names, admins_only in routes:
            judge(ask(client, method, path, token), "admin", [pattern], names, admins_only)


def test_several(client, routes, makers):
    for permissions in (["x", "users/list", "tokens/re*"], ["a*"] * 100, ["nothing"]):
        token = token_with(client, makers["admin"], permissions)
        for method, path, names, admins_only in routes:
            judge(ask(client, method, path, token), "admin", permissions, names, admins_only)


def test_no_token_on_each_route(client, routes):
    for method, path, _, _ in routes:
        for base in BASES:
            path_here = path.replace("/api", base, 1)
            refused(ask(client, method, path_here, None), 401, "Authentication required")
            refused(ask(client, method, path_here, "f" * 64), 401, "Invalid or expired token")
            refused(ask(client, method, path_here, client.token), 401, "Invalid or expired token")


def test_demoted(gateway, client, makers):
    """A token goes by the role that its user has now."""
    gateway.add_user("riser", "long enough for all")
    token = gateway.create_token("riser", "users/list")
    users = client.get("/api/users", token=makers["admin"]).json()["data"]
    number = [user["id"] for user in users if user["username"] == "riser"][0]
    for role in ("admin", "user"):
        success(client.put(f"/api/users/{number}", json={"role": role}, token=makers["admin"]),
                "User updated successfully")
        reply = client.get("/api/users", token=token)
        assert reply.status_code == (200 if role == "admin" else 403)
    gateway.stored("users", username="riser")
    success(client.delete(f"/api/users/{number}", token=makers["admin"]),
            "User deleted successfully")
