"""Faults with fifty calls up, on Asterisk 22 and 16 at once: every call still reaches its true end.

Asterisk 22 is driven by ari and 16 by ami, then the other way round if DIALGATE_FAULT_TURNS is 2.
DIALGATE_FAULT_ROUNDS, _KILLS (of the gateway), _CUTS (of the event socket, in each round), _FREEZE
(seconds) and _CALLS lengthen the test; DIALGATE_BED_PORTS_22 and _16 move its Asterisks.
"""
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from support import recovery
from support.asterisk import need_root
from support.gateway import Gateway, free_port

ROUNDS = int(os.environ.get("DIALGATE_FAULT_ROUNDS", "2"))
KILLS = int(os.environ.get("DIALGATE_FAULT_KILLS", "2"))
CUTS = int(os.environ.get("DIALGATE_FAULT_CUTS", "2"))
FREEZE = float(os.environ.get("DIALGATE_FAULT_FREEZE", "6"))
CALLS = int(os.environ.get("DIALGATE_FAULT_CALLS", "50"))
TURNS = int(os.environ.get("DIALGATE_FAULT_TURNS", "1"))
RINGING = CALLS // 10
PER_SECOND = 20
PORTS = {version: int(os.environ.get(f"DIALGATE_BED_PORTS_{version}", base))
         for version, base in (("22", 28000), ("16", 29500))}
PLUGINS = [{"22": "ari", "16": "ami"}, {"22": "ami", "16": "ari"}][:TURNS]


# What health says when nobody, or something mute, is there.
DOWN = {"ari": ("Unable to connect to ARI",),
        "ami": ("Unable to connect to AMI",
                "Asterisk does not answer: no banner of the manager interface")}


def killed(site):
    site.end_asterisk(signal.SIGKILL)


def stopped(site):
    site.end_asterisk(signal.SIGTERM)


def restarted(site):
    site.restart_asterisk()


def frozen(site):
    site.freeze_asterisk(FREEZE)


def cut(site):
    """Again and again as soon as it is back; and once for long enough to miss ends."""
    for _ in range(CUTS):
        site.cut_events()
        took(site)


def cut_off(site):
    """The network is gone for a while, in which calls end, ring on, are answered."""
    ended, rang = site.some("001", 5), site.some("480", 2)
    with site.no_network():
        site.end_there(ended + rang)
        time.sleep(1)
    took(site)
    site.await_states(ended, ("completed",))
    site.await_states(rang, ("failed",))
    assert {site.record(call_id)["failure_reason"] for call_id in rang} == {"end_missed"}
    assert all(site.record(call_id)["estimated"] for call_id in ended + rang)


def gateway_killed(site):
    """While it places calls, at a random moment; calls end before it is back."""
    ended, rang = site.some("001", 3), site.some("480", 1)
    with site.load(PER_SECOND) as load:
        time.sleep(site.dice.uniform(0.2, 2))
        site.kill_gateway()
        load.stop()
    site.end_there(ended + rang)
    site.start_gateway()


def took(site):
    seconds = site.await_ready()
    print(f"{site.name}: ready after {seconds:.1f} s")
    return seconds


def one_site(version, plugin, fault, rounds):
    with recovery.Site(version, PORTS[version], plugin) as site:
        for _ in range(rounds):
            site.hold_calls(CALLS, RINGING)
            fault(site)
            took(site)
            site.await_same_picture()
            site.end_all()
        problems = site.judge()
    assert not problems, f"{len(problems)} problems on {site.name}:\n" + "\n".join(problems[:20])


@pytest.fixture(params=PLUGINS, ids=[f"{one['22']}-{one['16']}" for one in PLUGINS])
def plugins(request):
    return request.param


@pytest.mark.parametrize("fault", [killed, stopped, restarted, frozen, cut, cut_off])
def test_asterisk(plugins, fault):
    both(plugins, fault, ROUNDS)


def test_gateway(plugins):
    both(plugins, gateway_killed, KILLS)


def test_silence_costs_nothing():
    """Asterisk is away, or accepts connections and says nothing: no spinning, and health says so."""
    with silent_port() as silent, ThreadPoolExecutor(4) as pool:
        for task in [pool.submit(alone, port, plugin) for port in (free_port(), silent)
                     for plugin in ("ari", "ami")]:
            task.result()


def alone(port, plugin):
    place = {"ari": {"url": f"http://127.0.0.1:{port}/ari"},
             "ami": {"host": "127.0.0.1", "port": port}}[plugin]
    with Gateway({"telephony": {"backend": "pbx"}, "backend.mock": None, "backend.pbx": {
            "plugin": plugin, "username": "u", "password": "p", **place}}, ready=False) as gateway:
        time.sleep(2)  # the start itself costs something
        before = cpu_seconds(gateway.pid)
        time.sleep(10)
        share = (cpu_seconds(gateway.pid) - before) / 10
        assert share < 0.02, f"{share:.1%} of a core for nothing"
        health = httpx.get(f"{gateway.base}/health", trust_env=False).json()
        assert health["status"] == "degraded"
        assert health["asterisk"]["detail"] in DOWN[plugin]


@contextmanager
def silent_port():
    with socket.create_server(("127.0.0.1", 0), backlog=1000) as listener:
        yield listener.getsockname()[1]


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def both(plugins, *arguments):
    """On both versions at once: most of the time is spent waiting."""
    for version in PORTS:
        need_root(version)
    with ThreadPoolExecutor(len(PORTS)) as pool:
        for task in [pool.submit(one_site, version, plugins[version], *arguments)
                     for version in PORTS]:
            task.result()
