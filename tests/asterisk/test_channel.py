"""What a request may give to the channel gets there; what it may not give does not get anywhere."""
import time

import pytest
from support import outcomes
from support.asterisk import PLUGINS, TEMPLATES, VERSIONS, asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

PLATFORMS = [(plugin, version, name) for plugin in PLUGINS for version in VERSIONS
             for name in TEMPLATES]
ERRORS = {"ari": "ARI error 500", "ami": "AMI error: Asterisk could not place the call"}
PLAIN = outcomes.BY_NAME["answered-we-hang-up"]  # here nobody hangs up: the dialplan ends it


class Bench:
    """A gateway on an Asterisk, and one call after the other."""

    def __init__(self, asterisk, gateway):
        self.asterisk, self.gateway = asterisk, gateway
        self.client = gateway.client("2")

    def run(self, **body):
        """Places a call that ends by itself; gives its story and Asterisk's record of it."""
        story = outcomes.place(self.client, PLAIN, **body)
        story.final = outcomes.poll(self.client, story, outcomes.TERMINAL, 20)
        rows = wait_until(lambda: self.asterisk.cdrs().get(story.call_id), 5, "Asterisk's CDR",
                          every=0.1)
        return story, rows[0]


@pytest.fixture(scope="module", params=PLATFORMS, ids=["-".join(one) for one in PLATFORMS])
def bench(request):
    plugin, version, template = request.param
    asterisk = asterisk_of(version)
    with Gateway(asterisk.backend(template, plugin)) as gateway:
        yield Bench(asterisk, gateway)


def test_variables_reach_the_channel(bench, tmp_path):
    """As they are: what looks like dialplan code stays text."""
    trap = tmp_path / "made"
    one = "a comma, a = sign; 'quotes' | and ü"
    two = f"${{SHELL(touch {trap})}}"
    story, row = bench.run(extension="vars", variables={"BED_ONE": one, "BED_TWO": two})
    assert story.final["status"] == "completed"
    assert row["userfield"] == f"{one}/{two}"
    assert not trap.exists()


@pytest.mark.parametrize("extension, priority, seconds", [("short", 1, 1), ("short", 3, 0)])
def test_leg_goes_to_its_place(bench, extension, priority, seconds):
    """Extension and priority are those of the request: `short` stays a second, its third step not."""
    story, row = bench.run(extension=extension, priority=priority)
    assert story.final["status"] == "completed"
    assert story.final["extension"] == extension
    assert story.final["duration"] == seconds
    assert (row["dst"], row["context"], row["lastapp"]) == (extension, "outbound-ivr", "Hangup")


def test_caller_id_arrives(bench):
    story, row = bench.run(extension="short", caller_id="CompanyName <+1987654321>")
    assert story.final["caller_id"] == "CompanyName <+1987654321>"
    rows = [row] + [one for many in bench.asterisk.cdrs().values() for one in many
                    if story.number in one["channel"]]
    assert any("CompanyName" in one["clid"] and "+1987654321" in one["clid"] for one in rows)


def test_call_outlives_being_joined(bench):
    """Joined with an agent, the leg is still ours: it is not optimised away, and can be ended."""
    story = outcomes.place(bench.client, PLAIN, extension="joined")
    outcomes.poll(bench.client, story, ("answered",), 10)
    wait_until(lambda: bench.asterisk.bridged_with(story.call_id), 5, "the agent's leg")
    time.sleep(1.5)  # an optimisation would come with the first audio
    assert story.call_id in bench.asterisk.channels()
    assert bench.client.get(f"/api/v2/status/{story.call_id}").json()["status"] == "answered"
    assert bench.client.delete(f"/api/v2/calls/{story.call_id}").status_code == 200
    story.final = outcomes.poll(bench.client, story, outcomes.TERMINAL, 10)
    assert story.final["status"] == "completed"
    wait_until(lambda: story.call_id not in bench.asterisk.channels(), 5, "the end of the leg")


