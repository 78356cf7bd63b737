"""Whoever answers a campaign is joined to an agent: an extension, a telephone, a queue; either one's
hang-up ends both; an agent who is busy or not there is recorded. Alike by ari and by ami, and as
Asterisk sees it.
"""
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import campaigns
from support.asterisk import asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

PLATFORMS = ["ari-22", "ami-22", "ari-16", "ami-16"]
HEADER = 44        # bytes of a file without a sound
HALF_A_SECOND = 8000
TALK_SECONDS = 2   # nothing shows how far a file has come


@dataclass(frozen=True)
class Case:
    name: str
    kind: str
    value: str
    agent: str      # in the CDR
    result: str
    ends: str       # who hangs up: "customer", "agent", or "": nobody has to
    digits: str = "001"


CASES = [
    Case("extension, the customer leaves", "exten", "8001", "Local/8001@from-internal", "answered",
         "customer"),
    Case("extension, the agent leaves", "exten", "8001", "Local/8001@from-internal", "answered",
         "agent"),
    Case("telephone, the customer leaves", "custom", "PJSIP/8002", "PJSIP/8002", "answered",
         "customer"),
    Case("telephone, the agent leaves", "custom", "PJSIP/8002", "PJSIP/8002", "answered", "agent"),
    Case("queue, the customer leaves", "queue", "900", "Local/900@from-internal", "answered",
         "customer"),
    Case("queue, the agent leaves", "queue", "900", "Local/900@from-internal", "answered", "agent"),
    Case("an agent who says something", "exten", "tone", "Local/tone@from-internal", "answered",
         "customer"),
    Case("busy", "exten", "8486", "Local/8486@from-internal", "busy", ""),
    Case("never registered", "custom", "PJSIP/8009", "PJSIP/8009", "failed", ""),
    Case("no such extension", "exten", "nobody", "Local/nobody@from-internal", "failed", ""),
]


class Run:
    """All cases at once, each a campaign with one number."""

    def __init__(self, platform):
        self.plugin, version = platform.split("-")
        self.asterisk = asterisk_of(version)
        gateway = Gateway({**self.asterisk.backend("local", self.plugin), "log": {"level": "info"}})
        with gateway:
            self.gateway = gateway
            self.campaigns = {case: self.begin(case) for case in CASES}
            self.joined = {case: self.end(case) for case in CASES if case.ends}
            for campaign in self.campaigns.values():
                campaign.await_end(60)
            wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 30, "the last calls")
            self.cdrs = {case: self.only(one.cdrs()) for case, one in self.campaigns.items()}
            self.numbers = {case: self.only(one.numbers().values())
                            for case, one in self.campaigns.items()}
        self.channels = set(self.asterisk.channels())
        self.files = {case: self.recorded(doc) for case, doc in self.cdrs.items()}

    def begin(self, case):
        return campaigns.Campaign(
            self.gateway, campaigns.new_numbers(1, case.digits), agent_dest_type=case.kind,
            agent_dest_value=case.value, concurrent_calls=1, retry_times=0, record_calls=1)

    @staticmethod
    def only(docs):
        docs = list(docs)
        assert len(docs) == 1, docs
        return docs[0]

    def call_of(self, case):
        return wait_until(lambda: self.only(self.campaigns[case].numbers().values()).get("call_id"),
                          40, f"{case.name}: a call", every=0.2)

    def end(self, case):
        """Both talk; then one of the two hangs up. The ids of the channels that were joined."""
        call = self.call_of(case)
        others = wait_until(lambda: self.asterisk.bridged_with(call), 60,
                            f"{case.name}: the agent", every=0.2)
        calls = self.gateway.stored("calls")
        legs = {doc["id"] for doc in calls if doc.get("peer") == call}
        if case.digits == "001":
            wait_until(lambda: self.told_answered(call), 20, f"{case.name}: the record")
        if case.value == "tone":
            time.sleep(TALK_SECONDS)
        gone = call if case.ends == "customer" else self.only(legs)
        self.asterisk.cli(f"channel request hangup {self.asterisk.name_of(gone)}")
        wait_until(lambda: not {call, *legs} & set(self.asterisk.channels()), 20,
                   f"{case.name}: the end of both", every=0.2)
        return others & legs

    def told_answered(self, call):
        return any(doc["id"] == call and doc.get("agent_result") == "answered"
                   for doc in self.gateway.stored("calls"))

    def recorded(self, doc):
        """The size of its file."""
        spool = Path(self.asterisk.env["LOG_FILE"]).parents[1] / "spool"
        folder = spool / ("monitor" if self.plugin == "ami" else "recording")
        files = [folder / f"{name}.wav" for name in doc.get("recordings") or []]
        return [file.stat().st_size if file.exists() else None for file in files]


@pytest.fixture(scope="module")
def runs():
    for platform in PLATFORMS:
        asterisk_of(platform.split("-")[1])
    with ThreadPoolExecutor(len(PLATFORMS)) as pool:
        return dict(zip(PLATFORMS, pool.map(Run, PLATFORMS)))


@pytest.fixture(params=PLATFORMS)
def run(request, runs):
    return runs[request.param]


def test_both_talk_to_each_other(run):
    """Asterisk has them in one bridge; with a queue the leg to it stands for the agent."""
    assert all(len(joined) == 1 for joined in run.joined.values()), run.joined


def test_what_the_agent_came_to_is_recorded(run):
    told = {case.name: (doc["agent"], doc["agent_result"]) for case, doc in run.cdrs.items()}
    assert told == {case.name: (case.agent, case.result) for case in CASES}


def test_the_customer_was_answered(run):
    for case, doc in run.cdrs.items():
        assert doc["disposition"] == "answered", (case, doc)
        assert run.numbers[case]["status"] == "completed", case


def test_who_talked_is_recorded(run):
    """Telephones of the bed are silent, and Asterisk may record that as nothing."""
    for case in CASES:
        if case.ends:
            least = HALF_A_SECOND if case.value == "tone" else HEADER
            assert len(run.files[case]) == 1 and run.files[case][0] >= least, (case, run.files[case])
        else:
            assert not run.files[case], case


def test_nothing_stays_behind(run):
    assert not {doc["call_id"] for doc in run.cdrs.values()} & run.channels


def test_equal_records_by_ari_and_by_ami(runs):
    def told(run):
        return {case.name: {key: doc.get(key) for key in (
            "disposition", "status", "agent", "agent_result", "cause", "attempt_number",
            "caller_id", "api", "estimated")} for case, doc in run.cdrs.items()}
    first, *others = [told(run) for run in runs.values()]
    for other in others:
        assert other == first
