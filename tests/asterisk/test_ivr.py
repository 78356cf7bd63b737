"""Menus on a real Asterisk: callers press keys, the path recorded equals the path dictated, and no
channel is left behind."""
import itertools
import time

import pytest
from support.asterisk import VERSIONS, asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

SETUPS = list(itertools.product(VERSIONS, ("ari", "ami")))
numbers = itertools.count(int(time.time()) % 900000)


def action(keys, kind, value="", **more):
    return {"dtmf_digit": keys, "action_type": kind, "action_value": value, **more}


def menu(number, *actions, **more):
    return {"id": number, "name": f"level {number}", "audio_file": "sound:beep", "timeout": 3,
            "actions": list(actions), **more}


MENUS = [
    menu(1, action("1", "goto_ivr", 2), action("2", "exten", "agent"), action("9", "hangup"),
         action("i", "playback", "sound:beep"), action("t", "playback", "sound:beep"),
         action("3", "exten", "nobody", next="menu"), action("4", "record", "1", next="hangup")),
    menu(2, action("1", "goto_ivr", 3), action("2", "queue", "900"), repeats=1),
    menu(3, action("_XXXX", "hangup"), max_digits=4, digit_timeout=5),
]
# What is pressed, the path, its end.
WAYS = [
    ("9", "menu1 choice1(9) end1", "hangup"),
    ("79", "menu1 invalid1(7) repeat1 choice1(9) end1", "hangup"),
    ("114711", "menu1 choice1(1) menu2 choice2(1) menu3 choice3(4711) end3", "hangup"),
    ("2", "menu1 choice1(2) joined1 end1", "agent"),
    ("1", "menu1 choice1(1) menu2 timeout2 repeat2 timeout2 end2", "timeout"),
    ("4", "menu1 choice1(4) recorded1 end1", "hangup"),
    ("", "menu1 timeout1 end1", "hangup"),
]


class Setup:
    def __init__(self, version, backend):
        self.asterisk, self.backend = asterisk_of(version), backend
        settings = self.asterisk.backend(plugin=backend)
        settings["calls"]["endpoint"] = "Local/{number}@presses-keys/n"
        self.gateway = Gateway(settings).start()
        self.gateway.add_user("chief", "the chief's password", role="admin")
        with self.gateway.client(signed_in=False) as client:
            client.token = self.gateway.create_token("chief")
            reply = client.post("/api/ivr/import", json={"menus": MENUS})
            assert reply.status_code == 201, reply.text
            self.ids = {one["id"]: one["imported_id"] for one in reply.json()["data"]["menus"]}
        self.client = self.gateway.client("2")

    def close(self):
        self.client.close()
        self.gateway.stop()
        self.gateway.remove()

    def call(self, keys):
        first = next(one for one, was in self.ids.items() if was == 1)
        number = f"{5 if keys else 6}{next(numbers) % 1000000:06}{keys}"
        reply = self.client.post("/api/v2/calls", json={"phone_number": number, "ivr_menu": first})
        assert reply.status_code == 200 and reply.json()["success"], reply.text
        return reply.json()["call_id"]

    def record(self, call_id):
        return self.client.get(f"/api/v2/status/{call_id}").json()

    def path(self, record):
        return " ".join(
            f"{mark['event']}{self.ids[mark['menu']]}"
            + (f"({mark['digits']})" if "digits" in mark else "")
            for mark in record["ivr"]["path"])


@pytest.fixture(scope="module", params=SETUPS, ids=["-".join(one) for one in SETUPS])
def setup(request):
    made = Setup(*request.param)
    yield made
    made.close()


def test_every_way(setup):
    before = set(setup.asterisk.channels())
    calls = {setup.call(keys): (path, end) for keys, path, end in WAYS}
    for call_id, (path, end) in calls.items():
        wait_until(lambda: setup.record(call_id)["is_completed"], 60, f"the end of {path}")
        record = setup.record(call_id)
        assert setup.path(record) == path
        # by AMI two calls that were joined end together
        ends = (end, "caller") if setup.backend == "ami" and end == "agent" else (end,)
        assert record["ivr"]["result"] in ends
    wait_until(lambda: not set(setup.asterisk.channels()) - before, 20, "the last channel to go")


def test_sounds_take_their_time(setup):
    """The beep is heard before the timeout begins."""
    call_id = setup.call("")
    wait_until(lambda: setup.record(call_id)["is_completed"], 60, "the call's end")
    marks = {mark["event"]: mark["at"] for mark in setup.record(call_id)["ivr"]["path"]}
    assert 3100 <= marks["timeout"] <= 6000
