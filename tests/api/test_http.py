"""What holds for every endpoint of the Contact Center API, whatever it does: paths and methods,
headers, origins, sizes, both versions of HTTP with and without TLS. The endpoints named are GET
/health, POST /api/v2/token, POST /api/v2/calls and GET /api/v2/status/{call_id}."""
import json
import socket
import ssl
import subprocess
import uuid

import h2.config
import h2.connection
import h2.events
import httpx
import pytest
from shapes import invalid, json_of, not_authenticated, placed, refused
from support.client import Client, raw
from support.gateway import Gateway

NUMBER = "+1234567890"
LIMIT = 20000  # server.max_body of the session's gateway


# ---- Paths and methods ----

@pytest.mark.parametrize("path", [
    "/nothing", "/api/v2", "/api/v2/", "/api/v2/nothing", "/api/v2/status", "/api/v2/calls/a/b",
    "/api/v2/interaction/a/b/c", "/healthz", "/health/x", "/HEALTH", "/health//",
    "/api/v2/token/x", "/%2e", "/api/v2//calls", "/api%2Fv2/calls", "/x" * 40, "/apix",
    "/index.html"])
def test_not_found(client, path):
    for method in ("GET", "POST", "DELETE", "PATCH"):
        refused(client.request(method, path, token=None), 404, "Not Found")


@pytest.mark.parametrize("path", ["/api/nothing", "/api/x/y", "/api/v1/token", "/api/v2x",
                                  "/adial/api/nothing"])
def test_not_found_in_the_other_envelope(client, path):
    assert json_of(client.get(path, token=None), 404) == {
        "success": False, "code": 404, "message": "Not Found"}


ALLOWED = {
    "/": "GET, HEAD, OPTIONS",
    "/health": "GET, HEAD, OPTIONS",
    "/readiness": "GET, HEAD, OPTIONS",
    "/metrics": "GET, HEAD, OPTIONS",
    "/openapi.json": "GET, HEAD, OPTIONS",
    "/docs": "GET, HEAD, OPTIONS",
    "/api/v2/token": "POST, OPTIONS",
    "/api/v2/calls": "GET, HEAD, POST, OPTIONS",
    "/api/v2/calls/12345678": "GET, HEAD, DELETE, OPTIONS",
    "/api/v2/status/12345678": "GET, HEAD, OPTIONS",
    f"/api/v2/interaction/{NUMBER}": "POST, OPTIONS",
    "/api/v2/interaction/12345678/status": "GET, HEAD, OPTIONS",
}


def methods(text):
    return set(text.replace(" ", "").split(","))


@pytest.mark.parametrize("path", ALLOWED)
def test_method_not_allowed(client, path):
    allowed = methods(ALLOWED[path])
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "BREW"} - allowed:
        for token in (None, client.token):
            reply = client.request(method, path, token=token)
            refused(reply, 405, "Method Not Allowed")
            assert methods(reply.headers["allow"]) == allowed


@pytest.mark.parametrize("path", ALLOWED)
def test_options(client, path):
    reply = client.request("OPTIONS", path, token=None)
    assert reply.status_code == 204 and reply.content == b""
    assert methods(reply.headers["allow"]) == methods(ALLOWED[path])


@pytest.mark.parametrize("path", ["/", "/health", "/readiness", "/openapi.json", "/docs",
                                  "/redoc", "/metrics/"])
def test_head(client, path):
    whole, head = client.get(path, token=None), client.request("HEAD", path, token=None)
    assert head.status_code == whole.status_code == 200
    assert head.content == b""
    assert head.headers["content-type"] == whole.headers["content-type"]
    assert int(head.headers["content-length"]) > 0


def test_head_of_errors(client):
    for path, status in (("/nothing", 404), ("/api/v2/token", 405),
                         ("/api/v2/status/12345678", 401)):
        reply = client.request("HEAD", path, token=None)
        assert reply.status_code == status and reply.content == b""
        assert int(reply.headers["content-length"]) > 0


@pytest.mark.parametrize("path", ["/health/", "/readiness/", "/metrics/", "/openapi.json/",
                                  "/docs/", "/redoc/"])
def test_trailing_slash(client, path):
    reply = client.get(path, token=None)
    assert reply.status_code == 200 and not reply.history


