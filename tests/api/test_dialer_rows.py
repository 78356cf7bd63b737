"""Every row of the published table of the campaign-dialer API (but IVR), in the order in which a
client would go through them: at both base paths, by both versions of HTTP."""
import secrets

import pytest
from dialer import BASES, success
from shapes import json_of
from support.waiting import wait_until

CAMPAIGN = {"trunk_type": "pjsip", "trunk_value": "trunk-1", "agent_dest_type": "exten",
            "agent_dest_value": "100"}
PAGED = {"Numbers retrieved successfully", "CDR records retrieved successfully"}
TRUNKS = "Invalid trunk_type. Must be: custom, pjsip, or sip"
DESTS = "Invalid agent_dest_type. Must be: custom, exten, ivr, or queue"
BULK = 'Invalid input. Expected "numbers" array'


class Walk:
    """A client that goes down the table."""

    def __init__(self, client, base):
        self.client = client
        self.base = base

    def ask(self, code, message, method, path, json=None):
        """The data of the answer, which has this code and this message."""
        reply = self.client.request(method, self.base + path, json=json)
        body = json_of(reply, code)
        assert body["success"] is (code < 400), (method, path, body)
        assert body.get("message") == message, (method, path, body)
        if message in PAGED:
            assert "code" not in body and body["pagination"]["current_page"] == 1
        else:
            assert body["code"] == code
        return body.get("data")


@pytest.fixture(params=[(base, version) for base in BASES for version in ("1.1", "2")],
                ids=lambda pair: f"{pair[0][1:].replace('/', '-')}-http{pair[1]}")
def walk(request, gateway, admin_token):
    base, version = request.param
    with gateway.client(version, signed_in=False) as client:
        client.token = admin_token
        yield Walk(client, base)


def test_campaigns_and_numbers(walk):
    ask, none = walk.ask, "Campaign not found"
    name = "c-" + secrets.token_hex(4)
    index = ask(200, None, "GET", "")
    assert index["name"] == "ARI Dialer API" and set(index["endpoints"]) == {
        "campaigns", "numbers", "cdr", "monitoring", "ivr", "settings"}
    ask(400, "Missing required fields", "POST", "/campaigns", {})
    ask(400, TRUNKS, "POST", "/campaigns", {**CAMPAIGN, "name": name, "trunk_type": "x"})
    ask(400, DESTS, "POST", "/campaigns", {**CAMPAIGN, "name": name, "agent_dest_type": "x"})
    made = ask(201, "Campaign created successfully", "POST", "/campaigns",
               {**CAMPAIGN, "name": name})
    one = f"/campaigns/{made['id']}"
    assert "stats" not in made
    listed = ask(200, "Campaigns retrieved successfully", "GET", "/campaigns?status=stopped")
    assert listed[0]["id"] == made["id"] and "stats" in listed[0]
    assert ask(200, "Campaign retrieved successfully", "GET", one) == {**made,
                                                                      "stats": listed[0]["stats"]}
    ask(400, "No valid fields to update", "PUT", one, {})
    assert ask(200, "Campaign updated successfully", "PUT", one, {"retry_times": 0}
               )["retry_times"] == 0
    # numbers
    ask(400, "Missing required fields", "POST", one + "/numbers", {})
    assert ask(201, "Number added successfully", "POST", one + "/numbers",
               {"phone_number": "15550486"}) == {"campaign_id": made["id"],
                                                 "phone_number": "15550486"}
    ask(400, BULK, "POST", one + "/numbers/bulk", {"numbers": 1})
    ask(400, "No valid numbers provided", "POST", one + "/numbers/bulk", {"numbers": [{}]})
    assert ask(201, "2 numbers added successfully", "POST", one + "/numbers/bulk",
               {"numbers": [{"phone_number": "15551486"}, {}, {"phone_number": "15552486"}]}
               ) == {"campaign_id": made["id"], "count": 2}
    numbers = ask(200, "Numbers retrieved successfully", "GET", one + "/numbers?status=pending")
    assert [n["phone_number"] for n in numbers] == ["15550486", "15551486", "15552486"]
    number = f"/numbers/{numbers[0]['id']}"
    assert ask(200, "Number retrieved successfully", "GET", number) == numbers[0]
    ask(200, "Number deleted successfully", "DELETE", number)
    ask(404, "Number not found", "GET", number)
    ask(404, "Number not found", "DELETE", number)
    # orders
    ask(400, "Campaign is already stopped", "POST", one + "/stop")
    ask(400, "Can only pause a running campaign", "POST", one + "/pause")
    ask(400, "Can only resume a paused campaign", "POST", one + "/resume")
    for verb, done, status in (("start", "started", "running"), ("pause", "paused", "paused"),
                               ("resume", "resumed", "running")):
        assert ask(200, f"Campaign {done} successfully", "POST", f"{one}/{verb}") == {
            "campaign_id": made["id"], "status": status}
    ask(400, "Campaign is already running", "POST", one + "/start")
    ask(400, "Cannot update running campaign. Stop it first.", "PUT", one, {"retry_times": 1})
    ask(400, "Cannot delete running campaign. Stop it first.", "DELETE", one)
    stats = "Campaign statistics retrieved successfully"
    wait_until(lambda: ask(200, stats, "GET", one + "/stats")["busy"] == 2, 60,
               "both numbers to have been busy")
    counts = ask(200, stats, "GET", one + "/stats")
    assert (counts["total"], counts["total_calls"], counts["answered_calls"]) == (2, 2, 0)
    why = ask(200, "Campaign explained successfully", "GET", one + "/why")
    assert [reason["code"] for reason in why["reasons"]][:1] == ["no_numbers"] and not why["dialing"]
    # what it has left behind
    records = ask(200, "CDR records retrieved successfully", "GET", f"/cdr?campaign_id={made['id']}")
    assert {r["disposition"] for r in records} == {"busy"} and len(records) == 2
    assert {r["campaign_number_id"] for r in records} == {n["id"] for n in numbers[1:]}
    assert {r["campaign_name"] for r in records} == {name}
    assert ask(200, "CDR record retrieved successfully", "GET", f"/cdr/{records[0]['id']}"
               ) == records[0]
    ask(404, "CDR record not found", "GET", "/cdr/9007199254740991")
    sums = ask(200, "CDR statistics retrieved successfully", "GET",
               f"/cdr/stats?campaign_id={made['id']}")
    assert (sums["total_calls"], sums["busy"], sums["answered"]) == (2, 2, 0)
    # the end
    ask(200, "Campaign stopped successfully", "POST", one + "/stop")
    ask(200, "Campaign deleted successfully", "DELETE", one)
    for method, path in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/start"),
                         ("POST", "/stop"), ("POST", "/pause"), ("POST", "/resume"),
                         ("GET", "/stats"), ("GET", "/why"), ("GET", "/numbers"),
                         ("POST", "/numbers"), ("POST", "/numbers/bulk")):
        ask(404, none, method, one + path, {"name": "x", "phone_number": "1", "numbers": [
            {"phone_number": "1"}]} if method in ("PUT", "POST") else None)
    kept = ask(200, "CDR record retrieved successfully", "GET", f"/cdr/{records[0]['id']}")
    wait_until(lambda: ask(200, "CDR record retrieved successfully", "GET",
                           f"/cdr/{records[0]['id']}")["campaign_id"] is None, 60,
               "the record to be of no campaign")
    assert kept["destination"] == records[0]["destination"]


