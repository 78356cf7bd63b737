"""Three gateways on one PostgreSQL before one Asterisk: requests spread over them with the same
keys place one call each; when one gateway is killed, another one takes its calls over, and each
ends truly and once. DIALGATE_CLUSTER_KEYS: how many keys (./dev soak cluster: 1000)."""
import os
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support import outcomes
from support.asterisk import asterisk_of
from support.cluster import Cluster
from support.waiting import wait_until

KEYS = int(os.environ.get("DIALGATE_CLUSTER_KEYS") or 45)
HELD = max(15, KEYS // 10)  # these stay up until somebody hangs up
NAMES = ("a", "b", "c")
CLIENTS = 24
LIVE = ("pending", "dialing", "ringing", "answered")
ENDED_MEANWHILE = 1  # within the time in which nobody takes it over
PLATFORMS = ["ari-22", "ami-22"]
SETTINGS = {"log": {"level": "info"}, "node": {"dead_after": "8s"},
            "calls": {"max_per_second": 100}}


class Requests:
    """Each key is sent to each gateway, by clients that repeat until they are answered."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.numbers = [outcomes.new_number("001") for _ in range(KEYS)]
        self.answers, self.lock = {}, threading.Lock()
        self.tokens = {name: cluster.client(name).token for name in NAMES}

    def extension(self, number):
        return "hold" if self.numbers.index(number) < HELD else "short"

    def send(self, index):
        number, name = self.numbers[index // 3], NAMES[(index + index // 3) % 3]
        headers = {"Idempotency-Key": f"key {number}",
                   "Authorization": f"Bearer {self.tokens[name]}"}
        body = {"phone_number": number, "extension": self.extension(number)}
        give_up = time.monotonic() + 120
        with httpx.Client(base_url=self.cluster[name].base, timeout=60, trust_env=False) as client:
            while time.monotonic() < give_up:
                reply = client.post("/api/v2/calls", json=body, headers=headers)
                if reply.status_code == 200:
                    with self.lock:
                        self.answers.setdefault(number, []).append(reply.json())
                    return
                assert reply.status_code in (409, 429, 503), (reply.status_code, reply.text)
                time.sleep(min(float(reply.headers.get("retry-after", 1)), 2))
        raise AssertionError(f"no answer for {number}")

    def send_all(self):
        with ThreadPoolExecutor(CLIENTS) as pool:
            list(pool.map(self.send, range(3 * KEYS)))

    def call_of(self, number):
        return self.answers[number][0]["call_id"]


def placed_by_asterisk(asterisk, numbers):
    """{number: [unique id of each call to it]} of Asterisk's own records."""
    found = {number: [] for number in numbers}
    for unique_id, rows in asterisk.cdrs().items():
        for row in rows:
            number = row["channel"].partition("@")[0].removeprefix("Local/")
            if number in found and row["channel"].endswith(";1"):
                found[number].append(unique_id)
    return found


def records(cluster):
    return {doc["id"]: doc for doc in cluster.rows("calls")}


def wait_for_calls(cluster, what, calls, ok, seconds=60):
    """Until each of these calls is as it should be; the records."""
    def look():
        found = records(cluster)
        return found if all(ok(found[call]) for call in calls) else None
    return wait_until(look, seconds, what, every=0.3)


@pytest.fixture(scope="module", params=PLATFORMS)
def run(request):
    """What was seen, step by step."""
    plugin, version = request.param.split("-")
    asterisk = asterisk_of(version)
    settings = {**asterisk.backend("local", plugin), **SETTINGS}
    settings["calls"] = {**asterisk.backend("local", plugin)["calls"], **SETTINGS["calls"]}
    with Cluster(*NAMES, settings=settings) as cluster:
        requests, seen = Requests(cluster), {}
        requests.send_all()
        held = [requests.call_of(number) for number in requests.numbers[:HELD]]
        before = wait_for_calls(cluster, "the answers", held, lambda c: c["status"] == "answered")
        # Which gateway wins a key is a race: the one that won most is killed.
        killed = Counter(before[call]["node"] for call in held).most_common(1)[0][0]
        owned = [call for call in held if before[call]["node"] == killed]

        ended, names = owned[:ENDED_MEANWHILE], asterisk.names()
        cluster[killed].kill()
        for call in ended:  # nobody sees this end
            asterisk.cli(f"channel request hangup {names[call]}")
        stay = owned[ENDED_MEANWHILE:]
        after = wait_for_calls(cluster, "the calls of the dead one to be taken over", owned,
                               lambda c: c["node"] != killed)
        after = wait_for_calls(cluster, "the ends that nobody saw", ended,
                               lambda c: c["status"] not in LIVE)
        channels = set(asterisk.channels())
        seen.update(killed=killed, before=before, after=after, owned=owned, ended=ended, stay=stay,
                    up=[call for call in stay if call in channels])
        cluster[killed].start()
        cluster.meet()
        seen["back"] = records(cluster)
        # Anybody may end any of them, wherever it is.
        replies = []
        for place, call in enumerate(call for call in held if call not in ended):
            replies.append(cluster.client(NAMES[place % 3]).delete(f"/api/v2/calls/{call}"))
        seen["hangups"] = Counter(reply.status_code for reply in replies)
        everything = [requests.call_of(number) for number in requests.numbers]
        seen["final"] = wait_for_calls(cluster, "the end of all calls", everything,
                                       lambda c: c["status"] not in LIVE, 90)
        seen["cdrs"] = wait_until(
            lambda: (lambda rows: rows if len(rows) >= KEYS else None)(cluster.rows("cdr")), 20)
        wait_until(lambda: not set(asterisk.channels()) & set(everything), 20, "an idle Asterisk")
        seen["placed"] = wait_until(
            lambda: (lambda found: found if all(found.values()) else None)(
                placed_by_asterisk(asterisk, requests.numbers)), 20, "Asterisk's records")
        print(f"{request.param}: {sum(map(len, requests.answers.values()))} answers, "
              f"{sum(map(len, seen['placed'].values()))} calls by Asterisk's records, "
              f"{len(seen['cdrs'])} by ours; {len(owned)} up at the gateway that was killed: "
              f"{len(seen['up'])} taken over, {len(ended)} ended meanwhile")
        yield {**seen, "requests": requests, "cluster": cluster}


def test_one_call_for_each_key(run):
    requests = run["requests"]
    assert len(requests.answers) == KEYS
    for number, answers in requests.answers.items():
        assert len(answers) == 3 and answers[1:] == answers[:-1], (number, answers)
        assert run["placed"][number] == [requests.call_of(number)], number


def test_the_work_was_shared(run):
    nodes = Counter(doc["node"] for doc in run["before"].values())
    assert set(nodes) == set(NAMES), nodes


def test_calls_of_the_dead_one_live_on(run):
    """Taken over by one that lives; Asterisk has them still."""
    assert run["up"] == run["stay"]
    for call in run["stay"]:
        record = run["after"][call]
        assert (record["status"], record["adopted_from"]) == ("answered", run["killed"]), record
        assert record["node"] in set(NAMES) - {run["killed"]}


def test_ends_that_nobody_saw_are_estimated(run):
    for call in run["ended"]:
        record = run["after"][call]
        assert (record["status"], record["estimated"]) == ("completed", True), record


def test_who_comes_back_takes_nothing_back(run):
    for call in run["stay"]:
        assert run["back"][call]["node"] == run["after"][call]["node"]
    assert run["back"].keys() == run["after"].keys()


def test_all_are_ended_by_anybody(run):
    assert set(run["hangups"]) == {200}
    for call in run["stay"]:
        assert run["final"][call]["status"] == "completed"
        assert not run["final"][call]["estimated"]


def test_one_record_each(run):
    assert set(Counter(doc["call_id"] for doc in run["cdrs"]).values()) == {1}
    assert {doc["call_id"] for doc in run["cdrs"]} == set(run["final"])


def test_the_one_that_came_back_works(run):
    others = [run["cluster"].client(name) for name in NAMES if name != run["killed"]]
    back = run["cluster"].client(run["killed"])
    story = outcomes.place(back, outcomes.BY_NAME["answered-we-hang-up"])
    outcomes.poll(back, story, ("answered",), 20)
    assert others[0].delete(f"/api/v2/calls/{story.call_id}").status_code == 200
    assert outcomes.poll(others[1], story, outcomes.TERMINAL, 20)[
        "status"] == "completed"
