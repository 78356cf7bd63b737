"""One gateway for all tests that need nothing special of it; see ../support/."""
import pytest
from support.client import VERSIONS
from support.gateway import Gateway

pytest.register_assert_rewrite("dialer", "fields", "openapi", "shapes")

# Calls ring after 20 ms, are answered after 60 ms more and talk until somebody hangs up.
QUICK = {"plugin": "mock", "ring_ms": 20, "answer_ms": 60, "talk_ms": 0, "hangup_ms": 50}
SETTINGS = {
    "server": {"max_body": 20000},
    "calls": {"allowed_contexts": ["sales", "c" * 50]},
    "backend.mock": QUICK,
}


@pytest.fixture(scope="session")
def gateway():
    with Gateway(SETTINGS) as running:
        yield running


@pytest.fixture(scope="session")
def clients(gateway):
    """Signed in, one for each version of HTTP."""
    opened = {version: gateway.client(version) for version in VERSIONS}
    yield opened
    for client in opened.values():
        client.close()


@pytest.fixture
def client(clients, http_version):
    return clients[http_version]


@pytest.fixture
def ended(client):
    """A list of call ids that are hung up after the test."""
    calls = []
    yield calls
    for call_id in calls:
        client.delete(f"/api/v2/calls/{call_id}")


# ---- The campaign-dialer API ----

@pytest.fixture(scope="session")
def admin_token(gateway):
    gateway.add_user("chief", "the chief's password", role="admin")
    return gateway.create_token("chief")


@pytest.fixture
def admin(gateway, admin_token, http_version):
    """A client with an admin's token that may do all."""
    with gateway.client(http_version, signed_in=False) as client:
        client.token = admin_token
        yield client


@pytest.fixture(params=["/api", "/adial/api"])
def base(request):
    return request.param
