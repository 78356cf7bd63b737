"""A companion does what its backend cannot; GET /capabilities says who does what, and what nobody
can.

The backend here can do no more than it must (tests/plugins/witness.c, BARE); the companion, another
instance, writes down what it is asked.
"""
import pytest
from shapes import json_of, refused
from support.gateway import Gateway, build_dir
from support.waiting import wait_until

URL = "/api/v2/calls"
ACTIONS = ("hangup", "transfer", "redirect", "hold", "mute", "dtmf", "play", "read_variable",
           "set_variable", "recording", "recording_change", "park", "transfer_attended",
           "transfer_complete", "transfer_cancel")


def settings(companion):
    bare = {"plugin": "bare", "file": "bare.txt"}
    if companion:
        bare["companion"] = "helper"
    return {"plugins": {"path": ["plugins", str(build_dir() / "tests" / "plugins")]},
            "telephony": {"backend": "pbx"}, "backend.mock": None, "backend.pbx": bare,
            "backend.helper": {"plugin": "witness", "file": "helper.txt"}}


@pytest.fixture(scope="module", params=[True, False], ids=["companion", "alone"])
def bare(request):
    with Gateway(settings(request.param)) as gateway:
        gateway.helped = request.param
        yield gateway


@pytest.fixture
def client(bare, http_version):
    with bare.client(http_version) as client:
        yield client


@pytest.fixture
def call(client):
    call_id = client.post(URL, json={"phone_number": "+15550100"}).json()["call_id"]
    wait_until(lambda: client.get(f"{URL}/{call_id}").json()["status"] == "answered", 10, "answer")
    yield call_id
    client.delete(f"{URL}/{call_id}")


def functions(gateway, name):
    """What a backend was asked so far."""
    file = gateway.folder / name
    return [line.split()[0] for line in file.read_text().splitlines()] if file.exists() else []


@pytest.mark.parametrize("action, method, body, function", [
    ("hold", "POST", None, "hold"), ("mute", "POST", None, "mute"),
    ("redirect", "POST", {"extension": "1"}, "go_to"),
    ("transfer", "POST", {"extension": "1"}, "transfer"),
    ("play", "POST", {"media": "sound:x"}, "play"),
    ("recording", "POST", None, "record"), ("park", "POST", None, "park"),
    ("variables/A", "GET", None, "get_variable"),
    ("variables/A", "PUT", {"value": "1"}, "set_variable")])
def test_who_does_it(bare, client, call, action, method, body, function):
    options = {"json": body} if body else {}
    reply = client.request(method, f"{URL}/{call}/{action}", **options)
    if bare.helped:
        json_of(reply)
        assert functions(bare, "helper.txt")[-1] == function
    else:
        json_of(reply, 501)
        assert reply.json()["detail"].startswith("pbx ")
    assert function not in functions(bare, "bare.txt")


def test_what_the_backend_can(bare, client, call):
    before = functions(bare, "helper.txt")
    json_of(client.post(f"{URL}/{call}/dtmf", json={"digits": "1"}))
    assert functions(bare, "bare.txt")[-1] == "dtmf"
    assert functions(bare, "helper.txt") == before


def test_parked(bare, client):
    reply = client.get("/api/v2/parked")
    if bare.helped:
        assert [one["slot"] for one in json_of(reply)["parked"]] == ["701"]
    else:
        refused(reply, 501,
                "The backend cannot park calls, and has no companion that can")


def test_capabilities(bare, client):
    backends = json_of(client.get("/capabilities", token=None))["backends"]
    pbx = backends[0]
    assert {key: pbx[key] for key in ("name", "plugin", "role", "serving", "mock", "link")} == {
        "name": "pbx", "plugin": "bare", "role": "active", "serving": True, "mock": False,
        "link": "up"}
    assert pbx["companion"] == ("helper" if bare.helped else None)
    assert tuple(one["action"] for one in pbx["actions"]) == ACTIONS
    found = {one.pop("action"): one for one in pbx["actions"]}
    never = {"state": "never", "by": None, "why": "this backend's plugin cannot do it"}
    helper = {"state": "works", "by": "helper", "why": None}
    assert found["hangup"] == {"state": "works", "by": "pbx", "why": None}
    assert found["park"] == (helper if bare.helped else never)
    assert found["transfer_attended"] == (helper if bare.helped else never)
    assert found["play"] == (helper if bare.helped else {
        "state": "unavailable", "by": None, "why": "its server has no sounds"})
    assert found["dtmf"] == (helper if bare.helped else {
        "state": "under_control", "by": "pbx", "why": None})
    listed = {one["function"]: (one["state"], one["why"]) for one in pbx["functions"]}
    assert listed["originate"] == ("works", None)
    assert listed["dtmf"] == ("under_control", None)
    assert listed["play"] == ("unavailable", "its server has no sounds")
    assert listed["queues"] == ("never", "this backend's plugin cannot do it")
    assert len(listed) == 37
    assert [one["name"] for one in backends] == (["pbx", "helper"] if bare.helped else ["pbx"])


def test_mock_can_everything(gateway, http_version):
    with gateway.client(http_version) as client:
        mock, = json_of(client.get("/capabilities", token=None))["backends"]
    assert mock["mock"] is True
    assert {one["state"] for one in mock["actions"]} == {"works"}


@pytest.mark.parametrize("name, sentence", [
    ("nobody", 'backend.pbx.companion is "nobody", but there is no table [backend.nobody]'),
    ("pbx", "backend.pbx.companion is the backend itself; name another, or none")])
def test_wrong_names(name, sentence):
    wrong = settings(True)
    wrong["backend.pbx"]["companion"] = name
    gateway = Gateway(wrong)
    try:
        result = gateway.cli("check", check=False)
        assert result.returncode == 1
        assert sentence in result.stderr + result.stdout
    finally:
        gateway.remove()


def test_reload(start_gateway):
    """A companion comes and goes by a reload."""
    gateway = start_gateway(settings(False))
    with gateway.client() as client:
        call = client.post(URL, json={"phone_number": "+15550100"}).json()["call_id"]
        wait_until(lambda: client.get(f"{URL}/{call}").json()["status"] == "answered", 10, "answer")
        assert client.post(f"{URL}/{call}/hold").status_code == 501
        before = gateway.config.read_text()
        gateway.config.write_text(before.replace('file = "bare.txt"',
                                                 'file = "bare.txt"\ncompanion = "helper"'))
        gateway.cli("reload")
        assert client.post(f"{URL}/{call}/hold").status_code == 200
        gateway.config.write_text(before)
        gateway.cli("reload")
        assert client.post(f"{URL}/{call}/mute").status_code == 501
        client.delete(f"{URL}/{call}")
