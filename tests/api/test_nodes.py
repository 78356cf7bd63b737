"""Several gateways on one PostgreSQL: GET /api/v2/nodes, /health's node, and what holds across
them: reads and control of any call, Idempotency-Key, sign-ins, mock numbers, the end of a gateway."""
import itertools
import secrets
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support import toml
from support.cluster import DEAD_AFTER, Cluster
from support.gateway import Gateway, merged
from support.postgres import Postgres, storage
from support.waiting import wait_until

PATIENCE = 120  # seconds; a gateway that is short of time says of nobody that he is dead
NUMBER = "+1234567890"
TALKS = {"ring_ms": 10, "answer_ms": 20, "talk_ms": 0}
DEV_KEY = secrets.token_hex(32)
SETTINGS = {"backend.mock": TALKS, "auth": {"token_rate": "10/60s", "dev_api_key": DEV_KEY},
            "node": {"lost_after": "3s"}}


@pytest.fixture(scope="module")
def cluster():
    with Cluster("a", "b", "c", settings=SETTINGS,
                 each={"c": {"recordings": {"keep": "1s"}}}) as running:
        yield running


def place(client, **headers):
    reply = client.post("/api/v2/calls", json={"phone_number": NUMBER}, headers=headers)
    assert reply.status_code == 200, reply.text
    return reply.json()["call_id"]


def status(client, call_id):
    reply = client.get(f"/api/v2/status/{call_id}")
    assert reply.status_code == 200, reply.text
    return reply.json()["status"]


def answered(client, call_id):
    wait_until(lambda: status(client, call_id) == "answered", 10, f"the answer of {call_id}")
    return call_id


def node_of(client, name):
    nodes = client.get("/api/v2/nodes").json()["nodes"]
    return next((node for node in nodes if node["name"] == name), None)


# ---- who is there ----

def test_list(cluster):
    for name in "abc":
        wait_until(lambda here=name: all(node_of(cluster.client(here), other)["backends"]
                                         for other in "abc"), 10, "a beat of each")
        reply = cluster.client(name).get("/api/v2/nodes")
        assert reply.status_code == 200
        nodes = reply.json()["nodes"]
        others = sorted({"a", "b", "c"} - {name})
        assert [node["name"] for node in nodes] == [name, *others]
        assert [node["self"] for node in nodes] == [True, False, False]
        for node in nodes:
            assert node["state"] == "running"
            assert node["started_at"] <= node["seen_at"]
            assert node["calls_taken_over_by"] is None
            assert [(b["name"], b["plugin"], b["link"], b["mock"]) for b in node["backends"]] == [
                ("mock", "mock", "connected", True)]
        assert httpx.get(f"{cluster[name].base}/health").json()["node"] == name


def test_list_is_for_administrators(cluster):
    cluster["a"].add_user("clerk", "a-password-of-a-clerk")
    with cluster["a"].client(signed_in=False) as client:
        assert client.get("/api/v2/nodes").status_code == 401
        client.token = client.sign_in("clerk", "a-password-of-a-clerk")
        reply = client.get("/api/v2/nodes")
        assert (reply.status_code, reply.json()["detail"]) == (
            403, "Only an administrator may see this")


def test_calls_are_counted(cluster):
    call_id = place(cluster.client("a"))
    wait_until(lambda: node_of(cluster.client("b"), "a")["calls"] >= 1, 10, "a's call")
    cluster.client("a").delete(f"/api/v2/calls/{call_id}")


def test_one_with_a_store_of_its_own_shows_itself():
    with Gateway({"node": {"name": "alone"}, "storage": {"plugin": "storage-file",
                                                         "path": "own.db"}}) as gateway:
        nodes = gateway.client().get("/api/v2/nodes").json()["nodes"]
        assert [(node["name"], node["state"], node["self"]) for node in nodes] == [
            ("alone", "running", True)]


def test_a_name_is_for_one(cluster):
    twin = Gateway({**SETTINGS, "node": {"name": "a", "dead_after": f"{DEAD_AFTER}s"},
                    "storage": storage(cluster.url)})
    with pytest.raises(AssertionError, match="status 1"):
        twin.start()
    assert 'another gateway named "a" is running on this store' in twin.log()
    twin.remove()
    assert cluster.client("a").get("/health").status_code == 200


