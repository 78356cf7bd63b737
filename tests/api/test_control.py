"""Call control: what is done to one call, below /api/v2/calls/{call_id}."""
import re
from datetime import datetime, timedelta, timezone

import pytest
from shapes import (bad_credentials, invalid, json_of, just_now, not_authenticated, placed,
                    refused)
from support.waiting import wait_until

URL = "/api/v2/calls"
NUMBER = "+1234567890"
RINGS = "+1234567480"
UNKNOWN = "00000000-0000-7000-8000-000000000000"
SHOWN = ("held", "muted", "parked", "recording", "recordings")


def status(client, call_id):
    return json_of(client.get(f"/api/v2/status/{call_id}"))


def in_state(client, call_id, wanted):
    wait_until(lambda: status(client, call_id)["status"] == wanted, 10, wanted)


@pytest.fixture
def call(client, ended):
    """An answered call."""
    ended.append(placed(client.post(URL, json={"phone_number": NUMBER}), NUMBER))
    in_state(client, ended[-1], "answered")
    return ended[-1]


@pytest.fixture
def ringing(client, ended):
    ended.append(placed(client.post(URL, json={"phone_number": RINGS}), RINGS))
    in_state(client, ended[-1], "ringing")
    return ended[-1]


@pytest.fixture
def over(client, call):
    client.delete(f"{URL}/{call}")
    in_state(client, call, "completed")
    return call


def act(client, call_id, action, body=None, method="POST"):
    options = {} if body is None else {"json": body}
    return client.request(method, f"{URL}/{call_id}/{action}", **options)


def done(reply, call_id, message, **more):
    assert json_of(reply) == {"success": True, "call_id": call_id, "message": message, **more}


def shown(client, call_id):
    """What the status tells beyond the documented members."""
    return {name: value for name, value in status(client, call_id).items() if name in SHOWN}


# ---- every action, in every state ----

# action, method, body, message of a success, whether it takes a call that rings
ACTIONS = [
    ("hangup", "POST", None, "Call hung up", True),
    ("hangup", "POST", {"cause": 21}, "Call hung up", True),
    ("transfer", "POST", {"extension": "100"}, "Call transferred", False),
    ("transfer", "POST", {"type": "blind", "context": "sales", "extension": "*72#",
                          "priority": 2}, "Call transferred", False),
    ("transfer", "POST", {"type": "attended", "extension": "8013"},
     "Consultation call placed", False),
    ("redirect", "POST", {"extension": "100"}, "Call redirected", False),
    ("hold", "POST", None, "Call is on hold", False),
    ("unhold", "POST", None, "Call is no longer on hold", False),
    ("mute", "POST", None, "Call is muted", False),
    ("mute", "POST", {"direction": "in"}, "Call is muted", False),
    ("unmute", "POST", None, "Call is no longer muted", False),
    ("dtmf", "POST", {"digits": "0123456789ABCD*#"}, "Digits sent", False),
    ("play", "POST", {"media": "sound:hello-world"}, "Playing", False),
    ("park", "POST", None, "Call parked", False),
    ("park", "POST", {"lot": "sales", "timeout": 60}, "Call parked", False),
    ("recording", "POST", None, "Recording", False),
    ("recording", "POST", {"format": "gsm", "max_seconds": 10, "beep": True}, "Recording", False),
    ("variables/CAMPAIGN", "PUT", {"value": "spring"}, "Variable set", True),
]
NAMES = [f"{action}-{number}" for number, (action, *_) in enumerate(ACTIONS)]


@pytest.mark.parametrize("action, method, body, message, early", ACTIONS, ids=NAMES)
def test_answered(client, call, action, method, body, message, early):
    reply = json_of(act(client, call, action, body, method))
    assert reply["success"] is True
    assert reply["call_id"] == call
    assert reply["message"] == message


