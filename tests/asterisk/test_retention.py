"""The retention rule of [recordings] on Asterisks of our own, since it would delete what other tests
have recorded: old recordings go, young ones, those of others and one that is being made stay. All
setups run at once, since they mostly wait; then two gateways share an Asterisk."""
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.asterisk import OwnAsterisk
from support.cluster import Cluster
from support.gateway import Gateway
from support.waiting import wait_until

URL, CALLS = "/api/v2/recordings", "/api/v2/calls"
PORTS = {"22": 30000, "16": 30200}
KEEP = 1  # seconds; looked at every second
RULE = {"recordings": {"keep": f"{KEEP}s"}}
# By ARI with a shared folder and without one, by AMI; apart, each in a folder of its own.
SETUPS = [("22", "ari"), ("22", "ami"), ("16", "folder"), ("16", "ami")]
IDS = ["-".join(setup) for setup in SETUPS]
CALL = "01993a00-0000-7000-8000-0000000000"  # and two digits
OLD = "20251001-120007-" + CALL
DAY, SOON = 86400, -3600


class Setup:
    """Settings of a gateway, and the folder in which its Asterisk keeps recordings."""

    def __init__(self, asterisk, name):
        self.asterisk, self.by_name = asterisk, name == "ari"
        spool = Path(asterisk.env["LOG_FILE"]).parents[1] / "spool"
        self.folder = spool / ("monitor" if name == "ami" else "recording")
        for old in self.folder.glob("*.wav"):
            old.unlink()
        self.settings = {**asterisk.backend(plugin="ami" if name == "ami" else "ari"), **RULE}
        if not self.by_name:
            self.settings["backend.pbx"]["recordings"] = str(self.folder)

    def put(self, name, age):
        """ARI alone does not tell a file's time: the name does."""
        file = self.folder / f"{name}.wav"
        file.write_bytes(bytes(44 + 1600))
        os.utime(file, (time.time() - age,) * 2)
        return name

    def names(self):
        return {file.stem for file in self.folder.glob("*.wav")}

    def await_gone(self, *names):
        wait_until(lambda: not self.names() & set(names), 60, f"{names} are deleted")

    def await_sweep(self):
        """The rule has been applied once more, to all that lies there by now."""
        self.await_gone(self.put(OLD + "99", DAY))

    def record(self, client):
        """A call that hears a tone, and what is being recorded of it, for longer than is kept."""
        call = client.post(CALLS, json={"phone_number": f"55{time.monotonic_ns() % 10**8:08d}",
                                        "extension": "joined"}).json()["call_id"]
        wait_until(lambda: client.get(f"{CALLS}/{call}").json()["status"] == "answered", 60,
                   "answer")
        reply = client.post(f"{CALLS}/{call}/recording")
        assert reply.status_code == 200, reply.text
        name = reply.json()["recording"]
        wait_until(lambda: name in self.names(), 30, "its file")
        assert client.post(f"{CALLS}/{call}/recording/pause").status_code == 200
        time.sleep(KEEP + 1)
        return call, name


@pytest.fixture(scope="module")
def asterisks():
    with ThreadPoolExecutor() as pool:
        running = dict(zip(PORTS, pool.map(lambda one: OwnAsterisk(*one), PORTS.items())))
    yield running
    for asterisk in running.values():
        asterisk.stop()


def await_counts(gateways, total):
    """How many these have deleted, as soon as it is `total`; and how many they could not."""
    def count(result):
        return sum(gateway.metric("dialgate_recordings_deleted_total", result=result) or 0
                   for gateway in gateways)
    wait_until(lambda: count("deleted") >= total, 30, f"{total} counted")
    return count("deleted"), count("failed")


def one_gateway(setup):
    """What was there at the end of each step."""
    seen = {}
    tomorrow = time.strftime("%Y%m%d", time.gmtime(time.time() + DAY))
    young = setup.put(f"{tomorrow}-120007-{CALL}02", SOON)
    foreign = setup.put("voicemail-1", DAY)
    with Gateway(setup.settings) as gateway, gateway.client("2") as client:
        setup.put(OLD + "01", DAY)
        call, name = setup.record(client)
        setup.await_sweep()
        seen["while it is recorded"] = setup.names() == {young, foreign, name}
        refused = client.delete(f"{URL}/{name}")
        seen["deleted by hand"] = refused.status_code, refused.json()["detail"]
        client.delete(f"{CALLS}/{call}/recording")
        setup.await_gone(name)
        client.delete(f"{CALLS}/{call}")
        seen["when that is over"] = setup.names() == {young, foreign}
        gateway.config.write_text(gateway.config.read_text().replace(
            "[recordings]", "[recordings]\nkeep_foreign = false"))
        gateway.reload()
        if setup.by_name:
            setup.await_sweep()
        else:
            setup.await_gone(foreign)
        seen["foreign too"] = setup.names() == {young} | ({foreign} if setup.by_name else set())
        seen["counted"] = await_counts([gateway], 4)
    (setup.folder / f"{young}.wav").unlink()
    return seen


@pytest.fixture(scope="module")
def stories(asterisks):
    setups = [Setup(asterisks[version], name) for version, name in SETUPS]
    with ThreadPoolExecutor() as pool:
        return dict(zip(IDS, list(pool.map(one_gateway, setups))))


@pytest.mark.parametrize("name", IDS)
def test_what_goes_and_what_stays(stories, name):
    seen = stories[name]
    assert seen["while it is recorded"] and seen["when that is over"], seen
    assert seen["deleted by hand"] == (409, "The recording is still being made")
    assert seen["foreign too"], "ARI alone does not tell how old those are"
    # Two old ones, the call's, and one of others or, by ARI alone, a third old one.
    assert seen["counted"] == (4, 0)


def test_two_gateways(stories, asterisks):
    """Each recording is deleted once, whoever does it, and not what is being made at the other
    gateway; when one has ended, the other goes on."""
    setup = Setup(asterisks["22"], "ari")
    old = [f"{OLD}{number}" for number in range(10, 30)]
    with Cluster("a", "b", settings=setup.settings) as cluster:
        there = cluster.client("b")
        call, name = setup.record(there)
        for one in old:
            setup.put(one, DAY)
        setup.await_gone(*old)
        setup.await_sweep()
        assert name in setup.names()
        assert cluster.client("a").delete(f"{URL}/{name}").status_code == 409
        assert await_counts(cluster, len(old) + 1) == (len(old) + 1, 0)
        cluster["a"].stop()
        setup.await_sweep()
        assert name in setup.names()
        assert there.delete(f"{CALLS}/{call}/recording").status_code == 200
        setup.await_gone(name)
        there.delete(f"{CALLS}/{call}")