def test_monitoring(walk):
    status = walk.ask(200, "System status retrieved successfully", "GET", "/monitoring/status")
    assert status["asterisk"] is True and status["database"] is True
    channels = walk.ask(200, "Active channels retrieved successfully", "GET",
                        "/monitoring/channels")
    assert channels["count"] == len(channels["channels"])
    now = walk.ask(200, "Real-time data retrieved successfully", "GET", "/monitoring/realtime")
    assert set(now) == {"campaigns", "channels", "channel_count", "today_stats", "timestamp"}
    assert set(now["today_stats"]) == {"total_calls", "answered", "no_answer", "busy", "failed"}


def test_users_and_tokens(walk):
    ask, name = walk.ask, "u-" + secrets.token_hex(4)
    new = {"username": name, "password": "a password of some length", "email": name + "@example.com"}
    ask(400, "Missing required fields", "POST", "/users", {"username": name})
    user = ask(201, "User created successfully", "POST", "/users", new)
    assert "password" not in user
    assert name in {u["username"]
                    for u in ask(200, "Users retrieved successfully", "GET", "/users")}
    one = f"/users/{user['id']}"
    ask(400, "No valid fields to update", "PUT", one, {})
    assert ask(200, "User updated successfully", "PUT", one, {"full_name": "N"})["full_name"] == "N"
    ask(200, "User deleted successfully", "DELETE", one)
    ask(404, "User not found", "PUT", one, {"full_name": "N"})
    ask(404, "User not found", "DELETE", one)
    made = ask(201, "API token created successfully", "POST", "/tokens",
               {"permissions": ["campaigns/list"]})
    assert made["message"] == "Save this token securely. It will not be shown again."
    listed = ask(200, "API tokens retrieved successfully", "GET", "/tokens")
    masked = made["token"][:8] + "..." + made["token"][-8:]
    [token] = [one for one in listed if one["token"] == masked]
    narrow = walk.client.get(walk.base + "/campaigns", token=made["token"])
    assert isinstance(success(narrow, "Campaigns retrieved successfully"), list)
    for path in ("/cdr", "/users"):
        assert walk.client.get(walk.base + path, token=made["token"]).status_code == 403
    ask(200, "API token revoked successfully", "DELETE", f"/tokens/{token['id']}")
    assert walk.client.get(walk.base + "/campaigns", token=made["token"]).status_code == 401
    ask(404, "Token not found", "DELETE", "/tokens/9007199254740991")
    assert walk.client.get(walk.base + "/campaigns", token=None).status_code == 401