@pytest.mark.parametrize("action, method, body, message, early", ACTIONS, ids=NAMES)
def test_ringing(client, ringing, action, method, body, message, early):
    reply = act(client, ringing, action, body, method)
    if early:
        assert json_of(reply)["message"] == message
    else:
        refused(reply, 409, "Call is not answered yet")


@pytest.mark.parametrize("action, method, body, message, early", ACTIONS, ids=NAMES)
def test_over(client, over, action, method, body, message, early):
    refused(act(client, over, action, body, method), 409, "Call has already ended")


@pytest.mark.parametrize("action, method, body, message, early", ACTIONS, ids=NAMES)
def test_unknown(client, action, method, body, message, early):
    refused(act(client, UNKNOWN, action, body, method), 404, "Call not found")


@pytest.mark.parametrize("action, method, body, message, early", ACTIONS, ids=NAMES)
def test_credentials_and_ids(client, action, method, body, message, early):
    url = f"{URL}/{UNKNOWN}/{action}"
    not_authenticated(client.request(method, url, token=None))
    bad_credentials(client.request(method, url, token="a.b.c"))
    invalid(act(client, "short", action, body, method), ("path", "call_id"))


def test_get_variable_states(client, ringing):
    refused(act(client, ringing, "variables/NOTHING", method="GET"), 404, "Variable is not set")
    refused(act(client, UNKNOWN, "variables/NOTHING", method="GET"), 404, "Call not found")


@pytest.mark.parametrize("action", ["hangup", "transfer", "redirect", "hold", "mute", "dtmf",
                                    "play", "park", "recording/pause", "recording/resume"])
def test_wrong_method(client, action):
    reply = client.get(f"{URL}/{UNKNOWN}/{action}")
    refused(reply, 405, "Method Not Allowed")
    assert reply.headers["allow"].split(", ")[0] == "POST"


# ---- what a request may hold ----

PLACE_REFUSED = [
    ({}, ("extension",)), ({"extension": ""}, ("extension",)),
    ({"extension": "e" * 51}, ("extension",)), ({"extension": "1 2"}, ("extension",)),
    ({"extension": 100}, ("extension",)), ({"extension": None}, ("extension",)),
    ({"extension": "1", "context": "no-such"}, ("context",)),
    ({"extension": "1", "context": "a b"}, ("context",)),
    ({"extension": "1", "context": ""}, ("context",)),
    ({"extension": "1", "priority": 0}, ("priority",)),
    ({"extension": "1", "priority": 1001}, ("priority",)),
    ({"extension": "1", "priority": "x"}, ("priority",)),
    ([], ()), ("x", ()), (None, ()),
]
REFUSED = [
    *[("redirect", body, path) for body, path in PLACE_REFUSED],
    *[("transfer", body, path) for body, path in PLACE_REFUSED],
    ("transfer", {"type": "attended"}, ("extension",)),
    ("transfer", {"type": "attended", "extension": "1", "context": "no-such"}, ("context",)),
    ("transfer", {"extension": "1", "type": "warm"}, ("type",)),
    ("transfer", {"extension": "1", "type": 1}, ("type",)),
    ("hangup", {"cause": 0}, ("cause",)), ("hangup", {"cause": 128}, ("cause",)),
    ("hangup", {"cause": "busy"}, ("cause",)), ("hangup", [], ()),
    ("mute", {"direction": "up"}, ("direction",)), ("mute", {"direction": ""}, ("direction",)),
    ("mute", {"direction": True}, ("direction",)), ("mute", "in", ()),
    ("dtmf", {}, ("digits",)), ("dtmf", {"digits": ""}, ("digits",)),
    ("dtmf", {"digits": "1" * 101}, ("digits",)), ("dtmf", {"digits": "12a"}, ("digits",)),
    ("dtmf", {"digits": "E"}, ("digits",)), ("dtmf", {"digits": 12}, ("digits",)),
    ("dtmf", {"digits": "1\n2"}, ("digits",)), ("dtmf", None, ()),
    ("play", {}, ("media",)), ("play", {"media": "hello"}, ("media",)),
    ("play", {"media": "sound:"}, ("media",)), ("play", {"media": "sound:a b"}, ("media",)),
    ("play", {"media": "sound:../../etc/passwd"}, ("media",)),
    ("play", {"media": "sound:/etc/passwd"}, ("media",)),
    ("play", {"media": "number:12x"}, ("media",)), ("play", {"media": "digits:E"}, ("media",)),
    ("play", {"media": "tone:ring;x"}, ("media",)),
    ("play", {"media": "recording:hello"}, ("media",)),
    ("play", {"media": "sound:" + "a" * 195}, ("media",)),
    ("park", {"lot": ""}, ("lot",)), ("park", {"lot": "a/b"}, ("lot",)),
    ("park", {"lot": "l" * 51}, ("lot",)), ("park", {"lot": 1}, ("lot",)),
    ("park", {"timeout": 0}, ("timeout",)), ("park", {"timeout": 86401}, ("timeout",)),
    ("park", {"timeout": "soon"}, ("timeout",)), ("park", [], ()),
    ("recording", {"format": ""}, ("format",)), ("recording", {"format": "wav;x"}, ("format",)),
    ("recording", {"format": "../wav"}, ("format",)), ("recording", {"format": "WAV"}, ("format",)),
    ("recording", {"format": "w" * 11}, ("format",)),
    ("recording", {"max_seconds": 0}, ("max_seconds",)),
    ("recording", {"max_seconds": 86401}, ("max_seconds",)),
    ("recording", {"max_seconds": 1.5}, ("max_seconds",)),
    ("recording", {"beep": "yes"}, ("beep",)), ("recording", "wav", ()),
]


