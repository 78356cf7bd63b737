"""Mobile Dialer API: POST /mock-connect, GET /mock-status, DELETE /clear-mocks, and what becomes
of mock numbers in GET /check-connection and POST /disconnect-call."""
import re
import time

import pytest
from mobile import (DEV_KEY, MOCK, NOT_FOUND, SETTINGS, add, ask, call, check, clear, disconnect,
                    moment, status)
from shapes import invalid, json_of, refused
from support.client import VERSIONS
from support.gateway import Gateway
from support.waiting import wait_until


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
    clear(clients[http_version])
    return clients[http_version]


def mocked(client, number, caller=None):
    """The channel id of a mock number, or None."""
    body = check(client, number, caller)
    assert body["message"] == (MOCK if body["connected"] else NOT_FOUND)
    return body["channel_id"]


def test_add_check_and_clear(client):
    assert add(client, "1234567890", "555-0100") == ["1234567890", "5550100"]
    entries = status(client)
    assert set(entries) == {"4567890", "5550100"}
    assert entries["4567890"]["original_number"] == "1234567890"
    assert entries["5550100"]["original_number"] == "5550100"
    channel = mocked(client, "1234567890")
    assert re.fullmatch(r"mock-4567890-\d{10}", channel)
    assert abs(int(channel.rsplit("-", 1)[1]) - time.time()) < 30
    assert mocked(client, "+1 999 456-7890") == channel
    assert mocked(client, "4567891") is None
    assert mocked(client, "567890") is None
    assert clear(client) == 2
    assert status(client) == {}
    assert mocked(client, "1234567890") is None
    assert clear(client) == 0


def test_mock_numbers_have_any_caller(client):
    add(client, "5550100")
    assert mocked(client, "5550100", "9025800000")


@pytest.mark.parametrize("item,added", [
    ("555-0100:555-0104", ["5550100", "5550101", "5550102", "5550103", "5550104"]),
    ("+1 (555) 555-0100 : +1 (555) 555-0101", ["15555550100", "15555550101"]),
    ("0098:0101", ["0098", "0099", "0100", "0101"]),
    ("19019999999:19020000000", ["19019999999", "19020000000"]),
    ("5550100:5550100", ["5550100"]),
    ("5550104:5550100", []),
    ("12:3456", ["123456"]),
    (":5550100", ["5550100"]),
    ("5550100:", ["5550100"]),
    ("abc", []),
    ("", []),
    (":", []),
    ("7", ["7"]),
    ("123456789012345678", ["123456789012345678"]),
])
def test_items(client, item, added):
    assert add(client, item) == added
    assert {entry["original_number"] for entry in status(client).values()} == set(added)
    for number in added:
        assert mocked(client, number)


def test_no_digits_match_nothing(client):
    add(client, "", "abc", ":")
    for number in ("", "abc", ":"):
        assert mocked(client, number) is None


def test_hundred_numbers_of_the_document(client):
    added = add(client, "1234567890", "555-0100:555-0199")
    assert len(added) == 101
    assert added[1] == "5550100" and added[-1] == "5550199"
    assert len(status(client)) == 101
    assert mocked(client, "5550150") and mocked(client, "5550199")
    assert mocked(client, "5550200") is None


def test_ten_thousand_numbers(client):
    added = add(client, "19025800000:19025809999")
    assert len(added) == 10000
    assert mocked(client, "9025805000") and mocked(client, "5809999")
    assert mocked(client, "5810000") is None
    assert len(status(client)) == 10000
    assert clear(client) == 10000


def test_same_last_seven_digits_are_one(client):
    assert add(client, "15550100", "25550100", "5550100") == ["15550100", "25550100", "5550100"]
    assert len(status(client)) == 1
    assert clear(client) == 1


def test_empty_list(client):
    assert add(client) == []
    assert status(client) == {}


def test_again_is_anew(client):
    add(client, "5550100:5550110")
    first = status(client)
    time.sleep(0.002)
    add(client, "5550105")
    second = status(client)
    assert set(first) == set(second)
    assert second["5550105"]["expires_at"] > first["5550105"]["expires_at"]
    assert second["5550104"] == first["5550104"] and second["5550106"] == first["5550106"]


def test_order_of_status(client):
    add(client, "5550101", "5550100", "99")
    assert list(status(client)) == ["99", "5550100", "5550101"]


@pytest.mark.parametrize("body,where", [
    ({}, ("body", "numbers")),
    ({"numbers": None}, ("body", "numbers")),
    ({"numbers": "5550100"}, ("body", "numbers")),
    ({"numbers": 5550100}, ("body", "numbers")),
    ({"numbers": {"0": "5550100"}}, ("body", "numbers")),
    ({"numbers": [5550100]}, ("body", "numbers", 0)),
    ({"numbers": ["5550100", None]}, ("body", "numbers", 1)),
    ({"numbers": ["5550100", ["5550101"]]}, ("body", "numbers", 1)),
    ({"numbers": ["1:2:3"]}, ("body", "numbers", 0)),
    ({"numbers": ["1234567890123456789"]}, ("body", "numbers", 0)),
    ({"numbers": ["0000000:0100000"]}, ("body", "numbers")),
    ({"numbers": ["00000:99999", "1"]}, ("body", "numbers")),
    ({"numbers": ["000000000000000000:999999999999999999"] * 20}, ("body", "numbers")),
    ([], ("body",)),
    ("5550100", ("body",)),
])
def test_wrong_bodies(client, body, where):
    invalid(ask(client, "POST", "/mock-connect", DEV_KEY, json=body), where)
    assert status(client) == {}


