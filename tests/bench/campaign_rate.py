"""A campaign on a real Asterisk 22, over ARI and over AMI, against a driver that puts the same calls
on Asterisk directly: as many at once as Asterisk bears best, each answered, joined with an agent for
a second, and hung up. Completed calls per second."""
import os
import statistics
import time

import measure
from drivers import AmiDriver, AriDriver
from support import campaigns
from support.gateway import Gateway
from support.waiting import wait_until

PORTS = 22400
CALLEE = {"DIALGATE_BED_CALLEE_PORT": "15260", "DIALGATE_BED_RING_MS": "100"}  # one of its own
CALLED, AGENT = "outbound-ivr", "short@from-internal"
DIRECT = {"ari": AriDriver, "ami": AmiDriver}
STEPS = (16, 32, 64, 128, 256, 512)  # calls at once
WORTH_IT = 1.05                    # more calls at once are, when so much more come through
JOINED = 0.995                     # of all calls, else Asterisk has been asked too much
TURNS = 6                          # calls of a round for each place, at least
SLOWEST = 5                        # calls per second: a campaign is given up below that
SETTINGS = {"log": {"level": "warn"}, "calls": {"max_per_second": 0, "max_active": 0}}


def put_on_load_core(asterisk):
    """The callee shares the core with whoever places the calls; Asterisk has the other alone."""
    measure.pin(os.getpid(), measure.LOAD_CORE)
    measure.pin(asterisk.pid, measure.SERVER_CORE)
    measure.pin(campaigns.callee_pid(), measure.LOAD_CORE)


class Overtaxed(Exception):
    """Asterisk has lost calls, or answers no more."""


def directly(asterisk, plugin, total, concurrent):
    """Calls per second."""
    number = campaigns.new_numbers(1, "777")[0]
    driver = DIRECT[plugin](asterisk.env, f"Local/{number}@{CALLED}/n", f"Local/{AGENT}/n")
    seconds, joined = driver.measure(total, concurrent)
    if driver.ended < total or joined < JOINED * total:
        raise Overtaxed(f"of {total} calls put directly {driver.ended} ended, {joined} were joined")
    rest(asterisk)
    return total / seconds


def by_campaign(asterisk, plugin, total, concurrent):
    settings = asterisk.backend("local", plugin)
    settings["calls"].update(SETTINGS["calls"])
    with Gateway({**settings, "log": SETTINGS["log"]}) as gateway:
        measure.pin(gateway.pid, measure.LOAD_CORE)
        campaign = campaigns.Campaign(
            gateway, campaigns.new_numbers(total, "777"), start=False, trunk_type="custom",
            trunk_value=f"Local/${{EXTEN}}@{CALLED}", agent_dest_value="short",
            concurrent_calls=concurrent, retry_times=0, dial_timeout=30)
        began = time.monotonic()
        campaign.order("start")
        campaign.await_calls(total, 120 + total / SLOWEST)
        seconds = time.monotonic() - began
        joined = sum(doc.get("agent_result") == "answered" for doc in campaign.cdrs())
    if joined < JOINED * total:
        raise Overtaxed(f"of {total} calls of the campaign {joined} were joined")
    rest(asterisk)
    return total / seconds


def rest(asterisk):
    """After Bridge over AMI Asterisk 22 sometimes keeps a channel that stands for nobody."""
    wait_until(lambda: all(name.startswith("Surrogate/") for name in asterisk.names().values()),
               60, "the end of all calls", every=0.5)


def new_one(asterisk, why):
    """Asterisk can hang for good when it is asked too much, by AMI's Bridge above all."""
    print(f"    {why}: Asterisk is started anew", flush=True)
    asterisk.kill()
    asterisk.start()
    put_on_load_core(asterisk)


def best_of(asterisk, plugin):
    """How many calls at once Asterisk bears best, and the rate then."""
    best = (0, 0)
    for concurrent in STEPS:
        try:
            rate = directly(asterisk, plugin, TURNS * concurrent, concurrent)
        except Overtaxed as why:
            new_one(asterisk, why)
            break
        if rate < best[1] * WORTH_IT:
            break
        best = (concurrent, rate)
    return best


def rounds_of(asterisk, plugin, total, concurrent, rounds):
    """Calls per second, directly and by a campaign."""
    theirs, ours = [], []
    for _ in range(rounds):
        theirs.append(directly(asterisk, plugin, total, concurrent))
        ours.append(by_campaign(asterisk, plugin, total, concurrent))
    return theirs, ours


def compare(report, asterisk, plugin, rounds, seconds):
    """As many at once as Asterisk bears in every round."""
    concurrent, rate = best_of(asterisk, plugin)
    while concurrent >= STEPS[0]:
        total = int(max(TURNS * concurrent, rate * seconds))
        try:
            theirs, ours = rounds_of(asterisk, plugin, total, concurrent, rounds)
            break
        except Overtaxed as why:
            new_one(asterisk, why)
            concurrent //= 2
    else:
        raise SystemExit(f"Asterisk does not bear {STEPS[0]} calls at once over {plugin}")
    what = f"{plugin}, {total} calls, {concurrent} at once"
    report.figure(f"{what}, directly", theirs, "calls/s", 1)
    report.figure(f"{what}, campaign", ours, "calls/s", 1)
    report.goal(f"{what}: ratio", [a / b for a, b in zip(ours, theirs)], least=0.9)


def run(report, rounds, seconds):
    if os.geteuid() != 0:
        raise measure.Skipped("Asterisk lives in a chroot: only root can run this")
    from support.asterisk import OwnAsterisk
    before, cores = dict(os.environ), os.sched_getaffinity(0)
    os.environ.update(CALLEE)
    asterisk = OwnAsterisk("22", PORTS)
    try:
        put_on_load_core(asterisk)
        for plugin in DIRECT:
            compare(report, asterisk, plugin, rounds, seconds)
    finally:
        asterisk.stop()
        campaigns.stop_callee()
        os.sched_setaffinity(0, cores)
        os.environ.clear()
        os.environ.update(before)
