"""POST /api/v2/calls and GET /api/v2/status/{call_id} of the Contact Center API when Asterisk
refuses, does not answer, or answers only at the third try; and what Asterisk is asked. A few lines
of HTTP stand for Asterisk here; what a true one does is shown in ../asterisk/."""
import base64
import hashlib
import json
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from shapes import json_of, just_now
from support.gateway import Gateway, free_port

USER, PASSWORD = "gateway", "a+password/with=signs"


class Ari(BaseHTTPRequestHandler):
    """The last digits of a number are the status of each try: 503 is 503 at every one."""

    protocol_version = "HTTP/1.1"
    SCRIPTS = {"500": [500] * 9, "503": [503] * 9, "400": [400], "403": [403], "404": [404],
               "001": [500, 503, 200], "002": [500, 200]}

    def log_message(self, *arguments):
        pass

    def answer(self, status, body):
        content = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        if self.path.startswith("/ari/events?"):
            self.serve_events()
        elif self.path.startswith("/ari/asterisk/info"):
            self.answer(200, {"status": {"startup_time": "2026-01-01T00:00:00.000+0000"},
                              "system": {"version": "22.0.0"}})
        elif self.path.startswith("/ari/channels/"):
            self.answer(404, {"message": "Channel not found"})
        else:
            self.answer(200, [])

    def serve_events(self):
        """A WebSocket: pings are answered, what the client says is not of interest."""
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept",
                         base64.b64encode(hashlib.sha1(key.encode()).digest()).decode())
        self.end_headers()
        self.server.sockets.append(self)
        while head := self.rfile.read(2):
            size = head[1] & 127
            mask, text = self.rfile.read(4), self.rfile.read(size)
            text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
            if head[0] & 15 == 9:
                self.send_frame(10, text)
            elif head[0] & 15 == 8:
                self.send_frame(8, text)
                break
        self.server.sockets.remove(self)
        self.close_connection = True

    def send_frame(self, kind, text):
        with self.server.lock:
            self.wfile.write(bytes([128 | kind]) + (
                bytes([len(text)]) if len(text) < 126 else b"\x7e" + struct.pack(">H", len(text)))
                + text)

    def tell(self, event):
        for one in list(self.server.sockets):
            one.send_frame(1, json.dumps(event).encode())

    def do_POST(self):
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        target = urlsplit(self.path)
        if target.path.startswith("/ari/events/user/"):
            self.answer(204, None)
            self.tell({"type": "ChannelUserevent", "eventname": target.path.split("/")[-1],
                       "userevent": {"eventname": target.path.split("/")[-1],
                                     **body.get("variables", {})}})
            return
        if target.path.startswith("/ari/applications/"):
            self.answer(200, {})
            return
        if target.path != "/ari/channels":
            self.answer(404, {})
            return
        asked = {**body, **{key: value[0] for key, value in parse_qs(target.query).items()}}
        asked["_headers"], asked["_at"] = dict(self.headers), time.monotonic()
        with self.server.lock:
            tries = self.server.asked.setdefault(asked["channelId"], [])
            tries.append(asked)
        digits = asked["endpoint"].split("@")[0][-3:]
        script = self.SCRIPTS.get(digits, [200])
        status = script[min(len(tries), len(script)) - 1]
        self.answer(status, {"id": asked["channelId"], "name": "Local/x;1", "state": "Down"}
                    if status == 200 else {"message": "words of Asterisk"})


@pytest.fixture(scope="module")
def asterisk():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Ari)
    server.daemon_threads = True
    server.asked, server.sockets, server.lock = {}, [], threading.Lock()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()


def settings_of(port):
    return {"telephony": {"backend": "pbx"}, "backend.mock": None,
            "calls": {"allowed_contexts": ["sales"]},
            "backend.pbx": {"plugin": "ari", "url": f"http://127.0.0.1:{port}/ari",
                            "username": USER, "password": PASSWORD}}


@pytest.fixture(scope="module")
def gateway(asterisk):
    with Gateway(settings_of(asterisk.server_port)) as running:
        yield running


@pytest.fixture
def client(gateway, http_version):
    with gateway.client(http_version) as client:
        yield client


def place(client, number, **more):
    return json_of(client.post("/api/v2/calls", json={"phone_number": number, **more}))


