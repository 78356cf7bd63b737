"""Recordings: GET /api/v2/recordings, GET and DELETE /api/v2/recordings/{id}, GET .../{id}/file."""
import re
import struct
import time

import pytest
from conftest import QUICK
from shapes import invalid, json_of, just_now, moment, not_authenticated, placed, refused
from support.client import raw
from support.gateway import Gateway, build_dir
from support.waiting import wait_until

URL = "/api/v2/recordings"
CALLS = "/api/v2/calls"
NUMBER = "+1234567890"
HEADER = 44
NONE = "20251001-120007-00000000-0000-7000-8000-000000000000"


def record(client, seconds=0.15):
    """A call of which something was recorded; its id and the recording's."""
    call = placed(client.post(CALLS, json={"phone_number": NUMBER}), NUMBER)
    wait_until(lambda: client.get(f"{CALLS}/{call}").json()["status"] == "answered", 10, "answer")
    name = json_of(client.post(f"{CALLS}/{call}/recording"))["recording"]
    time.sleep(seconds)  # what is recorded in it
    json_of(client.delete(f"{CALLS}/{call}/recording"))
    json_of(client.delete(f"{CALLS}/{call}"))
    return call, name


@pytest.fixture(scope="module")
def recorded(clients):
    return record(clients["2"])


def listed(client, **params):
    return json_of(client.get(URL, params=params))


def file(client, name, **headers):
    return client.get(f"{URL}/{name}/file",
                      headers={key.replace("_", "-"): value for key, value in headers.items()})


# ---- what is told ----

def test_a_call_leads_to_its_recording_and_back(client, recorded):
    call, name = recorded
    assert json_of(client.get(f"{CALLS}/{call}"))["recordings"] == [name]
    one = json_of(client.get(f"{URL}/{name}"))
    assert set(one) == {"id", "backend", "call_id", "format", "bytes", "duration_ms", "created_at",
                        "changed_at"}
    assert (one["id"], one["call_id"]) == (name, call)
    assert (one["backend"], one["format"]) == ("mock", "wav")
    assert one["bytes"] == HEADER + 16 * one["duration_ms"]
    assert 100 <= one["duration_ms"] < 10000
    just_now(one["created_at"])
    assert moment(one["created_at"]) <= moment(one["changed_at"])
    assert one in listed(client, call_id=call)["recordings"]
    assert [other["id"] for other in listed(client, call_id=call)["recordings"]] == [name]


def test_filters(client, recorded):
    call, name = recorded
    one, = listed(client, call_id=call)["recordings"]
    day = one["created_at"][:10]

    def found(**params):
        return one in listed(client, per_page=100, **params)["recordings"]

    assert found() and found(search=call) and found(search=name) and found(backend="mock")
    assert found(**{"from": day}) and found(to=day) and found(**{"from": one["created_at"]})
    assert not found(search="x" + call) and not found(**{"from": "2099-01-01"})
    assert not found(to="2020-01-01") and not found(call_id=NONE[16:])
    assert not found(backend="other")


