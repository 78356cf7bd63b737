"""Call control on a real Asterisk: control_matrix.toml says what works where, and every cell is tried.

What the gateway answers is believed only when Asterisk says the same: in its events, its channels,
its parking lot, the sound that the far end gets, the file that was recorded.
"""
import itertools
import math
import struct
import time
import tomllib
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.asterisk import VERSIONS, asterisk_of
from support.gateway import Gateway
from support.manager import Manager
from support.waiting import wait_until

ACTIONS = tomllib.loads((Path(__file__).parent / "control_matrix.toml").read_text())["action"]
PLACES = ("controlled", "dialplan")
SETUPS = [("mock", "mock"), *itertools.product(VERSIONS, ("ari", "companion", "ami"))]
RATE = 8000  # of what is recorded
SOUND = "sound:beep"
AT_ONCE = 8  # cells; more would keep an Asterisk busy for seconds
TRIES = {}

numbers = itertools.count(int(time.time()) % 100000 * 1000)


def tries(name):
    def register(fn):
        TRIES[name] = fn
        return fn
    return register


class Setup:
    """A gateway on a backend, and the Asterisk behind it with an ear on it."""

    def __init__(self, version, backend):
        self.version, self.backend = version, backend
        self.real = backend != "mock"
        self.asterisk = asterisk_of(version) if self.real else None
        self.manager = Manager(self.asterisk) if self.real else None
        self.settings = self.configured() if self.real else {}
        self.gateway = Gateway(self.settings).start()
        self.gateway.client("2").close()  # the user is there from now on

    def configured(self):
        settings = self.asterisk.backend(plugin="ami" if self.backend == "ami" else "ari")
        settings["calls"]["endpoint"] = "Local/{number}@{context}"
        if self.backend == "companion":
            settings["backend.pbx"]["companion"] = "manager"
            settings["backend.manager"] = self.asterisk.ami()
        return settings

    def close(self):
        if self.manager:
            self.manager.close()
        self.gateway.stop()
        self.gateway.remove()

    @property
    def spool(self):
        return Path(self.asterisk.env["LOG_FILE"]).parents[1] / "spool"


class Call:
    """An answered call whose far end sends a tone; see the bed's dialplan."""

    def __init__(self, setup, place, partner="joined"):
        self.setup, self.place, self.manager = setup, place, setup.manager
        self.partner = partner
        self.client = setup.gateway.client("2")
        body = {"phone_number": f"55{next(numbers):08d}", "extension": self.extension()}
        if setup.real and setup.backend != "ami":
            body["variables"] = {"BED_APP": setup.settings["backend.pbx"]["app"]}
        reply = self.client.post("/api/v2/calls", json=body)
        assert reply.status_code == 200, reply.text
        self.id = reply.json()["call_id"]
        wait_until(lambda: self.status()["status"] == "answered", 15, "the answer")
        if setup.real:
            wait_until(self.is_in_place, 10, f"the call {place}")

    def extension(self):
        if self.place == "dialplan":
            return self.partner
        return "agi" if self.setup.backend == "ami" else "stasis"

    def is_in_place(self):
        channel = self.manager.channel(self.id)
        if self.place == "dialplan":
            bridge = channel and channel.get("BridgeID")
            return bridge and len(self.manager.list("BridgeInfo", BridgeUniqueid=bridge)) == 2
        return channel and channel.get("Application") in ("Stasis", "AGI")

    def status(self):
        return self.client.get(f"/api/v2/status/{self.id}").json()

    def ask(self, action, body=None, method="POST"):
        return self.client.request(method, f"/api/v2/calls/{self.id}/{action}",
                                   **({} if body is None else {"json": body}))

    def do(self, action, body=None, method="POST"):
        reply = self.ask(action, body, method)
        assert reply.status_code == 200, (action, reply.status_code, reply.text)
        return reply.json()

    def channel(self):
        return self.manager.channel(self.id)

    def far_half(self):
        return self.channel()["Channel"][:-1] + "2"

    def shows(self, name, value):
        wait_until(lambda: self.status().get(name) == value, 5, f"{name}: {value!r}")

    def is_alive(self):
        assert self.status()["status"] == "answered"
        assert not self.setup.real or self.channel()

    def end(self):
        self.ask("hangup")
        self.client.close()


# ---- what the far end hears ----

def samples(path):
    with wave.open(str(path)) as file:
        data = file.readframes(file.getnframes())
    return struct.unpack(f"<{len(data) // 2}h", data)


def loudness(values):
    return math.sqrt(sum(value * value for value in values) / len(values)) if values else 0


