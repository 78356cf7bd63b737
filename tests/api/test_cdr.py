"""/api/cdr: records of calls that are over: list, filters, one, statistics."""
import json
import re
import uuid
from datetime import datetime, timezone

import pytest
from dialer import paged, refused, success
from support.gateway import Gateway
from support.waiting import wait_until
from test_call_message import MENU, SETTINGS, ended, place
from test_campaigns import base  # noqa: F401

LISTED = "CDR records retrieved successfully"
VIEWED = "CDR record retrieved successfully"
COUNTED = "CDR statistics retrieved successfully"
KEYS = {"id", "campaign_id", "campaign_name", "campaign_number_id", "channel_id", "uniqueid",
        "callerid", "destination", "agent", "start_time", "answer_time", "end_time", "duration",
        "billsec", "disposition", "recording_file", "recording_leg1", "recording_leg2",
        "created_at", "cause", "cause_text"}
DISPOSITIONS = ("answered", "no_answer", "busy", "failed", "cancelled")
START = datetime(2025, 10, 1, tzinfo=timezone.utc)
HOUR = 3600_000
ROWS = 120  # one an hour: five days


def record(number):
    at_ms = int(START.timestamp() * 1000) + number * HOUR
    answered = DISPOSITIONS[number % 5] == "answered"
    doc = {"call_id": str(uuid.UUID(int=number + 1)), "number": 1000 + number,
           "disposition": DISPOSITIONS[number % 5], "started_at": at_ms, "ended_at": at_ms + 30000,
           "answered_at": at_ms + 10000 if answered else None, "billsec": 20 if answered else 0,
           "duration": 30, "phone_number": f"+1555{number:04}", "caller_id": f"Desk{number % 3}",
           "cause": 16, "cause_text": "Normal clearing", "api": "campaign"}
    if number % 4 == 0:
        doc.update(campaign_id=5, campaign_number_id=number, agent="PJSIP/A%d" % number,
                   recordings=["2025/10/01/x-%d" % number])
    return doc


PAST = [record(number) for number in range(ROWS)]
CAMPAIGN = {"name": "Old", "status": "stopped", "trunk_type": "sip", "trunk_value": "t",
            "agent_dest_type": "exten", "agent_dest_value": "1", "created_at": 1}


@pytest.fixture(scope="module")
def past():
    """A gateway with many calls behind it."""
    lines = [{"collection": "cdr", "id": doc["call_id"], "version": 1, "doc": doc} for doc in PAST]
    lines += [{"collection": "campaigns", "id": "5", "version": 1, "doc": CAMPAIGN},
              {"collection": "campaign_counts", "id": "5", "version": 1, "doc": {}}]
    with Gateway({"backend.mock": {"ring_ms": 10, "answer_ms": 10, "talk_ms": 10}}) as gateway:
        gateway.cli("import", stdin="".join(json.dumps(line) + "\n" for line in lines))
        gateway.add_user("chief", "the chief's password", role="admin")
        gateway.dialer_token = gateway.create_token("chief")
        yield gateway


@pytest.fixture
def admin(past, http_version):
    with past.client(http_version, signed_in=False) as client:
        client.token = past.dialer_token
        yield client


def expected(keep):
    return [doc["number"] for doc in reversed(PAST) if keep(doc)]


def found(admin, base, **params):
    params.setdefault("per_page", 100)
    params.setdefault("end_date", "2025-12-31")
    data, pagination = paged(admin.get(base + "/cdr", params=params), LISTED)
    numbers = [entry["id"] for entry in data]
    while len(numbers) < pagination["total"]:
        params["page"] = params.get("page", 1) + 1
        numbers += [entry["id"] for entry in paged(admin.get(base + "/cdr", params=params),
                                                   LISTED)[0]]
    return numbers


def test_list(admin, base):
    data, pagination = paged(admin.get(base + "/cdr?end_date=2025-12-31"), LISTED)
    assert pagination["total"] == ROWS and len(data) == 20
    assert [entry["id"] for entry in data] == expected(lambda doc: True)[:20], "newest first"
    assert all(set(entry) == KEYS for entry in data)


