"""POST /api/v2/calls with a message in the place of the dialplan, and with answering-machine
detection: what is heard, and what stands in the call, its CDR and the events."""
import itertools
import json

import pytest
from shapes import invalid, json_of
from support.events import Reader
from support.gateway import Gateway
from support.waiting import wait_until

MACHINE, HUMAN, UNSURE = "622", "000", "733"
numbers = itertools.count(1)
SETTINGS = {
    "calls": {"allowed_contexts": ["sales"]},
    "backend.mock": {
        "plugin": "mock", "ring_ms": 5, "answer_ms": 10, "talk_ms": 9000, "play_ms": 150,
        "detect_ms": 200, "key_ms": 60,
        "rules": [{"suffix": MACHINE, "outcome": "answers", "amd": "machine"},
                  {"suffix": UNSURE, "outcome": "answers", "amd": "notsure"},
                  {"suffix": "299", "outcome": "hangs-up"},
                  {"suffix": "911", "outcome": "answers", "keys": "12"}]}}
MENU = {"name": "menu", "audio_file": "sound:hello", "timeout": 1, "created_at": 1,
        "actions": [{"dtmf_digit": "1", "action_type": "hangup", "action_value": ""}]}


@pytest.fixture(scope="module")
def gateway():
    made = Gateway(SETTINGS)
    made.cli("import", stdin=json.dumps(
        {"collection": "ivr_menus", "id": "1", "version": 1, "doc": MENU}) + "\n")
    with made:
        yield made


@pytest.fixture
def client(gateway, http_version):
    with gateway.client(http_version) as client:
        yield client


@pytest.fixture(scope="module")
def refused_client(gateway):
    with gateway.client() as client:
        yield client


def place(client, end, **body):
    number = f"555{next(numbers):04}{end}"
    return json_of(client.post("/api/v2/calls", json={"phone_number": number, **body}))["call_id"]


def ended(client, call):
    def record():
        return client.get(f"/api/v2/status/{call}").json()
    wait_until(lambda: record()["is_completed"], 30, "the end of the call")
    return record()


def steps(record):
    return [mark["event"] for mark in record["message"]["path"]]


# ---- a message ----

def test_message(gateway, client):
    call = place(client, HUMAN, audio="welcome&sound:vm-goodbye")
    record = ended(client, call)
    message = record["message"]
    assert (message["audio"], message["to"]) == ("welcome&sound:vm-goodbye", "human")
    assert (message["played"], message["result"]) == (1, "played")
    assert steps(record) == ["message", "end"]
    assert message["path"][-1]["at"] >= 300  # two sounds of 150 ms
    assert record["status"] == "completed" and record["failure_reason"] is None
    assert "amd" not in record and "ivr" not in record
    cdr = gateway.cdr(call)
    assert cdr["message"] == message and cdr["cause"] == 16


def test_message_is_repeated(client):
    record = ended(client, place(client, HUMAN, audio="welcome", repeat=3, language="de"))
    assert steps(record) == ["message", "repeat", "repeat", "end"]
    assert record["message"]["played"] == 3


def test_caller_hangs_up(client):
    """The mock hangs up after a second, the message would take longer."""
    record = ended(client, place(client, "299", audio="&".join(["welcome"] * 12)))
    assert (record["message"]["played"], record["message"]["result"]) == (0, "caller")


def test_keys_are_noted(client):
    record = ended(client, place(client, "911", audio="welcome", repeat=2))
    assert record["message"]["keys"] == "12"
    assert record["message"]["played"] == 2


def test_events(gateway, client):
    with Reader(gateway) as reader:
        call = place(client, MACHINE, audio="welcome", amd=True, on_machine="hangup")
        other = place(client, HUMAN, audio="welcome", amd=True)
        ended(client, call)
        ended(client, other)
        wait_until(lambda: sum(kind == "call.ended" for kind, _, _ in reader.events) == 2, 10,
                   "the ends of the calls")
        told = [(kind, data) for kind, _, data in reader.events]
    found = {data["call_id"]: data["amd"]["result"] for kind, data in told if kind == "call.amd"}
    assert found == {call: "machine", other: "human"}
    heard = [(data["call_id"], data["message"]["event"]) for kind, data in told
             if kind == "call.message"]
    assert heard == [(other, "message"), (other, "end")]


# ---- detection ----

@pytest.mark.parametrize("end, result, to, audio", [
    (HUMAN, "human", "human", "welcome"), (UNSURE, "notsure", "human", "welcome"),
    (MACHINE, "machine", "machine", "call-us")])
