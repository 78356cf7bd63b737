"""/api/ivr: menus with their actions, their faults, dry runs, counts, import and export."""
import re

import pytest
from dialer import done, local_time, missing, paged, refused, success

LISTED = "IVR menus retrieved successfully"
VIEWED = "IVR menu retrieved successfully"
CREATED = "IVR menu created successfully"
UPDATED = "IVR menu updated successfully"
DELETED = "IVR menu deleted successfully"
VALIDATED = "IVR menus validated successfully"
SIMULATED = "IVR menu simulated successfully"
COUNTED = "IVR menu statistics retrieved successfully"
IMPORTED = "IVR menus imported successfully"
EXPORTED = "IVR menus exported successfully"
NOT_FOUND = "IVR menu not found"
MENU_KEYS = {"id", "campaign_id", "name", "audio_file", "language", "timeout", "digit_timeout",
             "max_digits", "repeats", "barge_in", "created_at", "updated_at"}
ACTION_KEYS = {"id", "ivr_menu_id", "dtmf_digit", "action_type", "action_value", "next",
               "created_at"}
ZEROS = {name: 0 for name in ("entries", "repeats", "choices", "timeouts", "invalid", "joined",
                              "unreached", "recorded", "left")}


def action(keys, kind, value="", **more):
    return {"dtmf_digit": keys, "action_type": kind, "action_value": value, **more}


def menu(*actions, **more):
    return {"name": "main", "audio_file": "sound:hello-world", "actions": list(actions), **more}


def create(client, *actions, **more):
    return success(client.post("/api/ivr", json=menu(*actions, **more)), CREATED, 201)


def view(client, number):
    return success(client.get(f"/api/ivr/{number}"), VIEWED)


def of_menu(findings, number):
    return [(one["type"], one["dtmf_digit"], one["severity"]) for one in findings
            if one["menu_id"] == number]


# ---- Made, shown, changed, deleted ----

def test_life_of_a_menu(admin, base):
    sent = menu(action("1", "exten", "100"), action("2", "queue", "sales", next="menu"),
                action("3", "playback", "hours.wav"), action("t", "hangup"),
                action("_9X", "exten", "PJSIP/{digits}"), max_digits=2, language="de", barge_in=False)
    made = success(admin.post(base + "/ivr", json=sent), CREATED, 201)
    assert made.pop("findings") == []
    assert set(made) == MENU_KEYS | {"actions"}
    assert (made["name"], made["audio_file"]) == ("main", "sound:hello-world")
    assert (made["timeout"], made["digit_timeout"], made["max_digits"]) == (10, 3, 2)
    assert (made["repeats"], made["barge_in"], made["language"]) == (0, 0, "de")
    assert made["campaign_id"] is None and made["updated_at"] is None
    local_time(made["created_at"])
    assert all(set(one) == ACTION_KEYS and one["ivr_menu_id"] == made["id"]
               for one in made["actions"])
    assert [(one["dtmf_digit"], one["action_type"], one["action_value"], one["next"])
            for one in made["actions"]] == [
        ("1", "exten", "100", "hangup"), ("2", "queue", "sales", "menu"),
        ("3", "playback", "hours.wav", "menu"), ("t", "hangup", "", "hangup"),
        ("_9X", "exten", "PJSIP/{digits}", "hangup")]
    assert len({one["id"] for one in made["actions"]}) == 5
    assert success(admin.get(f"{base}/ivr/{made['id']}"), VIEWED) == made

    change = {"timeout": 5, "actions": [action("3", "playback", "other"), action("7", "hangup")]}
    changed = success(admin.put(f"{base}/ivr/{made['id']}", json=change), UPDATED)
    assert (changed["timeout"], changed["max_digits"], changed["name"]) == (5, 2, "main")
    local_time(changed["updated_at"])
    third, seventh = changed["actions"]
    assert third["id"] == made["actions"][2]["id"] and third["action_value"] == "other"
    assert seventh["id"] not in {one["id"] for one in made["actions"]}

    done(admin.delete(f"{base}/ivr/{made['id']}"), DELETED)
    for reply in (admin.get(f"{base}/ivr/{made['id']}"), admin.delete(f"{base}/ivr/{made['id']}"),
                  admin.put(f"{base}/ivr/{made['id']}", json={"timeout": 5}),
                  admin.get(f"{base}/ivr/{made['id']}/stats"),
                  admin.post(f"{base}/ivr/{made['id']}/simulate", json={"keys": "1"})):
        refused(reply, 404, NOT_FOUND)


