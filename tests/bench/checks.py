"""GET /check-connection: with 10,000 live channels against 10; against libh2o that sends the same
bytes, per second of processor time; and against asking Asterisk's manager for each request."""
import itertools
import secrets
import socket
import tempfile
import threading
import time
from pathlib import Path

import measure
import reads
from support.asterisk import OwnAsterisk
from support.client import Client
from support.gateway import Gateway
from support.waiting import wait_until

KEY = secrets.token_urlsafe(36)
PORTS = 22700
FIRST = 5000000                   # of the numbers that are in a call
FEW, MANY, ON_ASTERISK = 10, 10000, 100
ASKERS = 4
ASKED_SECONDS = 3
SETTINGS = {
    "server": {"threads": 1},
    "log": {"level": "info", "file": "checks.log"},
    "auth": {"api_key": KEY},
    "calls": {"max_active": 0, "max_per_second": 0, "max_queued": 0},
    "backend.mock": {"ring_ms": 10, "answer_ms": 10, "talk_ms": 0, "rules": []},
}
# Every request asks for another of the numbers, all of them in the end.
SCRIPT = """
local asked = 0
function request()
    asked = (asked + 7) %% %d
    return wrk.format("GET", "/check-connection?dialed_number=" .. (%d + asked))
end
"""
HEADER = f"X-API-Key: {KEY}"


def place(client, count):
    for index in range(count):
        reply = client.post("/api/v2/calls", json={"phone_number": f"1902{FIRST + index}"})
        assert reply.status_code == 200 and reply.json()["success"], reply.text


def await_channels(client, count):
    def look():
        reply = client.get("/api/v2/channels", params={"per_page": 1})
        return reply.status_code == 200 and reply.json()["pagination"]["total"] >= count
    wait_until(look, 60, f"{count} channels")


class Asked:
    """A gateway with so many numbers in a call, and the load that asks for all of them."""

    def __init__(self, gateway, count):
        self.gateway, self.count = gateway, count
        self.script = tempfile.NamedTemporaryFile("w", suffix=".lua")
        self.script.write(SCRIPT % (count, FIRST))
        self.script.flush()

    def load(self, seconds, connections):
        return measure.wrk(self.gateway.base, seconds, [HEADER], connections, self.script.name)


def compare_numbers(report, rounds, seconds):
    """Few and many by turns, on the same load."""
    few, many = [], []
    with Gateway(SETTINGS) as small, Gateway(SETTINGS) as large:
        sides = [(Asked(small, FEW), few), (Asked(large, MANY), many)]
        for side, _ in sides:
            with side.gateway.client("1.1") as client:
                place(client, side.count)
                await_channels(client, side.count)
            measure.pin(side.gateway.pid, measure.SERVER_CORE)
            side.load(1, 4)
        for turn in range(rounds):
            for side, p99 in sides if turn % 2 else reversed(sides):
                p99.append(side.load(seconds, 4)[99])
    report.figure(f"p99 with {FEW} channels", few, "ms", digits=3)
    report.figure(f"p99 with {MANY} channels", many, "ms", digits=3)
    middle = [measure.statistics.median(numbers) for numbers in (few, many)]
    report.goal(f"medians of p99, {MANY} channels to {FEW}", [middle[1] / middle[0]], most=1.2)


def compare_bare(report, level, rounds, seconds, goals=()):
    path = f"/check-connection?dialed_number={FIRST}"
    settings = {**SETTINGS, "log": {**SETTINGS["log"], "level": level}}
    with Gateway(settings) as gateway, gateway.client("1.1") as client:
        place(client, MANY)
        await_channels(client, MANY)
        answer = client.get(path, token=None, headers={"X-API-Key": KEY})
        assert answer.json()["connected"] is True
        with reads.Bare(answer) as bare:
            base = f"http://127.0.0.1:{bare.port}"
            with Client(base) as other:
                assert len(other.get(path).content) == len(answer.content)
            measure.pin(gateway.pid, measure.SERVER_CORE)
            measure.pin(bare.process.pid, measure.SERVER_CORE)
            for version, load in (("HTTP/1.1", measure.wrk), ("HTTP/2", measure.h2load)):
                ratios, rates = [], []
                for _ in range(rounds):
                    ours = reads.per_cpu_second(load, gateway.pid, gateway.base + path, seconds,
                                                [HEADER])
                    theirs = reads.per_cpu_second(load, bare.process.pid, base + path, seconds,
                                                  [HEADER])
                    ratios.append(ours / theirs)
                    rates.append(ours)
                logged = "each logged" if level == "info" else "not logged"
                report.figure(f"{version}, checks per second of processor time, {logged}", rates,
                              digits=0)
                if version in goals:
                    report.goal(f"{version}, ratio to bare libh2o", ratios, least=0.6)
                else:
                    report.figure(f"{version}, ratio to bare libh2o", ratios)