@pytest.mark.parametrize("key,value,said", [
    ("name", "a b", "node.name: expected at most 40 letters"),
    ("name", "x" * 41, "node.name: expected at most 40 letters"),
    ("dead_after", "1s", "node.dead_after: expected 2s or more"),
])
def test_bad_keys(key, value, said):
    gateway = Gateway({"node": {key: value}})
    result = gateway.cli("check", check=False)
    assert result.returncode == 1 and said in result.stderr
    gateway.remove()


# ---- any gateway, any call ----

def test_any_reads_any_call(cluster):
    call_id = answered(cluster.client("a"), place(cluster.client("a")))
    here = cluster.client("a").get(f"/api/v2/status/{call_id}").json()
    for name in "bc":
        wait_until(lambda name=name: status(cluster.client(name), call_id) == "answered", 5,
                   "the record")
        assert cluster.client(name).get(f"/api/v2/status/{call_id}").json() == here
        listed = cluster.client(name).get("/api/v2/calls", params={"phone_number": NUMBER,
                                                                  "status": "answered"}).json()
        assert call_id in [call["call_id"] for call in listed["calls"]]
    assert cluster.record(call_id)["node"] == "a"
    cluster.client("a").delete(f"/api/v2/calls/{call_id}")


def record(client):
    call_id = answered(client, place(client))
    reply = client.post(f"/api/v2/calls/{call_id}/recording")
    assert reply.status_code == 200, reply.text
    return call_id, f"/api/v2/recordings/{reply.json()['recording']}"


def test_nobody_deletes_what_another_one_records(cluster):
    """As if they shared a folder: whether it is there is not even looked for."""
    a, b = cluster.client("a"), cluster.client("b")
    call_id, recording = record(a)
    wait_until(lambda: b.get(f"/api/v2/calls/{call_id}").json().get("recordings"), 5, "the record")
    reply = b.delete(recording)
    assert (reply.status_code, reply.json()["detail"]) == (
        409, "The recording is still being made")
    assert a.delete(f"/api/v2/calls/{call_id}/recording").status_code == 200
    wait_until(lambda: b.delete(recording).status_code == 404, 5, "b, which has none")
    assert a.delete(recording).status_code == 200
    assert a.delete(f"/api/v2/calls/{call_id}").status_code == 200


def test_each_has_its_own_rule_for_old_recordings(cluster):
    """c has one, a and b have none."""
    kept = None
    for name in "ac":
        call_id, recording = record(cluster.client(name))
        assert cluster.client(name).delete(f"/api/v2/calls/{call_id}").status_code == 200
        kept = kept or recording
    wait_until(lambda: cluster["c"].metric("dialgate_recordings_deleted_total", result="deleted"),
               PATIENCE, "c's is gone")
    assert cluster.client("c").get(recording).status_code == 404
    assert cluster.client("a").get(kept).status_code == 200


def test_any_controls_any_call(cluster):
    call_id = answered(cluster.client("a"), place(cluster.client("a")))
    calls = f"/api/v2/calls/{call_id}"
    b, c = cluster.client("b"), cluster.client("c")
    assert b.post(f"{calls}/hold").json()["success"]
    wait_until(lambda: cluster.record(call_id).get("held"), 5, "the hold")
    assert c.post(f"{calls}/unhold").status_code == 200
    assert c.put(f"{calls}/variables/COLOUR", json={"value": "green \u2603"}).status_code == 200
    assert b.get(f"{calls}/variables/COLOUR").json()["value"] == "green \u2603"
    assert cluster.client("a").get(f"{calls}/variables/COLOUR").json()["value"] == "green \u2603"
    refused = b.post(f"{calls}/transfer", json={"type": "blind", "context": "elsewhere",
                                                "extension": "1"})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["body", "context"]
    assert b.post(f"{calls}/transfer/complete").status_code in (404, 409)
    assert c.post(f"{calls}/hangup").status_code == 200
    wait_until(lambda: status(b, call_id) == "completed", 5, "the end")
    again = b.post(f"{calls}/hangup")
    assert (again.status_code, again.json()["detail"]) == (409, "Call has already ended")
    assert len([cdr for cdr in cluster.rows("cdr") if cdr["call_id"] == call_id]) == 1
    assert cluster["a"].metric("dialgate_commands_total", result="carried_out") >= 5