@pytest.mark.parametrize("action, body, path", REFUSED,
                         ids=[f"{action}-{ascii(body)[:50]}" for action, body, _ in REFUSED])
def test_refused(client, call, action, body, path):
    invalid(act(client, call, action, body), ("body", *path))


@pytest.mark.parametrize("media", ["sound:custom/hello.2", "number:42", "digits:12A#",
                                   "tone:ring"])
def test_media(client, call, media):
    json_of(act(client, call, "play", {"media": media}))


def test_malformed_json(client, call):
    reply = client.post(f"{URL}/{call}/dtmf", content=b'{"digits":')
    problem, = invalid(reply, ("body",))
    assert problem["type"] == "json_invalid"


# ---- what becomes of it ----

def test_hang_up_with_cause(gateway, client, call):
    json_of(act(client, call, "hangup", {"cause": 17}))
    in_state(client, call, "completed")
    assert gateway.cdr(call)["cause"] == 17


def test_hold(gateway, client, call):
    assert shown(client, call) == {}
    done(act(client, call, "hold"), call, "Call is on hold")
    assert shown(client, call) == {"held": True}
    done(act(client, call, "unhold"), call, "Call is no longer on hold")
    assert shown(client, call) == {}


@pytest.mark.parametrize("body, direction", [(None, "both"), ({}, "both"),
                                             ({"direction": None}, "both"),
                                             ({"direction": "both"}, "both"),
                                             ({"direction": "in"}, "in"),
                                             ({"direction": "out"}, "out")], ids=ascii)
def test_mute(client, call, body, direction):
    done(act(client, call, "mute", body), call, "Call is muted")
    assert shown(client, call) == {"muted": direction}
    done(act(client, call, "unmute"), call, "Call is no longer muted")
    assert shown(client, call) == {}


def test_both_directions_one_after_the_other(client, call):
    json_of(act(client, call, "mute", {"direction": "in"}))
    json_of(act(client, call, "mute", {"direction": "out"}))
    assert shown(client, call) == {"muted": "both"}


def test_nothing_is_left_at_the_end(client, call):
    json_of(act(client, call, "hold"))
    json_of(act(client, call, "mute"))
    client.delete(f"{URL}/{call}")
    in_state(client, call, "completed")
    assert shown(client, call) == {}