def heard(call, act=None, seconds=0.8):
    """The sound that reaches the far end while act() runs and a little longer."""
    name, channel = f"heard-{call.id}-{time.monotonic_ns()}.wav", call.far_half()
    reply = call.manager.ask("MixMonitor", Channel=channel, Options=f"r({name})")
    assert reply["Response"] == "Success", reply
    if act:
        act()
    time.sleep(seconds)
    call.manager.ask("StopMixMonitor", Channel=channel)
    path = call.setup.spool / "monitor" / name
    return samples(path) if path.exists() else ()


def hears_something(call):
    """Under control nobody talks to the call: something is played to it."""
    play = None if call.place == "dialplan" else lambda: call.ask("play", {"media": SOUND})
    return loudness(heard(call, play)) > 300


# ---- the actions ----

@tries("hangup")
def hangup(call):
    call.do("hangup")
    call.shows("status", "completed")
    if call.setup.real:
        wait_until(lambda: not call.channel(), 15, "the channel's end")


@tries("hold, unhold")
def hold(call):
    since = len(call.manager.events) if call.setup.real else 0

    def told(*events):
        ids = {call.id, f"dialgate-aux-hold-{call.id}", far}
        return [event for event in call.manager.heard(since)
                if event.get("Event") in events and event.get("Uniqueid") in ids]
    if call.setup.real:
        far = call.manager.channel(call.far_half())["Uniqueid"]
    call.do("hold")
    call.shows("held", True)
    if call.setup.real:
        wait_until(lambda: told("Hold", "MusicOnHoldStart"), 15, "hold or its music on Asterisk")
    call.do("unhold")
    wait_until(lambda: not call.status().get("held"), 15, "the end of hold")
    if call.setup.real:
        wait_until(lambda: told("Unhold", "MusicOnHoldStop", "Hangup"), 15, "its end on Asterisk")
        call.is_alive()


@tries("mute, unmute")
def mute(call):
    if call.setup.real:
        assert hears_something(call)
    call.do("mute")
    wait_until(lambda: call.status().get("muted"), 15, "the gateway to show it as muted")
    if call.setup.real:
        assert not hears_something(call)
    call.do("unmute")
    wait_until(lambda: not call.status().get("muted"), 15, "the end of it")
    if call.setup.real:
        assert hears_something(call)


@tries("dtmf")
def dtmf(call):
    since = len(call.manager.events) if call.setup.real else 0
    call.do("dtmf", {"digits": "12#"})
    if not call.setup.real:
        return
    far = call.manager.channel(call.far_half())["Uniqueid"]

    def digits():
        events = call.manager.heard(since, Event="DTMFEnd", Uniqueid=far, Direction="Received")
        return "".join(event["Digit"] for event in events) == "12#"
    wait_until(digits, 15, "the digits at the far end")


@tries("play")
def play(call):
    if not call.setup.real:
        call.do("play", {"media": SOUND})
        return
    if call.place == "dialplan":  # what is played is added to the sound that flows
        wait_until(lambda: heard(call, seconds=0.3), 10, "the partner's silence")
    quiet = loudness(heard(call, seconds=0.3))
    loud = loudness(heard(call, lambda: call.do("play", {"media": SOUND}), 1.2))
    assert quiet < 100 and loud > 300, (quiet, loud)


def clock(fn):
    """What fn() gives, and when it began and ended."""
    began = time.monotonic()
    return fn(), began, time.monotonic()


def length_of(path):
    try:
        return len(samples(path)) / RATE
    except (OSError, EOFError, wave.Error):
        return None  # not written to its end yet


@tries("recording")
def recording(call):
    """The file is as long as the recording lasted; how long exactly only Asterisk knows."""
    reply, asked, recording = clock(lambda: call.do("recording"))
    wait_until(lambda: call.status().get("recording"), 15, "the gateway to show the recording")
    time.sleep(1)
    _, pausing, paused = clock(lambda: call.do("recording/pause"))
    time.sleep(1)
    _, resuming, resumed = clock(lambda: call.do("recording/resume"))
    time.sleep(0.5)
    _, stopping, stopped = clock(lambda: call.do("recording", method="DELETE"))
    wait_until(lambda: not call.status().get("recording"), 15, "the end of the recording")
    if not call.setup.real:
        return
    ami, file = call.setup.backend == "ami", reply["recording"]
    path = call.setup.spool / ("monitor" if ami else "recording") / f"{file}.wav"
    length = wait_until(lambda: length_of(path), 5, f"the file {path}")
    shortest, longest = stopping - recording, stopped - asked
    if not ami:  # the pause is not in it
        shortest -= resumed - pausing
        longest -= resuming - paused
    assert shortest - 0.8 < length < longest + 0.3, (shortest, length, longest)
    assert call.id in file


