"""A manager interface that does everything wrong: garbage, half lines, lines of a megabyte, events
out of order, no answer, two answers. Calls go on or end truly, and the gateway says what is wrong.
And whatever clients send: what reaches the manager is exactly what was meant."""
import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support import outcomes
from support.gateway import Gateway
from support.played_manager import COMMANDS, Manager, block, channel, crumbs
from support.waiting import wait_until

pytestmark = pytest.mark.sanitized

ENDS = {"001": "completed", "486": "busy", "603": "busy", "404": "failed"}


@pytest.fixture
def manager():
    with Manager() as running:
        yield running


def health(gateway):
    return httpx.get(f"{gateway.base}/health", timeout=10, trust_env=False).json()


def is_up(gateway):
    return httpx.get(f"{gateway.base}/readiness", timeout=10, trust_env=False).status_code == 200


def place(client, digits):
    reply = client.post("/api/v2/calls", json={"phone_number": outcomes.new_number(digits)})
    assert reply.status_code == 200, reply.text
    return reply.json()


def status(client, call_id):
    return client.get(f"/api/v2/status/{call_id}").json()["status"]


def run_calls(gateway, rounds=3):
    """Every fate, some times at once: each call ends as it has to, and has one record."""
    with gateway.client() as client:
        kinds = list(ENDS) * rounds
        with ThreadPoolExecutor(4) as pool:
            placed = list(pool.map(lambda digits: place(client, digits), kinds))
        for answer, digits in zip(placed, kinds):
            assert answer["success"], answer
            call_id = answer["call_id"]
            if digits == "001":
                wait_until(lambda: status(client, call_id) == "answered", 10, "an answered call")
                assert client.delete(f"/api/v2/calls/{call_id}").status_code == 200
            wait_until(lambda: status(client, call_id) == ENDS[digits], 10,
                       f"{digits}: {ENDS[digits]}")
            assert gateway.cdr(call_id)


def test_any_pieces_and_any_order(manager):
    manager.pieces = crumbs(7)
    with Gateway(manager.settings()) as gateway:
        run_calls(gateway)


def test_two_answers(manager):
    manager.answers = 2
    with Gateway(manager.settings()) as gateway:
        run_calls(gateway)
        assert gateway.metric("dialgate_ami_responses_late_total") > 10


def test_megabytes(manager):
    """Messages that are too large are skipped, counted and told; those around them are not."""
    with Gateway(manager.settings()) as gateway:
        manager.send(b"Event: VarSet\r\nValue: " + b"x" * (1 << 20) + b"\r\n\r\n")
        manager.send(b"Event: VarSet\r\n" + b"A: b\r\n" * 5000 + b"\r\n")
        run_calls(gateway, 1)
        assert gateway.metric("dialgate_ami_messages_skipped_total") == 2
        assert "skipped" in gateway.log()


def test_garbage(manager):
    """Bytes of any kind among the messages, and messages that make no sense."""
    dice = random.Random(3)
    with Gateway(manager.settings()) as gateway:
        for _ in range(200):
            manager.send(dice.randbytes(dice.randrange(1, 3000)) + b"\r\n\r\n")
            manager.send(b"Event: Hangup\r\nUniqueid: " + dice.randbytes(200).replace(b"\n", b"")
                         + b"\r\n\r\nEvent: DialEnd\r\n\r\nResponse: Success\r\n\r\n"
                         b"Response: Error\r\nActionID: dialgate-1\r\n\r\n")
        run_calls(gateway, 1)


@pytest.mark.parametrize("banner, detail", [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n",
     'what answers is no Asterisk manager: it says "HTTP/1.1 400 Bad Request"'),
    (b"\xff" * 5000, 'what answers is no Asterisk manager: it says ""')], ids=["http", "garbage"])
def test_no_manager(manager, banner, detail):
    manager.banner = banner
    with Gateway(manager.settings(), ready=False) as gateway:
        wait_until(lambda: health(gateway)["asterisk"]["detail"] == detail, 10, detail)
        assert place(gateway.client(), "001")["success"] is False
        manager.banner = b"Asterisk Call Manager/5.0.4\r\n"
        wait_until(lambda: is_up(gateway), 20, "the link")
        run_calls(gateway, 1)


