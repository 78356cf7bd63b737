"""Clients that take their time: heads and bodies that do not come, answers that are not taken."""
import socket
import time

import pytest
from conftest import Probe, closed_by_peer, refused
from http2 import (CONTINUATION, DATA, HEADERS, SETTINGS, Connection, block, frame, request)
from support.client import raw
from support.waiting import wait_until

MANY = 500
LARGE = "/docs/swagger-ui-bundle.js"  # more than any socket holds
LARGE_REQUEST = f"GET {LARGE} HTTP/1.1\r\nHost: x\r\n\r\n".encode()


def dribble(connection, stream, seconds):
    """Other requests beside the one of `stream`, until that one is answered."""
    ended, other = time.monotonic() + seconds, stream
    while stream not in connection.statuses and time.monotonic() < ended:
        other += 2
        connection.send(request(other))
        assert connection.status(other) == 200
        time.sleep(0.05)
    return connection.statuses.get(stream)


@pytest.mark.sanitized
@pytest.mark.parametrize("begun", [
    b"GET /health HTTP/1.1\r\nHost: x\r\n", b"GE",
    b"POST /api/v2/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc",
    b"POST /api/v2/calls HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
], ids=["head", "method", "body", "chunk"])
def test_http1(gateway, begun):
    began = time.monotonic()
    answer = raw(gateway.address, begun, seconds=8)
    assert answer.startswith(b"HTTP/1.1 408 "), answer
    assert 0.9 < time.monotonic() - began < 5
    assert refused(gateway, "slow") == 1


@pytest.mark.sanitized
def test_silence(gateway):
    """Who has not even begun is not told anything."""
    assert raw(gateway.address, b"", seconds=8) == b""


@pytest.mark.sanitized
def test_body_beside_others(gateway):
    """HTTP/2: the time of a body does not begin anew with each other request."""
    with Connection(gateway.address) as client:
        client.send(request(1, "POST", "/api/v2/calls", b"{", end=False, content_length=100))
        assert dribble(client, 1, 8) == 408
        client.send(request(1001))
        assert client.status(1001) == 200
    assert refused(gateway, "slow") == 1


@pytest.mark.sanitized
def test_body_byte_by_byte(gateway):
    with Connection(gateway.address) as client:
        client.send(request(1, "POST", "/api/v2/calls", b"{", end=False))
        ended = time.monotonic() + 8
        while 1 not in client.statuses and time.monotonic() < ended:
            client.send(frame(DATA, 0, 1, b" "))
            client.read(lambda: 1 in client.statuses, 0.1)
        assert client.statuses.get(1) == 408
        client.send(frame(DATA, 1, 1, b"}") + request(3))
        assert client.status(3) == 200


@pytest.mark.sanitized
def test_many_bodies(gateway):
    """A connection that holds several slow requests is ended as a whole."""
    with Connection(gateway.address) as client:
        client.send(b"".join(request(stream, "POST", "/api/v2/calls", b"{", end=False)
                             for stream in range(1, 100, 2)))
        assert client.wait_end(8), client.statuses


@pytest.mark.sanitized
@pytest.mark.parametrize("begun", [
    frame(HEADERS, 0, 1, block()), frame(HEADERS, 0, 1, block()) + frame(CONTINUATION)[:5],
    frame(SETTINGS, 0, 0, bytes(600))[:100],
], ids=["block", "continuation", "frame"])
def test_frames_that_do_not_end(gateway, begun):
    with Connection(gateway.address) as client:
        client.send(request(1) if begun[3] == SETTINGS else b"")
        client.send(begun)
        assert client.wait_end(8)
        assert client.ended_s > 0.9
    assert refused(gateway, "slow") == 1


@pytest.mark.sanitized
def test_no_window(gateway):
    """HTTP/2: an answer that the client gives no room for is thrown away, whatever else it asks."""
    with Connection(gateway.address, window=0) as client:
        client.send(request(1, path="/openapi.json"))
        assert client.status(1) == 200  # the head needs no window
        for other in range(3, 203, 2):
            client.send(request(other, "HEAD"))
            if client.read(lambda: 1 in client.resets, 0.1):
                break
        assert 1 in client.resets
    assert refused(gateway, "unread") >= 1


@pytest.mark.sanitized
@pytest.mark.parametrize("version", ["1.1", "2"])
def test_an_answer_that_is_not_read(gateway, version):
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.connect(gateway.address)
    if version == "2":
        room = frame(SETTINGS, 0, 0, b"\0\4\x7f\xff\xff\xff") + frame(8, 0, 0, b"\x7f\xff\0\0")
        link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + room
                     + b"".join(request(i, path=LARGE) for i in range(1, 60, 2)))
    else:
        link.sendall(LARGE_REQUEST * 20)
    wait_until(lambda: gateway.metric("dialgate_http_connections") == 2, what="the connection")
    wait_until(lambda: gateway.metric("dialgate_http_connections") == 1, 10, "its end")
    link.close()
    assert refused(gateway, "unread") >= 1  # the connection, or first some of its streams


def slow_clients(address):
    """A third each: heads, bodies, and heads of HTTP/2 that do not end."""
    openings = [b"GET /health HTTP/1.1\r\nHost: x\r\nX: ",
                b"POST /api/v2/calls HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS)
                + request(1, "POST", "/api/v2/calls", b"{", end=False)]
    links = []
    for i in range(MANY):
        link = socket.create_connection(address, timeout=10)
        link.sendall(openings[i % 3])
        links.append(link)
    return links


def readers_that_do_not_read(address, count=10):
    links = []
    for _ in range(count):
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(address)
        link.sendall(LARGE_REQUEST * 20)
        links.append(link)
    return links


def test_what_others_feel(start_gateway):
    """Five hundred slow clients, each sending a byte now and then, and some that do not read."""
    gateway = start_gateway({"server": {"head_timeout": "6s", "body_timeout": "6s",
                                        "write_timeout": "6s", "idle_timeout": "5s"},
                             "log": {"level": "warn"}})
    probe = Probe(gateway)
    probe.p99(300)
    alone = min(probe.p99(500) for _ in range(3))
    links = slow_clients(gateway.address) + readers_that_do_not_read(gateway.address)
    began, beside = time.monotonic(), []
    for _ in range(3):
        for i, link in enumerate(links[:MANY]):
            if i % 3 < 2 and i % 7 == len(beside):
                link.sendall(b"1")
        beside.append(probe.p99(500))
    took = time.monotonic() - began
    print(f"p99 {alone * 1000:.2f} ms alone, {min(beside) * 1000:.2f} ms beside, in {took:.1f} s")
    assert took < 6, "the slow clients were gone before the measurement was over"
    assert min(beside) <= 2 * alone + 0.005, (alone, beside)
    assert not closed_by_peer(links[:MANY], 15)
    wait_until(lambda: gateway.metric("dialgate_http_connections") <= 5, what="their end")
    probe.close()
    assert refused(gateway, "slow") >= MANY - 1 and refused(gateway, "unread") == 10
