"""SIGHUP and `dialgate reload`: another configuration in force without a restart, all of it or
nothing. What it means is seen at GET /, GET /docs, GET /health, POST /api/v2/token, POST
/api/v2/calls and GET /api/v2/status/{call_id}."""
import socket
import ssl
import subprocess
import threading
import time

import httpx
import jwt
import pytest
from shapes import bad_credentials, invalid, json_of, placed, refused, status_of
from support import toml
from support.client import VERSIONS, Client
from support.gateway import Gateway, free_port, merged
from support.reloading import reload_under_load
from support.waiting import wait_until

NUMBER = "+1234567890"
STATUS = "/api/v2/status/12345678"
QUICK = {"plugin": "mock", "ring_ms": 20, "answer_ms": 60, "talk_ms": 0, "hangup_ms": 50}
STAYS = "not reloaded, the configuration of before stays in force"


def certificate(folder, name):
    """A key and a certificate of its own, as NAME.key and NAME.pem."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", folder / f"{name}.key",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-out", folder / f"{name}.pem"],
        check=True, capture_output=True)


class Reloaded(Gateway):
    """A gateway whose configuration changes while it runs. Cleartext and TLS."""

    def __init__(self, settings=None):
        super().__init__(merged({"backend.mock": QUICK}, settings or {}))
        self.tls_port = free_port()
        certificate(self.folder, "first")
        certificate(self.folder, "second")
        self.settings = merged(self.settings, {"server": {
            "listen_tls": f"127.0.0.1:{self.tls_port}", "tls_certificate": "first.pem",
            "tls_key": "first.key"}})
        self.write()

    def write(self, changes=None):
        self.config.write_text(toml.write(merged(self.settings, changes or {})))

    def change(self, changes):
        """In force when this returns; gives what the command line said."""
        self.write(changes)
        return self.cli("reload").stderr

    def results(self, result):
        return self.metric("dialgate_reloads_total", result=result)

    def handshake(self):
        """A TLS connection, and the name in the certificate it was shown."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        link = context.wrap_socket(socket.create_connection(("127.0.0.1", self.tls_port),
                                                            timeout=10))
        shown = link.getpeercert(binary_form=True)
        names = {ssl.PEM_cert_to_DER_cert((self.folder / f"{name}.pem").read_text()): name
                 for name in ("first", "second")}
        return link, names[shown]


@pytest.fixture(scope="module")
def shared():
    with Reloaded() as running:
        yield running


@pytest.fixture
def gateway(shared):
    """With its first configuration in force, before and after."""
    yield shared
    shared.change({})


@pytest.fixture
def client(gateway, http_version):
    with gateway.client(http_version) as own:
        yield own


# ---- What takes effect ----

def test_nothing_changed(gateway, client):
    done = gateway.results("done")
    assert gateway.change({}) == ""
    assert gateway.results("done") == done + 1
    refused(client.get(STATUS), 404, "Call not found")


def test_signal(gateway, client):
    done = gateway.results("done")
    gateway.write({"server": {"docs": False}})
    gateway.reload()
    wait_until(lambda: gateway.results("done") == done + 1, 10, "the reload")
    assert json_of(client.get("/"))["docs"] == "disabled"


def test_pages(gateway, client):
    assert client.get("/docs").status_code == 200
    gateway.change({"server": {"docs": False}})
    refused(client.get("/docs"), 404, "Not Found")
    gateway.change({"server": {"docs": True, "metrics": False}})
    assert client.get("/docs").status_code == 200
    refused(client.get("/metrics"), 404, "Not Found")


def test_limits(gateway, client):
    body = {"phone_number": NUMBER, "variables": {"a": "x" * 500}}
    gateway.change({"server": {"max_body": 300}})
    refused(client.post("/api/v2/calls", json=body), 413, "Request too large")
    gateway.change({"server": {"max_body": 3000}})
    call_id = placed(client.post("/api/v2/calls", json=body), NUMBER)
    client.delete(f"/api/v2/calls/{call_id}")


