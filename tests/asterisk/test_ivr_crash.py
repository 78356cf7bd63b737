"""The gateway is killed while callers are in menus: when it runs again nobody is left in silence. Who
talks to somebody goes on; everybody else is hung up. Who answered meanwhile is led through his menu,
by ami; an answered call that waits for an application of ARI is ended by Asterisk when nobody has it.

Likewise while calls hear messages, which are hung up, and while it is found out who has answered,
which goes on.
"""
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import menus
from support.asterisk import asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

PLATFORMS = ["ari-22", "ami-22", "ari-16", "ami-16"]
MACHINE, HUMAN = "622", "435"  # telephones that say a greeting of nine seconds, and hello
ANYBODY = ("human", "machine", "notsure")
LONG = {"audio": "digits:0123456789", "repeat": 10}
SILENT, RINGS_AGENT, TALKS, RINGS = "00", "17", "18", "19"  # scripts of keys.py


class Bed:
    def __init__(self, platform, name):
        self.plugin, version = platform.split("-")
        self.asterisk = asterisk_of(version)
        self.sounds = menus.Sounds(self.asterisk, f"test-{os.getpid()}-{platform}-{name}")
        self.gateway = Gateway({**self.asterisk.backend("pjsip", self.plugin),
                                **self.sounds.settings()})

    def __enter__(self):
        self.gateway.__enter__()
        # nobody is hung up by his menu
        self.board = menus.Board(self.gateway, self.sounds, timeout=300)
        self.client = self.gateway.client()
        return self

    def __exit__(self, *reason):
        self.gateway.__exit__(*reason)
        self.sounds.remove()

    def place(self, number, **body):
        reply = self.client.post("/api/v2/calls", json={"phone_number": number, **body})
        assert reply.status_code == 200 and reply.json()["success"], reply.text
        return reply.json()["call_id"]

    def call(self, script):
        return self.place(menus.keys.number(next(menus.serials), script),
                          ivr_menu=self.board.first)

    def call_telephone(self, end, **body):
        return self.place(f"{next(menus.serials):07}{end}", **body)

    def start_again(self):
        self.gateway.start()
        self.client = self.gateway.client()

    def record(self, call_id):
        return self.client.get(f"/api/v2/status/{call_id}").json()

    def path(self, call_id):
        record = self.record(call_id)
        return menus.path_of(record, self.board.ids) if record.get("ivr") else ""

    def await_path(self, call_id, path):
        wait_until(lambda: self.path(call_id) == path, 60, f"the path {path}")

    def await_end(self, call_id, *results):
        wait_until(lambda: self.record(call_id)["is_completed"], 60, f"the end by {results}")
        ivr = self.gateway.cdr(call_id).get("ivr") or {}
        assert ivr.get("result") in results

    def hang_up(self, channel):
        self.asterisk.cli(f"channel request hangup {self.asterisk.name_of(channel)}")

    def is_up(self, channel):
        name = self.asterisk.names().get(channel)
        return name and "Up (6)" in self.asterisk.cli(f"core show channel {name}")

    def applications(self):
        """What Asterisk began to do last with its channels: {unique id: application}"""
        rows = self.asterisk.cli("core show channels concise").splitlines()
        return {row.split("!")[-1]: row.split("!")[5] for row in rows if row.count("!") > 6}

    def awaits_orders(self, channel):
        return "Data: agi:async" in self.asterisk.cli(
            f"core show channel {self.asterisk.name_of(channel)}")

    def place_of(self, channel):
        """Its place in the dialplan, as Asterisk has it."""
        rows = self.asterisk.cli("core show channels concise").splitlines()
        places = {row.split("!")[-1]: tuple(row.split("!")[1:3]) for row in rows}
        return places.get(channel)

    def rewrite(self, call_id, change):
        """Its record, while the gateway is not there."""
        [row] = [row for row in self.gateway.records("calls") if row["id"] == call_id]
        change(row["doc"])
        self.gateway.cli("import", stdin=json.dumps(row) + "\n")


def answered_by_nobody(bed, call_id):
    """It rings when the gateway is killed."""
    wait_until(lambda: bed.record(call_id)["status"] == "ringing", 30, "a call that rings")
    bed.gateway.kill()
    if bed.plugin == "ari":
        wait_until(lambda: call_id not in bed.asterisk.channels(), 30, "its end", every=0.2)
    else:
        wait_until(lambda: bed.is_up(call_id), 30, "its answer", every=0.2)


def story(platform):
    with Bed(platform, "menus") as bed:
        waits, rings, talks, talked_to = map(bed.call, (SILENT, RINGS_AGENT, TALKS, TALKS))
        for call_id in (talks, talked_to):
            bed.await_path(call_id, "menu1 choice1(7)>exten joined1>exten")
        bed.await_path(rings, "menu1 choice1(#)>exten")
        wait_until(lambda: bed.board.stats()[1]["entries"] == 4, 10, "four entries")
        listens = bed.call(SILENT)
        bed.await_path(listens, "menu1")
        answers = bed.call(RINGS)
        answered_by_nobody(bed, answers)
        assert {waits, rings, listens, talks, talked_to} <= set(bed.asterisk.channels())
        bed.start_again()

        for call_id in (waits, rings, listens):
            bed.await_end(call_id, "interrupted")
        if bed.plugin == "ari":
            bed.await_end(answers, None)
        else:
            bed.await_path(answers, "menu1")
            bed.client.delete(f"/api/v2/calls/{answers}")
            bed.await_end(answers, "caller")

        agents = {}
        for call_id in (talks, talked_to):
            assert bed.record(call_id)["status"] == "answered"
            [agents[call_id]] = bed.asterisk.bridged_with(call_id)
        bed.hang_up(talks)
        bed.hang_up(agents[talked_to])
        for call_id in (talks, talked_to):
            bed.await_end(call_id, *menus.BOTH)
        ours = {waits, rings, listens, answers, talks, talked_to, *agents.values()}
        wait_until(lambda: not ours & set(bed.asterisk.channels()), 20, "the last channel's end")
        wait_until(lambda: bed.gateway.metric("dialgate_calls_live") == 0, 20, "the last call's end")
        assert bed.gateway.metric("dialgate_ivr_sessions") == 0
        # what was counted a second before the kill was not lost
        assert bed.board.stats()[1]["entries"] >= (4 if bed.plugin == "ari" else 5)


