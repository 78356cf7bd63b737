"""What must add up in the end: answers, metrics, records of calls, CDRs, Asterisk's own records."""
import collections

from support import metrics
from support.waiting import wait_until

TERMINAL = ("completed", "busy", "no_answer", "failed", "cancelled")
QUIET_SECONDS = 90


def await_quiet(gateway):
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, QUIET_SECONDS,
               "an empty map of live calls", every=0.5)
    # The last ends are written a moment after they show.
    wait_until(lambda: len(gateway.stored("cdr")) == gateway.metric("calls_launched_total"), 15,
               "a CDR for each call", every=1)


class Books:
    """One gateway's accounts. disturbed(begin, end): whether a restart of Asterisk falls into this
    time; a call that it met may end in any state, but ends, once."""

    def __init__(self, name, gateway, ledger, disturbed):
        self.name, self.ledger, self.disturbed = name, ledger, disturbed
        self.problems = []
        try:
            await_quiet(gateway)
        except AssertionError as error:
            self.object_to(str(error))
        self.text = gateway.metrics()
        self.calls = {doc["id"]: doc for doc in gateway.stored("calls")}
        self.cdrs = gateway.stored("cdr")

    def object_to(self, sentence):
        self.problems.append(f"{self.name}: {sentence}")

    def equal(self, what, *numbers):
        print(f"{self.name}: {what}: {' = '.join(f'{number:g}' for number in numbers)}")
        if len(set(numbers)) != 1:
            self.object_to(f"{what} differ: {numbers}")

    def metric(self, name, **labels):
        return metrics.total(self.text, name, **labels) or 0

    def close(self):
        self.check_counts()
        self.check_records()
        self.check_answers()
        self.check_ends()
        return self.problems

    def check_counts(self):
        launched = self.metric("calls_launched_total")
        ended = self.metric("calls_success_total") + self.metric("calls_failed_total")
        self.equal("launched, ended, records, CDRs", launched, ended, len(self.calls),
                   len(self.cdrs))
        calls = collections.Counter(doc["status"] for doc in self.calls.values())
        cdrs = collections.Counter(doc["status"] for doc in self.cdrs)
        for state in TERMINAL:
            moved = self.metric("call_state_transitions_total", to_state=state)
            self.equal(f"{state} by metrics, records, CDRs", moved, calls[state], cdrs[state])
        stuck = [call_id for call_id, doc in self.calls.items() if doc["status"] not in TERMINAL]
        if stuck:
            self.object_to(f"{len(stuck)} calls have not ended: {stuck[:5]}")

    def check_records(self):
        """Each call's record and its one CDR tell the same."""
        wrong = {cdr["call_id"] for cdr in self.cdrs} ^ set(self.calls)
        for cdr in self.cdrs:
            call = self.calls.get(cdr["call_id"], {})
            if any(call.get(name) != cdr[name] for name in
                   ("status", "phone_number", "answered_at", "ended_at", "estimated")):
                wrong.add(cdr["call_id"])
        if wrong:
            self.object_to(f"{len(wrong)} records and CDRs differ: {sorted(wrong)[:5]}")

    def check_answers(self):
        unknown = set(self.ledger.calls) - set(self.calls)
        if unknown:
            self.object_to(f"{len(unknown)} calls were answered and are not recorded:"
                           f" {sorted(unknown)[:5]}")
        strangers = len(set(self.calls) - set(self.ledger.calls))
        refused = sum(count for (what, status), count in self.ledger.answers.items()
                      if what == "place" and status != 200)
        if strangers > refused:
            self.object_to(f"{strangers} calls are recorded that nobody was told of")
        for (what, status), count in sorted(self.ledger.answers.items(), key=str):
            print(f"{self.name}: {what} answered {status}: {count}")
        late = [one for one in (*self.ledger.unanswered, *self.ledger.strange)
                if not self.disturbed(one[0] - 10, one[0])]
        if late:
            self.object_to(f"{len(late)} answers were wrong or missing: {late[:5]}")

    def check_ends(self):
        wrong, met = [], collections.Counter()
        for call_id, placed in self.ledger.calls.items():
            doc = self.calls.get(call_id)
            if not doc or not doc["ended_at"]:
                continue
            if self.disturbed(placed.at, doc["ended_at"] / 1000):
                met[doc["status"], doc["failure_reason"]] += 1
            elif doc["status"] != placed.kind.ends or doc["estimated"]:
                wrong.append((call_id, placed.kind.digits, placed.kind.ends, doc["status"],
                              doc["failure_reason"]))
        for (status, reason), count in sorted(met.items(), key=str):
            print(f"{self.name}: met by a restart, ended {status} ({reason}): {count}")
        if wrong:
            self.object_to(f"{len(wrong)} calls ended otherwise than they should: {wrong[:10]}")


def compare_with_asterisk(books, theirs, left):
    """theirs: {unique id: [row]} of all of Asterisk's lives. left: the channels there are now."""
    twice = [call_id for call_id in books.calls if len(theirs.get(call_id, [])) > 1]
    if twice:
        books.object_to(f"Asterisk had {len(twice)} calls more than once: {twice[:5]}")
    if left:
        books.object_to(f"{len(left)} channels are left on Asterisk: {sorted(left)[:5]}")
    wrong, compared = [], 0
    for call_id, placed in books.ledger.calls.items():
        doc = books.calls.get(call_id)
        if not doc or not doc["ended_at"] or books.disturbed(placed.at, doc["ended_at"] / 1000):
            continue
        compared += 1
        answered = [row["disposition"] == "ANSWERED" for row in theirs.get(call_id, [])]
        if answered != [doc["status"] == "completed"]:
            wrong.append((call_id, doc["status"], answered))
    print(f"{books.name}: {compared} calls compared with Asterisk's CDRs")
    if wrong:
        books.object_to(f"{len(wrong)} differ from Asterisk's CDRs: {wrong[:5]}")
