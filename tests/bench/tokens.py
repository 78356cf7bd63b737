"""GET of /health while four clients sign in without a pause, against the same without them."""
import http.client
import threading
import time

import measure
from support.gateway import Gateway

SIGN_INS = 4
PER_SECOND = 200
SETTINGS = {"log": {"level": "warn"}, "auth": {"bcrypt_cost": 12, "token_rate": "off"}}


def health(gateway, seconds):
    """p99 in ms of requests that leave at a fixed rate; one that waits for its turn has waited."""
    link = http.client.HTTPConnection(*gateway.address)
    took = []
    start = time.monotonic()
    for index in range(PER_SECOND * seconds):
        due = start + index / PER_SECOND
        time.sleep(max(0.0, due - time.monotonic()))
        link.request("GET", "/health")
        reply = link.getresponse()
        reply.read()
        assert reply.status == 200, reply.status
        took.append((time.monotonic() - due) * 1000)
    link.close()
    return measure.percentile(took, 99)


class Hammer:
    """Clients that sign in, one after the other, until the block is left."""

    def __init__(self, gateway):
        self.gateway, self.stop, self.count, self.lock = gateway, False, 0, threading.Lock()
        self.threads = [threading.Thread(target=self.sign_in) for _ in range(SIGN_INS)]

    def sign_in(self):
        with self.gateway.client("1.1", signed_in=False) as client:
            while not self.stop:
                client.sign_in("tester", self.gateway.password)
                with self.lock:
                    self.count += 1

    def __enter__(self):
        self.began, self.cpu = time.monotonic(), measure.cpu_seconds(self.gateway.pid)
        for one in self.threads:
            one.start()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self.began
        self.cpu = measure.cpu_seconds(self.gateway.pid) - self.cpu
        self.stop = True
        for one in self.threads:
            one.join()


def run(report, rounds, seconds):
    quiet, under, cores, rates = [], [], [], []
    with Gateway(SETTINGS) as gateway:
        gateway.client("1.1").close()               # makes the user
        health(gateway, 1)
        for _ in range(rounds):
            quiet.append(health(gateway, seconds))
            with Hammer(gateway) as hammer:
                under.append(health(gateway, seconds))
            cores.append(hammer.cpu / hammer.seconds)
            rates.append(hammer.count / hammer.seconds)
    allowed = max(1, len(measure.CORES) // 2)
    report.figure("sign-ins", rates, "per second", digits=1)
    report.figure("/health alone, p99", quiet, "ms")
    report.figure("/health meanwhile, p99", under, "ms")
    report.goal("/health meanwhile, p99 beyond 5 times the one alone",
                [after - 5 * before for before, after in zip(quiet, under)], "ms", most=10)
    report.goal("cores the gateway kept busy", cores, most=allowed + 0.25)