@tries("park, retrieve")
def park(call):
    call.do("park", {"timeout": 60})
    parked = [one for one in call.client.get("/api/v2/parked").json()["parked"]
              if one["call_id"] == call.id]
    assert len(parked) == 1
    if call.setup.real:
        lot = call.manager.list("ParkedCalls")
        assert [one["ParkingSpace"] for one in lot if one["ParkeeUniqueid"] == call.id] == [
            parked[0]["slot"]]
    endpoint = "PJSIP/8001"
    reply = call.client.post(f"/api/v2/parked/{parked[0]['slot']}/retrieve",
                             json={"endpoint": endpoint})
    assert reply.status_code == 200, reply.text
    wait_until(lambda: not call.status().get("parked"), 10, "the call out of the lot")
    if call.setup.real:
        assert call.id not in [one["ParkeeUniqueid"] for one in call.manager.list("ParkedCalls")]
        wait_until(lambda: (call.channel() or {}).get("BridgeID"), 15, "two in a bridge")
    call.client.post(f"/api/v2/calls/{reply.json()['call_id']}/hangup")


def goes_to_tone(call, action):
    call.do(action, {"extension": "tone"})
    if call.setup.real:
        wait_until(lambda: (call.channel() or {}).get("Exten") == "tone", 15, "the new place")
        wait_until(lambda: call.channel()["Application"] == "Milliwatt", 15, "its application")
    call.is_alive()


@tries("transfer")
def transfer(call):
    goes_to_tone(call, "transfer")


def consult(call):
    body = {"type": "attended", "extension": f"55{next(numbers):08d}"}
    leg = call.do("transfer", body)["consult_call_id"]
    wait_until(lambda: call.client.get(f"/api/v2/status/{leg}").json()["status"] == "answered",
               10, "the consulted party's answer")
    return leg


@tries("attended transfer")
def attended(call):
    leg = consult(call)
    assert call.status().get("held")
    assert call.do("transfer/complete")["consult_call_id"] == leg
    if call.setup.real:
        def together():
            one, two = call.channel(), call.manager.channel(leg)
            return one and two and one.get("BridgeID") and one["BridgeID"] == two.get("BridgeID")
        wait_until(together, 15, "the two in a bridge")
        since = len(call.manager.events)
        assert loudness(heard(call)) > 300  # the consulted party's tone
        assert not call.manager.heard(since, Event="DialBegin", Uniqueid=call.id)
    call.is_alive()
    call.client.post(f"/api/v2/calls/{leg}/hangup")
    wait_until(lambda: call.status()["status"] != "answered" or call.setup.backend != "ami", 5,
               "the end of both")
    if call.setup.real:
        time.sleep(0.5)
        assert not call.manager.heard(since, Event="DialBegin", Uniqueid=call.id)  # again


@tries("redirect")
def redirect(call):
    goes_to_tone(call, "redirect")


@tries("read variables")
def read_variable(call):
    value = "a, b; \"c\" = d"
    if not call.setup.real:
        call.do("variables/BED_ONE", {"value": value}, "PUT")
    else:
        call.manager.ask("Setvar", Channel=call.id, Variable="BED_ONE", Value=value)
    assert call.do("variables/BED_ONE", method="GET")["value"] == value


@tries("set variables")
def set_variable(call):
    value = "x, y; ${EXTEN}"
    call.do("variables/BED_TWO", {"value": value}, "PUT")
    if call.setup.real:
        assert call.manager.variable(call.id, "BED_TWO") == value


REQUESTS = {  # the first of each, for those that are refused
    "hangup": ("hangup", None), "hold, unhold": ("hold", None), "mute, unmute": ("mute", None),
    "dtmf": ("dtmf", {"digits": "1"}), "play": ("play", {"media": SOUND}),
    "recording": ("recording", None), "park, retrieve": ("park", None),
    "transfer": ("transfer", {"extension": "tone"}),
    "redirect": ("redirect", {"extension": "tone"}),
    "attended transfer": ("transfer", {"type": "attended", "extension": "5500000000"}),
    "set variables": ("variables/BED_TWO", {"value": "1"}),
}


def refused(call, name, status):
    action, body = REQUESTS[name]
    reply = call.ask(action, body, "PUT" if "variables" in action else "POST")
    assert reply.status_code == status, (reply.status_code, reply.text)
    assert len(reply.json()["detail"]) > 10
    call.is_alive()


