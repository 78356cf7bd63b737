"""Mobile Dialer API on a real Asterisk: GET /check-connection against channels in every state and by
each rule of matching, POST /disconnect-call, GET /api/v2/channels. Most channels are not the
gateway's: Asterisk's command line and its REST interface place them."""
import itertools
import secrets
from urllib.parse import quote

import httpx
import pytest
from support.asterisk import VERSIONS, asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

PLATFORMS = [(version, plugin) for version in VERSIONS for plugin in ("ari", "ami")]
KEY = secrets.token_urlsafe(36)
FOUND = "Call exists on Asterisk server"
numbers = itertools.count(2000)


def number(ending=""):
    """One that no other test has, with the ending that decides what the callee does."""
    return f"1902{next(numbers)}{ending or '001'}"


class Bench:
    def __init__(self, asterisk, gateway):
        self.asterisk, self.gateway = asterisk, gateway
        self.client = gateway.client("2")
        self.rest = httpx.Client(base_url=asterisk.env["ARI_URL"], trust_env=False,
                                 auth=(asterisk.env["ARI_USERNAME"],
                                       asterisk.env["ARI_PASSWORD"]))

    def check(self, dialed, caller=None):
        """The channel's id, or None."""
        params = {"dialed_number": dialed, **({"caller_id": caller} if caller else {})}
        reply = self.client.get("/check-connection", token=None, params=params,
                                headers={"X-API-Key": KEY})
        assert reply.status_code == 200, reply.text
        body = reply.json()
        assert body["connected"] is (body["channel_id"] is not None)
        assert body["message"] == FOUND or not body["connected"]
        return body["channel_id"]

    def found(self, dialed, caller=None):
        """Waits until the number is in a call; gives the channel as it is shown."""
        channel = wait_until(lambda: self.check(dialed, caller), 10, f"a channel of {dialed}")
        assert channel in self.asterisk.channels()
        return self.channel(channel)

    def channel(self, name):
        reply = self.client.get(f"/api/v2/channels/{quote(name, safe='')}")
        return reply.json() if reply.status_code == 200 else None

    def disconnect(self, channel):
        reply = self.client.post("/disconnect-call", token=None, json={"channel_id": channel},
                                 headers={"X-API-Key": KEY})
        assert reply.status_code == 200, reply.text

    def foreign(self, endpoint, what):
        """A channel that Asterisk's operator makes."""
        self.asterisk.cli(f"channel originate {endpoint} {what}")

    def originate(self, endpoint, variables=None, **params):
        """A channel that another program makes; its unique id."""
        reply = self.rest.post("/channels", json={"variables": variables or {}},
                               params={"endpoint": endpoint, "context": "answers",
                                       "extension": "11", "priority": 1, "timeout": 60, **params})
        assert reply.status_code == 200, reply.text
        return reply.json()["id"]

    def wait_for(self, channel, **wanted):
        def look():
            shown = self.channel(channel)
            fits = shown and all(shown[name] == value for name, value in wanted.items())
            return shown if fits else None
        return wait_until(look, 10, f"{channel} with {wanted}")


@pytest.fixture(scope="module", params=PLATFORMS, ids=["-".join(one) for one in PLATFORMS])
def bench(request):
    version, plugin = request.param
    asterisk = asterisk_of(version)
    settings = {**asterisk.backend(plugin=plugin), "auth": {"api_key": KEY}}
    with Gateway(settings) as gateway:
        yield Bench(asterisk, gateway)


@pytest.fixture(autouse=True)
def hung_up(bench):
    yield
    bench.asterisk.cli("channel request hangup all")
    wait_until(lambda: not bench.asterisk.channels(), 10, "the end of all channels")
    wait_until(lambda: bench.client.get("/api/v2/channels").json()["channels"] == [], 10,
               "an empty list")


# ---- states ----

def test_up(bench):
    dialed = number()
    assert bench.check(dialed) is None
    bench.foreign(f"PJSIP/{dialed}@trunk", "application Wait 600")
    channel = wait_until(lambda: bench.check(dialed), 10, "the channel")
    assert bench.wait_for(channel, state="up")["id"] in bench.asterisk.channels()
    bench.asterisk.cli("channel request hangup all")
    wait_until(lambda: bench.check(dialed) is None, 10, "the end")


def test_ringing(bench):
    dialed = number("480")
    channel = bench.originate(f"PJSIP/{dialed}@trunk", callerId="902-580-0000")
    bench.wait_for(channel, state="ringing")
    assert bench.check("9025800000") == channel


def test_ringing_seen_from_who_rings(bench):
    """Both halves of a Local channel and the trunk have the number; the answer is one of them."""
    dialed = number("480")
    bench.foreign(f"Local/{dialed}@outbound-ivr/n", "application Wait 600")
    shown = bench.found(dialed)
    assert shown["state"] in ("ringing", "dialing")


def test_early_media(bench):
    dialed = number("183")
    channel = bench.originate(f"PJSIP/{dialed}@trunk", callerId="902-580-0183")
    assert wait_until(lambda: bench.check("9025800183"), 10, "early media") == channel


def test_not_yet_ringing(bench):
    """100 Trying alone is no call yet."""
    dialed = number("100")
    channel = bench.originate(f"PJSIP/{dialed}@trunk", callerId="902-580-0100", timeout=30)
    bench.wait_for(channel, state="down")
    assert bench.check("9025800100") is None


def test_refused(bench):
    for ending in ("486", "603", "404", "503"):
        dialed = number(ending)
        bench.originate(f"PJSIP/{dialed}@trunk", callerId=f"902-581-0{ending}")
        wait_until(lambda: not bench.asterisk.channels(), 10, "the refusal")
        wait_until(lambda gone=f"5810{ending}": bench.check(gone) is None, 10, "its end")


