"""GET /api/v2/events, GET /api/monitoring/stream, GET /api/v2/events/types: what happens, live."""
import socket
import time

import h2.connection
import h2.events
import pytest
from support.events import Reader
from support.waiting import wait_until

QUICK = {"plugin": "mock", "ring_ms": 20, "answer_ms": 40, "talk_ms": 100, "hangup_ms": 20}
WHOLE = ["call.created", "call.dialing", "call.ringing", "call.answered", "call.ended"]


@pytest.fixture(scope="module")
def gateway():
    from support.gateway import Gateway
    with Gateway({"backend.mock": QUICK, "events": {"heartbeat": "1s"}}) as running:
        running.client().close()
        yield running


def place(gateway, number="+15550123"):
    with gateway.client() as client:
        reply = client.post("/api/v2/calls", json={"phone_number": number})
        assert reply.status_code == 200, reply.text
        return reply.json()["call_id"]


def test_a_call_from_beginning_to_end(gateway, http_version):
    with Reader(gateway, http_version) as reader:
        assert reader.status == 200
        assert reader.headers["content-type"] == "text/event-stream"
        assert reader.headers["cache-control"] == "no-cache, no-transform"
        call_id = place(gateway)
        wait_until(lambda: "call.ended" in reader.types(call_id), 30, "the call's end")
        assert reader.types(call_id) == WHOLE
        numbers = [int(name.rsplit("-", 1)[1]) for _, name, _ in reader.events]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        for kind, name, data in reader.events:
            assert (data["type"], data["id"]) == (kind, name)
            assert name.startswith(data["node"] + "-")
        last = reader.await_type("call.ended")[2]
        assert last["call"]["status"] == "completed" and last["from"] == "answered"
        assert last["call"]["mock"] is True


def test_channels(gateway, http_version):
    with Reader(gateway, http_version, types="channel.*,call.ended") as reader, \
            gateway.client(http_version) as client:
        call_id = place(gateway)
        wait_until(lambda: "call.ended" in reader.types(call_id), 30, "the call's end")

        def told():
            return [(kind, data) for kind, _, data in reader.events
                    if data.get("channel", {}).get("id") == call_id]
        wait_until(lambda: told() and told()[-1][0] == "channel.ended", 30, "the channel's end")
        kinds = [kind for kind, _ in told()]
        assert kinds[0] == "channel.created" and kinds[-1] == "channel.ended"
        assert [data["channel"]["state"] for kind, data in told()
                if kind == "channel.changed"][-1] == "up"
        second = place(gateway)
        shown = client.get(f"/api/v2/channels/{second}")
        if shown.status_code == 200:  # it has not ended yet
            assert set(shown.json()) == set(told()[0][1]["channel"])


def test_a_campaign(gateway, http_version):
    """What its numbers live through, and its own states, to readers of that campaign alone."""
    gateway.add_user(f"chief{http_version}", "the chief's password", role="admin")
    token = gateway.create_token(f"chief{http_version}")
    with gateway.client(http_version, signed_in=False) as dialer:
        dialer.token = token
        made = dialer.post("/api/campaigns", json={
            "name": f"spring {http_version}", "trunk_type": "pjsip", "trunk_value": "trunk-1",
            "agent_dest_type": "exten", "agent_dest_value": "100"})
        assert made.status_code == 201, made.text
        campaign = made.json()["data"]["id"]
        number = dialer.post(f"/api/campaigns/{campaign}/numbers",
                             json={"phone_number": "15550123"})
        assert number.status_code == 201, number.text
        with Reader(gateway, http_version, path="/api/monitoring/stream", token=token,
                    campaign_id=campaign) as reader, \
                Reader(gateway, http_version, campaign_id=campaign + 1) as other:
            place(gateway)
            dialer.post(f"/api/campaigns/{campaign}/start")
            reader.await_type("number.completed", 1, 60)
            dialer.post(f"/api/campaigns/{campaign}/stop")
            stopped = reader.await_type("campaign.stopped")
            assert stopped[2]["campaign_id"] == campaign
            kinds = reader.types()
            assert [kind for kind in kinds if kind.startswith("number.")] == [
                "number.calling", "number.answered", "number.completed"]
            assert kinds[0] == "campaign.started" and "campaign.exhausted" in kinds
            assert {str(data["campaign_id"]) for _, _, data in reader.events} == {str(campaign)}
            assert not other.events


def test_filters(gateway, http_version):
    first = place(gateway)
    with Reader(gateway, http_version, types="call.answered,call.ended") as some, \
            Reader(gateway, http_version, types="link.*") as links, \
            Reader(gateway, http_version, call_id=first) as other, \
            Reader(gateway, http_version, campaign_id="7") as campaign, \
            Reader(gateway, http_version) as everything:
        call_id = place(gateway)
        wait_until(lambda: "call.ended" in everything.types(call_id), 30, "the call's end")
        wait_until(lambda: "call.ended" in some.types(call_id), 30, "the same, filtered")
        assert some.types(call_id) == ["call.answered", "call.ended"]
        assert not links.events and not campaign.events
        assert all(data["call_id"] == first for _, _, data in other.events)


