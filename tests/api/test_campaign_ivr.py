"""Campaigns whose callees are led through menus, on the mock backend: what they press is in the rules
of their numbers; the path recorded equals the path dictated."""
import json

import pytest
from dialer import success
from support.events import Reader
from support.gateway import Gateway
from support.waiting import wait_until
from test_campaign_dialing import CAMPAIGN, check_counts, fill, is_over


def action(keys, kind, value="", **more):
    return {"dtmf_digit": keys, "action_type": kind, "action_value": value, **more}


def menu(*actions, **more):
    return {"name": "menu", "audio_file": "sound:hello", "timeout": 2, "created_at": 1,
            "actions": list(actions), **more}


MENUS = {
    1: menu(action("1", "goto_ivr", "2"), action("2", "exten", "PJSIP/7000"), action("9", "hangup"),
            action("t", "playback", "bye"), action("i", "playback", "wrong&sound:try-again"),
            action("3", "exten", "PJSIP/7486", next="menu"), action("4", "record", "1"),
            action("5", "goto_ivr", "77")),
    2: menu(action("1", "goto_ivr", "3"), action("2", "queue", "sales"), repeats=1),
    3: menu(action("_XXXX", "exten", "PJSIP/{digits}"), max_digits=4, digit_timeout=5,
            language="de"),
}
# The end of a number: what is pressed, what happens, how it ends, whom the callee talked to.
WAYS = {
    "001": ("", ["menu1", "timeout1>playback", "end1"], "hangup", None),
    "002": ("9", ["menu1", "choice1(9)>hangup", "end1"], "hangup", None),
    "003": ("114711", ["menu1", "choice1(1)>goto_ivr", "menu2", "choice2(1)>goto_ivr", "menu3",
                       "choice3(4711)>exten", "joined3>exten", "end3"], "caller", "PJSIP/4711"),
    "004": ("12", ["menu1", "choice1(1)>goto_ivr", "menu2", "choice2(2)>queue", "joined2>queue",
                   "end2"], "caller", "Local/sales@from-internal"),
    "005": ("79", ["menu1", "invalid1(7)>playback", "repeat1", "choice1(9)>hangup", "end1"],
            "hangup", None),
    "006": ("2", ["menu1", "choice1(2)>exten", "joined1>exten", "end1"], "caller", "PJSIP/7000"),
    "007": ("3,,,,9", ["menu1", "choice1(3)>exten", "unreached1>exten", "repeat1",
                       "choice1(9)>hangup", "end1"], "hangup", "PJSIP/7486"),
    "008": ("1", ["menu1", "choice1(1)>goto_ivr", "menu2", "timeout2", "repeat2", "timeout2",
                  "end2"], "timeout", None),
    "009": ("4,#9", ["menu1", "choice1(4)>record", "recorded1>record", "repeat1",
                     "choice1(9)>hangup", "end1"], "hangup", None),
    "010": ("5", ["menu1", "choice1(5)>goto_ivr", "missing_menu1>goto_ivr", "end1"],
            "missing_menu", None),
}
SETTINGS = {"backend.mock": {
    "plugin": "mock", "ring_ms": 5, "answer_ms": 20, "talk_ms": 9000, "play_ms": 150, "key_ms": 250,
    "rules": [{"suffix": end, "outcome": "answers", "keys": way[0]} for end, way in WAYS.items()]
    + [{"suffix": "7486", "outcome": "busy"}]}}
IVR = {**CAMPAIGN, "agent_dest_type": "ivr", "agent_dest_value": "1", "dial_timeout": 10,
       "retry_times": 0}


def with_menus(gateway, campaign, rows):
    gateway.cli("import", stdin="".join(
        json.dumps({"collection": "ivr_menus", "id": str(key), "version": 1, "doc": doc}) + "\n"
        for key, doc in MENUS.items()))
    fill(gateway, campaign, rows)


def path_of(record):
    """As WAYS says it."""
    out = []
    for mark in record["ivr"]["path"]:
        digits = f"({mark['digits']})" if "digits" in mark else ""
        kind = f">{mark['action']}" if "action" in mark else ""
        out.append(f"{mark['event']}{mark['menu']}{digits}{kind}")
    return out


