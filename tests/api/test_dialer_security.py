"""What a client of the campaign-dialer API must not reach: fields that are not its own, rights that
it was not given, other people's text as anything but text, secrets in answers and logs."""
import secrets
import string

import pytest
from dialer import BASES, done, local_time, refused, success
from shapes import bad_credentials, json_of
from support.client import raw
from support.gateway import Gateway

PASSWORD = "a long enough password"
CREATED = "User created successfully"
UPDATED = "User updated successfully"
DELETED = "User deleted successfully"
MADE = "API token created successfully"
UNKNOWN = "Invalid or expired token"
ADMINS = "Admin access required"
# What could be read as more than text by what lies behind: SQL, patterns, JSON, HTML, a terminal.
TEXTS = ["'; DROP TABLE tokens; --", "' OR '1'='1", "%", "_", "a%b_c", "\\", "\"", "\\\"", "$1", "*",
         "{}", "[\"*\"]", "null", "<script>x</script>", "&amp;", "@now", "@now-5", "‮abc", "ﬀ",
         "\u200b", "\u2028", "😀" * 10, "é", "é", " ", "  x  "]
# What the gateway keeps of a user, or of a token, and nobody may set.
INTERNAL_USER = {"id": 1, "password_hash": "$2b$04$" + "a" * 53, "created_at": 1, "updated_at": 1,
                 "last_login": 1, "signed_in_since": 1, "version": 1, "phone_extension": "100",
                 "is_superuser": True, "hashed_password": "x", "constructor": {}, "__proto__": {}}
INTERNAL_TOKEN = {"id": 1, "user_id": 1, "token": "f" * 64, "digest": "e" * 64, "is_active": False,
                  "last_used": "2001-01-01 00:00:00", "created_at": 1, "scopes": ["*"],
                  "role": "admin"}


def make_user(admin, **more):
    name = "s-" + secrets.token_hex(6)
    sent = {"username": name, "password": PASSWORD, "email": f"{name}@example.com", **more}
    return success(admin.post("/api/users", json=sent), CREATED, 201)


def make_token(client, token=..., **sent):
    return success(client.post("/api/tokens", json=sent, token=token), MADE, 201)["token"]


def tokens_of(client, token=...):
    return success(client.get("/api/tokens", token=token), "API tokens retrieved successfully")


def record_of(gateway, collection, **fields):
    [found] = gateway.stored(collection, **fields)
    return found


@pytest.fixture
def other(gateway, admin):
    """(user, token) of a second admin."""
    user = make_user(admin, role="admin")
    yield user, gateway.create_token(user["username"])
    admin.delete(f"/api/users/{user['id']}")


# ---- Fields that are not the client's ----

def test_internal_fields_of_users(gateway, admin):
    user = make_user(admin, **INTERNAL_USER)
    kept = record_of(gateway, "users", username=user["username"])
    assert kept["id"] != 1 and kept["created_at"] > 1e12 and not kept["signed_in_since"]
    assert kept["phone_extension"] is None and not kept["last_login"]
    assert not set(kept) & {"is_superuser", "hashed_password", "constructor", "__proto__"}
    path = f"/api/users/{user['id']}"
    refused(admin.put(path, json=INTERNAL_USER), 400, "No valid fields to update")
    success(admin.put(path, json={**INTERNAL_USER, "full_name": "x"}), UPDATED)
    after = record_of(gateway, "users", username=user["username"])
    changed = {key for key in kept if kept[key] != after[key]}
    assert changed == {"full_name", "updated_at"} and after["updated_at"] > 1e12
    assert set(after) == set(kept)


def test_internal_fields_of_tokens(gateway, admin):
    token = success(admin.post("/api/tokens", json=INTERNAL_TOKEN), MADE, 201)["token"]
    assert token != "f" * 64
    shown = tokens_of(admin)[0]
    assert shown["token"].startswith(token[:8]) and shown["is_active"] == 1
    assert shown["permissions"] is None and shown["last_used"] is None
    assert shown["user_id"] == success(admin.get("/api"), None)["user"]["id"]
    local_time(shown["created_at"])
    assert not gateway.stored("tokens", digest="e" * 64)


