"""Resident memory: idle, and for each live and each finished call that is kept in memory."""
import subprocess
import tempfile
from pathlib import Path

import measure
from support.gateway import Gateway
from support.waiting import wait_until

BATCH = 10000                   # calls; the first batch fills caches and is not measured
SETTINGS = {"log": {"level": "warn"}, "calls": {"max_active": 1000000},
            "backend.mock": {"ring_ms": 1, "answer_ms": 1}}
BUSY, ANSWERS = "+15550100486", "+15550100200"


def resident(pid):
    """Bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))


def settled(gateway, live):
    return gateway.metric("dialgate_store_kept") == 0 and \
        gateway.metric("dialgate_calls_live") == live


def answered(gateway):
    return gateway.metric("api_requests_total", method="POST", path="/api/v2/calls") or 0


def place(gateway, client, number, live):
    """At least BATCH calls; returns how many. `live`: how many are live when all is quiet."""
    placed = 0
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
                     f"wrk.body = '{{\"phone_number\":\"{number}\"}}'\n")
        script.flush()
        while placed < BATCH:
            before = answered(gateway)
            measure.wrk(gateway.base + "/api/v2/calls", 1,
                        [f"Authorization: Bearer {client.token}"], 16, script.name)
            placed += answered(gateway) - before
    wait_until(lambda: settled(gateway, live(placed)), 60, "quiet", every=0.2)
    return placed


def per_call(number, stays):
    """Bytes of each call of the second batch."""
    with Gateway(SETTINGS) as gateway, gateway.client("1.1") as client:
        first = place(gateway, client, number, lambda placed: placed if stays else 0)
        before = resident(gateway.pid)
        second = place(gateway, client, number, lambda placed: first + placed if stays else 0)
        grown = resident(gateway.pid) - before
        if stays:
            gateway.kill()          # which saves waiting for thousands of calls to end
        return grown / second


def idle():
    with Gateway(SETTINGS) as gateway:
        return resident(gateway.pid) / 1e6


def run(report, rounds, seconds):
    report.goal("idle", [idle() for _ in range(rounds)], "MB", digits=1, most=25)
    report.goal("a finished call", [per_call(BUSY, False) for _ in range(rounds)], "bytes",
                digits=0, most=2048)
    report.goal("a live call", [per_call(ANSWERS, True) for _ in range(rounds)], "bytes",
                digits=0, most=8192)
