"""The configuration and the command line of a gateway that serves the Contact Center API: what
`dialgate check`, `plugins` and `user` say and how they end, and what the environment's documented
names do. Users are shown on POST /api/v2/token and GET /api/v2/status/{call_id}."""
import os
import re
import secrets
import shutil
import stat
import subprocess

import jwt
import pytest
from shapes import bad_credentials, json_of, placed, refused, status_of
from support.gateway import FILE, ROOT, Gateway
from support.run_secret import run_secret

SECRET = run_secret("secret_key")
# The environment of these tests must not decide them.
NAMES = {"HOST", "PORT", "LISTEN_TLS", "SSL_CERTFILE", "SSL_KEYFILE", "ALLOWED_ORIGINS",
         "CORS_ORIGINS", "METRICS_ENABLED", "DOCS_ENABLED", "APP_NAME", "APP_VERSION", "DEBUG",
         "DEBUG_MODE", "LOG_LEVEL", "LOG_FORMAT", "LOG_FILE", "SECRET_KEY", "ALGORITHM",
         "JWT_PUBLIC_KEY", "JWT_ISSUER", "JWT_AUDIENCE", "ACCESS_TOKEN_EXPIRE_MINUTES",
         "RATE_LIMIT_REQUESTS", "RATE_LIMIT_WINDOW", "API_KEY", "DEV_API_KEY", "DEFAULT_CONTEXT",
         "DEFAULT_EXTENSION", "DEFAULT_PRIORITY", "DEFAULT_TIMEOUT", "DEFAULT_CALLER_ID",
         "USE_MOCK_DIALER", "ARI_HTTP_URL", "ARI_USERNAME", "ARI_PASSWORD", "ARI_APP",
         "DIALGATE_DATA", "DISABLE_DB", "DIALGATE_CONFIG"}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def made():
    """A function that makes a gateway that is not started."""
    gateways = []

    def make(*arguments, **options):
        gateways.append(Gateway(*arguments, **options))
        return gateways[-1]
    yield make
    for gateway in gateways:
        gateway.remove()


def problems(gateway, *expected):
    """`check` refuses with these lines, regular expressions behind the file's name."""
    result = gateway.cli("check", check=False)
    assert result.returncode == 1, result
    lines = result.stderr.splitlines()
    assert len(lines) == len(expected), result.stderr
    for line, pattern in zip(lines, expected):
        place = re.escape(str(gateway.config.resolve()))
        assert re.fullmatch(rf"{place}:\d+(:\d+)?: .*{pattern}.*", line), line
    return lines


def starts_not(gateway):
    """`serve` refuses too, at once and with as much to say."""
    result = gateway.cli("serve", check=False)
    assert result.returncode == 1, result
    assert result.stderr.strip()
    return result.stderr


# ---- dialgate check ----