@pytest.mark.parametrize("sent", [
    b'{"role":"user","role":"admin","full_name":"x"}', b'{"role":"admin"', b'{"full_name":"\\u0000"}',
    b'{"full_name":"\\ud800"}', b'{"full_name":"\xff"}', b'\xef\xbb\xbf{"full_name":"x"}',
    b"[" * 5000, b'{"a":' * 2000, b"role=admin", b'{"full_name":"x"} {}'])
def test_unreadable_bodies(admin, sent):
    user = make_user(admin)
    reply = admin.put(f"/api/users/{user['id']}", content=sent)
    refused(reply, 400, "No valid fields to update")


# ---- Rights that were not given ----

def test_nobody_raises_himself(gateway, admin, base):
    user = make_user(admin)
    token = gateway.create_token(user["username"])
    for change in ({"role": "admin"}, {"password": "another password"}, {"api_access": 1}):
        refused(admin.put(f"{base}/users/{user['id']}", json=change, token=token), 403, ADMINS)
    refused(admin.delete(f"{base}/users/{user['id']}", token=token), 403, ADMINS)
    refused(admin.post(base + "/users", json={}, token=token), 403, ADMINS)
    wide = make_token(admin, token, permissions=["*", "users/*"])
    refused(admin.get(base + "/users", token=wide), 403, ADMINS)


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-Method-Override", "X-HTTP-Method"])
def test_methods_are_not_overridden(admin, header, other):
    path = f"/api/users/{other[0]['id']}"
    reply = admin.post(path + "?_method=DELETE", headers={header: "DELETE"})
    refused(reply, 405, "Method Not Allowed")
    assert admin.put(path, json={"full_name": "still there"}).status_code == 200


def test_head_and_options_give_nothing_away(gateway, admin, base):
    token = make_token(admin, permissions=["cdr/*"])
    for path, wanted, status in ((base + "/users", token, 403), (base + "/tokens", token, 403),
                                 (base + "/users", None, 401), (base + "/users", "f" * 64, 401),
                                 (base, token, 200)):
        reply = admin.request("HEAD", path, token=wanted)
        assert (reply.status_code, reply.content) == (status, b"")
        asked = admin.get(path, token=wanted)
        assert reply.headers["content-length"] == str(len(asked.content))
    for wanted in (None, token, "f" * 64):
        reply = admin.request("OPTIONS", base + "/users", token=wanted)
        assert (reply.status_code, reply.content) == (200, b"")


def test_of_a_restricted_token_only_its_own_rights(gateway, admin, other):
    """Also where its user is an admin."""
    narrow = make_token(admin, other[1], permissions=["users/list", "tokens/create", "tokens/list"])
    user = make_user(admin)
    denied = "Permission denied for this endpoint"
    assert admin.get("/api/users", token=narrow).status_code == 200
    for reply in (admin.put(f"/api/users/{user['id']}", json={"role": "admin"}, token=narrow),
                  admin.delete(f"/api/users/{user['id']}", token=narrow),
                  admin.post("/api/users", json={}, token=narrow),
                  admin.delete(f"/api/tokens/{tokens_of(admin)[0]['id']}", token=narrow)):
        refused(reply, 403, denied)
    child = make_token(admin, narrow)
    refused(admin.post("/api/users", json={}, token=child), 403, denied)


# ---- Oneself ----

def test_an_admin_deletes_himself(admin, other, base):
    user, token = other
    path = f"{base}/users/{user['id']}"
    done(admin.delete(path, token=token), DELETED)
    refused(admin.get(base, token=token), 401, UNKNOWN)
    refused(admin.delete(path), 404, "User not found")


@pytest.mark.parametrize("change, status, message", [
    ({"role": "user"}, 403, ADMINS), ({"is_active": 0}, 401, UNKNOWN),
    ({"api_access": 0}, 401, UNKNOWN)])
def test_an_admin_resigns(admin, other, change, status, message):
    user, token = other
    path = f"/api/users/{user['id']}"
    success(admin.put(path, json=change, token=token), UPDATED)
    for undo in ({"role": "admin"}, {"is_active": 1, "api_access": 1}):
        refused(admin.put(path, json=undo, token=token), status, message)


