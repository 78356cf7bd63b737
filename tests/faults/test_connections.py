"""How many may be connected, who is counted, and which protocols are spoken."""
import contextlib
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import all_refused, refused
from http2 import Connection, request
from support.client import raw
from support.waiting import wait_until

pytestmark = pytest.mark.sanitized

HELLO = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
CLOSE = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def connected(address, count, source="127.0.0.1", family=socket.AF_INET):
    """Connections of which each has been answered once."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            link = stack.enter_context(socket.socket(family))
            link.settimeout(10)
            if family == socket.AF_INET:
                link.bind((source, 0))
            link.connect(address)
            link.sendall(HELLO)
            assert link.recv(4096).startswith(b"HTTP/1.1 200 ")
        yield


def test_of_one_address(start_gateway):
    gateway = start_gateway({"server": {"max_connections_per_address": 5}})
    address = ("127.0.0.1", gateway.port)
    wait_until(lambda: gateway.metric("dialgate_http_connections") == 1, what="quiet")
    with connected(address, 5):
        answer = raw(address, CLOSE)
        assert answer.startswith(b"HTTP/1.1 429 ") and b"\r\nRetry-After: 1\r\n" in answer
        with connected(address, 5, source="127.0.0.2"):
            assert raw(address, CLOSE).startswith(b"HTTP/1.1 429 ")
    wait_until(lambda: raw(address, CLOSE).startswith(b"HTTP/1.1 200 "), what="room")
    with connected(address, 4):
        assert raw(address, CLOSE).startswith(b"HTTP/1.1 200 ")
    assert refused(gateway, "connections_per_address") >= 2


def test_nobody_is_counted_behind_a_proxy(start_gateway):
    gateway = start_gateway({"server": {"max_connections_per_address": 3,
                                        "trusted_proxies": ["127.0.0.0/8"]}})
    with connected(gateway.address, 20):
        assert all_refused(gateway)["connections_per_address"] == 0


def test_unix_sockets_are_not_counted(start_gateway, tmp_path):
    path = str(tmp_path / "http.sock")
    port = socket.create_server(("127.0.0.1", 0)).getsockname()[1]
    gateway = start_gateway({"server": {"max_connections_per_address": 3,
                                        "listen": [f"127.0.0.1:{port}", f"unix:{path}"]}},
                            port=port)
    with connected(path, 20, family=socket.AF_UNIX):
        assert all_refused(gateway)["connections_per_address"] == 0


def test_in_all(start_gateway):
    """Counted over all threads."""
    gateway = start_gateway({"server": {"max_connections": 20, "threads": 4}})
    wait_until(lambda: gateway.metric("dialgate_http_connections") == 1, what="quiet")
    with connected(gateway.address, 20):
        with ThreadPoolExecutor(10) as pool:
            answers = list(pool.map(lambda _: raw(gateway.address, CLOSE), range(50)))
        assert all(answer.startswith(b"HTTP/1.1 503 ") for answer in answers), answers
        assert all(b"\r\nRetry-After: 1\r\n" in answer for answer in answers)
    wait_until(lambda: raw(gateway.address, CLOSE).startswith(b"HTTP/1.1 200 "), what="room")
    assert refused(gateway, "connections") >= 50


def test_requests_of_one_connection(start_gateway):
    """HTTP/2: what is above the limit waits for its turn, and is answered."""
    gateway = start_gateway({"server": {"max_in_flight_per_connection": 1}})
    with Connection(gateway.address) as client:
        streams = range(1, 181, 2)
        client.send(b"".join(request(stream, path="/api/v2/status/none") for stream in streams))
        assert client.read(lambda: len(client.statuses) == len(streams))
        assert not client.resets


# ---- HTTP/2 switched off ------------------------------------------------------


@pytest.fixture(scope="module")
def old_fashioned(certificate):
    from support.gateway import Gateway
    with Gateway({"server": {**certificate, "http2": False}}) as gateway:
        gateway.tls_address = ("127.0.0.1", int(certificate["listen_tls"].rsplit(":", 1)[1]))
        gateway.authority = certificate["tls_certificate"]
        yield gateway


def test_off_prior_knowledge(old_fashioned):
    answer = raw(old_fashioned.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_off_upgrade(old_fashioned):
    answer = raw(old_fashioned.address,
                 b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n"
                 b"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", seconds=2)
    assert answer.startswith(b"HTTP/1.1 200 ") and b"101" not in answer[:40]


@pytest.mark.parametrize("offered, agreed", [(["h2", "http/1.1"], "http/1.1"), (["h2"], None)])
def test_off_alpn(old_fashioned, offered, agreed):
    trust = ssl.create_default_context(cafile=old_fashioned.authority)
    trust.set_alpn_protocols(offered)
    with socket.create_connection(old_fashioned.tls_address, timeout=10) as plain:
        try:
            link = trust.wrap_socket(plain, server_hostname="localhost")
        except ssl.SSLError:
            assert agreed is None  # no protocol in common: the handshake may end there
            return
        with link:
            assert link.selected_alpn_protocol() == agreed
            link.sendall(CLOSE)
            assert link.recv(4096).startswith(b"HTTP/1.1 200 ")