REFUSED = {
    "variable runs a program": {"variables": {"SHELL(touch /tmp/dialgate-trap)": "x"}},
    "variable writes a file": {"variables": {"FILE(/tmp/dialgate-trap)": "x"}},
    "variable is a function": {"variables": {"CDR(userfield)": "x"}},
    "variable is two": {"variables": {"A,B": "x"}},
    "variable assigns": {"variables": {"A=B": "x"}},
    "variable steers transfers": {"variables": {"TRANSFER_CONTEXT": "forbidden"}},
    "variable steers transfers, inherited": {"variables": {"__TRANSFER_CONTEXT": "forbidden"}},
    "variable has no name": {"variables": {"": "x"}},
    "variable name has an end of line": {"variables": {"A\nB": "x"}},
    "value has CR LF": {"variables": {"BED_ONE": "x\r\nAction: Command"}},
    "value has LF": {"variables": {"BED_ONE": "x\ny"}},
    "value has NUL": {"variables": {"BED_ONE": "x\0y"}},
    "caller id has CR LF": {"caller_id": "Na\r\nX-Bad: 1"},
    "caller id has NUL": {"caller_id": "Na\0me"},
    "context that is not allowed": {"context": "forbidden"},
    "context that is two": {"context": "outbound-ivr,s"},
    "context with CR LF": {"context": "outbound-ivr\r\nX: 1"},
    "extension that is code": {"extension": "${SHELL(id)}"},
    "extension that is two": {"extension": "s,1"},
}
NUMBERS = {
    "another endpoint": "{}&PJSIP/8001",
    "another trunk": "{}@nowhere",
    "another context": "{}@forbidden/n",
    "another technology": "PJSIP/{}",
    "a URI parameter": "{};x=1",
    "CR LF": "{}\r\nX-Evil: 1",
    "a plus within": "49{}",
    "code": "${{SHELL(id)}}",
}


def refusal(bench, body):
    reply = bench.client.post("/api/v2/calls", json=body)
    assert reply.status_code == 422, (reply.status_code, reply.text)
    return [problem["loc"] for problem in reply.json()["detail"]]


def test_nothing_else_gets_through(bench):
    """Each is refused with the field's name, and Asterisk never hears of it."""
    tried = []
    for what, more in REFUSED.items():
        number = outcomes.new_number("001")
        tried.append(number)
        places = refusal(bench, {"phone_number": number, "extension": "short", **more})
        # A text with NUL is refused by the JSON parser already, which knows no fields.
        place = ["body"] if "NUL" in what else ["body", next(iter(more))]
        assert any(one[:len(place)] == place for one in places), (what, places)
    for what, pattern in NUMBERS.items():
        number = outcomes.new_number("001")
        tried.append(number)
        places = refusal(bench, {"phone_number": pattern.format(number), "extension": "short"})
        assert ["body", "phone_number"] in places, (what, places)
    bench.run(extension="short")  # whatever went before it would be recorded by now
    time.sleep(0.2)
    known = [f"{row['dst']} {row['channel']} {row['dstchannel']} {row['lastdata']}"
             for rows in bench.asterisk.cdrs().values() for row in rows]
    assert not [number for number in tried if any(number in row for row in known)]
    assert not (bench.asterisk.root / "tmp/dialgate-trap").exists()


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("version", VERSIONS)
def test_asterisk_refuses(version, plugin, start_gateway):
    """A trunk that Asterisk does not know: told at once, recorded as failed, with one CDR."""
    settings = asterisk_of(version).backend(plugin=plugin)
    settings["calls"]["endpoint"] = "PJSIP/{number}@no-such-trunk"
    gateway = start_gateway(settings)
    client = gateway.client()
    story = outcomes.place(client, PLAIN)
    assert story.answer["success"] is False
    assert (story.answer["status"], story.answer["channel"]) == ("failed", None)
    assert story.answer["error"] == ERRORS[plugin]
    call = client.get(f"/api/v2/status/{story.call_id}").json()
    assert (call["status"], call["failure_reason"]) == ("failed", ERRORS[plugin])
    assert call["ended_at"] is not None
    cdrs = wait_until(lambda: gateway.records("cdr"), 5, "the CDR")
    assert [(cdr["doc"]["call_id"], cdr["doc"]["disposition"]) for cdr in cdrs] == [
        (story.call_id, "failed")]


@pytest.mark.parametrize("plugin", PLUGINS)
@pytest.mark.parametrize("version", VERSIONS)
def test_nowhere_to_go(version, plugin, start_gateway):
    """A context without that number: Asterisk accepts it and ends it at once, without a dial."""
    settings = asterisk_of(version).backend(plugin=plugin)
    settings["calls"]["endpoint"] = "Local/{number}@no-such-context"
    gateway = start_gateway(settings)
    client = gateway.client("2")
    story = outcomes.place(client, PLAIN)
    story.final = outcomes.poll(client, story, outcomes.TERMINAL, 10)
    assert story.final["status"] == "failed"
    assert story.final["failure_reason"]
