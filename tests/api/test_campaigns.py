"""/api/campaigns: each row of the published description, at both base paths."""
import re
import secrets

import pytest
from dialer import done, local_time, missing, paged, refused, success

LISTED = "Campaigns retrieved successfully"
VIEWED = "Campaign retrieved successfully"
CREATED = "Campaign created successfully"
UPDATED = "Campaign updated successfully"
DELETED = "Campaign deleted successfully"
NOT_FOUND = "Campaign not found"
DOCUMENTED = {"id", "name", "description", "trunk_type", "trunk_value", "callerid",
              "agent_dest_type", "agent_dest_value", "record_calls", "status", "concurrent_calls",
              "retry_times", "retry_delay", "created_at", "updated_at", "dial_timeout",
              "call_timeout"}
OURS = {"pacing", "max_calls_per_second", "priority", "timezone", "calling_hours", "retry_rules",
        "retry_spread", "callerids", "dnc"}
STATS = {"total", "pending", "calling", "answered", "completed", "failed", "no_answer", "busy",
         "total_calls", "answered_calls"}
REQUIRED = ("name", "trunk_type", "trunk_value", "agent_dest_type", "agent_dest_value")
HOURS = [{"days": "mon-fri", "from": "09:00", "to": "20:00"}]
RULES = [{"disposition": "busy", "times": 5, "delay": 60}, {"cause": 1, "times": 0}]
NOTHING = dict.fromkeys(STATS, 0)


def body(**more):
    return {"name": "c-" + secrets.token_hex(4), "trunk_type": "pjsip", "trunk_value": "trunk-1",
            "agent_dest_type": "exten", "agent_dest_value": "100", **more}


def create(admin, base="/api", **more):
    return success(admin.post(base + "/campaigns", json=body(**more)), CREATED, 201)


def order(admin, campaign, verb, base="/api"):
    return admin.post(f"{base}/campaigns/{campaign}/{verb}")


@pytest.fixture
def base(http_version):
    """Both base paths, one with each version of HTTP."""
    return {"1.1": "/api", "2": "/adial/api"}[http_version]


@pytest.fixture
def campaign(admin, base):
    made = create(admin, base)["id"]
    yield made
    order(admin, made, "stop", base)
    admin.delete(f"{base}/campaigns/{made}")


# ---- Creating ----

def test_create(admin, base):
    sent = body()
    made = success(admin.post(base + "/campaigns", json=sent), CREATED, 201)
    assert set(made) == DOCUMENTED | OURS
    assert {name: made[name] for name in sent} == sent
    assert made["status"] == "stopped" and made["updated_at"] is None
    local_time(made["created_at"])
    assert (made["description"], made["callerid"], made["record_calls"]) == ("", None, 0)
    assert (made["concurrent_calls"], made["retry_times"], made["retry_delay"]) == (1, 0, 300)
    assert (made["dial_timeout"], made["call_timeout"], made["dnc"]) == (30, 600, 1)
    assert (made["pacing"], made["calling_hours"], made["callerids"]) == ("fixed", [], [])


