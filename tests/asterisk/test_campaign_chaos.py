"""A campaign goes on while everything around it dies: gateways, Asterisk, PostgreSQL. No number is
lost, none is dialled more often than its attempts say, all come to an end. That is judged by what the
callee has seen and by Asterisk's own records.

DIALGATE_CHAOS_NUMBERS: how many numbers; _ROUNDS: how often everything dies; _PLUGINS: by which
backends; _PORTS: of its Asterisk. ./dev soak campaign dials 1,000 by each.
"""
import collections
import os
import signal
import time
from pathlib import Path

import pytest
from support import campaigns
from support.asterisk import OwnAsterisk
from support.cluster import Cluster
from support.postgres import Postgres
from support.waiting import wait_until

NUMBERS = int(os.environ.get("DIALGATE_CHAOS_NUMBERS", "60"))
ROUNDS = int(os.environ.get("DIALGATE_CHAOS_ROUNDS", "1"))
PORTS = int(os.environ.get("DIALGATE_CHAOS_PORTS", "27000"))
EVERY = 5  # seconds between two deaths
PER_SECOND = max(2, NUMBERS // (30 * ROUNDS))  # so that the campaign outlives them
RETRIES = 2
PLUGINS = os.environ.get("DIALGATE_CHAOS_PLUGINS", "ari").split()


class Chaos:
    """Two gateways on one PostgreSQL before one Asterisk, a campaign, and what kills them."""

    def __init__(self, plugin):
        self.asterisk = OwnAsterisk("22", PORTS)
        self.postgres = Postgres().start()
        self.rows = collections.defaultdict(list)
        self.fates = campaigns.deck(NUMBERS)
        self.cluster = Cluster("a", "b", server=self.postgres, settings={
            **self.asterisk.backend("local", plugin), "log": {"level": "info"}},
            each={name: self.asterisk.backend("local", plugin) for name in ("a", "b")})
        self.campaign = None

    def __enter__(self):
        self.cluster.__enter__()
        self.campaign = campaigns.Campaign(self.cluster["a"], self.fates, concurrent_calls=20,
                                           retry_times=RETRIES, max_calls_per_second=PER_SECOND)
        return self

    def __exit__(self, *error):
        self.cluster.__exit__(*error)
        self.postgres.remove()
        self.asterisk.stop()

    # ---- faults ----

    def pacer(self):
        """The gateway that holds the campaign's lease."""
        return self.cluster[wait_until(lambda: self.cluster.rows("campaigns")[0].get("lease_node"),
                                       30, "somebody who paces the campaign")]

    def pacer_dies(self):
        gateway = self.pacer()
        gateway.kill()
        gateway.start()

    def other_takes_over(self):
        """The pacing one stays away until the other one has dialled."""
        dead = self.pacer()
        dead.kill()
        wait_until(lambda: self.pacer() is not dead, 40, "the other gateway to pace the campaign",
                   every=0.3)
        before = self.campaign.counts()["total_calls"]
        wait_until(lambda: self.campaign.is_over() or
                   self.campaign.counts()["total_calls"] > before, 40, "calls of the other gateway")
        dead.start()

    def asterisk_dies(self):
        pid = self.asterisk.pid
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not is_alive(pid), 20, "the end of Asterisk")
        self.keep_rows()
        self.asterisk.start()

    def postgres_dies(self):
        self.postgres.kill()
        time.sleep(2)
        self.postgres.start()

    def keep_rows(self):
        """A new start of Asterisk begins a new file."""
        if Path(self.asterisk.env["CDR_FILE"]).exists():
            for one, rows in self.asterisk.cdrs().items():
                self.rows[one] += rows

    def rage(self):
        faults = [self.pacer_dies, self.asterisk_dies, self.other_takes_over, self.postgres_dies,
                  self.asterisk_dies]
        for fault in faults * ROUNDS:
            time.sleep(EVERY)
            if self.campaign.is_over():
                break
            counts = self.campaign.counts()
            print(fault.__name__, {key: counts[key] for key in ("pending", "calling", "total_calls")},
                  flush=True)
            fault()

    # ---- the end ----

    def finish(self):
        self.campaign.await_end(180 + NUMBERS)
        for gateway in self.cluster:
            wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 60, "the last calls")
        self.keep_rows()
        self.numbers, self.cdrs = self.campaign.numbers(), self.campaign.cdrs()
        self.invites = campaigns.invites(self.fates)


def is_alive(pid):
    """Also while only threads of it are left, which hold its ports."""
    try:
        states = [(task / "stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()[0]
                  for task in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return False
    return any(state not in "ZX" for state in states)


@pytest.fixture(scope="module", params=PLUGINS)
def chaos(request):
    with Chaos(request.param) as chaos:
        chaos.rage()
        chaos.finish()
        chaos.campaign.check_counts()
        yield chaos


def test_no_number_is_lost(chaos):
    assert set(chaos.numbers) == set(chaos.fates)
    ends = collections.Counter(doc["status"] for doc in chaos.numbers.values())
    assert not set(ends) - {"completed", "busy", "no_answer", "failed"}, ends


def test_none_is_dialled_more_often_than_its_attempts_say(chaos):
    records = collections.Counter(doc["phone_number"] for doc in chaos.cdrs)
    for phone, doc in chaos.numbers.items():
        seen = len(chaos.invites[phone])
        assert 1 <= doc["attempts"] <= 1 + RETRIES, doc
        assert records[phone] == doc["attempts"], doc
        assert seen <= doc["attempts"], (doc, chaos.invites[phone])


def test_asterisk_has_no_call_that_is_not_recorded(chaos):
    """Of the calls that it has placed to the trunk; what died with it has no record there."""
    ours = {doc["call_id"] for doc in chaos.cdrs}
    theirs = {one for one, rows in chaos.rows.items()
              if any(row["channel"].startswith("PJSIP/trunk-") for row in rows)}
    assert not theirs - ours


def test_what_was_not_hit_ends_as_ever(chaos):
    """Numbers all of whose attempts were seen to their ends."""
    hit = {doc["phone_number"] for doc in chaos.cdrs
           if doc["estimated"] or doc["disposition"] not in (
               chaos.fates[doc["phone_number"]].disposition,)}
    wrong = {phone: (fate, doc["status"], doc["attempts"]) for phone, fate in chaos.fates.items()
             for doc in [chaos.numbers[phone]] if phone not in hit
             and (doc["status"] != fate.status or doc["attempts"] != fate.attempts(RETRIES))}
    assert not wrong
    assert len(hit) < 0.7 * NUMBERS, "there was nothing but failures"


def test_a_customer_who_was_reached_is_not_called_again(chaos):
    done = collections.Counter(doc["phone_number"] for doc in chaos.cdrs
                               if doc["disposition"] == "answered")
    assert all(count == 1 for count in done.values())
    assert {phone for phone, doc in chaos.numbers.items() if doc["status"] == "completed"} == set(done)
