"""Recordings on a real Asterisk: what was recorded is heard in what is downloaded, whole and by
ranges; it is deleted there. By ari as it gives them out and with a shared folder, by ami."""
import struct
import time
from pathlib import Path

import pytest
from support.asterisk import VERSIONS, asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

CALLS, URL = "/api/v2/calls", "/api/v2/recordings"
SETUPS = [(version, setup) for version in VERSIONS for setup in ("ari", "folder", "ami")]
RATE = 16000  # bytes of a second: 8 kHz, 16 bits


class Setup:
    """A gateway, and the folder in which its Asterisk keeps recordings."""

    def __init__(self, version, name):
        self.asterisk = asterisk_of(version)
        spool = Path(self.asterisk.env["LOG_FILE"]).parents[1] / "spool"
        self.folder = spool / ("monitor" if name == "ami" else "recording")
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = self.asterisk.backend(plugin="ami" if name == "ami" else "ari")
        if name != "ari":
            settings["backend.pbx"]["recordings"] = str(self.folder)
        self.gateway = Gateway(settings).start()

    def close(self):
        self.gateway.stop()
        self.gateway.remove()

    def size_of(self, name):
        file = self.folder / f"{name}.wav"
        return file.stat().st_size if file.exists() else 0

    def settled(self, name):
        """Asterisk writes the last of it, and its length, a moment after it was stopped."""
        before = -1
        while self.size_of(name) != before:
            before = self.size_of(name)
            time.sleep(1)
        return before

    def record(self, client):
        """A call that hears a tone, and what was recorded of it."""
        call = client.post(CALLS, json={"phone_number": f"55{time.monotonic_ns() % 10**8:08d}",
                                        "extension": "joined"}).json()["call_id"]
        wait_until(lambda: client.get(f"{CALLS}/{call}").json()["status"] == "answered", 30,
                   "answer")
        reply = client.post(f"{CALLS}/{call}/recording")
        assert reply.status_code == 200, reply.text
        wait_until(lambda: self.size_of(reply.json()["recording"]) > RATE, 60, "a second of it")
        assert client.delete(f"{CALLS}/{call}/recording").status_code == 200
        client.delete(f"{CALLS}/{call}")
        return call, reply.json()["recording"]


@pytest.fixture(scope="module", params=SETUPS, ids=["-".join(setup) for setup in SETUPS])
def setup(request):
    running = Setup(*request.param)
    yield running
    running.close()


def loudness(wav):
    samples = struct.unpack(f"<{(len(wav) - 44) // 2}h", wav[44:44 + (len(wav) - 44) // 2 * 2])
    return max(map(abs, samples), default=0)


def test_recorded_downloaded_deleted(setup):
    with setup.gateway.client("2") as client:
        call, name = setup.record(client)
        wait_until(lambda: client.get(f"{URL}/{name}").status_code == 200, 20, "it is there")
        setup.settled(name)
        on_disk = (setup.folder / f"{name}.wav").read_bytes()
        wait_until(lambda: client.get(f"{URL}/{name}").json()["bytes"] == len(on_disk), 20,
                   "all of it")
        one = client.get(f"{URL}/{name}").json()
        assert (one["call_id"], one["format"], one["backend"]) == (call, "wav", "pbx")
        assert abs(one["duration_ms"] - len(on_disk) * 1000 / RATE) < 10
        assert client.get(f"{CALLS}/{call}").json()["recordings"] == [name]
        listed = client.get(URL, params={"call_id": call}).json()["recordings"]
        assert [other["id"] for other in listed] == [name]

        whole = client.get(f"{URL}/{name}/file")
        assert whole.status_code == 200 and whole.content == on_disk
        assert whole.headers["content-type"] == "audio/wav"
        assert loudness(whole.content) > 1000
        part = client.get(f"{URL}/{name}/file", headers={
            "Range": "bytes=1000-2999", "If-Range": whole.headers["etag"]})
        assert part.status_code == 206 and part.content == on_disk[1000:3000]
        assert part.headers["content-range"] == f"bytes 1000-2999/{len(on_disk)}"
        beyond = client.get(f"{URL}/{name}/file", headers={"Range": f"bytes={len(on_disk)}-"})
        assert beyond.status_code == 416

        assert client.delete(f"{URL}/{name}").status_code == 200
        assert not (setup.folder / f"{name}.wav").exists()
        for path in ("", "/file"):
            assert client.get(f"{URL}/{name}{path}").status_code == 404
        assert client.delete(f"{URL}/{name}").status_code == 404


def test_without_a_folder():
    """AMI gives nothing out, and says what is missing."""
    with Gateway(asterisk_of("22").backend(plugin="ami")) as gateway, gateway.client() as client:
        for reply in (client.get(URL), client.get(f"{URL}/a"), client.delete(f"{URL}/a")):
            assert reply.status_code == 501
            assert "`recordings`" in reply.json()["detail"]
