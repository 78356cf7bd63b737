"""Every way a call can go, what must be seen of it, and how to place it.

The last digits of a number decide what the far end does, alike at the bed's callee and in the
mock backend. A Story is what a client saw of one call.
"""
import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Optional

from .waiting import wait_until

TERMINAL = ("completed", "busy", "no_answer", "failed")
POLL_SECONDS = 0.03
TALK_SECONDS = 1.2  # before we hang up an answered call
RING_TIMEOUT_MS = 2500

numbers = itertools.count(int(time.time()) % 100000 * 1000)


@dataclass(frozen=True)
class Outcome:
    """states: all that may be seen, in order; every one is passed, but a short one may be missed.

    must: those that last long enough to be seen by polling. reason: a regular expression for
    failure_reason, None where it must be null. disposition, cause: of the CDR. hang_up: the state
    in which we end the call.
    """
    name: str
    digits: str
    states: tuple
    must: tuple
    disposition: str
    cause: int
    reason: Optional[str] = None
    hang_up: Optional[str] = None
    timeout_ms: int = 20000

    @property
    def answered(self):
        return "answered" in self.states

    @property
    def rings(self):
        return "ringing" in self.states


def _talked(name, digits, hang_up=None, rings=True):
    middle = ("ringing", "answered") if rings else ("answered",)
    return Outcome(name, digits, ("pending", "dialing", *middle, "completed"), middle,
                   "answered", 16, hang_up=hang_up)


def _refused(name, digits, state, cause, reason=None):
    return Outcome(name, digits, ("pending", "dialing", state), (), state, cause, reason)


OUTCOMES = (
    _talked("answered-we-hang-up", "001", hang_up="answered"),
    _talked("answered-callee-hangs-up", "299"),
    _talked("early-media", "183", hang_up="answered", rings=False),
    _refused("busy", "486", "busy", 17),
    _refused("declined", "603", "busy", 21),
    _refused("unknown-number", "404", "failed", 1, "(?i)number"),
    _refused("congestion", "503", "failed", 34, "(?i)congestion|circuit"),
    Outcome("ring-timeout", "480", ("pending", "dialing", "ringing", "no_answer"), ("ringing",),
            "no_answer", 19, timeout_ms=RING_TIMEOUT_MS),
    Outcome("no-reply", "100", ("pending", "dialing", "no_answer"), ("dialing",),
            "no_answer", 19, timeout_ms=RING_TIMEOUT_MS),
    Outcome("cancelled-while-ringing", "480", ("pending", "dialing", "ringing", "failed"),
            ("ringing",), "cancelled", 16, reason="(?i)cancel", hang_up="ringing"),
)
BY_NAME = {one.name: one for one in OUTCOMES}


@dataclass
class Story:
    outcome: Outcome
    version: str
    number: str
    begun: float
    answer: dict = None  # to the request that placed the call
    call_id: str = None
    seen: list = field(default_factory=list)  # (Unix time, status), one for each change
    final: dict = None
    ended: float = None

    @property
    def states(self):
        return [status for _, status in self.seen]


def new_number(digits):
    """A number that nobody has called for a day."""
    return f"+49{next(numbers):08d}{digits}"


def poll(client, story, until, seconds):
    """Follows a call until its status is one of `until`."""
    def look():
        reply = client.get(f"/api/v2/status/{story.call_id}")
        assert reply.status_code == 200, (reply.status_code, reply.text)
        call = reply.json()
        if not story.seen or story.seen[-1][1] != call["status"]:
            story.seen.append((time.time(), call["status"]))
        return call if call["status"] in until else None
    return wait_until(look, seconds, f"{story.number} ({story.states}): {' or '.join(until)}",
                      POLL_SECONDS)


def place(client, outcome, **more):
    """Places one call; `more` goes into the request's body."""
    story = Story(outcome, client.version, new_number(outcome.digits), time.time())
    body = {"phone_number": story.number, "timeout": outcome.timeout_ms, **more}
    reply = client.post("/api/v2/calls", json=body)
    assert reply.status_code == 200, (reply.status_code, reply.text)
    story.answer = reply.json()
    story.call_id = story.answer["call_id"]
    return story


def follow(client, story):
    """Watches a call to its end, and ends it where its outcome says so."""
    outcome = story.outcome
    if outcome.hang_up:
        poll(client, story, (outcome.hang_up, *TERMINAL), 20)
        if story.states[-1] == outcome.hang_up:
            time.sleep(TALK_SECONDS if outcome.hang_up == "answered" else 0.2)
            reply = client.delete(f"/api/v2/calls/{story.call_id}")
            assert reply.status_code in (200, 202, 204), (reply.status_code, reply.text)
    story.final = poll(client, story, TERMINAL, 30)
    story.ended = time.time()
    return story


def play(gateway, outcome, version):
    with gateway.client(version) as client:
        return follow(client, place(client, outcome))


def play_all(gateway, cases):
    """cases: (outcome, HTTP version). All at once; gives {(outcome's name, version): Story}."""
    gateway.client().close()  # signed in once, before the threads want it
    with ThreadPoolExecutor(len(cases)) as pool:
        stories = list(pool.map(lambda case: play(gateway, *case), cases))
    return {(story.outcome.name, story.version): story for story in stories}
