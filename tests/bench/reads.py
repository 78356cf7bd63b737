"""GET of a live call's status against libh2o that sends the same bytes, per second of processor
time."""
import socket
import subprocess
import tempfile

import measure
from support.client import Client
from support.gateway import Gateway, build_dir, free_port
from support.waiting import wait_until

RINGING = {"phone_number": "+15550100480", "timeout": 600000}      # for ten minutes
SETTINGS = {"server": {"threads": 1}, "log": {"level": "warn"}}
OF_H2O = {"connection", "content-length", "date", "server"}        # headers it sends by itself
GOALS = (("HTTP/1.1", measure.wrk, 0.75), ("HTTP/2", measure.h2load, 0.6))


def ringing_call(client):
    call = client.post("/api/v2/calls", json=RINGING).json()["call_id"]
    path = f"/api/v2/status/{call}"
    wait_until(lambda: client.get(path).json()["status"] == "ringing", 10, "a ringing call")
    return path


class Bare:
    """The yardstick, which answers every request with the same answer."""

    def __init__(self, answer):
        self.port = free_port()
        self.file = tempfile.NamedTemporaryFile("wb")
        for name, value in answer.headers.raw:
            if name.lower().decode() not in OF_H2O:
                self.file.write(name + b": " + value + b"\n")
        self.file.write(b"\n" + answer.content)
        self.file.flush()
        self.server = answer.headers["server"]

    def __enter__(self):
        self.process = subprocess.Popen([build_dir() / "tests" / "bench" / "bare_h2o",
                                         str(self.port), self.server, self.file.name])
        wait_until(self.listens, 5, "the yardstick")
        return self

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.file.close()


def per_cpu_second(load, pid, *arguments):
    before = measure.cpu_seconds(pid)
    count = load(*arguments)["count"]
    return count / (measure.cpu_seconds(pid) - before)


def shape(answer):
    return answer.content, sorted((name.lower(), len(value)) for name, value in answer.headers.raw)


def run(report, rounds, seconds):
    with Gateway(SETTINGS) as gateway, gateway.client("1.1") as client:
        path = ringing_call(client)
        with Bare(client.get(path)) as bare:
            base = f"http://127.0.0.1:{bare.port}"
            with Client(base) as other:
                assert shape(other.get(path)) == shape(client.get(path))
            measure.pin(gateway.pid, measure.SERVER_CORE)
            measure.pin(bare.process.pid, measure.SERVER_CORE)
            headers = [f"authorization: Bearer {client.token}"]
            for version, load, least in GOALS:
                ratios, rates = [], []
                for _ in range(rounds):
                    ours = per_cpu_second(load, gateway.pid, gateway.base + path, seconds, headers)
                    theirs = per_cpu_second(load, bare.process.pid, base + path, seconds, headers)
                    ratios.append(ours / theirs)
                    rates.append(ours)
                report.figure(f"{version}, requests per second of processor time", rates, digits=0)
                report.goal(f"{version}, ratio to bare libh2o", ratios, least=least)