def test_view(admin, base):
    seen = success(admin.get(base + "/cdr/1000"), VIEWED)
    assert seen == {
        "id": 1000, "campaign_id": 5, "campaign_name": "Old", "campaign_number_id": None,
        "channel_id": str(uuid.UUID(int=1)), "uniqueid": str(uuid.UUID(int=1)),
        "callerid": "Desk0", "destination": "+15550000", "agent": "PJSIP/A0",
        "start_time": "2025-10-01 00:00:00", "answer_time": "2025-10-01 00:00:10",
        "end_time": "2025-10-01 00:00:30", "duration": 30, "billsec": 20,
        "disposition": "answered", "recording_file": "2025/10/01/x-0.wav", "recording_leg1": None,
        "recording_leg2": None, "created_at": "2025-10-01 00:00:00", "cause": 16,
        "cause_text": "Normal clearing"}
    for number in ("999", "0", "9007199254740993"):
        refused(admin.get(f"{base}/cdr/{number}"), 404, "CDR record not found")
    refused(admin.get(base + "/cdr/abc"), 404, "Not Found")


FILTERS = [
    ({"campaign_id": 5}, lambda d: d.get("campaign_id") == 5),
    ({"campaign_id": 77}, lambda d: False),
    ({"disposition": "busy"}, lambda d: d["disposition"] == "busy"),
    ({"disposition": "busy", "campaign_id": 5},
     lambda d: d["disposition"] == "busy" and d.get("campaign_id") == 5),
    ({"search": "desk1"}, lambda d: d["caller_id"] == "Desk1"),
    ({"search": "50042"}, lambda d: "50042" in d["phone_number"]),
    ({"search": "pjsip/a4"}, lambda d: "PJSIP/A4" in d.get("agent", "")),
    ({"search": "%"}, lambda d: False),
    ({"start_date": "2025-10-02", "end_date": "2025-10-02"},
     lambda d: 24 <= d["number"] - 1000 < 48),
    ({"start_date": "2025-10-05 12:00:00"}, lambda d: d["number"] - 1000 >= 108),
    ({"end_date": "2025-10-01 02:00:00"}, lambda d: d["number"] - 1000 <= 2),
]


@pytest.mark.parametrize("params, keep", FILTERS)
def test_filters(admin, base, params, keep):
    assert found(admin, base, **params) == expected(keep)


@pytest.mark.parametrize("name, value", [
    ("campaign_id", "x"), ("campaign_id", "0"), ("disposition", "lost"),
    ("start_date", "yesterday"), ("end_date", "2025-13-01"), ("start_date", "2025-10-01T00:00Z")])
def test_wrong_filters(admin, base, name, value):
    for path in ("/cdr", "/cdr/stats"):
        refused(admin.get(base + path, params={name: value}), 400, re.compile("^Invalid " + name),
                [name])


def test_stats(admin, base):
    counted = success(admin.get(base + "/cdr/stats?end_date=2025-12-31"), COUNTED)
    assert counted == {"total_calls": 120, "answered": 24, "no_answer": 24, "busy": 24,
                       "failed": 24, "cancelled": 24, "avg_duration": 30, "avg_billsec": 4,
                       "total_duration": 3600, "total_billsec": 480}
    day = success(admin.get(base + "/cdr/stats?start_date=2025-10-01&end_date=2025-10-01"),
                  COUNTED)
    assert (day["total_calls"], day["answered"], day["avg_billsec"]) == (24, 5, 4.17)
    none = success(admin.get(base + "/cdr/stats?campaign_id=99"), COUNTED)
    assert set(none.values()) == {0}


def test_of_a_call(past, admin, base):
    """Each call of any API has one, with a number of its own."""
    numbers = set()
    with past.client() as client:
        for _ in range(3):
            reply = client.post("/api/v2/calls", json={"phone_number": "+15550177"})
            assert reply.status_code == 200, reply.text
            call = reply.json()
            number = past.cdr(call["call_id"])["number"]
            seen = success(admin.get(f"{base}/cdr/{number}"), VIEWED)
            assert seen["channel_id"] == call["call_id"] and seen["campaign_id"] is None
            assert seen["destination"] == "+15550177" and seen["disposition"] == "answered"
            numbers.add(number)
    assert len(numbers) == 3


# ---- Calls that are led through a menu, hear a message, are listened to ----

