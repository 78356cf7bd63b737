"""GET /api/v2/channels, /api/v2/channels/{channel_id}: every channel as it is now."""
from urllib.parse import quote

import pytest
from mobile import SETTINGS, call
from shapes import bad_credentials, invalid, json_of, just_now, not_authenticated, refused
from support.client import VERSIONS
from support.gateway import Gateway
from support.waiting import wait_until

KEYS = {"id", "name", "state", "direction", "caller_number", "caller_name", "connected_number",
        "callee_number", "context", "extension", "application", "application_data", "account",
        "bridge", "held", "muted", "controlled", "started_at", "answered_at", "backend", "mock"}


@pytest.fixture(scope="module")
def gateway():
    with Gateway(SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def clients(gateway):
    opened = {version: gateway.client(version) for version in VERSIONS}
    yield opened
    for client in opened.values():
        client.close()


@pytest.fixture
def client(clients, http_version):
    return clients[http_version]


@pytest.fixture
def live(client):
    placed = []

    def place(number, state="answered", **body):
        placed.append(call(client, number, state, **body))
        return placed[-1]
    yield place
    for call_id in placed:
        client.delete(f"/api/v2/calls/{call_id}")
    wait_until(lambda: page(client)["channels"] == [], 5, "no channel")


def page(client, **params):
    body = json_of(client.get("/api/v2/channels", params=params))
    assert set(body) == {"channels", "pagination", "next_cursor"}
    for channel in body["channels"]:
        assert set(channel) == KEYS
    return body


def one(client, name):
    channel = json_of(client.get(f"/api/v2/channels/{quote(name, safe='')}"))
    assert set(channel) == KEYS
    return channel


def test_none(client):
    body = page(client)
    assert body["channels"] == [] and body["next_cursor"] is None
    assert body["pagination"] == {"total": 0, "per_page": 20, "current_page": 1, "total_pages": 0,
                                  "from": 1, "to": 0}


def test_one(client, live):
    call_id = live("+15550104001", caller_id="Alice <+19025800000>", extension="4711")
    channel = one(client, call_id)
    assert channel["id"] == call_id
    assert channel["state"] == "up"
    assert channel["direction"] == "outbound"
    assert channel["caller_number"] == "+19025800000"
    assert channel["caller_name"] == "Alice"
    assert channel["callee_number"] == "+15550104001"
    assert (channel["context"], channel["extension"]) == ("outbound-ivr", "4711")
    assert channel["backend"] == "mock" and channel["mock"] is True
    assert channel["held"] is channel["muted"] is channel["controlled"] is False
    just_now(channel["started_at"])
    just_now(channel["answered_at"])
    assert page(client)["channels"] == [channel]


def test_by_name(client, live):
    channel = one(client, live("+15550104002"))
    assert "/" in channel["name"]
    assert one(client, channel["name"]) == channel


def test_follows_the_call(client, live):
    call_id = live("+15550104480", "ringing", timeout=60000)
    assert one(client, call_id)["state"] == "ringing"
    assert one(client, call_id)["answered_at"] is None
    other = live("+15550104003")
    client.post(f"/api/v2/calls/{other}/hold")
    wait_until(lambda: one(client, other)["held"], 5, "hold")
    client.post(f"/api/v2/calls/{other}/unhold")
    wait_until(lambda: not one(client, other)["held"], 5, "unhold")


@pytest.mark.parametrize("name", ["1234567890.123", "x" * 255, "SIP/trunk-00000001", "a;2",
                                  "%", "mock-5550100-1"])
def test_unknown(client, name):
    refused(client.get(f"/api/v2/channels/{quote(name, safe='')}"), 404, "Channel not found")


def test_too_long(client):
    invalid(client.get("/api/v2/channels/" + "x" * 256), ("path", "channel_id"))


def test_credentials(client):
    for path in ("/api/v2/channels", "/api/v2/channels/1"):
        not_authenticated(client.get(path, token=None))
        bad_credentials(client.get(path, token="a.b.c"))
        refused(client.post(path, json={}), 405, "Method Not Allowed")


def test_pages(client, live):
    ids = [live(f"+1555010411{i}") for i in range(5)][::-1]
    whole = page(client)
    assert [one["id"] for one in whole["channels"]] == ids
    assert whole["next_cursor"] is None
    first = page(client, per_page=2)
    assert [one["id"] for one in first["channels"]] == ids[:2]
    assert first["pagination"] == {"total": 5, "per_page": 2, "current_page": 1,
                                   "total_pages": 3, "from": 1, "to": 2}
    last = page(client, per_page=2, page=3)
    assert [one["id"] for one in last["channels"]] == ids[4:]
    assert last["pagination"]["to"] == 5 and last["next_cursor"] is None
    assert page(client, per_page=2, page=4)["channels"] == []
    seen, cursor = [], None
    while True:
        body = page(client, per_page=2, **({"cursor": cursor} if cursor else {}))
        seen += [one["id"] for one in body["channels"]]
        assert (body["pagination"] is None) == bool(cursor)
        cursor = body["next_cursor"]
        if not cursor:
            break
    assert seen == ids


def test_pages_are_stable_while_calls_come_and_go(client, live):
    ids = [live(f"+1555010420{i}") for i in range(4)][::-1]
    first = page(client, per_page=2)
    live("+15550104209")
    client.delete(f"/api/v2/calls/{ids[0]}")
    wait_until(lambda: page(client)["pagination"]["total"] == 4, 5, "the end")
    second = page(client, per_page=2, cursor=first["next_cursor"])
    assert [one["id"] for one in second["channels"]] == ids[2:]


@pytest.mark.parametrize("params,taken", [
    ({"page": 0}, (1, 20)), ({"page": -5}, (1, 20)), ({"per_page": 0}, (1, 1)),
    ({"per_page": 1000}, (1, 100)), ({"page": 10**18}, (10**9, 20)), ({"cursor": "", "page": ""}, (1, 20)),
])
def test_out_of_range_is_the_nearest(client, params, taken):
    told = page(client, **params)["pagination"]
    assert (told["current_page"], told["per_page"]) == taken


@pytest.mark.parametrize("params", [{"page": "x"}, {"per_page": "1.5"},
                                    {"cursor": "x"}, {"cursor": "-1"}, {"page": 10**30},
                                    {"page": 1, "cursor": "1"}])
def test_wrong_parameters(client, params):
    invalid(client.get("/api/v2/channels", params=params), ("query", list(params)[0]))