def test_message_for_machines(gateway, client, end, result, to, audio):
    call = place(client, end, audio="welcome", repeat=2, amd={"greeting": 1200, "silence": 500},
                 machine_message="call-us")
    record = ended(client, call)
    assert record["amd"]["result"] == result
    assert record["amd"]["cause"] == "PLAYED-0-0"
    # with a machine the end of its greeting is waited for
    assert record["amd"]["at"] >= (390 if to == "machine" else 190)
    assert (record["message"]["to"], record["message"]["audio"]) == (to, audio)
    assert record["message"]["played"] == (1 if to == "machine" else 2)
    assert gateway.cdr(call)["amd"] == record["amd"]


def test_machine_is_hung_up(client):
    record = ended(client, place(client, MACHINE, audio="welcome", amd=True, on_machine="hangup"))
    assert record["amd"]["result"] == "machine" and "message" not in record
    assert record["status"] == "completed"


def test_machine_hears_the_message_too(client):
    record = ended(client, place(client, MACHINE, audio="welcome", amd={}))
    assert record["amd"]["result"] == "machine"
    assert (record["message"]["to"], record["message"]["played"]) == ("human", 1)


def test_detection_before_a_menu(client):
    record = ended(client, place(client, HUMAN, ivr_menu=1, amd=True, on_machine="hangup"))
    assert record["amd"]["result"] == "human"
    assert [mark["event"] for mark in record["ivr"]["path"]] == ["menu", "timeout", "end"]
    record = ended(client, place(client, MACHINE, ivr_menu=1, amd=True, machine_message="call-us"))
    assert record["message"]["audio"] == "call-us" and "ivr" not in record


@pytest.mark.parametrize("body, place_of", [
    ({}, ("outbound-ivr", "s")), ({"context": "sales", "extension": "7"}, ("sales", "7"))])
def test_detection_before_the_dialplan(gateway, client, body, place_of):
    call = place(client, HUMAN, amd=True, on_machine="hangup", **body)

    def channel():
        reply = client.get(f"/api/v2/channels/{call}")
        return reply.json() if reply.status_code == 200 else {}
    wait_until(lambda: channel().get("extension") == place_of[1], 10, "the place in the dialplan")
    assert channel()["context"] == place_of[0]
    record = client.get(f"/api/v2/status/{call}").json()
    assert record["amd"]["result"] == "human"
    assert (record["context"], record["extension"]) == place_of
    # it is not to be sent there again after a restart
    wait_until(lambda: gateway.stored("calls", id=call, sent_on=True), 10, "its record")
    client.delete(f"/api/v2/calls/{call}")
    assert "message" not in ended(client, call)


def test_hung_up_while_it_is_listened_to(gateway, client):
    call = place(client, HUMAN, audio="welcome", amd=True)
    wait_until(lambda: client.get(f"/api/v2/status/{call}").json()["status"] == "answered", 10,
               "the answer")
    client.delete(f"/api/v2/calls/{call}")
    record = ended(client, call)
    assert record["amd"]["result"] == "hangup" and "message" not in record


# ---- what is refused ----

@pytest.mark.parametrize("body, fields", [
    ({"audio": ""}, ["audio"]), ({"audio": "../etc/passwd"}, ["audio"]),
    ({"audio": "sound:/etc/passwd"}, ["audio"]), ({"audio": "sound:a,b"}, ["audio"]),
    ({"audio": "http://host/x.wav"}, ["audio"]), ({"audio": "sound:http://host/x"}, ["audio"]),
    ({"audio": 7}, ["audio"]), ({"audio": "a" * 300}, ["audio"]),
    ({"audio": "a&" * 20 + "a"}, ["audio"]),
    ({"audio": "a", "repeat": 0}, ["repeat"]), ({"audio": "a", "repeat": 11}, ["repeat"]),
    ({"repeat": 2}, ["repeat"]), ({"audio": "a", "language": "de/../.."}, ["language"]),
    ({"language": "de"}, ["language"]),
    ({"audio": "a", "context": "sales"}, ["context"]), ({"audio": "a", "ivr_menu": 1}, ["audio"]),
    ({"audio": "a", "extension": "s", "priority": 1}, ["extension", "priority"]),
    ({"amd": "yes"}, ["amd"]), ({"amd": [1]}, ["amd"]),
    ({"amd": {"greeting": 50}}, ["amd", "greeting"]),
    ({"amd": {"total_analysis_time": 60001}}, ["amd", "total_analysis_time"]),
    ({"amd": {"silence_threshold": "loud"}}, ["amd", "silence_threshold"]),
    ({"amd": {"surprise": 1}}, ["amd", "surprise"]),
    ({"on_machine": "hangup"}, ["on_machine"]), ({"machine_message": "a"}, ["machine_message"]),
    ({"amd": False, "machine_message": "a"}, ["machine_message"]),
    ({"amd": True, "on_machine": "sing"}, ["on_machine"]),
    ({"amd": True, "on_machine": "message"}, ["on_machine"]),
    ({"amd": True, "on_machine": "hangup", "machine_message": "a"}, ["on_machine"]),
    ({"amd": True, "machine_message": "a,b"}, ["machine_message"]),
])
def test_refusals(gateway, refused_client, body, fields):
    before = gateway.metric("calls_total")
    reply = refused_client.post("/api/v2/calls", json={"phone_number": "5550000000", **body})
    assert reply.status_code == 422, reply.text
    places = [problem["loc"][1:] for problem in reply.json()["detail"]]
    nested = fields[0] == "amd" and len(fields) == 2
    assert places == ([fields] if nested else [[field] for field in fields])
    assert all(problem["msg"] for problem in reply.json()["detail"])
    assert gateway.metric("calls_total") == before


