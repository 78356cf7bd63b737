"""Files of numbers, in and out: uploads and their limits, exports, the command line; and lists that
go on by cursor."""
import csv
import io
import json
import re
import threading

import httpx
import pytest
from dialer import paged, refused, success
from support.waiting import wait_until
from test_campaigns import base, create  # noqa: F401

LISTED = "Numbers retrieved successfully"
MAX_BODY = 20000
ROWS = 3000


@pytest.fixture
def campaign(admin, base):
    made = create(admin, base)["id"]
    yield made
    admin.delete(f"{base}/campaigns/{made}")


@pytest.fixture
def path(base, campaign):
    return f"{base}/campaigns/{campaign}/numbers"


def rows(count, first=0):
    return "phone_number,name\n" + "".join(f"+1555{n:07},\"Doe, \"\"J\"\" {n}\"\n"
                                           for n in range(first, first + count))


def sent(admin, path, content, kind="text/csv", code=201, **options):
    reply = admin.post(path, content=content, headers={"Content-Type": kind}, **options)
    if code != 201:
        return reply
    body = reply.json()
    assert (reply.status_code, body["code"], body["success"]) == (201, 201, True), body
    assert body["message"] == f"{body['data']['accepted']} numbers imported successfully"
    return body["data"]


# ---- Uploads ----

def test_larger_than_a_body(admin, path, campaign):
    content = rows(ROWS)
    assert len(content) > 3 * MAX_BODY
    result = sent(admin, path + "/import", content)
    assert result == {"campaign_id": campaign, "accepted": ROWS, "skipped": 0, "wrong": 0,
                      "errors": []}
    # on the same connection, chunked as well
    chunks = (part.encode() for part in (rows(ROWS), rows(1, 5000).split("\n", 1)[1]))
    result = sent(admin, path + "/import?skip_duplicates=1", chunks)
    assert (result["accepted"], result["skipped"]) == (1, ROWS)


def test_others_are_limited_all_the_same(admin, path, base):
    for where in (path + "/bulk", base + "/dnc", path):
        assert admin.post(where, content=b"x" * (MAX_BODY + 1)).status_code == 413
    refused(admin.post(path + "/bulk", content=b"x" * (4 * MAX_BODY)), 413, "Request too large")


def test_nobody_in_particular_may_upload(gateway, path, http_version):
    with gateway.client(http_version, signed_in=False) as client:
        assert client.post(path + "/import", content=rows(ROWS),
                           headers={"Content-Type": "text/csv"}).status_code == 401


def test_form(admin, path):
    def form(name, content, kind):
        return (f'--x7\r\nContent-Disposition: form-data; name="note"\r\n\r\nsummer\r\n'
                f'--x7\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
                f'Content-Type: {kind}\r\n\r\n{content}\r\n--x7--\r\n').encode()

    kind = "multipart/form-data; boundary=x7"
    assert sent(admin, path + "/import", form("a.csv", rows(2), "application/octet-stream"),
                kind)["accepted"] == 2
    assert sent(admin, path + "/import", form("a", '{"phone_number":"7"}\n',
                                              "application/x-ndjson"), kind)["accepted"] == 1
    assert sent(admin, path + "/import", form("a.JSONL".lower(), '{"phone_number":"8"}', "x/y"),
                kind)["accepted"] == 1
    for wrong in (form("a.exe", rows(2), "application/octet-stream"), b"--x7--\r\n", b"x"):
        refused(sent(admin, path + "/import", wrong, kind, 400), 400,
                re.compile("^Invalid Content-Type"), ["content-type"])


def test_dnc(admin, base, path):
    result = sent(admin, base + "/dnc/import",
                  "Telefon,phone_number,reason\n1,+1 888 0001,asked\n2,18880002,\n3,none,x\n")
    assert (result["accepted"], result["skipped"], result["wrong"]) == (2, 0, 1)
    assert result["errors"][0]["line"] == 4
    found, _ = paged(admin.get(base + "/dnc?search=1888"), "Do-not-call list retrieved successfully")
    assert {(one["phone_number"], one["reason"]) for one in found} == {("18880001", "asked"),
                                                                     ("18880002", None)}
    assert sent(admin, base + "/dnc/import?phone_number=Telefon", "Telefon\n18880001\n18880001\n"
                )["accepted"] == 2
    for number in ("18880001", "18880002"):
        success(admin.delete(f"{base}/dnc/{number}"), "Number deleted successfully")