def test_an_admin_renames_himself(admin, other):
    """His tokens stay his; what he had signed in for does not."""
    user, token = other
    jwt = json_of(admin.post("/api/v2/token", token=None, data={
        "username": user["username"], "password": PASSWORD}))["access_token"]
    name = user["username"] + "-2"
    success(admin.put(f"/api/users/{user['id']}", json={"username": name}, token=token), UPDATED)
    assert success(admin.get("/api", token=token), None)["user"]["username"] == name
    bad_credentials(admin.get("/api/v2/status/12345678", token=jwt))


# ---- Text that stays text ----

@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_names_of_tokens(admin, text):
    make_token(admin, name=text, permissions=[text])
    shown = tokens_of(admin)[0]
    assert (shown["name"], shown["permissions"]) == (text, [text])


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_full_names(admin, text):
    user = make_user(admin, full_name=text)
    assert user["full_name"] == text
    users = success(admin.get("/api/users"), "Users retrieved successfully")
    assert [one["full_name"] for one in users if one["id"] == user["id"]] == [text]


def test_emails(admin):
    for email in ("o'brien@example.com", "a%_b@example.com", "żółw@example.com", "\"a\"@b"):
        assert make_user(admin, email=email)["email"] == email


def test_names_that_only_look_alike(admin):
    """Names are compared as they are: neither case nor _ stands for another letter."""
    stem = "l_k-" + secrets.token_hex(6)
    names = [stem, stem.upper(), stem.replace("_", "x"), stem + "."]
    ids = {make_user(admin, username=name)["id"] for name in names}
    assert len(ids) == len(names)
    refused(admin.post("/api/users", json={"username": stem, "password": PASSWORD,
                                           "email": "a@b.c"}), 400,
            "Invalid username. already taken", ["username"])


@pytest.mark.parametrize("letter", ["\u200b", "ａ", "а", "é", "\u0301", "%", "'", "*", "/", "\\", " "],
                         ids=ascii)
def test_letters_of_usernames(admin, letter):
    reply = admin.post("/api/users", json={"username": f"abc{letter}", "password": PASSWORD,
                                           "email": "a@b.c"})
    errors = refused(reply, 400, "Invalid username. String should match pattern "
                     "'^[A-Za-z0-9._@-]+$'")
    assert list(errors) == ["username"]


@pytest.mark.parametrize("field, length", [("full_name", 200), ("email", 254), ("name", 100)])
def test_lengths_are_bytes_of_what_is_stored(admin, field, length):
    """Whoever is over is told which field; nothing is cut."""
    tail = "@example.com" if field == "email" else ""
    path, more = ("/api/tokens", {}) if field == "name" else ("/api/users", {
        "username": "b-" + secrets.token_hex(6), "password": PASSWORD, "email": "a@b.c"})
    for letter in ("x", "é", "😀"):
        room = (length - len(tail)) // len(letter.encode())
        over = admin.post(path, json={**more, field: letter * (room + 1) + tail})
        refused(over, 400, over.json()["message"], [field])
        assert over.json()["message"].startswith(f"Invalid {field}. ")
    fits = admin.post(path, json={**more, field: letter * room + tail})
    assert fits.status_code == 201, fits.text


# ---- Secrets ----

def test_passwords_are_not_sent_back(gateway, admin):
    password = "short"
    for sent in ({"password": password}, {"password": "x" * 73 + password},
                 {"password": [password]}, {"username": "a b", "password": PASSWORD + password}):
        reply = admin.post("/api/users", json={"username": "abc", "email": "a@b.c", **sent})
        assert reply.status_code == 400 and password not in reply.text
    user = make_user(admin)
    reply = admin.put(f"/api/users/{user['id']}", json={"password": PASSWORD + "2"})
    assert PASSWORD not in reply.text and "$2b$" not in reply.text
    assert "$2b$" not in admin.get("/api/users").text
    assert PASSWORD not in gateway.log() and "$2b$" not in gateway.log()