def failed(gateway, client, body, number, error):
    """The documented answer of a call that was not taken, its status and its one record."""
    assert set(body) == {"success", "call_id", "phone_number", "message", "channel", "status",
                         "created_at", "error", "backend"}
    assert body["success"] is False
    assert body["phone_number"] == number
    assert body["message"] == "Error originating call"
    assert body["channel"] is None
    assert body["status"] == "failed"
    assert body["error"] == error
    just_now(body["created_at"])
    call = json_of(client.get(f"/api/v2/status/{body['call_id']}"))
    assert call["status"] == "failed" and call["failure_reason"] == error
    assert call["ended_at"] and call["dialed_at"] is None and call["answered_at"] is None
    assert call["duration"] is None
    assert call["is_active"] is False and call["is_completed"] is True
    assert "mock" not in call
    cdr = gateway.cdr(body["call_id"])
    assert cdr["disposition"] == "failed" and cdr["failure_reason"] == error


@pytest.mark.parametrize("status, tries", [(500, 3), (503, 3), (400, 1), (403, 1), (404, 1)])
def test_refused(gateway, asterisk, client, status, tries):
    number = f"+1234567{status}"
    body = place(client, number)
    failed(gateway, client, body, number, f"ARI error {status}")
    asked = asterisk.asked[body["call_id"]]
    assert len(asked) == tries, "only what may pass is tried again"
    waits = [later["_at"] - earlier["_at"] for earlier, later in zip(asked, asked[1:])]
    for waited, least in zip(waits, (0.3, 0.6)):
        assert least - 0.02 <= waited < least + 2


@pytest.mark.parametrize("digits, tries", [("001", 3), ("002", 2), ("890", 1)])
def test_taken_in_the_end(asterisk, client, digits, tries):
    body = place(client, f"+1234567{digits}")
    assert body["success"] is True and body["status"] == "dialing" and body["error"] is None
    assert body["channel"] == f"Local/+1234567{digits}@outbound-ivr"
    assert len(asterisk.asked[body["call_id"]]) == tries
    call = json_of(client.get(f"/api/v2/status/{body['call_id']}"))
    assert call["status"] == "dialing" and call["dialed_at"]


def test_what_is_asked(asterisk, client):
    body = place(client, "+1234567890", context="sales", extension="200", priority=3,
                 timeout=12001, caller_id="CompanyName <+1987654321>",
                 variables={"customer": "a,b ${x}", "n": "1"})
    asked, = asterisk.asked[body["call_id"]]
    assert asked["endpoint"] == "Local/+1234567890@sales/n"
    assert asked["channelId"] == body["call_id"]
    assert (asked["context"], asked["extension"], int(asked["priority"])) == ("sales", "200", 3)
    assert int(asked["timeout"]) == 13, "whole seconds, never less than asked for"
    assert asked["callerId"] == '"CompanyName" <+1987654321>'
    assert asked["variables"]["customer"] == "a,b ${x}" and asked["variables"]["n"] == "1"
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    headers = {name.lower(): value for name, value in asked["_headers"].items()}
    assert headers["authorization"] == f"Basic {login}"


@pytest.mark.parametrize("timeout, seconds", [
    (1, 1), (999, 1), (1000, 1), (1001, 2), (600000, 600)])
def test_timeouts(asterisk, client, timeout, seconds):
    body = place(client, "+1234567890", timeout=timeout)
    assert int(asterisk.asked[body["call_id"]][0]["timeout"]) == seconds


def test_defaults(asterisk, client):
    asked, = asterisk.asked[place(client, "+1234567890")["call_id"]]
    assert asked["endpoint"] == "Local/+1234567890@outbound-ivr/n"
    assert (asked["context"], asked["extension"], int(asked["priority"])) == (
        "outbound-ivr", "s", 1)
    assert int(asked["timeout"]) == 30
    assert "Outbound Call" in asked["callerId"]


def test_health(client):
    body = json_of(client.get("/health"))
    assert body["status"] == "ok"
    assert body["asterisk"] == {"status": "ok", "http": "connected", "websocket": "connected",
                                "backend": "pbx"}


def test_nobody_listens(http_version):
    with Gateway(settings_of(free_port()), ready=False) as gateway:
        with gateway.client(http_version) as client:
            body = place(client, "+1234567890")
            failed(gateway, client, body, "+1234567890", "Unable to connect to ARI")
            assert gateway.metric("calls_originated_total", status="failed") == 1
            assert gateway.metric("ari_http_connected") == 0
            assert gateway.metric("ari_websocket_connected") == 0
            assert str(gateway.settings["backend.pbx"]["url"]) not in client.get("/health").text
            assert gateway.settings["backend.pbx"]["url"] in gateway.log(), "for the operator"


def test_password_stays_out_of_the_log(gateway):
    log = gateway.log()
    assert PASSWORD not in log
    assert base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode() not in log
