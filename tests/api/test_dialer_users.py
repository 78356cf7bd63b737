"""GET, POST /api/users; PUT, DELETE /api/users/:id: people and programs, for admins."""
import crypt
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from dialer import done, local_time, missing, paged, refused, success
from shapes import bad_credentials
from support.gateway import Gateway
from support.waiting import wait_until

LISTED = "Users retrieved successfully"
CREATED = "User created successfully"
UPDATED = "User updated successfully"
KEYS = {"id", "username", "email", "full_name", "role", "is_active", "api_access", "last_login",
        "created_at", "updated_at"}
PASSWORD = "a long enough password"


def body(**more):
    name = "u-" + secrets.token_hex(6)
    return {"username": name, "password": PASSWORD, "email": f"{name}@example.com", **more}


def create(admin, base="/api", **more):
    return success(admin.post(base + "/users", json=body(**more)), CREATED, 201)


def listed(admin, base="/api"):
    return success(admin.get(base + "/users"), LISTED)


def check_user(user):
    assert set(user) == KEYS
    assert isinstance(user["id"], int)
    assert user["is_active"] in (0, 1) and not isinstance(user["is_active"], bool)
    assert user["api_access"] in (0, 1) and not isinstance(user["api_access"], bool)
    local_time(user["created_at"])


# ---- Creating ----

def test_create(admin, base, gateway):
    user = create(admin, base)
    check_user(user)
    assert (user["role"], user["is_active"], user["api_access"]) == ("user", 1, 1)
    assert user["full_name"] is None and user["last_login"] is None and user["updated_at"] is None
    assert PASSWORD not in gateway.log()


def test_create_with_all(admin, base):
    sent = body(full_name="Renée O'Brien <b>", role="admin", api_access=0, is_active=0,
                id=77, unknown={"x": 1})
    user = success(admin.post(base + "/users", json=sent), CREATED, 201)
    assert user["full_name"] == "Renée O'Brien <b>", "stored as given"
    assert (user["role"], user["is_active"], user["api_access"]) == ("admin", 0, 0)
    assert user["id"] != 77
    done(admin.delete(f"{base}/users/{user['id']}"), "User deleted successfully")


@pytest.mark.parametrize("flag, value", [(True, 1), (False, 0), (1, 1), (0, 0), ("1", 1), ("0", 0)])
def test_flags(admin, flag, value):
    assert create(admin, api_access=flag)["api_access"] == value


