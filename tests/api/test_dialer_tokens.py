"""GET, POST /api/tokens, DELETE /api/tokens/:id, and `dialgate token`: opaque tokens."""
import hashlib
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
from dialer import done, local_time, paged, refused, success
from support.gateway import Gateway
from support.waiting import wait_until

LISTED = "API tokens retrieved successfully"
CREATED = "API token created successfully"
REVOKED = "API token revoked successfully"
UNKNOWN = "Invalid or expired token"
KEYS = {"id", "user_id", "token", "name", "permissions", "is_active", "last_used", "expires_at",
        "created_at", "updated_at"}


def create(client, base="/api", token=..., **sent):
    reply = client.post(base + "/tokens", json=sent, token=token)
    data = success(reply, CREATED, 201)
    assert set(data) == {"token", "name", "message"}
    assert re.fullmatch("[0-9a-f]{64}", data["token"])
    assert data["message"] == "Save this token securely. It will not be shown again."
    assert reply.headers["cache-control"] == "no-store"
    return data["token"]


def listed(client, base="/api", token=...):
    return success(client.get(base + "/tokens", token=token), LISTED)


def record(client, token):
    """What the list has of a token."""
    shown = f"{token[:8]}...{token[-8:]}"
    [found] = [one for one in listed(client) if one["token"] == shown]
    return found


def opens(client, token, base="/api"):
    reply = client.get(base, token=token)
    if reply.status_code != 200:
        refused(reply, 401, UNKNOWN)
    return reply.status_code == 200


@pytest.fixture
def person(gateway, http_version):
    """A client of a new user who is no admin."""
    name = "p-" + secrets.token_hex(5)
    gateway.add_user(name, "long enough for all")
    with gateway.client(http_version, signed_in=False) as client:
        client.token = gateway.create_token(name)
        client.username = name
        yield client


# ---- Creating and listing ----

def test_create(admin, base, gateway):
    token = create(admin, base)
    assert opens(admin, token, base)
    shown = record(admin, token)
    assert set(shown) == KEYS
    assert shown["name"] == "API Token" and shown["is_active"] == 1
    assert shown["permissions"] is None and shown["expires_at"] is None
    local_time(shown["created_at"])
    text = str(gateway.export())
    assert token not in text and token not in gateway.log()
    assert hashlib.sha256(token.encode()).hexdigest() in text


@pytest.mark.parametrize("content", [None, b"", b"{}"])
def test_create_with_nothing(admin, content):
    data = success(admin.post("/api/tokens", content=content), CREATED, 201)
    assert data["name"] == "API Token"


@pytest.mark.parametrize("content", [b"{", b"[]", b"5", b"null ", b"\xff", b'{"name":"x"'])
def test_create_with_something_else(admin, content):
    refused(admin.post("/api/tokens", content=content), 400, "The body must be a JSON object")


def test_create_with_all(admin):
    ends = (datetime.utcnow() + timedelta(days=3)).strftime("%Y-%m-%d %H:%M:%S")
    token = create(admin, name="Żółw <1>", permissions=["*", "cdr/list"], expires_at=ends, id=1)
    shown = record(admin, token)
    assert (shown["name"], shown["permissions"]) == ("Żółw <1>", ["*", "cdr/list"])
    assert shown["expires_at"] == ends
    assert opens(admin, token)


def test_nothing_by_null(admin):
    shown = record(admin, create(admin, name=None, permissions=None, expires_at=None))
    assert (shown["name"], shown["permissions"], shown["expires_at"]) == ("API Token", None, None)
    assert record(admin, create(admin, permissions=[]))["permissions"] is None


@pytest.mark.parametrize("field, value", [
    ("name", "x" * 101), ("name", "a\nb"), ("name", 5), ("permissions", "campaigns/*"),
    ("permissions", [1]), ("permissions", [""]), ("permissions", ["x" * 101]),
    ("permissions", ["a\nb"]), ("permissions", ["x"] * 101), ("permissions", {}),
    ("expires_at", "tomorrow"), ("expires_at", "2001-01-01 00:00:00"), ("expires_at", 4102444800),
    ("expires_at", "2099-02-30 00:00:00"), ("expires_at", "2099-01-01 24:00:00"),
    ("expires_at", "2099-01-01T00:00:00Z"), ("expires_at", "2099-01-01 00:00:00x"),
])
def test_wrong_fields(admin, field, value):
    refused(admin.post("/api/tokens", json={field: value}), 400, re.compile(f"^Invalid {field}\\. "),
            [field])


def test_list_is_ones_own(admin, person, base):
    mine = [create(person, base, name=f"t{i}") for i in range(3)]
    names = [one["name"] for one in listed(person, base)]
    assert names == ["t2", "t1", "t0", "API Token"], "newest first"
    assert len({one["user_id"] for one in listed(person)}) == 1
    assert not set(one["id"] for one in listed(person)) & set(one["id"] for one in listed(admin))
    text = person.get(base + "/tokens").text
    assert not any(token[8:-8] in text for token in mine + [person.token])


