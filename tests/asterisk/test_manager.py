"""The manager interface of a real Asterisk: how the gateway logs in, what a user may, and what the
other side of a call hears of it."""
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.asterisk import asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until
from test_control import Call, Setup, heard, length_of, loudness, samples

AT_ONCE = 12


def link_of(gateway, seconds=10):
    """The backend as /health shows it, once it is connected."""
    def shown():
        backend = gateway.client(signed_in=False).get("/capabilities").json()["backends"][0]
        return backend if backend["link"] == "up" else None
    return wait_until(shown, seconds, "the link")


def settings_of(asterisk, **keys):
    settings = asterisk.backend(plugin="ami", **keys)
    settings["calls"]["endpoint"] = "Local/{number}@{context}"
    return settings


def answered(client):
    reply = client.post("/api/v2/calls", json={"phone_number": f"55{time.time_ns() % 10**8:08d}",
                                               "extension": "s"}).json()
    assert reply["success"], reply
    wait_until(lambda: client.get(f"/api/v2/status/{reply['call_id']}").json()["status"] ==
               "answered", 10, "the answer")
    return reply["call_id"]


@pytest.mark.parametrize("version, login, tls", [
    ("22", "plain", False), ("16", "md5", True), ("22", "plain", True)])
def test_logging_in(version, login, tls):
    asterisk = asterisk_of(version)
    keys = {"login": login}
    if tls:
        keys.update(tls=True, host="localhost", port=int(asterisk.env["AMI_TLS_PORT"]),
                    ca_file=asterisk.env["CA_FILE"])
    with Gateway(settings_of(asterisk, **keys)) as gateway:
        client = gateway.client()
        call_id = answered(client)
        shown = asterisk.cli("manager show connected")
        assert "127.0.0.1" in shown or "::1" in shown
        assert client.delete(f"/api/v2/calls/{call_id}").status_code == 200


def test_certificate_of_a_stranger():
    """Without the authority's certificate nothing is said to it, not even the user's name."""
    asterisk = asterisk_of("22")
    keys = {"tls": True, "host": "localhost", "port": int(asterisk.env["AMI_TLS_PORT"])}
    with Gateway(settings_of(asterisk, **keys), ready=False) as gateway:
        wait_until(lambda: "certificate" in gateway.log(), 60, "the reason")
        assert gateway.client(signed_in=False).get("/readiness").status_code == 503


@pytest.mark.parametrize("version", ["22", "16"])
def test_a_class_that_is_missing(version):
    """The bed's user -min has call, originate and reporting: what needs another says which."""
    asterisk = asterisk_of(version)
    username = asterisk.env["AMI_USERNAME"] + "-min"
    with Gateway(settings_of(asterisk, username=username)) as gateway:
        client = gateway.client()
        call_id = answered(client)
        for action, body in (("recording", {}), ("mute", {})):
            reply = client.post(f"/api/v2/calls/{call_id}/{action}", json=body)
            assert reply.status_code == 501, reply.text
            assert 'give it system in the "write" line of manager.conf' in reply.json()["detail"]
        actions = {one["action"]: one for one in link_of(gateway)["actions"]}
        for name in ("recording", "mute"):
            assert "system" in actions[name]["why"], actions[name]
        assert actions["hangup"]["state"] == "works"
        assert 'give it system in the \\"write\\" line' in gateway.log() or \
            'give it system in the "write" line' in gateway.log()
        assert client.delete(f"/api/v2/calls/{call_id}").status_code == 200


@pytest.fixture(scope="module", params=["22", "16"])
def setup(request):
    setup = Setup(request.param, "ami")
    yield setup
    setup.close()


def partner_of(call):
    """The other channel in the call's bridge."""
    bridge = call.channel()["BridgeID"]
    return [one["Channel"] for one in call.manager.list("BridgeInfo", BridgeUniqueid=bridge)
            if one["Uniqueid"] != call.id][0]


def sent_to(call, channel, seconds=0.8):
    """How loud is what a channel is sent."""
    name = f"sent-{call.id}-{time.monotonic_ns()}.wav"
    reply = call.manager.ask("MixMonitor", Channel=channel, Options=f"t({name})")
    assert reply["Response"] == "Success", reply
    time.sleep(seconds)
    call.manager.ask("StopMixMonitor", Channel=channel)
    path = call.setup.spool / "monitor" / name
    length = wait_until(lambda: length_of(path) is not None, 5, f"the file {path}")
    assert length
    return loudness(samples(path))


def test_directions_of_mute(setup):
    """in: what the far end says does not reach the partner; out: what it hears is silent."""
    call = Call(setup, "dialplan")
    partner = partner_of(call)

    def measured():
        return sent_to(call, partner) > 300, loudness(heard(call)) > 300
    assert measured() == (True, True)
    for direction, left in (("in", (False, True)), ("out", (True, False))):
        call.do("mute", {"direction": direction})
        assert measured() == left, direction
        call.do("unmute")
        assert measured() == (True, True), f"after {direction}"
    call.end()


def test_recordings_that_stop_at_once(setup):
    """Every stop is answered, and every file is whole."""
    calls = [Call(setup, "dialplan") for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        files = list(pool.map(lambda call: call.do("recording")["recording"], calls))
        time.sleep(0.5)
        began = time.monotonic()
        list(pool.map(lambda call: call.do("recording", method="DELETE"), calls))
        print(f"{AT_ONCE} recordings stopped in {time.monotonic() - began:.2f} s")
        for call, file in zip(calls, files):
            path = setup.spool / "monitor" / f"{file}.wav"
            wait_until(lambda path=path: length_of(path), 5, f"the file {path}")
            wait_until(lambda call=call: not call.status().get("recording"), 5, "its end")
        list(pool.map(Call.end, calls))
