"""A hundred thousand requests that are wrong, each in its own way: no crash, no 5xx, and the gateway
serves on. DIALGATE_SEED repeats a run, DIALGATE_MALFORMED is another number of requests."""
import collections
import os
import random
import re
import select
import socket
import time

import hpack
import pytest
from http2 import PREFACE, SETTINGS, block, frame

TOTAL = int(os.environ.get("DIALGATE_MALFORMED", 100_000))
SEED = int(os.environ.get("DIALGATE_SEED", time.time_ns() % 1_000_000))
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
PATHS = ["/", "/health", "/readiness", "/metrics", "/openapi.json", "/api/v2/token",
         "/api/v2/calls", "/api/v2/status/0198", "/api/v2/interaction/+4930000001",
         "/api/v2/calls/0198", "/docs"]
METHODS = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "BREW", "get", "G\0T"]
ODD = [b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b"%", b"%00", b"%2e%2e%2f", b"/../", b"//", b"?",
       b"&&==", b"#", b"\xff\xfe", b"\xc0\xaf", "\u202e".encode(), b"{", b"}" * 40, b"[" * 200, b'"',
       b"\\u0000", b"1e999", b"-0", b"99999999999999999999", b"null", b":", b";", b"${jndi}",
       b"HTTP/1.1", b"chunked", b"Host", b"a" * 300]
BODIES = [b'{"phone_number": "+4930000001", "context": "sales"}', b"username=a&password=b",
          b'{"phone_number": 5}', b"[]", b"", b'{"a": {"b": {"c": [1, 2, {"d": null}]}}}']
HEADERS = ["Accept: */*", "Authorization: Bearer x.y.z", "Content-Type: application/json",
           "X-Request-ID: r", "Origin: http://a", "Cookie: a=b", "Expect: 100-continue",
           "X-Forwarded-For: 1.2.3.4", "Connection: keep-alive", "Upgrade: h2c",
           "Range: bytes=0-1", "Accept-Encoding: gzip", "Access-Control-Request-Method: POST"]


def mutate(chance, octets, times=3):
    """Bytes put in, taken out, changed, doubled."""
    octets = bytearray(octets)
    for _ in range(chance.randint(1, times)):
        at = chance.randrange(len(octets) + 1)
        match chance.randrange(5):
            case 0:
                octets[at:at] = chance.choice(ODD)
            case 1:
                del octets[at:at + chance.randint(1, 8)]
            case 2 if at < len(octets):
                octets[at] = chance.randrange(256)
            case 3:
                octets[at:at] = octets[at:at + chance.randint(1, 30)]
            case 4:
                octets[at:at + 3] = chance.choice(ODD)
    return bytes(octets)


def head_of(chance, path, extra=()):
    lines = [f"{chance.choice(METHODS[:7])} {path} HTTP/1.1", "Host: x",
             *chance.sample(HEADERS[:6], 2), *extra]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


def broken_head(chance):
    """Anything may be wrong: the gateway closes after most of these."""
    head = head_of(chance, chance.choice(PATHS), [chance.choice(HEADERS), "Content-Length: 3"])
    return mutate(chance, head + b"abc", 4)


def odd_target(chance):
    """The request ends where it says; path, query, header values and body are odd."""
    path = mutate(chance, chance.choice(PATHS).encode() + b"?a=b&c=%20d")
    path = re.sub(rb"[\0-\x20\x7f]", b"%", path).decode("latin-1")
    body = mutate(chance, chance.choice(BODIES), 5)
    value = re.sub(rb"[\0-\x1f\x7f]", b"~", mutate(chance, b"Bearer abc.def.ghi"))
    head = (f"{chance.choice(METHODS[:7])} {path} HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nAuthorization: ")
    return head.encode("latin-1") + value + b"\r\n\r\n" + body


def odd_frames(chance):
    """A few frames of HTTP/2, of which some are requests and none is as it should be."""
    octets = b""
    stream = 1
    for _ in range(8):
        if chance.random() < 0.6:
            head = block(chance.choice(METHODS), chance.choice(PATHS))
            if chance.random() < 0.7:
                head = mutate(chance, head)
            octets += frame(1, chance.choice([5, 4, 0, 1, 0x2d, 0xff]), stream, head)
            if chance.random() < 0.5:
                octets += frame(0, chance.choice([0, 1, 8]), stream,
                                mutate(chance, chance.choice(BODIES)))
            stream += 2
        else:
            octets += frame(chance.randrange(12), chance.randrange(256),
                            chance.choice([0, 1, 3, stream, 2, 1 << 30]),
                            chance.randbytes(chance.choice([0, 1, 4, 5, 6, 8, 9, 40])))
    return mutate(chance, octets) if chance.random() < 0.5 else octets


def exchange(address, octets, patience=0.02):
    """All that comes back until the gateway closes, or has said nothing for a while."""
    with socket.create_connection(address, timeout=10) as link:
        received = b""
        try:
            link.sendall(octets)
            link.shutdown(socket.SHUT_WR)
            while select.select([link], [], [], patience)[0] and (piece := link.recv(1 << 16)):
                received += piece
        except ConnectionError:
            pass
        return received


def statuses_of_frames(octets):
    """The statuses among the frames that the gateway sent."""
    decoder, at, found = hpack.Decoder(), 0, []
    while at + 9 <= len(octets):
        size = int.from_bytes(octets[at:at + 3], "big")
        if octets[at + 3] == 1 and at + 9 + size <= len(octets):
            found.append(int(dict(decoder.decode(octets[at + 9:at + 9 + size]))[":status"]))
        at += 9 + size
    return found


def pipelined(gateway, chance, count, seen):
    """As many on one connection as the gateway takes."""
    while count > 0:
        batch = [odd_target(chance) for _ in range(min(count, 50))]
        count -= len(batch)
        answer = exchange(gateway.address, b"".join(batch) + b"GET /health HTTP/1.1\r\nHost: x\r\n"
                          b"Connection: close\r\n\r\n", 5)
        seen.update(int(status) for status in STATUS.findall(answer))


@pytest.mark.sanitized
def test_malformed(gateway):
    print(f"DIALGATE_SEED={SEED}")
    chance, seen, began = random.Random(SEED), collections.Counter(), time.monotonic()
    heads, framed = TOTAL // 4, TOTAL // 4
    for _ in range(heads):
        seen.update(int(s) for s in STATUS.findall(exchange(gateway.address, broken_head(chance))))
    for _ in range(framed // 8):  # eight frames on each connection
        answer = exchange(gateway.address, PREFACE + frame(SETTINGS) + odd_frames(chance))
        seen.update(statuses_of_frames(answer))
    pipelined(gateway, chance, TOTAL - heads - framed, seen)
    print(f"{TOTAL} in {time.monotonic() - began:.1f} s: {dict(sorted(seen.items()))}")
    assert gateway.process.poll() is None, gateway.tail()
    wrong = [status for status in seen if not 100 <= status < 500]
    assert not wrong, f"DIALGATE_SEED={SEED}: {seen}"
    assert sum(seen.values()) > TOTAL // 2 and seen[400] and seen[404] and seen[405] and seen[422]
    client = gateway.client()
    assert client.get("/health").status_code == 200
    client.close()
