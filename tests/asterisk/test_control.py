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
            return channel and channel.get("BridgeID")
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
        wait_until(lambda: not call.channel(), 5, "the channel's end")


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
        wait_until(lambda: told("Hold", "MusicOnHoldStart"), 5, "hold or its music on Asterisk")
    call.do("unhold")
    wait_until(lambda: not call.status().get("held"), 5, "the end of hold")
    if call.setup.real:
        wait_until(lambda: told("Unhold", "MusicOnHoldStop", "Hangup"), 5, "its end on Asterisk")
        call.is_alive()


@tries("mute, unmute")
def mute(call):
    if call.setup.real:
        assert hears_something(call)
    call.do("mute")
    wait_until(lambda: call.status().get("muted"), 5, "the gateway to show it as muted")
    if call.setup.real:
        assert not hears_something(call)
    call.do("unmute")
    wait_until(lambda: not call.status().get("muted"), 5, "the end of it")
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
    wait_until(digits, 5, "the digits at the far end")


@tries("play")
def play(call):
    if not call.setup.real:
        call.do("play", {"media": SOUND})
        return
    quiet = loudness(heard(call, seconds=0.5))
    loud = loudness(heard(call, lambda: call.do("play", {"media": SOUND}), 1.2))
    assert quiet < 100 and loud > 300, (quiet, loud)


@tries("recording")
def recording(call):
    began = time.monotonic()
    file = call.do("recording")["recording"]
    wait_until(lambda: call.status().get("recording"), 5, "the gateway to show the recording")
    time.sleep(1)
    paused = time.monotonic()
    call.do("recording/pause")
    time.sleep(1)
    call.do("recording/resume")
    resumed = time.monotonic()
    time.sleep(0.5)
    call.do("recording", method="DELETE")
    ended = time.monotonic()
    wait_until(lambda: not call.status().get("recording"), 5, "the end of the recording")
    if not call.setup.real:
        return
    ami = call.setup.backend == "ami"
    path = call.setup.spool / ("monitor" if ami else "recording") / f"{file}.wav"
    wait_until(path.exists, 5, f"the file {path}")
    length = len(samples(path)) / RATE
    expected = ended - began - (0 if ami else resumed - paused)
    assert abs(length - expected) < 0.6, (length, expected)
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
        wait_until(lambda: (call.channel() or {}).get("BridgeID"), 5, "two in a bridge")
    call.client.post(f"/api/v2/calls/{reply.json()['call_id']}/hangup")


def goes_to_tone(call, action):
    call.do(action, {"extension": "tone"})
    if call.setup.real:
        wait_until(lambda: (call.channel() or {}).get("Exten") == "tone", 5, "the new place")
        wait_until(lambda: call.channel()["Application"] == "Milliwatt", 5, "its application")
    call.is_alive()


@tries("transfer")
def transfer(call):
    goes_to_tone(call, "transfer")


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