def test_good(made):
    result = made().cli("check")
    assert "no problems" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("section, key, value, pattern", [
    ("server", "listn", "x", r'listn.*did you mean "listen"'),
    ("calls", "colour", "x", r"colour.*the keys here are"),
    ("backend.mock", "ring_mss", 5, r'ring_mss.*did you mean "ring_ms"'),
    ("storage", "paht", "x", r'paht.*did you mean "path"'),
    ("auth", "secret", SECRET, r"secret"),
    ("server", "threads", "two", r'"two" was found, an integer was expected'),
    ("server", "threads", True, r"an integer was expected"),
    ("server", "threads", 1.5, r"an integer was expected"),
    ("server", "metrics", "perhaps", r"true or false"),
    ("server", "metrics", 1, r"true or false"),
    ("server", "idle_timeout", "5 parsecs", r"a duration"),
    ("server", "idle_timeout", -5, r"a duration"),
    ("server", "listen", 8000, r"was expected"),
    ("server", "listen", "127.0.0.1:abc", r"a number from 0 to 65535"),
    ("server", "listen", "127.0.0.1:70000", r"a number from 0 to 65535"),
    ("server", "listen", "::1:8000", r"in brackets"),
    ("server", "listen_tls", "unix:somewhere", r"unix:/path"),
    ("log", "format", "xml", r"text or json"),
    ("calls", "context", 5, r"a string was expected"),
    ("calls", "endpoint", "PJSIP/trunk", r"\{number\}"),
    ("log", "level", "loud", r"debug, info, warn or error"),
    ("auth", "token_rate", "often", r"10/60s"),
    ("auth", "bcrypt_cost", 99, r"4 to 15"),
    ("auth", "algorithm", "none", r"HS256, RS256 or ES256"),
    ("auth", "algorithm", "RS256", r"public_key is not set"),
    ("auth", "public_key", "key.pem", r"public_key"),
    ("telephony", "backend", "asterisk", r"no table \[backend\.asterisk\]"),
    ("telephony", "backend", "${NO_SUCH_NAME}", r"NO_SUCH_NAME is not set"),
    ("calls", "caller_id", "${NO_SUCH_NAME}", r"NO_SUCH_NAME is not set"),
    ("calls", "caller_id", "${NO_SUCH", r"expected"),
    ("backend.mock", "plugin", "nosuch", r"nosuch"),
    ("backend.mock", "plugin", "storage-file", r"no telephony backend"),
    ("storage", "plugin", "mock", r"no store"),
    ("server", "trusted_proxies", ["10.0.0.0/33"], r"10\.0\.0\.0/33.*is no address"),
    ("nonsense", "a", 1, r'unknown section "nonsense"'),
])
def test_refused(made, section, key, value, pattern):
    gateway = made({section: {key: value}})
    line, = problems(gateway, pattern)
    # The place is right: the line has the key, or at least belongs to its table.
    number = int(line.split(":")[1])
    text = gateway.config.read_text().splitlines()
    nearby = "\n".join(text[max(0, number - 2):number + 1])
    assert key in nearby or section in nearby or "public_key" in pattern, (number, nearby)


@pytest.mark.parametrize("url", ["nonsense", "", "http://", "ftp://pbx/ari", "http://pbx:0/ari",
                                 "http://me:secret@pbx/ari", "pbx:8088/ari", "${NONSENSE}"])
def test_urls(made, url):
    gateway = made({"backend.pbx": {"plugin": "ari", "username": "u", "url": url}},
                   {"NONSENSE": "nonsense"})
    problems(gateway, r"pbx\.url: .*a URL \(http:// or https://, a host")


@pytest.mark.parametrize("section, key, value", [
    ("server", "listn", "x"), ("calls", "endpoint", "PJSIP/trunk"), ("log", "level", "loud"),
    ("auth", "token_rate", "often"), ("backend.mock", "plugin", "nosuch")])
def test_serve_refuses_what_check_refuses(made, section, key, value):
    gateway = made({section: {key: value}})
    checked = gateway.cli("check", check=False).stderr
    assert starts_not(gateway) == checked


def test_several_at_once(made):
    problems(made({"server": {"threads": "x", "nope": 1}, "calls": {"priority": "high"}}),
             "threads", "nope", "priority")


def test_no_toml(made):
    gateway = made(text="[server\nlisten = 5\n")
    problems(gateway, "")
    starts_not(gateway)
    gateway = made(text='[server]\nlisten = "a"\nlisten = "b"\n')
    problems(gateway, "listen")


def test_plugin_is_missing(made):
    gateway = made({"backend.mock": {"plugin": None}})
    problems(gateway, '"plugin" is missing')


def test_no_file(made):
    gateway = made()
    gateway.config.unlink()
    for verb in ("check", "serve", "plugins"):
        result = gateway.cli(verb, check=False)
        assert result.returncode == 1
        assert str(gateway.config) in result.stderr


@pytest.mark.parametrize("arguments", [
    ["nonsense"], ["check", "--nonsense"], ["check", "extra"], ["user"], ["user", "add"],
    ["user", "add", "a", "b"], ["user", "burn", "a"], ["user", "add", "a", "--role"],
    ["serve", "--role", "admin"], ["check", "--config"], ["--nonsense"],
    ["user", "list", "x"]])
