"""Campaigns on a real Asterisk: every number ends as its callee dictates, in as many attempts as that
takes, and Asterisk, the callee and the gateway have counted the same.

DIALGATE_CAMPAIGN_NUMBERS: how many numbers; ./dev soak campaign dials 2,000.
"""
import collections
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import campaigns
from support.asterisk import asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

NUMBERS = int(os.environ.get("DIALGATE_CAMPAIGN_NUMBERS", "200"))
CONCURRENT, RETRIES, DELAY = 50, 2, 2
PLATFORMS = ["ari-22", "ami-22", "ari-16", "ami-16"]


def most_at_once(spans):
    """How many of these (begin, end) there were at the same time, at most."""
    live = most = 0
    for _, step in sorted([(end, -1) for _, end in spans] + [(begin, 1) for begin, _ in spans]):
        live += step
        most = max(most, live)
    return most


class Run:
    """One campaign from its first call to its last, and what everybody has counted of it."""

    def __init__(self, platform):
        plugin, version = platform.split("-")
        self.asterisk = asterisk_of(version)
        self.fates = campaigns.deck(NUMBERS)
        gateway = Gateway({**self.asterisk.backend("local", plugin), "log": {"level": "info"}})
        with campaigns.Lines(self.asterisk) as lines, gateway:
            campaign = campaigns.Campaign(gateway, self.fates, concurrent_calls=CONCURRENT,
                                          retry_times=RETRIES, retry_delay=DELAY)
            campaign.await_end(60 + NUMBERS / 2)
            wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 30, "the last calls")
            campaign.check_counts()
            self.numbers, self.cdrs = campaign.numbers(), campaign.cdrs()
            self.counts, self.log = campaign.counts(), gateway.log()
        self.ids = {doc["call_id"] for doc in self.cdrs}
        self.theirs = {one: rows for one, rows in self.settled().items() if one in self.ids}
        self.spans = {one: span for one, span in lines.spans.items() if one in self.ids}
        self.channels = set(self.asterisk.channels())
        self.invites = campaigns.invites(self.fates)

    def settled(self):
        """Asterisk's records, when no more come."""
        rows = self.asterisk.cdrs()
        deadline = time.monotonic() + 30
        while not self.ids <= set(rows) and time.monotonic() < deadline:
            time.sleep(1)
            rows = self.asterisk.cdrs()
        return rows

    def by_number(self):
        """{phone number: its CDRs, the oldest first}"""
        found = {phone: [] for phone in self.fates}
        for doc in sorted(self.cdrs, key=lambda doc: doc["started_at"]):
            found[doc["phone_number"]].append(doc)
        return found


@pytest.fixture(scope="module")
def runs():
    for platform in PLATFORMS:
        asterisk_of(platform.split("-")[1])
    with ThreadPoolExecutor(len(PLATFORMS)) as pool:
        return dict(zip(PLATFORMS, pool.map(Run, PLATFORMS)))


@pytest.fixture(params=PLATFORMS)
def run(request, runs):
    return runs[request.param]


def test_every_number_ends_as_its_callee_dictates(run):
    wrong = {phone: (fate.status, run.numbers[phone]["status"]) for phone, fate in run.fates.items()
             if run.numbers[phone]["status"] != fate.status}
    assert not wrong


def test_attempts_are_those_that_the_callee_has_seen(run):
    wrong = {}
    cdrs = run.by_number()
    for phone, fate in run.fates.items():
        counted = {fate.attempts(RETRIES), run.numbers[phone]["attempts"], len(cdrs[phone]),
                   len(run.invites[phone])}
        if len(counted) != 1:
            wrong[phone] = (fate, run.numbers[phone], len(cdrs[phone]), run.invites[phone])
    assert not wrong


def test_cdrs_are_those_of_asterisk(run):
    """One of ours for each of theirs. Theirs has a second line when a call was joined."""
    assert len(run.cdrs) == len(run.ids)
    assert not [doc for doc in run.cdrs if doc["call_id"] not in run.theirs]
    wrong = collections.Counter()
    for doc in run.cdrs:
        fate = run.fates[doc["phone_number"]]
        theirs = {row["disposition"] for row in run.theirs[doc["call_id"]]}
        if doc["disposition"] != fate.disposition or not theirs <= set(fate.theirs):
            wrong[fate.digits, doc["disposition"], *theirs] += 1
    assert not wrong


def test_counts_are_those_of_the_callee(run):
    expected = collections.Counter(fate.status for fate in run.fates.values())
    assert {status: run.counts[status] for status in expected} == expected
    assert run.counts["total_calls"] == sum(len(times) for times in run.invites.values())
    assert run.counts["answered_calls"] == expected["completed"]


def test_no_more_calls_at_once_than_allowed(run):
    assert len(run.spans) == len(run.ids)
    most = most_at_once(run.spans.values())
    assert most <= CONCURRENT
    assert most > CONCURRENT * 0.8, "the campaign was not dialled as fast as it may"


def test_retries_wait(run):
    """Asterisk's records tell whole seconds."""
    for phone, docs in run.by_number().items():
        ends = [max(time.mktime(time.strptime(row["end"], "%Y-%m-%d %H:%M:%S"))
                    for row in run.theirs[doc["call_id"]]) for doc in docs]
        for end, begin in zip(ends, run.invites[phone][1:]):
            assert begin >= end + DELAY, (phone, end, begin)


def test_whoever_answers_gets_an_agent(run):
    answered = [doc for doc in run.cdrs if doc["disposition"] == "answered"]
    assert {doc["agent"] for doc in answered} == {"Local/agent@from-internal"}
    results = collections.Counter((doc["phone_number"][-3:], doc["agent_result"])
                                  for doc in answered)
    # who is called by these hangs up himself, perhaps while the agent is rung
    alone = {(digits, result) for digits, result in results
             if digits != "299" and result != "answered"}
    assert not alone, results


def test_nothing_stays_behind(run):
    assert not run.ids & run.channels
    bad = [line for line in run.log.splitlines() if " ERROR " in line]
    assert not bad, bad[:20]