@pytest.mark.parametrize("types", ["call.nonsense", "call", "*.ended", "call.ended,", "ca*"])
def test_wrong_types(gateway, http_version, types):
    with gateway.client(http_version) as client:
        reply = client.get("/api/v2/events", params={"types": types})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["query", "types"]


@pytest.mark.parametrize("base", ["/api", "/adial/api"])
@pytest.mark.parametrize("field, value", [("types", "call.nonsense"), ("types", "call.*," * 101),
                                          ("call_id", "x" * 101), ("campaign_id", "7" * 101),
                                          ("last_event_id", "gw1-\t7")])
def test_wrong_filters_of_a_campaign_dialer(gateway, http_version, base, field, value):
    made = gateway.cli("token", "create", "--user", "tester", "--permission", "monitoring/stream")
    with gateway.client(http_version, signed_in=False) as client:
        reply = client.get(f"{base}/monitoring/stream", params={field: value},
                           token=made.stdout.strip())
    said = reply.json()
    assert reply.status_code == 400, said
    assert set(said) == {"success", "code", "message", "errors"}
    assert said["success"] is False and said["code"] == 400
    assert said["message"] == f"Invalid {field}. {said['errors'][field]}"
    assert set(said["errors"]) == {field}


def test_head_ends_at_once(gateway, http_version):
    with gateway.client(http_version) as client:
        reply = client.request("HEAD", "/api/v2/events")
        assert reply.status_code == 200 and reply.content == b""


def test_types(gateway, http_version):
    with gateway.client(http_version) as client:
        listed = client.get("/api/v2/events/types").json()["types"]
        assert set(WHOLE) <= {entry["type"] for entry in listed}
        assert all(entry["description"] for entry in listed)
        assert client.get("/api/v2/events/types", token=None).status_code == 401


@pytest.mark.parametrize("path", ["/api/v2/events", "/api/monitoring/stream",
                                  "/adial/api/monitoring/stream"])
def test_without_credentials(gateway, http_version, path):
    with gateway.client(http_version) as client:
        assert client.get(path, token=None).status_code == 401
        assert client.get(path, token="nonsense").status_code == 401


def test_a_campaign_dialers_token(gateway):
    made = gateway.cli("token", "create", "--user", "tester", "--permission", "monitoring/stream")
    with Reader(gateway, path="/api/monitoring/stream", token=made.stdout.strip()) as reader:
        assert reader.status == 200
        call_id = place(gateway)
        wait_until(lambda: "call.ended" in reader.types(call_id), 30, "the call's end")


def test_heartbeats(gateway, http_version):
    with Reader(gateway, http_version, types="link.down") as reader:
        wait_until(lambda: reader.comments >= 3, 30, "two heartbeats")


def test_going_on_after_a_restart(start_gateway, http_version):
    gateway = start_gateway({"backend.mock": QUICK})
    gateway.client().close()
    with Reader(gateway, http_version) as reader:
        first = place(gateway)
        wait_until(lambda: "call.ended" in reader.types(first), 30, "the call's end")
        place(gateway)
        reader.await_type("call.ended", 2)
        reader_events = list(reader.events)
        gateway.stop()
        reader.await_end()
    assert reader.types()[-1] == "closed"
    assert reader.events[-1][2]["reason"] == "shutdown"
    missed = [event for event in reader.events if event[1]][len(reader_events):]
    gateway.start()
    start = next(i for i, event in enumerate(reader_events) if event[0] == "call.ringing")
    rest = reader_events[start + 1:] + missed
    third = place(gateway)
    with Reader(gateway, http_version, last=reader_events[start][1]) as again:
        wait_until(lambda: "call.ended" in again.types(third), 30, "the third call's end")
        wait_until(lambda: len(again.events) > len(rest), 10, "what was missed")
        assert again.events[:len(rest)] == rest
        assert "gap" not in again.types()
        names = [name for _, name, _ in again.events]
        assert len(set(names)) == len(names)


def test_a_crash_is_told(start_gateway):
    gateway = start_gateway({"backend.mock": QUICK})
    gateway.client().close()
    with Reader(gateway) as reader:
        call_id = place(gateway)
        wait_until(lambda: "call.ended" in reader.types(call_id), 30, "the call's end")
        first = next(event for event in reader.events if event[0] == "call.created")
        wait_until(lambda: gateway.metric("dialgate_events_unwritten") == 0, 10, "all written")
        gateway.kill()
    gateway.start()
    with Reader(gateway, last=first[1], types="call.*") as again:
        again.await_type("gap")
        assert again.types()[:4] == WHOLE[1:]
        gap = again.await_type("gap")
        node, number = gap[2]["after"].rsplit("-", 1)
        before = again.events[again.types().index("gap") - 1][1]
        assert before.startswith(node + "-") and int(number) >= int(before.rsplit("-", 1)[1])


