"""/api/monitoring: status, channels, realtime."""
from datetime import datetime, timedelta, timezone

from dialer import local_time, refused, success
from support.gateway import Gateway
from support.waiting import wait_until
from test_campaigns import base, create, order  # noqa: F401

STATUS = "System status retrieved successfully"
CHANNELS = "Active channels retrieved successfully"
REALTIME = "Real-time data retrieved successfully"


def just_now(text):
    age = datetime.now(timezone.utc).replace(tzinfo=None) - local_time(text)
    assert timedelta(seconds=-2) < age < timedelta(seconds=30), text


def call(client):
    return client.post("/api/v2/calls", json={"phone_number": "+15550177"}).json()["call_id"]


def test_status(admin, base, client, ended):
    before = success(admin.get(base + "/monitoring/status"), STATUS)
    assert set(before) == {"asterisk", "database", "active_channels", "active_campaigns",
                           "timestamp"}
    assert before["asterisk"] is True and before["database"] is True
    just_now(before["timestamp"])
    campaign = create(admin)["id"]
    order(admin, campaign, "start")
    ended.append(call(client))
    wait_until(lambda: success(admin.get(base + "/monitoring/status"), STATUS)["active_channels"],
               10, "a channel")
    after = success(admin.get(base + "/monitoring/status"), STATUS)
    assert after["active_campaigns"] == before["active_campaigns"] + 1
    order(admin, campaign, "stop")
    admin.delete(f"/api/campaigns/{campaign}")


def test_channels(admin, base, client, ended):
    ended.append(call(client))

    def shown():
        data = success(admin.get(base + "/monitoring/channels"), CHANNELS)
        assert data["count"] == len(data["channels"])
        return [entry for entry in data["channels"] if entry["id"] == ended[0]]

    [channel] = wait_until(shown, 10, "the channel")
    assert set(channel) == {"id", "name", "state", "caller", "connected", "creationtime"}
    assert set(channel["caller"]) == set(channel["connected"]) == {"name", "number"}
    wait_until(lambda: shown()[0]["state"] == "Up", 10, "the answer")


def test_realtime(admin, base, client, ended):
    campaign = create(admin)["id"]
    order(admin, campaign, "start")
    data = success(admin.get(base + "/monitoring/realtime"), REALTIME)
    assert set(data) == {"campaigns", "channels", "channel_count", "today_stats", "timestamp"}
    assert data["channel_count"] == len(data["channels"])
    assert [c["stats"]["total"] for c in data["campaigns"] if c["id"] == campaign] == [0]
    assert all(c["status"] == "running" for c in data["campaigns"])
    assert set(data["today_stats"]) == {"total_calls", "answered", "no_answer", "busy", "failed"}
    just_now(data["timestamp"])
    before = data["today_stats"]["total_calls"]
    client.delete(f"/api/v2/calls/{call(client)}")
    wait_until(lambda: success(admin.get(base + "/monitoring/realtime"), REALTIME)
               ["today_stats"]["total_calls"] > before, 10, "its record")
    order(admin, campaign, "stop")
    admin.delete(f"/api/campaigns/{campaign}")


def test_without_asterisk():
    settings = {"telephony": {"backend": "ari"}, "backend.mock": None,
                "backend.ari": {"plugin": "ari", "url": "http://127.0.0.1:1/ari", "username": "u",
                                "password": "p"}}
    with Gateway(settings, ready=False) as gateway:
        gateway.await_answer("/health")
        gateway.add_user("chief", "the chief's password", role="admin")
        with gateway.client(signed_in=False) as client:
            client.token = gateway.create_token("chief")
            status = success(client.get("/api/monitoring/status"), STATUS)
            assert status["asterisk"] is False and status["active_channels"] == 0
            errors = refused(client.get("/api/monitoring/channels"), 500,
                             "Failed to get channels: the telephone system is not connected")
            assert errors is None
            data = success(client.get("/api/monitoring/realtime"), REALTIME)
            assert data["channels"] == [] and data["channel_count"] == 0
