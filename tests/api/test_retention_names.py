"""The rule by which old recordings go, in a folder that is shared with Asterisk: what is ours, what
is foreign, and what lies there in several formats. DELETE /api/v2/recordings/{id} too."""
import os
import time

import pytest
from shapes import json_of
from support.gateway import Gateway
from support.played_manager import Manager
from support.waiting import wait_until

CALL = "019339a4-7b0a-7c3e-9f27-0d3c5a1b2c4d"
FOREIGN = ("8ae3e5b1-1a2b-4c3d-8e9f-000102030405", "8ae3e5b1-1a2b-4c3d-8e9f-000102030405-r1",
           "meeting", "20241112-101500-1700000000.12")
DAY = 86400


def put(folder, file, age):
    (folder / file).write_bytes(bytes(1644))
    os.utime(folder / file, (time.time() - age,) * 2)


@pytest.fixture(scope="module")
def manager():
    with Manager() as running:
        yield running


def kept(manager, folder, **recordings):
    return Gateway({**manager.settings(recordings=str(folder)), "recordings": recordings})


def await_end(folder, *files):
    wait_until(lambda: not any((folder / file).exists() for file in files), 20,
               f"the end of {files}")


def test_foreign_ones_stay(manager, tmp_path):
    ours = [f"20241112-101500-{CALL}.wav", f"20241112-101500-{CALL}-2.wav", f"{CALL}-r1.wav"]
    theirs = [f"{name}.wav" for name in FOREIGN]
    for age, file in enumerate(theirs + ours, start=2):  # newest first: theirs had their turn
        put(tmp_path, file, age * DAY)
    with kept(manager, tmp_path, keep="10s") as gateway:
        await_end(tmp_path, *ours)
        assert sorted(file.name for file in tmp_path.iterdir()) == sorted(theirs)
        wait_until(lambda: gateway.metric("dialgate_recordings_deleted_total",
                                          result="deleted") == len(ours), 10, "the count")
        assert not gateway.metric("dialgate_recordings_deleted_total", result="failed")


def test_a_recording_is_as_old_as_its_newest_file(manager, tmp_path):
    for file, age in (("both.gsm", 9 * DAY), ("both.wav", -DAY), ("old.gsm", 20 * DAY),
                      ("old.wav", 10 * DAY), ("oldest.wav", 30 * DAY)):
        put(tmp_path, file, age)
    with kept(manager, tmp_path, keep="0", keep_foreign=False) as gateway:
        with gateway.client() as client:
            listed = json_of(client.get("/api/v2/recordings"))["recordings"]
            assert [one["id"] for one in listed] == ["both", "old", "oldest"]
        gateway.config.write_text(gateway.config.read_text().replace('keep = "0"', 'keep = "10s"'))
        gateway.reload()
        await_end(tmp_path, "old.gsm", "old.wav", "oldest.wav")
        assert sorted(file.name for file in tmp_path.iterdir()) == ["both.gsm", "both.wav"]