def test_list(admin, base):
    made = [create(admin, action("1", "hangup"), name=f"menu {place}")["id"] for place in range(3)]
    listed = success(admin.get(base + "/ivr"), LISTED)
    assert all(set(one) == MENU_KEYS for one in listed)
    assert [one["id"] for one in listed if one["id"] in made] == made[::-1], "newest first"
    page, pagination = paged(admin.get(base + "/ivr?per_page=2"), LISTED)
    assert [one["id"] for one in page] == made[:0:-1]
    assert pagination["total"] == len(listed)
    assert success(admin.get(base + "/ivr?campaign_id=999999"), LISTED) == []
    refused(admin.get(base + "/ivr?campaign_id=x"), 400,
            "Invalid campaign_id. Must be the id of a campaign", ["campaign_id"])


@pytest.mark.parametrize("path", ["/ivr/x", "/ivr/-1", "/ivr/1.5"])
def test_ids_are_digits(admin, base, path):
    refused(admin.get(base + path), 404, "Not Found")


def test_nothing_sent(admin, base):
    missing(admin.post(base + "/ivr", content=b""), "name")
    made = create(admin)["id"]
    refused(admin.put(f"{base}/ivr/{made}", json={}), 400, "No valid fields to update")


@pytest.mark.parametrize("field, value", [
    ("name", "a\u0007b"), ("timeout", 0), ("timeout", 301), ("max_digits", 17), ("repeats", 11),
    ("barge_in", 2), ("audio_file", "../../etc/passwd"), ("audio_file", "a,b"),
    ("audio_file", "http://example.com/x.wav"), ("language", "../de"), ("actions", "x"),
    ("campaign_id", 999999)])
def test_wrong_fields(admin, field, value):
    refused(admin.post("/api/ivr", json=menu(**{field: value})), 400, _named(field), [field])
    made = create(admin)["id"]
    before = view(admin, made)
    refused(admin.put(f"/api/ivr/{made}", json={field: value}), 400, _named(field), [field])
    assert view(admin, made) == before


def _named(field):
    return re.compile(rf"^Invalid {re.escape(field)}\. ")


@pytest.mark.parametrize("member, wrong", [
    ("dtmf_digit", action("A", "hangup")), ("dtmf_digit", action("", "hangup")),
    ("action_type", action("1", "dial")), ("action_value", action("1", "exten", "100,1,System(x)")),
    ("action_value", action("1", "goto_ivr", "next")), ("action_value", action("1", "playback")),
    ("action_value", action("1", "playback", "../x")), ("next", action("1", "hangup", next="x"))])
def test_wrong_actions(admin, member, wrong):
    field = f"actions[1].{member}"
    refused(admin.post("/api/ivr", json=menu(action("9", "hangup"), wrong)), 400, _named(field),
            [field])


# ---- Faults ----

def test_findings_of_what_was_saved(admin):
    made = create(admin, action("1", "goto_ivr", "999999"), action("12", "hangup"),
                  action("t", "playback", "sound:x", next="menu"), audio_file="")
    assert sorted(of_menu(made["findings"], made["id"])) == [
        ("keys_too_long", "12", "error"), ("loop", "t", "warning"), ("no_audio", None, "warning"),
        ("unknown_goto", "1", "error")]


def test_validate_what_is_stored(admin, base):
    first = create(admin, action("1", "hangup"))["id"]
    second = create(admin, action("1", "goto_ivr", first), action("5", "goto_ivr", 999999))["id"]
    found = success(admin.post(base + "/ivr/validate", json={}), VALIDATED)
    assert found["valid"] is False and found["menus"] >= 2
    assert ("unknown_goto", "5", "error") in of_menu(found["findings"], second)
    assert success(admin.post(base + "/ivr/validate", content=b""), VALIDATED) == found
    of_none = success(admin.post(base + "/ivr/validate", json={"campaign_id": 999999}), VALIDATED)
    assert of_none == {"valid": True, "menus": 0, "findings": []}


def test_validate_what_is_sent(admin, base):
    stored = create(admin, action("1", "hangup"))["id"]
    sent = [menu(action("1", "goto_ivr", 70001), action("2", "goto_ivr", stored),
                 action("3", "goto_ivr", 70009), id=70000),
            menu(action("1", "goto_ivr", 70000), id=70001),
            menu(action("1", "hangup"), id=70002)]
    found = success(admin.post(base + "/ivr/validate", json={"menus": sent}), VALIDATED)
    assert found["valid"] is False and found["menus"] == 3
    assert [(one["menu_id"], one["type"], one["dtmf_digit"]) for one in found["findings"]] == [
        (70000, "unknown_goto", "3"), (70002, "unreachable", None)]
    refused(admin.post(base + "/ivr/validate", json={"menus": [menu(action("x", "hangup"))]}), 400,
            _named("menus[0].actions[0].dtmf_digit"))
    refused(admin.post(base + "/ivr/validate", json={"menus": []}), 400, _named("menus"))
    refused(admin.get("/api/ivr/70000"), 404, NOT_FOUND)