def test_wrong_password(manager):
    with Gateway(manager.settings(password="another"), ready=False) as gateway:
        said = "Asterisk refuses the login: check username and password: Authentication failed"
        wait_until(lambda: health(gateway)["asterisk"]["detail"] == said, 10, said)
        assert said in gateway.log() and "another" not in gateway.log()


def test_missing_rights(manager):
    """The missing class is named, to the log and to whoever asks for what needs it."""
    manager.commands = [name for name in COMMANDS if name not in ("Setvar", "Redirect", "Park")]
    with Gateway(manager.settings()) as gateway:
        wait_until(lambda: "the user may not do Park: give it call" in gateway.log(), 5, "the word")


def test_no_answer(manager):
    """An Originate without an answer is looked up, not sent again; a call that came about lives."""
    with Gateway(manager.settings()) as gateway:
        client = gateway.client()
        answer = place(client, "000")
        assert answer["success"] is True
        assert len([one for one in manager.named("Originate") if "ChannelId" in one]) == 1
        assert {"Channel": answer["call_id"]}.items() <= manager.named("Status")[-1].items()
        assert client.delete(f"/api/v2/calls/{answer['call_id']}").status_code == 200
        silent = place(client, "999")
        assert silent["success"] is True, "it was accepted: Asterisk may be busy"
        manager.silent = {"Originate", "Status"}
        assert place(client, "001")["success"] is False
        assert len([one for one in manager.named("Originate") if "ChannelId" in one]) == 3


def test_bridge_before_its_events(manager):
    """What is asked of a call before the events have told of its bridge: Asterisk is asked, and what
    it says counts."""
    with Gateway(manager.settings()) as gateway:
        client = gateway.client()
        call, other = [place(client, "001")["call_id"] for _ in range(2)]
        for one in (call, other):
            wait_until(lambda: status(client, one) == "answered", 10, "the answer")
        before = len(manager.taken)
        reply = client.post(f"/api/v2/calls/{call}/hold")
        assert reply.status_code == 409 and "runs in the dialplan" in reply.text, reply.text
        # Once for each of the two ways in which a call is put on hold.
        assert [name for name, *_ in manager.taken[before:] if name != "Ping"] == ["Status"] * 2
        manager.bridges["b1"] = [call, other]
        reply = client.post(f"/api/v2/calls/{call}/hold")
        assert reply.status_code == 200, reply.text
        assert [one["Channel"] for one in manager.named("MuteAudio")] == [call, other]
        for one in (call, other):
            manager.send(block(("Event", "BridgeEnter"), ("BridgeUniqueid", "b1"),
                               *channel(one, "Up")))
        before = len(manager.taken)
        assert client.post(f"/api/v2/calls/{call}/unhold").status_code == 200
        assert "Status" not in [name for name, *_ in manager.taken[before:]]


def test_silence(manager):
    with Gateway(manager.settings()) as gateway:
        manager.silent = {"Ping"}
        wait_until(lambda: "Asterisk is silent: no answer to a ping" in gateway.log(), 10,
                   "the word that it is silent")
        manager.silent = set()
        wait_until(lambda: is_up(gateway), 20, "the link's return")
        run_calls(gateway, 1)


def test_cut_at_any_moment(manager):
    """Again and again, also in the middle of the login: it comes back, and loses no descriptor."""
    dice = random.Random(5)
    with Gateway(manager.settings()) as gateway:
        run_calls(gateway, 1)
        wait_until(lambda: gateway.metric("dialgate_http_connections") == 1, 10,
                   "the end of the clients")
        before = gateway.descriptors()
        for _ in range(6):
            wait_until(lambda: manager.sessions, 10, "a session", every=0.005)
            time.sleep(dice.uniform(0, 0.1))
            manager.cut()
            time.sleep(0.05)
        # Up for good: what is asked of a link that is about to be found dead is another test.
        connects = gateway.metric("dialgate_ami_connects_total")
        manager.cut()
        wait_until(lambda: gateway.metric("dialgate_ami_connects_total") > connects, 20, "the link")
        wait_until(lambda: is_up(gateway), 20, "the link")
        run_calls(gateway, 1)
        wait_until(lambda: gateway.descriptors() <= before, 10, "as few descriptors as before")


