"""/api/campaigns/:id/numbers and /api/numbers/:id."""
import json
import re

import pytest
from dialer import done, local_time, missing, paged, refused, success
from test_campaigns import base, create  # noqa: F401

LISTED = "Numbers retrieved successfully"
ADDED = "Number added successfully"
VIEWED = "Number retrieved successfully"
NOT_FOUND = "Number not found"
KEYS = {"id", "campaign_id", "phone_number", "status", "attempts", "last_attempt", "data",
        "created_at", "updated_at", "priority", "timezone", "due_at", "call_id"}


@pytest.fixture
def campaign(admin, base):
    made = create(admin, base)["id"]
    yield made
    admin.delete(f"{base}/campaigns/{made}")


@pytest.fixture
def path(base, campaign):
    return f"{base}/campaigns/{campaign}/numbers"


def listed(admin, path, query=""):
    return paged(admin.get(path + query), LISTED)


# ---- One ----

def test_add(admin, path, campaign, base):
    data = {"name": "John \"Zoë\" Doe", "deep": {"a": [1, 2.5, None]}}
    reply = admin.post(path, json={"phone_number": "+1 (555) 0100", "data": data})
    assert success(reply, ADDED, 201) == {"campaign_id": campaign, "phone_number": "+1 (555) 0100"}
    [number], _ = listed(admin, path)
    assert set(number) == KEYS
    assert (number["campaign_id"], number["status"], number["attempts"]) == (campaign, "pending", 0)
    assert isinstance(number["data"], str) and json.loads(number["data"]) == data
    assert number["last_attempt"] is None and number["updated_at"] is None
    local_time(number["created_at"])
    assert success(admin.get(f"{base}/numbers/{number['id']}"), VIEWED) == number


def test_add_plain(admin, path):
    success(admin.post(path, json={"phone_number": "1", "status": "completed", "id": 3}), ADDED,
            201)
    success(admin.post(path, json={"phone_number": "1"}), ADDED, 201)
    numbers, _ = listed(admin, path)
    assert [n["data"] for n in numbers] == [None, None], "duplicates are added"
    assert {n["status"] for n in numbers} == {"pending"}


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"{", b'{"phone_number":""}',
                                     b'{"phone_number":null}', b'{"number":"1"}'])
def test_add_nothing(admin, path, content):
    missing(admin.post(path, content=content), "phone_number")


@pytest.mark.parametrize("name, value", [
    ("phone_number", "1" * 51), ("phone_number", "12\n3"), ("phone_number", "abc"),
    ("phone_number", 15550100), ("data", "text"), ("data", [1]), ("priority", -1),
    ("priority", 101), ("timezone", "Mars")])
def test_add_wrong(admin, path, name, value):
    refused(admin.post(path, json={"phone_number": "123", name: value}), 400,
            re.compile("^Invalid " + name), [name])
    assert listed(admin, path)[0] == []


def test_longest(admin, path):
    success(admin.post(path, json={"phone_number": "1" * 50}), ADDED, 201)


def test_delete(admin, path, base, campaign):
    success(admin.post(path, json={"phone_number": "1"}), ADDED, 201)
    [number], _ = listed(admin, path)
    done(admin.delete(f"{base}/numbers/{number['id']}"), "Number deleted successfully")
    refused(admin.get(f"{base}/numbers/{number['id']}"), 404, NOT_FOUND)
    refused(admin.delete(f"{base}/numbers/{number['id']}"), 404, NOT_FOUND)
    stats = success(admin.get(f"{base}/campaigns/{campaign}/stats"),
                    "Campaign statistics retrieved successfully")
    assert stats["total"] == 0


@pytest.mark.parametrize("number", ["999999999", "9007199254740993", "0"])
def test_none(admin, base, number):
    refused(admin.get(f"{base}/numbers/{number}"), 404, NOT_FOUND)
    refused(admin.delete(f"{base}/numbers/{number}"), 404, NOT_FOUND)


def test_no_campaign(admin, base):
    path = base + "/campaigns/999999999/numbers"
    for reply in (admin.get(path), admin.post(path, json={"phone_number": "1"}),
                  admin.post(path, json={}), admin.post(path + "/bulk", json={"numbers": []})):
        refused(reply, 404, "Campaign not found")


# ---- Many ----

def bulk(admin, path, numbers):
    return admin.post(path + "/bulk", json={"numbers": numbers})


