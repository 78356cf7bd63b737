"""Two gateways on one PostgreSQL: users and tokens that are changed at one count at the other
within a second."""
import secrets
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from dialer import done, refused, success
from shapes import bad_credentials
from support.gateway import Gateway
from support.postgres import shared, storage

PASSWORD = "a long enough password"
WITHIN_S = 1.0
TRIES = 3


@pytest.fixture(scope="module")
def pair():
    store = storage(shared().create_database())
    secret = {"secret_key": secrets.token_urlsafe(48)}
    with Gateway({"storage": store, "auth": secret, "node": {"name": "one"}}) as one:
        with Gateway({"storage": store, "auth": secret, "node": {"name": "two"}}) as two:
            one.add_user("chief", PASSWORD, role="admin")
            yield one, two


@pytest.fixture
def clients(pair):
    """Of an admin, at either."""
    token = pair[0].create_token("chief")
    opened = [gateway.client(signed_in=False) for gateway in pair]
    for client in opened:
        client.token = token
    yield opened
    for client in opened:
        client.close()


def until(condition, what):
    """It has to come true in time."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < WITHIN_S, f"{what} took more than {WITHIN_S} s"
        time.sleep(0.01)


def test_tokens(clients):
    here, there = clients
    for _ in range(TRIES):
        token = success(here.post("/api/tokens", json={}), "API token created successfully",
                        201)["token"]
        for _ in range(20):
            assert there.get("/api", token=token).status_code == 200, "at once"
        number = here.get("/api/tokens").json()["data"][0]["id"]
        done(here.delete(f"/api/tokens/{number}"), "API token revoked successfully")
        refused(here.get("/api", token=token), 401, "Invalid or expired token")
        until(lambda: there.get("/api", token=token).status_code == 401, "revoking")


def test_users(pair, clients):
    here, there = clients
    for turn in range(TRIES):
        name = f"user{turn}"
        user = success(here.post("/api/users", json={"username": name, "password": PASSWORD,
                                                     "email": "u@example.com"}),
                       "User created successfully", 201)
        path = f"/api/users/{user['id']}"
        until(lambda: there.post("/api/v2/token", token=None, data={
            "username": name, "password": PASSWORD}).status_code == 200, "adding")
        jwt = there.post("/api/v2/token", token=None,
                         data={"username": name, "password": PASSWORD}).json()["access_token"]

        def lives():
            return there.get("/api/v2/status/12345678", token=jwt).status_code == 404
        assert lives()
        change = [{"is_active": 0}, {"password": "another password"},
                  {"username": name + "x"}][turn % 3]
        success(here.put(path, json=change), "User updated successfully")
        bad_credentials(here.get("/api/v2/status/12345678", token=jwt))
        until(lambda: not lives(), str(change))
        done(there.delete(path), "User deleted successfully")
        refused(here.delete(path), 404, "User not found")


def test_roles(clients):
    here, there = clients
    user = success(here.post("/api/users", json={"username": "riser", "password": PASSWORD,
                                                 "email": "u@example.com", "role": "admin"}),
                   "User created successfully", 201)
    until(lambda: any(one["username"] == "riser" for one in
                      there.get("/api/users").json()["data"]), "listing")
    done(there.delete(f"/api/users/{user['id']}"), "User deleted successfully")


def test_the_last_admin_of_both(pair, clients):
    """Each gateway is asked to take one of the two admins away, at the same time."""
    here, there = clients
    for turn in range(TRIES):
        second = success(here.post("/api/users", json={
            "username": f"second{turn}", "password": PASSWORD, "email": "u@example.com",
            "role": "admin"}), "User created successfully", 201)
        chief = [user for user in here.get("/api/users").json()["data"]
                 if user["username"] == "chief"][0]
        until(lambda: there.put(f"/api/users/{second['id']}",
                                json={"full_name": "x"}).status_code == 200, "adding")
        with ThreadPoolExecutor(2) as pool:
            asked = [pool.submit(client.put, f"/api/users/{number}", json={"is_active": 0})
                     for client, number in ((here, second["id"]), (there, chief["id"]))]
            statuses = sorted(one.result().status_code for one in asked)
        admins = pair[0].stored("users", role="admin", is_active=True)
        assert len(admins) == 1, (statuses, admins)
        if admins[0]["username"] != "chief":
            pair[0].cli("user", "enable", "chief")
            until(lambda: here.get("/api").status_code == 200, "enabling")
            until(lambda: there.get("/api").status_code == 200, "enabling")
        done(here.delete(f"/api/users/{second['id']}"), "User deleted successfully")
