"""Call history: GET /api/v2/calls, newest first, by filters, pages and cursors."""
import json
import uuid
from datetime import datetime, timezone

import pytest
from shapes import STATUS_KEYS, bad_credentials, invalid, json_of, not_authenticated, placed
from support.gateway import Gateway
from support.waiting import wait_until

URL = "/api/v2/calls"
START = 1_750_000_000_000  # long ago: calls that the tests place are newer than all of these
STEP = 60_000
ROWS = 2500
STATES = ("completed", "busy", "no_answer", "failed", "cancelled")
MORE_KEYS = {"direction", "api", "user", "backend", "node", "cause"}


def moment(ms):
    return datetime.fromtimestamp(ms / 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def identifier(at_ms, number):
    """A UUIDv7 of that time."""
    return str(uuid.UUID(int=at_ms << 80 | 7 << 76 | 2 << 62 | number))


def record(number):
    """Call `number` of the past: two in a row have the same time."""
    at_ms = START + number // 2 * STEP
    return identifier(at_ms, number), {
        "status": STATES[number % 5], "phone_number": f"+1555{number % 50:07}",
        "direction": "outbound", "api": "campaign" if number % 7 == 0 else "contact-center",
        "user": "tester", "backend": "mock", "node": "here", "mock": True, "created_at": at_ms,
        "ended_at": at_ms + 1000, "cause": 16, "channel": "Local/x@y", "context": "y",
        "extension": "s", "caller_id": "x"}


PAST = [record(number) for number in range(ROWS)]


def shown_state(doc):
    return "failed" if doc["status"] == "cancelled" else doc["status"]


def expected(keep):
    return [call_id for call_id, doc in sorted(PAST, key=lambda row: (row[1]["created_at"], row[0]),
                                               reverse=True) if keep(doc)]


@pytest.fixture(scope="module")
def past():
    """A gateway with many calls behind it."""
    settings = {"backend.mock": {"ring_ms": 10, "answer_ms": 10, "talk_ms": 0}}
    with Gateway(settings) as gateway:
        lines = [json.dumps({"collection": "calls", "id": call_id, "version": 1, "doc": doc})
                 for call_id, doc in PAST]
        gateway.cli("import", stdin="\n".join(lines) + "\n")
        clients = {version: gateway.client(version) for version in ("1.1", "2")}
        yield clients
        for client in clients.values():
            client.close()


@pytest.fixture
def client(past, http_version):
    return past[http_version]


def page(client, **params):
    body = json_of(client.get(URL, params=params))
    assert set(body) == {"calls", "pagination", "next_cursor"}
    for call in body["calls"]:
        assert set(call) == set(STATUS_KEYS) | MORE_KEYS
    return body


def ids(body):
    return [call["call_id"] for call in body["calls"]]


def walk(client, **params):
    """All ids by cursor."""
    found, body = [], page(client, **params)
    while True:
        found += ids(body)
        if not body["next_cursor"]:
            return found
        body = page(client, cursor=body["next_cursor"], **params)
        assert body["pagination"] is None


def test_first_page(client):
    body = page(client, to=moment(START + ROWS * STEP))
    assert ids(body) == expected(lambda doc: True)[:20]
    assert body["pagination"] == {"total": ROWS, "per_page": 20, "current_page": 1,
                                  "total_pages": ROWS // 20, "from": 1, "to": 20}
    last = body["calls"][-1]
    assert body["next_cursor"].endswith(last["call_id"])


def test_whole_call(client):
    call_id, doc = PAST[1234]
    call, = page(client, **{"from": moment(doc["created_at"]), "to": moment(doc["created_at"]),
                            "phone_number": doc["phone_number"]})["calls"]
    alone = json_of(client.get(f"/api/v2/status/{call_id}"))
    assert {key: call[key] for key in alone} == alone
    assert {key: call[key] for key in MORE_KEYS} == {
        "direction": "outbound", "api": doc["api"], "user": "tester", "backend": "mock",
        "node": "here", "cause": 16}


@pytest.mark.parametrize("per_page", [1, 7, 100])
def test_cursors(client, per_page):
    filters = {"status": "busy", "to": moment(START + 200 * STEP), "per_page": per_page}
    if per_page == 100:
        del filters["status"]
    limit = START + 200 * STEP + 1000
    assert walk(client, **filters) == expected(
        lambda doc: doc["created_at"] < limit and
        (per_page == 100 or doc["status"] == "busy"))


def test_pages(client):
    to = moment(START + ROWS * STEP)
    everything = expected(lambda doc: True)
    body = page(client, page=25, per_page=100, to=to)
    assert ids(body) == everything[2400:]
    assert body["next_cursor"] is None
    assert body["pagination"] == {"total": ROWS, "per_page": 100, "current_page": 25,
                                  "total_pages": 25, "from": 2401, "to": 2500}
    assert ids(page(client, page=26, per_page=100, to=to)) == []
    body = page(client, page=3, per_page=30, to=to)
    assert ids(body) == everything[60:90]
    # A cursor goes on behind any page.
    assert ids(page(client, cursor=body["next_cursor"], per_page=30, to=to)) == everything[90:120]


@pytest.mark.parametrize("params, number, size", [
    ({"page": 0}, 1, 20), ({"page": -5}, 1, 20), ({"per_page": 0}, 1, 1),
    ({"per_page": -1}, 1, 1), ({"per_page": 1000}, 1, 100), ({"page": "", "per_page": ""}, 1, 20),
    ({"page": 10 ** 18}, 10 ** 9, 20)], ids=str)
def test_out_of_range(client, params, number, size):
    """Brought back to the range, as in the campaign dialer's lists."""
    pagination = page(client, **params)["pagination"]
    assert (pagination["current_page"], pagination["per_page"]) == (number, size)


# ---- filters ----

@pytest.mark.parametrize("status", ["completed", "busy", "no_answer", "failed",
                                    "busy,failed", "failed,completed,busy"])
def test_status(client, status):
    to = moment(START + 30 * STEP)
    body = page(client, status=status, per_page=100, to=to)
    assert ids(body) == expected(lambda doc: shown_state(doc) in status.split(",") and
                                 doc["created_at"] < START + 30 * STEP + 1000)
    assert body["calls"] and all(call["status"] in status.split(",") for call in body["calls"])


def test_phone_number(client):
    number = PAST[17][1]["phone_number"]
    wanted = expected(lambda doc: doc["phone_number"] == number)
    assert ids(page(client, phone_number=number, per_page=100)) == wanted
    # As a "+" that nobody has escaped arrives.
    reply = client.get(f"{URL}?phone_number={number}&per_page=100")
    assert ids(json_of(reply)) == wanted
    assert ids(page(client, phone_number=number[1:])) == []


def test_direction_and_api(client):
    assert page(client, direction="inbound")["calls"] == []
    assert page(client, direction="outbound", api="campaign")["pagination"]["total"] == \
        len(expected(lambda doc: doc["api"] == "campaign"))
    assert page(client, api="nobody")["calls"] == []


@pytest.mark.parametrize("first, last, begin, end", [
    (moment(START), moment(START + 2 * STEP), 0, 6),
    (moment(START + STEP), moment(START + STEP), 2, 4),
    ("2025-06-15T15:06:40.000Z", "2025-06-15T15:06:40.000Z", 0, 2),
    ("2025-06-15T17:06:40+02:00", "2025-06-15T15:06:40", 0, 2),
    ("2025-06-15T15:06", "2025-06-15T15:06", 0, 2),
    ("2025-06-15", "2025-06-15", 0, 1068), ("2025-06-16", "2025-06-16", 1068, 2500),
    (moment(START + STEP), moment(START), 0, 0)])
def test_time_range(client, first, last, begin, end):
    body = page(client, **{"from": first, "to": last})
    wanted = sorted((call_id for call_id, _ in PAST[begin:end]), reverse=True)
    assert body["pagination"]["total"] == len(wanted)
    assert ids(body) == wanted[:20]


def test_open_ranges(client):
    assert page(client, to=moment(START + 3 * STEP))["pagination"]["total"] == 8
    total = page(client, to=moment(START + ROWS * STEP),
                 **{"from": moment(START + 1249 * STEP)})["pagination"]["total"]
    assert total == 2


@pytest.mark.parametrize("name, value", [
    ("status", "lost"), ("status", "cancelled"), ("status", "busy,"), ("status", ",busy"),
    ("status", "busy;failed"), ("status", "BUSY"),
    ("phone_number", "12a"), ("phone_number", "1+2"), ("phone_number", "1" * 21),
    ("phone_number", "'; drop table calls; --"),
    ("direction", "up"), ("api", "A B"), ("api", "x" * 51),
    ("from", "yesterday"), ("from", "2025-13-01"), ("to", "2025-02-29"), ("to", "1"),
    ("to", "2025-10-01T12:00:00Z" + "0" * 20),
    ("page", "one"), ("page", "1.5"), ("per_page", "x"),
    ("cursor", "x"), ("cursor", "1"), ("cursor", "1-2"), ("cursor", "-1-" + identifier(START, 1)),
    ("cursor", "1-" + "0" * 36), ("cursor", identifier(START, 1)),
    ("cursor", f"{START}-{identifier(START, 1)}'"),
], ids=ascii)
def test_refused(client, name, value):
    invalid(client.get(URL, params={name: value}), ("query", name))


def test_all_problems_at_once(client):
    invalid(client.get(URL, params={"status": "x", "from": "x", "cursor": "x", "per_page": "x"}),
            ("query", "status"), ("query", "from"), ("query", "cursor"), ("query", "per_page"))


def test_cursor_or_page(client):
    cursor = page(client)["next_cursor"]
    invalid(client.get(URL, params={"cursor": cursor, "page": 2}), ("query", "page"))


def test_credentials(client):
    not_authenticated(client.get(URL, token=None))
    bad_credentials(client.get(URL, token="a.b.c"))


# ---- while calls come and go ----

def test_live_calls_first(client):
    calls = [placed(client.post(URL, json={"phone_number": "+15559990000"}), "+15559990000")
             for _ in range(5)]
    assert ids(page(client, per_page=5)) == calls[::-1]
    wait_until(lambda: page(client, status="answered")["pagination"]["total"] == 5, 10, "answers")
    assert ids(page(client, phone_number="+15559990000", status="answered,completed",
                    per_page=5)) == calls[::-1]
    for call_id in calls:
        client.delete(f"{URL}/{call_id}")
    wait_until(lambda: page(client, status="answered")["calls"] == [], 10, "their ends")
    ended = page(client, status="completed", per_page=5)
    assert ids(ended) == calls[::-1]
    assert all(call["duration"] is not None for call in ended["calls"])


def test_new_calls_do_not_shift_cursors(client):
    """Whoever leafs by cursor sees every call of the beginning once, while new ones come."""
    started = page(client, per_page=1)["pagination"]["total"]
    found, body = [], page(client, per_page=100)
    while True:
        found += ids(body)
        number = f"+1444{len(found):07}"
        call_id = placed(client.post(URL, json={"phone_number": number}), number)
        client.delete(f"{URL}/{call_id}")
        if not body["next_cursor"]:
            break
        body = page(client, cursor=body["next_cursor"], per_page=100)
    assert len(found) == len(set(found)) == started
    assert found[-ROWS:] == expected(lambda doc: True)