def test_origins(gateway, client):
    def allowed(origin):
        reply = client.get("/health", headers={"Origin": origin})
        return reply.headers.get("access-control-allow-origin")
    assert allowed("https://a.example") == "*"
    gateway.change({"server": {"allowed_origins": ["https://a.example"]}})
    assert allowed("https://a.example") == "https://a.example"
    assert allowed("https://b.example") is None
    gateway.change({"server": {"allowed_origins": ["https://b.example"]}})
    assert allowed("https://a.example") is None
    assert allowed("https://b.example") == "https://b.example"


def test_proxies(gateway, client):
    def peer(name):
        client.get("/health", headers={"X-Forwarded-For": "192.0.2.7", "X-Request-ID": name})
        return wait_until(lambda: [line.split("peer=")[1].split()[0]
                                   for line in gateway.log().splitlines()
                                   if f"request_id={name}" in line and "peer=" in line])[0]
    version = client.version
    assert peer(f"before-{version}") == "127.0.0.1"
    gateway.change({"server": {"trusted_proxies": ["127.0.0.1"]}})
    assert peer(f"trusted-{version}") == "192.0.2.7"
    gateway.change({"server": {"trusted_proxies": ["10.0.0.0/8"]}})
    assert peer(f"after-{version}") == "127.0.0.1"


def test_secret(gateway, client):
    """A token of the key of before is refused at once, though it was found good a moment ago."""
    call_id = placed(client.post("/api/v2/calls", json={"phone_number": NUMBER}), NUMBER)
    gateway.change({"auth": {"secret_key": "k" + "0123456789abcdef" * 4}})
    bad_credentials(client.get(f"/api/v2/status/{call_id}"))
    old = client.token
    client.sign_in("tester", gateway.password)
    assert status_of(client.get(f"/api/v2/status/{call_id}"))["call_id"] == call_id
    gateway.change({})
    bad_credentials(client.get(f"/api/v2/status/{call_id}"))
    client.token = old
    assert client.delete(f"/api/v2/calls/{call_id}").status_code == 200


def test_claims(gateway, client):
    changes = {"auth": {"jwt_issuer": "us", "jwt_audience": "them", "token_minutes": 7}}
    gateway.change(changes)
    bad_credentials(client.get(STATUS))
    client.sign_in("tester", gateway.password)
    claims = jwt.decode(client.token, gateway.settings["auth"]["secret_key"], ["HS256"],
                        issuer="us", audience="them")
    assert claims["exp"] - claims["iat"] == 7 * 60
    refused(client.get(STATUS), 404, "Call not found")


def test_token_rate(gateway, client):
    def statuses(count):
        return [client.post("/api/v2/token", token=None).status_code for _ in range(count)]
    gateway.change({"auth": {"token_rate": "2/60s"}})
    assert statuses(3) == [422, 422, 429]
    gateway.change({"auth": {"token_rate": "2/60s"}, "server": {"docs": False}})
    assert statuses(1) == [429], "the same limit forgets nothing"
    gateway.change({"auth": {"token_rate": "3/60s"}})
    assert statuses(4) == [422, 422, 422, 429]
    gateway.change({})
    assert statuses(5) == [422] * 5


def test_calls(gateway, client):
    """The defaults, what the backend's own table says of them, and the limits."""
    def call(**more):
        return client.post("/api/v2/calls", json={"phone_number": NUMBER, **more})
    invalid(call(context="sales"), ("body", "context"))
    gateway.change({"calls": {"context": "sales", "caller_id": "Sales", "max_active": 1},
                    "backend.mock": {"extension": "77", "endpoint": "PJSIP/{number}@trunk"}})
    call_id = json_of(call())["call_id"]
    shown = status_of(client.get(f"/api/v2/status/{call_id}"))
    assert (shown["context"], shown["extension"], shown["caller_id"]) == ("sales", "77", "Sales")
    assert shown["channel"] == f"PJSIP/{NUMBER}@trunk"
    assert call().status_code == 429
    gateway.change({"calls": {"allowed_contexts": ["more"]}})
    other = json_of(call(context="more"))["call_id"]
    for one in (call_id, other):
        assert client.delete(f"/api/v2/calls/{one}").status_code == 200


