"""Every way a call can go, by the last digits of its number: the states in their order, the times,
the duration, the reason, the one call detail record. POST /api/v2/interaction/{number} and
GET /api/v2/status/{call_id} of the Contact Center API, on the mock backend."""
import uuid

import pytest
from shapes import ACTIVE, moment, placed, status_of
from support import outcomes
from support.client import VERSIONS
from support.gateway import Gateway

# As fast as every state can still be seen by polling.
MOCK = {"backend.mock": {"plugin": "mock", "ring_ms": 150, "answer_ms": 300, "talk_ms": 2500,
                         "hangup_ms": 300}}
CASES = [(one, version) for one in outcomes.OUTCOMES for version in VERSIONS]
IDS = [f"{one.name}-http{version}" for one, version in CASES]


class Told:
    """All calls at once, and what the store's file says of them afterwards."""

    def __init__(self):
        with Gateway(MOCK) as gateway:
            self.stories = outcomes.play_all(gateway, CASES)
            with gateway.client() as client:
                self.default = self.hands_off(client)
            self.failed = gateway.metric("calls_failed_total")
            self.success = gateway.metric("calls_success_total")
            self.transitions = gateway.metric("call_state_transitions_total", to_state="ringing")
            self.live = gateway.metric("dialgate_calls_live")
            gateway.stop()
            self.cdrs, self.calls = gateway.stored("cdr"), gateway.stored("calls")

    @staticmethod
    def hands_off(client):
        """A call that nobody hangs up ends by itself, after talk_ms."""
        story = outcomes.Story(outcomes.BY_NAME["answered-callee-hangs-up"], client.version,
                               "+1234567890", 0)
        story.call_id = placed(client.post("/api/v2/interaction/+1234567890"), "+1234567890")
        story.final = outcomes.poll(client, story, outcomes.TERMINAL, 20)
        return story

    def cdr(self, story):
        found, = [cdr for cdr in self.cdrs if cdr["call_id"] == story.call_id]
        return found


@pytest.fixture(scope="module")
def told():
    return Told()


@pytest.fixture(params=CASES, ids=IDS)
def story(request, told):
    outcome, version = request.param
    return told.stories[outcome.name, version]


def ms(text):
    return None if text is None else round(moment(text).timestamp() * 1000)


def test_states_in_order(story):
    wanted = iter(story.outcome.states)
    assert all(state in wanted for state in story.states), story.states
    assert set(story.outcome.must) <= set(story.states)
    assert story.final["status"] == story.outcome.states[-1]
    assert story.final["is_active"] is False and story.final["is_completed"] is True


def test_times(story):
    call = story.final
    assert ms(call["created_at"]) <= ms(call["dialed_at"]) <= ms(call["ended_at"])
    assert (call["answered_at"] is not None) == story.outcome.answered
    if story.outcome.answered:
        rung = 150 if not story.outcome.rings else 300
        assert ms(call["answered_at"]) - ms(call["dialed_at"]) >= rung - 20
    if story.outcome.disposition == "no_answer":
        rang = ms(call["ended_at"]) - ms(call["dialed_at"])
        assert story.outcome.timeout_ms - 50 <= rang <= story.outcome.timeout_ms + 1500


def test_duration(story):
    call = story.final
    if not story.outcome.answered:
        assert call["duration"] is None
        return
    talked = ms(call["ended_at"]) - ms(call["answered_at"])
    assert type(call["duration"]) is int and abs(call["duration"] * 1000 - talked) <= 1000


def test_reason(story):
    reason = story.final["failure_reason"]
    assert (reason is not None) == (story.final["status"] == "failed")


