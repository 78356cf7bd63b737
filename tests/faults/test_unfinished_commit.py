"""The connection to PostgreSQL ends while a COMMIT is under way: POST /api/v2/calls is answered with
the truth when the server is back in time, else with 503, and then nothing is dialled. Nothing that
was acknowledged is lost, and nothing is done twice."""
import threading
import time
from contextlib import ExitStack

import pytest
from support import postgres
from support.gateway import Gateway
from support.postgres import Postgres
from support.relay import Relay
from support.waiting import wait_until

pytestmark = pytest.mark.sanitized

MOCK = {"ring_ms": 10, "answer_ms": 20, "talk_ms": 50, "hangup_ms": 10}
COMMITTED = b"C\0\0\0\x0bCOMMIT\0"
IN_TRANSACTION = b"Z\0\0\0\x05T"
HELD_SECONDS = 20
NUMBERS = {"unheard": "+4930555001", "unanswered": "+4930555002"}


class CommitRelay(Relay):
    """Cuts every session when the transaction that has `mark` in it is about to be committed
    ("unheard": the server does not get the COMMIT), or has been ("unanswered": the server's answer
    does not arrive). Then it is closed."""

    def __init__(self, target_port):
        self.when = self.mark = None
        self.marked = set()
        self.struck = threading.Event()
        super().__init__(target_port)

    def arm(self, when, mark):
        self.marked.clear()
        self.struck.clear()
        self.when, self.mark = when, mark.encode()

    def move(self, one):
        pair = self.pairs[one]
        try:
            data = one.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            self.drop(pair, abruptly=True)
        elif self.is_the_moment(pair, one, data):
            self.when = None
            self.closed = True
            for each in set(self.pairs.values()):
                self.drop(each, abruptly=True)
            self.struck.set()
        else:
            pair.other(one).sendall(data)

    def is_the_moment(self, pair, one, data):
        if self.when is None:
            return False
        if one is pair.near:
            ready = getattr(pair, "ready", False)
            pair.ready = False
            if self.when == "unheard" and pair in self.marked and ready:
                return True
            if self.mark in data:
                self.marked.add(pair)
            return False
        pair.ready = data.endswith(IN_TRANSACTION)
        return self.when == "unanswered" and pair in self.marked and COMMITTED in data


@pytest.fixture(name="server", scope="module")
def make_server():
    with Postgres() as running:
        yield running


def through(relay, server):
    """A gateway whose every connection to the database goes through the relay."""
    url = server.create_database().replace(f":{server.port}/", f":{relay.port}/")
    return Gateway({"storage": postgres.storage(url), "backend.mock": MOCK})


class Ask(threading.Thread):
    """One call asked for; what was said, and after how long."""

    def __init__(self, client, number, key):
        super().__init__(daemon=True)
        self.client, self.number, self.key = client, number, key
        self.reply = self.took = None

    def run(self):
        began = time.monotonic()
        self.reply = self.client.post("/api/v2/calls", json={"phone_number": self.number},
                                      headers={"Idempotency-Key": self.key}, timeout=60)
        self.took = time.monotonic() - began

    def result(self):
        self.join(60)
        assert self.reply is not None, "no answer"
        return self.reply


def ask(client, when, key):
    asking = Ask(client, NUMBERS[when], key)
    asking.start()
    return asking


def calls(gateway, number):
    return [call for call in gateway.stored("calls") if call["phone_number"] == number]


def await_end(gateway, number, count):
    """So many calls of the number, each of which has ended, with one CDR."""
    def ended():
        found = calls(gateway, number)
        cdrs = [cdr["call_id"] for cdr in gateway.stored("cdr") if cdr["phone_number"] == number]
        return (len(found) == count and all(call["ended_at"] for call in found)
                and sorted(cdrs) == sorted(call["id"] for call in found)) and found
    return wait_until(ended, 30, f"the end of {count} calls to {number}", every=0.2)


@pytest.mark.parametrize("when, status", [("unheard", 503), ("unanswered", 200)])
def test_the_server_is_back_soon(server, when, status):
    """What became of it is found out, and said at once."""
    with CommitRelay(server.port) as relay, through(relay, server) as gateway:
        client = gateway.client()
        relay.arm(when, NUMBERS[when])
        asking = ask(client, when, "soon")
        assert relay.struck.wait(20), "the call's COMMIT"
        wait_until(lambda: client.get("/readiness", token=None).status_code == 503, 10,
                   "the word that the store is away")
        relay.set_closed(False)
        reply = asking.result()
        assert reply.status_code == status, reply.text
        assert asking.took < HELD_SECONDS - 5
        if status == 200:
            call, = await_end(gateway, NUMBERS[when], 1)
            assert call["id"] == reply.json()["call_id"] and call["status"] == "completed"
        else:
            assert reply.headers["retry-after"] and not calls(gateway, NUMBERS[when])
        check_the_request_again(gateway, client, when, "soon", 1)


def test_the_server_stays_away(server):
    """Both at once, because each takes as long as anybody is kept waiting."""
    with ExitStack() as stack:
        asked = []
        for when in NUMBERS:
            relay = stack.enter_context(CommitRelay(server.port))
            gateway = stack.enter_context(through(relay, server))
            client = gateway.client()
            relay.arm(when, NUMBERS[when])
            asked.append((when, relay, gateway, client, ask(client, when, "away")))
        for when, relay, gateway, client, asking in asked:
            assert relay.struck.wait(20), f"the call's COMMIT ({when})"
        for when, relay, gateway, client, asking in asked:
            reply = asking.result()
            assert reply.status_code == 503 and reply.headers["retry-after"], reply.text
            assert HELD_SECONDS - 5 < asking.took < HELD_SECONDS + 15, asking.took
            # What comes meanwhile is not kept waiting.
            second = Ask(client, "+4930555003", "another")
            second.run()
            assert second.reply.status_code == 503 and second.took < 10, second.took
        for when, relay, gateway, client, asking in asked:
            relay.set_closed(False)
            wait_until(lambda: client.get("/readiness", token=None).status_code == 200, 20,
                       "the store")
            assert not [call for call in calls(gateway, NUMBERS[when])
                        if call["status"] == "completed"], "a call that was refused was made"
            # What was written is that call, whose end says that it was not dialled.
            check_the_request_again(gateway, client, when, "away", when == "unheard")


def check_the_request_again(gateway, client, when, key, completed):
    """The same key once more: it is one call's for good, and that one is the only one dialled."""
    replies = []

    def answered():
        replies.append(ask(client, when, key).result())
        return replies[-1].status_code == 200
    wait_until(answered, 20, "an answer to the second request", every=0.2)
    replies.append(ask(client, when, key).result())
    assert replies[-1].json()["call_id"] == replies[-2].json()["call_id"]

    def settled():
        found = calls(gateway, NUMBERS[when])
        return all(call["ended_at"] for call in found) and found
    found = wait_until(settled, 30, "the end of all calls", every=0.2)
    assert len([call for call in found if call["status"] == "completed"]) == completed, found
    assert replies[-1].json()["call_id"] in {call["id"] for call in found}