def known_and_no_more(result, **place):
    """As if the kill had come when it was known who had answered, before anything was done."""
    def change(doc):
        del doc["message"], doc["plan"]["audio"]
        doc["amd"] = {"result": result, "cause": "TEST", "at": 1}
        doc["plan"].update(amd={}, on_machine="hangup")
        doc.update(place)
    return change


def over_unseen(bed, call_id):
    """Detection ends while the gateway is not there; by ARI there is nobody to come back to then."""
    if bed.plugin == "ari":
        wait_until(lambda: call_id not in bed.asterisk.channels(), 30, "its end", every=0.1)
    else:
        wait_until(lambda: bed.awaits_orders(call_id), 30, "what was found", every=0.1)


def kill_among_messages(bed):
    """{what is going on: id of the call}"""
    calls = {"gone": bed.call_telephone(HUMAN, amd=True, context="outbound-ivr", extension="echo")}
    calls.update({name: bed.call_telephone(HUMAN, **LONG) for name in ("hears", "goes", "ends")})
    wait_until(lambda: bed.place_of(calls["gone"]) == ("outbound-ivr", "echo"), 30, "the echo")
    for name in ("hears", "goes", "ends"):
        wait_until(lambda: "message" in bed.record(calls[name]), 30, "the message")
    calls["listens"] = bed.call_telephone(MACHINE, amd={"silence": 5000}, audio="sound:beep",
                                          machine_message="sound:vm-goodbye")
    calls["unseen"] = bed.call_telephone(HUMAN, amd={"after_greeting_silence": 5000,
                                                     "total_analysis_time": 12000},
                                         audio="sound:beep")
    wait_until(lambda: {bed.applications().get(calls[name]) for name in ("listens", "unseen")}
               <= {"AMD", "WaitForSilence"}, 30, "AMD")
    bed.gateway.kill()
    assert set(calls.values()) <= set(bed.asterisk.channels())
    return calls


def story_of_messages(platform):
    with Bed(platform, "messages") as bed:
        calls = kill_among_messages(bed)
        over_unseen(bed, calls["unseen"])
        bed.rewrite(calls["goes"], known_and_no_more("human", context="outbound-ivr",
                                                        extension="echo", priority=1))
        bed.rewrite(calls["ends"], known_and_no_more("machine"))
        bed.start_again()

        def ended(name):
            wait_until(lambda: bed.record(calls[name])["is_completed"], 60, f"the end: {name}")
            record, cdr = bed.record(calls[name]), bed.gateway.cdr(calls[name])
            assert (cdr.get("amd"), cdr.get("message")) == (record.get("amd"),
                                                            record.get("message"))
            return record.get("amd", {}).get("result"), record.get("message", {})
        amd, message = ended("hears")
        assert (amd, message["result"], message["played"]) == (None, "interrupted", 0)
        assert [mark["event"] for mark in message["path"]] == ["message"]
        assert ended("ends") == ("machine", {})

        amd, message = ended("listens")
        assert message["result"] == "played", message
        # by ami it is listened to anew: the end of a greeting may be taken for a person's
        assert bed.plugin == "ami" and amd in ANYBODY or amd == "machine"
        assert message["to"] == ("machine" if amd == "machine" else "human")
        amd, message = ended("unseen")
        if bed.plugin == "ari":
            assert (amd, message) == ("hangup", {})
        else:
            assert amd in ANYBODY and message["result"] == "played", (amd, message)

        for name in ("goes", "gone"):
            wait_until(lambda: bed.place_of(calls[name]) == ("outbound-ivr", "echo"), 20, name)
            assert bed.record(calls[name])["status"] == "answered"
            [kept] = bed.gateway.stored("calls", id=calls[name])
            assert kept["sent_on"]  # and not once more
            bed.client.delete(f"/api/v2/calls/{calls[name]}")
            assert ended(name) == ("human", {})
        ours = set(calls.values())
        wait_until(lambda: not ours & set(bed.asterisk.channels()), 20, "the last channel's end")
        wait_until(lambda: bed.gateway.metric("dialgate_calls_live") == 0, 20, "the last call's end")
        assert bed.gateway.metric("dialgate_ivr_sessions") == 0


TOLD = {"menus": story, "messages": story_of_messages}


@pytest.fixture(scope="module")
def stories():
    for platform in PLATFORMS:
        asterisk_of(platform.split("-")[1])
    both = [(name, platform) for name in TOLD for platform in PLATFORMS]
    with ThreadPoolExecutor(len(both)) as pool:
        yield {one: pool.submit(TOLD[one[0]], one[1]) for one in both}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_killed_in_menus(stories, platform):
    stories["menus", platform].result()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_killed_in_messages(stories, platform):
    stories["messages", platform].result()