def test_create_with_all(admin, base):
    sent = body(description="O'Brien <b>", callerid="15550100", record_calls=1,
                concurrent_calls=20, retry_times=3, retry_delay=0, dial_timeout=15,
                call_timeout=3600, pacing="progressive", max_calls_per_second=7, priority=9,
                timezone="Europe/Berlin", calling_hours=HOURS, retry_rules=RULES, retry_spread=1,
                callerids=["1", "2"], dnc=0, trunk_type="custom",
                trunk_value="PJSIP/${EXTEN}@trunk-1", agent_dest_type="queue")
    made = success(admin.post(base + "/campaigns", json={**sent, "status": "running", "id": 7,
                                                         "other": {}}), CREATED, 201)
    assert {name: made[name] for name in sent} == sent, "stored as given"
    assert made["status"] == "stopped" and made["id"] != 7
    viewed = success(admin.get(f"{base}/campaigns/{made['id']}"), VIEWED)
    assert {name: viewed[name] for name in made} == made


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[]", b"{", b'"text"', b"\xff"])
def test_nothing_sent(admin, base, content):
    missing(admin.post(base + "/campaigns", content=content), *REQUIRED)


@pytest.mark.parametrize("empty", ["absent", None, ""])
@pytest.mark.parametrize("name", REQUIRED)
def test_missing(admin, name, empty):
    sent = body(**{name: empty})
    if empty == "absent":
        del sent[name]
    missing(admin.post("/api/campaigns", json=sent), name)


WRONG = [
    ("trunk_type", "iax", "Invalid trunk_type. Must be: custom, pjsip, or sip"),
    ("agent_dest_type", "agent",
     "Invalid agent_dest_type. Must be: custom, exten, ivr, or queue"),
    ("pacing", "predictive", "Invalid pacing. Must be: fixed or progressive"),
    ("timezone", "Mars/Base", "Invalid timezone. Must be a time zone, like Europe/Berlin"),
]


@pytest.mark.parametrize("name, value, message", WRONG)
def test_wrong_words(admin, base, campaign, name, value, message):
    refused(admin.post(base + "/campaigns", json=body(**{name: value})), 400, message, [name])
    refused(admin.put(f"{base}/campaigns/{campaign}", json={name: value}), 400, message, [name])


@pytest.mark.parametrize("name, value", [
    ("concurrent_calls", 0), ("concurrent_calls", -1), ("concurrent_calls", "many"),
    ("retry_times", -1), ("retry_times", 101), ("retry_delay", -1), ("dial_timeout", 14),
    ("dial_timeout", 181), ("call_timeout", 29), ("call_timeout", 3601), ("priority", 101),
    ("max_calls_per_second", -1), ("record_calls", 2), ("name", "a\nb"), ("name", "x" * 256),
    ("name", 7), ("trunk_value", "a\x7fb"), ("calling_hours", "always"),
    ("calling_hours", [{"days": "mon", "from": "9", "to": "x"}]), ("retry_rules", [{"times": 1}]),
    ("callerids", [1]), ("callerids", ["1"] * 101)])
def test_wrong_values(admin, name, value):
    refused(admin.post("/api/campaigns", json=body(**{name: value})), 400,
            re.compile("^Invalid " + name))


# ---- Reading ----

def test_view(admin, base, campaign):
    seen = success(admin.get(f"{base}/campaigns/{campaign}"), VIEWED)
    assert set(seen) == DOCUMENTED | OURS | {"stats"}
    assert seen["stats"] == NOTHING


def test_list(admin, base, campaign):
    later = create(admin, base)["id"]
    found = success(admin.get(base + "/campaigns"), LISTED)
    ids = [entry["id"] for entry in found]
    assert ids.index(later) < ids.index(campaign), "newest first"
    assert all(set(entry) == DOCUMENTED | OURS | {"stats"} for entry in found)
    page, pagination = paged(admin.get(base + "/campaigns?page=1&per_page=1"), LISTED)
    assert [entry["id"] for entry in page] == ids[:1]
    assert pagination["total"] == len(ids) == pagination["total_pages"]
    done(admin.delete(f"{base}/campaigns/{later}"), DELETED)


def test_list_by_status(admin, base, campaign):
    success(order(admin, campaign, "start", base), "Campaign started successfully")
    for status in ("running", "stopped", "paused"):
        found = success(admin.get(f"{base}/campaigns?status={status}"), LISTED)
        assert {entry["status"] for entry in found} <= {status}
        assert (campaign in [entry["id"] for entry in found]) == (status == "running")
    refused(admin.get(base + "/campaigns?status=done"), 400,
            "Invalid status. Must be: stopped, running, or paused", ["status"])


@pytest.mark.parametrize("path", ["", "/stats", "/numbers"])
@pytest.mark.parametrize("number", ["999999999", "9007199254740993", "0"])
def test_no_such_campaign(admin, base, number, path):
    refused(admin.get(f"{base}/campaigns/{number}{path}"), 404, NOT_FOUND)


@pytest.mark.parametrize("number", ["abc", "1x", "-1", "1.5"])
def test_no_id(admin, base, number):
    refused(admin.get(f"{base}/campaigns/{number}"), 404, "Not Found")


def test_stats(admin, base, campaign):
    success(admin.post(f"{base}/campaigns/{campaign}/numbers", json={"phone_number": "1"}),
            "Number added successfully", 201)
    counted = success(admin.get(f"{base}/campaigns/{campaign}/stats"),
                      "Campaign statistics retrieved successfully")
    assert counted == {**NOTHING, "total": 1, "pending": 1}


# ---- Changing ----

def test_update(admin, base, campaign):
    made = success(admin.put(f"{base}/campaigns/{campaign}",
                             json={"name": "new", "retry_times": 2, "calling_hours": HOURS}),
                   UPDATED)
    assert set(made) == DOCUMENTED | OURS
    assert (made["name"], made["retry_times"], made["calling_hours"]) == ("new", 2, HOURS)
    local_time(made["updated_at"])
    made = success(admin.put(f"{base}/campaigns/{campaign}",
                             json={"calling_hours": [], "timezone": "", "callerid": ""}), UPDATED)
    assert (made["calling_hours"], made["timezone"], made["callerid"]) == ([], None, None)
    assert (made["name"], made["retry_times"]) == ("new", 2)


@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"{", b'{"status":"running","id":3}'])
def test_update_nothing(admin, base, campaign, content):
    refused(admin.put(f"{base}/campaigns/{campaign}", content=content), 400,
            "No valid fields to update")


