"""PostgreSQL is stopped, killed, frozen, its sessions are ended, its disk is full, while calls run:
no acknowledged write is lost, the calls go on, requests are refused with 503 meanwhile, and soon
after the server is back all is as it was."""
import os
import threading
import time
from collections import Counter

import httpx
import pytest
from support import postgres
from support.gateway import Gateway
from support.postgres import Postgres
from support.waiting import wait_until

pytestmark = pytest.mark.sanitized

MOCK = {"ring_ms": 20, "answer_ms": 50, "talk_ms": 1500, "hangup_ms": 10}
BACK_SECONDS = 5
KNOWN_SECONDS = 8


class Load(threading.Thread):
    """Calls placed one after the other; what the gateway said of each."""

    def __init__(self, gateway):
        super().__init__(daemon=True)
        self.client = gateway.client()
        self.placed, self.refused, self.unknown, self.other = [], 0, 0, []
        self.retry_after = set()
        self.ended = threading.Event()
        self.slowest = 0.0

    def run(self):
        number = 0
        while not self.ended.is_set():
            number += 1
            began = time.monotonic()
            reply = self.client.post("/api/v2/calls", timeout=60, json={
                "phone_number": f"+4930{number:07}7", "timeout": 5000})
            self.slowest = max(self.slowest, time.monotonic() - began)
            if reply.status_code == 200:
                self.placed.append(reply.json()["call_id"])
            elif reply.status_code == 503:
                self.refused += 1
                self.retry_after.add(reply.headers.get("retry-after"))
            elif reply.status_code == 504:
                self.unknown += 1
            else:
                self.other.append((reply.status_code, reply.text))
            time.sleep(0.02)

    def stop(self):
        self.ended.set()
        self.join(90)
        self.client.close()
        assert not self.other, self.other[:5]


@pytest.fixture(name="server")
def make_server():
    with Postgres() as running:
        yield running


@pytest.fixture(name="gateway")
def make_gateway(server):
    settings = {"storage": postgres.storage(server.create_database()), "backend.mock": MOCK,
                "log": {"level": "info"}}
    with Gateway(settings) as running:
        yield running


@pytest.fixture(name="load")
def make_load(gateway):
    running = Load(gateway)
    running.start()
    wait_until(lambda: len(running.placed) >= 10, 30, "the first calls")
    yield running
    running.ended.set()


def ready(gateway):
    try:
        return httpx.get(f"{gateway.base}/readiness", timeout=5,
                         trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def await_down(gateway):
    wait_until(lambda: not ready(gateway), KNOWN_SECONDS, "the word that the store is away")


def await_back(gateway, load):
    """The next call is placed soon after the server is back."""
    wait_until(lambda: ready(gateway), BACK_SECONDS, "the word that the store is back")
    count = len(load.placed)
    wait_until(lambda: len(load.placed) > count + 3, BACK_SECONDS, "the next calls")


def assert_whole(gateway, load):
    """Every acknowledged call is there, has ended, and has one CDR."""
    load.stop()
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 40, "the end of all calls")

    def whole():
        calls = {doc["id"]: doc for doc in gateway.stored("calls")}
        cdrs = [doc["call_id"] for doc in gateway.stored("cdr")]
        missing = set(load.placed) - set(calls)
        assert not missing, f"{len(missing)} of {len(load.placed)} acknowledged calls are lost"
        wrong.clear()
        wrong.update(twice=[call for call, count in Counter(cdrs).items() if count > 1],
                     without=set(load.placed) - set(cdrs),
                     others={call: calls[call] for call in load.placed
                             if calls[call]["status"] != "completed"})
        return not any(wrong.values())

    wrong = {}
    try:
        wait_until(whole, 30, "an end and a CDR of each call", every=0.2)
    except AssertionError as late:
        raise AssertionError(f"{late}: {wrong}") from late


def test_sessions_ended_by_an_administrator(server, gateway, load):
    for _ in range(5):
        assert server.terminate_sessions() >= 3
        count = len(load.placed)
        wait_until(lambda: len(load.placed) > count + 5, 2 * BACK_SECONDS, "the next calls")
    assert_whole(gateway, load)
    assert load.unknown == 0


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_restarted(server, gateway, load, how):
    for _ in range(2):
        server.restart(how)
        await_back(gateway, load)
    assert_whole(gateway, load)


def test_killed_and_away_for_a_while(server, gateway, load):
    server.kill()
    await_down(gateway)
    refused = load.refused
    # One whose COMMIT was under way is waited for, because nobody knows yet how it ended.
    wait_until(lambda: load.refused > refused + 5, 30, "calls refused")
    for call in load.placed[-3:]:
        assert gateway.client().get(f"/api/v2/status/{call}").status_code == 200
    # The calls that are up end meanwhile; their ends wait.
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 20, "the end of the calls")
    server.start()
    await_back(gateway, load)
    assert_whole(gateway, load)
    assert load.retry_after and None not in load.retry_after


def test_killed_again_and_again(server, gateway, load):
    for _ in range(4):
        server.kill()
        server.start()
        await_back(gateway, load)
    assert_whole(gateway, load)


def test_frozen(server, gateway, load):
    began = time.monotonic()
    server.freeze()
    await_down(gateway)
    known = time.monotonic() - began
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 20, "the end of the calls")
    server.thaw()
    await_back(gateway, load)
    assert_whole(gateway, load)
    # A COMMIT that was under way is waited for up to the store's deadline, 20 s.
    assert load.slowest < 25, f"a request took {load.slowest:.1f} s (known after {known:.1f} s)"


def test_frozen_for_a_moment(server, gateway, load):
    """Too short to be noticed: nothing is refused."""
    for _ in range(3):
        server.freeze()
        time.sleep(1)
        server.thaw()
        count = len(load.placed)
        wait_until(lambda: len(load.placed) > count + 3, BACK_SECONDS, "the next calls")
    assert load.refused == 0
    assert_whole(gateway, load)


def test_disk_full():
    if os.geteuid() != 0:
        pytest.skip("a small file system is mounted for this: only root can")
    settings = {"min_wal_size": "8MB", "max_wal_size": "16MB"}
    with Postgres(settings, size="120m") as server:
        section = {"storage": postgres.storage(server.create_database()), "backend.mock": MOCK,
                   "log": {"level": "info"}}
        with Gateway(section) as gateway:
            load = Load(gateway)
            load.start()
            wait_until(lambda: len(load.placed) >= 10, 30, "the first calls")
            server.fill()
            wait_until(lambda: load.refused > 5, 60, "calls refused")
            assert gateway.client().get(f"/api/v2/status/{load.placed[0]}").status_code == 200
            server.free()
            if server.process.poll() is not None:  # without space for its log it ends itself
                server.process = None
                server.start()
            await_back(gateway, load)
            assert_whole(gateway, load)


def test_away_at_the_start(server):
    """A gateway without its store is not started; it says why, and keeps the password to itself."""
    url = server.create_database()
    server.stop()
    gateway = Gateway({"storage": postgres.storage(url)})
    with pytest.raises(AssertionError, match="ended with status 1"):
        gateway.start()
    assert f"127.0.0.1:{server.port}" in gateway.log() and "start refused" in gateway.log()
    assert server.password not in gateway.log()
    gateway.give_up()
    server.start()
    gateway.start()
    gateway.stop()
    gateway.remove()
