"""SIGTERM with requests under way: all of them are answered, then the gateway ends with status 0.
Shown on POST /api/v2/token, POST /api/v2/calls and GET /health of the Contact Center API."""
import json
import signal
import socket
import threading
import time

import hpack
import httpx
import pytest
from hyperframe import frame as frames
from support.client import Client
from support.gateway import Gateway
from support.waiting import wait_until

NUMBER = "+1234567890"
CALLS = 200
SLOW = {"auth": {"bcrypt_cost": 9}}  # a sign-in takes a while, more so when many wait


@pytest.fixture
def gateway():
    with Gateway(SLOW) as running:
        with running.client():
            pass  # the user is made
        yield running


def ended_well(gateway):
    wait_until(lambda: gateway.process.poll() is not None, 30, "the end of the process")
    assert gateway.process.returncode == 0
    gateway.assert_clean()
    assert "stopping" in gateway.log() and "stopped" in gateway.log()


def waiting(gateway):
    return gateway.metric("dialgate_http_in_flight")


class Http2:
    """HTTP/2 frame by frame: the h2 package takes the first GOAWAY of a graceful end, which says
    that streams will still be answered, for the end of all."""

    def __init__(self, address):
        self.link = socket.create_connection(address, timeout=20)
        self.link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frames.SettingsFrame(0).serialize())
        self.encoder, self.decoder = hpack.Encoder(), hpack.Decoder()
        self.next_stream = 1
        self.statuses, self.bodies, self.goaways = {}, {}, []

    def post(self, path, kind, body, token=None):
        headers = [(":method", "POST"), (":path", path), (":scheme", "http"), (":authority", "x"),
                   ("content-type", kind)]
        if token:
            headers.append(("authorization", f"Bearer {token}"))
        stream, self.next_stream = self.next_stream, self.next_stream + 2
        head = frames.HeadersFrame(stream, self.encoder.encode(headers), flags=["END_HEADERS"])
        data = frames.DataFrame(stream, body, flags=["END_STREAM"])
        self.link.sendall(head.serialize() + data.serialize())
        return stream

    def exactly(self, size):
        piece = b""
        while len(piece) < size:
            more = self.link.recv(size - len(piece))
            if not more:
                return None
            piece += more
        return piece

    def read_to_the_end(self):
        while head := self.exactly(9):
            frame, length = frames.Frame.parse_frame_header(memoryview(head))
            frame.parse_body(memoryview(self.exactly(length) if length else b""))
            if isinstance(frame, frames.HeadersFrame):
                headers = dict(self.decoder.decode(frame.data))
                self.statuses[frame.stream_id] = int(headers[":status"])
            elif isinstance(frame, frames.DataFrame):
                self.bodies.setdefault(frame.stream_id, b"")
                self.bodies[frame.stream_id] += bytes(frame.data)
            elif isinstance(frame, frames.GoAwayFrame):
                self.goaways.append(frame)
        self.link.close()


def test_under_way(gateway):
    """Sign-ins and calls that were taken before the signal."""
    replies, failures = [], []
    with gateway.client() as client:
        token = client.token

    def ask(index):
        try:
            with Client(gateway.base, token=token) as own:
                if index % 2:
                    replies.append(own.post("/api/v2/token", token=None, data={
                        "username": "tester", "password": gateway.password}))
                else:
                    replies.append(own.post("/api/v2/calls", json={"phone_number": NUMBER}))
        except Exception as error:  # told by the main thread
            failures.append(error)
    threads = [threading.Thread(target=ask, args=(index,)) for index in range(24)]
    for thread in threads:
        thread.start()
    wait_until(lambda: waiting(gateway) >= 4, 10, "requests under way")
    gateway.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(30)
    # Who had not connected yet is turned away by the kernel; nobody is left without an answer.
    assert all(isinstance(error, httpx.ConnectError) for error in failures), failures
    assert len(replies) + len(failures) == 24 and len(replies) >= 4
    for reply in replies:
        assert reply.status_code == 200, reply.text
        reply.json()
    ended_well(gateway)
    placed = {reply.json()["call_id"] for reply in replies if "call_id" in reply.json()}
    assert placed <= {doc["id"] for doc in gateway.stored("calls")}