def test_trailing_slash_of_posts(client, ended):
    ended.append(placed(client.post("/api/v2/calls/", json={"phone_number": NUMBER}), NUMBER))
    ended.append(placed(client.post(f"/api/v2/interaction/{NUMBER}/"), NUMBER))
    assert client.post("/api/v2/token/", token=None, data={"username": "a", "password": "b"}
                       ).status_code == 401


def test_decoding(client):
    """A path is split first and decoded afterwards; "+" stays, in a query it is a space."""
    assert json_of(client.get("/%68ealth", token=None))["version"]
    assert json_of(client.get("/health?a=b&c", token=None))["version"]
    assert json_of(client.get("/health?", token=None))["version"]
    problem, = invalid(client.post("/api/v2/interaction/12%2F34567"), ("path", "number"))
    assert problem["input"] == "12/34567"
    problem, = invalid(client.post("/api/v2/interaction/a+b%20c%C3%A4"), ("path", "number"))
    assert problem["input"] == "a+b cä"


@pytest.mark.parametrize("target", ["/%", "/%zz", "/a%0", "/%00", "/%ff", "/a%c3", "/a%",
                                    "/%c0%ae"])
def test_bad_escapes(gateway, target):
    answer = raw(gateway.address, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                 .encode())
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b'{"detail":' in answer


@pytest.mark.parametrize("target", ["//health", "/a%0d%0aX:%20y", "/%7f", "/..", "/../health",
                                    "/./health", "/health/..", "/?/health", "/*", "/health%00"])
def test_odd_targets(gateway, target):
    """Nothing is made straight: such a path is another one, or none."""
    answer = raw(gateway.address, f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                 .encode())
    assert answer.startswith(b"HTTP/1.1 40" if target != "/?/health" else b"HTTP/1.1 200 "), answer