# ---- what is compared ----

def test_name(bench):
    channel = bench.originate("Local/15550177@answers/n")
    assert bench.wait_for(channel, state="up")["name"].startswith("Local/15550177@answers-")
    assert bench.found("555 0177")["name"].startswith("Local/15550177@answers-")
    assert bench.check("5550178") is None


def test_caller(bench):
    channel = bench.originate("Local/11@answers/n", callerId="Alice <+1 902 580 0001>")
    bench.wait_for(channel, state="up")
    assert "5800001" in "".join(filter(str.isdigit, bench.found("9025800001")["caller_number"]
                                       + bench.found("9025800001")["connected_number"]))


def test_extension(bench):
    """Of the three channels of such a call one is in the dialplan there."""
    dialed = number("480")
    bench.foreign("Local/11@answers/n", f"extension {dialed}@outbound-ivr")
    assert bench.found(dialed)
    wait_until(lambda: [one for one in bench.client.get("/api/v2/channels").json()["channels"]
                        if (one["context"], one["extension"]) == ("outbound-ivr", dialed)
                        and one["state"] == "up"], 10, "the channel in its place")


def test_connected_number(bench):
    """Joined with an agent: each shows the other's number."""
    channel = bench.originate("Local/11@answers/n", context="outbound-ivr", extension="joined",
                              callerId="9025800002")
    bench.wait_for(channel, state="up")
    partners = wait_until(lambda: bench.asterisk.bridged_with(channel), 10, "the agent")
    shown = [bench.wait_for(partner, state="up") for partner in partners]
    wait_until(lambda: any((bench.channel(one["id"])["connected_number"] or "")
                           .endswith("5800002") for one in shown), 10, "the connected number")
    assert bench.found("5800002")["state"] == "up"


def test_account(bench):
    channel = bench.originate("Local/11@answers/n",
                              {"CHANNEL(accountcode)": "customer-15550133"})
    shown = bench.wait_for(channel, state="up")
    assert shown["account"] == "customer-15550133"
    assert bench.check("5550133")
    assert bench.check("550133") is None


def test_application_data(bench):
    bench.originate("Local/11@answers/n", {"BED_ONE": "15550144/note"}, context="outbound-ivr",
                    extension="echo")
    shown = bench.found("5550144")
    assert shown["application"] == "Echo" and shown["application_data"] == "15550144/note"


def test_ids_and_times_are_no_numbers(bench):
    channel = bench.originate("Local/15550155@answers/n")
    shown = bench.wait_for(channel, state="up")
    digits = channel.split(".")[0]
    assert len(digits) >= 7
    assert bench.check(digits) is None
    assert bench.check(channel) is None
    suffix = shown["name"].rsplit("-", 1)[1].split(";")[0]
    assert bench.check(suffix) is None
    assert bench.check("5550155")


def test_caller_id_must_be_there_too(bench):
    channel = bench.originate("Local/15550166@answers/n", callerId="9025800003")
    bench.wait_for(channel, state="up")
    assert bench.found("5550166", "902-580-0003")
    assert bench.check("5550166", "9025800004") is None
    assert bench.check("5550167", "9025800003") is None


def test_up_first_then_the_newest(bench):
    caller = "9025800005"
    ups = [bench.originate(f"PJSIP/{number()}@trunk", callerId=caller) for _ in range(2)]
    for channel in ups:
        bench.wait_for(channel, state="up")
    ringing = bench.originate(f"PJSIP/{number('480')}@trunk", callerId=caller)
    bench.wait_for(ringing, state="ringing")
    for channel in (ups[1], ups[0], ringing):
        assert bench.check(caller) == channel
        bench.disconnect(channel)
        wait_until(lambda gone=channel: bench.check(caller) != gone, 10, "its end")
    assert bench.check(caller) is None


# ---- calls of the gateway; hanging up ----

def test_call_of_the_gateway(bench):
    dialed = number()
    reply = bench.client.post("/api/v2/calls", json={"phone_number": dialed,
                                                     "caller_id": "Us <9025800006>"})
    call_id = reply.json()["call_id"]
    bench.wait_for(call_id, state="up")
    assert bench.check(dialed) and bench.check(dialed, "9025800006")
    bench.disconnect(call_id)
    wait_until(lambda: bench.client.get(f"/api/v2/status/{call_id}").json()["status"]
               == "completed", 10, "completed")
    wait_until(lambda: bench.check(dialed) is None, 10, "the end")
    bench.disconnect(call_id)


def test_hang_up_by_name(bench):
    """A name with a slash and a semicolon, of a channel that is not the gateway's."""
    channel = bench.originate("Local/15550188@answers/n")
    name = bench.wait_for(channel, state="up")["name"]
    assert "/" in name and name.endswith(";1")
    bench.disconnect(name)
    wait_until(lambda: bench.check("5550188") is None, 10, "the end")
    assert channel not in bench.asterisk.channels()


def test_channels_of_before(bench):
    """A gateway that starts late finds what is there by comparison."""
    channel = bench.originate("Local/15550199@answers/n")
    bench.wait_for(channel, state="up")
    section = {**bench.gateway.settings["backend.pbx"]}
    if "app" in section:
        section["app"] += "-late"
    settings = {name: keys for name, keys in bench.gateway.settings.items()
                if name in ("telephony", "calls", "auth")}
    with Gateway({**settings, "backend.mock": None, "backend.pbx": section}) as late:
        with late.client("1.1") as client:
            reply = client.get("/check-connection?dialed_number=5550199", token=None,
                               headers={"X-API-Key": KEY})
            assert reply.json()["connected"] is True
            listed = {one["id"] for one in client.get("/api/v2/channels").json()["channels"]}
            assert listed == bench.asterisk.everything()
