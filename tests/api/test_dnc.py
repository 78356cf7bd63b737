"""/api/dnc: numbers that are not to be called."""
import re
import secrets

import pytest
from dialer import done, local_time, missing, paged, refused, success
from test_campaigns import base  # noqa: F401

LISTED = "Do-not-call list retrieved successfully"
ADDED = "Number added successfully"


def number():
    return "1555" + str(secrets.randbelow(10**9)).zfill(9)


def test_add_and_delete(admin, base):
    digits = number()
    made = success(admin.post(base + "/dnc", json={"phone_number": f"+{digits[0]} ({digits[1:4]}) "
                                                   + digits[4:], "reason": "asked"}), ADDED, 201)
    assert (made["phone_number"], made["reason"]) == (digits, "asked")
    local_time(made["created_at"])
    [found], pagination = paged(admin.get(f"{base}/dnc?search=%2B{digits}"), LISTED)
    assert found["phone_number"] == digits and pagination["total"] == 1
    success(admin.post(base + "/dnc", json={"phone_number": digits}), ADDED, 201)
    [found], _ = paged(admin.get(f"{base}/dnc?search={digits}"), LISTED)
    assert found["reason"] is None, "the later one counts"
    done(admin.delete(f"{base}/dnc/+{digits}"), "Number deleted successfully")
    refused(admin.delete(f"{base}/dnc/{digits}"), 404, "Number not found")
    assert paged(admin.get(f"{base}/dnc?search={digits}"), LISTED)[0] == []


def test_newest_first(admin, base):
    numbers = [number() for _ in range(3)]
    for digits in numbers:
        success(admin.post(base + "/dnc", json={"phone_number": digits}), ADDED, 201)
    found, _ = paged(admin.get(base + "/dnc?per_page=3"), LISTED)
    assert [entry["phone_number"] for entry in found] == numbers[::-1]


@pytest.mark.parametrize("content", [b"", b"{}", b"{", b'{"phone_number":null}'])
def test_nothing_sent(admin, base, content):
    missing(admin.post(base + "/dnc", content=content), "phone_number")


@pytest.mark.parametrize("value", ["abc", "1" * 51, "1\n2"])
def test_wrong(admin, base, value):
    refused(admin.post(base + "/dnc", json={"phone_number": value}), 400,
            re.compile("^Invalid phone_number"), ["phone_number"])


@pytest.mark.parametrize("value", ["abc", "%00", "999999999999"])
def test_none(admin, base, value):
    assert admin.delete(f"{base}/dnc/{value}").status_code in (400, 404)
