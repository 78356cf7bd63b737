"""Backends swapped by SIGHUP and `dialgate reload`, and the fallback, with instances of the mock:
POST /api/v2/calls, GET /api/v2/status/{call_id}, GET /health, GET /readiness, CDRs."""
import time

import httpx
import pytest
from shapes import json_of, placed
from support import toml
from support.gateway import Gateway, merged
from support.steady import Steady
from support.waiting import wait_until

NUMBER = "+1234567890"
STAYS = {"plugin": "mock", "ring_ms": 10, "answer_ms": 10, "talk_ms": 0}
SHORT = {**STAYS, "talk_ms": 50}
TO_TWO = {"telephony": {"backend": "two"}, "backend.two": STAYS}


class Swapped(Gateway):
    def change(self, changes):
        self.config.write_text(toml.write(merged(self.settings, changes)))
        return self.cli("reload").stderr

    def health(self):
        return json_of(httpx.get(f"{self.base}/health", trust_env=False))

    def backends(self):
        """{(name, role): view} of GET /health."""
        return {(view["name"], view["role"]): view for view in self.health()["backends"]}


@pytest.fixture
def gateway():
    with Swapped({"backend.mock": STAYS}) as running:
        yield running


@pytest.fixture
def client(gateway, http_version):
    with gateway.client(http_version) as own:
        yield own


def place(client, backend, number=NUMBER):
    reply = client.post("/api/v2/calls", json={"phone_number": number})
    call_id = placed(reply, number)
    assert reply.json()["backend"] == backend
    return call_id


def status(client, call_id):
    return json_of(client.get(f"/api/v2/status/{call_id}"))


def test_swap(gateway, client):
    """A call in flight stays where it is, and is controlled there; its CDR says where that was."""
    old = place(client, "mock")
    assert gateway.change(TO_TWO) == ""
    new = place(client, "two")
    assert status(client, old)["backend"] == "mock" and status(client, new)["backend"] == "two"
    assert gateway.backends()["two", "active"]["serving"] is True
    assert gateway.backends()["mock", "standby"]["serving"] is False
    for call_id in (old, new):
        assert client.delete(f"/api/v2/calls/{call_id}").status_code == 200
    assert gateway.cdr(old)["backend"] == "mock" and gateway.cdr(new)["backend"] == "two"
    gateway.change({})
    client.delete(f"/api/v2/calls/{place(client, 'mock')}")


def test_mock_switch(gateway, client):
    """telephony.mock chooses the first backend that only plays its calls."""
    gateway.change({"backend.mock": {"ring_ms": 30}, "telephony": {"mock": True, "backend": "x"}})
    client.delete(f"/api/v2/calls/{place(client, 'mock')}")


def test_another_table(gateway, client):
    """The same name with other keys: the old instance drains beside the new one."""
    old = place(client, "mock")
    gateway.change({"backend.mock": {"talk_ms": 20}})
    assert set(gateway.backends()) == {("mock", "active"), ("mock", "draining")}
    new = place(client, "mock")
    wait_until(lambda: status(client, new)["status"] == "completed", 10, "the new one's end")
    assert status(client, old)["status"] == "answered"
    assert client.delete(f"/api/v2/calls/{old}").status_code == 200
    wait_until(lambda: len(gateway.backends()) == 1, 15, "the end of the old instance")
    assert gateway.cdr(old)["backend"] == "mock"


def test_removed(gateway, client):
    gateway.change(TO_TWO)
    old = place(client, "two")
    gateway.change({})
    assert ("two", "draining") in gateway.backends()
    client.delete(f"/api/v2/calls/{old}")
    wait_until(lambda: len(gateway.backends()) == 1, 15, "the end of the removed instance")
    client.delete(f"/api/v2/calls/{place(client, 'mock')}")


def test_old_one_serves_meanwhile(gateway, client):
    gateway.change({**TO_TWO, "backend.two": {**STAYS, "link_delay_ms": 1500}})
    assert gateway.backends()["two", "next"]["link"] == "disconnected"
    calls = [place(client, "mock")]
    wait_until(lambda: ("two", "active") in gateway.backends(), 10, "the switch")
    calls.append(place(client, "two"))
    for call_id in calls:
        client.delete(f"/api/v2/calls/{call_id}")


