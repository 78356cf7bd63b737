"""Contact Center API with the header Idempotency-Key: POST /api/v2/interaction/{number} and POST
/api/v2/calls place one call for a key, at once, after a retry, after a crash."""
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import jwt
import pytest
from shapes import invalid, json_of, placed, refused
from support.gateway import Gateway
from support.waiting import wait_until

NUMBER = "+1234567890"
MOCK = {"ring_ms": 10, "answer_ms": 10, "talk_ms": 0}
HEADER = ("header", "idempotency-key")
keys = (f"key {number}" for number in itertools.count())


@pytest.fixture(scope="module")
def gateway():
    with Gateway({"calls": {"allowed_contexts": ["sales"]}, "backend.mock": MOCK}) as running:
        yield running


@pytest.fixture
def client(gateway, http_version):
    with gateway.client(http_version) as client:
        yield client


@pytest.fixture(params=["/api/v2/calls", f"/api/v2/interaction/{NUMBER}"],
                ids=["calls", "interaction"])
def send(client, request):
    """Places a call by one of the two routes."""
    def post(key, **body):
        if request.param.endswith("calls"):
            body = {"phone_number": NUMBER, **body}
        return client.post(request.param, json=body, headers={"Idempotency-Key": key})
    return post


def is_first(reply):
    placed(reply, NUMBER)
    assert "idempotent-replayed" not in reply.headers
    return reply


def is_replay(reply, of):
    assert reply.headers["idempotent-replayed"] == "true"
    assert (reply.status_code, reply.content) == (of.status_code, of.content)


# ---- one key, one call ----

def test_replay(gateway, send):
    key, before = next(keys), gateway.metric("calls_total")
    first = is_first(send(key))
    for _ in range(3):
        is_replay(send(key), first)
    assert gateway.metric("calls_total") == before + 1
    other = is_first(send(next(keys)))
    assert other.json()["call_id"] != first.json()["call_id"]


def test_replay_of_an_ended_call(client, send):
    """The answer is the first one, whatever has become of the call."""
    key = next(keys)
    first = is_first(send(key))
    call_id = first.json()["call_id"]
    json_of(client.delete(f"/api/v2/calls/{call_id}"))
    wait_until(lambda: client.get(f"/api/v2/status/{call_id}").json()["is_completed"], 10, "its end")
    is_replay(send(key), first)


def test_without_a_key(client):
    replies = [client.post("/api/v2/calls", json={"phone_number": NUMBER}) for _ in range(2)]
    assert len({placed(reply, NUMBER) for reply in replies}) == 2
    assert not [reply for reply in replies if "idempotent-replayed" in reply.headers]


def send_together(gateway, version, key, count, **body):
    """The same request from so many clients at one moment."""
    clients = [gateway.client(version, timeout=60) for _ in range(count)]
    gate = threading.Barrier(count)

    def post(client):
        gate.wait()
        return client.post("/api/v2/calls", json={"phone_number": NUMBER, **body},
                           headers={"Idempotency-Key": key})

    try:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(post, clients))
    finally:
        for client in clients:
            client.close()


def test_100_at_once(gateway, http_version):
    before = gateway.metric("calls_total")
    replies = send_together(gateway, http_version, next(keys), 100)
    first, = [reply for reply in replies if "idempotent-replayed" not in reply.headers]
    is_first(first)
    for reply in replies:
        if reply is not first:
            is_replay(reply, first)
    assert gateway.metric("calls_total") == before + 1


def test_both_versions_of_http_share_keys(gateway):
    key = next(keys)
    with gateway.client("1.1") as one, gateway.client("2") as two:
        ask = {"json": {"phone_number": NUMBER}, "headers": {"Idempotency-Key": key}}
        first = is_first(one.post("/api/v2/calls", **ask))
        is_replay(two.post("/api/v2/calls", **ask), first)


# ---- whose key, and for what ----