def test_bulk(admin, path, campaign, base):
    sent = [{"phone_number": "1", "data": {"n": 1}}, {"phone": "2"}, {"phone_number": ""}, "x", 3,
            None, {"phone_number": "2", "priority": 5, "timezone": "Europe/Berlin"}]
    assert success(bulk(admin, path, sent), "2 numbers added successfully", 201) == \
        {"campaign_id": campaign, "count": 2}
    numbers, _ = listed(admin, path)
    assert [(n["phone_number"], n["priority"], n["timezone"]) for n in numbers] == \
        [("1", 0, None), ("2", 5, "Europe/Berlin")]
    assert json.loads(numbers[0]["data"]) == {"n": 1}, "encoded once"


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"{", b'{"numbers":{}}',
                                     b'{"numbers":"1"}', b'{"numbers":null}'])
def test_bulk_without_a_list(admin, path, content):
    refused(admin.post(path + "/bulk", content=content), 400,
            'Invalid input. Expected "numbers" array')


@pytest.mark.parametrize("numbers", [[], [{}], [{"phone_number": ""}, {"phone": "1"}, "2"]])
def test_bulk_with_none(admin, path, numbers):
    refused(bulk(admin, path, numbers), 400, "No valid numbers provided")


@pytest.mark.parametrize("item", [{"phone_number": "1" * 51}, {"phone_number": "1", "data": 3},
                                  {"phone_number": "1\n2"}, {"phone_number": "1", "priority": -1},
                                  {"phone_number": "1", "timezone": "x"}])
def test_bulk_with_a_wrong_one(admin, path, item):
    refused(bulk(admin, path, [{"phone_number": "1"}, item]), 400,
            re.compile(r"^Invalid numbers\[1\]"))
    assert listed(admin, path)[0] == [], "none of them"


def test_pages(admin, path):
    success(bulk(admin, path, [{"phone_number": str(i)} for i in range(250)]),
            "250 numbers added successfully", 201)
    seen = []
    for page in range(1, 5):
        numbers, pagination = listed(admin, path, f"?page={page}&per_page=100")
        assert pagination["total"] == 250 and pagination["total_pages"] == 3
        seen += [n["phone_number"] for n in numbers]
    assert seen == [str(i) for i in range(250)], "by id"
    assert pagination == {"total": 250, "per_page": 100, "current_page": 4, "total_pages": 3,
                          "from": 301, "to": 250}
    assert len(listed(admin, path)[0]) == 20
    assert len(listed(admin, path, "?per_page=1000")[0]) == 100


def test_by_status(admin, path):
    success(bulk(admin, path, [{"phone_number": "1"}, {"phone_number": "2"}]),
            "2 numbers added successfully", 201)
    assert listed(admin, path, "?status=pending")[1]["total"] == 2
    numbers, pagination = listed(admin, path, "?status=busy")
    assert numbers == [] and pagination["total"] == pagination["total_pages"] == 0
    assert (pagination["from"], pagination["to"]) == (1, 0)
    refused(admin.get(path + "?status=lost"), 400, re.compile("^Invalid status. Must be: pending"))


# ---- Many by a filter ----

def changed(admin, path, verb, **filter_):
    words = {"delete": "deleted", "reset": "reset", "requeue": "queued"}
    reply = admin.post(f"{path}/{verb}", json=filter_)
    count = reply.json()["data"]["count"]
    success(reply, f"{count} numbers {words[verb]} successfully")
    return count


def test_delete_many(admin, path, base, campaign):
    for first in range(0, 1200, 400):
        success(bulk(admin, path, [{"phone_number": f"{i % 2}{i:05}"}
                                   for i in range(first, first + 400)]),
                "400 numbers added successfully", 201)
    assert changed(admin, path, "delete", phone_number="1") == 600
    assert {n["phone_number"][0] for n in listed(admin, path, "?per_page=100")[0]} == {"0"}
    assert changed(admin, path, "delete", min_attempts=1) == 0
    assert changed(admin, path, "delete", created_to="2020-01-01") == 0
    assert changed(admin, path, "delete", status=["busy", "failed"]) == 0
    assert changed(admin, path, "delete", all=1) == 600
    stats = success(admin.get(f"{base}/campaigns/{campaign}/stats"),
                    "Campaign statistics retrieved successfully")
    assert stats["total"] == stats["pending"] == 0