def test_recent(gateway, client):
    """An ended call that memory no longer keeps is read from the store: it is not lost."""
    call_id = placed(client.post("/api/v2/calls", json={"phone_number": "+1234567486"}),
                     "+1234567486")
    wait_until(lambda: gateway.stored("cdr", call_id=call_id), 10, "the end")
    gateway.change({"calls": {"recent": "1ms", "recent_max": 0}})
    assert status_of(client.get(f"/api/v2/status/{call_id}"))["status"] == "busy"


def test_log_level(gateway, client):
    def logged(name):
        client.get("/health", headers={"X-Request-ID": name})
        client.get("/health", headers={"X-Request-ID": name + "-end"})
        return name in gateway.log()
    version = client.version
    gateway.change({"log": {"level": "warn"}})
    assert not logged(f"quiet-{version}")
    gateway.change({"log": {"level": "debug", "format": "json"}})
    client.get("/health", headers={"X-Request-ID": f"loud-{version}"})
    wait_until(lambda: f'"request_id":"loud-{version}"' in gateway.log(), 10, "a line of JSON")


def test_log_file(gateway, client):
    """Moved away and opened anew, as logrotate does it."""
    log, old = gateway.folder / "own.log", gateway.folder / "own.log.1"
    gateway.change({"log": {"file": "own.log"}})
    client.get("/health", headers={"X-Request-ID": "before"})
    wait_until(lambda: "request_id=before" in log.read_text(), 10, "the line")
    log.rename(old)
    gateway.change({"log": {"file": "own.log"}})
    client.get("/health", headers={"X-Request-ID": "afterwards"})
    wait_until(lambda: "request_id=afterwards" in log.read_text(), 10, "the line")
    assert "request_id=afterwards" not in old.read_text()
    gateway.change({})
    log.unlink()
    old.unlink()


def test_certificate(gateway):
    """New handshakes see the new one; a connection that is there goes on."""
    link, shown = gateway.handshake()
    assert shown == "first"
    with Client(f"https://127.0.0.1:{gateway.tls_port}", "2",
                ca=str(gateway.folder / "first.pem")) as old:
        assert old.get("/health").status_code == 200
        gateway.change({"server": {"tls_certificate": "second.pem", "tls_key": "second.key"}})
        for _ in range(4):  # over all threads
            other, shown = gateway.handshake()
            assert shown == "second"
            other.close()
        assert old.get("/health").status_code == 200
    link.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert link.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    link.close()


def test_renewed_certificate(gateway):
    """The same names of files, other contents; half renewed it is refused."""
    pem, key = gateway.folder / "first.pem", gateway.folder / "first.key"
    before = pem.read_text(), key.read_text()
    pem.write_text((gateway.folder / "second.pem").read_text())
    result = gateway.cli("reload", check=False)
    assert result.returncode == 1 and f"{gateway.config}:" in result.stderr
    assert "does not belong to the key" in result.stderr or "private key" in result.stderr
    key.write_text((gateway.folder / "second.key").read_text())
    gateway.cli("reload")
    renewed = gateway.handshake()
    renewed[0].close()
    pem.write_text(before[0])
    key.write_text(before[1])
    assert renewed[1] == "second"
    gateway.cli("reload")
    link, shown = gateway.handshake()
    link.close()
    assert shown == "first"


def test_env_file(gateway, client):
    """.env is read again with the file."""
    env = gateway.folder / ".env"
    changes = {"server": {"docs": "${SHOW_DOCS:-true}"}}
    env.write_text("SHOW_DOCS=false\n")
    gateway.change(changes)
    assert json_of(client.get("/"))["docs"] == "disabled"
    env.write_text("SHOW_DOCS=true\n")
    gateway.change(changes)
    assert json_of(client.get("/"))["docs"] == "/docs"
    env.unlink()


# ---- What does not ----