def test_interaction_has_no_message(client):
    """What the other route does not document is not looked at there."""
    call = json_of(client.post("/api/v2/interaction/5550009000",
                               json={"audio": "../x", "amd": True}))["call_id"]
    client.delete(f"/api/v2/calls/{call}")
    record = ended(client, call)
    assert "message" not in record and "amd" not in record


def test_idempotency(client):
    def send(**body):
        return client.post("/api/v2/calls", headers={"Idempotency-Key": "message"},
                           json={"phone_number": "5550009001", "audio": "welcome", **body})
    first = json_of(send())
    assert json_of(send()) == first
    invalid(send(repeat=2), ("header", "idempotency-key"))
    invalid(send(amd=True), ("header", "idempotency-key"))


def test_document(client):
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    fields = schemas["CallRequest"]["properties"]
    assert {"type": "boolean"} in fields["amd"]["anyOf"]
    options = schemas["AnsweringMachineDetection"]["properties"]
    assert (options["greeting"]["minimum"], options["greeting"]["maximum"]) == (100, 30000)


# ---- sent elsewhere by a request ----

SENT = [("redirect", {"context": "sales", "extension": "100"}),
        ("transfer", {"context": "sales", "extension": "100"}), ("park", {})]
LONG = "&".join(["welcome"] * 4)


@pytest.mark.parametrize("action, where", SENT)
@pytest.mark.parametrize("body", [
    {"audio": LONG}, {"audio": LONG, "amd": True}, {"ivr_menu": 1}, {"ivr_menu": 1, "amd": True},
    {"context": "sales", "amd": {"total_analysis_time": 3000}}])
def test_who_is_sent_elsewhere_is_let_alone(gateway, client, action, where, body):
    """What leads the other call has ended it when the one that was sent on still talks."""
    sent, other = (place(client, HUMAN, **body) for _ in range(2))
    wait_until(lambda: client.get(f"/api/v2/status/{sent}").json()["status"] == "answered", 10,
               "the answer")
    done = json_of(client.post(f"/api/v2/calls/{sent}/{action}", json=where))
    assert done["success"] is True
    if "context" in body:
        client.delete(f"/api/v2/calls/{other}")
    ended(client, other)
    record = client.get(f"/api/v2/status/{sent}").json()
    assert record["status"] == "answered"
    for kind in ("message", "ivr"):
        assert record.get(kind, {"result": "transferred"})["result"] == "transferred"
    client.delete(f"/api/v2/calls/{sent}")
    record = ended(client, sent)
    assert gateway.stored("calls", phone_number=record["phone_number"])[0]["sent_on"] is True


def test_a_refused_redirect_changes_nothing(client):
    call = place(client, HUMAN, audio=LONG)
    wait_until(lambda: client.get(f"/api/v2/status/{call}").json()["status"] == "answered", 10,
               "the answer")
    reply = client.post(f"/api/v2/calls/{call}/redirect", json={"context": "nowhere", "extension": "1"})
    assert reply.status_code == 422
    assert ended(client, call)["message"]["result"] == "played"


# ---- the gateway is killed ----

@pytest.mark.parametrize("body", [{"audio": "welcome"}, {"audio": "welcome", "amd": True}])
def test_record_is_read_again(body):
    """The mock's calls are gone with it; their records are read as they were written."""
    with Gateway({"backend.mock": {**SETTINGS["backend.mock"], "play_ms": 9000}}) as gateway:
        with gateway.client() as client:
            call = place(client, HUMAN, **body)
            wait_until(lambda: "message" in client.get(f"/api/v2/status/{call}").json(), 10,
                       "the message")
        gateway.kill()
        gateway.start()
        with gateway.client() as client:
            record = ended(client, call)
        assert record["message"]["audio"] == "welcome"
        assert (record["message"]["result"], record["message"]["played"]) == ("interrupted", 0)
        assert steps(record) == ["message"]
        assert gateway.cdr(call)["message"] == record["message"]
        assert ("amd" in record) == ("amd" in body)
        [kept] = [doc for doc in gateway.stored("calls") if doc["phone_number"].endswith("000")]
        assert kept["plan"]["audio"] == "welcome"
