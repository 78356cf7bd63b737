"""PostgreSQL is away: whoever is known is served on, nobody is let in unseen or turned away as if
his token were wrong, and what could not be changed is said not to be."""
import httpx
import pytest
from support import postgres
from support.gateway import Gateway
from support.postgres import Postgres
from support.waiting import wait_until

pytestmark = pytest.mark.sanitized

PASSWORD = "a long enough password"
BACK_SECONDS = 5
KNOWN_SECONDS = 8


@pytest.fixture(name="server")
def make_server():
    with Postgres() as running:
        yield running


@pytest.fixture(name="gateway")
def make_gateway(server):
    settings = {"storage": postgres.storage(server.create_database())}
    with Gateway(settings) as running:
        running.add_user("chief", PASSWORD, role="admin")
        yield running


def ready(gateway):
    return httpx.get(f"{gateway.base}/readiness", timeout=5, trust_env=False).status_code == 200


def made(reply):
    assert reply.status_code == 201, reply.text
    return reply.json()["data"]


def away(reply):
    """503, in this API's envelope, with the time to wait."""
    assert reply.status_code == 503, reply.text
    body = reply.json()
    assert body["success"] is False and body["code"] == 503 and body["message"], body
    assert int(reply.headers["retry-after"]) >= 1


def test_away(server, gateway):
    known, unseen = gateway.create_token("chief"), gateway.create_token("chief")
    with gateway.client(signed_in=False) as client:
        jwt = client.sign_in("chief", PASSWORD)
        client.token = known
        user = made(client.post("/api/users", json={"username": "bob", "password": PASSWORD,
                                                    "email": "bob@example.com"}))
        path = f"/api/users/{user['id']}"
        numbers = [one["id"] for one in client.get("/api/tokens").json()["data"]]
        assert client.get("/api").status_code == 200
        server.kill()
        wait_until(lambda: not ready(gateway), KNOWN_SECONDS, "the word that the store is away")

        # Known, unless the users were read again, and all forgotten, right before the end.
        assert client.get("/api").status_code in (200, 503)
        assert client.get("/api/v2/status/12345678", token=jwt).status_code in (404, 503)
        for token in (unseen, "f" * 64):
            away(client.get("/api", token=token))
        away(client.get("/api/users"))
        away(client.get("/api/tokens"))
        away(client.post("/api/tokens", json={}))
        away(client.put(path, json={"is_active": 0}))
        away(client.delete(path))
        away(client.delete(f"/api/tokens/{numbers[0]}"))

        server.start()
        wait_until(lambda: client.get("/api", token=unseen).status_code == 200, BACK_SECONDS,
                   "the token that was not seen before")
        assert client.get("/api", token="f" * 64).status_code == 401
        [bob] = gateway.stored("users", username="bob")
        assert bob["is_active"] is True, "what was refused has not happened"
        wait_until(lambda: client.put(path, json={"is_active": 0}).status_code == 200,
                   BACK_SECONDS, "a change")
        assert client.delete(f"/api/tokens/{numbers[-1]}").status_code == 200
        refused = [client.get("/api", token=token).status_code for token in (known, unseen)]
        assert sorted(refused) == [200, 401], "the older of the two"
