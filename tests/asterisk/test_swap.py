"""Backends swapped under load on a real Asterisk, and a fallback when it dies: no request fails, no
call is lost, none is dialled twice. DIALGATE_SWAP_SECONDS: how long between two swaps;
DIALGATE_SWAP_VERSIONS, _PAIRS: which Asterisk, and which plugins of a PBX and of the second one."""
import collections
import os
import threading
import time

import pytest
from support import outcomes, toml
from support.asterisk import OwnAsterisk
from support.gateway import Gateway, merged
from support.waiting import wait_until

BASE = int(os.environ.get("DIALGATE_SWAP_PORTS", 28400))
BETWEEN = float(os.environ.get("DIALGATE_SWAP_SECONDS", 1.5))
PER_SECOND = 100
SENDERS = 12
VERSIONS = os.environ.get("DIALGATE_SWAP_VERSIONS", "22").split()
PAIRS = [pair.split("-") for pair in os.environ.get("DIALGATE_SWAP_PAIRS", "ari-ami").split()]
SWAPS = ("ami", "pbx", "ami", "pbx", "ami", "pbx")
MOCK = {"plugin": "mock", "ring_ms": 20, "answer_ms": 50, "talk_ms": "500ms"}


class Load:
    """So many calls per second by several clients; all answers are kept."""

    def __init__(self, gateway, rate):
        self.gateway, self.rate = gateway, rate
        self.answers, self.failures = [], []
        self.over = threading.Event()
        gateway.client().close()
        self.threads = [threading.Thread(target=self.send, args=(index,))
                        for index in range(SENDERS)]

    def send(self, offset):
        due = time.monotonic() + offset / self.rate
        try:
            with self.gateway.client("2" if offset % 2 else "1.1") as client:
                while not self.over.wait(max(0, due - time.monotonic())):
                    asked = time.monotonic()
                    reply = client.post("/api/v2/calls", json={
                        "phone_number": outcomes.new_number("001"), "extension": "short"})
                    self.answers.append((time.monotonic(), reply.status_code,
                                         {**reply.json(), "asked": asked}))
                    due = max(due + SENDERS / self.rate, time.monotonic() - 1)
        except Exception as error:  # told by who looks at it
            self.failures.append(error)

    def __enter__(self):
        self.begun = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        self.per_second = len(self.answers) / (time.monotonic() - self.begun)

    def refusals(self):
        return collections.Counter((body["backend"], body["error"])
                                   for _, _, body in self.answers if not body["success"])

    def placed(self):
        return {body["call_id"]: body["backend"] for _, status, body in self.answers
                if status == 200 and body["success"]}


@pytest.fixture(scope="module", params=VERSIONS)
def own(request):
    asterisk = OwnAsterisk(request.param, BASE if request.param == "22" else BASE + 200)
    yield asterisk
    asterisk.stop()


@pytest.fixture(scope="module")
def pbxs():
    """A PBX, and another one that stands in for it."""
    both = OwnAsterisk("22", BASE + 400), OwnAsterisk("16", BASE + 600)
    yield both
    for asterisk in both:
        asterisk.stop()


def settings_of(asterisk, **telephony):
    sections = {**asterisk.backend(), "backend.mock": {}}
    return merged(sections, {
        "telephony": telephony, "calls": {"endpoint": "PJSIP/{number}@trunk"},
        "backend.pbx": {"max_per_second": 0}, "log": {"level": "info"},
        "backend.ami": {**asterisk.ami(), "max_per_second": 0}, "backend.mock": MOCK})


def change(gateway, changes):
    done = gateway.metric("dialgate_reloads_total", result="done")
    gateway.config.write_text(toml.write(merged(gateway.settings, changes)))
    gateway.reload()
    wait_until(lambda: gateway.metric("dialgate_reloads_total", result="done") > done, 10,
               "the reload")


def serving(gateway, name):
    return gateway.metric("dialgate_backend_serving", backend=name) == 1


def records_of(gateway):
    """Calls and CDRs, when no call lives any more; none of either without the other."""
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 60, "the last call's end", 0.2)
    calls = {call["id"]: call for call in gateway.stored("calls")}
    cdrs = {cdr["call_id"]: cdr for cdr in gateway.stored("cdr")}
    assert len(gateway.stored("cdr")) == len(cdrs) and set(cdrs) == set(calls)
    return calls, cdrs


def test_swap_under_load(own):
    """From ari to ami and back, three times, on one Asterisk that both of them watch."""
    with Gateway(settings_of(own)) as gateway:
        with Load(gateway, PER_SECOND) as load:
            time.sleep(BETWEEN)
            for name in SWAPS:
                change(gateway, {"telephony": {"backend": name}})
                wait_until(lambda to=name: serving(gateway, to), 20, f"the switch to {name}")
                time.sleep(BETWEEN)
        calls, cdrs = records_of(gateway)
        placed = load.placed()
        told = collections.Counter(placed.values())
        print(f"{len(load.answers)} calls, {load.per_second:.0f} per second, {dict(told)}")
        assert load.failures == []
        assert {status for _, status, _ in load.answers} == {200}
        assert len(placed) == len(load.answers), load.refusals()
        assert set(placed) == set(calls)
        assert {cdr["status"] for cdr in cdrs.values()} == {"completed"}
        assert {call_id: cdr["backend"] for call_id, cdr in cdrs.items()} == placed
        assert set(told) == {"pbx", "ami"}
        theirs = own.cdrs()
        wrong = {call_id: len(theirs.get(call_id, [])) for call_id in placed
                 if len(theirs.get(call_id, [])) != 1}
        assert not wrong, "each is dialled once"
        assert not set(placed) & set(own.channels())
        assert " ERROR " not in gateway.log()