def test_wrong_usage(made, arguments):
    gateway = made()
    result = subprocess.run([gateway.program, *arguments], cwd=gateway.folder, text=True,
                            capture_output=True, timeout=30, stdin=subprocess.DEVNULL)
    assert result.returncode == 2, result
    assert "usage" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_help(made):
    gateway = made()
    for argument in ("help", "--help", "-h"):
        result = subprocess.run([gateway.program, argument], text=True, capture_output=True,
                                timeout=30)
        assert result.returncode == 0
        for verb in ("serve", "check", "plugins", "user add", "user passwd", "user list",
                     "user disable", "user enable", "export", "import", "reload"):
            assert f"dialgate {verb}" in result.stdout
        assert result.stderr == ""


def test_config_is_found(made, tmp_path):
    """--config F, $DIALGATE_CONFIG, then ./dialgate.toml."""
    gateway = made()
    here = subprocess.run([gateway.program, "check"], cwd=gateway.folder, text=True,
                          capture_output=True, timeout=30)
    assert here.returncode == 0 and str(gateway.config) in here.stdout
    named = subprocess.run([gateway.program, "check"], cwd=tmp_path, text=True,
                           capture_output=True, timeout=30,
                           env={**os.environ, "DIALGATE_CONFIG": str(gateway.config)})
    assert named.returncode == 0 and str(gateway.config) in named.stdout


# ---- dialgate plugins ----

def test_plugins(made):
    shown = made().cli("plugins").stdout
    for name, kind in (("mock", "backend"), ("storage-file", "storage"), ("ari", "backend")):
        assert re.search(rf"^{name} \S+ \(ABI \d+\.\d+\) .*{kind}", shown, re.MULTILINE), shown
    for section in ("server", "log", "plugins", "auth", "calls", "node", "storage", "telephony"):
        assert f"[{section}]\n" in shown
    # Every key with its default, of the core and of plugins.
    assert re.search(r'^ +listen +.*default "127\.0\.0\.1:8000"', shown, re.MULTILINE)
    assert re.search(r'^ +ring_ms +.*default "200ms"', shown, re.MULTILINE)
    assert re.search(r"^ +path +path +required", shown, re.MULTILINE)
    assert not re.search(r"^\S.*refused", shown, re.MULTILINE), shown


# ---- Secrets ----

WEAK = ["", "short", "x" * 64, "ab" * 40, "change-me-" + run_secret("weak")[:32],
        "your-secret-key-here-0123456789abcdef", "0123456789" * 4]


@pytest.mark.parametrize("secret", WEAK)
def test_weak_secret(made, secret):
    gateway = made({"auth": {"secret_key": "${SECRET_KEY:-}"}}, env={"SECRET_KEY": secret})
    line, = problems(gateway, "secret_key")
    assert "openssl rand -hex 32" in line, "it says how to make one"
    assert len(secret) < 6 or secret not in line


def test_weak_secret_stops_the_start(made):
    said = starts_not(made({"auth": {"secret_key": "change-me-" + secrets.token_hex(16)}}))
    assert re.search(r"secret_key .*openssl rand -hex 32", said)
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("key", ["api_key", "dev_api_key"])
def test_weak_keys(made, key):
    problems(made({"auth": {key: "short"}}), key)
    assert made({"auth": {key: secrets.token_urlsafe(36)}}).cli("check").returncode == 0
    assert made({"auth": {key: ""}}).cli("check").returncode == 0


def test_weak_secret_while_debugging(made):
    gateway = made({"auth": {"secret_key": "weak"}, "server": {"debug": True}})
    assert gateway.cli("check").returncode == 0


@pytest.mark.parametrize("size", [16, 32, 64])
def test_made_as_the_sentence_says(made, size):
    secret = secrets.token_hex(size)
    gateway = made({"auth": {"secret_key": secret}})
    assert gateway.cli("check", check=False).returncode == (0 if size >= 16 else 1)


def test_secret_in_a_file(made):
    gateway = made({"auth": {"secret_key": "file:secret.txt"}})
    problems(gateway, "secret.txt")
    (gateway.folder / "secret.txt").write_text(SECRET + "\n")
    assert gateway.cli("check").returncode == 0


# ---- The shipped files ----

