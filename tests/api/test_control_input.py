"""Call control, whatever is sent: what reaches the backend is what was meant, and no more.

The backend of these tests (tests/plugins/witness.c) writes down every text it is given.
"""
import random
import urllib.parse

import pytest
from support.gateway import Gateway, build_dir
from support.waiting import wait_until

URL = "/api/v2/calls"
ROUNDS = 400
# What ends a line, a text or an action elsewhere, and what looks like one.
NASTY = ["\r", "\n", "\r\n\r\nAction: Hangup\r\n", "\0", "\x0b", "\x7f", "\x85", "\u2028", "\ufeff",
         " ", ",", ";", "&", "|", "'", '"', "\\", "/", "../", "${", "}", "%0d%0a", "%00", "@",
         "ä", "\U0001f600", "$(id)", "`id`", "--", "=", "?", "#", "*"]
GOOD = ["100", "sales", "outbound-ivr", "1", "s", "wav", "in", "attended", "sound:hello",
        "number:5", "PJSIP/8013", "Local/100@sales", "default", "A", "VALUE", "12*#", "701"]
FIELDS = {
    "hangup": ["cause"], "transfer": ["type", "context", "extension", "priority"],
    "redirect": ["context", "extension", "priority"], "hold": ["on"], "unhold": ["on"],
    "mute": ["direction"], "unmute": ["direction"], "dtmf": ["digits"], "play": ["media"],
    "park": ["lot", "timeout"], "recording": ["format", "max_seconds", "beep"],
    "recording/pause": [], "recording/resume": [], "transfer/complete": [],
    "transfer/cancel": [],
}
# What a request that was taken may lead to, beside what keeps a consultation in order.
MEANT = {
    "hangup": {"hangup"}, "transfer": {"transfer", "originate"}, "redirect": {"go_to"},
    "hold": {"hold"}, "unhold": {"hold"}, "mute": {"mute"}, "unmute": {"mute"}, "dtmf": {"dtmf"},
    "play": {"play"}, "park": {"park"}, "recording": {"record", "record_change"},
    "recording/pause": {"record_change"}, "recording/resume": {"record_change"},
    "transfer/complete": {"transfer", "join"}, "transfer/cancel": {"hangup"},
    "variables": {"set_variable", "get_variable"}, "retrieve": {"originate"},
}


def text(rng):
    """Good, nasty, or something good with something nasty in it."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(GOOD)
    if kind == 1:
        return "".join(rng.choice(NASTY + GOOD) for _ in range(rng.randrange(1, 6)))
    good = rng.choice(GOOD)
    at = rng.randrange(len(good) + 1)
    return good[:at] + rng.choice(NASTY) + good[at:]


def value(rng):
    return rng.choice([text(rng), text(rng), text(rng), rng.randrange(-5, 200), None, True, 1.5,
                       [text(rng)], {text(rng): text(rng)}])


def request_of(rng, call):
    """action, method, path, body: any of the endpoints with anything in it."""
    kind = rng.randrange(10)
    where = call if rng.randrange(5) else urllib.parse.quote(text(rng) + call, safe="")
    if kind == 0:
        slot = rng.choice(["701", urllib.parse.quote(text(rng), safe="")])
        return ("retrieve", "POST", f"/api/v2/parked/{slot}/retrieve",
                {"endpoint": value(rng), "lot": value(rng)})
    if kind == 1:
        name = rng.choice(["A", urllib.parse.quote(text(rng), safe="")])
        return ("variables", rng.choice(["GET", "PUT"]), f"{URL}/{where}/variables/{name}",
                {"value": value(rng)})
    action = rng.choice(list(FIELDS))
    method = "DELETE" if action == "recording" and rng.randrange(2) else "POST"
    body = {name: value(rng) for name in FIELDS[action] if rng.randrange(4)}
    return action, method, f"{URL}/{where}/{action}", body


class Witness:
    """What the backend was asked, as (function, texts)."""

    def __init__(self, file):
        self.file = file
        self.seen = 0

    def news(self):
        lines = self.file.read_text().splitlines()
        fresh, self.seen = lines[self.seen:], len(lines)
        return [self.read(line) for line in fresh]

    @staticmethod
    def read(line):
        function, *texts = line.split(" ")
        return function, [None if one == "-" else "" if one == "00" else
                          bytes.fromhex(one).decode() for one in texts]


@pytest.fixture(scope="module")
def watched():
    settings = {"plugins": {"path": ["plugins", str(build_dir() / "tests" / "plugins")]},
                "calls": {"allowed_contexts": ["sales"]},
                "telephony": {"backend": "witness"}, "backend.mock": None,
                "backend.witness": {"plugin": "witness", "file": "witness.txt"}}
    with Gateway(settings) as gateway:
        yield gateway


def answered(client):
    body = client.post(URL, json={"phone_number": "+15550100"}).json()
    call = body["call_id"]
    wait_until(lambda: client.get(f"{URL}/{call}").json()["status"] == "answered", 10, "answer")
    return call


def is_clean(words):
    return words is None or all(ord(one) >= 32 and not 127 <= ord(one) < 160 for one in words)


def test_what_reaches_the_backend(watched, http_version):
    rng = random.Random(http_version)
    with watched.client(http_version) as client:
        witness = Witness(watched.folder / "witness.txt")
        call = answered(client)
        witness.news()
        taken = refused = 0
        for _ in range(ROUNDS):
            action, method, path, body = request_of(rng, call)
            options = {} if method == "GET" else {"json": body}
            reply = client.request(method, path, **options)
            assert reply.status_code < 500, (method, path, body, reply.text)
            asked = witness.news()
            said = (method, path, body, reply.status_code, asked)
            for _, texts in asked:
                assert all(is_clean(words) for words in texts), said
            meant = [one for one in asked if one[0] in MEANT[action]]
            around = {one[0] for one in asked} - MEANT[action]
            if reply.status_code == 200:
                taken += 1
                assert len(meant) == 1, said
                assert around <= {"hold"}, said
            else:
                refused += 1
                assert asked == [], said
            if client.get(f"{URL}/{call}").json()["is_completed"]:
                call = answered(client)
                witness.news()
            client.post(f"{URL}/{call}/transfer/cancel")
            client.post(f"{URL}/{call}/unhold")
            witness.news()
        client.delete(f"{URL}/{call}")
        assert taken > ROUNDS / 20 and refused > ROUNDS / 4