def test_answers_are_not_kept(admin, base):
    """Nothing on the way may keep what was asked for with a token, least of all by its address."""
    for reply in (admin.get(base), admin.get(base + "/users"), admin.get(base + "/tokens"),
                  admin.get(base, token=None, params={"api_token": admin.token})):
        assert reply.status_code == 200
        assert reply.headers["cache-control"] == "no-store"


def test_no_token_in_logs_and_metrics(gateway, admin, base):
    """However it is written, wherever it stands, whatever the answer is."""
    token = make_token(admin)
    queries = [f"api_token={token}", f"api%5Ftoken={token}", f"%61pi_token={token}", f"x={token}",
               f"api_token={token}&api_token={token}", f"API_TOKEN={token}",
               f"api_token={token}&page=%ff", f"&&api_token={token}#f", token]
    for query in queries:
        for path in (base, base + "/", base + "/tokens", base + "/nothing", "/nothing", "/health",
                     "/api/v2/calls", base + "/users/x"):
            admin.get(f"{path}?{query}", token=None, headers={"Referer": f"http://x/?{query}"})
            admin.post(f"{path}?{query}", token=None, content=b"{")
    raw(gateway.address, f"GET {base}?api_token={token} HTTP/1.1\r\nHost: x\r\nBad header\r\n\r\n"
        .encode(), 1)
    raw(gateway.address, f"GET {base}?api_token={token} {token} HTTP/1.1\r\nHost: x\r\n\r\n"
        .encode(), 1)
    raw(gateway.address, f"GET http://x{base}?api_token={token} HTTP/1.1\r\nHost: x\r\n"
        "Connection: close\r\n\r\n".encode(), 5)
    admin.get(base, token=token)
    admin.get(base, token=None, headers={"Authorization": f"Basic {token}"})
    for text in (gateway.log(), gateway.metrics()):
        assert token not in text and token[8:-8] not in text


def test_guesses_are_all_alike(admin, base):
    """A token that was revoked, has never been, or differs in one letter: the same answer."""
    token = make_token(admin)
    number = tokens_of(admin)[0]["id"]
    done(admin.delete(f"{base}/tokens/{number}"), "API token revoked successfully")
    last = "0" if admin.token[-1] != "0" else "1"
    answers = {admin.get(base, token=guess).text
               for guess in (token, "f" * 64, admin.token[:-1] + last, admin.token.upper(),
                             admin.token[:-1], admin.token + "0", admin.token[::-1])}
    assert len(answers) == 1


# ---- Numbers are not given twice ----

def test_a_number_is_not_given_again():
    """What is left of a deleted user is not the next one's, not behind a restart either."""
    with Gateway({}) as gateway:
        gateway.add_user("chief", PASSWORD, role="admin")
        chief = gateway.create_token("chief")
        with gateway.client(signed_in=False) as admin:
            admin.token = chief
            first = make_user(admin)
            token = gateway.create_token(first["username"])
            done(admin.delete(f"/api/users/{first['id']}"), DELETED)
        gateway.stop()
        gateway.start()
        with gateway.client(signed_in=False) as admin:
            admin.token = chief
            second = make_user(admin, username=first["username"])
            assert second["id"] > first["id"]
            refused(admin.get("/api", token=token), 401, UNKNOWN)
            make_token(admin, gateway.create_token(second["username"]))
            refused(admin.get("/api", token=token), 401, UNKNOWN)


# ---- Tokens cannot be guessed ----

def test_tokens_are_random(admin):
    made = {make_token(admin) for _ in range(32)}
    assert len(made) == 32
    for place in range(0, 64, 7):
        assert len({token[place] for token in made}) > 4
    assert set("".join(made)) == set(string.hexdigits.lower())


@pytest.mark.parametrize("path", [base + rest for base in BASES
                                  for rest in ("//users", "/users//", "/./users", "/x/../users",
                                               "/%75sers/", "/users%2f1", "/USERS", "/users;x")])
def test_odd_paths_open_nothing(admin, path):
    """Whatever way a path is written, it is asked for a token and for the role."""
    url = f"{admin.base}{path}"
    reply = admin.request("GET", url, token=None)
    assert reply.status_code in (401, 404)
    narrow = make_token(admin, permissions=["cdr/*"])
    assert admin.request("GET", url, token=narrow).status_code in (403, 404)
