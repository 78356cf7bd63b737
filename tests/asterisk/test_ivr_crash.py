"""The gateway is killed while callers are in menus: when it runs again nobody is left in silence. Who
talks to somebody goes on; everybody else is hung up. Who answered meanwhile is led through his menu,
by ami; an answered call that waits for an application of ARI is ended by Asterisk when nobody has it.
"""
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import menus
from support.asterisk import asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

PLATFORMS = ["ari-22", "ami-22", "ari-16", "ami-16"]
SILENT, RINGS_AGENT, TALKS, RINGS = "00", "17", "18", "19"  # scripts of keys.py


class Bed:
    def __init__(self, platform):
        self.plugin, version = platform.split("-")
        self.asterisk = asterisk_of(version)
        self.sounds = menus.Sounds(self.asterisk, f"test-{os.getpid()}-{platform}-crash")
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

    def call(self, script):
        reply = self.client.post("/api/v2/calls", json={
            "phone_number": menus.keys.number(next(menus.serials), script),
            "ivr_menu": self.board.first})
        assert reply.status_code == 200 and reply.json()["success"], reply.text
        return reply.json()["call_id"]

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


def answered_by_nobody(bed, call_id):
    """It rings when the gateway is killed."""
    wait_until(lambda: bed.record(call_id)["status"] == "ringing", 30, "a call that rings")
    bed.gateway.kill()
    if bed.plugin == "ari":
        wait_until(lambda: call_id not in bed.asterisk.channels(), 30, "its end", every=0.2)
    else:
        wait_until(lambda: bed.is_up(call_id), 30, "its answer", every=0.2)


def story(platform):
    with Bed(platform) as bed:
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
        bed.gateway.start()
        bed.client = bed.gateway.client()

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


@pytest.fixture(scope="module")
def stories():
    for platform in PLATFORMS:
        asterisk_of(platform.split("-")[1])
    with ThreadPoolExecutor(len(PLATFORMS)) as pool:
        yield {platform: pool.submit(story, platform) for platform in PLATFORMS}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_killed_in_menus(stories, platform):
    stories[platform].result()
