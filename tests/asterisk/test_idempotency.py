"""300 requests at once with 100 keys, to numbers that answer and hold, over a gateway that is killed
among them, twice; clients repeat until they are answered. For a key there is one call at most on
Asterisk's side, and exactly one if the answer was success."""
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support import outcomes
from support.asterisk import asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

KEYS, EACH = 100, 3
KILLED_AFTER = (20, 90)  # answers
AGAIN = (409, 429, 503)
PLATFORMS = ["ari-22", "ari-16", "ami-22", "ami-16"]


class Clients:
    """So many clients that all begin at one moment, and do not give up."""

    def __init__(self, gateway):
        gateway.client().close()
        self.gateway, self.numbers = gateway, [outcomes.new_number("001") for _ in range(KEYS)]
        self.answers, self.lock = {}, threading.Lock()
        self.gate = threading.Barrier(KEYS * EACH)

    def count(self):
        return sum(len(got) for got in self.answers.values())

    def send(self, index):
        number = self.numbers[index % KEYS]
        with self.gateway.client("2" if index % 2 else "1.1", timeout=60) as client:
            self.gate.wait()
            give_up = time.monotonic() + 90
            while time.monotonic() < give_up:
                try:
                    reply = client.post("/api/v2/calls", headers={"Idempotency-Key": f"key {number}"},
                                        json={"phone_number": number, "extension": "hold"})
                except httpx.TransportError:
                    time.sleep(0.1)  # the gateway is down
                    continue
                if reply.status_code == 200:
                    with self.lock:
                        self.answers.setdefault(number, []).append(reply.json())
                    return
                assert reply.status_code in AGAIN, (reply.status_code, reply.text)
                time.sleep(min(float(reply.headers["retry-after"]), 1))
        raise AssertionError(f"no answer for {number}")


def hang_up_all(gateway, client):
    """Every call that the gateway knows to be up."""
    def gone():
        for doc in gateway.stored("calls"):
            if doc["status"] in ("pending", "dialing", "ringing", "answered"):
                client.delete(f"/api/v2/calls/{doc['id']}")
        return gateway.metric("dialgate_calls_live") == 0
    wait_until(gone, 60, "the end of all calls", every=0.5)


def placed_by_asterisk(asterisk, numbers):
    """{number: [unique id of each call to it]} of Asterisk's own records."""
    found = {number: [] for number in numbers}
    for unique_id, rows in asterisk.cdrs().items():
        for row in rows:
            number = row["channel"].partition("@")[0].removeprefix("Local/")
            if number in found and row["channel"].endswith(";1"):
                found[number].append(unique_id)
    return found


@pytest.fixture(scope="module", params=PLATFORMS)
def run(request):
    plugin, version = request.param.split("-")
    asterisk = asterisk_of(version)
    with Gateway({**asterisk.backend("local", plugin), "log": {"level": "info"}}) as gateway:
        clients = Clients(gateway)
        with ThreadPoolExecutor(KEYS * EACH) as pool:
            tasks = [pool.submit(clients.send, index) for index in range(KEYS * EACH)]
            for answers in KILLED_AFTER:
                wait_until(lambda: clients.count() >= answers, 60, f"{answers} answers", every=0.002)
                gateway.kill()
                gateway.start()
            for task in tasks:
                task.result()
        with gateway.client() as client:
            up = Counter(name.partition("@")[0].removeprefix("Local/") for name in
                         (row.split("!")[0] for row in
                          asterisk.cli("core show channels concise").splitlines())
                         if name.endswith(";1"))
            later = {number: client.post("/api/v2/calls", headers={"Idempotency-Key": f"key {number}"},
                                         json={"phone_number": number, "extension": "hold"})
                     for number in clients.numbers}
            hang_up_all(gateway, client)
        yield {"answers": clients.answers, "up": up, "later": later,
               "placed": wait_until(lambda: placed_by_asterisk(asterisk, clients.numbers), 5),
               "calls": gateway.stored("calls"), "cdrs": gateway.stored("cdr")}


def succeeded(run):
    return {number for number, got in run["answers"].items() if got[0]["success"]}


def test_all_are_answered_alike(run):
    assert len(run["answers"]) == KEYS
    for number, got in run["answers"].items():
        assert len(got) == EACH and got[1:] == got[:-1], (number, got)


def test_one_call_at_most(run):
    twice = {number: ids for number, ids in run["placed"].items() if len(ids) > 1}
    assert not twice
    assert max(run["up"].values()) == 1


def test_success_is_one_call(run):
    """It was up at the end, has the id that was told, and one record."""
    good = succeeded(run)
    assert len(good) >= KEYS // 2, "the gateway was killed too early to test much"
    for number in good:
        call_id = run["answers"][number][0]["call_id"]
        assert run["placed"][number] == [call_id]
        assert run["up"][number] == 1
    records = Counter(doc["call_id"] for doc in run["cdrs"])
    assert set(records.values()) == {1}


def test_doubt_is_failed(run):
    """And stays it: who repeats it once more is told the same."""
    for number in set(run["answers"]) - succeeded(run):
        assert run["answers"][number][0]["status"] == "failed"
        assert len(run["placed"][number]) <= 1
    for number, reply in run["later"].items():
        assert reply.headers["idempotent-replayed"] == "true"
        assert reply.json() == run["answers"][number][0]


def test_one_record_for_each_key(run):
    numbers = Counter(doc["phone_number"] for doc in run["calls"])
    assert set(numbers.values()) == {1} and len(numbers) == KEYS
