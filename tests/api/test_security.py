"""What a client of POST /api/v2/calls and POST /api/v2/interaction/{number} must not reach: other
contexts, dialplan functions, another line of a protocol. And that strange text in any other place
(paths, headers, tokens, forms) is answered, harmless and the same on both versions of HTTP."""
import json
import random

import fields
import httpx
import pytest
from shapes import invalid, json_of, placed, status_of
from support.gateway import Gateway

URL = "/api/v2/calls"
NUMBER = "+1234567890"
CONTROLS = ["\r", "\n", "\r\nAction: Originate", "\0", "\x01", "\x1b[2J", "\x7f", "\x85",
            "\x9b", "\t"]
# What could be read as more than text by what lies behind: dialplan, AMI, SIP headers, SQL, shell.
MARKS = [",", "|", ";", "&", "(", ")", "{", "}", "$", "${X}", "$[1+1]", "`id`", "\\", "\"", "'",
         "<", ">", "=", "%", "/", "../..", "@", "!", "~", "^", "?", " ", "‮", "\u2028", "ﬀ", "😀",
         "' OR 1=1 --", "${SHELL(id)}", "a,1,System(id)", "s@from-internal", "%0d%0a", "\\r\\n"]


def post(client, **body):
    return client.post(URL, json={"phone_number": NUMBER, **body})


# ---- Fields ----

@pytest.mark.parametrize("text", CONTROLS, ids=ascii)
@pytest.mark.parametrize("name", ["context", "extension", "caller_id", "phone_number"])
def test_controls(client, name, text):
    value = {"context": "sales", "phone_number": NUMBER}.get(name, "100")
    for bad in (f"{value}{text}", f"{text}{value}", text):
        reply = post(client, **{name: bad})
        if "\0" in text:
            assert reply.status_code == 422
        else:
            invalid(reply, ("body", name))


@pytest.mark.parametrize("text", CONTROLS, ids=ascii)
def test_controls_in_variables(client, text):
    for variables in ({"a": f"x{text}y"}, {f"a{text}": "x"}, {f"{text}a": "x"}):
        assert post(client, variables=variables).status_code == 422


@pytest.mark.parametrize("text", MARKS, ids=ascii)
def test_marks_in_names(client, text):
    """Contexts, extensions, numbers and names of variables are plain."""
    invalid(post(client, context=f"sales{text}"), ("body", "context"))
    invalid(post(client, phone_number=f"{NUMBER}{text}"), ("body", "phone_number"))
    if not set(text) <= set("*#.+-_"):
        invalid(post(client, extension=f"100{text}"), ("body", "extension"))
    assert post(client, variables={f"a{text}": "x"}).status_code == 422


@pytest.mark.parametrize("text", MARKS, ids=ascii)
def test_marks_in_texts(gateway, client, ended, text):
    """Caller ids and the values of variables are only ever text: they stay what they are."""
    reply = post(client, caller_id=f"A{text} <123>", variables={"a": f"x{text}y"})
    ended.append(placed(reply, NUMBER))
    call = status_of(client.get(f"/api/v2/status/{ended[-1]}"))
    assert call["caller_id"] == f"A{text} <123>"
    record, = gateway.stored("calls", id=ended[-1])
    assert record["variables"] == {"a": f"x{text}y"}


@pytest.mark.parametrize("name", [
    "", "1", "1a", "a-b", "a b", "a.b", "a(b)", "CALLERID(name)", "SHELL(id)", "DB(a/b)",
    "CDR(x)", "PJSIP_HEADER(add,X)", "__a(b)", "GLOBAL(x)", "FILE(/etc/passwd)", "a=b", "a,b",
    "ä", "a" * 81, "${a}", "*", "$"])
def test_names_of_variables(client, name):
    assert post(client, variables={name: "x"}).status_code == 422


@pytest.mark.parametrize("name", [
    "TRANSFER_CONTEXT", "FORWARD_CONTEXT", "GOTO_ON_BLINDXFR", "BLINDTRANSFER", "DYNAMIC_FEATURES",
    "MACRO_CONTEXT", "GOSUB_RETVAL", "MONITOR_EXEC", "MIXMONITOR_FILENAME", "AGIEXITONHANGUP",
    "transfer_context", "_TRANSFER_CONTEXT", "__TRANSFER_CONTEXT", "__transfer_Context"])
def test_reserved_variables(client, name):
    """By these Asterisk itself would go elsewhere or run something."""
    invalid(post(client, variables={name: "from-internal"}), ("body", "variables", name))


@pytest.mark.parametrize("name", ["a", "A", "_", "_a", "__a", "a1", "a" * 80, "CUSTOMER_ID"])
def test_plain_variables(client, ended, name):
    ended.append(placed(post(client, variables={name: "x"}), NUMBER))


