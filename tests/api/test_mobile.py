"""Mobile Dialer API: keys; GET /check-connection; POST and DELETE /disconnect-call; GET /health."""
import json
import os
import re
import subprocess

import mobile
import pytest
from mobile import (DEV_KEY, FOUND, KEY, SETTINGS, ask, call, check, connected, disconnect,
                    not_the_dev_key, wrong_key)
from shapes import invalid, json_of, refused
from support.client import VERSIONS
from support.gateway import ROOT, Gateway
from support.waiting import wait_until

ENDPOINTS = [
    ("GET", "/check-connection", KEY, {"params": {"dialed_number": "5550100"}}),
    ("POST", "/disconnect-call", KEY, {"json": {"channel_id": "1700000000.1"}}),
    ("DELETE", "/disconnect-call", KEY, {"json": {"channel_id": "1700000000.1"}}),
    ("POST", "/mock-connect", DEV_KEY, {"json": {"numbers": []}}),
    ("GET", "/mock-status", DEV_KEY, {}),
    ("DELETE", "/clear-mocks", DEV_KEY, {}),
]
DEVELOPMENT = [one for one in ENDPOINTS if one[2] == DEV_KEY]
NORMAL = [one for one in ENDPOINTS if one[2] == KEY]
CALLER = "CompanyName <+19025800000>"