def shipped(gateway, name, **environment):
    """The file as it lies in conf/, in the gateway's folder."""
    shutil.copy(ROOT / "conf" / name, gateway.config)
    gateway.settings = {**gateway.settings, "storage": FILE}
    gateway.environment = {**gateway.environment, "HOST": "127.0.0.1", "PORT": str(gateway.port),
                           "SECRET_KEY": SECRET, **environment}
    return gateway


def samples():
    return sorted(path.name for path in (ROOT / "conf").glob("*.toml"))


@pytest.mark.parametrize("name", samples())
def test_samples(made, name):
    gateway = shipped(made(), name, ARI_PASSWORD="from-outside",
                      ASTERISK_AMI_PASSWORD="from-outside")
    result = gateway.cli("check")
    assert result.returncode == 0 and result.stderr == ""


def test_shipped_needs_a_secret(made):
    gateway = shipped(made(), "dialgate.toml", SECRET_KEY="")
    problems(gateway, "secret_key is not set")


def test_shipped_with_the_documented_names(made):
    """conf/dialgate.toml and nothing but the environment that operators know."""
    environment = {
        "USE_MOCK_DIALER": "true", "APP_NAME": "Ours", "APP_VERSION": "3.2.1",
        "DOCS_ENABLED": "false", "METRICS_ENABLED": "FALSE", "LOG_LEVEL": "DEBUG",
        "JWT_ISSUER": "us", "JWT_AUDIENCE": "", "ACCESS_TOKEN_EXPIRE_MINUTES": "7",
        "RATE_LIMIT_REQUESTS": "3", "RATE_LIMIT_WINDOW": "30", "DEFAULT_CONTEXT": "my-context",
        "DEFAULT_EXTENSION": "200", "DEFAULT_PRIORITY": "4", "DEFAULT_TIMEOUT": "30",
        "DEFAULT_CALLER_ID": "Contact Center", "ALLOWED_ORIGINS": '["https://a.example"]'}
    gateway = shipped(made(), "dialgate.toml", **environment)
    with gateway:
        gateway.add_user("admin", "admin-password", role="admin")
        with gateway.client(signed_in=False) as client:
            root = json_of(client.get("/"))
            assert (root["message"], root["version"], root["docs"]) == ("Ours", "3.2.1", "disabled")
            assert client.get("/metrics").status_code == 404
            origin = client.get("/", headers={"Origin": "https://a.example"}).headers
            assert origin["access-control-allow-origin"] == "https://a.example"
            client.sign_in("admin", "admin-password")
            claims = jwt.decode(client.token, SECRET, ["HS256"], issuer="us")
            assert claims["exp"] - claims["iat"] == 7 * 60 and "aud" not in claims
            number = "+1234567890"
            call_id = placed(client.post("/api/v2/calls", json={"phone_number": number}), number,
                             "my-context")
            call = status_of(client.get(f"/api/v2/status/{call_id}"))
            assert (call["context"], call["extension"], call["caller_id"]) == (
                "my-context", "200", "Contact Center")
            record, = gateway.stored("calls", id=call_id)
            assert record["priority"] == 4
            assert record["ring_ms"] == 30000, "a default below 1000 is in seconds"
            client.delete(f"/api/v2/calls/{call_id}")
            for _ in range(2):
                assert client.post("/api/v2/token").status_code == 422
            assert client.post("/api/v2/token").status_code == 429
        assert stat.S_IMODE((gateway.folder / "control.sock").stat().st_mode) == 0o600


def test_env_file(made):
    """.env beside the configuration; the environment proper goes before it."""
    gateway = shipped(made(), "dialgate.toml", APP_VERSION="from-outside", SECRET_KEY="")
    gateway.environment.pop("SECRET_KEY")
    (gateway.folder / ".env").write_text(
        f"# comment\nSECRET_KEY={SECRET}\nexport APP_NAME='From a file'\napp_version=9\n"
        "USE_MOCK_DIALER=true\n")
    with gateway:
        with gateway.client(signed_in=False) as client:
            root = json_of(client.get("/"))
    assert root["message"] == "From a file"
    assert root["version"] == "from-outside"


# ---- dialgate user ----

@pytest.fixture(scope="module")
def office():
    with Gateway() as running:
        yield running