def test_update_none(admin, base):
    refused(admin.put(base + "/campaigns/999999999", json={"name": "x"}), 404, NOT_FOUND)
    refused(admin.put(base + "/campaigns/999999999", json={}), 404, NOT_FOUND)


def test_running_is_not_changed(admin, base, campaign):
    success(order(admin, campaign, "start", base), "Campaign started successfully")
    path = f"{base}/campaigns/{campaign}"
    for change in ({"name": "x"}, {}, {"trunk_type": "x"}):
        refused(admin.put(path, json=change), 400,
                "Cannot update running campaign. Stop it first.")
    refused(admin.delete(path), 400, "Cannot delete running campaign. Stop it first.")
    success(order(admin, campaign, "pause", base), "Campaign paused successfully")
    success(admin.put(path, json={"name": "x"}), UPDATED)


def test_delete(admin, base):
    made = create(admin, base)["id"]
    path = f"{base}/campaigns/{made}"
    number = admin.post(path + "/numbers", json={"phone_number": "1"})
    assert number.status_code == 201
    [found], _ = paged(admin.get(path + "/numbers"), "Numbers retrieved successfully")
    done(admin.delete(path), DELETED)
    refused(admin.get(path), 404, NOT_FOUND)
    refused(admin.delete(path), 404, NOT_FOUND)
    refused(admin.post(path + "/numbers", json={"phone_number": "1"}), 404, NOT_FOUND)
    while admin.get(f"{base}/numbers/{found['id']}").status_code == 200:
        pass  # it goes by and by
    refused(admin.get(f"{base}/numbers/{found['id']}"), 404, "Number not found")


def test_ids_are_not_given_again(admin):
    first = create(admin)["id"]
    done(admin.delete(f"/api/campaigns/{first}"), DELETED)
    assert create(admin)["id"] > first


def test_copy(admin, base, campaign):
    success(admin.put(f"{base}/campaigns/{campaign}", json={"retry_rules": RULES}), UPDATED)
    admin.post(f"{base}/campaigns/{campaign}/numbers", json={"phone_number": "1"})
    original = success(admin.get(f"{base}/campaigns/{campaign}"), VIEWED)
    copied = success(admin.post(f"{base}/campaigns/{campaign}/copy"), CREATED, 201)
    own = {"id", "created_at", "updated_at"}
    assert copied["id"] != campaign
    assert {k: v for k, v in copied.items() if k not in own} == \
        {k: v for k, v in original.items() if k not in own | {"stats"}}
    assert success(admin.get(f"{base}/campaigns/{copied['id']}"), VIEWED)["stats"] == NOTHING
    refused(admin.post(base + "/campaigns/999999999/copy"), 404, NOT_FOUND)


# ---- Start, stop, pause, resume ----

MOVES = {  # order -> (possible from, leads to, message, refusal)
    "start": (("stopped", "paused"), "running", "Campaign started successfully",
              "Campaign is already running"),
    "stop": (("running", "paused"), "stopped", "Campaign stopped successfully",
             "Campaign is already stopped"),
    "pause": (("running",), "paused", "Campaign paused successfully",
              "Can only pause a running campaign"),
    "resume": (("paused",), "running", "Campaign resumed successfully",
               "Can only resume a paused campaign"),
}
WAYS = {"stopped": (), "running": ("start",), "paused": ("start", "pause")}


@pytest.mark.parametrize("verb", MOVES)
@pytest.mark.parametrize("status", WAYS)
def test_orders(admin, base, campaign, status, verb):
    sources, to, message, refusal = MOVES[verb]
    for way in WAYS[status]:
        assert order(admin, campaign, way, base).status_code == 200
    reply = order(admin, campaign, verb, base)
    if status in sources:
        assert success(reply, message) == {"campaign_id": campaign, "status": to}
    else:
        refused(reply, 400, refusal)
        to = status
    assert success(admin.get(f"{base}/campaigns/{campaign}"), VIEWED)["status"] == to


@pytest.mark.parametrize("verb", MOVES)
def test_orders_for_none(admin, base, verb):
    refused(order(admin, 999999999, verb, base), 404, NOT_FOUND)


def test_methods(admin, base, campaign):
    for method, path in (("PATCH", ""), ("POST", ""), ("GET", "/start"), ("PUT", "/stats")):
        reply = admin.request(method, f"{base}/campaigns/{campaign}{path}")
        assert reply.headers["allow"]
        assert refused(reply, 405, "Method Not Allowed") is None


def test_survives_a_restart(admin, gateway, campaign):
    [stored] = gateway.stored("campaigns", name=success(
        admin.get(f"/api/campaigns/{campaign}"), VIEWED)["name"])
    assert stored["status"] == "stopped"
