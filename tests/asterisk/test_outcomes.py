"""Every way a call can go: its states, its times, its reason, its one CDR.

Each platform is one gateway on which all outcomes are played at once, over both versions of HTTP.
The tests then read what was seen, and what was recorded once the gateway had ended.
"""
import re
from datetime import datetime, timezone

import pytest
from support import client, outcomes
from support.asterisk import PLUGINS, TEMPLATES, VERSIONS, asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

PLATFORMS = ["mock"] + [f"{plugin}-{version}-{name}" for plugin in PLUGINS for version in VERSIONS
                        for name in TEMPLATES]
CASES = [(one, version) for one in outcomes.OUTCOMES for version in client.VERSIONS]
MOCK = {"backend.mock": {"plugin": "mock", "ring_ms": 100, "answer_ms": 800, "hangup_ms": 1000}}
SLACK_S = 1.5  # between two clocks' views of one moment, on a busy machine


class Platform:
    """What one gateway did with all the cases."""

    def __init__(self, name):
        plugin, version, template = name.split("-") if name != "mock" else ("mock", None, "local")
        self.asterisk = asterisk_of(version) if version else None
        self.endpoint = TEMPLATES[template]
        settings = self.asterisk.backend(template, plugin) if version else MOCK
        with Gateway(settings) as gateway:
            self.stories = outcomes.play_all(gateway, CASES)
            self.live = wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 5,
                                   "an empty map of live calls")
            gateway.stop()
            self.cdrs = [row["doc"] for row in gateway.records("cdr")]
            self.calls = {row["id"]: row["doc"] for row in gateway.records("calls")}
        self.channels = set(self.asterisk.channels()) if self.asterisk else set()
        self.asterisk_cdrs = self.asterisk.cdrs() if self.asterisk else {}

    def cdr(self, story):
        found = [cdr for cdr in self.cdrs if cdr["call_id"] == story.call_id]
        assert len(found) == 1, found
        return found[0]


@pytest.fixture(scope="module", params=PLATFORMS)
def platform(request):
    return Platform(request.param)


@pytest.fixture(params=CASES, ids=[f"{one.name}-http{version}" for one, version in CASES])
def story(request, platform):
    outcome, version = request.param
    return platform.stories[outcome.name, version]


def unix(text):
    """An answer's time as Unix seconds; None stays None."""
    if text is None:
        return None
    assert text.endswith("Z"), text
    return datetime.fromisoformat(text).timestamp()


def is_within(part, whole):
    """Whether `part` is `whole` with some of it left out, in the same order."""
    rest = iter(whole)
    return all(any(one == other for other in rest) for one in part)


def test_request_is_answered(platform, story):
    channel = platform.endpoint.format(number=story.number, context="outbound-ivr")
    assert story.answer["success"] is True
    assert story.answer["phone_number"] == story.number
    # Events may overtake the answer: a callee that is busy says so within milliseconds.
    assert story.answer["status"] in story.outcome.states
    assert story.answer["channel"] == channel
    assert story.answer["error"] is None


def test_states(story):
    outcome = story.outcome
    assert is_within(story.states, outcome.states), story.states
    assert set(outcome.must) <= set(story.states), story.states
    assert story.states[-1] == outcome.states[-1]


def test_times(story):
    outcome, call = story.outcome, story.final
    created, dialed, answered, ended = (
        unix(call[name]) for name in ("created_at", "dialed_at", "answered_at", "ended_at"))
    assert story.begun - 0.1 <= created <= dialed <= ended <= story.ended + 0.1
    assert (answered is not None) == outcome.answered
    if answered:
        assert dialed + 0.3 <= answered <= ended
    if outcome.disposition == "no_answer":
        timeout = outcome.timeout_ms / 1000
        assert timeout - 0.6 <= ended - dialed <= timeout + 2, "rings as long as asked"


def test_duration(story):
    call = story.final
    if story.outcome.answered:
        talked = unix(call["ended_at"]) - unix(call["answered_at"])
        assert isinstance(call["duration"], int)
        assert abs(call["duration"] - talked) <= 0.6
        assert call["duration"] >= 1
    else:
        assert call["duration"] is None


def test_reason(story):
    reason = story.final["failure_reason"]
    if story.outcome.reason:
        assert re.search(story.outcome.reason, reason), reason
    else:
        assert reason is None


def test_is_over(story):
    assert story.final["is_active"] is False
    assert story.final["is_completed"] is True
    assert story.final["attempt_number"] == 1


def test_one_cdr(platform, story):
    outcome, cdr = story.outcome, platform.cdr(story)
    assert cdr["disposition"] == outcome.disposition
    assert cdr["cause"] == outcome.cause
    assert cdr["phone_number"] == story.number
    assert cdr["billsec"] == (story.final["duration"] or 0)
    assert cdr["mock"] is (platform.asterisk is None)
    assert cdr["estimated"] is False
    assert (cdr["answered_at"] is not None) == outcome.answered
    assert (cdr["ringing_at"] is not None) == outcome.rings
    moments = [cdr[name] for name in ("started_at", "dialed_at", "ringing_at", "answered_at",
                                      "ended_at") if cdr[name] is not None]
    assert moments == sorted(moments)


def test_record_is_final(platform, story):
    """What the store keeps is what the client saw last."""
    call = platform.calls[story.call_id]
    assert call["ended_at"] == pytest.approx(unix(story.final["ended_at"]) * 1000, abs=1)
    assert call["duration"] == story.final["duration"]


def test_asterisk_agrees(platform, story):
    """Asterisk names the channel by our call's id, and saw the same call."""
    if not platform.asterisk:
        return
    rows = platform.asterisk_cdrs.get(story.call_id, [])
    assert len(rows) == 1, rows
    theirs, ours = rows[0], story.final
    assert (theirs["disposition"] == "ANSWERED") == story.outcome.answered
    if story.outcome.answered:
        assert abs(int(theirs["billsec"]) - ours["duration"]) <= 1
        answer = datetime.strptime(theirs["answer"], "%Y-%m-%d %H:%M:%S")
        answer = answer.replace(tzinfo=timezone.utc).timestamp()
        assert abs(answer - unix(ours["answered_at"])) <= SLACK_S


def test_nothing_is_left(platform):
    calls = {story.call_id for story in platform.stories.values()}
    assert len(platform.cdrs) == len(calls) == len(CASES)
    assert {cdr["call_id"] for cdr in platform.cdrs} == calls
    assert not calls & platform.channels