def test_stored_hash(admin, gateway):
    user = create(admin)
    [stored] = gateway.stored("users", username=user["username"])
    assert stored["password_hash"].startswith("$2b$")
    assert crypt.crypt(PASSWORD, stored["password_hash"]) == stored["password_hash"]


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[]", b"{", b"x", b'"text"', b"\xff"])
def test_nothing_sent(admin, base, content):
    missing(admin.post(base + "/users", content=content), "username", "password", "email")


@pytest.mark.parametrize("empty", ["absent", None, ""])
@pytest.mark.parametrize("name", ["username", "password", "email"])
def test_missing(admin, name, empty):
    sent = body()
    if empty == "absent":
        del sent[name]
    else:
        sent[name] = empty
    missing(admin.post("/api/users", json=sent), name)


@pytest.mark.parametrize("field, value", [
    ("username", "ab"), ("username", "x" * 51), ("username", "a b c"), ("username", "näme"),
    ("username", "a\nb"), ("username", 5), ("username", ["x"]), ("username", "a'; --"),
    ("password", "short"), ("password", "x" * 73), ("password", "ü" * 37), ("password", 12345678),
    ("email", "no address"), ("email", "a@b@c"), ("email", "@x.y"), ("email", "a\x01@x.y"),
    ("email", "x" * 250 + "@x.yz"), ("full_name", "x" * 201), ("full_name", "a\nb"),
    ("full_name", "a\u0085b"), ("full_name", {}), ("role", "king"), ("role", "Admin"), ("role", 1),
    ("is_active", 2), ("is_active", -1), ("is_active", "yes"), ("is_active", 0.5),
    ("api_access", []), ("api_access", 10),
])
def test_wrong_fields(admin, field, value):
    before = len(listed(admin))
    reply = admin.post("/api/users", json=body(**{field: value}))
    refused(reply, 400, re.compile(f"^Invalid {field}\\. "), [field])
    assert len(listed(admin)) == before


def test_wrong_role_says_which(admin):
    refused(admin.post("/api/users", json=body(role="x")), 400,
            "Invalid role. Must be: admin or user")


def test_taken(admin, base):
    user = create(admin)
    again = body(username=user["username"])
    refused(admin.post(base + "/users", json=again), 400,
            "Invalid username. already taken", ["username"])


# ---- Listing ----

def test_list(admin, base):
    made = [create(admin)["id"] for _ in range(3)]
    users = listed(admin, base)
    for user in users:
        check_user(user)
    ids = [user["id"] for user in users]
    assert ids[:3] == made[::-1], "newest first"
    assert "password" not in admin.get(base + "/users").text


def test_pages(admin, base):
    for _ in range(3):
        create(admin)
    everybody = listed(admin)
    total = len(everybody)
    seen = []
    for page in range(1, total // 2 + 2):
        data, pagination = paged(admin.get(base + "/users", params={"page": page, "per_page": 2}),
                                 LISTED)
        first = (page - 1) * 2 + 1
        assert pagination == {"total": total, "per_page": 2, "current_page": page,
                              "total_pages": (total + 1) // 2, "from": first,
                              "to": min(page * 2, total)}
        assert len(data) == max(0, min(2, total - first + 1))
        seen += data
    assert seen == everybody


@pytest.mark.parametrize("params, page, per_page", [
    ({"page": 0}, 1, 20), ({"page": -5}, 1, 20), ({"page": "x"}, 1, 20), ({"page": ""}, 1, 20),
    ({"per_page": 0}, 1, 1), ({"per_page": -1}, 1, 1), ({"per_page": 1000}, 1, 100),
    ({"per_page": "x"}, 1, 20), ({"page": "9" * 30, "per_page": 5}, 1, 5),
    ({"page": 10 ** 12}, 10 ** 9, 20),
])
def test_page_is_brought_back(admin, params, page, per_page):
    _, pagination = paged(admin.get("/api/users", params=params), LISTED)
    assert (pagination["current_page"], pagination["per_page"]) == (page, per_page)


# ---- Changing ----

def test_update(admin, base):
    user = create(admin)
    path = f"{base}/users/{user['id']}"
    name = "r-" + secrets.token_hex(6)
    changed = success(admin.put(path, json={"username": name, "email": "new@example.com",
                                            "full_name": "Full", "role": "admin", "api_access": 0,
                                            "other": 1}), UPDATED)
    check_user(changed)
    local_time(changed["updated_at"])
    assert {**changed, "updated_at": None} == {
        **user, "username": name, "email": "new@example.com", "full_name": "Full",
        "role": "admin", "api_access": 0}
    assert success(admin.put(path, json={"full_name": "", "is_active": 0}),
                   UPDATED)["full_name"] is None
    assert [one for one in listed(admin) if one["id"] == user["id"]][0]["is_active"] == 0
    done(admin.delete(path), "User deleted successfully")


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[]", b"{", b'{"x":1}',
                                     b'{"role":null}'])
def test_nothing_to_update(admin, base, content):
    user = create(admin)
    refused(admin.put(f"{base}/users/{user['id']}", content=content), 400,
            "No valid fields to update")


def test_unknown_user(admin, base):
    """Whatever is sent."""
    for sent in ({"role": "user"}, {"role": "king"}, {}, {"password": PASSWORD}):
        refused(admin.put(base + "/users/123456", json=sent), 404, "User not found")
    refused(admin.delete(base + "/users/123456"), 404, "User not found")


@pytest.mark.parametrize("field, value", [
    ("username", "a b"), ("email", "x"), ("role", "x"), ("password", "short"), ("password", ""),
    ("is_active", 2), ("api_access", "x"), ("full_name", "\t")])
def test_wrong_update(admin, field, value):
    user = create(admin)
    reply = admin.put(f"/api/users/{user['id']}", json={field: value})
    refused(reply, 400, re.compile(f"^Invalid {field}\\. "), [field])


def test_rename_to_taken(admin):
    first, second = create(admin), create(admin)
    refused(admin.put(f"/api/users/{second['id']}", json={"username": first["username"]}), 400,
            "Invalid username. already taken", ["username"])
    success(admin.put(f"/api/users/{second['id']}", json={"username": second["username"]}), UPDATED)


# ---- What a change ends ----

def test_password_ends_sign_ins(gateway, admin):
    """The token of a sign-in before is refused at once; that of one right after the change, with
    the new password, is good."""
    user = create(admin)
    with gateway.client(admin.version, signed_in=False) as own:
        old = own.sign_in(user["username"], PASSWORD)
        assert own.get("/api/v2/status/12345678").status_code == 404
        success(admin.put(f"/api/users/{user['id']}", json={"password": "another password"}),
                UPDATED)
        bad_credentials(own.get("/api/v2/status/12345678"))
        assert own.post("/api/v2/token", data={"username": user["username"], "password": PASSWORD},
                        token=None).status_code == 401
        new = own.sign_in(user["username"], "another password")
        assert new != old
        assert own.get("/api/v2/status/12345678").status_code == 404
        bad_credentials(own.get("/api/v2/status/12345678", token=old))
        success(admin.put(f"/api/users/{user['id']}", json={"full_name": "x"}), UPDATED)
        assert own.get("/api/v2/status/12345678").status_code == 404, "nothing else ends it"


def test_password_by_hand(gateway, admin):
    """Set on the command line it ends sign-ins too, and leaves opaque tokens alone."""
    user = create(admin)
    token = gateway.create_token(user["username"])
    with gateway.client(admin.version, signed_in=False) as own:
        own.sign_in(user["username"], PASSWORD)
        assert own.get("/api/v2/status/12345678").status_code == 404
        gateway.cli("user", "passwd", user["username"], stdin="another password")
        bad_credentials(own.get("/api/v2/status/12345678"))
        own.sign_in(user["username"], "another password")
        assert own.get("/api/v2/status/12345678").status_code == 404
        assert own.get("/api", token=token).status_code == 200


def test_last_login(gateway, admin, base):
    """One table for both: a sign-in for a JWT shows here, a wrong password does not."""
    user = create(admin)

    def shown():
        [found] = [one for one in listed(admin, base) if one["id"] == user["id"]]
        return found
    form = {"username": user["username"], "password": PASSWORD + "x"}
    assert admin.post("/api/v2/token", token=None, data=form).status_code == 401
    assert shown()["last_login"] is None
    form["password"] = PASSWORD
    assert admin.post("/api/v2/token", token=None, data=form).status_code == 200
    at = wait_until(lambda: shown()["last_login"], 10, "the time of the sign-in")
    assert abs(datetime.utcnow() - local_time(at)) < timedelta(seconds=30)
    assert shown()["updated_at"] is None


def test_same_name_is_not_the_same_user(gateway, admin):
    """Who is deleted, or renamed, and whoever gets the name do not share sign-ins."""
    user = create(admin)
    with gateway.client(admin.version, signed_in=False) as own:
        own.sign_in(user["username"], PASSWORD)
        assert own.get("/api/v2/status/12345678").status_code == 404
        done(admin.delete(f"/api/users/{user['id']}"), "User deleted successfully")
        bad_credentials(own.get("/api/v2/status/12345678"))
        time.sleep(1)  # times of sign-ins are in seconds
        create(admin, username=user["username"])
        bad_credentials(own.get("/api/v2/status/12345678"))
        first, second = create(admin), create(admin)
        own.sign_in(first["username"], PASSWORD)
        assert own.get("/api/v2/status/12345678").status_code == 404
        success(admin.put(f"/api/users/{first['id']}", json={"username": first["username"] + "x"}),
                UPDATED)
        success(admin.put(f"/api/users/{second['id']}", json={"username": first["username"]}),
                UPDATED)
        bad_credentials(own.get("/api/v2/status/12345678"))


@pytest.mark.parametrize("change, jwt_lives, token_lives", [
    ({"is_active": 0}, False, False), ({"api_access": 0}, True, False), ({"role": "user"}, True,
                                                                          True)])
def test_disabled(gateway, admin, base, change, jwt_lives, token_lives):
    user = create(admin, role="admin")
    token = gateway.create_token(user["username"])
    with gateway.client(admin.version, signed_in=False) as own:
        own.sign_in(user["username"], PASSWORD)

        def alive():
            opaque = own.get(base, token=token).status_code == 200
            return own.get("/api/v2/status/12345678").status_code == 404, opaque
        assert alive() == (True, True)
        assert own.get(base + "/users", token=token).status_code == 200
        success(admin.put(f"{base}/users/{user['id']}", json=change), UPDATED)
        assert alive() == (jwt_lives, token_lives)
        assert own.get(base + "/users", token=token).status_code in (401, 403)
        undo = {"is_active": 1, "api_access": 1}
        success(admin.put(f"{base}/users/{user['id']}", json=undo), UPDATED)
        assert alive() == (True, True)
    done(admin.delete(f"{base}/users/{user['id']}"), "User deleted successfully")


def test_delete(gateway, admin, base):
    user = create(admin)
    token = gateway.create_token(user["username"])
    assert admin.get(base, token=token).status_code == 200
    done(admin.delete(f"{base}/users/{user['id']}"), "User deleted successfully")
    refused(admin.get(base, token=token), 401, "Invalid or expired token")
    assert user["id"] not in [one["id"] for one in listed(admin)]
    refused(admin.delete(f"{base}/users/{user['id']}"), 404, "User not found")
    create(admin, username=user["username"])
    refused(admin.get(base, token=token), 401, "Invalid or expired token")


# ---- Roles ----

def test_users_may_not(gateway, admin, base):
    user = create(admin)
    token = gateway.create_token(user["username"])
    for method, path in (("GET", "/users"), ("POST", "/users"), ("PUT", "/users/1"),
                         ("DELETE", "/users/1"), ("DELETE", f"/users/{user['id']}")):
        refused(admin.request(method, base + path, token=token), 403, "Admin access required")


def test_last_admin():
    """It can neither be deleted, nor disabled, nor made a user; not by the command line either,
    and not when two are taken away at once."""
    with Gateway({}) as alone:
        alone.add_user("first", PASSWORD, role="admin")
        alone.add_user("other", PASSWORD)
        token = alone.create_token("first")
        with alone.client(signed_in=False) as admin:
            admin.token = token
            ids = {user["username"]: user["id"] for user in listed(admin)}
            first, other = f"/api/users/{ids['first']}", f"/api/users/{ids['other']}"
            refused(admin.delete(first), 400, "Failed to delete user", ["user"])
            for change in ({"is_active": 0}, {"role": "user"}, {"role": "user", "is_active": 1}):
                refused(admin.put(first, json=change), 400, "Failed to update user", ["user"])
            assert "last active admin" in alone.cli("user", "disable", "first", check=False).stderr
            success(admin.put(first, json={"api_access": 1, "full_name": "x"}), UPDATED)
            success(admin.put(other, json={"role": "admin", "is_active": 0}), UPDATED)
            refused(admin.delete(first), 400, "Failed to delete user")
            success(admin.put(other, json={"is_active": 1}), UPDATED)
            take_both(alone, token, [first, other])


def take_both(gateway, token, paths):
    def demote(path):
        with gateway.client(signed_in=False) as admin:
            admin.token = token
            return admin.put(path, json={"role": "user"}).status_code
    for _ in range(2):
        with ThreadPoolExecutor(2) as pool:
            statuses = sorted(pool.map(demote, paths))
        admins = gateway.stored("users", role="admin", is_active=True)
        assert len(admins) == 1, (statuses, admins)
        assert 200 in statuses and statuses[1] in (400, 403), statuses
        gateway.cli("user", "add", "helper", "--role", "admin", stdin=PASSWORD, check=False)
        helper = gateway.create_token("helper")
        with gateway.client(signed_in=False) as admin:
            admin.token = helper
            for path in paths:
                success(admin.put(path, json={"role": "admin"}), UPDATED)
            helpers = [user["id"] for user in listed(admin) if user["username"] == "helper"]
            done(admin.delete(f"/api/users/{helpers[0]}"), "User deleted successfully")
