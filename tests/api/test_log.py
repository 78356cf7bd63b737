"""The log of a gateway that serves the Contact Center API: one JSON object a line, with the
request's id (X-Request-ID), and never a secret. Requests: POST /api/v2/token, POST
/api/v2/interaction/{number}, GET /api/v2/status/{call_id}."""
import base64
import json
import re
import secrets
import signal

import jwt
import pytest
from support.client import VERSIONS
from support.gateway import Gateway
from support.waiting import wait_until

PASSWORD = "the-password-of-" + secrets.token_hex(8)
WRONG = "a-wrong-password-" + secrets.token_hex(8)
VARIABLE = "a-card-number-" + secrets.token_hex(8)
NUMBER = "+1234567890"


class Played:
    """A whole life with format = "json" and level = "debug", and what was written."""

    def __init__(self):
        self.keys = {"secret_key": secrets.token_urlsafe(48), "api_key": secrets.token_urlsafe(36),
                     "dev_api_key": secrets.token_urlsafe(36)}
        settings = {"log": {"format": "json", "level": "debug"}, "auth": self.keys,
                    "plugins": {"trace": ["backend", "storage", "auth"]},
                    "backend.mock": {"ring_ms": 10, "answer_ms": 10, "talk_ms": 20}}
        self.tokens, self.ids = [], []
        with Gateway(settings) as gateway:
            gateway.add_user("alice", PASSWORD)
            gateway.cli("user", "passwd", "alice", stdin=PASSWORD + "2")
            gateway.cli("user", "passwd", "alice", stdin=PASSWORD)
            for version in VERSIONS:
                with gateway.client(version, signed_in=False) as client:
                    self.play(client)
            wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 10, "the calls' ends")
            gateway.cli("export")
            self.hashes = [user["password"] if "password" in user else user["password_hash"]
                           for user in gateway.stored("users")]
            gateway.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "reloaded" in gateway.log(), 10, "the reload")
            gateway.stop()
            self.text = gateway.log()
        self.lines = [json.loads(line) for line in self.text.splitlines()]

    def note(self, reply):
        self.ids.append((reply.headers["x-request-id"], reply))
        return reply

    def play(self, client):
        def form(**more):
            return self.note(client.post("/api/v2/token", token=None, data=more))
        self.tokens.append(client.sign_in("alice", PASSWORD))
        form(username="alice", password=WRONG)
        form(username="nobody", password=WRONG)
        form(username=WRONG)
        form(password=WRONG)
        self.note(client.post("/api/v2/token", token=None, json={"password": WRONG}))
        self.note(client.post("/api/v2/calls", content=f'{{"x":"{WRONG}"'.encode()))
        self.note(client.post(f"/api/v2/interaction/{NUMBER}", json={
            "variables": {"card": VARIABLE}}, headers={"X-Request-ID": "my-own-id"}))
        self.note(client.post("/api/v2/calls", json={"phone_number": NUMBER,
                                                     "variables": {"card(x)": VARIABLE}}))
        forged = jwt.encode({"sub": "alice", "exp": 4102444800}, WRONG)
        self.tokens.append(forged)
        self.note(client.get("/api/v2/status/12345678", token=forged))
        self.note(client.get("/api/v2/status/12345678", token=WRONG))
        self.note(client.get(f"/api/v2/status/12345678?api_token={WRONG}&password={WRONG}"))
        self.note(client.get("/nothing", headers={"X-API-Key": WRONG, "Cookie": f"s={WRONG}"}))
        self.note(client.get("/health", headers={"X-Request-ID": 'a "quoted" \\ id'}))
        client.get("/api/v2/status/%0d%0aINFO%20forged%20line")


@pytest.fixture(scope="module")
def played():
    return Played()


def test_lines(played):
    """Every line is an object with a time, a level, a part and a sentence."""
    assert len(played.lines) > 60
    for line in played.lines:
        assert isinstance(line, dict)
        assert {"time", "level", "area", "message"} <= set(line), line
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"].lower() in ("debug", "info", "warn", "error")
        assert isinstance(line["message"], str) and line["message"]


def test_no_errors(played):
    assert [line for line in played.lines if line["level"].lower() == "error"] == []


def test_no_secret(played):
    """Neither passwords, right or wrong, nor tokens, keys and hashes, nor values of variables."""
    hidden = [PASSWORD, WRONG, VARIABLE, *played.keys.values(), *played.hashes, *played.tokens]
    hidden += [token.split(".")[2] for token in played.tokens]
    hidden += [base64.b64encode(text.encode()).decode() for text in (PASSWORD, WRONG)]
    assert len(played.hashes) == 1 and played.hashes[0].startswith("$2b$")
    for text in hidden:
        assert text not in played.text
    assert "$2b$" not in played.text and "eyJ" not in played.text


def test_every_request_is_there(played):
    """With method, path without its query, status and the id that the client was told."""
    logged = {}
    for line in played.lines:
        if line["message"] == "request":
            logged.setdefault(line["request_id"], []).append(line)
    for own, reply in played.ids:
        found = [line for line in logged[own] if line["status"] == reply.status_code and
                 line["path"] == reply.request.url.raw_path.decode().split("?")[0] and
                 line["method"] == reply.request.method]
        assert found, own
        assert found[0]["us"] >= 0 and found[0]["peer"] == "127.0.0.1"


def test_a_calls_lines_name_its_request(played):
    requested = [line for line in played.lines if line["message"] == "call requested" and
                 line["request_id"] == "my-own-id"]
    assert len(requested) == len(VERSIONS)
    for line in requested:
        about = [one for one in played.lines if one.get("call") == line["call"]]
        assert any(one["message"] == "call ended" for one in about)
        assert line["user"] == "alice"


def test_start_and_end(played):
    sentences = [line["message"] for line in played.lines]
    for sentence in ("listening", "started", "stopping", "stopped"):
        assert sentence in sentences
    assert sentences[-1] == "stopped"


def test_text_and_file(http_version):
    """log.file takes what standard error took; lines of text are one line each."""
    settings = {"log": {"format": "text", "level": "info", "file": "gateway.log"}}
    gateway = Gateway(settings)
    with gateway:
        with gateway.client(http_version) as client:
            reply = client.post("/api/v2/calls", json={"phone_number": "+1234567486"},
                                headers={"X-Request-ID": "find-me"})
            call_id = reply.json()["call_id"]
            wait_until(lambda: gateway.stored("cdr", call_id=call_id), 10, "the end")
        gateway.stop()
        assert gateway.log() == ""
        text = (gateway.folder / "gateway.log").read_text()
    assert PASSWORD not in text
    for line in text.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z (INFO|WARN) [\w-]+: ", line), line
    assert re.search(rf"calls: call requested .*request_id=find-me.*call={call_id}", text)
    assert re.search(rf"calls: call ended .*call={call_id} state=busy", text)
