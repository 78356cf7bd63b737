"""Faults with fifty calls up, on Asterisk 22 and 16 at once: every call still reaches its true end.

DIALGATE_FAULT_ROUNDS, DIALGATE_FAULT_CUTS, DIALGATE_FAULT_FREEZE (seconds) and
DIALGATE_FAULT_CALLS lengthen the test; DIALGATE_BED_PORTS_22 and _16 move its Asterisks.
"""
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import recovery
from support.asterisk import need_root

ROUNDS = int(os.environ.get("DIALGATE_FAULT_ROUNDS", "2"))
CUTS = int(os.environ.get("DIALGATE_FAULT_CUTS", "2"))
FREEZE = float(os.environ.get("DIALGATE_FAULT_FREEZE", "6"))
CALLS = int(os.environ.get("DIALGATE_FAULT_CALLS", "50"))
RINGING = CALLS // 10
PORTS = {version: int(os.environ.get(f"DIALGATE_BED_PORTS_{version}", base))
         for version, base in (("22", 28000), ("16", 29500))}


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


def took(site):
    seconds = site.await_ready()
    print(f"{site.version}: ready after {seconds:.1f} s")
    return seconds


def one_site(version, fault, rounds):
    with recovery.Site(version, PORTS[version]) as site:
        for _ in range(rounds):
            site.hold_calls(CALLS, RINGING)
            fault(site)
            took(site)
            site.await_same_picture()
            site.end_all()
        problems = site.judge()
    assert not problems, f"{len(problems)} problems on {version}:\n" + "\n".join(problems[:20])


@pytest.mark.parametrize("fault", [killed, stopped, restarted, frozen, cut])
def test_asterisk(fault):
    both(one_site, fault, ROUNDS)


def both(story, *arguments):
    """On both versions at once: most of the time is spent waiting."""
    for version in PORTS:
        need_root(version)
    with ThreadPoolExecutor(len(PORTS)) as pool:
        for task in [pool.submit(story, version, *arguments) for version in PORTS]:
            task.result()