def test_another_request(send):
    key = next(keys)
    first = is_first(send(key, timeout=5000, variables={"A": "1", "B": "2"}))
    for other in [{}, {"timeout": 5001, "variables": {"A": "1", "B": "2"}},
                  {"timeout": 5000, "variables": {"A": "1", "B": "3"}},
                  {"timeout": 5000, "variables": {"A": "1", "B": "2"}, "priority": 2},
                  {"timeout": 5000, "variables": {"A": "1", "B": "2"}, "context": "sales"},
                  {"timeout": 5000, "variables": {"A": "1", "B": "2"}, "extension": "100"},
                  {"timeout": 5000, "variables": {"A": "1", "B": "2"}, "caller_id": "x"}]:
        problem, = invalid(send(key, **other), HEADER)
        assert problem["msg"] == "This key was used with another request"
    # The order of members, and what is ignored, make no other request.
    is_replay(send(key, ignored=1, variables={"B": "2", "A": "1"}, timeout=5000), first)


def test_another_number(client):
    key = {"Idempotency-Key": next(keys)}
    is_first(client.post(f"/api/v2/interaction/{NUMBER}", headers=key))
    invalid(client.post("/api/v2/interaction/+1234567891", headers=key), HEADER)


def test_another_route(client):
    key = {"Idempotency-Key": next(keys)}
    first = is_first(client.post(f"/api/v2/interaction/{NUMBER}", headers=key))
    other = is_first(client.post("/api/v2/calls", json={"phone_number": NUMBER}, headers=key))
    assert first.json()["call_id"] != other.json()["call_id"]


def test_another_principal(gateway, client, send):
    key = next(keys)
    first = is_first(send(key))
    if not gateway.stored("users", username="second"):
        gateway.add_user("second", "another password")
    mine = client.token
    client.sign_in("second", "another password")
    other = is_first(send(key))
    assert other.json()["call_id"] != first.json()["call_id"]
    client.token = mine
    is_replay(send(key), first)


@pytest.mark.parametrize("key", ["x", "k" * 255, "!~ 'quoted' \"too\"", "0"])
def test_good_keys(send, key):
    first = send(key)
    is_replay(send(key), first)


@pytest.mark.parametrize("key", [b"", b"k" * 256, "schlüssel".encode(), "schlüssel".encode("latin1"),
                                 b"tab\tinside"], ids=ascii)
def test_bad_keys(client, gateway, key):
    before = gateway.metric("calls_total")
    reply = client.http.post("/api/v2/calls", json={"phone_number": NUMBER, "priority": 99},
                             headers=[(b"Authorization", f"Bearer {client.token}".encode()),
                                      (b"Idempotency-Key", key)])
    invalid(reply, HEADER, ("body", "priority"))
    assert gateway.metric("calls_total") == before


def test_two_keys(client):
    reply = client.http.post("/api/v2/calls", json={"phone_number": NUMBER},
                             headers=[("Authorization", f"Bearer {client.token}"),
                                      ("Idempotency-Key", "one"), ("Idempotency-Key", "two")])
    invalid(reply, HEADER)


# ---- what is not remembered, and what is ----

def test_refusals_are_not_remembered(send, gateway):
    key = next(keys)
    invalid(send(key, priority=99), ("body", "priority"))
    invalid(send(key, context="elsewhere"), ("body", "context"))
    is_first(send(key))


def test_limits_are_not_remembered(http_version):
    with Gateway({"calls": {"max_active": 1}, "backend.mock": MOCK}) as gateway:
        with gateway.client(http_version) as client:
            ask = {"json": {"phone_number": NUMBER}, "headers": {"Idempotency-Key": "k"}}
            holds = placed(client.post("/api/v2/calls", json={"phone_number": NUMBER}), NUMBER)
            refused(client.post("/api/v2/calls", **ask), 429, "Too many active calls")
            json_of(client.delete(f"/api/v2/calls/{holds}"))
            wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 10, "its end")
            first = is_first(client.post("/api/v2/calls", **ask))
            is_replay(client.post("/api/v2/calls", **ask), first)


