"""Campaigns on a real Asterisk: what is dialled, and what the far side, Asterisk and the store say
became of it. The three are counted apart from each other.

The last digits of a number decide what becomes of it, see tests/asterisk/bed/scenario.py.
"""
import collections
import itertools
import secrets
import subprocess
import time
from dataclasses import dataclass

import httpx

from .asterisk import BED
from .manager import Manager
from .waiting import wait_until

STATUSES = ("pending", "calling", "answered", "completed", "failed", "no_answer", "busy")
UNSETTLED = ("pending", "calling", "answered")

numbers = itertools.count(secrets.randbelow(100000) * 10000)


@dataclass(frozen=True)
class Fate:
    digits: str
    status: str       # that the number ends in
    disposition: str  # of its CDRs
    theirs: tuple     # what Asterisk's own record may say

    def attempts(self, retries):
        return 1 if self.status == "completed" else 1 + retries


ANSWERED = ("completed", "answered", ("ANSWERED",))
NO_ANSWER = ("no_answer", "no_answer", ("NO ANSWER", "FAILED"))
FATES = {fate.digits: fate for fate in (
    Fate("299", *ANSWERED), Fate("001", *ANSWERED), Fate("183", *ANSWERED),
    Fate("486", "busy", "busy", ("BUSY",)), Fate("603", "busy", "busy", ("BUSY", "NO ANSWER")),
    Fate("404", "failed", "failed", ("NO ANSWER", "FAILED")),
    Fate("503", "failed", "failed", ("CONGESTION", "FAILED", "NO ANSWER")),
    Fate("480", *NO_ANSWER), Fate("100", *NO_ANSWER))}
# of a hundred
MIX = {"299": 30, "001": 20, "183": 10, "486": 15, "603": 5, "404": 8, "503": 5, "480": 4, "100": 3}


def new_numbers(count, digits):
    """So many that nobody has called, with these last digits."""
    return [f"{next(numbers):010d}{digits}" for _ in range(count)]


def deck(count):
    """So many numbers in this mix, evenly spread: {phone number: Fate}."""
    kinds = [digits for digits, share in MIX.items() for _ in range(share)]
    return {f"{next(numbers):010d}{digits}": FATES[digits]
            for digits in (kinds[place * 37 % 100] for place in range(count))}


# ---- A campaign, as its gateway knows it ----

class Campaign:
    """Made and started over HTTP; what became of it is read from the store."""

    FIELDS = {"name": "spring sale", "trunk_type": "pjsip", "trunk_value": "trunk",
              "agent_dest_type": "exten", "agent_dest_value": "agent", "concurrent_calls": 50,
              "retry_times": 2, "retry_delay": 2, "dial_timeout": 15}

    def __init__(self, gateway, phone_numbers, start=True, **fields):
        self.gateway, self.phone_numbers = gateway, list(phone_numbers)
        gateway.client().close()  # its user is there from now on
        self.token = gateway.create_token("tester")
        with self.client() as client:
            self.id = self.ask(client, "", {**self.FIELDS, **fields})["id"]
            for first in range(0, len(self.phone_numbers), 1000):
                page = self.phone_numbers[first:first + 1000]
                self.ask(client, f"/{self.id}/numbers/bulk",
                         {"numbers": [{"phone_number": phone} for phone in page]})
            if start:
                self.ask(client, f"/{self.id}/start")

    def client(self):
        return httpx.Client(base_url=f"{self.gateway.base}/api/campaigns", timeout=60,
                            trust_env=False, headers={"Authorization": f"Bearer {self.token}"})

    @staticmethod
    def ask(client, path, body=None):
        reply = client.post(path, json=body)
        assert reply.status_code in (200, 201), (path, reply.status_code, reply.text)
        return reply.json()["data"]

    def order(self, order):
        with self.client() as client:
            return self.ask(client, f"/{self.id}/{order}")

    def why(self):
        with self.client() as client:
            return client.get(f"/{self.id}/why").json()["data"]

    def counts(self):
        return next(doc for doc in self.gateway.stored("campaign_counts")
                    if str(doc["id"]) == str(self.id))

    def is_over(self):
        counts = self.counts()
        return not any(counts.get(one) for one in UNSETTLED)

    def await_end(self, seconds):
        """Until every number is done with."""
        wait_until(self.is_over, seconds, "the end of the campaign", every=0.5)

    def await_calls(self, count, seconds):
        """Until so many calls are over and written down."""
        with self.client() as client:
            wait_until(lambda: client.get(f"/{self.id}/stats").json()["data"]["total_calls"]
                       >= count, seconds, f"{count} calls", every=0.05)

    def numbers(self):
        """{phone number: its record}"""
        return {doc["phone_number"]: doc
                for doc in self.gateway.stored("numbers", campaign_id=self.id)}

    def cdrs(self):
        return self.gateway.stored("cdr", campaign_id=self.id)

    def check_counts(self):
        """They say what is there."""
        said, there = self.counts(), collections.Counter(
            doc["status"] for doc in self.numbers().values())
        for status in STATUSES:
            assert said.get(status, 0) == there[status], (status, said, there)
        records = self.cdrs()
        assert said["total_calls"] == len(records)
        assert said["answered_calls"] == sum(doc["disposition"] == "answered" for doc in records)


# ---- What the far side saw ----

def invites(phone_numbers):
    """{phone number: [Unix time of each call, ...]} as the callee has written it down."""
    found = {phone: [] for phone in phone_numbers}
    with open(callee("invites"), encoding="ascii", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if words and words[-1] in found:
                found[words[-1]].append(float(words[-2]))
    return found


def callee(command):
    return subprocess.run([BED.parent / "callee", command], capture_output=True, text=True,
                          check=True).stdout.strip()


def callee_pid():
    return int(callee("status").split()[-1])


def stop_callee():
    callee("stop")


class Lines(Manager):
    """Counts the channels of the trunk as Asterisk makes and ends them."""

    def __init__(self, asterisk, prefix="PJSIP/trunk-"):
        self.prefix, self.up, self.most, self.spans = prefix, {}, 0, {}
        super().__init__(asterisk)

    def _take(self, block):
        super()._take(block)
        if not self.events:
            return
        event, now = self.events.pop(), time.time()
        if not event.get("Channel", "").startswith(self.prefix):
            return
        one = event["Uniqueid"]
        if event["Event"] == "Newchannel":
            self.up[one] = now
            self.most = max(self.most, len(self.up))
        elif event["Event"] == "Hangup":
            self.spans[one] = (self.up.pop(one, now), now)