# The end of the number, what is asked for, and what its record has more than those of other calls.
LED = {
    "menu": ("911", {"ivr_menu": 1}, {
        "ivr": {"menu": 1, "keys": "1", "result": "hangup", "path": [
            {"menu": 1, "event": "menu"},
            {"menu": 1, "event": "choice", "digits": "1", "action": "hangup"},
            {"menu": 1, "event": "end", "reason": "hangup"}]}}),
    "message": ("000", {"audio": "welcome", "repeat": 2}, {
        "message": {"audio": "welcome", "to": "human", "played": 2, "keys": "", "result": "played",
                    "path": [{"event": "message"}, {"event": "repeat"},
                             {"event": "end", "reason": "played"}]}}),
    "machine": ("622", {"audio": "welcome", "amd": True, "machine_message": "call-us"}, {
        "amd": {"result": "machine", "cause": "PLAYED-0-0"},
        "message": {"audio": "call-us", "to": "machine", "played": 1, "keys": "",
                    "result": "played",
                    "path": [{"event": "message"}, {"event": "end", "reason": "played"}]}}),
    "hung up": ("622", {"audio": "welcome", "amd": True, "on_machine": "hangup"}, {
        "amd": {"result": "machine", "cause": "PLAYED-0-0"}}),
    "refused": ("486", {"audio": "welcome", "amd": True}, {}),
}


@pytest.fixture(scope="module")
def led():
    """A gateway, and the ids of these calls, all of which are over."""
    rules = SETTINGS["backend.mock"]["rules"] + [{"suffix": "486", "outcome": "busy"}]
    with Gateway({"backend.mock": {**SETTINGS["backend.mock"], "rules": rules}}) as gateway:
        gateway.cli("import", stdin=json.dumps(
            {"collection": "ivr_menus", "id": "1", "version": 1, "doc": MENU}) + "\n")
        gateway.add_user("chief", "the chief's password", role="admin")
        gateway.dialer_token = gateway.create_token("chief")
        with gateway.client() as client:
            calls = {name: place(client, end, **body) for name, (end, body, _) in LED.items()}
            for call in calls.values():
                ended(client, call)
                gateway.cdr(call)
        yield gateway, calls


def timeless(value):
    """Without its times, which have to be some."""
    if isinstance(value, list):
        times = [one["at"] for one in value]
        assert times == sorted(times)
        return [timeless(one) for one in value]
    if isinstance(value, dict):
        assert type(value.get("at", 0)) is int and value.get("at", 0) >= 0
        return {key: timeless(one) for key, one in value.items() if key != "at"}
    return value


@pytest.mark.parametrize("name", LED)
def test_led_calls(led, base, http_version, name):
    gateway, calls = led
    with gateway.client(http_version, signed_in=False) as client:
        client.token = gateway.dialer_token
        listed, _ = paged(client.get(base + "/cdr"), LISTED)
        [entry] = [entry for entry in listed if entry["channel_id"] == calls[name]]
        assert success(client.get(f"{base}/cdr/{entry['id']}"), VIEWED) == entry
        assert entry in client.get(base + "/cdr/export?format=json").json()
    expected = LED[name][2]
    assert set(entry) == KEYS | set(expected)
    assert {member: timeless(entry[member]) for member in expected} == expected


def test_deleted_campaign(past, admin):
    """Its records stay, as those of no campaign. The last test: nothing is as before."""
    assert admin.delete("/api/campaigns/5").status_code in (200, 404), "gone the second time"
    while found(admin, "/api", campaign_id=5):
        pass
    assert success(admin.get("/api/cdr/1000"), VIEWED)["campaign_id"] is None
    assert paged(admin.get("/api/cdr?end_date=2025-12-31"), LISTED)[1]["total"] == ROWS


def test_records_from_before_they_had_numbers(start_gateway):
    """They are given some at the next start, oldest first, and durations."""
    old = []
    for doc in PAST:
        doc = {key: value for key, value in doc.items() if key not in ("number", "duration")}
        old.append({"collection": "cdr", "id": doc["call_id"], "version": 1, "doc": doc})
    gateway = start_gateway({})
    gateway.add_user("chief", "the chief's password", role="admin")
    token = gateway.create_token("chief")
    gateway.cli("import", stdin="".join(json.dumps(line) + "\n" for line in old))
    with gateway.client(signed_in=False) as client:
        client.token = token
        records, _ = paged(client.get("/api/cdr?per_page=100"), LISTED)
        assert {record["id"] for record in records} == {None}
    gateway.stop()
    gateway.start()
    with gateway.client(signed_in=False) as client:
        client.token = token
        wait_until(lambda: all(one["id"] for one in client.get("/api/cdr/export?format=json").json()),
                   60, "all records to have a number")
        records = client.get("/api/cdr/export?format=json").json()
        ids = [record["id"] for record in records]
        assert ids == sorted(ids, reverse=True) and len(set(ids)) == len(old)
        assert {record["duration"] for record in records} == {30}
        assert success(client.get(f"/api/cdr/{ids[0]}"), VIEWED) == records[0]
