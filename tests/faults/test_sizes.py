"""Requests that are too large, too deep, or can be read in two ways: answered, and soon."""
import socket

import pytest
from conftest import LIMITS, memory_kb, refused
from http2 import DATA, HEADERS, Connection, block, data, frame, request
from support.client import raw
from support.waiting import wait_until

MAX_BODY = LIMITS["max_body"]
CALLS = "/api/v2/calls"


def status_of(answer):
    assert answer.startswith(b"HTTP/1.1 "), answer[:200]
    return int(answer[9:12])


def post(length, *headers, body=b""):
    head = [f"POST {CALLS} HTTP/1.1", "Host: x", "Connection: close", *headers]
    if length is not None:
        head.append(f"Content-Length: {length}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@pytest.mark.sanitized
@pytest.mark.parametrize("size, status", [(MAX_BODY, 401), (MAX_BODY + 1, 413),
                                          (MAX_BODY + 2, 413), (3 * MAX_BODY, 413),
                                          (100 * MAX_BODY, 413)])
def test_body_http1(gateway, size, status):
    """The limit is exact; a client that has not sent it all gets the answer, too."""
    answer = raw(gateway.address, post(size, body=b"x" * min(size, 4 * MAX_BODY)))
    assert status_of(answer) == status
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    answer = raw(gateway.address, post(None, "Transfer-Encoding: chunked", body=chunks))
    assert status_of(answer) == status
    assert refused(gateway, "body") == (2 if status == 413 else 0)


@pytest.mark.sanitized
@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
@pytest.mark.parametrize("size, status", [(MAX_BODY, 401), (MAX_BODY + 1, 413),
                                          (3 * MAX_BODY, 413), (100 * MAX_BODY, 413)])
def test_body_http2(gateway, size, status, told):
    """Whether its size is told or not; the connection goes on."""
    length = {"content_length": size} if told else {}
    with Connection(gateway.address) as client:
        client.send(request(1, "POST", CALLS, b"x" * size, **length) + request(3))
        assert client.status(1) == status and client.status(3) == 200
        client.send(request(5, "POST", CALLS, b"x" * 10))
        assert client.status(5) == 401
        assert not client.resets and client.goaway is None
    assert refused(gateway, "body") == (1 if status == 413 else 0)


@pytest.mark.sanitized
def test_bodies_http2_side_by_side(gateway):
    """Large and small ones, in turns: each gets its own answer."""
    streams = range(1, 41, 2)
    with Connection(gateway.address) as client:
        client.send(b"".join(request(stream, "POST", CALLS, b"", end=False) for stream in streams))
        for _ in range(5):
            client.send(b"".join(frame(DATA, 0, stream, b"x" * (10000 if stream % 4 == 1 else 100))
                                 for stream in streams))
        client.send(b"".join(frame(DATA, 1, stream) for stream in streams))
        assert client.read(lambda: len(client.statuses) == len(streams))
        assert client.statuses == {stream: 413 if stream % 4 == 1 else 401 for stream in streams}


@pytest.mark.sanitized
def test_a_wrong_length_http2(gateway):
    with Connection(gateway.address) as client:
        client.send(request(1, "POST", CALLS, b"x" * 10, content_length=9) + request(3))
        assert client.status(3) == 200
        assert client.status(1) is None and 1 in client.resets


def test_a_body_without_end(gateway):
    """A gibibyte: what is too much is not kept, and at some time not taken any more."""
    before = memory_kb(gateway)
    with Connection(gateway.address) as client:
        client.send(request(1, "POST", CALLS, b"", end=False))
        took = client.flood(frame(DATA, 0, 1, b"x" * 16384) * 64, seconds=20)
        assert client.ended_s is not None and took < 1 << 28
    with socket.create_connection(gateway.address) as link:
        link.sendall(post(1 << 30))
        assert status_of(link.recv(4096)) == 413
    assert memory_kb(gateway) - before < 32768


@pytest.mark.sanitized
@pytest.mark.parametrize("lengths", [
    ["Content-Length: 3", "Content-Length: 5"], ["Content-Length: 5", "Content-Length: 5"],
    ["Content-Length: 3", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Content-Length: 3"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Content-Length: 3,5"], ["Content-Length: +3"], ["Content-Length: 0x3"],
    ["Content-Length:"], ["Transfer-Encoding: gzip"], ["Transfer-Encoding: gzip, chunked"],
    ["Content-Length : 3"], ["Content-Length: 3", " folded"],
])
def test_conflicting_lengths(gateway, lengths):
    inner = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = raw(gateway.address, post(None, *lengths, body=b"0\r\n\r\n" + inner))
    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1, "a request was smuggled"


def nested(depth):
    return b'{"variables":' + b"[" * depth + b"]" * depth + b"}"


@pytest.mark.sanitized
@pytest.mark.parametrize("depth", [100, 9000])
def test_deep_json(gateway, http_version, depth):
    client = gateway.client(http_version)
    reply = client.post(CALLS, content=nested(depth), headers={"Content-Type": "application/json"})
    assert reply.status_code in (400, 422), reply.text
    client.close()


@pytest.mark.sanitized
@pytest.mark.parametrize("head, status, reason", [
    ("X: " + "a" * 40000, 431, "headers"),
    ("\r\n".join(f"X{i}: 1" for i in range(80)), 431, "headers"),
    ("\r\n".join(f"X{i}: 1" for i in range(200)), 400, None),  # that is the library's own limit
    ("X: " + "a" * 500000, 400, None),
], ids=["long", "many", "very many", "very long"])
def test_headers_http1(gateway, head, status, reason):
    answer = raw(gateway.address, f"GET /health HTTP/1.1\r\nHost: x\r\n"
                 f"Connection: close\r\n{head}\r\n\r\n".encode())
    assert status_of(answer) == status
    assert reason is None or refused(gateway, reason) == 1


@pytest.mark.sanitized
def test_headers_http2(gateway):
    with Connection(gateway.address) as client:
        client.send(request(1, **{f"x{i}": 1 for i in range(80)}))
        assert client.status(1) == 431
        large = block(x="a" * 40000)
        pieces = [large[i:i + 16384] for i in range(0, len(large), 16384)]
        client.send(frame(HEADERS, 1, 3, pieces[0]) + frame(9, 0, 3, pieces[1])
                    + frame(9, 4, 3, pieces[2]))
        assert client.status(3) == 431
        client.send(request(5))
        assert client.status(5) == 200
    assert refused(gateway, "headers") == 2


@pytest.mark.sanitized
def test_uri(gateway):
    answer = raw(gateway.address, b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 9000), seconds=1)
    assert status_of(answer) == 414
    with Connection(gateway.address) as client:
        client.send(request(1, path="/" + "a" * 9000))
        assert client.status(1) == 414
    assert refused(gateway, "uri") == 2


def test_an_upload_that_pauses(gateway):
    """Large bodies of many at once are thrown away, not kept for their clients."""
    before = memory_kb(gateway)
    clients = [Connection(gateway.address) for _ in range(20)]
    for client in clients:
        client.send(request(1, "POST", CALLS, b"", end=False) + data(1, b"x" * 2_000_000, end=False))
    wait_until(lambda: refused(gateway, "slow") == 20, 20, "their time limit")
    assert memory_kb(gateway) - before < 65536
    for client in clients:
        client.close()