# ---- Dry runs ----

def simulate(client, number, keys, base="/api"):
    return success(client.post(f"{base}/ivr/{number}/simulate", json={"keys": keys}), SIMULATED)


def test_simulate(admin, base):
    inner = create(admin, action("_XXX", "exten", "{digits}"), action("i", "playback", "wrong"),
                   max_digits=3)["id"]
    outer = create(admin, action("1", "goto_ivr", inner), action("t", "hangup"))["id"]
    run = simulate(admin, outer, "1200", base)
    assert (run["ended"], run["menu_id"], run["result"]) == (True, inner, "agent")
    assert [(one["menu"], one["event"], one.get("digits")) for one in run["path"]] == [
        (outer, "menu", None), (outer, "choice", "1"), (inner, "menu", None),
        (inner, "choice", "200"), (inner, "joined", None), (inner, "end", None)]
    waiting = simulate(admin, outer, "1", base)
    assert (waiting["ended"], waiting["menu_id"], waiting["result"]) == (False, inner, None)
    assert simulate(admin, outer, "t", base)["result"] == "hangup"
    assert [one["event"] for one in simulate(admin, outer, "17,", base)["path"]][-2:] == [
        "invalid", "repeat"]
    assert success(admin.get(f"{base}/ivr/{outer}/stats"), COUNTED)["entries"] == 0


@pytest.mark.parametrize("keys", ["x", "1 2", "1" * 201])
def test_simulate_wrong_keys(admin, keys):
    made = create(admin)["id"]
    refused(admin.post(f"/api/ivr/{made}/simulate", json={"keys": keys}), 400, _named("keys"),
            ["keys"])


def test_simulate_without_keys(admin):
    missing(admin.post(f"/api/ivr/{create(admin)['id']}/simulate", json={}), "keys")


def test_stats_of_nobody(admin, base):
    made = create(admin, name="quiet")["id"]
    counts = success(admin.get(f"{base}/ivr/{made}/stats"), COUNTED)
    assert counts == {"ivr_menu_id": made, "name": "quiet", **ZEROS, "by_digit": {}}


# ---- Import and export ----

def test_export_and_import(admin, base):
    inner = create(admin, action("1", "hangup"), name="inner")["id"]
    outer = create(admin, action("2", "goto_ivr", inner), action("3", "goto_ivr", 999999),
                   name="outer")["id"]
    success(admin.put(f"/api/ivr/{inner}", json={
        "actions": [action("1", "hangup"), action("9", "goto_ivr", outer)]}), UPDATED)
    exported = success(admin.get(base + "/ivr/export"), EXPORTED)["menus"]
    pair = [one for one in exported if one["id"] in (inner, outer)]
    assert [one["id"] for one in pair] == [inner, outer], "the oldest first"
    answer = success(admin.post(base + "/ivr/import", json={"menus": pair}), IMPORTED, 201)
    assert answer["count"] == 2
    assert [(one["imported_id"], one["name"]) for one in answer["menus"]] == [
        (inner, "inner"), (outer, "outer")]
    first, second = [view(admin, one["id"]) for one in answer["menus"]]
    assert {first["id"], second["id"]}.isdisjoint({inner, outer})
    assert [one["action_value"] for one in first["actions"]] == ["", str(second["id"])]
    assert [one["action_value"] for one in second["actions"]] == [str(first["id"]), "999999"]
    assert {one["id"] for one in first["actions"]}.isdisjoint(
        one["id"] for one in view(admin, inner)["actions"])


def test_import_is_whole_or_not_at_all(admin, base):
    before = success(admin.get(base + "/ivr"), LISTED)
    wrong = [menu(action("1", "hangup")), menu(action("1", "exten"))]
    refused(admin.post(base + "/ivr/import", json={"menus": wrong}), 400,
            _named("menus[1].actions[0].action_value"))
    twice = [menu(id=5), menu(id=5)]
    refused(admin.post(base + "/ivr/import", json={"menus": twice}), 400, _named("menus[1].id"))
    refused(admin.post(base + "/ivr/import", json={"menus": [{"timeout": 5}]}), 400,
            _named("menus[0].name"))
    refused(admin.post(base + "/ivr/import", json={"menus": [menu()], "campaign_id": 999999}), 400,
            _named("campaign_id"))
    missing(admin.post(base + "/ivr/import", json={}), "menus")
    assert success(admin.get(base + "/ivr"), LISTED) == before