def test_one_record(told, story):
    cdr, call = told.cdr(story), story.final
    assert cdr["disposition"] == story.outcome.disposition
    assert cdr["cause"] == story.outcome.cause
    assert cdr["phone_number"] == story.number
    assert cdr["direction"] == "outbound" and cdr["api"] == "contact-center"
    assert cdr["user"] == "tester" and cdr["backend"] == "mock" and cdr["mock"] is True
    assert cdr["billsec"] == (call["duration"] or 0)
    assert cdr["failure_reason"] == call["failure_reason"]
    assert cdr["attempt_number"] == 1 and cdr["estimated"] is False
    for name in ("dialed_at", "answered_at", "ended_at"):
        assert cdr[name] == ms(call[name])
    assert cdr["started_at"] == ms(call["created_at"])


def test_record_of_the_call(told, story):
    call, = [call for call in told.calls if call["id"] == story.call_id]
    cancelled = story.outcome.name == "cancelled-while-ringing"
    assert call["status"] == ("cancelled" if cancelled else story.final["status"])
    assert call["ended_at"] == ms(story.final["ended_at"])
    assert call["ring_ms"] == story.outcome.timeout_ms


def test_one_for_each(told):
    """As many calls, as many records, and nothing left over."""
    assert len(told.calls) == len(told.cdrs) == len(CASES) + 1
    assert len({cdr["call_id"] for cdr in told.cdrs}) == len(CASES) + 1
    assert all(uuid.UUID(call["id"]).version == 7 for call in told.calls)
    assert told.live == 0


def test_counted(told):
    answered = sum(one.answered for one, _ in CASES) + 1
    assert told.success == answered
    assert told.failed == len(CASES) + 1 - answered
    assert told.transitions == sum(one.rings for one, _ in CASES) + 1


def test_ends_by_itself(told):
    call = told.default.final
    assert call["status"] == "completed"
    assert 2400 <= ms(call["ended_at"]) - ms(call["answered_at"]) <= 5000
    assert told.default.states[-2] in ACTIVE


def test_deterministic(http_version):
    """The same seed, the same lives: with times that vary, too."""
    def lives():
        settings = {"backend.mock": {"ring_ms": 5, "answer_ms": 5, "talk_ms": 5, "jitter_ms": 40,
                                     "seed": 7}}
        with Gateway(settings) as gateway, gateway.client(http_version) as client:
            story = outcomes.Story(outcomes.BY_NAME["busy"], http_version, "+1234567890", 0)
            seen = []
            for _ in range(6):
                reply = client.post("/api/v2/calls", json={"phone_number": "+1234567890"})
                story.call_id = reply.json()["call_id"]
                call = outcomes.poll(client, story, outcomes.TERMINAL, 10)
                seen.append((ms(call["answered_at"]) - ms(call["dialed_at"]),
                             ms(call["ended_at"]) - ms(call["answered_at"])))
            return seen
    first, second = lives(), lives()
    for one, other in zip(first, second):
        assert abs(one[0] - other[0]) <= 40 and abs(one[1] - other[1]) <= 40


def test_other_rules(http_version):
    """Numbers and fates as configured; the longest end that fits decides."""
    rules = [{"suffix": "7", "outcome": "busy"}, {"suffix": "77", "outcome": "declines"},
             {"suffix": "", "outcome": "unknown"}]
    settings = {"backend.mock": {"ring_ms": 10, "answer_ms": 10, "talk_ms": 10}}
    gateway = Gateway(settings)
    text = gateway.config.read_text().replace(
        "[backend.mock]\n", "[backend.mock]\nrules = [" + ", ".join(
            f'{{suffix = "{rule["suffix"]}", outcome = "{rule["outcome"]}"}}' for rule in rules)
        + "]\n")
    gateway.config.write_text(text)
    with gateway, gateway.client(http_version) as client:
        for number, state, cause in (("+1234567897", "busy", 17), ("+1234567877", "busy", 21),
                                     ("+1234567890", "failed", 1)):
            story = outcomes.Story(outcomes.BY_NAME["busy"], http_version, number, 0)
            story.call_id = placed(client.post(f"/api/v2/interaction/{number}"), number)
            outcomes.poll(client, story, (state,), 10)
            status_of(client.get(f"/api/v2/status/{story.call_id}"))
            assert gateway.cdr(story.call_id)["cause"] == cause
