"""What every answer of the contact-center API must look like."""
import re
import uuid
from datetime import datetime, timedelta, timezone

TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def json_of(reply, status=200):
    """The body of a JSON answer with this status."""
    assert reply.status_code == status, (reply.status_code, reply.text)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"]
    assert int(reply.headers["content-length"]) == len(reply.content)
    body = reply.json()
    assert b'": ' not in reply.content and b', "' not in reply.content, "compact"
    return body


def refused(reply, status, detail):
    assert json_of(reply, status) == {"detail": detail}


def unauthenticated(reply, detail):
    refused(reply, 401, detail)
    assert reply.headers["www-authenticate"] == "Bearer"


def not_authenticated(reply):
    unauthenticated(reply, "Not authenticated")


def bad_credentials(reply):
    unauthenticated(reply, "Could not validate credentials")


def invalid(reply, *locations):
    """A 422 that names these places, each a tuple, and no others; returns the problems."""
    detail = json_of(reply, 422)["detail"]
    assert isinstance(detail, list) and detail
    for problem in detail:
        assert set(problem) == {"type", "loc", "msg", "input"}, problem
        assert isinstance(problem["type"], str) and isinstance(problem["msg"], str)
        assert problem["loc"][0] in ("path", "query", "header", "body")
    assert sorted(tuple(problem["loc"]) for problem in detail) == sorted(locations), detail
    return detail


def moment(text):
    """A time of an answer: ISO 8601 in UTC with "Z"."""
    assert TIME.match(text), text
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def just_now(text):
    age = datetime.now(timezone.utc) - moment(text)
    assert timedelta(seconds=-1) < age < timedelta(seconds=30), text


PLACED_KEYS = {"success", "call_id", "phone_number", "message", "channel", "status", "created_at",
               "error", "backend", "mock"}


def placed(reply, number, context="outbound-ivr"):
    """The answer to a call that was taken; returns its id."""
    body = json_of(reply)
    assert set(body) == PLACED_KEYS
    assert body["success"] is True
    assert uuid.UUID(body["call_id"]).version == 7
    assert body["phone_number"] == number
    assert body["message"] == "Call originated successfully"
    assert body["channel"] == f"Local/{number}@{context}"
    assert body["status"] in ("pending", "dialing")
    assert body["error"] is None
    assert body["backend"] and body["mock"] is True
    just_now(body["created_at"])
    return body["call_id"]


STATUS_KEYS = {
    "call_id": str, "phone_number": str, "status": str, "channel": str, "context": str,
    "extension": str, "caller_id": str, "created_at": str, "dialed_at": (str, type(None)),
    "answered_at": (str, type(None)), "ended_at": (str, type(None)),
    "duration": (int, type(None)), "failure_reason": (str, type(None)), "attempt_number": int,
    "is_active": bool, "is_completed": bool, "backend": str, "mock": bool,
}
ACTIVE = ("pending", "dialing", "ringing", "answered")
OVER = ("completed", "busy", "no_answer", "failed")


def status_of(reply):
    """The answer to a question for a call's status, looked at as a whole."""
    call = json_of(reply)
    assert set(call) == set(STATUS_KEYS)
    for key, kind in STATUS_KEYS.items():
        assert isinstance(call[key], kind), (key, call[key])
    assert call["status"] in ACTIVE + OVER
    assert call["is_active"] is (call["status"] in ACTIVE)
    assert call["is_completed"] is (call["status"] in OVER)
    assert (call["ended_at"] is not None) == call["is_completed"]
    times = [moment(call[name]) for name in ("created_at", "dialed_at", "answered_at", "ended_at")
             if call[name]]
    assert times == sorted(times)
    assert (call["duration"] is not None) == bool(call["answered_at"] and call["ended_at"])
    return call