def test_failures_are_remembered(start_gateway):
    """Refused by the telephone system: nobody is called by a repetition."""
    gateway = start_gateway({"telephony": {"backend": "pbx"}, "backend.mock": None,
                             "backend.pbx": {"plugin": "ari", "url": "http://127.0.0.1:1/ari",
                                             "username": "u", "password": "p"}}, ready=False)
    with gateway.client() as client:
        ask = {"json": {"phone_number": NUMBER}, "headers": {"Idempotency-Key": "k"}}
        first = client.post("/api/v2/calls", **ask)
        body = json_of(first)
        assert (body["success"], body["status"]) == (False, "failed")
        assert "idempotent-replayed" not in first.headers
        is_replay(client.post("/api/v2/calls", **ask), first)
        assert len(gateway.stored("calls")) == 1
        gateway.kill()
        gateway.wait_ready = False
        gateway.start()
    with gateway.client() as client:
        is_replay(client.post("/api/v2/calls", **ask), first)


def test_waiting_has_an_end(http_version):
    """The first waits for its turn; others under its key are told to come again."""
    settings = {"calls": {"max_per_second": 1, "queue_timeout": "60s"}, "backend.mock": MOCK,
                "idempotency": {"wait": "300ms"}}
    with Gateway(settings) as gateway, gateway.client(http_version) as client:
        with ThreadPoolExecutor(6) as pool:
            others = [pool.submit(send_together, gateway, "1.1", f"before {i}", 1)
                      for i in range(6)]
            wait_until(lambda: (gateway.metric("dialgate_calls_queued") or 0) >= 3, 10, "the queue")
            done = send_together(gateway, http_version, "k", 3)
            for other in others:
                is_first(other.result()[0])
        first, = [reply for reply in done if reply.status_code == 200]
        is_first(first)
        late = [reply for reply in done if reply.status_code == 409]
        assert len(late) == 2
        for reply in late:
            refused(reply, 409, "The first request with this key is still being processed")
            assert int(reply.headers["retry-after"]) >= 1
            assert 0.25 < reply.elapsed.total_seconds() < 2
        is_replay(client.post("/api/v2/calls", json={"phone_number": NUMBER},
                              headers={"Idempotency-Key": "k"}), first)
        assert len(gateway.stored("calls")) == 7


# ---- how long ----

def test_expiry(http_version):
    with Gateway({"idempotency": {"lifetime": "1s"}, "backend.mock": MOCK}) as gateway:
        with gateway.client(http_version) as client:
            ask = {"json": {"phone_number": NUMBER}, "headers": {"Idempotency-Key": "k"}}
            first = is_first(client.post("/api/v2/calls", **ask))
            is_replay(client.post("/api/v2/calls", **ask), first)
            second = wait_until(lambda: (lambda reply: "idempotent-replayed" not in reply.headers
                                         and reply)(client.post("/api/v2/calls", **ask)),
                                10, "the end of the key's life", every=0.1)
            assert is_first(second).json()["call_id"] != first.json()["call_id"]
            assert len(gateway.stored("calls")) == 2
            wait_until(lambda: not gateway.stored("idempotency"), 10, "the sweep")


# ---- crashes ----

def test_after_a_crash(http_version):
    with Gateway({"backend.mock": MOCK}) as gateway:
        firsts = {}
        with gateway.client(http_version) as client:
            for number in range(5):
                key = f"key {number}"
                firsts[key] = is_first(client.post("/api/v2/calls", json={"phone_number": NUMBER},
                                                   headers={"Idempotency-Key": key}))
        gateway.kill()
        gateway.start()
        with gateway.client(http_version) as client:
            for key, first in firsts.items():
                is_replay(client.post("/api/v2/calls", json={"phone_number": NUMBER},
                                      headers={"Idempotency-Key": key}), first)
            invalid(client.post("/api/v2/calls", json={"phone_number": "+1555010099"},
                                headers={"Idempotency-Key": "key 0"}), HEADER)
        assert len(gateway.stored("calls")) == 5