@pytest.mark.parametrize("action", ["transfer", "redirect"])
def test_elsewhere_ends_the_hold(client, call, action):
    json_of(act(client, call, "hold"))
    json_of(act(client, call, action, {"extension": "100"}))
    assert shown(client, call) == {}


def test_context_of_the_call_is_the_default(client, ended):
    ended.append(placed(client.post(URL, json={"phone_number": NUMBER, "context": "sales"}),
                        NUMBER, "sales"))
    in_state(client, ended[-1], "answered")
    json_of(act(client, ended[-1], "redirect", {"extension": "1"}))


# ---- variables ----

def test_variables(client, ended):
    call = placed(client.post(URL, json={"phone_number": NUMBER, "variables": {"GIVEN": "ä, b"}}),
                  NUMBER)
    ended.append(call)
    in_state(client, call, "answered")
    done(act(client, call, "variables/GIVEN", method="GET"), call, "Variable read",
         name="GIVEN", value="ä, b")
    refused(act(client, call, "variables/OTHER", method="GET"), 404, "Variable is not set")
    for value in ("one", "x" * 512, "50% {of} ${it}"):
        done(act(client, call, "variables/OTHER", {"value": value}, "PUT"), call, "Variable set",
             name="OTHER", value=value)
        done(act(client, call, "variables/OTHER", method="GET"), call, "Variable read",
             name="OTHER", value=value)
    json_of(act(client, call, "variables/OTHER", {"value": ""}, "PUT"))
    refused(act(client, call, "variables/OTHER", method="GET"), 404, "Variable is not set")


@pytest.mark.parametrize("name", ["1A", "A-B", "A.B", "SHELL(ls)", "A%0AB", "A%20B", "x" * 81])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_variable_names(client, call, name, method):
    body = {"value": "1"} if method == "PUT" else None
    invalid(act(client, call, f"variables/{name}", body, method), ("path", "name"))


@pytest.mark.parametrize("name", ["TRANSFER_CONTEXT", "_transfer_context", "MIXMONITOR_EXEC",
                                  "BLINDTRANSFER", "__AGIEXITONHANGUP"])
def test_reserved_variables(client, call, name):
    problem, = invalid(act(client, call, f"variables/{name}", {"value": "x"}, "PUT"),
                       ("path", "name"))
    assert problem["msg"] == "Variable is reserved: Asterisk itself acts on it"


@pytest.mark.parametrize("body", [{}, {"value": None}, {"value": 1}, {"value": "a\nb"},
                                  {"value": "x" * 513}, {"value": "ä" * 300},
                                  {"value": "\x7f"}], ids=ascii)
def test_variable_values(client, call, body):
    invalid(act(client, call, "variables/A", body, "PUT"), ("body", "value"))


def test_variable_without_body(client, call):
    invalid(act(client, call, "variables/A", None, "PUT"), ("body",))


# ---- recordings ----

def name_of(call_id, number=1):
    """The name of a recording: when it began, and the call."""
    end = call_id if number == 1 else f"{call_id}-{number}"
    return re.compile(rf"^\d{{8}}-\d{{6}}-{end}$")


