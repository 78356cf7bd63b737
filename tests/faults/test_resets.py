"""HTTP/2 requests that are opened only to be taken back (CVE-2023-44487, CVE-2025-8671)."""
import ssl

import pytest
from conftest import memory_kb, refused
from http2 import (CALM, CANCEL, DATA, END_HEADERS, HEADERS, NO_ERROR, RST_STREAM, WINDOW_UPDATE,
                   Connection, block, frame, request)
from support.waiting import wait_until

STREAMS = range(1, 20001, 2)
CANCELLED = CANCEL.to_bytes(4, "big")
GREATEST = (0x7fffffff).to_bytes(4, "big")


def rapid(stream, path):
    return request(stream, path=path) + frame(RST_STREAM, 0, stream, CANCELLED)


def made_by_window(stream, path):
    """A window update of nothing makes the server reset the stream itself."""
    return request(stream, path=path) + frame(WINDOW_UPDATE, 0, stream, bytes(4))


def made_by_overflow(stream, path):
    return request(stream, path=path) + frame(WINDOW_UPDATE, 0, stream, GREATEST)


def made_by_data(stream, path):
    """A body after the end of the request."""
    return request(stream, path=path) + frame(DATA, 0, stream, b"x" * 300)


def unfinished(stream, path):
    """Taken back before it is a request: no handler ever hears of it."""
    return (frame(HEADERS, END_HEADERS, stream, block("POST", path))
            + frame(RST_STREAM, 0, stream, CANCELLED))


ATTACKS = [rapid, made_by_window, made_by_overflow, made_by_data, unfinished]
PATHS = ["/api/v2/status/none", "/health"]


@pytest.mark.sanitized
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("attack", ATTACKS)
def test_cut_off(gateway, attack, path):
    octets = b"".join(attack(stream, path) for stream in STREAMS)
    with Connection(gateway.address) as attacker:
        attacker.flood(octets, seconds=10)
        assert attacker.ended_s is not None, (attacker.kinds, attacker.resets)
    assert refused(gateway, "resets") == 1
    wait_until(lambda: gateway.metric("dialgate_http_in_flight") == 0, what="the last request")
    with Connection(gateway.address) as other:
        other.send(request(1))
        assert other.status(1) == 200


@pytest.mark.sanitized
def test_it_is_said(gateway):
    """The attack of a client that has asked for something before: it is told to calm down."""
    with Connection(gateway.address) as attacker:
        attacker.send(request(1))
        assert attacker.status(1) == 200
        attacker.flood(b"".join(rapid(stream, "/health") for stream in range(3, 20001, 2)), 10)
        assert attacker.ended_s is not None
        assert attacker.goaway in (CALM, None)  # a reset of the connection may overtake it
    assert refused(gateway, "resets") == 1


@pytest.mark.sanitized
def test_over_tls(start_gateway, certificate):
    gateway = start_gateway({"server": certificate})
    trust = ssl.create_default_context(cafile=certificate["tls_certificate"])
    trust.set_alpn_protocols(["h2"])
    port = int(certificate["listen_tls"].rsplit(":", 1)[1])
    with Connection(("127.0.0.1", port), tls=trust) as attacker:
        attacker.socket.settimeout(10)
        for stream in STREAMS:
            if not attacker.send(rapid(stream, "/health")):
                break
        attacker.wait_end()
        assert attacker.ended_s is not None
    assert refused(gateway, "resets") == 1


@pytest.mark.sanitized
def test_a_client_that_changes_its_mind(gateway):
    """Ninety cancelled requests among others are nobody's offence."""
    with Connection(gateway.address) as client:
        for round_ in range(3):
            first, last = 1 + round_ * 100, 61 + round_ * 100
            client.send(b"".join(rapid(stream, "/health") for stream in range(first, last, 2)))
            client.send(request(last))
            assert client.status(last) == 200
        assert client.ended_s is None and client.goaway in (None, NO_ERROR)
    assert refused(gateway, "resets") == 0


@pytest.mark.parametrize("attack", [rapid, made_by_window])
def test_within_fifty_milliseconds(gateway, attack):
    """And the memory stays as it is, however often it is tried."""
    octets = b"".join(attack(stream, "/api/v2/status/none") for stream in STREAMS)
    times = []

    def once():
        with Connection(gateway.address) as attacker:
            attacker.flood(octets, seconds=5)
            times.append(attacker.ended_s or 5)

    for _ in range(20):
        once()
    before = memory_kb(gateway)
    for _ in range(100):
        once()
    assert memory_kb(gateway) - before < 4096
    assert sorted(times)[len(times) * 9 // 10] < 0.05, sorted(times)[-20:]
    assert gateway.metric("dialgate_http_in_flight") == 0