def test_refused(gateway, client):
    """A table that only its plugin can judge: with file and line, and nothing has changed."""
    changes = {"telephony": {"backend": "three"}, "backend.two": STAYS,
               "backend.three": {"plugin": "mock", "rules": [{"suffix": "1", "outcome": "no"}]}}
    text = toml.write(merged(gateway.settings, changes))
    gateway.config.write_text(text)
    line = text.splitlines().index("[backend.three]") + 1
    result = gateway.cli("reload", check=False)
    assert result.returncode == 1
    assert f"{gateway.config}:{line}: " in result.stderr, result.stderr
    assert set(gateway.backends()) == {("mock", "active")}
    client.delete(f"/api/v2/calls/{place(client, 'mock')}")


def test_after_a_restart(gateway, http_version):
    """A call finds its backend by name, also where that is not the active one any more."""
    with gateway.client(http_version) as client:
        call_id = place(client, "mock")
    gateway.config.write_text(toml.write(merged(gateway.settings, TO_TWO)))
    gateway.stop()
    gateway.start()
    assert set(gateway.backends()) == {("two", "active"), ("mock", "standby")}
    cdr = gateway.cdr(call_id)  # the mock's calls end with it
    assert (cdr["backend"], cdr["status"], cdr["estimated"]) == ("mock", "failed", True)


def test_under_load(http_version):
    """Back and forth while others ask: no request fails, every call has one CDR with its backend."""
    with Swapped({"backend.mock": SHORT, "log": {"level": "info"}}) as gateway:
        with gateway.client() as first:
            requests = [("GET", f"/api/v2/status/{place(first, 'mock')}"), ("GET", "/health")]
        if http_version == "1.1":
            requests += [("POST", "/api/v2/calls", {"phone_number": NUMBER})] * 2
        with Steady(gateway.address, http_version, 200, requests, gateway.token) as load:
            for turn in range(6):
                seen = load.answered
                wait_until(lambda: load.failures or load.answered >= seen + 100, 30, "answers")
                gateway.change({**TO_TWO, "backend.two": SHORT} if turn % 2 == 0 else {})
        assert load.failures == [] and set(load.statuses) == {200}
        wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 20, "the last call's end")
        calls = {call["id"]: call["backend"] for call in gateway.stored("calls")}
        cdrs = [(cdr["call_id"], cdr["backend"]) for cdr in gateway.stored("cdr")]
        assert sorted(cdrs) == sorted(calls.items())
        assert {call["status"] for call in gateway.stored("calls")} == {"completed"}
        if http_version == "1.1":
            assert set(calls.values()) == {"mock", "two"}


# ---- The fallback ----

AWAY = {"plugin": "ari", "url": "http://127.0.0.1:9/ari", "username": "u", "password": "p"}


def test_fallback():
    """The active backend cannot be reached; what a mock plays instead says so everywhere."""
    settings = {"backend.pbx": AWAY, "backend.mock": STAYS,
                "telephony": {"backend": "pbx", "fallback": "mock"}}
    with Swapped(settings) as gateway, gateway.client() as client:
        call_id = place(client, "mock")
        assert status(client, call_id)["mock"] is True
        health = gateway.health()
        assert health["status"] == "degraded" and health["asterisk"]["backend"] == "pbx"
        assert health["fallback"] == {"backend": "mock", "mock": True}
        ready = json_of(client.get("/readiness"))
        assert ready["ready"] is True and ready["fallback"] == {"backend": "mock", "mock": True}
        assert ready["checks"]["asterisk_http"] is False
        assert gateway.metric("dialgate_backend_serving", backend="mock") == 1
        client.delete(f"/api/v2/calls/{call_id}")
        assert gateway.cdr(call_id)["mock"] is True
        gateway.change({"telephony": {"fallback": None}})
        assert client.get("/readiness").status_code == 503
        refused = json_of(client.post("/api/v2/calls", json={"phone_number": NUMBER}))
        assert (refused["success"], refused["backend"]) == (False, "pbx")
        assert "mock" not in refused


def test_back_again(gateway, client):
    """A backend that is connected late: the fallback until it has been there for a while."""
    gateway.change({"telephony": {"backend": "pbx", "fallback": "mock", "fallback_hold": "4s",
                                  "switch_timeout": "100ms"},
                    "backend.pbx": {**STAYS, "link_delay_ms": 1500}})
    wait_until(lambda: gateway.health().get("fallback"), 10, "the fallback")
    calls = [place(client, "mock")]
    wait_until(lambda: gateway.backends()["pbx", "active"]["link"] == "connected", 10, "the link")
    assert gateway.health()["fallback"]["backend"] == "mock"
    begun = time.monotonic()
    wait_until(lambda: "fallback" not in gateway.health(), 10, "the return", every=0.01)
    assert 0.5 < time.monotonic() - begun < 10
    calls.append(place(client, "pbx"))
    for call_id in calls:
        client.delete(f"/api/v2/calls/{call_id}")
