"""Contact Center API: GET /api/v2/status/{call_id}, /api/v2/calls/{call_id} and
/api/v2/interaction/{call_id}/status."""
import pytest
from shapes import bad_credentials, invalid, not_authenticated, placed, refused, status_of
from support.client import VERSIONS
from support.gateway import Gateway
from support.waiting import wait_until

PATHS = ["/api/v2/status/{}", "/api/v2/calls/{}", "/api/v2/interaction/{}/status"]
NUMBER = "+1234567890"
UNKNOWN = "00000000-0000-7000-8000-000000000000"


@pytest.fixture(params=PATHS)
def path(request):
    return request.param


def place(client, number=NUMBER, **body):
    return placed(client.post("/api/v2/calls", json={"phone_number": number, **body}), number,
                  body.get("context", "outbound-ivr"))


def reach(client, call_id, wanted):
    def look():
        call = status_of(client.get(f"/api/v2/status/{call_id}"))
        return call if call["status"] == wanted else None
    return wait_until(look, 10, wanted)


@pytest.fixture(scope="module")
def answered(clients):
    """A call that talks through the whole module."""
    client = clients["1.1"]
    call_id = place(client, caller_id="CompanyName <+1987654321>", context="sales",
                    extension="100")
    reach(client, call_id, "answered")
    yield call_id
    client.delete(f"/api/v2/calls/{call_id}")


def test_answered(client, path, answered):
    call = status_of(client.get(path.format(answered)))
    assert call["call_id"] == answered
    assert call["phone_number"] == NUMBER
    assert call["status"] == "answered"
    assert call["channel"] == f"Local/{NUMBER}@sales"
    assert call["context"] == "sales"
    assert call["extension"] == "100"
    assert call["caller_id"] == "CompanyName <+1987654321>"
    assert call["dialed_at"] and call["answered_at"]
    assert call["ended_at"] is None
    assert call["duration"] is None
    assert call["failure_reason"] is None
    assert call["attempt_number"] == 1
    assert call["is_active"] is True
    assert call["is_completed"] is False
    assert call["mock"] is True


def test_paths_are_alike(client, answered):
    first, *others = [client.get(path.format(answered)).content for path in PATHS]
    assert all(other == first for other in others)


def test_versions_are_alike(clients, answered):
    first, second = [clients[version].get(f"/api/v2/status/{answered}") for version in VERSIONS]
    assert first.content == second.content


def test_completed(client, path):
    call_id = place(client)
    reach(client, call_id, "answered")
    client.delete(f"/api/v2/calls/{call_id}")
    reach(client, call_id, "completed")
    call = status_of(client.get(path.format(call_id)))
    assert call["answered_at"] and call["ended_at"]
    assert call["duration"] == 0
    assert call["failure_reason"] is None


def test_ringing(client, path):
    call_id = place(client, "+1234567480")
    reach(client, call_id, "ringing")
    call = status_of(client.get(path.format(call_id)))
    assert call["dialed_at"] and not call["answered_at"]
    client.delete(f"/api/v2/calls/{call_id}")


def test_unknown(client, path):
    refused(client.get(path.format(UNKNOWN)), 404, "Call not found")


@pytest.mark.parametrize("call_id", ["12345678", "x" * 255, "not-a-uuid", "ü" * 8, "a b c d e",
                                     "' OR 1=1 --", "%2e%2e%2f%2e%2e%2f..", "12345678%2F9"])
def test_any_text_is_an_id(client, path, call_id):
    refused(client.get(path.format(call_id)), 404, "Call not found")


@pytest.mark.parametrize("call_id", ["1", "1234567", "x" * 256, "x" * 2000, "ü" * 7])
def test_length(client, path, call_id):
    invalid(client.get(path.format(call_id)), ("path", "call_id"))


def test_credentials(client, path, answered):
    not_authenticated(client.get(path.format(answered), token=None))
    bad_credentials(client.get(path.format(answered), token="a.b.c"))
    not_authenticated(client.get(path.format("1"), token=None))


def test_other_users_see_it(gateway, http_version, answered, path):
    gateway.cli("user", "add", "reader", "--role", "user", stdin="reader-password", check=False)
    with gateway.client(http_version, signed_in=False) as other:
        other.sign_in("reader", "reader-password")
        assert status_of(other.get(path.format(answered)))["call_id"] == answered


def test_trailing_slash(client, path, answered):
    assert status_of(client.get(path.format(answered) + "/"))["call_id"] == answered


def test_head(client, path, answered):
    reply = client.request("HEAD", path.format(answered))
    assert reply.status_code == 200
    assert reply.content == b""
    whole = client.get(path.format(answered))
    assert reply.headers["content-length"] == str(len(whole.content))
    assert client.request("HEAD", path.format(UNKNOWN)).status_code == 404


def test_wrong_method(client, path):
    reply = client.post(path.format(UNKNOWN), json={})
    if path.startswith("/api/v2/interaction"):
        allowed = {"GET", "HEAD", "OPTIONS"}
    elif path.startswith("/api/v2/calls"):
        allowed = {"GET", "HEAD", "DELETE", "OPTIONS"}
    else:
        allowed = {"GET", "HEAD", "OPTIONS"}
    refused(reply, 405, "Method Not Allowed")
    assert set(reply.headers["allow"].replace(" ", "").split(",")) == allowed


def test_from_the_store(http_version):
    """What has left the memory, and what a gateway before this one did, is told alike."""
    settings = {"calls": {"recent_max": 1},
                "backend.mock": {"ring_ms": 10, "answer_ms": 10, "talk_ms": 20}}
    gateway = Gateway(settings)
    with gateway, gateway.client(http_version) as client:
        ids = [place(client, number) for number in ("+1234567890", "+1234567486", "+1234567404")]
        told = {}
        for call_id, final in zip(ids, ("completed", "busy", "failed")):
            told[call_id] = reach(client, call_id, final)
        for path in PATHS:
            for call_id in ids:
                assert status_of(client.get(path.format(call_id))) == told[call_id]
        gateway.stop()
        gateway.start()
        with gateway.client(http_version) as again:
            for call_id in ids:
                assert status_of(again.get(f"/api/v2/status/{call_id}")) == told[call_id]
