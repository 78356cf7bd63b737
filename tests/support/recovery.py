"""What a recovery is judged by: one Asterisk, a relay, a gateway, calls, and what all of them say.

A Site places calls, lets a fault happen, and then compares each call's end with Asterisk's own
CDRs; its Watch asks the gateway all the while how it is.
"""
import os
import random
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from . import outcomes
from .asterisk import OwnAsterisk
from .gateway import Gateway
from .relay import Relay
from .waiting import wait_until

KNOWN_SECONDS = 5   # within which health must know that the link is gone
READY_SECONDS = 10  # within which it must be ready after Asterisk is
HANGS = "its applications hang, and only a restart of Asterisk helps"
OVER = (*outcomes.TERMINAL, "cancelled")


@dataclass
class Outage:
    """From `begin` on the gateway may be not ready, after `down` (and a little) it must be, until
    `back`, when it may be ready again; from `up` on (and a little) it must be ready."""
    begin: float
    down: float = None
    back: float = None
    up: float = None


class Watch(threading.Thread):
    """Asks /readiness and /health ten times a second."""

    def __init__(self, base):
        super().__init__(daemon=True)
        self.base, self.samples, self.running = base, [], True

    def run(self):
        with httpx.Client(trust_env=False, timeout=3) as client:
            while self.running:
                for path in ("/readiness", "/health"):
                    begun = time.monotonic()
                    well, text = self.ask(client, path)
                    self.samples.append((begun, time.monotonic(), path, well, text))
                time.sleep(0.1)

    def ask(self, client, path):
        try:
            reply = client.get(self.base + path)
        except httpx.TransportError as error:
            return False, repr(error)
        if path == "/readiness":
            return reply.status_code == 200, reply.text
        return reply.json()["status"] == "ok", reply.text

    def stop(self):
        self.running = False
        self.join()

    def lies(self, outages):
        """Samples that tell something else than what was so from their request to their answer."""
        found = []
        for at, end, path, well, text in self.samples:
            before = [one for one in outages if one.begin <= end]
            last = before[-1] if before else None
            gone = last and last.down and at > last.down + KNOWN_SECONDS and (
                (last.back or last.up) is None or end < (last.back or last.up))
            back = not last or (last.up and at > last.up + READY_SECONDS)
            if (gone and well) or (back and not well):
                found.append(f"{at - (last.begin if last else at):.1f} s after the fault: "
                             f"{path} {text[:200]}")
        return found