def test_pages(client):
    made = [record(client, 0)[1] for _ in range(5)]
    everything = listed(client, per_page=100)
    ids = [one["id"] for one in everything["recordings"]]
    times = [one["created_at"] for one in everything["recordings"]]
    assert times == sorted(times, reverse=True) and set(made) <= set(ids)
    assert everything["pagination"]["total"] == len(ids) and everything["next_cursor"] is None
    by_number, by_cursor, cursor = [], [], ""
    for number in range(1, (len(ids) + 1) // 2 + 1):
        page = listed(client, per_page=2, page=number)
        by_number += [one["id"] for one in page["recordings"]]
        assert page["pagination"]["current_page"] == number
    while cursor is not None:
        page = listed(client, per_page=2, **({"cursor": cursor} if cursor else {}))
        assert len(page["recordings"]) <= 2
        by_cursor += [one["id"] for one in page["recordings"]]
        cursor = page["next_cursor"]
    assert by_number == by_cursor == ids
    assert listed(client, page=1000)["recordings"] == []


# ---- the file ----

def test_whole_file(client, recorded):
    one = json_of(client.get(f"{URL}/{recorded[1]}"))
    reply = file(client, recorded[1])
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "audio/wav"
    assert reply.headers["accept-ranges"] == "bytes"
    assert int(reply.headers["content-length"]) == one["bytes"] == len(reply.content)
    assert reply.headers["content-disposition"] == f'attachment; filename="{recorded[1]}.wav"'
    assert re.fullmatch(r'"[0-9a-f-]+"', reply.headers["etag"])
    assert reply.content[:4] == b"RIFF" and reply.content[8:16] == b"WAVEfmt "
    assert struct.unpack("<I", reply.content[4:8])[0] == one["bytes"] - 8
    assert struct.unpack("<I", reply.content[40:44])[0] == one["bytes"] - HEADER


def test_head(client, recorded):
    whole = file(client, recorded[1])
    for headers in ({}, {"Range": "bytes=0-9"}):
        reply = client.request("HEAD", f"{URL}/{recorded[1]}/file", headers=headers)
        assert (reply.status_code, reply.content) == (200, b"")
        assert reply.headers["content-length"] == whole.headers["content-length"]
        assert reply.headers["etag"] == whole.headers["etag"]


RANGES = [("bytes=0-0", 0, 0), ("bytes=0-43", 0, 43), ("bytes=10-19", 10, 19),
          ("bytes=44-", 44, None), ("bytes=-10", -10, None), ("bytes=-99999999", 0, None),
          ("bytes=0-99999999999999999999", 0, None)]


@pytest.mark.parametrize("wanted, first, last", RANGES)
def test_range(client, recorded, wanted, first, last):
    whole = file(client, recorded[1]).content
    reply = file(client, recorded[1], Range=wanted)
    end = len(whole) if last is None else last + 1
    begin = first if first >= 0 else len(whole) + first
    assert reply.status_code == 206
    assert reply.content == whole[begin:end]
    assert reply.headers["content-range"] == f"bytes {begin}-{end - 1}/{len(whole)}"
    assert int(reply.headers["content-length"]) == end - begin


@pytest.mark.parametrize("wanted", ["bytes=99999999-", "bytes=-0", "bytes=99999999-99999999999"])
def test_range_beyond_the_end(client, recorded, wanted):
    size = len(file(client, recorded[1]).content)
    reply = file(client, recorded[1], Range=wanted)
    refused(reply, 416, "The recording ends before this range")
    assert reply.headers["content-range"] == f"bytes */{size}"


@pytest.mark.parametrize("wanted", ["bytes=5-1", "bytes=", "bytes=a-b", "items=0-1", "nonsense",
                                    "bytes=0-1,4-5", "bytes=0x1-2"])
def test_range_that_is_none(client, recorded, wanted):
    reply = file(client, recorded[1], Range=wanted)
    assert reply.status_code == 200 and "content-range" not in reply.headers
    assert reply.content == file(client, recorded[1]).content


def test_conditions(client, recorded):
    whole = file(client, recorded[1])
    tag = whole.headers["etag"]
    same = file(client, recorded[1], Range="bytes=0-9", If_Range=tag)
    assert (same.status_code, same.content) == (206, whole.content[:10])
    for other in ('"other"', f"W/{tag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        reply = file(client, recorded[1], Range="bytes=0-9", If_Range=other)
        assert (reply.status_code, reply.content) == (200, whole.content)
    for tags in (tag, f'"a", {tag}', f"W/{tag}", "*"):
        reply = file(client, recorded[1], If_None_Match=tags)
        assert (reply.status_code, reply.content) == (304, b"")
        assert reply.headers["etag"] == tag
    assert file(client, recorded[1], If_None_Match='"other"').status_code == 200


def test_long_file(client):
    """More than a piece of it, and byte for byte the same by ranges."""
    _, name = record(client, 5)  # 80 KB
    whole = file(client, name).content
    assert len(whole) > 70000
    pieces = b"".join(file(client, name, Range=f"bytes={at}-{at + 29999}").content
                      for at in range(0, len(whole), 30000))
    assert pieces == whole


# ---- deleting ----

def test_deleted(client):
    _, name = record(client, 0)
    assert json_of(client.delete(f"{URL}/{name}")) == {
        "success": True, "id": name, "message": "Recording deleted"}
    for reply in (client.get(f"{URL}/{name}"), client.delete(f"{URL}/{name}"), file(client, name)):
        refused(reply, 404, "Recording not found")
    assert name not in [one["id"] for one in listed(client, per_page=100)["recordings"]]


def test_still_being_made(client, ended):
    ended.append(placed(client.post(CALLS, json={"phone_number": NUMBER}), NUMBER))
    wait_until(lambda: client.get(f"{CALLS}/{ended[-1]}").json()["status"] == "answered", 10,
               "answer")
    name = json_of(client.post(f"{CALLS}/{ended[-1]}/recording"))["recording"]
    refused(client.delete(f"{URL}/{name}"), 409, "The recording is still being made")
    json_of(client.delete(f"{CALLS}/{ended[-1]}/recording"))
    json_of(client.delete(f"{URL}/{name}"))


def test_who_may(gateway, client, http_version, recorded):
    name = f"listener{http_version}"
    gateway.add_user(name, "a long password", role="user")
    with gateway.client(http_version, signed_in=False) as user:
        user.sign_in(name, "a long password")
        json_of(user.get(URL))
        json_of(user.get(f"{URL}/{recorded[1]}"))
        assert file(user, recorded[1]).status_code == 200
        assert user.delete(f"{URL}/{recorded[1]}").status_code == 403
    json_of(client.get(f"{URL}/{recorded[1]}"))
    for method, path in (("GET", ""), ("GET", f"/{NONE}"), ("DELETE", f"/{NONE}"),
                         ("GET", f"/{NONE}/file")):
        not_authenticated(client.request(method, URL + path, token=None))


# ---- what must not be ----

TRICKS = ["..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "a%2Fb", "a%5Cb", ".hidden",
          "-rf", "a..b", "a%20b", "a%0Ab", "a%0D%0AX:y", "a%252e%252e", "%C3%A4", "a*", "a%3Fb",
          "a%22b", "a;b", "a" * 121, "%7E", "a%7Cb", "$(a)"]


@pytest.mark.parametrize("name", TRICKS)
@pytest.mark.parametrize("method, end", [("GET", ""), ("DELETE", ""), ("GET", "/file")])
def test_path_tricks(client, name, method, end):
    problem, = invalid(client.request(method, f"{URL}/{name}{end}"), ("path", "id"))
    assert "name" in problem["msg"] or "characters" in problem["msg"]


@pytest.mark.parametrize("name", ["..", "%2e%2e", "a%00b", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "."])
def test_dots_as_they_are(gateway, client, name):
    request = (f"GET {URL}/{name}/file HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
               f"Authorization: Bearer {client.token}\r\n\r\n")
    reply = raw(gateway.address, request.encode())
    assert reply.split(b" ")[1] in (b"400", b"404", b"422"), reply
    assert b"root:" not in reply


@pytest.mark.parametrize("params, field", [
    ({"call_id": "x"}, "call_id"), ({"search": "../"}, "search"), ({"search": "a b"}, "search"),
    ({"from": "yesterday"}, "from"), ({"to": "2025-13-01"}, "to"), ({"cursor": "x"}, "cursor"),
    ({"cursor": "17-../x"}, "cursor"), ({"cursor": "-1-a"}, "cursor"),
    ({"backend": "a/b"}, "backend"), ({"backend": "a" * 41}, "backend"),
    ({"cursor": "17-a", "page": "2"}, "page")])
def test_wrong_filters(client, params, field):
    invalid(client.get(URL, params=params), ("query", field))


def test_backends(client, recorded):
    json_of(client.get(f"{URL}/{recorded[1]}", params={"backend": "mock"}))
    refused(client.get(f"{URL}/{recorded[1]}", params={"backend": "other"}), 404,
            "There is no backend other")
    invalid(client.get(f"{URL}/{recorded[1]}", params={"backend": "a b"}), ("query", "backend"))


def test_a_backend_that_cannot(http_version):
    settings = {"plugins": {"path": ["plugins", str(build_dir() / "tests" / "plugins")]},
                "telephony": {"backend": "pbx"}, "backend.mock": None,
                "backend.pbx": {"plugin": "bare", "file": "bare.txt"}}
    with Gateway(settings) as gateway, gateway.client(http_version) as client:
        for reply, function in ((client.get(URL), "recordings"),
                                (client.get(f"{URL}/{NONE}"), "recordings"),
                                (client.get(f"{URL}/{NONE}/file"), "recordings"),
                                (client.delete(f"{URL}/{NONE}"), "recording_delete")):
            refused(reply, 501, "The backend pbx (bare) has no recordings, and no companion that "
                                f"has (capability {function})")


# ---- the rule by which they go ----

def test_retention():
    settings = {"backend.mock": QUICK, "recordings": {"keep": "1s"}}
    with Gateway(settings) as gateway, gateway.client("2") as client:
        _, name = record(client, 0)
        wait_until(lambda: client.get(f"{URL}/{name}").status_code == 404, 20, "it is gone")
        assert gateway.metric("dialgate_recordings_deleted_total", result="deleted") == 1
        gateway.config.write_text(gateway.config.read_text().replace('keep = "1s"', 'keep = "0"'))
        gateway.reload()
        _, name = record(client, 0)
        time.sleep(3)  # the rule of before would have deleted it by then
        json_of(client.get(f"{URL}/{name}"))