@pytest.fixture
def small(start_gateway, http_version):
    gateway = start_gateway({"server": {"max_body": MAX_BODY, "max_upload": 100000,
                                        "max_uploads": 1, "upload_timeout": "60s"}})
    gateway.add_user("chief", "the chief's password", role="admin")
    with gateway.client(http_version, signed_in=False) as client:
        client.token = gateway.create_token("chief")
        yield gateway, client


def test_limits_of_uploads(small, base):
    gateway, admin = small
    path = f"{base}/campaigns/{create(admin, base)['id']}/numbers/import"
    refused(sent(admin, path, rows(10000), code=413), 413, "Request too large")
    go_on, more = threading.Event(), []

    def slowly():
        more.clear()
        yield rows(2000).encode()
        while not go_on.wait(0.05):  # it learns of a refusal when it writes
            more.append(1)
            yield b"1,x\n"

    first = {}

    def upload():
        """Until it has the slot, which others take now and then."""
        with gateway.client("1.1", signed_in=False, timeout=120) as client:
            client.token = admin.token
            while not first:
                try:
                    reply = sent(client, path, slowly(), code=0)
                except httpx.WriteError:
                    continue
                if reply.status_code == 201:
                    first.update(reply.json()["data"])

    thread = threading.Thread(target=upload)
    thread.start()
    wait_until(lambda: sent(admin, path, rows(1500), code=0).status_code == 503, 60,
               "the only slot to be taken")
    refused(sent(admin, path, rows(1500), code=503), 503, "Too many large requests at a time")
    assert sent(admin, path, rows(10))["accepted"] == 10, "small ones need no slot"
    go_on.set()
    thread.join()
    assert first["accepted"] == 2000 + len(more)
    wait_until(lambda: sent(admin, path, rows(1500), code=0).status_code == 201, 10, "a free slot")
    assert gateway.metric("dialgate_http_refused_total", reason="uploads") >= 2


# ---- Exports ----

def test_export_numbers(admin, path, base, campaign):
    sent(admin, path + "/import", rows(1201))
    success(admin.post(path, json={"phone_number": "9", "priority": 7, "timezone": "Asia/Tokyo",
                                   "data": {"a": "x;\"y\"\n"}}), "Number added successfully", 201)
    reply = admin.get(path + "/export")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == 'attachment; filename="numbers.csv"'
    table = list(csv.DictReader(io.StringIO(reply.text, newline="")))
    assert len(table) == 1202
    assert [row["phone_number"] for row in table[:-1]] == [f"+1555{n:07}" for n in range(1201)]
    assert json.loads(table[5]["data"]) == {"name": 'Doe, "J" 5'}
    last = table[-1]
    assert (last["priority"], last["timezone"], last["status"]) == ("7", "Asia/Tokyo", "pending")
    assert json.loads(last["data"]) == {"a": "x;\"y\"\n"}
    whole = admin.get(path + "/export?format=json")
    assert whole.headers["content-type"] == "application/json"
    listed, _ = paged(admin.get(path + "?per_page=100"), LISTED)
    assert whole.json()[:100] == listed and len(whole.json()) == 1202
    assert admin.get(path + "/export?format=json&status=busy").json() == []
    assert admin.get(path + "/export?status=busy").text.splitlines() == [",".join(last)]
    other = create(admin, base)["id"]
    assert sent(admin, f"{base}/campaigns/{other}/numbers/import", reply.content)["accepted"] == 1202


def test_export_of_nothing(admin, path, base):
    refused(admin.get(base + "/campaigns/999999/numbers/export"), 404, "Campaign not found")
    refused(admin.get(path + "/export?format=xml"), 400, "Invalid format. Must be: csv or json",
            ["format"])
    refused(admin.get(path + "/export?status=x"), 400, re.compile("^Invalid status"), ["status"])
    refused(admin.get(base + "/cdr/export?start_date=x"), 400, re.compile("^Invalid start_date"))


def test_export_cdr(admin, base, client):
    call = client.post("/api/v2/calls", json={"phone_number": "5550486"}).json()
    query = "/cdr?search=5550486&per_page=100"
    wait_until(lambda: call["call_id"] in {one["channel_id"] for one in
                                           admin.get(base + query).json()["data"]}, 30,
               "the call's record, which is written a moment after its end")
    table = list(csv.DictReader(io.StringIO(admin.get(base + "/cdr/export?search=5550486").text)))
    listed, _ = paged(admin.get(base + query), "CDR records retrieved successfully")
    assert [row["channel_id"] for row in table] == [one["channel_id"] for one in listed]
    assert table[0]["disposition"] == "busy"
    assert admin.get(base + "/cdr/export?format=json&search=5550486").json() == listed


# ---- Cursors ----