def test_recording(gateway, client, call):
    reply = json_of(act(client, call, "recording"))
    file = reply.pop("recording")
    assert reply == {"success": True, "call_id": call, "message": "Recording"}
    assert name_of(call).match(file)
    began = datetime.strptime(file[:15], "%Y%m%d-%H%M%S").replace(tzinfo=timezone.utc)
    assert abs(datetime.now(timezone.utc) - began) < timedelta(seconds=30)
    assert shown(client, call) == {"recording": "active", "recordings": [file]}
    refused(act(client, call, "recording"), 409, "Call is being recorded already")
    refused(act(client, call, "recording/resume"), 409, "Recording is not paused")
    done(act(client, call, "recording/pause"), call, "Recording is paused", recording=file)
    assert shown(client, call) == {"recording": "paused", "recordings": [file]}
    refused(act(client, call, "recording/pause"), 409, "Recording is paused already")
    done(act(client, call, "recording/resume"), call, "Recording goes on", recording=file)
    assert shown(client, call) == {"recording": "active", "recordings": [file]}
    done(act(client, call, "recording", method="DELETE"), call, "Recording has ended",
         recording=file)
    assert shown(client, call) == {"recordings": [file]}
    refused(act(client, call, "recording", method="DELETE"), 409, "Call is not being recorded")
    again = json_of(act(client, call, "recording"))["recording"]
    assert again != file
    client.delete(f"{URL}/{call}")
    in_state(client, call, "completed")
    assert shown(client, call) == {"recordings": [file, again]}
    assert gateway.cdr(call)["recordings"] == [file, again]


def test_two_of_one_second(client, call):
    """However quick: no two recordings have one name."""
    files = []
    for _ in range(4):
        files.append(json_of(act(client, call, "recording"))["recording"])
        json_of(act(client, call, "recording", method="DELETE"))
    assert len(set(files)) == 4
    assert status(client, call)["recordings"] == files


def test_a_recording_ends_by_itself(client, call):
    json_of(act(client, call, "recording", {"max_seconds": 1}))
    wait_until(lambda: "recording" not in shown(client, call), 5, "its end")
    refused(act(client, call, "recording/pause"), 409, "Call is not being recorded")


@pytest.mark.parametrize("action, method", [("recording/pause", "POST"),
                                            ("recording/resume", "POST"),
                                            ("recording", "DELETE")])
def test_changes_of_no_recording(client, call, action, method):
    refused(act(client, call, action, method=method), 409, "Call is not being recorded")
    refused(act(client, UNKNOWN, action, method=method), 404, "Call not found")
    invalid(act(client, "short", action, method=method), ("path", "call_id"))
    not_authenticated(client.request(method, f"{URL}/{call}/{action}", token=None))
    client.delete(f"{URL}/{call}")
    in_state(client, call, "completed")
    refused(act(client, call, action, method=method), 409, "Call has already ended")


# ---- parking ----

def parked(client, call_id):
    found = [one for one in json_of(client.get("/api/v2/parked"))["parked"]
             if one["call_id"] == call_id]
    assert len(found) <= 1
    return found[0] if found else None


def retrieve(client, slot, body):
    return client.post(f"/api/v2/parked/{slot}/retrieve", json=body)


def test_park(client, call):
    reply = json_of(act(client, call, "park"))
    slot = reply.pop("slot")
    assert reply == {"success": True, "call_id": call, "message": "Call parked",
                     "lot": "default"}
    assert 701 <= int(slot) <= 799
    assert shown(client, call) == {"parked": f"default/{slot}"}
    place = parked(client, call)
    just_now(place.pop("parked_at"))
    assert place == {"lot": "default", "slot": slot, "call_id": call, "timeout": 45,
                     "backend": "mock"}
    refused(act(client, call, "park"), 409, "Call is parked already")


def test_a_parked_call_comes_back(client, call):
    reply = json_of(act(client, call, "park", {"lot": "sales", "timeout": 1}))
    assert reply["lot"] == "sales"
    assert parked(client, call)["timeout"] == 1
    wait_until(lambda: shown(client, call) == {}, 5, "its time")
    assert parked(client, call) is None


def test_a_parked_call_that_ends(client, call):
    slot = json_of(act(client, call, "park"))["slot"]
    client.delete(f"{URL}/{call}")
    in_state(client, call, "completed")
    assert shown(client, call) == {}
    assert parked(client, call) is None
    refused(retrieve(client, slot, {"endpoint": "PJSIP/8013"}), 404, "Nobody is parked there")


