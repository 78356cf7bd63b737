"""What the tests of the campaign-dialer API share: its envelopes, its two base paths."""
import re
from datetime import datetime

from shapes import json_of

BASES = ("/api", "/adial/api")
DONE = {"success", "code", "message"}


def success(reply, message, code=200):
    """The data of an answer that says so; None: it has none."""
    body = json_of(reply, code)
    assert body["success"] is True and body["code"] == code
    assert body.get("message") == message
    assert set(body) - {"data", "message"} == {"success", "code"}, body
    return body.get("data")


def done(reply, message):
    success(reply, message)
    assert "data" not in reply.json()


def paged(reply, message):
    """(data, pagination) of a page."""
    body = json_of(reply)
    assert set(body) - {"next_cursor"} == {"success", "message", "data", "pagination"}
    assert body["success"] is True and body["message"] == message
    assert set(body["pagination"]) == {"total", "per_page", "current_page", "total_pages", "from",
                                       "to"}
    assert all(isinstance(number, int) for number in body["pagination"].values())
    return body["data"], body["pagination"]


def refused(reply, code, message, errors=None):
    """`message` may be a compiled pattern; `errors` the names that have to be among them."""
    body = json_of(reply, code)
    assert body["success"] is False and body["code"] == code
    assert set(body) <= {"success", "code", "message", "errors"}
    if isinstance(message, re.Pattern):
        assert message.search(body["message"]), body
    else:
        assert body["message"] == message, body
    assert set(errors or ()) <= set(body.get("errors", {})), body
    return body.get("errors")


def missing(reply, *names):
    errors = refused(reply, 400, "Missing required fields")
    assert errors == {"missing_fields": list(names)}


def local_time(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")