def test_needs_a_restart(gateway, client):
    """Each is named, in the log and in the answer; all the rest takes effect."""
    key, value = (("readers", 3) if gateway.settings["storage"]["plugin"] == "storage-pg" else
                  ("path", "other.db"))
    notes = gateway.change({
        "server": {"listen": f"127.0.0.1:{free_port()}", "threads": 1, "app_name": "Other",
                   "docs": False},
        "node": {"name": "other"},
        "auth": {"chain": ["jwt", "more"]},
        "backend.mock": {"caller_id": "Ours"},
        "storage": {key: value}})
    expected = {f"needs a restart: {name} changed" for name in (
        "server.listen", "server.threads", "server.app_name", "node.name", "auth.chain",
        f"storage.{key}")}
    assert set(notes.splitlines()) == expected
    for note in expected:
        assert note in gateway.log()
    root = json_of(client.get("/"))
    assert root["docs"] == "disabled" and root["message"] == "Contact Center API"
    call_id = placed(client.post("/api/v2/calls", json={"phone_number": NUMBER}), NUMBER)
    assert status_of(client.get(f"/api/v2/status/{call_id}"))["caller_id"] == "Ours"
    client.delete(f"/api/v2/calls/{call_id}")


# ---- What is refused ----

def line_of(text, part):
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


BAD = {
    "syntax": ("[more", "[more", "expected ']'"),
    "section": ("[serve]\nx = 1", "[serve]", "unknown section"),
    "key": ({"calls": {"maxactive": 1}}, "maxactive", "there is no such key"),
    "plugin's key": ({"backend.mock": {"rings": 1}}, "rings", "there is no such key"),
    "type": ({"server": {"max_body": "many"}}, "max_body", "an integer was expected"),
    "limit": ({"server": {"max_body": 0}}, "max_body", "at least 1"),
    "weak secret": ({"auth": {"secret_key": "short"}}, "secret_key", "32"),
    "token rate": ({"auth": {"token_rate": "many"}}, "token_rate", "makes no sense"),
    "level": ({"log": {"level": "loud"}}, "level", "expected debug"),
    "log file": ({"log": {"file": "nowhere/a.log"}}, "nowhere", "cannot be opened"),
    "proxy": ({"server": {"trusted_proxies": ["me"]}}, "trusted_proxies", "no address"),
    "address": ({"server": {"listen": "nowhere"}}, "listen", "expected host:port"),
    "no certificate": ({"server": {"tls_certificate": "none.pem"}}, "none.pem", "none.pem"),
    "mismatch": ({"server": {"tls_key": "second.key"}}, "tls_certificate", "key"),
    "variable": ({"calls": {"context": "${NOT_SET_AT_ALL}"}}, "NOT_SET", "is not set"),
    "backend": ({"telephony": {"backend": "none"}}, "[telephony]", "there is no table"),
    "fallback": ({"telephony": {"fallback": "none"}}, "fallback", "there is no table"),
    "fallback to itself": ({"telephony": {"fallback": "mock"}}, "fallback", "name another"),
    "plugin": ({"backend.x": {"plugin": "nothing"}}, '"nothing"', "nothing"),
}


@pytest.mark.parametrize("name", BAD)
def test_refused(gateway, name):
    """With file and line, on the command line and in the log; nothing of it is in force."""
    what, part, why = BAD[name]
    also = {"server": {"docs": False}, "calls": {"caller_id": "Changed"}}
    if isinstance(what, str):
        gateway.write(also)
        gateway.config.write_text(gateway.config.read_text() + what + "\n")
    else:
        gateway.write(merged(also, what))
    text = gateway.config.read_text()
    place = f"{gateway.config}:{line_of(text, part)}"
    count = gateway.results("refused")
    size = len(gateway.log())

    result = gateway.cli("reload", check=False)
    assert result.returncode == 1
    assert place in result.stderr and why in result.stderr, result.stderr
    gateway.reload()
    wait_until(lambda: gateway.results("refused") > count, 10, "the signal's end")
    told = wait_until(lambda: [line for line in gateway.log()[size:].splitlines()
                               if " ERROR " in line and place in line], 5, "the log")
    assert why in told[-1]
    wait_until(lambda: STAYS in gateway.log()[size:], 5, "the log")

    with gateway.client("1.1") as client:
        assert json_of(client.get("/"))["docs"] == "/docs"
        call_id = placed(client.post("/api/v2/calls", json={"phone_number": NUMBER}), NUMBER)
        shown = status_of(client.get(f"/api/v2/status/{call_id}"))
        assert shown["caller_id"] == "Outbound Call"
        client.delete(f"/api/v2/calls/{call_id}")
    link, shown = gateway.handshake()
    link.close()
    assert shown == "first"