@pytest.fixture(scope="module")
def dialled():
    """A gateway that has dialled a campaign with each of the ways three times."""
    gateway = Gateway(SETTINGS)
    ends = [end for end in WAYS for _ in range(3)]
    with_menus(gateway, IVR, [(place, f"1555{place:04}{end}") for place, end in enumerate(ends, 1)])
    with gateway:
        wait_until(lambda: is_over(gateway), 60, "the end of the campaign", every=0.2)
        yield gateway


@pytest.mark.parametrize("end", WAYS)
def test_path(dialled, end):
    _, path, result, agent = WAYS[end]
    records = [doc for doc in dialled.stored("cdr") if doc["phone_number"].endswith(end)]
    assert len(records) == 3
    for record in records:
        assert record["ivr"]["menu"] == 1
        assert path_of(record) == path
        assert record["ivr"]["result"] == result
        assert record["ivr"]["keys"] == WAYS[end][0].replace(",", "")
        assert record.get("agent") == agent
        times = [mark["at"] for mark in record["ivr"]["path"]]
        assert times == sorted(times)


def test_recordings(dialled):
    for record in (doc for doc in dialled.stored("cdr") if doc["phone_number"].endswith("009")):
        [file] = record["recordings"]
        assert file in [mark.get("file") for mark in record["ivr"]["path"]]


def test_numbers_and_counts(dialled):
    assert {doc["status"] for doc in dialled.stored("numbers")} == {"completed"}
    check_counts(dialled)


def test_stats(dialled):
    dialled.add_user("chief", "the chief's password", role="admin")
    token = dialled.create_token("chief")
    with dialled.client(signed_in=False) as client:
        client.token = token
        stats = {number: success(client.get(f"/api/ivr/{number}/stats"),
                                 "IVR menu statistics retrieved successfully") for number in MENUS}
    first, second, third = stats[1], stats[2], stats[3]
    assert first["entries"] == 30 and second["entries"] == 9 and third["entries"] == 3
    assert first["by_digit"] == {"1": 9, "2": 3, "3": 3, "4": 3, "5": 3, "9": 12}
    assert second["by_digit"] == {"1": 3, "2": 3} and third["by_digit"] == {"_XXXX": 3}
    assert (first["timeouts"], first["invalid"], first["repeats"]) == (3, 3, 9)
    assert (second["timeouts"], second["repeats"]) == (6, 3)
    assert (first["joined"], first["unreached"], first["recorded"]) == (3, 3, 3)
    assert (first["left"], second["left"], third["left"]) == (3, 3, 3)


def test_single_call(dialled):
    with dialled.client() as client:
        for field in ("context", "extension"):
            reply = client.post("/api/v2/calls", json={"phone_number": "5550000012",
                                                       "ivr_menu": 1, field: "s"})
            assert reply.status_code == 422
            assert reply.json()["detail"][0]["loc"] == ["body", field]
        reply = client.post("/api/v2/calls", json={"phone_number": "5550000012", "ivr_menu": 99})
        assert reply.status_code == 422
        assert reply.json()["detail"][0]["loc"] == ["body", "ivr_menu"]
        reply = client.post("/api/v2/calls", json={"phone_number": "5550000002", "ivr_menu": 1})
        call_id = reply.json()["call_id"]
        assert reply.status_code == 200

        def shown():
            return client.get(f"/api/v2/status/{call_id}").json()
        wait_until(lambda: shown()["is_completed"], 30, "the call's end")
        assert path_of(shown()) == WAYS["002"][1]
        [record] = dialled.stored("cdr", call_id=call_id)
        assert record["ivr"] == shown()["ivr"]


def test_events(dialled):
    with Reader(dialled, types="call.ivr") as reader, dialled.client() as client:
        reply = client.post("/api/v2/calls", json={"phone_number": "5550000005", "ivr_menu": 1})
        call_id = reply.json()["call_id"]
        wait_until(lambda: len(reader.events) >= len(WAYS["005"][1]), 30, "the call's path")
        assert {event[2]["call_id"] for event in reader.events} == {call_id}
        assert path_of({"ivr": {"path": [event[2]["ivr"] for event in reader.events]}}) \
            == WAYS["005"][1]


def test_status_shows_the_path(dialled):
    with dialled.client() as client:
        calls = {doc["call_id"]: doc for doc in dialled.stored("cdr")}
        call_id = next(key for key, doc in calls.items() if doc["phone_number"].endswith("005"))
        shown = client.get(f"/api/v2/status/{call_id}").json()
        assert path_of(shown) == WAYS["005"][1]