def test_as_many_problems_as_there_are(client):
    problems = invalid(post(client, variables={"a": 1, "b(c)": "x", "d": "fine", "e": None}),
                       ("body", "variables", "a"), ("body", "variables", "b(c)"),
                       ("body", "variables", "e"))
    assert all(problem["msg"] for problem in problems)


# ---- Contexts ----

@pytest.mark.parametrize("context", ["from-internal", "default", "public", "outbound", "Sales",
                                     "outbound-ivr2", "sale", "saless", "*"])
def test_other_contexts(client, context):
    invalid(post(client, context=context), ("body", "context"))
    invalid(client.post(f"/api/v2/interaction/{NUMBER}", json={"context": context}),
            ("body", "context"))


def test_any_context_where_it_is_configured(http_version):
    with Gateway({"calls": {"allowed_contexts": "*"}}) as gateway:
        with gateway.client(http_version) as client:
            placed(post(client, context="from-internal"), NUMBER, "from-internal")
            invalid(post(client, context="from internal"), ("body", "context"))


def test_technology_is_configured(http_version):
    """What is dialled is made of the template; a number adds digits and nothing else."""
    with Gateway({"calls": {"endpoint": "PJSIP/{number}@trunk"}}) as gateway:
        with gateway.client(http_version) as client:
            body = json_of(post(client))
            assert body["channel"] == f"PJSIP/{NUMBER}@trunk"
            for number in fields.NO_NUMBERS:
                invalid(post(client, phone_number=number), ("body", "phone_number"))


# ---- Everywhere else ----

def odd_texts(seed):
    source = random.Random(seed)
    pieces = CONTROLS + MARKS + ["ü", "a", "0", "../", "%2e%2e/", "x" * 300]
    return ["".join(source.choices(pieces, k=source.randint(1, 6))) for _ in range(16)]


def answered(reply):
    """Any answer of ours: below 500, JSON, and with an id of its own line."""
    assert reply.status_code < 500, (reply.status_code, reply.text)
    if reply.status_code == 400 and "x-request-id" not in reply.headers:
        return  # no HTTP/1.1 at all: the server library says so
    assert "\r" not in reply.headers["x-request-id"] and "\n" not in reply.headers["x-request-id"]
    if reply.headers["content-type"] == "application/json":
        reply.json()


def test_odd_paths(client):
    for text in odd_texts(1):
        quoted = "".join(f"%{byte:02X}" for byte in text.encode())
        for path in ("/{}", "/api/v2/status/{}", "/api/v2/interaction/{}", "/docs/{}",
                     "/api/v2/interaction/{}/status", "/health?{}", "/health?a={}"):
            answered(client.get(path.format(quoted)))


def test_odd_forms(client):
    for text in odd_texts(2):
        answered(client.post("/api/v2/token", token=None, data={"username": text,
                                                                "password": text}))
        answered(client.post("/api/v2/token", token=None, content=text.encode(), headers={
            "Content-Type": "application/x-www-form-urlencoded"}))
        answered(client.post("/api/v2/token", token=None, content=text.encode(), headers={
            "Content-Type": "multipart/form-data; boundary=x"}))


def test_odd_bodies(client, ended):
    for text in odd_texts(3):
        for body in ({"phone_number": text}, {"phone_number": NUMBER, text: text},
                     {"phone_number": NUMBER, "variables": {text: text}},
                     {"phone_number": NUMBER, "caller_id": text}, [text], text):
            reply = client.post(URL, content=json.dumps(body, ensure_ascii=False).encode())
            answered(reply)
            if reply.status_code == 200:
                ended.append(reply.json()["call_id"])


def test_odd_headers(client):
    for text in odd_texts(4):
        plain = text.replace("\r", "").replace("\n", "").replace("\0", "").strip().encode()
        for name in ("X-Request-ID", "Authorization", "Origin", "Content-Type", "Accept",
                     "X-API-Key", "If-None-Match", "Accept-Encoding"):
            try:
                reply = client.get("/docs", token=None, headers={name: plain})
            except (httpx.LocalProtocolError, httpx.RemoteProtocolError):
                continue  # no header at all: one side of the connection says so
            answered(reply)


def test_still_there(gateway, client):
    """After all of this: the same process, no call too many, no error in its log."""
    assert client.get("/readiness").status_code == 200
    assert gateway.process.poll() is None
    errors = [line for line in gateway.log().splitlines() if " ERROR " in line]
    assert errors == []


# ---- Noisy neighbours ----

def test_users_are_alike_to_a_stranger(gateway, client):
    """The answer does not tell whether a user exists; nor does what it costs."""
    gateway.cli("user", "add", "known", stdin="known-password", check=False)
    known, unknown = (client.post("/api/v2/token", token=None,
                                  data={"username": name, "password": "wrong-password"})
                      for name in ("known", "unknown"))
    assert known.status_code == unknown.status_code == 401
    assert known.content == unknown.content
    assert set(known.headers) == set(unknown.headers)
