"""The link to a real Asterisk is lost for a moment, while people hear a message, are listened to by
AMD, or are in a menu: they hear what they were to hear, and nobody is hung up or forgotten."""
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.asterisk import VERSIONS, asterisk_of
from support.gateway import Gateway
from support.relay import Relay
from support.waiting import wait_until

SETUPS = ["-".join(one) for one in itertools.product(VERSIONS, ("ari", "ami"))]
HUMAN = "435"  # says hello, and listens
AWAY_S = 1.5   # then the link comes up again within a second
numbers = itertools.count(int(time.time()) % 90000)

MENU = {"name": "menu", "audio_file": "sound:beep", "timeout": 1, "repeats": 3, "created_at": 1,
        "actions": [{"dtmf_digit": "1", "action_type": "hangup", "action_value": ""}]}
CALLS = {
    "message": {"audio": "digits:0123&digits:0123"},
    "amd": {"amd": True, "audio": "digits:01", "on_machine": "hangup"},
    "menu": {"ivr_menu": 1},
}


class Setup:
    def __init__(self, name):
        version, self.plugin = name.split("-")
        self.asterisk = asterisk_of(version)
        settings = self.asterisk.backend("pjsip", plugin=self.plugin)
        backend = settings["backend.pbx"]
        if self.plugin == "ami":
            self.relay = Relay(backend["port"])
            backend["port"] = self.relay.port
        else:
            self.relay = Relay(int(self.asterisk.env["ARI_URL"].split(":")[2].split("/")[0]))
            backend["url"] = f"http://127.0.0.1:{self.relay.port}/ari"
        self.gateway = Gateway(settings)
        self.gateway.cli("import", stdin=json.dumps(
            {"collection": "ivr_menus", "id": "1", "version": 1, "doc": MENU}) + "\n")
        self.gateway.start()
        self.client = self.gateway.client("2")
        self.calls = {}

    def place(self, body):
        number = f"1555{next(numbers) % 100000:05}{HUMAN}"
        reply = self.client.post("/api/v2/calls", json={"phone_number": number, **body})
        assert reply.status_code == 200 and reply.json()["success"], reply.text
        return reply.json()["call_id"]

    def now(self, name):
        return self.client.get(f"/api/v2/status/{self.calls[name]}").json()

    def has_begun(self):
        return "message" in self.now("message") and "ivr" in self.now("menu")

    def is_listened_to(self):
        """By ami nothing tells of it: it is about to be, as soon as the call is answered."""
        if self.plugin == "ami":
            return self.now("amd")["status"] == "answered"
        shown = self.client.get(f"/api/v2/channels/{self.calls['amd']}").json()
        return shown.get("context") == "dialgate-amd"

    def record(self, name):
        """When it is over."""
        wait_until(lambda: self.now(name)["is_completed"], 30, f"the end of the call {name}")
        return self.now(name)

    def lose_link(self):
        for name in ("message", "menu"):
            self.calls[name] = self.place(CALLS[name])
        wait_until(self.has_begun, 30, "message and menu")
        self.calls["amd"] = self.place(CALLS["amd"])
        wait_until(self.is_listened_to, 30, "AMD")
        self.relay.set_closed(True)
        time.sleep(AWAY_S)
        self.relay.set_closed(False)

    def close(self):
        self.client.close()
        self.gateway.stop()
        self.gateway.remove()
        self.relay.close()


@pytest.fixture(scope="module")
def setups():
    for version in VERSIONS:
        asterisk_of(version)
    with ThreadPoolExecutor(len(SETUPS)) as pool:
        made = dict(zip(SETUPS, pool.map(Setup, SETUPS)))
        try:
            list(pool.map(Setup.lose_link, made.values()))
            yield made
        finally:
            list(pool.map(Setup.close, made.values()))


@pytest.fixture(params=SETUPS)
def setup(setups, request):
    return setups[request.param]


def steps(record, what):
    return [mark["event"] for mark in record[what]["path"]]


def test_message(setup):
    """It is heard to its end, and then the call ends."""
    record = setup.record("message")
    assert steps(record, "message") == ["message", "end"], record["message"]
    assert (record["message"]["played"], record["message"]["result"]) == (1, "played")
    assert 2500 < record["message"]["path"][-1]["at"] < 15000
    assert record["status"] == "completed"


def test_detection(setup):
    record = setup.record("amd")
    assert record["amd"]["result"] == "human", record["amd"]
    assert record["amd"]["cause"].startswith("HUMAN-")
    assert (record["message"]["played"], record["message"]["result"]) == (1, "played")


def test_menu(setup):
    """What was to be played meanwhile is played afterwards."""
    record = setup.record("menu")
    assert steps(record, "ivr") == ["menu"] + ["timeout", "repeat"] * 3 + ["timeout", "end"]
    assert record["ivr"]["result"] == "timeout" and record["status"] == "completed"