def test_hangup_by_delete_and_by_the_mobile_api(cluster):
    first, second = (answered(cluster.client("a"), place(cluster.client("a"))) for _ in range(2))
    assert cluster.client("b").delete(f"/api/v2/calls/{first}").status_code == 200
    reply = httpx.delete(f"{cluster['c'].base}/disconnect-call", params={"channel_id": second},
                         headers={"X-API-Key": DEV_KEY})
    if reply.status_code in (404, 405, 422):
        reply = httpx.post(f"{cluster['c'].base}/disconnect-call", json={"channel_id": second},
                           headers={"X-API-Key": DEV_KEY})
    assert reply.status_code == 200, reply.text
    for call_id in (first, second):
        wait_until(lambda c=call_id: status(cluster.client("a"), c) == "completed", 5, "the end")


def test_unknown_calls_are_unknown_everywhere(cluster):
    unknown = "01900000-0000-7000-8000-000000000000"
    for name in "abc":
        assert cluster.client(name).post(f"/api/v2/calls/{unknown}/hold").status_code == 404


def test_many_at_once(cluster):
    calls = [answered(cluster.client("a"), place(cluster.client("a"))) for _ in range(20)]
    with ThreadPoolExecutor(10) as pool:
        replies = list(pool.map(
            lambda one: cluster.client("bc"[one % 2]).post(
                f"/api/v2/calls/{calls[one // 2]}/{'hold' if one % 2 else 'dtmf'}",
                json=None if one % 2 else {"digits": "1"}), range(40)))
    assert [reply.status_code for reply in replies] == [200] * 40
    for call_id in calls:
        assert cluster.client("b").delete(f"/api/v2/calls/{call_id}").status_code == 200


# ---- what holds across them ----

def test_one_call_for_a_key(cluster):
    before = len(cluster.rows("calls"))
    gate = threading.Barrier(9)

    def send(number):
        gate.wait()
        name = "abc"[number % 3]
        with httpx.Client(base_url=cluster[name].base, timeout=30) as client:
            return client.post("/api/v2/calls", json={"phone_number": NUMBER}, headers={
                "Idempotency-Key": "one for all",
                "Authorization": f"Bearer {cluster.client(name).token}"})

    with ThreadPoolExecutor(9) as pool:
        replies = list(pool.map(send, range(9)))
    assert {reply.status_code for reply in replies} == {200}, [r.text for r in replies]
    assert len({reply.content for reply in replies}) == 1
    assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    assert len(cluster.rows("calls")) == before + 1
    other = cluster.client("b").post("/api/v2/calls", json={"phone_number": "+19999999"},
                                     headers={"Idempotency-Key": "one for all"})
    assert other.status_code == 422
    cluster.client("a").delete(f"/api/v2/calls/{replies[0].json()['call_id']}")


def test_sign_ins_are_counted_together(cluster):
    """10 in 60 s for an address, wherever it asks."""
    def sign_in(name):
        return httpx.post(f"{cluster[name].base}/api/v2/token",
                          data={"username": "nobody", "password": "x"}).status_code

    said, asked = [], 0
    while 429 not in said and asked < 12:
        said.append(sign_in("abc"[asked % 3]))
        asked += 1
        time.sleep(0.1)  # a note takes its time, as an attacker need not
    assert 429 in said
    for name in "abc":
        wait_until(lambda name=name: sign_in(name) == 429, 3, f"{name} to refuse")


def within_a_second(condition, what):
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < 1, f"{what} took more than a second"
        time.sleep(0.01)


ADDRESSES = itertools.count(1)


def code(client, path, token):
    return client.get(path, token=token).status_code