@pytest.mark.parametrize("endpoint", ["PJSIP/8013", "PJSIP/8013@trunk", "Local/8013@sales"])
def test_retrieve(client, ended, call, endpoint):
    slot = json_of(act(client, call, "park"))["slot"]
    reply = json_of(retrieve(client, slot, {"endpoint": endpoint}))
    leg = reply.pop("call_id")
    ended.append(leg)
    assert reply == {"success": True, "parked_call_id": call, "message": "Endpoint is called"}
    assert status(client, leg)["channel"] == endpoint
    wait_until(lambda: parked(client, call) is None, 5, "the endpoint's answer")
    assert status(client, leg)["status"] == "answered"
    assert shown(client, call) == {}


def test_retrieve_by_nobody(client, ended, call):
    """The endpoint does not answer: the call stays where it is."""
    slot = json_of(act(client, call, "park"))["slot"]
    leg = json_of(retrieve(client, slot, {"endpoint": "PJSIP/8486"}))["call_id"]
    in_state(client, leg, "busy")
    assert parked(client, call)["slot"] == slot


def test_lots_with_one_slot(client, ended):
    calls = []
    for lot in ("east", "west"):
        calls.append(placed(client.post(URL, json={"phone_number": NUMBER}), NUMBER))
        ended.append(calls[-1])
        in_state(client, calls[-1], "answered")
        json_of(act(client, calls[-1], "park", {"lot": lot}))
    east, west = (parked(client, one) for one in calls)
    assert (east["slot"], west["slot"]) == ("701", "701")
    refused(retrieve(client, "701", {"endpoint": "PJSIP/8013"}), 409,
            "Several lots have that slot in use; name the lot")
    refused(retrieve(client, "701", {"endpoint": "PJSIP/8013", "lot": "north"}), 404,
            "Nobody is parked there")
    reply = json_of(retrieve(client, "701", {"endpoint": "PJSIP/8486", "lot": "west"}))
    assert reply["parked_call_id"] == calls[1]


@pytest.mark.parametrize("body, path", [
    ({}, ("endpoint",)), ({"endpoint": ""}, ("endpoint",)), ({"endpoint": 1}, ("endpoint",)),
    ({"endpoint": "8013"}, ("endpoint",)), ({"endpoint": "PJSIP/"}, ("endpoint",)),
    ({"endpoint": "PJSIP/a@"}, ("endpoint",)), ({"endpoint": "PJSIP/a@b@c"}, ("endpoint",)),
    ({"endpoint": "PJSIP/a b"}, ("endpoint",)), ({"endpoint": "PJSIP/a\nb"}, ("endpoint",)),
    ({"endpoint": "PJSIP/sip:a@b"}, ("endpoint",)), ({"endpoint": "PJSIP/a&PJSIP/b"}, ("endpoint",)),
    ({"endpoint": "Console/dsp"}, ("endpoint",)), ({"endpoint": "Local/100"}, ("endpoint",)),
    ({"endpoint": "Local/100@nowhere"}, ("endpoint",)),
    ({"endpoint": "local/100@nowhere"}, ("endpoint",)),
    ({"endpoint": "Local/100@sales/n"}, ("endpoint",)),
    ({"endpoint": "PJSIP/" + "1" * 95}, ("endpoint",)),
    ({"endpoint": "PJSIP/8013", "lot": "a b"}, ("lot",)), ([], ()), (None, ()),
], ids=ascii)
def test_retrieve_refused(client, body, path):
    invalid(retrieve(client, "701", body), ("body", *path))


def test_slots(client):
    for slot in ("7a", "-1", "7" * 11, "7%0A1"):
        invalid(retrieve(client, slot, {"endpoint": "PJSIP/8013"}), ("path", "slot"))
    refused(retrieve(client, "9999", {"endpoint": "PJSIP/8013"}), 404, "Nobody is parked there")
    not_authenticated(client.get("/api/v2/parked", token=None))
    not_authenticated(client.post("/api/v2/parked/701/retrieve", token=None))