def test_under_way_on_http2(gateway):
    """GOAWAY; the streams that were open get their answers; then the connection is closed."""
    with gateway.client() as client:
        token = client.token
    form = f"username=tester&password={gateway.password}".encode()
    link = Http2(gateway.address)
    signing_in = [link.post("/api/v2/token", "application/x-www-form-urlencoded", form)
                  for _ in range(8)]
    calling = [link.post("/api/v2/calls", "application/json",
                         json.dumps({"phone_number": NUMBER}).encode(), token) for _ in range(8)]
    wait_until(lambda: waiting(gateway) >= 4, 10, "requests under way")
    gateway.process.send_signal(signal.SIGTERM)
    link.read_to_the_end()
    assert link.statuses == dict.fromkeys(signing_in + calling, 200)
    assert link.goaways and all(frame.error_code == 0 for frame in link.goaways)
    ended_well(gateway)
    placed = {json.loads(link.bodies[stream])["call_id"] for stream in calling}
    assert placed == {doc["id"] for doc in gateway.stored("calls")}


def test_half_a_request(gateway):
    """A body that arrives after the signal is still answered, and the connection closed."""
    body = json.dumps({"phone_number": "x"}).encode()
    with gateway.client() as client:
        head = ("POST /api/v2/calls HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: Bearer {client.token}\r\n"
                f"Content-Length: {len(body)}\r\n\r\n").encode()
    with socket.create_connection(gateway.address, timeout=10) as link:
        link.sendall(head + body[:5])
        wait_until(lambda: gateway.metric("dialgate_http_connections") >= 2, 5, "the connection")
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in gateway.log(), 5, "the signal")
        link.sendall(body[5:])
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 422 "), answer
    assert b"connection: close" in answer.lower()
    ended_well(gateway)


def test_idle_connections_do_not_hold_it(gateway):
    links = [socket.create_connection(gateway.address, timeout=5) for _ in range(5)]
    links[0].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert links[0].recv(65536).startswith(b"HTTP/1.1 200 ")
    begun = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    ended_well(gateway)
    assert time.monotonic() - begun < 9, "the time for draining was not needed"
    for link in links:
        link.close()


def test_calls_live_on(gateway):
    """A stop ends no call: the records stay open, for the next start to find."""
    with gateway.client() as client:
        placed = {client.post("/api/v2/calls", json={"phone_number": f"+1234{index:04d}480"})
                  .json()["call_id"] for index in range(CALLS)}
    wait_until(lambda: gateway.metric("call_state_transitions_total", to_state="ringing") == CALLS,
               20, "ringing")
    begun = time.monotonic()
    gateway.process.send_signal(signal.SIGTERM)
    ended_well(gateway)
    assert time.monotonic() - begun < 9, "calls do not hold it"
    assert {call["id"] for call in gateway.stored("calls", status="ringing")} == placed
    assert gateway.stored("cdr") == []
    gateway.start()
    # The mock has forgotten them, as a telephone system that was restarted would have.
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 20, "the end of the lost calls")
    with gateway.client() as client:
        for call_id in placed:
            call = client.get(f"/api/v2/status/{call_id}").json()
            assert call["status"] == "failed" and call["failure_reason"]
    cdrs = wait_until(lambda: len(gateway.stored("cdr")) == CALLS and gateway.stored("cdr"), 10,
                      "their CDRs")
    assert {cdr["call_id"] for cdr in cdrs} == placed
    assert {cdr["disposition"] for cdr in cdrs} == {"failed"}


def test_interrupt(gateway):
    gateway.process.send_signal(signal.SIGINT)
    ended_well(gateway)