# ---- the table ----

def cells(setup):
    return [(action["name"], place, action[setup.backend][number])
            for action in ACTIONS for number, place in enumerate(PLACES)]


def run(setup, cell):
    name, place, expected = cell
    try:
        call = Call(setup, place, "joined-quietly" if name == "play" else "joined")
        try:
            if expected == "works":
                TRIES[name](call)
            else:
                refused(call, name, int(expected))
        finally:
            call.end()
    except Exception as error:  # told by the cell's own test
        return error
    return None


@pytest.fixture(scope="module", params=SETUPS, ids=["-".join(one) for one in SETUPS])
def results(request):
    """Every cell of a setup, several at once."""
    setup = Setup(*request.param)
    try:
        todo = cells(setup)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            errors = list(pool.map(lambda cell: run(setup, cell), todo))
        if any(errors):
            print(setup.gateway.tail())
    finally:
        setup.close()
    return dict(zip([cell[:2] for cell in todo], errors))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", [action["name"] for action in ACTIONS])
def test_cell(results, name, place):
    if results[name, place]:
        raise results[name, place]


# ---- what a table does not tell ----

@pytest.fixture(scope="module", params=VERSIONS)
def manager_setup(request):
    setup = Setup(request.param, "ami")
    yield setup
    setup.close()


class Waiting(Call):
    """A call of the dialplan that talks to nobody."""

    def __init__(self, setup):
        super().__init__(setup, "dialplan", "s")

    def is_in_place(self):
        return (self.channel() or {}).get("Application") == "Wait"


def in_lot(call):
    return call.id in [one["ParkeeUniqueid"] for one in call.manager.list("ParkedCalls")]


def test_parked_too_long(manager_setup):
    """It goes back to its place in the dialplan; the number it was dialled at is not dialled again."""
    call = Waiting(manager_setup)
    number = call.far_half().split("/")[1].split("@")[0]
    since = len(call.manager.events)
    call.do("park", {"timeout": 1})
    wait_until(lambda: not in_lot(call), 15, "the end of its time in the lot")
    wait_until(lambda: (call.channel() or {}).get("BridgeID"), 15, "the call and its place")
    wait_until(lambda: not call.status().get("parked"), 15, "the gateway to show it")
    dialled = wait_until(lambda: call.manager.heard(since, Event="DialBegin"), 15, "it to be told")
    assert not [one for one in dialled if number in one["DialString"]], dialled
    call.is_alive()
    call.end()


def test_parked_with_no_way_back(manager_setup):
    call = Call(manager_setup, "controlled")
    call.do("park", {"timeout": 1})
    time.sleep(2)
    assert in_lot(call)
    call.is_alive()
    call.end()


def test_nobody_to_talk_to(manager_setup):
    """Neither sound nor music would be heard: refused, and the call goes on."""
    call = Waiting(manager_setup)
    reply = call.ask("play", {"media": SOUND})
    assert (reply.status_code, "talks to nobody" in reply.text) == (409, True), reply.text
    reply = call.ask("hold")
    assert (reply.status_code, "runs in the dialplan" in reply.text) == (409, True), reply.text
    call.is_alive()
    call.end()


@pytest.mark.parametrize("version, backend, place", [
    ("22", "ari", "controlled"), ("16", "companion", "dialplan"), ("22", "ami", "dialplan")])
def test_consultation_and_a_restart(version, backend, place):
    """It goes on when the gateway is there again; if the leg has ended meanwhile, the call is taken
    from hold: nobody is left there."""
    setup = Setup(version, backend)
    try:
        left, joined = Call(setup, place), Call(setup, place)
        legs = [consult(call) for call in (left, joined)]
        assert left.status()["held"] and joined.status()["held"]
        setup.gateway.kill()
        setup.manager.ask("Hangup", Channel=legs[0])
        setup.gateway.start()
        for call in (left, joined):
            call.client.close()
            call.client = setup.gateway.client("2")
        wait_until(lambda: not left.status().get("held"), 20, "the call's return")
        left.is_alive()
        assert hears_something(left)
        assert left.ask("transfer/complete").status_code == 409
        assert joined.do("transfer/complete")["consult_call_id"] == legs[1]
        wait_until(lambda: joined.channel().get("BridgeID") and joined.channel()["BridgeID"] ==
                   setup.manager.channel(legs[1]).get("BridgeID"), 15, "the two in a bridge")
        left.end()
        joined.end()
    finally:
        setup.close()