class Site:
    """plugin: of the backend. Its calls are kept in `placed`: {call id: kind}."""

    def __init__(self, version, base, plugin="ari", **backend):
        self.version, self.name = version, f"{plugin} on {version}"
        self.asterisk = OwnAsterisk(version, base)
        settings = self.asterisk.backend("local", plugin, **backend)
        if plugin == "ami":
            self.relay = Relay(settings["backend.pbx"]["port"])
            settings["backend.pbx"]["port"] = self.relay.port
        else:
            self.relay = Relay(int(self.asterisk.env["ARI_URL"].split(":")[2].split("/")[0]))
            settings["backend.pbx"]["url"] = f"http://127.0.0.1:{self.relay.port}/ari"
        self.gateway = Gateway({**settings, "log": {"level": "info"}})
        self.placed, self.rows, self.outages = {}, {}, []
        self.dice = random.Random(version)
        self.watch = None

    def __enter__(self):
        self.gateway.__enter__()
        self.token = self.gateway.client().token
        self.watch = Watch(self.gateway.base)
        self.watch.start()
        return self

    def __exit__(self, kind, error, trace):
        self.watch.stop()
        self.gateway.__exit__(kind, error, trace)
        self.relay.close()
        self.asterisk.stop()

    # ---- calls ----

    def client(self, version="1.1"):
        client = self.gateway.client(version, signed_in=False)
        client.token = self.token
        return client

    def place(self, kinds):
        """kinds: [(digits, extension, timeout in ms), ...]; gives the ids of what was accepted."""
        def some(part):
            ids = []
            with self.client("2") as client:
                for digits, extension, timeout in part:
                    reply = client.post("/api/v2/calls", json={
                        "phone_number": outcomes.new_number(digits), "extension": extension,
                        "timeout": timeout})
                    assert reply.status_code == 200 and reply.json()["success"], reply.text
                    ids.append((reply.json()["call_id"], digits))
            return ids
        with ThreadPoolExecutor(4) as pool:
            parts = list(pool.map(some, [kinds[first::4] for first in range(4)]))
        ids = [one for part in parts for one in part]
        self.placed.update(ids)
        return [call_id for call_id, _ in ids]

    def hold_calls(self, count, ringing):
        """So many calls that have been answered, and others that ring."""
        held = self.place([("001", "hold", 30000)] * (count - ringing))
        rings = self.place([("480", "hold", 120000)] * ringing)
        self.await_states(held, ("answered",))
        self.await_states(rings, ("ringing",))
        return held, rings

    def state(self, client, call_id):
        return client.get(f"/api/v2/status/{call_id}").json()["status"]

    def await_states(self, ids, states, seconds=20):
        with self.client() as client:
            for call_id in ids:
                wait_until(lambda: self.state(client, call_id) in states, seconds,
                           f"{call_id} ({self.placed[call_id]}) {states}", every=0.1)

    def some(self, digits, count):
        """Ids of so many live calls of this kind."""
        live = self.live()
        return [call_id for call_id in self.placed
                if self.placed[call_id] == digits and call_id in live][:count]

    def record(self, call_id):
        return self.gateway.cdr(call_id)

    def load(self, per_second):
        return Load(self, per_second)

    def hang_up(self, ids):
        """By the gateway."""
        with self.client() as client:
            for call_id in ids:
                reply = client.delete(f"/api/v2/calls/{call_id}")
                assert reply.status_code in (200, 409), reply.text

    def end_there(self, ids):
        """In Asterisk, as if the far end had hung up; some may just have ended by themselves."""
        names = self.asterisk.names()
        for call_id in ids:
            if call_id in names:
                self.asterisk.cli(f"channel request hangup {names[call_id]}")
        wait_until(lambda: not set(ids) & set(self.asterisk.channels()), 10, "the end of channels")

    # ---- faults ----

    def ari_answers(self):
        """The start-up time, or None."""
        env = self.asterisk.env
        try:
            reply = httpx.get(f"{env['ARI_URL']}/asterisk/info", timeout=1, trust_env=False,
                              auth=(env["ARI_USERNAME"], env["ARI_PASSWORD"]))
            return reply.json()["status"]["startup_time"] if reply.status_code == 200 else None
        except httpx.TransportError:
            return None

    def keep_rows(self):
        """What Asterisk has written; a new start of it begins a new file."""
        if not os.path.exists(self.asterisk.env["CDR_FILE"]):
            return  # it has not ended one call
        for unique_id, rows in self.asterisk.cdrs().items():
            self.rows.setdefault(unique_id, []).extend(rows)

    def begin(self, down=False):
        now = time.monotonic()
        self.outages.append(Outage(now, now if down else None))
        return self.outages[-1]

    def end_asterisk(self, number):
        """Ends it by a signal and starts it again."""
        outage, pid = self.begin(), self.asterisk.pid
        os.kill(pid, number)
        wait_until(lambda: not alive(pid), 40, "the end of Asterisk")
        outage.down = time.monotonic()
        self.keep_rows()
        time.sleep(self.dice.uniform(1, 4))
        outage.back = time.monotonic()
        self.asterisk.start()
        outage.up = time.monotonic()
        return outage

    def restart_asterisk(self):
        outage, before = self.begin(), self.ari_answers()
        self.asterisk.cli("core restart now")

        def restarted():
            begun, now = time.monotonic(), self.ari_answers()
            if now is None and outage.down is None:
                outage.down = outage.back = begun
            return now not in (None, before)
        wait_until(restarted, 60, "Asterisk's return", every=0.1)
        outage.up = time.monotonic()
        return outage

    def freeze_asterisk(self, seconds):
        pid, outage = self.asterisk.pid, self.begin(down=True)
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
        outage.up = time.monotonic()
        return outage

    def cut_events(self):
        outage = self.begin()
        wait_until(self.relay.cut_events, 10, "an event socket to cut")
        outage.up = time.monotonic()
        return outage

    @contextmanager
    def no_network(self):
        outage = self.begin(down=True)
        self.relay.set_closed(True)
        try:
            yield
        finally:
            self.relay.set_closed(False)
            outage.up = time.monotonic()

    def kill_gateway(self):
        self.begin(down=True)
        self.gateway.kill()

    def start_gateway(self):
        """Calls whose acknowledgement was lost in the crash are found in the store."""
        self.outages[-1].up = time.monotonic()
        self.gateway.wait_ready = False  # await_ready() is more patient
        self.gateway.start()
        for doc in self.gateway.stored("calls"):
            self.placed.setdefault(doc["id"], "unknown")

    # ---- judgement ----

    def ready(self):
        try:
            return httpx.get(f"{self.gateway.base}/readiness", trust_env=False,
                             timeout=3).status_code == 200
        except httpx.TransportError:
            return False

    def applications_hang(self):
        """Asterisk has a deadlock (asterisk#2170) that the loss of an event socket can bring about:
        what has to do with applications is never answered again, the rest is."""
        env = self.asterisk.env
        try:
            httpx.get(f"{env['ARI_URL']}/applications", timeout=5, trust_env=False,
                      auth=(env["ARI_USERNAME"], env["ARI_PASSWORD"]))
        except httpx.ReadTimeout:
            return self.ari_answers() is not None
        return False

    def await_ready(self):
        """Gives how long it took from Asterisk's return, or the gateway's start. An Asterisk that
        hangs has to be restarted, and the gateway to have said so."""
        up = self.outages[-1].up
        try:
            wait_until(self.ready, max(0.1, READY_SECONDS - (time.monotonic() - up)),
                       f"readiness\n{self.gateway.tail()}")
        except AssertionError:
            if not self.applications_hang():
                raise
            print(f"{self.version}: its applications hang, it is restarted")
            wait_until(lambda: HANGS in self.health(), 20, HANGS)
            self.end_asterisk(signal.SIGKILL)
            return self.await_ready()
        return time.monotonic() - up

    def health(self):
        return httpx.get(f"{self.gateway.base}/health", trust_env=False, timeout=3).text

    def live(self):
        with self.client() as client:
            return {call_id for call_id in self.placed
                    if self.state(client, call_id) not in OVER}

    def await_same_picture(self, seconds=15):
        """Until the gateway has exactly the calls that Asterisk has; gives them."""
        def same():
            mine = self.live()
            return [mine] if mine == set(self.asterisk.channels()) & set(self.placed) else None
        return wait_until(same, seconds, f"one picture\n{self.gateway.tail()}", every=0.3)[0]

    def end_all(self):
        """Half by the gateway, half by the far end, then every call must be over."""
        left = sorted(self.live())
        self.dice.shuffle(left)
        self.end_there(left[::2])
        self.hang_up(left[1::2])
        self.await_states(list(self.placed), OVER)
        wait_until(lambda: self.gateway.metric("dialgate_calls_live") == 0, 20, "no live call")

    def judge(self):
        """Compares every end with Asterisk's CDRs, and what health said with what was so."""
        wait_until(lambda: not self.asterisk.channels(), 10,
                   f"no channel: {self.asterisk.cli('core show channels concise')}")
        time.sleep(0.5)  # Asterisk writes its CDRs when the channels are gone
        self.keep_rows()
        stored = wait_until(lambda: self.enough_cdrs(), 10, "a CDR for each call")
        problems = [problem for call_id in self.placed
                    for problem in judge_call(stored[call_id], self.rows.get(call_id, []))]
        own = set(stored) | {f"{call_id}-2" for call_id in stored}
        strangers = [unique_id for unique_id, rows in self.rows.items() if unique_id not in own
                     and any(row["channel"].startswith("Local/") for row in rows)]
        problems += [f"Asterisk had a call {one} that the gateway does not know"
                     for one in strangers]
        return problems + self.watch.lies(self.outages)

    def enough_cdrs(self):
        found = {}
        for doc in self.gateway.stored("cdr"):
            found.setdefault(doc["call_id"], []).append(doc)
        return found if set(self.placed) <= set(found) else None


