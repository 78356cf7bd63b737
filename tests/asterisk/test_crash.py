"""Asterisk or the gateway ends in the middle of calls: each call still ends, once, and truly."""
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support import outcomes
from support.asterisk import PLUGINS, OwnAsterisk
from support.gateway import Gateway
from support.waiting import wait_until

PORTS = {"22": 28000, "16": 29500}
TALK = outcomes.BY_NAME["answered-we-hang-up"]
RING = outcomes.BY_NAME["ring-timeout"]
CALLS = 5


@pytest.fixture(scope="module", params=PORTS)
def own(request):
    asterisk = OwnAsterisk(request.param, PORTS[request.param])
    yield asterisk
    asterisk.stop()


@pytest.fixture(params=PLUGINS)
def settings(own, request):
    return own.backend(plugin=request.param)


def ready(gateway):
    return httpx.get(f"{gateway.base}/readiness", trust_env=False).status_code == 200


def talk(client, count=CALLS):
    """So many calls that have been answered, and stay."""
    stories = [outcomes.place(client, TALK) for _ in range(count)]
    for story in stories:
        outcomes.poll(client, story, ("answered",), 10)
    return stories


def status(client, story):
    return client.get(f"/api/v2/status/{story.call_id}").json()


def cdrs_of(gateway, stories):
    """{call id: [cdr, ...]} of these calls, once there is one for each."""
    def look():
        found = {story.call_id: [] for story in stories}
        for row in gateway.records("cdr"):
            if row["doc"]["call_id"] in found:
                found[row["doc"]["call_id"]].append(row["doc"])
        return found if all(found.values()) else None
    return wait_until(look, 10, "a CDR for each call", every=0.2)


def one_each(gateway, stories):
    found = cdrs_of(gateway, stories)
    assert all(len(cdrs) == 1 for cdrs in found.values()), found
    return {call_id: cdrs[0] for call_id, cdrs in found.items()}


def test_asterisk_is_killed(own, settings):
    """What was lost is told as lost, once it is known; and the next call goes through."""
    with Gateway(settings) as gateway:
        client = gateway.client()
        stories = talk(client)
        own.kill()
        wait_until(lambda: not ready(gateway), 10, "the word that Asterisk is gone")
        refused = client.post("/api/v2/calls", json={"phone_number": outcomes.new_number("001")})
        assert refused.json()["success"] is False
        assert refused.json()["status"] == "failed"
        own.start()
        wait_until(lambda: ready(gateway), 30, "the link's return")
        for story in stories:
            final = outcomes.poll(client, story, outcomes.TERMINAL, 15)
            assert (final["status"], final["failure_reason"]) == ("failed", "backend_lost")
        assert all(cdr["estimated"] for cdr in one_each(gateway, stories).values())
        again = outcomes.follow(client, outcomes.place(client, TALK))
        assert again.final["status"] == "completed"
        wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 5, "an empty live map")


def test_asterisk_freezes(own, settings):
    """Silence is noticed; calls that lived through it go on."""
    with Gateway(settings) as gateway:
        client = gateway.client()
        stories = talk(client)
        os.kill(own.pid, signal.SIGSTOP)
        try:
            wait_until(lambda: not ready(gateway), 10, "the word that Asterisk is silent")
        finally:
            os.kill(own.pid, signal.SIGCONT)
        wait_until(lambda: ready(gateway), 30, "the link's return")
        time.sleep(3)  # a wrong comparison would close them now
        assert [status(client, story)["status"] for story in stories] == ["answered"] * CALLS
        for story in stories:
            assert client.delete(f"/api/v2/calls/{story.call_id}").status_code == 200
            assert outcomes.poll(client, story, outcomes.TERMINAL, 10)["status"] == "completed"
        one_each(gateway, stories)


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_gateway_ends_and_returns(own, settings, how):
    """Calls that live in Asterisk are found again by their ids; those that ended are told."""
    with Gateway(settings) as gateway:
        client = gateway.client()
        stays, gone = talk(client, 2)
        rings = outcomes.place(client, RING, timeout=60000)
        outcomes.poll(client, rings, ("ringing",), 10)
        getattr(gateway, how)()
        own.cli(f"channel request hangup {own.name_of(gone.call_id)}")
        wait_until(lambda: gone.call_id not in own.channels(), 10, "the end of one call")
        gateway.start()
        client = gateway.client()
        assert status(client, stays)["status"] == "answered"
        assert status(client, rings)["status"] == "ringing"
        final = outcomes.poll(client, gone, outcomes.TERMINAL, 15)
        assert (final["status"], final["failure_reason"]) == ("completed", None)
        for story in (stays, rings):
            assert client.delete(f"/api/v2/calls/{story.call_id}").status_code == 200
        assert outcomes.poll(client, stays, outcomes.TERMINAL, 10)["status"] == "completed"
        assert outcomes.poll(client, rings, outcomes.TERMINAL, 10)["status"] == "failed"
        cdrs = one_each(gateway, [stays, gone, rings])
        assert cdrs[stays.call_id]["disposition"] == "answered"
        assert not cdrs[stays.call_id]["estimated"]
        assert cdrs[gone.call_id]["disposition"] == "answered"
        assert cdrs[gone.call_id]["estimated"]
        assert cdrs[rings.call_id]["disposition"] == "cancelled"


def test_gateway_is_killed_while_dialling(own, settings):
    """Killed among requests: what was acknowledged is there, and nobody is called twice."""
    with Gateway(settings) as gateway:
        token = gateway.client().token

        def send(index):
            try:
                with gateway.client("2" if index % 2 else "1.1") as client:
                    client.token = token
                    return outcomes.place(client, TALK, extension="short")
            except (httpx.TransportError, AssertionError):
                return None

        with ThreadPoolExecutor(8) as pool:
            tasks = [pool.submit(send, index) for index in range(60)]
            wait_until(lambda: sum(task.done() for task in tasks) >= 20, 20, "twenty calls")
            gateway.kill()
            stories = [task.result() for task in tasks if task.result()]
        gateway.start()
        client = gateway.client()
        for story in stories:
            outcomes.poll(client, story, outcomes.TERMINAL, 30)
        wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 30, "an empty live map")
        one_each(gateway, stories)
        calls = {row["id"] for row in gateway.records("calls")}
        assert {story.call_id for story in stories} <= calls
        theirs = own.cdrs()
        assert not [call_id for call_id in calls if len(theirs.get(call_id, [])) > 1]