@pytest.fixture(scope="module")
def gateway():
    with Gateway(SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def clients(gateway):
    opened = {version: gateway.client(version) for version in VERSIONS}
    yield opened
    for client in opened.values():
        client.close()


@pytest.fixture
def client(clients, http_version):
    return clients[http_version]


@pytest.fixture
def live(client):
    """Calls placed by the test; hung up after it."""
    placed = []

    def place(number, state="answered", **body):
        placed.append(call(client, number, state, **body))
        return placed[-1]
    yield place
    for call_id in placed:
        client.delete(f"/api/v2/calls/{call_id}")
        wait_until(lambda: client.get(f"/api/v2/channels/{call_id}").status_code == 404, 5, "end")


# ---- keys ----

@pytest.mark.parametrize("method,path,key,options", ENDPOINTS)
def test_right_key(client, method, path, key, options):
    assert ask(client, method, path, key, **options).status_code == 200
    assert ask(client, method, path + "/", key, **options).status_code == 200
    reply = client.request(method, path, token=None, headers={"x-api-KEY": key}, **options)
    assert reply.status_code == 200


@pytest.mark.parametrize("method,path,key,options", NORMAL)
def test_dev_key_opens_the_normal_endpoints(client, method, path, key, options):
    assert ask(client, method, path, DEV_KEY, **options).status_code == 200


@pytest.mark.parametrize("method,path,key,options", ENDPOINTS)
def test_missing_key(client, method, path, key, options):
    problems = invalid(ask(client, method, path, None, **options), ("header", "x-api-key"))
    assert problems[0]["type"] == "missing"
    assert problems[0]["msg"] == "Field required"


@pytest.mark.parametrize("method,path,key,options", NORMAL)
@pytest.mark.parametrize("wrong", ["wrong", KEY[:-1], KEY + "x", KEY.swapcase(), "", "x" * 9000,
                                   "Bearer " + KEY, f'"{KEY}"', "\u00fc".encode()])
def test_wrong_key(client, method, path, key, options, wrong):
    wrong_key(client.request(method, path, token=None, headers={"X-API-Key": wrong}, **options))


@pytest.mark.parametrize("method,path,key,options", DEVELOPMENT)
@pytest.mark.parametrize("wrong", ["wrong", KEY, DEV_KEY[:-1], ""])
def test_not_the_dev_key(client, method, path, key, options, wrong):
    not_the_dev_key(client.request(method, path, token=None, headers={"X-API-Key": wrong},
                                   **options))


def test_other_credentials_do_not_count(client):
    reply = client.request("GET", "/check-connection", params={"dialed_number": "5550100"})
    invalid(reply, ("header", "x-api-key"))
    reply = client.get("/api/v2/channels", token=None, headers={"X-API-Key": KEY})
    refused(reply, 401, "Not authenticated")
    wrong_key(client.get("/check-connection?dialed_number=1", token=None,
                         headers={"X-API-Key": client.token}))


def test_missing_key_is_told_with_all_else_that_is_wrong(client):
    header = ("header", "x-api-key")
    invalid(ask(client, "GET", "/check-connection", None), header, ("query", "dialed_number"))
    invalid(ask(client, "POST", "/disconnect-call", None, json={}), header, ("body", "channel_id"))
    invalid(ask(client, "POST", "/disconnect-call", None), header, ("body",))
    invalid(ask(client, "POST", "/mock-connect", None, json={"numbers": "5550100"}), header,
            ("body", "numbers"))
    invalid(ask(client, "POST", "/mock-connect", None, content=b"{"), header, ("body",))


def test_wrong_key_comes_before_all_else(client):
    wrong_key(ask(client, "GET", "/check-connection", "wrong"))
    wrong_key(ask(client, "POST", "/disconnect-call", "wrong", content=b"{"))
    not_the_dev_key(ask(client, "POST", "/mock-connect", "wrong", json={}))


@pytest.mark.parametrize("path,method,allowed", [
    ("/check-connection", "POST", {"GET", "HEAD", "OPTIONS"}),
    ("/disconnect-call", "GET", {"POST", "DELETE", "OPTIONS"}),
    ("/mock-connect", "GET", {"POST", "OPTIONS"}),
    ("/mock-status", "DELETE", {"GET", "HEAD", "OPTIONS"}),
    ("/clear-mocks", "POST", {"DELETE", "OPTIONS"}),
])
def test_methods(client, path, method, allowed):
    reply = ask(client, method, path)
    refused(reply, 405, "Method Not Allowed")
    assert set(reply.headers["allow"].replace(" ", "").split(",")) == allowed
    refused(ask(client, method, path + "/more"), 404, "Not Found")


def test_origins(client):
    """Any origin, with credentials, every method and header."""
    reply = client.request("OPTIONS", "/mock-connect", token=None, headers={
        "Origin": "http://localhost:8081", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key, content-type"})
    assert (reply.status_code, reply.text) == (200, "OK")
    assert "POST" in reply.headers["access-control-allow-methods"]
    assert reply.headers["access-control-allow-headers"] == "x-api-key, content-type"
    for key in (KEY, "wrong", None):
        reply = client.request("GET", "/check-connection", token=None,
                               params={"dialed_number": "1"},
                               headers={"Origin": "http://localhost:8081", **mobile.with_key(key)})
        assert reply.headers["access-control-allow-origin"] in ("*", "http://localhost:8081")


def test_keys_that_are_not_configured_close(start_gateway, http_version):
    with start_gateway().client(http_version) as client:
        for method, path, key, options in ENDPOINTS:
            reply = ask(client, method, path, key, **options)
            (wrong_key if key == KEY else not_the_dev_key)(reply)
            invalid(ask(client, method, path, None, **options), ("header", "x-api-key"))


# ---- GET /health ----

def test_health(client):
    body = json_of(ask(client, "GET", "/health"))
    assert body["status"] == "healthy"
    mobile.just_now(body["timestamp"])
    assert json_of(ask(client, "GET", "/health", "whatever"))["status"] == "healthy"
    keyless = json_of(client.get("/health", token=None))
    assert keyless["status"] == "ok" and keyless["timestamp"].endswith("Z")


# ---- GET /check-connection ----

def test_number_is_required(client):
    for params in ({}, {"caller_id": "9025800000"}, {"number": "5550100"}):
        problems = invalid(ask(client, "GET", "/check-connection", params=params),
                           ("query", "dialed_number"))
        assert problems[0]["type"] == "missing"


@pytest.mark.parametrize("number", ["", "abc", "+", "-", " ", "\u0665\u0665\u0665"])
def test_number_without_digits(client, number, live):
    live("+15550101001")
    assert connected(client, number) is None


def test_life_of_a_call(client, live):
    assert connected(client, "5550101100") is None
    ringing = live("+15550101480", "ringing", timeout=60000)
    assert connected(client, "15550101480") == ringing
    answered = live("+15550101101")
    body = check(client, "+1 (555) 010-1101")
    assert (body["channel_id"], body["message"]) == (answered, FOUND)
    client.delete(f"/api/v2/calls/{answered}")
    wait_until(lambda: connected(client, "5550101101") is None, 5, "the end")


@pytest.mark.parametrize("asked", ["+15550101102", "0101102", "15550101102", "99990101102",
                                   "(010) 1102", "010-1102", "tel:+1-555-010-1102"])
def test_last_seven_digits(client, live, asked):
    channel = live("+15550101102")
    assert connected(client, asked) == channel


@pytest.mark.parametrize("asked", ["0101103", "1101102", "01102", "1102", "2"])
def test_other_numbers(client, live, asked):
    live("+15550101102")
    assert connected(client, asked) is None


@pytest.mark.parametrize("caller,matches", [
    (None, True), ("9025800000", True), ("+1 902 580 0000", True), ("5800000", True),
    ("", True), ("anonymous", True),
    ("9025800001", False), ("800000", False), ("0101111", False),
])
def test_caller_id(client, live, caller, matches):
    channel = live("+15550101104", caller_id=CALLER)
    assert connected(client, "5550101104", caller) == (channel if matches else None)


def test_caller_is_a_number_too(client, live):
    channel = live("+15550101105", caller_id="CompanyName <+19025800777>")
    assert connected(client, "9025800777") == channel
    assert connected(client, "9025800777", "5550101105") == channel
    assert connected(client, "9025800777", "5550101106") is None


def test_extension_and_short_numbers(client, live):
    channel = live("+15550101107", extension="4711")
    assert connected(client, "4711") == channel
    assert connected(client, "04711") is None
    assert connected(client, "711") is None


@pytest.mark.parametrize("ending,state", [("486", "busy"), ("603", "busy"), ("404", "failed")])
def test_calls_that_have_failed(client, live, ending, state):
    live(f"+15550102{ending}", state)
    assert connected(client, f"5550102{ending}") is None


def test_up_comes_first_then_the_newest(client, live):
    """Four calls of one caller: two are up, the ringing ones are newer."""
    caller = "Many <+19025800999>"
    old = live("+15550101201", caller_id=caller)
    new = live("+15550101202", caller_id=caller)
    first_ringing = live("+15550201480", "ringing", caller_id=caller, timeout=60000)
    ringing = live("+15550202480", "ringing", caller_id=caller, timeout=60000)
    for channel in (new, old, ringing, first_ringing):
        assert connected(client, "9025800999") == channel
        client.delete(f"/api/v2/calls/{channel}")
        wait_until(lambda gone=channel: connected(client, "9025800999") != gone, 5, "its end")
    assert connected(client, "9025800999") is None


def test_early_media(client, start_gateway, http_version):
    """A number ending in 183 has early media before it is answered."""
    settings = {**SETTINGS, "backend.mock": {"ring_ms": 20, "answer_ms": 5000, "talk_ms": 0}}
    with start_gateway(settings).client(http_version) as slow:
        slow.post("/api/v2/calls", json={"phone_number": "+15550101183"})
        assert wait_until(lambda: connected(slow, "5550101183"), 5, "the call")


def test_unusual_questions(client):
    assert connected(client, "5" * 3000) is None
    assert connected(client, "5550199\r\nX-Injected: 1") is None
    assert connected(client, "5550199", "x" * 2000) is None
    reply = ask(client, "GET", "/check-connection?dialed_number=5550199&dialed_number=5550198")
    assert reply.status_code == 200
    assert ask(client, "HEAD", "/check-connection?dialed_number=5550199").status_code == 200
    assert ask(client, "GET", "/check-connection?dialed_number=%ff").status_code == 400


def test_backend_away(start_gateway, http_version):
    """Nobody knows, so nothing is said not to be there; mock numbers answer all the same."""
    settings = {**SETTINGS, "backend.pbx": {"plugin": "ari", "url": "http://127.0.0.1:1/ari",
                                            "username": "u", "password": "p"},
                "telephony": {"backend": "pbx"}}
    gateway = start_gateway(settings, ready=False)
    with gateway.client(http_version) as client:
        refused(ask(client, "GET", "/check-connection", params={"dialed_number": "5550100"}), 500,
                "Internal server error")
        assert connected(client, "no digits") is None
        mobile.add(client, "5550100")
        assert check(client, "5550100")["message"] == mobile.MOCK
        refused(ask(client, "POST", "/disconnect-call", json={"channel_id": "1700000000.1"}), 500,
                "Failed to disconnect call")
        body = check(client, "5550100")
        disconnect(client, body["channel_id"], message="Mock call disconnected")
        refused(ask(client, "GET", "/check-connection", params={"dialed_number": "5550100"}), 500,
                "Internal server error")
        refused(client.get("/api/v2/channels"), 503, "The telephone system is not connected")
        refused(client.get("/api/v2/channels/1"), 503, "The telephone system is not connected")
        assert json_of(ask(client, "GET", "/health"))["status"] == "healthy"


# ---- POST and DELETE /disconnect-call ----

@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_disconnect(client, live, method):
    live("+15550101301")
    channel = connected(client, "5550101301")
    disconnect(client, channel, method)
    wait_until(lambda: connected(client, "5550101301") is None, 5, "the end")
    status = client.get(f"/api/v2/status/{channel}").json()
    assert status["status"] == "completed"
    disconnect(client, channel, method)  # it is not there any more, as was asked


def test_disconnect_by_name(client, live):
    channel = live("+15550101302")
    name = client.get(f"/api/v2/channels/{channel}").json()["name"]
    assert "/" in name
    disconnect(client, name)
    wait_until(lambda: connected(client, "5550101302") is None, 5, "the end")


@pytest.mark.parametrize("channel", ["1234567890.123", "SIP/trunk-00000001",
                                     "Local/1@sales-00000001;2", "x" * 255, "a b", "../../x",
                                     "\u00fc", "%2e%2e", "?", "mocked"])
def test_disconnect_what_is_not_there(client, channel):
    disconnect(client, channel)


@pytest.mark.parametrize("channel", ["mock-5550100-1", "mock-", "mock", "mock-abc", "mock--"])
def test_disconnect_mock_that_is_not_there(client, channel):
    mock = channel.startswith("mock-")
    disconnect(client, channel,
               message="Mock call disconnected" if mock else "Call disconnected successfully")


@pytest.mark.parametrize("channel", ["", "x" * 256, "a\r\nAction: Originate", "a\nb", "a\u0000b",
                                     "\u007f", None, 5, ["a"], {"id": "a"}, True])
def test_disconnect_wrong_id(client, channel):
    invalid(ask(client, "POST", "/disconnect-call", json={"channel_id": channel}),
            *([("body",)] if channel == "a\u0000b" else [("body", "channel_id")]))


def test_disconnect_wrong_body(client):
    for method in ("POST", "DELETE"):
        invalid(ask(client, method, "/disconnect-call", json={}), ("body", "channel_id"))
        invalid(ask(client, method, "/disconnect-call"), ("body",))
        invalid(ask(client, method, "/disconnect-call", json=[1]), ("body",))
        invalid(ask(client, method, "/disconnect-call", content=b"channel_id=1"), ("body",))


# ---- the log ----

def test_checks_are_logged(gateway, client, live):
    """Each check and what came of it; what a client sends cannot forge a line."""
    before = len(gateway.log())
    live("+15550101401")
    channel = connected(client, "5550101401", "CompanyName")
    connected(client, "5550101402\n2026-01-01T00:00:00.000Z INFO mobile: forged")
    disconnect(client, "no such channel")
    log = gateway.log()[before:]
    line = re.search(r"^.* INFO mobile: connection checked.*number=5550101401 .*$", log, re.M)
    assert line and f"channel={channel}" in line.group() and "result=connected" in line.group()
    assert "request_id=" in line.group()
    assert 'result="not connected"' in log
    assert not re.search(r"^2026-01-01T00:00:00.000Z", log, re.M)
    assert re.search(r"INFO mobile: call disconnected .*channel=\"no such channel\"", log)
    assert KEY not in log and DEV_KEY not in log


# ---- the documentation ----

def curl_lines():
    """The lines of the mobile dialer's section in README.md that ask something."""
    section = (ROOT / "README.md").read_text().split("## The mobile dialer")[1].split("\n## ")[0]
    shell = section.split("```sh\n")[1].split("```")[0].replace("\\\n", " ")
    return [" ".join(line.split()) for line in shell.splitlines() if line.startswith("curl")]


@pytest.mark.parametrize("line", curl_lines())
def test_lines_of_the_readme(gateway, line):
    assert "http://127.0.0.1:8000/" in line
    line = line.replace("http://127.0.0.1:8000", gateway.base)
    result = subprocess.run(["sh", "-c", f"{line} --silent --show-error --fail-with-body"],
                            env={"PATH": os.environ["PATH"], "API_KEY": KEY,
                                 "DEV_API_KEY": DEV_KEY},
                            capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert json.loads(result.stdout)


def test_every_endpoint_has_its_line():
    lines = "\n".join(curl_lines())
    for path in sorted({path for _, path, _, _ in ENDPOINTS} | {"/health"}):
        assert path in lines