def test_whole_urls(gateway):
    answer = raw(gateway.address, b"GET http://elsewhere.example/health HTTP/1.1\r\n"
                 b"Host: elsewhere.example\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


# ---- X-Request-ID ----

PLACES = [("GET", "/health"), ("GET", "/nothing"), ("PUT", "/health"), ("POST", "/api/v2/token"),
          ("POST", "/api/v2/calls"), ("GET", "/api/v2/status/1"), ("OPTIONS", "/health"),
          ("GET", "/metrics"), ("GET", "/docs"), ("HEAD", "/health"), ("GET", "/api/nothing")]


@pytest.mark.parametrize("method, path", PLACES)
def test_request_id_is_echoed(client, method, path):
    for own in ("x", "abc-123", "id with blanks, and; signs=\"1\"", "i" * 128, str(uuid.uuid4())):
        reply = client.request(method, path, headers={"X-Request-ID": own})
        assert reply.headers.get_list("x-request-id") == [own]


@pytest.mark.parametrize("method, path", PLACES)
def test_request_id_is_made(client, method, path):
    made = set()
    for own in (None, None, "", "i" * 129, "ü"):
        headers = {} if own is None else {"X-Request-ID": own.encode()}
        reply = client.request(method, path, headers=headers)
        one, = reply.headers.get_list("x-request-id")
        assert uuid.UUID(one).version == 4 and str(uuid.UUID(one)) == one
        made.add(one)
    assert len(made) == 5


# ---- Origins ----

PREFLIGHT = {"Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization, content-type"}
ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def choosy():
    """Knows two origins, named as a comma list by the environment."""
    gateway = Gateway({"server": {"allowed_origins": "${ALLOWED_ORIGINS}"}},
                      env={"ALLOWED_ORIGINS": f"{ORIGIN}, http://localhost:3000"})
    with gateway:
        yield gateway


@pytest.mark.parametrize("method, path", PLACES)
def test_any_origin(client, method, path):
    """The campaign dialer names it, the others need not."""
    headers = client.request(method, path, headers={"Origin": ORIGIN}).headers
    own = path.startswith("/api") and not path.startswith("/api/v2")
    assert headers["access-control-allow-origin"] == (ORIGIN if own else "*")
    assert headers["access-control-allow-credentials"] == "true"


def test_no_origin(client):
    headers = client.get("/health").headers
    assert not [name for name in headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/health", "/api/v2/calls", "/api/v2/token", "/nothing"])
def test_preflight(client, path):
    reply = client.request("OPTIONS", path, token=None, headers={"Origin": ORIGIN, **PREFLIGHT})
    assert reply.status_code == 200
    assert reply.text == "OK"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["access-control-allow-credentials"] == "true"
    assert {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} == methods(
        reply.headers["access-control-allow-methods"])
    wanted = methods(reply.headers["access-control-allow-headers"].lower())
    assert {"authorization", "content-type"} <= wanted
    assert int(reply.headers["access-control-max-age"]) > 0


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3000"])
def test_listed_origin(choosy, http_version, origin):
    with choosy.client(http_version, signed_in=False) as client:
        reply = client.get("/health", headers={"Origin": origin})
        preflight = client.request("OPTIONS", "/health", headers={"Origin": origin, **PREFLIGHT})
        assert preflight.status_code == 200
        for one in (reply, preflight):
            assert one.headers["access-control-allow-origin"] == origin
            assert one.headers["access-control-allow-credentials"] == "true"
            assert "origin" in one.headers["vary"].lower()


@pytest.mark.parametrize("origin", ["https://other.example", f"{ORIGIN}.evil.example", "null",
                                    "http://app.example", f"{ORIGIN}:8443"])
def test_other_origin(choosy, http_version, origin):
    with choosy.client(http_version, signed_in=False) as client:
        reply = client.get("/health", headers={"Origin": origin})
        assert reply.status_code == 200
        preflight = client.request("OPTIONS", "/health", headers={"Origin": origin, **PREFLIGHT})
        assert preflight.status_code == 400
        for one in (reply, preflight):
            assert "access-control-allow-origin" not in one.headers
            assert "origin" in one.headers["vary"].lower()


# ---- Bodies ----

def padded(size):
    """A request for a call, of exactly this many bytes."""
    start = json.dumps({"phone_number": NUMBER, "padding": ""}).encode()
    return start[:-2] + b"x" * (size - len(start)) + b'"}'


def test_body_limit(client, ended):
    ended.append(placed(client.post("/api/v2/calls", content=padded(LIMIT)), NUMBER))
    for size in (LIMIT + 1, LIMIT * 2):
        refused(client.post("/api/v2/calls", content=padded(size)), 413, "Request too large")


def test_body_far_too_large(client, ended):
    """On HTTP/2 the server library then resets the stream; the connection goes on."""
    try:
        refused(client.post("/api/v2/calls", content=padded(1000000)), 413, "Request too large")
    except httpx.RemoteProtocolError as error:
        assert client.version == "2" and "StreamReset" in str(error)
    ended.append(placed(client.post("/api/v2/calls", content=padded(LIMIT)), NUMBER))


def test_body_limit_without_a_length(client, ended):
    def pieces(size):
        content = padded(size)
        for start in range(0, size, 4000):
            yield content[start:start + 4000]
    ended.append(placed(client.post("/api/v2/calls", content=pieces(LIMIT)), NUMBER))
    refused(client.post("/api/v2/calls", content=pieces(LIMIT + 1)), 413, "Request too large")


def test_body_limit_by_its_length_alone(gateway):
    """The refusal does not wait for a gigabyte to come."""
    answer = raw(gateway.address, b"POST /api/v2/token HTTP/1.1\r\nHost: x\r\n"
                 b"Content-Type: application/x-www-form-urlencoded\r\n"
                 b"Content-Length: 1000000000\r\n\r\nusername=a", seconds=3)
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    assert b'{"detail":"Request too large"}' in answer
    assert b"x-request-id:" in answer.lower()


def test_body_limit_of_every_kind(client):
    refused(client.post("/api/v2/token", token=None, content=b"username=" + b"x" * LIMIT,
                        headers={"Content-Type": "application/x-www-form-urlencoded"}),
            413, "Request too large")
    refused(client.post(f"/api/v2/interaction/{NUMBER}", token=None, content=padded(LIMIT + 1)),
            413, "Request too large")


def test_deep_and_wide(client):
    for content in (b"[" * 9000 + b"]" * 9000, b'{"a":' * 3000 + b"1" + b"}" * 3000):
        invalid(client.post("/api/v2/calls", content=content), ("body",))
    wide = {"phone_number": "x", **{f"k{i}": i for i in range(1000)}}
    reply = client.post("/api/v2/calls", json=wide)
    invalid(reply, ("body", "phone_number"))
    assert len(reply.content) < 1000


@pytest.mark.parametrize("kind", [None, "application/json", "application/json; charset=utf-8",
                                  "application/vnd.api+json"])
def test_kinds_of_json(client, ended, kind):
    headers = {"Content-Type": kind} if kind else {}
    ended.append(placed(client.post("/api/v2/calls", headers=headers,
                                    content=json.dumps({"phone_number": NUMBER})), NUMBER))


def test_malformed_json(client):
    for content in (b"{", b"phone_number=%2B1234567890", b"<x/>", b'{"phone_number":"\xc3\x28"}'):
        problem, = invalid(client.post("/api/v2/calls", content=content), ("body",))
        assert problem["type"] == "json_invalid"


# ---- Long things ----

def test_long_targets_and_headers(client):
    assert client.get("/" + "x" * 4000, token=None).status_code in (404, 414)
    reply = client.get("/" + "x" * 40000, token=None)
    assert reply.status_code == 414 and "detail" in reply.json()
    reply = client.get("/health", token=None, headers={f"x-{i}": "y" * 4000 for i in range(12)})
    assert reply.status_code == 431 and "detail" in reply.json()


def test_long_credentials(client):
    for size in (8192, 8193, 20000):
        assert client.get("/api/v2/status/12345678", token="x" * size).status_code == 401


# ---- HTTP/1.1 by hand ----

def ask(address, *lines, body=b""):
    return raw(address, "\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def test_http_1_0(gateway):
    answer = ask(gateway.address, "GET /health HTTP/1.0")
    assert answer.startswith(b"HTTP/1.1 200 ") and b"x-request-id" in answer.lower()


def test_pipelined(gateway):
    answer = raw(gateway.address, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n" * 9 +
                 b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 ") == 9 and answer.count(b"HTTP/1.1 404 ") == 1


@pytest.mark.parametrize("lines", [
    ["Content-Length: 2", "Content-Length: 3"],
    ["Content-Length: 2", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Content-Length: -1"], ["Content-Length: 2x"], ["Content-Length: +2"],
])
def test_ambiguous_lengths(gateway, lines):
    answer = ask(gateway.address, "POST /api/v2/calls HTTP/1.1", "Host: x", *lines,
                 body=b"2\r\n{}\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert answer.count(b"HTTP/1.1 ") == 1 and answer.startswith(b"HTTP/1.1 400 "), answer


@pytest.mark.parametrize("garbage", [b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"\r\n\r\n\r\n",
                                     b"GET / HTTP/9.9\r\n\r\n", b"G\x00T / HTTP/1.1\r\n\r\n",
                                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 99,
                                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64])
def test_garbage(gateway, client, garbage):
    answer = raw(gateway.address, garbage, seconds=2, close_writing=True)
    assert b"HTTP/1.1 200 " not in answer
    assert client.get("/health").status_code == 200


def test_expect_continue(gateway, client):
    body = b"username=x&password=y"
    with socket.create_connection(gateway.address, timeout=5) as link:
        link.sendall(b"POST /api/v2/token HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                     b"Content-Type: application/x-www-form-urlencoded\r\n"
                     b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
        assert link.recv(1000).startswith(b"HTTP/1.1 100 ")
        link.sendall(body)
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 401 ")


# ---- HTTP/2 by hand ----

def test_prior_knowledge(gateway):
    """Two requests on one connection without TLS and without an upgrade."""
    with socket.create_connection(gateway.address, timeout=5) as link:
        link.settimeout(5)
        state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        state.initiate_connection()
        for stream, path in ((1, "/health"), (3, "/nothing")):
            state.send_headers(stream, [(":method", "GET"), (":path", path), (":scheme", "http"),
                                        (":authority", "x")], end_stream=True)
        link.sendall(state.data_to_send())
        statuses = {}
        while len(statuses) < 2:
            for event in state.receive_data(link.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    headers = dict(event.headers)
                    statuses[event.stream_id] = headers[":status"]
                    assert uuid.UUID(headers["x-request-id"]).version == 4
            link.sendall(state.data_to_send())
    assert statuses == {1: "200", 3: "404"}


def test_many_streams(gateway, clients):
    """Answers find their own stream."""
    token = clients["2"].token
    with socket.create_connection(gateway.address, timeout=5) as link:
        state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        state.initiate_connection()
        wanted = {}
        for stream in range(1, 2 * 60, 2):
            wanted[stream] = f"id-of-{stream}"
            state.send_headers(stream, [
                (":method", "GET"), (":path", f"/api/v2/status/unknown-{stream}"),
                (":scheme", "http"), (":authority", "x"), ("authorization", f"Bearer {token}"),
                ("x-request-id", wanted[stream])], end_stream=True)
        link.sendall(state.data_to_send())
        found = {}
        while len(found) < len(wanted):
            for event in state.receive_data(link.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    assert dict(event.headers)[":status"] == "404"
                    found[event.stream_id] = dict(event.headers)["x-request-id"]
            link.sendall(state.data_to_send())
    assert found == wanted


def test_upgrade(gateway):
    """From HTTP/1.1 without TLS, as older clients ask for it."""
    answer = raw(gateway.address, b"GET /health HTTP/1.1\r\nHost: x\r\n"
                 b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
                 b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", seconds=1)
    assert answer.startswith(b"HTTP/1.1 101 ")


# ---- TLS ----

@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", folder / "key.pem",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", folder / "cert.pem"],
        check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"server": {"listen_tls": f"127.0.0.1:{port}", "tls_key": str(folder / "key.pem"),
                           "tls_certificate": str(folder / "cert.pem")}}
    with Gateway(settings) as gateway:
        gateway.tls = f"https://127.0.0.1:{port}"
        gateway.tls_address = ("127.0.0.1", port)
        gateway.authority = str(folder / "cert.pem")
        with gateway.client() as client:
            gateway.token = client.token
        yield gateway


def test_tls(secure, http_version):
    with Client(secure.tls, http_version, ca=secure.authority) as client:
        assert json_of(client.get("/health"))["status"] == "ok"
        client.token = secure.token
        call_id = placed(client.post("/api/v2/calls", json={"phone_number": NUMBER}), NUMBER)
        assert json_of(client.get(f"/api/v2/status/{call_id}"))["call_id"] == call_id
        refused(client.get("/nothing"), 404, "Not Found")
        not_authenticated(client.get("/api/v2/status/12345678", token=None))


@pytest.mark.parametrize("offered, agreed", [
    (["h2"], "h2"), (["h2", "http/1.1"], "h2"), (["http/1.1", "h2"], "h2"),
    (["http/1.1"], "http/1.1"), ([], None)])
def test_alpn(secure, offered, agreed):
    context = ssl.create_default_context(cafile=secure.authority)
    if offered:
        context.set_alpn_protocols(offered)
    with socket.create_connection(secure.tls_address, timeout=5) as link:
        with context.wrap_socket(link, server_hostname="localhost") as safe:
            assert safe.selected_alpn_protocol() == agreed
            assert safe.version() in ("TLSv1.2", "TLSv1.3")
            if agreed != "h2":
                safe.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert safe.recv(100).startswith(b"HTTP/1.1 200 ")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_old_tls(secure):
    context = ssl.create_default_context(cafile=secure.authority)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with socket.create_connection(secure.tls_address, timeout=5) as link:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            context.wrap_socket(link, server_hostname="localhost")


def test_plain_on_tls_and_back(secure):
    """The wrong protocol on a port ends that connection and nothing else."""
    answer = raw(secure.tls_address, b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", seconds=2)
    assert b"200" not in answer[:16]
    with Client(secure.base) as client:
        assert client.get("/health").status_code == 200


# ---- Addresses ----

def test_several_addresses(http_version, tmp_path):
    """All APIs on each; a Unix socket too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        second = probe.getsockname()[1]
    path = tmp_path / "http.sock"
    gateway = Gateway()
    gateway.config.write_text(gateway.config.read_text().replace(
        f'listen = "127.0.0.1:{gateway.port}"',
        f'listen = ["127.0.0.1:{gateway.port}", "127.0.0.1:{second}", "unix:{path}"]'))
    with gateway:
        for port in (gateway.port, second):
            with Client(f"http://127.0.0.1:{port}", http_version) as client:
                assert client.get("/health").status_code == 200
        transport = httpx.HTTPTransport(uds=str(path), http1=http_version == "1.1",
                                        http2=http_version == "2")
        with httpx.Client(transport=transport) as client:
            reply = client.get("http://local/health")
            assert reply.status_code == 200 and reply.http_version == f"HTTP/{http_version}"


def test_address_in_use(gateway):
    other = Gateway(port=gateway.port)
    result = other.cli("serve", check=False)
    assert result.returncode == 1
    assert str(gateway.port) in result.stderr
    other.remove()