def test_another_table_under_load(own):
    """The same application of ARI in another instance: it takes the calls of the first one over."""
    with Gateway(settings_of(own)) as gateway:
        with Load(gateway, PER_SECOND / 2) as load:
            time.sleep(BETWEEN)
            for milliseconds in (4000, 5000):
                change(gateway, {"backend.pbx": {"request_timeout": f"{milliseconds}ms"}})
                time.sleep(BETWEEN)
        calls, cdrs = records_of(gateway)
        assert load.failures == []
        assert len(load.placed()) == len(load.answers), load.refusals()
        assert set(load.placed()) == set(calls)
        assert {cdr["status"] for cdr in cdrs.values()} == {"completed"}
        theirs = own.cdrs()
        assert all(len(theirs.get(call_id, [])) == 1 for call_id in calls)


class Outage:
    """An Asterisk that is killed under load, and started again."""

    def __init__(self, asterisk, gateway):
        with Load(gateway, PER_SECOND / 2) as self.load:
            time.sleep(BETWEEN)
            asterisk.kill()
            self.killed = time.monotonic()
            time.sleep(BETWEEN)
            asterisk.start()
            wait_until(lambda: gateway.metric("dialgate_backend_up", backend="pbx") == 1 and
                       serving(gateway, "pbx"), 30, "the return")
            self.back = time.monotonic()
            time.sleep(BETWEEN)
        answers = self.load.answers
        self.calls, self.cdrs = records_of(gateway)
        self.failed = [body["asked"] for _, _, body in answers if not body["success"]]
        assert self.load.failures == [] and {status for _, status, _ in answers} == {200}
        assert {body["call_id"] for *_, body in answers} == set(self.calls)
        assert all(self.killed - 5 < at < self.back + 1 for at in self.failed)
        last = [body for at, _, body in answers if at > self.back + 0.5]
        assert last and all(body["success"] and body["backend"] == "pbx" for body in last)

    def on(self, name):
        """The answers of calls that this backend carried, as their CDRs say too."""
        found = [body for *_, body in self.load.answers if body["backend"] == name]
        assert all(self.cdrs[body["call_id"]]["backend"] == name for body in found)
        print(f"{len(self.load.answers)} calls, {len(self.failed)} failed, {len(found)} on {name}")
        return found

    def is_bridged(self):
        """Only what was on its way at that moment has failed. By ami it is answered when the link is
        back, or after its deadline: until then nobody can tell whether it was dialled."""
        return all(at < self.killed + 2 for at in self.failed) and len(self.failed) <= SENDERS


@pytest.mark.parametrize("fallback", ["mock", None])
def test_asterisk_dies_under_load(own, fallback):
    """Killed and started again. With a fallback only what was on its way at that moment may have
    failed; without one every call fails until the link is back, as told in the answer."""
    telephony = {"fallback": fallback, "fallback_hold": "1s"} if fallback else {}
    with Gateway(settings_of(own, **telephony)) as gateway:
        outage = Outage(own, gateway)
        stood_in = outage.on("mock")
        assert all(body["mock"] and outage.cdrs[body["call_id"]]["mock"] for body in stood_in)
        if fallback:
            assert stood_in and outage.is_bridged()
        else:
            assert outage.failed and not stood_in


@pytest.mark.parametrize("plugins", PAIRS, ids="-".join)
def test_another_pbx_stands_in(pbxs, plugins):
    """A second PBX, of another version and by another plugin, has the calls meanwhile, each once."""
    primary, second = pbxs
    settings = merged({**primary.backend(plugin=plugins[0]), "backend.mock": {}}, {
        "telephony": {"fallback": "second", "fallback_hold": "1s"},
        "calls": {"endpoint": "PJSIP/{number}@trunk"}, "log": {"level": "info"},
        "backend.pbx": {"max_per_second": 0},
        "backend.second": {**getattr(second, plugins[1])(), "max_per_second": 0}})
    with Gateway(settings) as gateway:
        outage = Outage(primary, gateway)
        stood_in = {body["call_id"] for body in outage.on("second") if body["success"]}
        assert stood_in and outage.is_bridged()
        assert not any(cdr["mock"] for cdr in outage.cdrs.values())
        assert {outage.cdrs[call_id]["status"] for call_id in stood_in} == {"completed"}
        theirs = second.cdrs()
        assert all(len(theirs.get(call_id, [])) == 1 for call_id in stood_in)
        assert not (set(theirs) | set(second.channels())) & (set(outage.calls) - stood_in)
        assert not set(primary.cdrs()) & stood_in
