"""The retention rule of [recordings] on the files of a folder that is shared with Asterisk, whose
manager interface is played here: what goes, what stays, with one gateway and with two. On
real Asterisks: ../asterisk/test_retention.py."""
import os
import time

import pytest
from shapes import json_of, refused
from support.cluster import Cluster
from support.gateway import Gateway
from support.played_manager import Manager
from support.waiting import wait_until

URL, CALLS = "/api/v2/recordings", "/api/v2/calls"
NUMBER = "+15550100111"
RULE = {"recordings": {"keep": "10s"}}  # looked at every second
DAY, SOON = 86400, -600  # a file's age; what was written to ten minutes from now stays young
CALL = "01993a00-0000-7000-8000-0000000000"  # and two digits


class Folder:
    def __init__(self, path):
        self.path = path

    def put(self, name, age, ending="wav"):
        file = self.path / f"{name}.{ending}"
        file.write_bytes(bytes(44 + 1600))
        os.utime(file, (time.time() - age,) * 2)
        return name

    def names(self):
        return {file.stem for file in self.path.iterdir()}

    def await_gone(self, *names):
        wait_until(lambda: not self.names() & set(names), 30, f"{names} are deleted")

    def await_sweep(self, name="20251002-120007-" + CALL + "99"):
        """The rule has been applied once more, to all that lies there by now."""
        self.await_gone(self.put(name, DAY))


def recorded(client, folder, age=DAY):
    """A call that is being recorded, into a file that is not written to any more."""
    call = json_of(client.post(CALLS, json={"phone_number": NUMBER}))["call_id"]
    wait_until(lambda: client.get(f"{CALLS}/{call}").json()["status"] == "answered", 20, "answer")
    return call, folder.put(json_of(client.post(f"{CALLS}/{call}/recording"))["recording"], age)


def await_counts(gateways, total):
    """How many these have deleted, as soon as it is `total`; and how many they could not."""
    def count(result):
        return sum(gateway.metric("dialgate_recordings_deleted_total", result=result) or 0
                   for gateway in gateways)
    wait_until(lambda: count("deleted") >= total, 30, f"{total} counted")
    return count("deleted"), count("failed")


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


@pytest.fixture
def settings(folder):
    with Manager() as manager:
        yield {**manager.settings(recordings=str(folder.path)), **RULE}


def test_what_goes_and_what_stays(folder, settings):
    old = [folder.put(name, DAY) for name in (
        f"20251001-120007-{CALL}01", f"20251001-120007-{CALL}01-2", f"{CALL}02-1")]
    folder.put(old[0], DAY, "gsm")
    young = {folder.put(f"20251001-120007-{CALL}03", SOON), folder.put("young", SOON)}
    foreign = {folder.put("voicemail-1", DAY), folder.put(f"20251001-{CALL}05", DAY)}
    with Gateway(settings) as gateway, gateway.client("2") as client:
        call, name = recorded(client, folder)
        folder.await_gone(*old)
        folder.await_sweep()
        assert folder.names() == young | foreign | {name}
        refused(client.delete(f"{URL}/{name}"), 409, "The recording is still being made")
        assert await_counts([gateway], len(old) + 1) == (len(old) + 1, 0)

        text = gateway.config.read_text()
        gateway.config.write_text(text.replace('keep = "10s"', 'keep = "10s"\nkeep_foreign = false'))
        gateway.reload()
        folder.await_gone(*foreign)
        folder.await_sweep()
        assert folder.names() == young | {name}

        json_of(client.delete(f"{CALLS}/{call}/recording"))
        folder.await_gone(name)
        assert folder.names() == young


def test_two_gateways(folder, settings):
    """Each recording is deleted once, whoever does it, and not what is being made at the other
    gateway; when one has ended, the other goes on."""
    old = [f"20251001-120007-{CALL}{number}" for number in range(10, 30)]
    with Cluster("a", "b", settings=settings) as cluster:
        there = cluster.client("b")
        call, name = recorded(there, folder)
        for one in old:
            folder.put(one, DAY)
        folder.await_gone(*old)
        folder.await_sweep()
        assert folder.names() == {name}
        refused(cluster.client("a").delete(f"{URL}/{name}"), 409,
                "The recording is still being made")
        assert await_counts(cluster, len(old) + 1) == (len(old) + 1, 0)

        cluster["a"].stop()
        folder.await_sweep()
        assert folder.names() == {name}
        json_of(there.delete(f"{CALLS}/{call}/recording"))
        folder.await_gone(name)


def test_after_a_crash(folder, settings):
    """A call that goes on keeps its recording; when it has ended, that goes as any other."""
    with Gateway(settings) as gateway:
        with gateway.client("2") as client:
            call, name = recorded(client, folder, SOON)
        wait_until(lambda: gateway.stored("calls", id=call, recording=True), 10, "its record")
        gateway.kill()
        gateway.start()
        with gateway.client("2") as client:
            folder.put(name, DAY)
            folder.await_sweep()
            assert folder.names() == {name}, "the call goes on, and so does its recording"
            json_of(client.delete(f"{CALLS}/{call}"))
            folder.await_gone(name)