def test_pages(person):
    for i in range(4):
        create(person, name=f"t{i}")
    everything = listed(person)
    data, pagination = paged(person.get("/api/tokens", params={"page": 2, "per_page": 2}), LISTED)
    assert data == everything[2:4]
    assert pagination == {"total": 5, "per_page": 2, "current_page": 2, "total_pages": 3,
                          "from": 3, "to": 4}
    data, pagination = paged(person.get("/api/tokens", params={"page": 9, "per_page": 2}), LISTED)
    assert data == [] and pagination["to"] == 5


# ---- Revoking, expiring ----

def test_revoke(admin, base, http_version):
    token = create(admin, base)
    number = record(admin, token)["id"]
    for _ in range(20):
        assert opens(admin, token, base)
    done(admin.delete(f"{base}/tokens/{number}"), REVOKED)
    for _ in range(20):
        assert not opens(admin, token, base)
    kept = record(admin, token)
    assert kept["is_active"] == 0
    local_time(kept["updated_at"])
    done(admin.delete(f"{base}/tokens/{number}"), REVOKED)


def test_revoke_ones_own(person):
    number = record(person, person.token)["id"]
    done(person.delete(f"/api/tokens/{number}"), REVOKED)
    refused(person.get("/api"), 401, UNKNOWN)


def test_revoke_anothers(admin, person, base):
    theirs = record(admin, create(admin))["id"]
    refused(person.delete(f"{base}/tokens/{theirs}"), 403,
            "You do not have permission to revoke this token")
    token = create(person)
    done(admin.delete(f"{base}/tokens/{record(person, token)['id']}"), REVOKED)
    assert not opens(person, token)


def test_unknown_token(admin, base):
    refused(admin.delete(base + "/tokens/123456789"), 404, "Token not found")


def test_expiry(admin):
    """It ends on time, though it was known a moment ago."""
    ends = (datetime.utcnow() + timedelta(seconds=3)).replace(microsecond=0)
    token = create(admin, expires_at=ends.strftime("%Y-%m-%d %H:%M:%S"))
    while datetime.utcnow() < ends - timedelta(seconds=0.5):
        assert opens(admin, token) or datetime.utcnow() >= ends
        time.sleep(0.05)
    wait_until(lambda: not opens(admin, token), 5, "the end of the token")
    assert datetime.utcnow() >= ends


def test_last_used(person):
    token = create(person)
    assert record(person, token)["last_used"] is None
    assert opens(person, token)
    used = wait_until(lambda: record(person, token)["last_used"], 10, "the time of its use")
    assert abs(datetime.utcnow() - local_time(used)) < timedelta(seconds=30)
    assert record(person, token)["updated_at"] is None


def test_zone():
    """Times are read and shown in the server's zone."""
    with Gateway({"server": {"timezone": "America/New_York"}}) as gateway:
        gateway.add_user("chief", "long enough for all", role="admin")
        with gateway.client(signed_in=False) as client:
            client.token = gateway.create_token("chief")
            token = create(client, expires_at="2099-07-01 12:00:00")
            shown = record(client, token)
            assert shown["expires_at"] == "2099-07-01 12:00:00"
            [stored] = gateway.stored("tokens", id=int(shown["id"]))
            noon = datetime(2099, 7, 1, 16, tzinfo=timezone.utc)
            assert stored["expires_at"] == noon.timestamp() * 1000
            age = datetime.utcnow() - local_time(shown["created_at"])
            assert timedelta(hours=3.5) < age < timedelta(hours=5.5)


# ---- Restricted tokens ----

RESTRICTED = ["tokens/*", "cdr/*", "campaigns/list", "numbers/*d*"]


@pytest.mark.parametrize("wanted, allowed", [
    (["tokens/*"], True), (["tokens/list"], True), (["tokens/l*"], True), (["cdr/stats"], True),
    (["cdr/**"], True), (["campaigns/list"], True), (["numbers/add", "cdr/*"], True),
    (["numbers/*add"], True), (["numbers/*d"], True),
    (["*"], False), (["campaigns/*"], False), (["campaigns/lis*"], False), (["tokens*"], False),
    (["*/list"], False), (["cdr/list", "users/list"], False), (["numbers/*"], False),
    (["campaigns/numbers"], False), (["cdr"], False), (["tokens/.*", "x"], False),
])
def test_not_wider(person, base, wanted, allowed):
    narrow = create(person, permissions=RESTRICTED)
    if allowed:
        token = create(person, base, token=narrow, permissions=wanted)
        assert record(person, token)["permissions"] == wanted
    else:
        before = len(listed(person))
        reply = person.post(base + "/tokens", json={"permissions": wanted}, token=narrow)
        refused(reply, 403, "A token cannot create one that may do more than itself",
                ["permissions"])
        assert len(listed(person)) == before


@pytest.mark.parametrize("sent", [{}, {"permissions": None}, {"permissions": []}])
def test_inherits(person, sent):
    narrow = create(person, permissions=RESTRICTED)
    token = create(person, token=narrow, **sent)
    assert record(person, token)["permissions"] == RESTRICTED
    again = create(person, token=token, **sent)
    assert record(person, again)["permissions"] == RESTRICTED


# ---- The command line ----