def test_a_revoked_token_is_refused_by_all(cluster):
    """Each has answered it a moment ago."""
    chief = cluster["a"].create_token("tester")
    for revoker in "abc":
        token = cluster["a"].create_token("tester", "*/list")
        for name in "abc":
            assert code(cluster.client(name), "/api/tokens", token) == 200
        mine = cluster.client(revoker)
        number = max(one["id"] for one in mine.get("/api/tokens", token=chief).json()["data"])
        assert mine.delete(f"/api/tokens/{number}", token=chief).status_code == 200
        assert code(mine, "/api/tokens", token) == 401
        for name in "abc":
            within_a_second(lambda name=name: code(cluster.client(name), "/api/tokens",
                                                   token) == 401, f"revoking at {name}")
        assert code(mine, "/api/tokens", chief) == 200


@pytest.mark.parametrize("change,nodes,tokens", [
    ({"role": "user"}, 403, 200),
    ({"password": "another password"}, 401, 200),
    ({"is_active": 0}, 401, 401),
    (None, 401, 401),  # deleted
], ids=["role", "password", "inactive", "deleted"])
def test_a_changed_user_is_another_for_all(cluster, change, nodes, tokens):
    """With a JWT and with a token of the user's."""
    name, chief = f"u{secrets.token_hex(4)}", cluster["a"].create_token("tester")
    clients = [cluster.client(one) for one in "abc"]
    cluster["b"].add_user(name, "the password of before", role="admin")
    wait_until(lambda: cluster["c"].cli("token", "list", "--user", name,
                                        check=False).returncode == 0, 20, "the user to be known")
    token = cluster["c"].create_token(name)
    # From an address whose sign-ins nobody has counted yet.
    with cluster["b"].client(signed_in=False, source=f"127.0.2.{next(ADDRESSES)}") as own:
        jwt = own.sign_in(name, "the password of before")
    for client in clients:
        wait_until(lambda c=client: code(c, "/api/v2/nodes", jwt) == 200, 5, "the user")
        assert code(client, "/api/tokens", token) == 200
    number = next(one["id"] for one in clients[1].get("/api/users", token=chief).json()["data"]
                  if one["username"] == name)
    path = f"/api/users/{number}"
    reply = (clients[1].put(path, json=change, token=chief) if change
             else clients[1].delete(path, token=chief))
    assert reply.status_code == 200, reply.text
    for client in clients:
        within_a_second(lambda c=client: code(c, "/api/v2/nodes", jwt) == nodes, f"{change}, JWT")
        within_a_second(lambda c=client: code(c, "/api/tokens", token) == tokens, f"{change}")


def test_mock_numbers_agree(cluster):
    key = {"X-API-Key": DEV_KEY}
    reply = httpx.post(f"{cluster['a'].base}/mock-connect", json={"numbers": ["5550123"]}, headers=key)
    assert reply.status_code == 200, reply.text

    def connected(name):
        return "5550123" in httpx.get(f"{cluster[name].base}/mock-status", headers=key).text

    for name in "abc":
        wait_until(lambda name=name: connected(name), 1, f"{name} to know the number")
    assert httpx.delete(f"{cluster['b'].base}/clear-mocks", headers=key).status_code == 200
    for name in "abc":
        wait_until(lambda name=name: not connected(name), 1, f"{name} to forget it")


# ---- the end of one ----

@pytest.fixture
def pair():
    with Cluster("left", "right", settings=SETTINGS) as running:
        yield running


def test_played_calls_end_with_their_gateway(pair):
    calls = [answered(pair.client("left"), place(pair.client("left"))) for _ in range(5)]
    pair["left"].kill()
    gone = pair.client("right").post(f"/api/v2/calls/{calls[0]}/hold")
    assert gone.status_code in (503, 409), gone.text
    if gone.status_code == 503:
        assert "The gateway left" in gone.json()["detail"]
    for call_id in calls:
        wait_until(lambda c=call_id: status(pair.client("right"), c) == "failed", PATIENCE,
                   "the calls of the dead one to end")
        record = wait_until(lambda c=call_id: pair.record(c, "cdr"), 10, "the record")
        assert record["failure_reason"] == "node_lost" and record["estimated"]
        assert (record["node"], record["adopted_from"]) == ("right", "left")
    assert sorted(cdr["call_id"] for cdr in pair.rows("cdr")) == sorted(calls)
    wait_until(lambda: node_of(pair.client("right"), "left")["calls_taken_over_by"] == "right", 5,
               "who took them")
    assert node_of(pair.client("right"), "left")["state"] == "dead"
    pair["left"].start()
    pair.meet()


