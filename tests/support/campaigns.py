"""Campaigns on a real Asterisk: what is dialled, and what the far side, Asterisk and the store say
became of it. The three are counted apart from each other.

The last digits of a number decide what becomes of it, see tests/asterisk/bed/scenario.py.
"""
import collections
import itertools
import json
import subprocess
import time
from dataclasses import dataclass

from .asterisk import BED
from .manager import Manager
from .waiting import wait_until

STATUSES = ("pending", "calling", "answered", "completed", "failed", "no_answer", "busy")
UNSETTLED = ("pending", "calling", "answered")

numbers = itertools.count(int(time.time()) % 100000 * 10000)


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


def deck(count):
    """So many numbers in this mix, evenly spread: {phone number: Fate}."""
    kinds = [digits for digits, share in MIX.items() for _ in range(share)]
    return {f"{next(numbers):010d}{digits}": FATES[digits]
            for digits in (kinds[place * 37 % 100] for place in range(count))}


# ---- A campaign, as its gateway knows it ----

class Campaign:
    def __init__(self, gateway, phone_numbers, **fields):
        """Put into the store of a gateway that does not run yet, and running."""
        self.gateway, self.phone_numbers = gateway, list(phone_numbers)
        self.id = 1
        doc = {"name": "spring sale", "status": "running", "trunk_type": "pjsip",
               "trunk_value": "trunk", "agent_dest_type": "exten", "agent_dest_value": "agent",
               "concurrent_calls": 50, "retry_times": 2, "retry_delay": 2, "dial_timeout": 15,
               "created_at": 1, **fields}
        counts = {"pending": len(self.phone_numbers), "total": len(self.phone_numbers)}
        lines = [("campaigns", "1", doc), ("campaign_counts", "1", counts)]
        lines += [("numbers", str(place), {"campaign_id": 1, "phone_number": phone, "attempts": 0,
                                           "status": "pending", "due_at": 0, "priority": 0,
                                           "created_at": 1})
                  for place, phone in enumerate(self.phone_numbers, 1)]
        gateway.cli("import", stdin="".join(
            json.dumps({"collection": name, "id": key, "version": 1, "doc": one}) + "\n"
            for name, key, one in lines))

    def counts(self):
        return self.gateway.stored("campaign_counts")[0]

    def await_end(self, seconds):
        """Until every number is done with."""
        wait_until(lambda: not any(self.counts().get(one) for one in UNSETTLED), seconds,
                   "the end of the campaign", every=0.5)

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
    path = subprocess.run([BED.parent / "callee", "invites"], capture_output=True, text=True,
                          check=True).stdout.strip()
    with open(path, encoding="ascii", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if words and words[-1] in found:
                found[words[-1]].append(float(words[-2]))
    return found


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