# ---- What reaches the manager -------------------------------------------------------------------

NASTY = ["x\r\nAction: Command\r\nCommand: core stop now", "x\n\nAction: Command\n\n", "x\rAction: y",
         "1\r\nVariable: EVIL=1", "/.*/", "a,b=c", "\u2028Action: Command", "\x00\r\nAction: x",
         "Local/1@x&PJSIP/2", "${SHELL(id)}", "x" * 2000, "", " ", "ä\"\\'"]
# What these tests can make the gateway send, and the headers that each may have.
EVENTS = {"Challenge", "Login", "ListCommands", "CoreSettings", "CoreStatus", "Ping", "Logoff"}
HEADERS = {"Action", "ActionID", "Channel", "ChannelId", "OtherChannelId", "Async", "CallerID",
           "Timeout", "Context", "Exten", "Priority", "Variable", "Application", "Data", "Cause",
           "Variables", "Value", "Digit", "Duration", "Receive", "Direction", "State", "File",
           "Options", "MixMonitorID", "TimeoutChannel", "AnnounceChannel", "Parkinglot",
           "ParkingLot", "Command", "CommandID", "Control", "Channel1", "Channel2", "Tone",
           "ExtraChannel", "ExtraContext", "ExtraExten", "ExtraPriority", "Queue", "Interface",
           "Penalty", "Paused", "Reason", "MemberName", "BridgeUniqueid", "Username", "AuthType",
           "Key", "Events"}


def operations(document):
    """(method, path, schema of the body or None) of every operation that is about calls."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if not path.startswith("/api/v2/") or "token" in path or path == "/api/v2/events":
                continue  # the last one's answer does not end
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            while "$ref" in schema:
                schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            yield method, path, schema.get("properties", {})


def test_exactly_what_was_meant(manager):
    """Whatever any endpoint is given: no action comes that was not meant, nor any other header."""
    dice = random.Random(11)
    with Gateway({**manager.settings(), "log": {"level": "info"}}) as gateway:
        client = gateway.client()
        live = place(client, "001")["call_id"]
        document = client.get("/openapi.json").json()
        tried = 0
        for method, path, fields in operations(document):
            for nasty in NASTY:
                place_of = path
                while "{" in place_of:
                    name = place_of[place_of.index("{"):place_of.index("}") + 1]
                    value = live if "call" in name and dice.random() < 0.7 else nasty
                    place_of = place_of.replace(name, quoted(value), 1)
                body = {name: nasty if dice.random() < 0.4 else sample(schema, nasty)
                        for name, schema in fields.items() if dice.random() < 0.8}
                client.request(method.upper(), place_of, json=body if fields else None)
                tried += 1
            if status(client, live) != "answered":
                live = place(client, "001")["call_id"]
        assert tried > 200
        assert is_up(gateway)
    names = {name for name, _, _ in manager.taken}
    assert names <= EVENTS | set(COMMANDS) | {"QueueRemove", "QueuePause", "QueueSummary",
                                              "MixMonitorMute", "Atxfer", "BridgeInfo"}, names
    for name, headers, lines in manager.taken:
        assert set(lines) <= HEADERS, (name, lines)
        assert lines.count("Action") == lines.count("ActionID") == 1 or name == "Logoff"
        assert not any("Action:" in value and "\n" in value for value in headers.values())
        assert headers.get("Channel", "x")[:1] != "/", headers
        if name == "Originate" and "ChannelId" in headers:
            assert "EVIL" not in str([line for line in lines if line != "Variable"])


def quoted(text):
    return "".join(f"%{byte:02X}" for byte in text.encode()) or "-"


def sample(schema, text):
    """Something of the field's type."""
    kind = schema.get("type") or "string"
    return {"integer": 1, "number": 1, "boolean": True, "object": {"A": text},
            "array": [text]}.get(kind if isinstance(kind, str) else kind[0], text)