# ---- asking the manager for each request ----

class Manager:
    """What a gateway without an index does for a request, without the HTTP."""

    def __init__(self, asterisk):
        env = asterisk.env
        self.address = env["AMI_HOST"], int(env["AMI_PORT"])
        self.login = (f"Action: Login\r\nUsername: {env['AMI_USERNAME']}\r\n"
                      f"Secret: {env['AMI_PASSWORD']}\r\nEvents: off\r\n\r\n").encode()
        self.took, self.until = [], 0

    def ask(self, number):
        with socket.create_connection(self.address, timeout=10) as link:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link.sendall(self.login + b"Action: CoreShowChannels\r\nActionID: 1\r\n\r\n")
            heard = b""
            while b"Event: CoreShowChannelsComplete" not in heard:
                piece = link.recv(65536)
                assert piece, heard[-200:]
                heard += piece
            link.sendall(b"Action: Logoff\r\n\r\n")
        return number.encode() in heard

    def keep_asking(self):
        for index in itertools.count():
            began = time.monotonic()
            if began > self.until:
                return
            assert self.ask(str(FIRST + index % ON_ASTERISK))
            self.took.append((time.monotonic() - began) * 1000)

    def rate(self):
        """Questions per second, and their p99 in ms."""
        self.took, self.until = [], time.monotonic() + ASKED_SECONDS
        threads = [threading.Thread(target=self.keep_asking) for _ in range(ASKERS)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        return len(self.took) / ASKED_SECONDS, measure.percentile(self.took, 99)


def compare_manager(report, rounds, seconds):
    asterisk = OwnAsterisk("22", PORTS)
    try:
        settings = {**SETTINGS, **asterisk.backend()}
        settings["calls"] = {**SETTINGS["calls"], "endpoint": "Local/{number}@answers"}
        with Gateway(settings) as gateway, gateway.client("1.1") as client:
            place(client, ON_ASTERISK)
            await_channels(client, 2 * ON_ASTERISK)
            manager, asked = Manager(asterisk), Asked(gateway, ON_ASTERISK)
            measure.pin(gateway.pid, measure.SERVER_CORE)
            manager.rate()
            asked.load(1, ASKERS)
            rates, slow, ratios = [], [], []
            for _ in range(rounds):
                rate, p99 = manager.rate()
                ours = asked.load(seconds, ASKERS)
                rates.append(rate)
                slow.append(p99 / ours[99])
                ratios.append(ours["rate"] / rate)
        report.note(f"a real Asterisk 22 with {2 * ON_ASTERISK} channels, {ASKERS} askers:")
        report.figure("asking the manager for each request", rates, "per second", digits=0)
        report.goal("checks of the gateway to that", ratios, "times as many per second", digits=0,
                    least=10)
        report.figure("its p99 to the gateway's", slow, "times", digits=0)
    finally:
        asterisk.stop()


def run(report, rounds, seconds):
    compare_numbers(report, rounds, seconds)
    compare_bare(report, "info", rounds, seconds, goals=("HTTP/1.1", "HTTP/2"))
    compare_bare(report, "warn", rounds, seconds)
    if Path("/proc/self").stat().st_uid != 0:
        raise measure.Skipped("only root can run an Asterisk, to compare with its manager")
    compare_manager(report, rounds, seconds)
