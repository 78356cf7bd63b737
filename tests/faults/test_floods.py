"""HTTP/2 frames that ask for nothing, in numbers; header blocks that do not end."""
import multiprocessing
import os
import struct

import pytest
from conftest import Probe, cpu_s, memory_kb, refused
from http2 import (ACK, CONTINUATION, DATA, HEADERS, PING, PRIORITY, SETTINGS, WINDOW_UPDATE,
                   Connection, block, frame, request)

FLOODS = {
    "ping": frame(PING, 0, 0, b"12345678"),
    "ping-ack": frame(PING, ACK, 0, b"12345678"),
    "settings": frame(SETTINGS),
    "settings-large": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 70000) * 2000),
    "settings-ack": frame(SETTINGS, ACK),
    "window": frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)),
    "priority": frame(PRIORITY, 0, 1, struct.pack(">IB", 0, 3)),
    "unknown": frame(0xbe, 0, 0, b"hello"),
    "empty-data": frame(DATA, 0, 1),
    "small-data": frame(DATA, 0, 1, b"x"),
}


def open_stream(connection):
    """A request whose body is to come, as stream 1."""
    connection.send(frame(HEADERS, 4, 1, block("POST", "/api/v2/calls")))


@pytest.mark.sanitized
@pytest.mark.parametrize("name", FLOODS)
def test_flood(gateway, name):
    with Connection(gateway.address) as attacker:
        open_stream(attacker)
        took = attacker.flood(FLOODS[name] * 1000, seconds=10)
        assert attacker.ended_s is not None, (took, attacker.kinds)
    assert refused(gateway, "flood") == 1
    assert "skipping frame" not in gateway.log()


@pytest.mark.sanitized
@pytest.mark.parametrize("piece", [b"", b"\x00\x01a\x01b" * 3000], ids=["empty", "large"])
def test_continuation(gateway, piece):
    with Connection(gateway.address) as attacker:
        attacker.send(frame(HEADERS, 0, 1, block()))
        attacker.flood(frame(CONTINUATION, 0, 1, piece) * 20, seconds=10)
        assert attacker.ended_s is not None
    assert refused(gateway, "headers") + refused(gateway, "flood") == 1


@pytest.mark.sanitized
def test_bytes_that_unpack(gateway):
    """Each byte of the block stands for a header of 4,000. That is refused at once, and not kept
    until a body comes that never does."""
    first = block("POST", "/api/v2/calls") + b"\x40\x01a\x7f\xa1\x1e" + b"v" * 4000
    more = block("POST", "/api/v2/calls")
    with Connection(gateway.address) as attacker:
        for stream in range(1, 61, 2):
            attacker.send(frame(HEADERS, 0, stream, first if stream == 1 else more)
                          + frame(CONTINUATION, 4, stream, b"\xbe" * 8000))
            assert attacker.status(stream, 1) == 431
        attacker.send(request(61))
        assert attacker.status(61) == 200
    assert refused(gateway, "headers") == 30


@pytest.mark.sanitized
def test_lively_clients(gateway):
    """A ping and two window updates for each request are what libraries do."""
    room = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1000))
    with Connection(gateway.address) as client:
        for first in range(1, 4001, 200):
            client.send(b"".join(request(stream) + FLOODS["ping"] + room * 2
                                 for stream in range(first, first + 200, 2)))
            assert client.read(lambda: len(client.statuses) >= (first + 199) // 2)
        assert set(client.statuses.values()) == {200}
        assert client.ended_s is None and client.goaway is None
    assert refused(gateway, "flood") == 0


def attack(address, octets, ended):
    os.nice(10)  # what it takes from others by its own work is not the question
    while not ended.is_set():
        try:
            with Connection(address) as attacker:
                attacker.flood(octets, seconds=1)
        except OSError:
            pass


@pytest.mark.parametrize("name", ["ping", "settings"])
def test_what_it_costs(gateway, name):
    """An attacker that comes again at once: its connections end, memory stays, others are served."""
    probe = Probe(gateway)
    probe.p99(200)
    alone = min(probe.p99(500) for _ in range(3))
    before, used = memory_kb(gateway), cpu_s(gateway)
    ended = multiprocessing.Event()
    attacker = multiprocessing.Process(target=attack,
                                       args=(gateway.address, FLOODS[name] * 1000, ended))
    attacker.start()
    try:
        beside = min(probe.p99(500) for _ in range(3))
    finally:
        ended.set()
        attacker.join()
        probe.close()
    print(f"{name}: p99 {alone * 1000:.2f} ms alone, {beside * 1000:.2f} ms beside; "
          f"{refused(gateway, 'flood'):.0f} connections ended, {cpu_s(gateway) - used:.2f} s of "
          f"processor time, {memory_kb(gateway) - before} KiB more")
    assert refused(gateway, "flood") > 10
    assert memory_kb(gateway) - before < 16384
    assert beside <= 2 * alone + 0.005, (alone, beside)
