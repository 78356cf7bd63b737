"""A gateway made of other people's plugins: a backend and a store in C, an auth provider in C++,
compiled with nothing but the installed headers, serve the Contact Center API: POST /api/v2/calls,
GET /api/v2/status/{call_id}, DELETE /api/v2/calls/{call_id}, POST /api/v2/token."""
import re
import shutil
import subprocess

import pytest
from shapes import ACTIVE, bad_credentials, invalid, json_of, refused
from support.gateway import ROOT, Gateway, build_dir
from support.waiting import wait_until

NUMBER = "+1234567890"
PLACED_FOR_REAL = {"success", "call_id", "phone_number", "message", "channel", "status",
                   "created_at", "error", "backend"}


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A folder away from the tree: the headers, and what was compiled with them."""
    folder = tmp_path_factory.mktemp("outside")
    sources = folder / "sources"
    shutil.copytree(ROOT / "tests" / "plugins" / "examples", sources)
    result = subprocess.run([sources / "build", build_dir(), folder / "built"], text=True,
                            capture_output=True, cwd=folder, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder / "built"


def settings_of(outside):
    return {
        "plugins": {"path": ["plugins", str(outside / "plugins")]},
        "auth": {"chain": ["jwt", "fixed"]},
        "auth.fixed": {"plugin": "static-token", "token": "file:token.txt", "user": "robot"},
        "telephony": {"backend": "loop"},
        "backend.mock": None,
        "backend.loop": {"plugin": "echo", "answer_ms": 50, "endpoint": "Echo/{number}"},
        "storage": {"plugin": "memory", "path": "memory.json"},
    }


@pytest.fixture(scope="module")
def gateway(outside):
    running = Gateway(settings_of(outside))
    (running.folder / "token.txt").write_text("st_a-token-from-a-file\n")
    with running:
        yield running


@pytest.fixture
def client(gateway, http_version):
    with gateway.client(http_version) as client:
        yield client


def test_headers_alone(outside):
    """Nothing but the four headers is installed to build with."""
    found = sorted(str(path.relative_to(outside / "prefix"))
                   for path in (outside / "prefix").rglob("*") if path.is_file())
    assert found == [f"include/dialgate/{name}.h"
                     for name in ("auth", "backend", "plugin", "storage")]


def test_listed(gateway):
    shown = gateway.cli("plugins").stdout
    for name, role in (("echo", "backend"), ("memory", "storage"), ("static-token", "auth")):
        assert re.search(rf"^{name} .*{role}", shown, re.MULTILINE), shown
    assert gateway.cli("check").stderr == ""


def test_a_call(client):
    reply = client.post("/api/v2/calls", json={"phone_number": NUMBER, "extension": "100"})
    body = json_of(reply)
    assert set(body) == PLACED_FOR_REAL, "it is no simulation"
    assert body["success"] is True and body["channel"] == f"Echo/{NUMBER}"
    url = f"/api/v2/status/{body['call_id']}"
    wait_until(lambda: client.get(url).json()["status"] == "answered", 10, "the answer")
    call = client.get(url).json()
    assert "mock" not in call and call["is_active"] is True and call["extension"] == "100"
    json_of(client.delete(f"/api/v2/calls/{body['call_id']}"))
    wait_until(lambda: client.get(url).json()["status"] == "completed", 10, "the end")
    assert client.get(url).json()["duration"] == 0


def test_sign_in_with_the_store(gateway, client):
    """The user is in the foreign store; the gateway's own provider judges the password."""
    name = f"agent-{client.version}"
    gateway.add_user(name, "agents-password")
    client.sign_in(name, "agents-password")
    refused(client.get("/api/v2/status/12345678"), 404, "Call not found")
    gateway.cli("user", "disable", name)
    bad_credentials(client.get("/api/v2/status/12345678"))


def test_the_provider(client):
    good, bad = "st_a-token-from-a-file", "st_another"
    refused(client.get("/api/v2/status/12345678", token=good), 404, "Call not found")
    bad_credentials(client.get("/api/v2/status/12345678", token=bad))
    bad_credentials(client.get("/api/v2/status/12345678", token="neither"))
    body = json_of(client.post("/api/v2/calls", token=good, json={"phone_number": NUMBER}))
    assert client.get(f"/api/v2/status/{body['call_id']}").json()["status"] in ACTIVE
    client.delete(f"/api/v2/calls/{body['call_id']}")
    invalid(client.post("/api/v2/calls", token=good, json={}), ("body", "phone_number"))


def test_health(client):
    body = json_of(client.get("/health", token=None))
    assert body["status"] == "ok" and body["database"] == "ok"
    assert body["asterisk"]["backend"] == "loop" and "mock" not in body["asterisk"]


def test_kept_from_close_to_open(outside):
    """What the store was given is there after a restart, calls and users alike."""
    gateway = Gateway(settings_of(outside))
    (gateway.folder / "token.txt").write_text("st_a-token-from-a-file\n")
    with gateway:
        with gateway.client() as client:
            call_id = json_of(client.post("/api/v2/calls", json={"phone_number": NUMBER}))[
                "call_id"]
            url = f"/api/v2/status/{call_id}"
            wait_until(lambda: client.get(url).json()["status"] == "answered", 10, "the answer")
            client.delete(f"/api/v2/calls/{call_id}")
            wait_until(lambda: client.get(url).json()["status"] == "completed", 10, "the end")
            before = client.get(url).json()
        gateway.stop()
        gateway.start()
        with gateway.client() as client:
            assert client.get(url).json() == before
        cdr, = [row["doc"] for row in gateway.records("cdr")]
        assert cdr["call_id"] == call_id and cdr["disposition"] == "answered"


def test_provider_that_nobody_named(outside):
    """A name in the chain without its table, and a provider that the chain leaves out."""
    settings = settings_of(outside)
    gateway = Gateway({**settings, "auth": {"chain": ["jwt", "other"]}, "auth.fixed": None})
    result = gateway.cli("serve", check=False)
    assert result.returncode == 1 and "other" in result.stderr
    gateway.remove()


@pytest.mark.parametrize("library, sentence", [("nothing", "nothing"), ("text", "text")])
def test_no_plugin(outside, library, sentence, tmp_path):
    (tmp_path / "text.so").write_text("this is no shared object\n")
    gateway = Gateway({"plugins": {"path": ["plugins", str(tmp_path)]},
                       "backend.mock": {"plugin": library}})
    result = gateway.cli("serve", check=False)
    assert result.returncode == 1 and sentence in result.stderr
    gateway.remove()