def test_broken_bodies(client):
    for content in (b"", b"{", b"numbers=5550100", b'{"numbers":["\xff"]}'):
        invalid(ask(client, "POST", "/mock-connect", DEV_KEY, content=content), ("body",))


def test_hundred_thousand_fit(client):
    assert len(add(client, "0000000:0099999")) == 100000
    assert mocked(client, "0099999") and not mocked(client, "0100000")
    assert clear(client) == 100000


def test_disconnect_removes_one(client):
    add(client, "19025800000:19025800004")
    channel = mocked(client, "9025800002")
    disconnect(client, channel, message="Mock call disconnected")
    assert mocked(client, "9025800002") is None
    assert sorted(status(client)) == ["5800000", "5800001", "5800003", "5800004"]
    disconnect(client, channel, "DELETE", message="Mock call disconnected")
    disconnect(client, "mock-5800003", message="Mock call disconnected")
    assert sorted(status(client)) == ["5800000", "5800001", "5800004"]
    add(client, "9025800002")
    assert mocked(client, "9025800002")


def test_mock_numbers_come_before_channels(client):
    channel = call(client, "+15550103001")
    assert check(client, "5550103001")["channel_id"] == channel
    add(client, "5550103001")
    mock = mocked(client, "5550103001")
    channels = json_of(client.get("/api/v2/channels"))["channels"]
    assert mock not in [one["id"] for one in channels] and len(channels) == 1
    disconnect(client, mock, message="Mock call disconnected")
    assert check(client, "5550103001")["channel_id"] == channel
    client.delete(f"/api/v2/calls/{channel}")
    wait_until(lambda: mocked(client, "5550103001") is None, 5, "the end")


def test_expiry(start_gateway, http_version):
    settings = {**SETTINGS, "mobile": {"mock_timeout": "1500ms"}}
    with start_gateway(settings).client(http_version) as client:
        add(client, "5550100", "5550101", minutes=0)
        assert mocked(client, "5550100")
        began = time.monotonic()
        wait_until(lambda: mocked(client, "5550100") is None, 5, "the expiry")
        assert time.monotonic() - began > 1
        body = json_of(ask(client, "GET", "/mock-status", DEV_KEY))
        assert body["active_mocks"] == [] and body["timeout_minutes"] == 0
        assert clear(client) == 0


def test_minutes_of_the_environment(start_gateway, http_version):
    """MOCK_TIMEOUT_MINUTES as the shipped configuration reads it."""
    settings = {**SETTINGS, "mobile": {"mock_timeout": "${MOCK_TIMEOUT_MINUTES:-5}m"}}
    gateway = start_gateway(settings, env={"MOCK_TIMEOUT_MINUTES": "7"})
    with gateway.client(http_version) as client:
        add(client, "5550100", minutes=7)


def test_most_at_once(start_gateway, http_version):
    settings = {**SETTINGS, "mobile": {"max_mock_numbers": 10}}
    gateway = start_gateway(settings)
    with gateway.client(http_version) as client:
        add(client, "5550100:5550109")
        add(client, "5550105:5550109")  # none of them is new
        reply = ask(client, "POST", "/mock-connect", DEV_KEY, json={"numbers": ["5550110"]})
        refused(reply, 429, "Too many mock numbers")
        assert 1 <= int(reply.headers["retry-after"]) <= 300
        assert gateway.metric("dialgate_mock_numbers") == 10
        clear(client)
        add(client, "5550110")


def test_kept_over_a_restart(start_gateway, http_version):
    gateway = start_gateway(SETTINGS)
    with gateway.client(http_version) as client:
        add(client, "5550100:5550109")
        disconnect(client, mocked(client, "5550105"), message="Mock call disconnected")
        before = status(client)
    gateway.kill()
    gateway.start()
    with gateway.client(http_version) as client:
        assert status(client) == before
        clear(client)
    gateway.stop()
    gateway.start()
    with gateway.client(http_version) as client:
        assert status(client) == {}


def test_without_a_store(start_gateway, http_version):
    settings = {**SETTINGS, "storage": {"disabled": True}}
    with start_gateway(settings).client(http_version, signed_in=False) as client:
        add(client, "5550100:5550101")
        disconnect(client, mocked(client, "5550100"), message="Mock call disconnected")
        assert clear(client) == 1
        assert mocked(client, "5550101") is None


def test_local_times(start_gateway, http_version):
    settings = {**SETTINGS, "server": {"timezone": "Asia/Tokyo"}}
    with start_gateway(settings).client(http_version) as client:
        reply = ask(client, "GET", "/mock-status", DEV_KEY).json()
        ahead = moment(reply["timestamp"]) - moment(
            time.strftime("%Y-%m-%dT%H:%M:%S.000000", time.gmtime()))
        assert 8.99 * 3600 < ahead.total_seconds() < 9.01 * 3600


def test_operations_are_logged(gateway, client):
    add(client, "5550100:5550101", "12:3456\nERROR mobile forged")
    mocked(client, "5550100")
    status(client)
    clear(client)
    log = gateway.log()
    assert re.search(r"INFO mobile: mock numbers added .*numbers=3", log)
    assert re.search(r"WARN mobile: mock range with ends of unequal length", log)
    assert re.search(r"INFO mobile: connection checked .*number=5550100 .*result=mock", log)
    assert re.search(r"INFO mobile: mock numbers listed", log)
    assert re.search(r"INFO mobile: mock numbers cleared .*numbers=3", log)
    assert not re.search(r"^ERROR mobile forged", log, re.M)