def test_cli(gateway, person):
    ends = "2099-12-31 23:59:59"
    token = gateway.cli("token", "create", "--user", person.username, "--name", "by hand",
                        "--permission", "cdr/*", "--permission=tokens/list",
                        "--expires", ends).stdout
    assert re.fullmatch("[0-9a-f]{64}\n", token)
    token = token.strip()
    shown = record(person, token)
    assert (shown["name"], shown["permissions"], shown["expires_at"]) == (
        "by hand", ["cdr/*", "tokens/list"], ends)
    assert opens(person, token)
    table = gateway.cli("token", "list", "--user", person.username).stdout
    assert f"{token[:8]}...{token[-8:]}" in table and "cdr/*,tokens/list" in table
    assert token not in table and "active" in table
    assert '"by hand"' in gateway.cli("token", "list", "--json").stdout
    assert gateway.cli("token", "revoke", str(shown["id"])).stdout == ""
    assert not opens(person, token)
    assert "revoked" in gateway.cli("token", "list", "--user", person.username).stdout


@pytest.mark.parametrize("arguments, stdin, status, text", [
    (["create"], "", 2, "--user is missing"),
    (["create", "--user", "nobody"], "", 1, "no such user"),
    (["create", "--user", "chief", "--expires", "soon"], "", 1, "expires"),
    (["create", "--user", "chief", "--expires", "2001-01-01 00:00:00"], "", 1, "expires_at"),
    (["create", "--user", "chief", "--permission", ""], "", 1, "permissions"),
    (["create", "--user", "chief", "--name", "a\nb"], "", 1, "name"),
    (["import", "--user", "chief"], "", 1, "token"),
    (["import", "--user", "chief"], "short", 1, "token"),
    (["import", "--user", "chief"], "x" * 200, 1, "token"),
    (["import", "--user", "chief"], "x" * 31 + " " + "x" * 32, 1, "token"),
    (["revoke"], "", 2, "number is missing"),
    (["revoke", "x"], "", 1, "id"),
    (["revoke", "999999"], "", 1, "no such token"),
    (["list", "--user", "nobody"], "", 1, "no such user"),
    (["rotate"], "", 2, "there is no verb token rotate"),
])
def test_cli_refusals(gateway, admin_token, arguments, stdin, status, text):
    result = gateway.cli("token", *arguments, stdin=stdin, check=False)
    assert (result.returncode, text in result.stderr) == (status, True), result.stderr


@pytest.mark.parametrize("make", [lambda: secrets.token_hex(32), lambda: secrets.token_urlsafe(30),
                                  lambda: secrets.token_hex(16)])
def test_import(gateway, person, make):
    """A token that was made elsewhere, as by the documented row of SQL."""
    token = make()
    assert gateway.cli("token", "import", "--user", person.username, "--name", "old",
                       "--permission", "*", stdin=token + "\n").stdout == ""
    assert opens(person, token)
    assert token not in gateway.log() and token not in str(gateway.export())
    again = gateway.cli("token", "import", "--user", person.username, stdin=token, check=False)
    assert again.returncode == 1 and "there already" in again.stderr
    shown = [one["token"] for one in listed(person) if one["name"] == "old"][0]
    ends = shown.split("...")
    assert token.startswith(ends[0]) and token.endswith(ends[1])
    assert len(token) - len(ends[0] + ends[1]) >= 24


def test_without_a_gateway():
    """The verbs open the store themselves when nobody listens."""
    with Gateway({}) as gateway:
        gateway.add_user("chief", "long enough for all", role="admin")
        gateway.stop()
        token = gateway.create_token("chief", "tokens/*")
        gateway.cli("token", "import", "--user", "chief", stdin="e" * 64)
        gateway.start()
        with gateway.client(signed_in=False) as client:
            for one in (token, "e" * 64):
                client.token = one
                assert success(client.get("/api/tokens"), LISTED)


def test_import_and_export_keep_tokens(gateway, person):
    """Moved to another store they open there."""
    lines = gateway.cli("export").stdout
    with Gateway({}) as other:
        other.cli("import", stdin=lines)
        with other.client(signed_in=False) as client:
            assert opens(client, person.token)


def test_without_a_store():
    """DISABLE_DB: 503 in this envelope, with a token and without."""
    with Gateway({"storage": {"disabled": True}}) as gateway:
        with gateway.client(signed_in=False) as client:
            for base in ("/api", "/adial/api"):
                for token in (None, "f" * 64):
                    for path in ("", "/users", "/tokens"):
                        refused(client.get(base + path, token=token), 503, "Database disabled")
        assert gateway.cli("token", "list", check=False).returncode == 1


# ---- Many ----

def test_many_revoked_at_once(gateway, person):
    """While they are in use: none opens once its revocation was answered."""
    tokens = [create(person) for _ in range(8)]
    numbers = [record(person, token)["id"] for token in tokens]

    def use(token, number):
        with gateway.client(person.version, signed_in=False) as own:
            for _ in range(20):
                assert opens(own, token)
            done(own.delete(f"/api/tokens/{number}", token=person.token), REVOKED)
            return [opens(own, token) for _ in range(20)]
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(use, tokens, numbers):
            assert not any(result)