class Load(threading.Thread):
    """Places calls that last a second or fail, at a rate, until stop() or the gateway is gone."""

    KINDS = (("001", "short", 5000), ("299", "hold", 5000), ("486", "hold", 5000),
             ("001", "hold", 5000), ("480", "hold", 2000))

    def __init__(self, site, per_second):
        super().__init__(daemon=True)
        self.site, self.pause, self.running = site, 1 / per_second, True
        self.problem = None

    def run(self):
        with self.site.client() as client:
            while self.running:
                digits, extension, timeout = self.site.dice.choice(self.KINDS)
                try:
                    reply = client.post("/api/v2/calls", json={
                        "phone_number": outcomes.new_number(digits), "extension": extension,
                        "timeout": timeout})
                except httpx.TransportError:
                    return  # killed: nobody knows what became of this one
                if reply.status_code != 200 or not reply.json()["success"]:
                    self.problem = reply.text
                    return
                self.site.placed[reply.json()["call_id"]] = digits
                time.sleep(self.pause)

    def stop(self):
        self.running = False
        self.join()
        assert not self.problem, self.problem

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.running = False
        self.join()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def judge_call(cdrs, rows):
    """What is wrong with the record of one call, seen from Asterisk's own."""
    if len(cdrs) != 1:
        return [f"{len(cdrs)} CDRs: {cdrs}"]
    ours = cdrs[0]
    name = f"{ours['call_id']} ({ours['status']}, {ours['failure_reason']}, " \
           f"{'estimated' if ours['estimated'] else 'seen'})"
    if len(rows) > 1:
        return [f"{name} was dialled {len(rows)} times: {rows}"]
    if not rows:  # a crash took it, or it never was
        lost = ours["status"] == "failed" and (ours["estimated"] or not ours["answered_at"])
        return [] if lost else [f"{name} is not in Asterisk's CDRs"]
    theirs = rows[0]
    if theirs["disposition"] != "ANSWERED":
        return [f"{name} was not answered there: {theirs}"] if ours["answered_at"] else []
    if ours["status"] == "completed":
        apart = abs(int(theirs["billsec"]) - ours["billsec"])
        return [f"{name}: {ours['billsec']} s, there {theirs['billsec']} s"] \
            if apart > 1 and not ours["estimated"] else []
    in_doubt = ours["estimated"] and not ours["answered_at"]  # nobody saw its answer
    return [] if in_doubt else [f"{name} was answered and ended there: {theirs}"]