# ---- attended transfers ----

def consult(client, call_id, ended, extension="8013"):
    """Begins one; returns the other leg."""
    reply = json_of(act(client, call_id, "transfer", {"type": "attended", "context": "sales",
                                                      "extension": extension}))
    ended.append(reply.pop("consult_call_id"))
    assert reply == {"success": True, "call_id": call_id, "message": "Consultation call placed"}
    return ended[-1]


def test_attended_transfer(client, call, ended):
    leg = consult(client, call, ended)
    assert shown(client, call) == {"held": True}
    other = status(client, leg)
    assert (other["channel"], other["phone_number"]) == ("Local/8013@sales", "8013")
    assert (other["context"], other["extension"]) == (None, None)
    refused(act(client, call, "transfer", {"type": "attended", "extension": "1"}), 409,
            "A consultation is under way")
    in_state(client, leg, "answered")
    done(act(client, call, "transfer/complete"), call, "Call transferred", consult_call_id=leg)
    assert shown(client, call) == {}
    for one in (call, leg):
        assert status(client, one)["status"] == "answered"
    refused(act(client, call, "transfer/complete"), 409, "No consultation is under way")
    refused(act(client, call, "transfer/cancel"), 409, "No consultation is under way")
    # They are two calls from now on: the end of one is not asked of the other.
    client.delete(f"{URL}/{leg}")
    in_state(client, leg, "completed")
    assert status(client, call)["status"] == "answered"


def test_complete_before_the_answer(client, call, ended):
    leg = consult(client, call, ended, "8480")
    in_state(client, leg, "ringing")
    refused(act(client, call, "transfer/complete"), 409,
            "The consulted party has not answered yet")
    assert shown(client, call) == {"held": True}


@pytest.mark.parametrize("extension, state", [("8013", "answered"), ("8480", "ringing")])
def test_cancel(client, call, ended, extension, state):
    leg = consult(client, call, ended, extension)
    in_state(client, leg, state)
    done(act(client, call, "transfer/cancel"), call, "Transfer cancelled", consult_call_id=leg)
    wait_until(lambda: status(client, leg)["is_completed"], 5, "the leg's end")
    wait_until(lambda: shown(client, call) == {}, 5, "the call's return")
    refused(act(client, call, "transfer/cancel"), 409, "No consultation is under way")
    consult(client, call, ended)


def test_consulted_party_is_busy(client, call, ended):
    leg = consult(client, call, ended, "8486")
    in_state(client, leg, "busy")
    wait_until(lambda: shown(client, call) == {}, 5, "the call's return")
    refused(act(client, call, "transfer/complete"), 409, "No consultation is under way")


def test_the_call_ends_while_consulting(client, call, ended):
    leg = consult(client, call, ended)
    in_state(client, leg, "answered")
    client.delete(f"{URL}/{call}")
    in_state(client, call, "completed")
    in_state(client, leg, "completed")
    refused(act(client, call, "transfer/complete"), 409, "Call has already ended")


def test_who_was_on_hold_stays_there(client, call, ended):
    json_of(act(client, call, "hold"))
    leg = consult(client, call, ended)
    json_of(act(client, call, "transfer/cancel"))
    wait_until(lambda: status(client, leg)["is_completed"], 5, "the leg's end")
    assert shown(client, call) == {"held": True}


@pytest.mark.parametrize("end", ["complete", "cancel"])
def test_no_consultation(client, ringing, call, end):
    refused(act(client, call, f"transfer/{end}"), 409, "No consultation is under way")
    refused(act(client, ringing, f"transfer/{end}"), 409, "Call is not answered yet")
    refused(act(client, UNKNOWN, f"transfer/{end}"), 404, "Call not found")
    invalid(act(client, "short", f"transfer/{end}"), ("path", "call_id"))
    not_authenticated(client.post(f"{URL}/{call}/transfer/{end}", token=None))