@pytest.mark.parametrize("round", range(2))
def test_crash_among_requests(round):
    """Killed while requests with 40 keys are under way; clients repeat until they have an answer:
    one call for each key, and what was answered before stays the answer."""
    with Gateway({"backend.mock": MOCK}) as gateway:
        gateway.client().close()
        token, answers, lock = gateway.token, {}, threading.Lock()
        up = threading.Event()
        up.set()

        def ask(index):
            key, version = f"key {index % 40}", "2" if index % 2 else "1.1"
            for _ in range(100):
                up.wait(60)
                try:
                    with gateway.client(version, signed_in=False) as client:
                        reply = client.post("/api/v2/calls", token=token,
                                            json={"phone_number": NUMBER},
                                            headers={"Idempotency-Key": key})
                except httpx.TransportError:
                    continue
                if reply.status_code == 200:
                    with lock:
                        answers.setdefault(key, []).append(reply.content)
                    return
                assert reply.status_code in (409, 503), reply.text
            raise AssertionError(f"no answer for {key}")

        with ThreadPoolExecutor(8) as pool:
            tasks = [pool.submit(ask, index) for index in range(120)]
            wait_until(lambda: len(answers) >= 7 + 13 * round, 30, "the first answers", every=0.001)
            up.clear()
            gateway.kill()
            gateway.start()
            up.set()
            for task in tasks:
                task.result()
        assert len(answers) == 40
        assert all(len(got) == 3 and len(set(got)) == 1 for got in answers.values()), answers
        records = {doc["call_id"] for doc in gateway.stored("idempotency")}
        assert len(records) == 40
        assert {doc["id"] for doc in gateway.stored("calls")} == records


# ---- without a store ----

def test_without_a_store(http_version):
    settings = {"storage": {"disabled": True}, "idempotency": {"max_remembered": 3},
                "auth": {"secret_key": "weak"}, "backend.mock": MOCK}
    with Gateway(settings) as gateway:
        now = int(time.time())
        gateway.token = jwt.encode({"sub": "robot", "iat": now, "exp": now + 600}, "weak")

        def send(client, key, number=NUMBER):
            return client.post("/api/v2/calls", json={"phone_number": number},
                               headers={"Idempotency-Key": key})

        with gateway.client(http_version) as client:
            first = is_first(send(client, "a"))
            is_replay(send(client, "a"), first)
            invalid(send(client, "a", "+1555010099"), HEADER)
            replies = send_together(gateway, http_version, "b", 20)
            assert len({reply.content for reply in replies}) == 1
            assert gateway.metric("calls_total") == 2
            is_first(send(client, "c"))
            is_replay(send(client, "a"), first)
            is_first(send(client, "d"))  # the oldest of four has gone
            is_first(send(client, "a"))


# ---- around it ----

def test_metrics(gateway, client):
    def counted(result):
        return gateway.metric("dialgate_idempotent_requests_total", result=result) or 0

    before = {result: counted(result) for result in ("placed", "replayed", "other_request",
                                                     "refused")}
    ask = {"headers": {"Idempotency-Key": next(keys)}}
    for number in (NUMBER, NUMBER, "+1555010099"):
        client.post("/api/v2/calls", json={"phone_number": number}, **ask)
    client.post("/api/v2/calls", json={"phone_number": NUMBER, "context": "elsewhere"},
                headers={"Idempotency-Key": next(keys)})
    assert {result: counted(result) - before[result] for result in before} == dict.fromkeys(before,
                                                                                           1)


def test_browsers_may_send_and_read_it(client):
    origin = {"Origin": "http://localhost:3000"}
    reply = client.request("OPTIONS", "/api/v2/calls", headers={
        **origin, "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, idempotency-key"})
    assert "idempotency-key" in reply.headers["access-control-allow-headers"].lower()
    reply = client.post("/api/v2/calls", json={"phone_number": NUMBER}, headers=origin)
    assert "Idempotent-Replayed" in reply.headers["access-control-expose-headers"]


def test_the_document_tells(client):
    paths = client.get("/openapi.json").json()["paths"]
    for path in ("/api/v2/calls", "/api/v2/interaction/{number}"):
        operation = paths[path]["post"]
        header, = [one for one in operation["parameters"] if one["in"] == "header"]
        assert header["name"] == "Idempotency-Key" and header["required"] is False
        assert header["schema"]["maxLength"] == 255
        assert "Idempotent-Replayed" in operation["responses"]["200"]["headers"]
        assert "Retry-After" in operation["responses"]["409"]["headers"]