@pytest.mark.parametrize("last, reason", [("elsewhere-17", "unknown"), ("nonsense", "unknown"),
                                          ("{node}-99999999999999999", "expired"),
                                          ("{node}-1", "expired")])
def test_what_is_not_there_any_more(gateway, http_version, last, reason):
    with Reader(gateway, http_version) as reader:
        place(gateway)
        node = reader.await_type("call.ended")[2]["node"]
    with Reader(gateway, http_version, last=last.format(node=node)) as reader:
        place(gateway)
        assert reader.await_type("gap")[2]["reason"] == reason
        reader.await_type("call.ended")


def test_without_a_store(start_gateway):
    gateway = start_gateway({"backend.mock": QUICK, "storage": {"disabled": True}}, ready=False)
    with Reader(gateway, token=None) as reader:
        if reader.status is None or reader.status == 401:
            return  # nobody can sign in there
        assert reader.status == 200


def test_a_revoked_user(gateway, http_version):
    gateway.add_user(f"guest{http_version}", "a long password", role="user")
    with gateway.client(http_version, signed_in=False) as client:
        token = client.sign_in(f"guest{http_version}", "a long password")
    with Reader(gateway, http_version, token=token, types="call.ended") as reader:
        place(gateway)
        reader.await_type("call.ended")
        gateway.cli("user", "disable", f"guest{http_version}")
        reader.await_end(20)
        assert reader.events[-1][0] == "closed"
        assert reader.events[-1][2]["reason"] == "unauthorized"


def test_an_expired_token(start_gateway):
    import jwt
    gateway = start_gateway({"backend.mock": QUICK})
    gateway.client().close()
    claims = jwt.decode(gateway.token, options={"verify_signature": False})
    claims["exp"] = int(time.time()) + 4
    token = jwt.encode(claims, gateway.settings["auth"]["secret_key"], algorithm="HS256")
    with Reader(gateway, token=token) as reader:
        assert reader.status == 200
        reader.await_end(20)
        assert time.time() >= claims["exp"]
        assert reader.events[-1][2]["reason"] == "unauthorized"


def test_a_slow_reader_is_let_go(start_gateway):
    """It takes nothing; others are told everything meanwhile, and at the end it learns why. Over
    HTTP/2, where a client says how much it takes."""
    gateway = start_gateway({"backend.mock": QUICK, "events": {"max_unsent": 20000}})
    gateway.client().close()
    slow = h2.connection.H2Connection()
    slow.initiate_connection()
    slow.send_headers(1, [(":method", "GET"), (":path", "/api/v2/events"), (":scheme", "http"),
                          (":authority", "x"), ("authorization", f"Bearer {gateway.token}")], True)
    with socket.create_connection(gateway.address) as link, Reader(gateway) as quick, \
            gateway.client() as client:
        link.sendall(slow.data_to_send())
        wait_until(lambda: gateway.metric("dialgate_event_readers") == 2, 20, "both read")
        calls = 0
        while not gateway.metric("dialgate_event_readers_closed_total", reason="slow"):
            assert client.post("/api/v2/calls",
                               json={"phone_number": "+15550123"}).status_code == 200
            calls += 1
            assert calls < 1000, "nobody was let go"
        quick.await_type("call.ended", calls, 60)
        assert "closed" not in quick.types()
        slow.increment_flow_control_window(10000000)
        slow.increment_flow_control_window(10000000, 1)
        text, ended = b"", False
        link.settimeout(20)
        while not ended:
            link.sendall(slow.data_to_send())
            for event in slow.receive_data(link.recv(65536)):
                text += getattr(event, "data", b"")
                ended |= isinstance(event, h2.events.StreamEnded)
        assert text.count(b"event: c") >= 50
        assert b'"reason":"slow"' in text.split(b"\n\n")[-2]


def test_too_many_readers(start_gateway):
    gateway = start_gateway({"backend.mock": QUICK, "events": {"max_readers": 1}})
    gateway.client().close()
    with Reader(gateway) as first, gateway.client() as client:
        assert first.status == 200
        reply = client.get("/api/v2/events")
        assert reply.status_code == 503 and reply.headers["retry-after"] == "5"
    place(gateway)  # so that there is something to be sent
    wait_until(lambda: gateway.metric("dialgate_event_readers") == 0, 30, "the first one's leaving")
    with Reader(gateway) as second:
        assert second.status == 200


def test_clients_that_go_away(gateway, http_version):
    before = gateway.metric("dialgate_http_streams")
    readers = [Reader(gateway, http_version) for _ in range(5)]
    for reader in readers:
        reader.__enter__()
    wait_until(lambda: gateway.metric("dialgate_http_streams") >= before + 5, 20, "streams")
    for reader in readers:
        reader.leaving.set()
    place(gateway)
    wait_until(lambda: gateway.metric("dialgate_http_streams") <= before, 30, "no streams")
