"""Recordings on a real Asterisk: what was recorded is heard in what is downloaded, whole and by
ranges; it is deleted there. By ari as it gives them out, with a shared folder, and with a companion
that has one; by ami."""
import random
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


def folder_of(asterisk, name):
    folder = Path(asterisk.env["LOG_FILE"]).parents[1] / "spool" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class Setup:
    """A gateway, and the folder in which its Asterisk keeps recordings."""

    def __init__(self, version, name):
        self.asterisk = asterisk_of(version)
        self.folder = folder_of(self.asterisk, "monitor" if name == "ami" else "recording")
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


def test_a_long_one(setup):
    """More than is read at once, byte for byte; and answers that have no body."""
    content = random.Random(1).randbytes(5 << 20)
    name = f"long-{time.monotonic_ns()}"
    (setup.folder / f"{name}.wav").write_bytes(content)
    with setup.gateway.client("1.1") as client:
        path = f"{URL}/{name}/file"
        whole = client.get(path)
        assert whole.status_code == 200 and whole.content == content
        head = client.request("HEAD", path)
        assert (head.status_code, head.content) == (200, b"")
        for header in ("content-length", "content-type", "etag"):
            assert head.headers[header] == whole.headers[header]
        part = client.get(path, headers={"Range": "bytes=4000000-4999999"})
        assert part.status_code == 206 and part.content == content[4000000:5000000]
        same = client.get(path, headers={"If-None-Match": whole.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")
        assert client.delete(f"{URL}/{name}").status_code == 200
        assert not (setup.folder / f"{name}.wav").exists()


def test_companion():
    """What Asterisk keeps for ARI comes from there, what MixMonitor has written from the companion's
    folder; each under its backend's name."""
    asterisk = asterisk_of("22")
    settings = asterisk.backend(companion="manager")
    monitor = folder_of(asterisk, "monitor")
    settings["backend.manager"] = {**asterisk.ami(), "recordings": str(monitor)}
    names, content = {}, {}
    for backend, folder in (("pbx", folder_of(asterisk, "recording")), ("manager", monitor)):
        name = names[backend] = f"companion-{backend}-{time.monotonic_ns()}"
        content[backend] = random.Random(name).randbytes(44 + RATE)
        (folder / f"{name}.wav").write_bytes(content[backend])
    with Gateway(settings) as gateway, gateway.client("2") as client:
        wait_until(lambda: len(client.get(URL, params={"search": "companion-"}).json()["recordings"])
                   >= 2, 20, "both")
        listed = {one["id"]: one["backend"] for one in client.get(
            URL, params={"search": "companion-", "per_page": 100}).json()["recordings"]}
        for backend, name in names.items():
            assert listed[name] == backend
            one = client.get(f"{URL}/{name}").json()
            assert (one["backend"], one["bytes"]) == (backend, 44 + RATE)
            other = "manager" if backend == "pbx" else "pbx"
            assert client.get(f"{URL}/{name}", params={"backend": other}).status_code == 404
            assert client.get(f"{URL}/{name}/file").content == content[backend]
            assert client.delete(f"{URL}/{name}").status_code == 200
            assert client.get(f"{URL}/{name}").status_code == 404


def test_without_a_folder():
    """AMI gives nothing out, and says what is missing."""
    with Gateway(asterisk_of("22").backend(plugin="ami")) as gateway, gateway.client() as client:
        for reply in (client.get(URL), client.get(f"{URL}/a"), client.delete(f"{URL}/a")):
            assert reply.status_code == 501
            assert "`recordings`" in reply.json()["detail"]