@pytest.mark.parametrize("verb", ["delete", "reset", "requeue"])
def test_filters_that_are_none(admin, path, base, verb):
    bulk(admin, path, [{"phone_number": "1"}])
    refused(admin.post(f"{path}/{verb}", json={}), 400, "No valid fields to update")
    for name, value in (("status", ["lost"]), ("status", ["calling"]), ("min_attempts", -1),
                        ("created_from", "soon"), ("phone_number", "")):
        refused(admin.post(f"{path}/{verb}", json={name: value}), 400,
                re.compile("^Invalid " + name), [name])
    refused(admin.post(f"{base}/campaigns/999999999/numbers/{verb}", json={"all": 1}), 404,
            "Campaign not found")
    assert listed(admin, path)[1]["total"] == 1


@pytest.mark.parametrize("verb, attempts", [("reset", 0), ("requeue", 3)])
def test_again(admin, gateway, path, campaign, verb, attempts):
    """Numbers as a dialer leaves them, with counts that say so."""
    base_id = 5_000_000_000 + campaign * 1000
    statuses = ["busy", "failed", "completed", "calling"]
    docs = [{"collection": "numbers", "id": str(base_id + i), "version": 1,
             "doc": {"campaign_id": campaign, "phone_number": str(i), "status": status,
                     "due_at": 1, "priority": 0, "attempts": 3, "created_at": 1}}
            for i, status in enumerate(statuses)]
    docs.append({"collection": "campaign_counts", "id": str(campaign), "version": 1,
                 "doc": dict.fromkeys(statuses, 1)})
    gateway.cli("import", stdin="".join(json.dumps(doc) + "\n" for doc in docs))
    assert changed(admin, path, verb, status=["busy", "failed"]) == 2
    seen = {n["phone_number"]: n for n in listed(admin, path)[0]}
    assert [seen[str(i)]["status"] for i in range(4)] == ["pending", "pending", "completed",
                                                         "calling"]
    assert seen["0"]["attempts"] == attempts and seen["0"]["due_at"] is None
    assert changed(admin, path, "delete", all=1) == 3, "not the one in a call"
    refused(admin.delete(f"/api/numbers/{base_id + 3}"), 400,
            'Cannot delete number with status "calling"')


# ---- Files ----

def imported(admin, path, content, kind="text/csv", query=""):
    reply = admin.post(f"{path}/import{query}", content=content,
                       headers={"content-type": kind})
    count = reply.json()["data"]["accepted"]
    return success(reply, f"{count} numbers imported successfully", 201)


def test_import_csv(admin, path, campaign):
    text = "\ufeffphone_number;Name;priority\r\n+1555;\"Zoë; \"\"Z\"\"\";7\r\n;x;\r\n2;;\r\n".encode()
    assert imported(admin, path, text, "text/csv; charset=utf-8") == {
        "campaign_id": campaign, "accepted": 2, "skipped": 0, "wrong": 1,
        "errors": [{"line": 3, "error": "phone_number is missing"}]}
    numbers, _ = listed(admin, path)
    assert [(n["phone_number"], n["priority"]) for n in numbers] == [("+1555", 7), ("2", 0)]
    assert json.loads(numbers[0]["data"]) == {"Name": 'Zoë; "Z"'} and numbers[1]["data"] is None


def test_import_with_a_mapping(admin, path):
    result = imported(admin, path, "Telefon,Rang\n1,2\n1,3\n", "text/csv",
                      "?phone_number=Telefon&priority=Rang&skip_duplicates=1")
    assert (result["accepted"], result["skipped"]) == (1, 1)
    assert imported(admin, path, "phone_number\n1\n4\n", "text/csv",
                    "?skip_duplicates=1")["skipped"] == 1


def test_import_lines_of_json(admin, path):
    lines = '{"phone_number":"1","data":{"a":1}}\n\nx\n{"phone_number":"2"}'
    result = imported(admin, path, lines, "application/x-ndjson")
    assert result["accepted"] == 2
    assert [error["line"] for error in result["errors"]] == [3]


def test_import_many_wrong_lines(admin, path):
    result = imported(admin, path, "phone_number\n" + "x\n" * 250)
    assert (result["accepted"], result["wrong"], len(result["errors"])) == (0, 250, 100)


def test_import_of_nothing(admin, path, base):
    assert imported(admin, path, "")["accepted"] == 0
    refused(admin.post(path + "/import", content="phone_number\n1\n",
                       headers={"content-type": "application/json"}), 400,
            re.compile("^Invalid Content-Type"), ["content-type"])
    refused(admin.post(path + "/import?skip_duplicates=x", content="",
                       headers={"content-type": "text/csv"}), 400,
            re.compile("^Invalid skip_duplicates"), ["skip_duplicates"])
    refused(admin.post(f"{base}/campaigns/999999999/numbers/import", content="",
                       headers={"content-type": "text/csv"}), 404, "Campaign not found")