def test_users(office, http_version):
    """From the first day to the last: added, listed, disabled, enabled, another password."""
    name = f"agent-{http_version}"
    office.add_user(name, "first-password", email=f"{name}@example.org")
    listed = office.cli("user", "list").stdout
    row, = [line for line in listed.splitlines() if name in line.split()]
    assert "user" in row and "active" in row and f"{name}@example.org" in row
    with office.client(http_version, signed_in=False) as client:
        def sign_in(password):
            return client.post("/api/v2/token", token=None,
                               data={"username": name, "password": password})
        client.sign_in(name, "first-password")
        url = "/api/v2/status/12345678"
        refused(client.get(url), 404, "Call not found")

        office.cli("user", "disable", name)
        assert "disabled" in office.cli("user", "list").stdout
        refused(sign_in("first-password"), 401, "Invalid credentials")
        bad_credentials(client.get(url))

        office.cli("user", "enable", name)
        assert sign_in("first-password").status_code == 200
        refused(client.get(url), 404, "Call not found")

        office.cli("user", "passwd", name, stdin="second-password\n")
        refused(sign_in("first-password"), 401, "Invalid credentials")
        assert sign_in("second-password").status_code == 200


@pytest.mark.parametrize("arguments, stdin, said", [
    (["add", "twice"], "some-password", "taken"),
    (["add", "king", "--role", "king"], "some-password", "role"),
    (["add", "short"], "short", "8 characters"),
    (["add", "long"], "x" * 73, "72 bytes"),
    (["add", "empty"], "", "8 characters"),
    (["add", "lines"], "two\nlines-of-it", "one line"),
    (["add", "ab"], "some-password", "3"),
    (["add", "n" * 51], "some-password", "50"),
    (["add", "with blank"], "some-password", ""),
    (["passwd", "nobody"], "some-password", "no such user"),
    (["disable", "nobody"], "", "no such user"),
    (["enable", "nobody"], "", "no such user"),
])
def test_users_refused(office, arguments, stdin, said):
    office.cli("user", "add", "twice", stdin="some-password", check=False)
    result = office.cli("user", *arguments, stdin=stdin, check=False)
    assert result.returncode == 1, result
    assert len(result.stderr.splitlines()) == 1
    assert said in result.stderr
    assert not stdin or len(stdin) < 6 or stdin not in result.stderr


def test_users_without_a_gateway(made):
    """The command line opens the store itself when nobody listens."""
    gateway = made()
    assert gateway.cli("user", "list").stdout == ""
    gateway.add_user("offline", "offline-password", role="admin")
    assert "offline" in gateway.cli("user", "list").stdout
    with gateway:
        with gateway.client(signed_in=False) as client:
            client.sign_in("offline", "offline-password")
        assert "offline" in gateway.cli("user", "list").stdout


def test_passwords_are_hashed(office):
    office.cli("user", "add", "hashed", stdin="a-password-to-hash", check=False)
    hashed, = [user for user in office.stored("users") if user["username"] == "hashed"]
    texts = [value for value in hashed.values() if isinstance(value, str)]
    assert any(re.fullmatch(r"\$2b\$04\$.{53}", text) for text in texts)
    assert not any("a-password-to-hash" in text for text in texts)
    files = b"".join(path.read_bytes() for path in office.folder.glob("dialgate.db*"))
    assert b"a-password-to-hash" not in files
    assert not any("a-password-to-hash" in text for _, text in office.rows("users"))


def test_export_and_import(made, office):
    """Everything goes out as lines and comes in elsewhere; the password still opens."""
    office.cli("user", "add", "mover", stdin="movers-password", check=False)
    lines = office.cli("export").stdout
    other = made()
    other.cli("import", stdin=lines)
    assert sorted(row["id"] for row in other.records("users")) == sorted(
        row["id"] for row in office.records("users"))
    assert other.cli("import", stdin="no json\n", check=False).returncode == 1
    with other:
        with other.client(signed_in=False) as client:
            client.sign_in("mover", "movers-password")


def test_only_one_gateway_for_a_store(made):
    with Gateway({"storage": {"path": "own.db"}}) as first:
        other = made({"storage": {"path": str(first.folder / "own.db")}})
        result = other.cli("serve", check=False)
        assert result.returncode == 1
        assert "own.db" in result.stderr


