"""The mobile-dialer API as its tests see it: keys, shapes of answers, and calls of the mock."""
import re
from datetime import datetime, timedelta

from shapes import json_of, placed, refused
from support.run_secret import run_secret
from support.waiting import wait_until

KEY, DEV_KEY = run_secret("API key"), run_secret("developer's key")
SETTINGS = {
    "auth": {"api_key": KEY, "dev_api_key": DEV_KEY},
    "backend.mock": {"ring_ms": 20, "answer_ms": 60, "talk_ms": 0},
}
LOCAL = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$")
FOUND = "Call exists on Asterisk server"
NOT_FOUND = "Call not found on Asterisk server"
MOCK = "Mock connection active"


def with_key(key):
    return {"X-API-Key": key} if key else {}


def ask(client, method, path, key=KEY, **options):
    return client.request(method, path, token=None, headers=with_key(key), **options)


def moment(text):
    """A local time of an answer; the zone is UTC."""
    assert LOCAL.match(text), text
    return datetime.fromisoformat(text)


def just_now(text, ahead=0):
    age = datetime.utcnow() + timedelta(seconds=ahead) - moment(text)
    assert timedelta(seconds=-1.5) < age < timedelta(seconds=30), text


def check(client, number, caller=None, key=KEY):
    """The answer of /check-connection, looked at as a whole."""
    params = {"dialed_number": number}
    if caller is not None:
        params["caller_id"] = caller
    body = json_of(ask(client, "GET", "/check-connection", key, params=params))
    assert list(body) == ["connected", "channel_id", "message", "timestamp"]
    assert body["connected"] is (body["channel_id"] is not None)
    assert body["message"] == NOT_FOUND or body["connected"]
    just_now(body["timestamp"])
    return body


def connected(client, number, caller=None):
    """The channel's id, or None."""
    body = check(client, number, caller)
    assert body["message"] in (FOUND, NOT_FOUND)
    return body["channel_id"]


def add(client, *numbers, minutes=5):
    """Adds mock numbers; gives what the answer says was added."""
    body = json_of(ask(client, "POST", "/mock-connect", DEV_KEY, json={"numbers": list(numbers)}))
    assert set(body) == {"message", "numbers_added", "expires_at", "numbers",
                         "expires_in_minutes"}
    added = body["numbers_added"]
    assert body["message"] == f"Added {len(added)} numbers to mock store"
    assert body["numbers"] == [number[-7:] for number in added]
    assert body["expires_in_minutes"] == minutes
    just_now(body["expires_at"], ahead=minutes * 60)
    return added


def status(client):
    """What /mock-status tells, as {last seven: entry}."""
    body = json_of(ask(client, "GET", "/mock-status", DEV_KEY))
    assert set(body) == {"active_mocks", "total_count", "timestamp", "mock_numbers",
                         "timeout_minutes"}
    assert body["total_count"] == len(body["active_mocks"]) == len(body["mock_numbers"])
    assert body["timeout_minutes"] == 5
    just_now(body["timestamp"])
    for entry in body["active_mocks"]:
        assert set(entry) == {"number", "original_number", "created_at", "expires_at"}
        assert entry["original_number"].endswith(entry["number"])
        assert moment(entry["created_at"]) < moment(entry["expires_at"])
    assert body["mock_numbers"] == [entry["number"] for entry in body["active_mocks"]]
    return {entry["number"]: entry for entry in body["active_mocks"]}


def clear(client):
    body = json_of(ask(client, "DELETE", "/clear-mocks", DEV_KEY))
    count = body["cleared_count"]
    assert body == {"cleared_count": count, "message": f"Cleared {count} mock entries"}
    return count


def disconnect(client, channel, method="POST", message="Call disconnected successfully"):
    body = json_of(ask(client, method, "/disconnect-call", json={"channel_id": channel}))
    assert set(body) == {"message", "channel_id", "timestamp", "success"}
    assert body["message"] == message
    assert body["channel_id"] == channel
    assert body["success"] is True
    just_now(body["timestamp"])


def call(client, number, state="answered", **body):
    """Places a call by the contact-center API and waits for its state; its id."""
    call_id = placed(client.post("/api/v2/calls", json={"phone_number": number, **body}), number)
    wait_until(lambda: client.get(f"/api/v2/status/{call_id}").json()["status"] == state, 10, state)
    return call_id


def wrong_key(reply):
    refused(reply, 401, "Invalid API key")
    assert "www-authenticate" not in reply.headers


def not_the_dev_key(reply):
    refused(reply, 401, "Development API key required")
