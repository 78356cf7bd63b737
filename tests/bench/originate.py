"""Placing calls on a real Asterisk 22 through the gateway, against the same load put on its ARI
directly. Each call is answered at once and hung up a second later."""
import base64
import itertools
import json
import os
import tempfile

import measure
from support.gateway import Gateway
from support.waiting import wait_until

PORTS = 22300
NUMBER, EXTENSION = "5550100", "short"
FLAT_OUT = (16, 0)              # connections, pause between an answer and the next request in ms
STEADY = (4, 100)
TOLERATED = 0.005               # flat out, Asterisk refuses one call in a thousand or so itself
SETTINGS = {"log": {"level": "warn"},
            "calls": {"endpoint": "Local/{number}@answers", "max_per_second": 0, "max_active": 0}}

# What both are asked. The names are the gateway's to give, else the load's own.
THROUGH = {"phone_number": NUMBER, "extension": EXTENSION}
DIRECTLY = {"endpoint": f"Local/{NUMBER}@answers/n", "channelId": "NAME", "otherChannelId": "NAME-2",
            "callerId": '"Outbound Call" <>', "timeout": 30, "context": "outbound-ivr",
            "extension": EXTENSION, "priority": 1, "variables": {}}
SCRIPT = """
local body, made = [[%s]], 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
function request()
    made = made + 1
    return wrk.format(nil, nil, nil, (body:gsub("NAME", "bench-%s-" .. made)))
end
function delay()
    return %d
end
"""


class Side:
    """One of the two that are measured."""

    runs = itertools.count()

    def __init__(self, url, authorization, body):
        self.url, self.body = url, json.dumps(body)
        self.headers = [f"Authorization: {authorization}"]

    def load(self, asterisk, seconds, connections, pause_ms):
        run = f"{os.getpid()}-{next(self.runs)}"
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
            script.write(SCRIPT % (self.body, run, pause_ms))
            script.flush()
            result = measure.wrk(self.url, seconds, self.headers, connections, script.name,
                                 TOLERATED)
        wait_until(lambda: not asterisk.channels(), 60, "the end of all calls", every=0.5)
        return result


def compare(report, asterisk, through, directly, rounds, seconds):
    rates, ratios, medians, added = [], [], [], []
    for _ in range(rounds):
        ours = through.load(asterisk, seconds, *FLAT_OUT)
        theirs = directly.load(asterisk, seconds, *FLAT_OUT)
        rates.append(ours["rate"])
        ratios.append(ours["rate"] / theirs["rate"])
        ours = through.load(asterisk, seconds, *STEADY)
        theirs = directly.load(asterisk, seconds, *STEADY)
        medians.append(ours[50])
        added.append(ours[50] - theirs[50])
    report.figure("flat out through the gateway", rates, "calls/s", digits=0)
    report.goal("flat out, ratio to ARI directly", ratios, least=0.9)
    report.figure("steadily through the gateway, median", medians, "ms")
    report.goal("added at the median", added, "ms", most=1)


def run(report, rounds, seconds):
    if os.geteuid() != 0:
        raise measure.Skipped("Asterisk lives in a chroot: only root can run this")
    from support.asterisk import OwnAsterisk
    asterisk = OwnAsterisk("22", PORTS)
    try:
        env = asterisk.env
        login = base64.b64encode(f"{env['ARI_USERNAME']}:{env['ARI_PASSWORD']}".encode()).decode()
        settings = asterisk.backend()
        settings["calls"].update(SETTINGS["calls"])
        settings["log"] = SETTINGS["log"]
        with Gateway(settings) as gateway, gateway.client("1.1") as client:
            # Its event socket stays open all the time: whoever drives ARI needs one.
            measure.pin(asterisk.pid, measure.SERVER_CORE)
            measure.pin(gateway.pid, measure.LOAD_CORE)
            through = Side(gateway.base + "/api/v2/calls", f"Bearer {client.token}", THROUGH)
            directly = Side(env["ARI_URL"] + "/channels", f"Basic {login}", DIRECTLY)
            compare(report, asterisk, through, directly, rounds, seconds)
    finally:
        asterisk.stop()
