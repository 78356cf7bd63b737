"""Messages and answering-machine detection on a real Asterisk: who answers is a telephone that says
a greeting, or hello, in RTP. All calls of all setups are placed first, then looked at."""
import itertools
import time

import pytest
from support.asterisk import VERSIONS, asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

SETUPS = ["-".join(one) for one in itertools.product(VERSIONS, ("ari", "ami"))]
MACHINE, HUMAN = "622", "435"
GREETING_MS = 7000  # it is longer
numbers = itertools.count(int(time.time()) % 90000)

# What is asked for, by name.
CALLS = {
    "machine": (MACHINE, {"amd": True, "audio": "sound:beep", "machine_message": "sound:vm-goodbye"}),
    "human": (HUMAN, {"amd": True, "audio": "sound:beep", "machine_message": "sound:vm-goodbye"}),
    "strict": (HUMAN, {"amd": {"greeting": 100, "min_word_length": 50}, "audio": "sound:beep",
                       "on_machine": "hangup"}),
    "dialplan": (HUMAN, {"amd": True, "on_machine": "hangup", "context": "outbound-ivr",
                         "extension": "echo"}),
    "spoken": (HUMAN, {"audio": "number:42&digits:07", "language": "en", "repeat": 2}),
    "foreign": (HUMAN, {"audio": "number:42&digits:07", "language": "xx"}),
    "missing": (HUMAN, {"audio": "sound:nosuch", "repeat": 3}),
    "half": (HUMAN, {"audio": "sound:nosuch&sound:beep&nosuch"}),
}


class Setup:
    def __init__(self, name):
        version, self.backend = name.split("-")
        self.asterisk = asterisk_of(version)
        self.gateway = Gateway(self.asterisk.backend("pjsip", plugin=self.backend)).start()
        self.client = self.gateway.client("2")
        self.before = set(self.asterisk.channels())
        self.calls = {name: self.place(*call) for name, call in CALLS.items()}

    def place(self, end, body):
        number = f"1555{next(numbers) % 100000:05}{end}"
        reply = self.client.post("/api/v2/calls", json={"phone_number": number, **body})
        assert reply.status_code == 200 and reply.json()["success"], reply.text
        return reply.json()["call_id"]

    def record(self, name):
        """When it is over."""
        def now():
            return self.client.get(f"/api/v2/status/{self.calls[name]}").json()
        wait_until(lambda: now()["is_completed"], 90, f"the end of the call {name}")
        return now()

    def close(self):
        self.client.close()
        self.gateway.stop()
        self.gateway.remove()


@pytest.fixture(scope="module")
def setups():
    made = {name: Setup(name) for name in SETUPS}
    yield made
    for setup in made.values():
        setup.close()


@pytest.fixture(params=SETUPS)
def setup(setups, request):
    return setups[request.param]


def steps(record):
    return [mark["event"] for mark in record["message"]["path"]]


def lasted(record):
    """From the beginning of the message to its end, in ms."""
    return record["message"]["path"][-1]["at"]


def test_machine(setup):
    """It hears its own message when its greeting is over, and then the call ends."""
    record = setup.record("machine")
    assert record["amd"]["result"] == "machine", record["amd"]
    assert record["amd"]["cause"].split("-")[0] in ("LONGGREETING", "MAXWORDS", "MAXWORDLENGTH")
    assert record["amd"]["at"] > GREETING_MS
    assert (record["message"]["to"], record["message"]["played"]) == ("machine", 1)
    assert record["message"]["audio"] == "sound:vm-goodbye"
    assert steps(record) == ["message", "end"]
    assert record["status"] == "completed" and setup.gateway.cdr(record["call_id"])["cause"] == 16


def test_human(setup):
    record = setup.record("human")
    assert record["amd"]["result"] == "human", record["amd"]
    assert record["amd"]["cause"].startswith("HUMAN-")
    assert record["amd"]["at"] < GREETING_MS
    assert (record["message"]["to"], record["message"]["played"]) == ("human", 1)
    cdr = setup.gateway.cdr(record["call_id"])
    assert (cdr["amd"], cdr["message"]) == (record["amd"], record["message"])


def test_thresholds_count(setup):
    """For who says hello for longer than 100 ms is a machine then."""
    record = setup.record("strict")
    assert record["amd"]["result"] == "machine", record["amd"]
    assert "message" not in record and record["status"] == "completed"


def test_on_to_the_dialplan(setup):
    call = setup.calls["dialplan"]

    def place():
        shown = setup.client.get(f"/api/v2/channels/{call}").json()
        return shown.get("context"), shown.get("extension")
    wait_until(lambda: place() == ("outbound-ivr", "echo"), 30, "the place in the dialplan")
    assert setup.client.delete(f"/api/v2/calls/{call}").status_code == 200
    record = setup.record("dialplan")
    assert record["amd"]["result"] == "human", record["amd"]
    assert record["status"] == "completed" and "message" not in record


def test_numbers_are_spoken(setup):
    """Forty, two, zero, seven: two seconds at least, each time."""
    record = setup.record("spoken")
    assert steps(record) == ["message", "repeat", "end"] and record["message"]["played"] == 2
    assert lasted(record) > 3500
    record = setup.record("foreign")
    assert record["message"]["result"] == "played" and lasted(record) > 1500


def test_missing_sounds(setup):
    record = setup.record("missing")
    assert steps(record) == ["message", "missing", "end"]
    assert record["message"]["path"][1]["sound"] == "sound:nosuch"
    assert (record["message"]["played"], record["message"]["result"]) == (0, "missing")
    record = setup.record("half")
    assert steps(record) == ["message", "missing", "missing", "end"]
    assert (record["message"]["played"], record["message"]["result"]) == (1, "played")
    assert 150 <= lasted(record) < 6000  # the beep was heard


def test_nothing_is_left(setup):
    setup.client.delete(f"/api/v2/calls/{setup.calls['dialplan']}")
    for name in CALLS:
        setup.record(name)
    ours = set(setup.calls.values())
    wait_until(lambda: not ours & set(setup.asterisk.channels()), 20, "the last channel to go")
