"""Two backends that have a queue of the same name: who is asked, what is changed, and where a new
member may lie. POST, PATCH and DELETE of /api/v2/queues/{name}/members."""
import pytest
from conftest import QUICK
from shapes import invalid, json_of, refused
from support.gateway import Gateway

MEMBERS = "/api/v2/queues/support/members"
ONE, OTHER = "PJSIP/8001", "PJSIP/8002"


def table(*members, **keys):
    return {**QUICK, "plugin": "mock", "queues": [{"name": "support", "members": list(members)}],
            **keys}


@pytest.fixture(scope="module")
def two():
    """The active one, whose queue has ONE, and the fallback, whose queue has OTHER."""
    settings = {"telephony": {"backend": "first", "fallback": "second"}, "backend.mock": None,
                "calls": {"allowed_contexts": ["queues"]},
                "backend.first": table(ONE),
                "backend.second": table(OTHER, allowed_contexts=["away"])}
    with Gateway(settings) as gateway:
        yield gateway


@pytest.fixture
def client(two, http_version):
    with two.client(http_version) as client:
        yield client


def path_of(interface):
    return f"{MEMBERS}/{interface.replace('/', '%2F')}"


def add(client, interface, **params):
    return client.post(MEMBERS, json={"interface": interface}, params=params)


def members(client, backend):
    body = json_of(client.get("/api/v2/queues/support", params={"backend": backend}))
    return {one["interface"]: one["paused"] for one in body["members"]}


def test_a_member_is_changed_where_it_is(client):
    paused = json_of(client.request("PATCH", path_of(OTHER), json={"paused": True}))["member"]
    assert (paused["interface"], paused["paused"]) == (OTHER, True)
    assert members(client, "first") == {ONE: False} and members(client, "second") == {OTHER: True}
    json_of(client.request("PATCH", path_of(OTHER), json={"paused": False}))
    refused(client.request("PATCH", path_of(OTHER), json={"paused": True},
                           params={"backend": "first"}), 404, "Member not found")
    refused(client.delete(path_of("PJSIP/8003")), 404, "Member not found")


def test_a_new_one_comes_to_the_first(client):
    """That it is a member elsewhere does not matter."""
    refused(add(client, ONE), 409, "It is a member of the queue already")
    json_of(add(client, OTHER), 201)
    assert members(client, "first") == {ONE: False, OTHER: False}
    json_of(client.delete(path_of(OTHER)))
    assert members(client, "first") == {ONE: False} and members(client, "second") == {OTHER: False}


@pytest.mark.parametrize("interface", [
    "Local/1@secret", "local/1@secret/n", "LOCAL/1@secret", "LoCaL/1@secret", "local/1", "Local/1/n",
    "Local/1/n@queues", "Local/1@queues@secret", "Local/@secret", "Local/1@away"])
def test_places_that_are_not_allowed(client, interface):
    invalid(add(client, interface), ("body", "interface"))
    assert members(client, "first") == {ONE: False}


def test_each_backend_allows_its_own_places(client):
    invalid(add(client, "Local/1@queues", backend="second"), ("body", "interface"))
    json_of(add(client, "local/1@away/n", backend="second"), 201)
    json_of(client.delete(path_of("local/1@away/n")))
    json_of(add(client, "local/1@queues/n"), 201)
    json_of(client.delete(path_of("local/1@queues/n")))