def walk(admin, path, message, **params):
    found, cursor = [], None
    reply = admin.get(path, params=params)
    while True:
        body = reply.json()
        assert reply.status_code == 200 and body["message"] == message
        assert len(body["data"]) <= params["per_page"]
        assert (body["pagination"] is None) == (cursor is not None)
        found += body["data"]
        cursor = body["next_cursor"]
        if cursor is None:
            return found
        reply = admin.get(path, params={**params, "cursor": cursor})


def test_cursors(admin, path, base):
    sent(admin, path + "/import", rows(25))
    numbers = walk(admin, path, LISTED, per_page=10)
    assert [n["phone_number"] for n in numbers] == [f"+1555{n:07}" for n in range(25)]
    assert walk(admin, path, LISTED, per_page=25) == numbers
    made = [create(admin, base, name=f"cursor {n}")["id"] for n in range(5)]
    found = walk(admin, base + "/campaigns", "Campaigns retrieved successfully", per_page=2)
    ids = [one["id"] for one in found]
    assert len(set(ids)) == len(ids) and [i for i in ids if i in made] == made[::-1]
    content = "phone_number\n" + "".join(f"1777000{n}\n" for n in range(7))
    sent(admin, base + "/dnc/import", content)
    listed = walk(admin, base + "/dnc", "Do-not-call list retrieved successfully", per_page=3,
                  search="1777")
    assert len({one["phone_number"] for one in listed}) == len(listed) == 7
    for wrong in ("x", "-", "1-é", "1" * 100):
        refused(admin.get(base + "/cdr", params={"cursor": wrong}), 400,
                re.compile("^Invalid cursor"), ["cursor"])


# ---- The command line ----

def test_import_numbers(gateway, admin, path, campaign, tmp_path):
    file = tmp_path / "numbers.csv"
    file.write_text(rows(2500) + "none,x\n")
    done = gateway.cli("import-numbers", str(file), "--campaign", str(campaign), check=False)
    assert done.returncode == 1 and done.stdout == "2500 accepted, 0 skipped, 1 wrong\n"
    assert done.stderr.startswith("line 2502: phone_number must have a digit")
    done = gateway.cli("import-numbers", "--campaign", str(campaign), "--skip-duplicates",
                       stdin=rows(2600))
    assert done.stdout == "100 accepted, 2500 skipped, 0 wrong\n"
    done = gateway.cli("import-numbers", "-", "--campaign", str(campaign), "--format=ndjson",
                       stdin='{"phone_number":"1","priority":3}\n')
    assert done.stdout == "1 accepted, 0 skipped, 0 wrong\n"
    _, pagination = paged(admin.get(path), LISTED)
    assert pagination["total"] == 2601
    assert gateway.cli("check-counts", "--campaign", str(campaign)).stdout == (
        f"campaign {campaign}: right\n")
    assert f"campaign {campaign}: right\n" in gateway.cli("check-counts").stdout


@pytest.mark.parametrize("arguments, stdin, why", [
    (["--campaign", "999999"], "phone_number\n1\n", "There is no such campaign"),
    (["--campaign", "x"], "phone_number\n1\n", "campaign: must be the number of a campaign"),
    (["--campaign", "1", "--format", "x"], "", "format: must be csv or ndjson"),
    (["--campaign", "1", "/nowhere/file.csv"], "", "No such file"),
    (["--campaign", "1"], "a,b\n1,2\n", "")])
def test_import_numbers_wrong(gateway, arguments, stdin, why):
    done = gateway.cli("import-numbers", *arguments, stdin=stdin, check=False)
    assert done.returncode == 1 and why in done.stderr, done


def test_usage(gateway):
    for arguments in ([], ["--campaign", "1", "--dnc"], ["a", "b", "--dnc"]):
        assert gateway.cli("import-numbers", *arguments, check=False).returncode == 2


def test_without_a_gateway(start_gateway, base):
    gateway = start_gateway({})
    gateway.add_user("chief", "the chief's password", role="admin")
    with gateway.client("1.1", signed_in=False) as admin:
        admin.token = gateway.create_token("chief")
        campaign = create(admin, base)["id"]
    gateway.stop()
    done = gateway.cli("import-numbers", "--campaign", str(campaign), stdin=rows(1500))
    assert done.stdout == "1500 accepted, 0 skipped, 0 wrong\n"
    assert gateway.cli("import-numbers", "--dnc", stdin="phone_number\n1\n").returncode == 0
    assert gateway.cli("check-counts").stdout == f"campaign {campaign}: right\n"
    gateway.start()
    assert str(gateway.stored("dnc")[0]["id"]) == "1"