def test_who_stops_is_not_dead(pair):
    pair["left"].stop()
    wait_until(lambda: node_of(pair.client("right"), "left")["state"] == "stopped", 5, "the stop")
    pair["left"].start()
    pair.meet()


def test_one_that_was_frozen_lets_go(pair):
    """Its calls were taken over meanwhile: it writes nothing of them, and ends none again."""
    call_id = answered(pair.client("left"), place(pair.client("left")))
    pair["left"].process.send_signal(signal.SIGSTOP)
    wait_until(lambda: status(pair.client("right"), call_id) == "failed", PATIENCE,
               "the end of the frozen one's call")
    wait_until(lambda: pair.record(call_id, "cdr"), 10, "its record")
    record, cdr = pair.record(call_id), pair.record(call_id, "cdr")
    pair["left"].process.send_signal(signal.SIGCONT)
    wait_until(lambda: "calls that another gateway has taken over were let go" in
               pair["left"].log(), 20, "the frozen one to let go")
    pair.meet()
    assert pair.record(call_id) == record
    assert pair.record(call_id, "cdr") == cdr
    assert status(pair.client("left"), call_id) == "failed"
    assert pair.client("left").post(f"/api/v2/calls/{call_id}/hangup").status_code == 409
    place(pair.client("left"))  # and it works as before


# ---- beats while backends come and go ----

def test_a_stop_while_the_store_is_away():
    """Ends that wait for the store hold the stop up. The beats go on, with the backends closed."""
    with Postgres(fsync=False) as server:
        with Cluster("left", "right", settings=SETTINGS, server=server) as pair:
            left = pair["left"]
            calls = [answered(pair.client("left"), place(pair.client("left"))) for _ in range(3)]
            server.stop("immediate")
            for call_id in calls:
                assert pair.client("left").delete(f"/api/v2/calls/{call_id}").status_code == 200
            left.process.send_signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in left.log(), 10, "the signal to be seen")
            time.sleep(DEAD_AFTER / 2)  # four beats; nothing shows when they come
            assert left.process.poll() is None, left.tail()
            server.start()
            left.stop()
            for call_id in calls:
                record = wait_until(lambda c=call_id: pair.record(c, "cdr"), 20, "the record")
                assert record["disposition"] == "answered", record


def test_backends_are_swapped_under_their_beats(pair):
    """Each reload opens the backend anew and closes the one of before; all the while both tell of
    theirs."""
    left, client = pair["left"], pair.client("left")
    held = answered(client, place(client))
    for name in ("left", "right"):
        wait_until(lambda here=name: node_of(pair.client(here), "left")["backends"], 10, "a beat")
    for turn in range(6):
        left.settings = merged(left.settings, {"backend.mock": {"answer_ms": 30 + turn}})
        left.config.write_text(toml.write(left.settings))
        left.cli("reload")
        for name in ("left", "right"):
            shown = node_of(pair.client(name), "left")
            assert {backend["name"] for backend in shown["backends"]} == {"mock"}, shown
    roles = [backend["role"] for backend in node_of(client, "left")["backends"]]
    assert roles[0] == "active" and set(roles[1:]) == {"draining"}, roles
    wait_until(lambda: len(node_of(pair.client("right"), "left")["backends"]) == 2, 20,
               "the idle ones to be closed")
    assert client.delete(f"/api/v2/calls/{held}").status_code == 200
    wait_until(lambda: len(node_of(pair.client("right"), "left")["backends"]) == 1, 20,
               "the last of them to be closed")