def test_all_problems_at_once(gateway):
    gateway.write({"server": {"max_body": "many"}, "calls": {"maxactive": 1},
                   "log": {"colour": True}})
    result = gateway.cli("reload", check=False)
    assert result.returncode == 1
    first, *lines = result.stderr.splitlines()
    assert STAYS in first and len(lines) == 3
    for part in ("server.max_body", "calls.maxactive", "log.colour"):
        assert sum(part in line for line in lines) == 1


def test_no_file(gateway):
    """A file that is not there now: the running gateway goes on."""
    text = gateway.config.read_text()
    count = gateway.results("refused")
    gateway.config.unlink()
    gateway.reload()
    wait_until(lambda: gateway.results("refused") == count + 1, 10, "the refusal")
    gateway.config.write_text(text)
    assert httpx.get(gateway.base + "/health", trust_env=False).status_code == 200


# ---- Under way ----

def test_sign_ins_under_way():
    """Passwords are being looked at when the keys' providers change: everybody gets an answer."""
    with Reloaded({"auth": {"bcrypt_cost": 9}}) as gateway:
        with gateway.client() as first:
            first.get("/health")
        replies, failures = [], []

        def sign_in(version):
            try:
                with gateway.client(version, signed_in=False) as own:
                    replies.append(own.post("/api/v2/token", token=None, data={
                        "username": "tester", "password": gateway.password}))
            except Exception as error:  # told by the main thread
                failures.append(error)
        threads = [threading.Thread(target=sign_in, args=(VERSIONS[index % 2],))
                   for index in range(16)]
        for thread in threads:
            thread.start()
        wait_until(lambda: gateway.metric("dialgate_http_in_flight") >= 3, 10, "sign-ins under way")
        gateway.change({"auth": {"token_minutes": 5}})
        for thread in threads:
            thread.join(30)
        assert not failures and [reply.status_code for reply in replies] == [200] * 16
        token = replies[-1].json()["access_token"]
        with Client(gateway.base, token=token) as own:
            refused(own.get(STATUS), 404, "Call not found")
        gateway.change({"auth": {"bcrypt_cost": 4}})
        gateway.add_user("later", "a-password-of-later")
        user, = gateway.stored("users", username="later")
        assert user["password_hash"].startswith("$2b$04$")


def test_many_at_once(gateway):
    """Twelve who ask at the same time all get the answer to the file as it is."""
    gateway.write({"server": {"docs": False}})
    running = [subprocess.Popen([gateway.program, "reload", "--config", gateway.config],
                                env=gateway.environment, stderr=subprocess.PIPE)
               for _ in range(12)]
    results = [(one.communicate(timeout=60)[1], one.returncode) for one in running]
    assert results == [(b"", 0)] * 12
    assert json_of(httpx.get(gateway.base + "/", trust_env=False))["docs"] == "disabled"


def test_while_starting_and_stopping():
    """Whenever it comes, a reload harms neither the start nor the end."""
    for _ in range(3):
        with Reloaded() as gateway:
            gateway.stop()
            gateway.starts += 1
            with open(gateway.log_file, "wb") as errors:
                gateway.process = subprocess.Popen(
                    [gateway.program, "serve", "--config", gateway.config], cwd=gateway.folder,
                    stdout=errors, stderr=errors, env=gateway.environment)
            socket_file = gateway.folder / "control.sock"
            wait_until(socket_file.exists, 20, "the control socket", every=0.0005)
            gateway.cli("reload")
            assert gateway.metric("dialgate_reloads_total", result="done") >= 1
            asking = subprocess.Popen([gateway.program, "reload", "--config", gateway.config],
                                      env=gateway.environment, stderr=subprocess.PIPE)
            time.sleep(0.001)
            gateway.stop()
            asking.communicate(timeout=60)
            assert asking.returncode in (0, 1)


def test_under_load(http_version):
    """A slow one, for what the sanitizers see; tests/faults has the fast one."""
    with Gateway({"backend.mock": QUICK, "calls": {"allowed_contexts": ["one"]}}) as gateway:
        load, results = reload_under_load(gateway, http_version, rate=250, times=9)
        assert load.failures == [] and set(load.statuses) == {200}
        assert results == (6, 3)
