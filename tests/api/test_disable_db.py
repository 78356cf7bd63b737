"""Contact Center API with DISABLE_DB=true: calls are placed, nothing is kept. POST /api/v2/token,
POST /api/v2/interaction/{number}, POST /api/v2/calls, GET /api/v2/status/{call_id}, /health."""
import time

import jwt
import pytest
from shapes import bad_credentials, invalid, json_of, not_authenticated, placed, refused
from support.gateway import Gateway
from support.waiting import wait_until

SECRET = "weak"  # forgiven without a store: nothing is at stake but calls
NUMBER = "+1234567890"
PATHS = ["/api/v2/status/{}", "/api/v2/calls/{}", "/api/v2/interaction/{}/status"]


@pytest.fixture(scope="module")
def gateway():
    settings = {"storage": {"disabled": "${DISABLE_DB:-false}"},
                "auth": {"secret_key": "${SECRET_KEY}"},
                "backend.mock": {"ring_ms": 10, "answer_ms": 10, "talk_ms": 1000}}
    with Gateway(settings, env={"DISABLE_DB": "true", "SECRET_KEY": SECRET}) as running:
        yield running


@pytest.fixture
def client(gateway, http_version):
    now = int(time.time())
    with gateway.client(http_version, signed_in=False) as client:
        client.token = jwt.encode({"sub": "robot", "iat": now, "exp": now + 600}, SECRET)
        yield client


def test_token(client):
    refused(client.post("/api/v2/token", token=None, data={"username": "a", "password": "b"}),
            503, "Database disabled")
    assert client.post("/api/v2/token", token=None).status_code in (422, 503)


def test_calls_are_placed(gateway, client):
    before = gateway.metric("calls_total")
    first = placed(client.post("/api/v2/calls", json={"phone_number": NUMBER}), NUMBER)
    second = placed(client.post(f"/api/v2/interaction/{NUMBER}"), NUMBER)
    assert first != second
    assert gateway.metric("calls_total") == before + 2
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 10, "the end of the calls")
    assert gateway.metric("calls_success_total") >= 2
    assert not list(gateway.folder.glob("*.db*"))


@pytest.mark.parametrize("path", PATHS)
def test_status(client, path):
    call_id = placed(client.post("/api/v2/calls", json={"phone_number": NUMBER}), NUMBER)
    refused(client.get(path.format(call_id)), 503, "Database disabled")
    refused(client.get(path.format("unknown-call")), 503, "Database disabled")
    invalid(client.get(path.format("1")), ("path", "call_id"))


def test_history(client):
    refused(client.get("/api/v2/calls"), 503, "Database disabled")


def test_control(client):
    """Live calls can be controlled; of others nobody can tell whether they are over."""
    call_id = placed(client.post("/api/v2/calls", json={"phone_number": NUMBER}), NUMBER)
    wait_until(lambda: client.post(f"/api/v2/calls/{call_id}/hold").status_code == 200, 10, "hold")
    refused(client.post("/api/v2/calls/00000000-0000-7000-8000-000000000000/hold"), 503,
            "Database disabled")


def test_the_rest_is_the_same(client):
    not_authenticated(client.post("/api/v2/calls", token=None, json={"phone_number": NUMBER}))
    bad_credentials(client.post("/api/v2/calls", token=client.token[:-3], json={}))
    invalid(client.post("/api/v2/calls", json={}), ("body", "phone_number"))


def test_health(client):
    body = json_of(client.get("/health", token=None))
    assert body["database"] == "disabled"
    assert body["services"]["database"] == "disabled"
    assert body["status"] == "ok"
    assert json_of(client.get("/readiness", token=None))["ready"] is True


def test_weak_secret_is_warned_of(gateway):
    assert "a secret is not safe" in gateway.log()
    assert "secret_key" in gateway.log()


def test_command_line(gateway):
    result = gateway.cli("user", "list", check=False)
    assert result.returncode == 1
    assert "disabled" in result.stderr.lower()
