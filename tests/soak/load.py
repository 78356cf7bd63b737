"""Calls of all kinds at a steady rate, and a ledger of what was asked and answered."""
import collections
import heapq
import itertools
import random
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.client import VERSIONS  # noqa: E402

CALLERS = 4
SIGN_IN_SECONDS = 300
REQUEST_SECONDS = 60
LOOK_SECONDS = 1.5
MISUSE_SHARE = 0.05

# What clients get wrong: (what, method, path, options, the status that answers it).
MISUSES = (
    ("no number", "POST", "/api/v2/calls", {"json": {"phone_number": "abc"}}, 422),
    ("no such context", "POST", "/api/v2/calls",
     {"json": {"phone_number": "+4930000001", "context": "forbidden"}}, 422),
    ("no JSON", "POST", "/api/v2/calls", {"content": b"{", "headers": {
        "Content-Type": "application/json"}}, 422),
    ("no token", "POST", "/api/v2/calls", {"json": {"phone_number": "+4930000001"},
                                           "token": None}, 401),
    ("forged token", "GET", "/api/v2/status/1", {"token": "a.b.c"}, 401),
    ("unknown call", "GET", "/api/v2/status/01900000-0000-7000-8000-000000000000", {}, 404),
    ("unknown call's end", "DELETE", "/api/v2/calls/01900000-0000-7000-8000-000000000000", {}, 404),
    ("unknown path", "GET", "/api/v2/nothing", {}, 404),
    ("wrong method", "PUT", "/api/v2/calls", {}, 405),
)


@dataclass(frozen=True)
class Kind:
    """digits: the number's end, which decides what the far side does. ends: the state in which
    the call must end. hang_up_s: when we end it. weight: how many of a hundred."""
    digits: str
    ends: str
    weight: int
    hang_up_s: float = 0
    timeout_ms: int = 2500
    extension: str = "short"


KINDS = (
    Kind("001", "completed", 25),
    Kind("002", "completed", 15, hang_up_s=3, extension="s"),
    Kind("299", "completed", 15, extension="s"),
    Kind("183", "completed", 10),
    Kind("486", "busy", 8),
    Kind("603", "busy", 5),
    Kind("404", "failed", 5),
    Kind("503", "failed", 4),
    Kind("480", "no_answer", 5),
    Kind("100", "no_answer", 3),
    Kind("480", "cancelled", 5, hang_up_s=1, timeout_ms=20000),
)


@dataclass
class Placed:
    kind: Kind
    at: float  # Unix time of the request
    success: bool
    hung_up: bool = False


class Ledger:
    """What the callers saw. `calls`: {call id: Placed}, of every answer that named a call."""

    def __init__(self):
        self.lock = threading.Lock()
        self.calls, self.answers = {}, collections.Counter()
        self.unanswered, self.strange = [], []

    def count(self, what, status):
        with self.lock:
            self.answers[what, status] += 1

    def lost(self, what, error):
        with self.lock:
            self.unanswered.append((time.time(), what, repr(error)))
            self.answers[what, type(error).__name__] += 1

    def object_to(self, sentence):
        with self.lock:
            self.strange.append((time.time(), sentence))


class Caller(threading.Thread):
    """One client: places calls when they are due, looks at them, ends some, signs in now and then."""

    numbers = itertools.count(int(time.time()) % 100000 * 1000)

    def __init__(self, gateway, ledger, rate, seconds, index):
        super().__init__(name=f"caller-{index}")
        self.ledger, self.password = ledger, gateway.password
        self.client = gateway.client(VERSIONS[index % 2], timeout=REQUEST_SECONDS)
        self.dice = random.Random(index)
        self.rate, self.begun = rate, time.monotonic()
        self.end = self.begun + seconds
        self.due = []  # heap of (time, order, function, arguments)
        self.order = itertools.count()

    def later(self, at, function, *arguments):
        heapq.heappush(self.due, (at, next(self.order), function, arguments))

    def run(self):
        self.later(self.begun + self.dice.random() / self.rate, self.place)
        self.sign_in_later(self.begun)
        while self.due:
            at, _, function, arguments = heapq.heappop(self.due)
            time.sleep(max(0.0, at - time.monotonic()))
            function(at, *arguments)
        self.client.close()

    def ask(self, what, method, path, **options):
        try:
            reply = self.client.request(method, path, **options)
        except httpx.TransportError as error:
            self.ledger.lost(what, error)
            return None
        self.ledger.count(what, reply.status_code)
        return reply

    def sign_in_later(self, now):
        if now + SIGN_IN_SECONDS < self.end:
            self.later(now + SIGN_IN_SECONDS, self.sign_in)

    def sign_in(self, at):
        form = {"username": "tester", "password": self.password}
        reply = self.ask("sign in", "POST", "/api/v2/token", token=None, data=form)
        if reply is not None and reply.status_code == 200:
            self.client.token = reply.json()["access_token"]
        self.sign_in_later(at)

    def place(self, at):
        if time.monotonic() >= self.end:
            return
        # A rate that waiting for answers does not slow down, but never a burst to catch up.
        self.later(max(at + 1 / self.rate, time.monotonic()), self.place)
        if self.dice.random() < MISUSE_SHARE:
            self.misuse()
        kind = self.dice.choices(KINDS, [kind.weight for kind in KINDS])[0]
        number = f"+49{next(self.numbers):09d}{kind.digits}"
        asked = time.time()
        reply = self.ask("place", "POST", "/api/v2/calls", json={
            "phone_number": number, "timeout": kind.timeout_ms, "extension": kind.extension})
        call_id = reply is not None and reply.status_code == 200 and reply.json()["call_id"]
        if not call_id:
            return
        placed = Placed(kind, asked, reply.json()["success"])
        with self.ledger.lock:
            self.ledger.calls[call_id] = placed
        self.later(time.monotonic() + LOOK_SECONDS, self.look, call_id, number)
        if kind.hang_up_s and placed.success:
            self.later(time.monotonic() + kind.hang_up_s, self.hang_up, call_id, placed)

    def misuse(self):
        what, method, path, options, status = self.dice.choice(MISUSES)
        reply = self.ask("misuse", method, path, **options)
        if reply is not None and reply.status_code != status:
            self.ledger.object_to(f"{what}: answered {reply.status_code} instead of {status}")

    def look(self, _, call_id, number):
        reply = self.ask("look", "GET", f"/api/v2/status/{call_id}")
        if reply is not None and reply.status_code != 200:
            self.ledger.object_to(f"the status of {call_id} was answered {reply.status_code}")
        elif reply is not None and reply.json()["phone_number"] != number:
            self.ledger.object_to(f"{call_id} is another call: {reply.text}")

    def hang_up(self, _, call_id, placed):
        reply = self.ask("hang up", "DELETE", f"/api/v2/calls/{call_id}")
        placed.hung_up = reply is not None and reply.status_code == 200


def start(gateway, rate, seconds):
    """Callers that place `rate` calls per second together; returns (threads, ledger)."""
    gateway.client().close()  # makes the user, once
    ledger = Ledger()
    callers = [Caller(gateway, ledger, rate / CALLERS, seconds, index) for index in range(CALLERS)]
    for caller in callers:
        caller.start()
    return callers, ledger
