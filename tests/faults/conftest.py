"""Gateways that are attacked, and how their other clients fare meanwhile.

Tests marked `sanitized` ask what happens, and do so under AddressSanitizer; the others measure, or
need speed, and run on a build without.
"""
import contextlib
import select
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest
from support import metrics
from support.gateway import Gateway, free_port
from support.waiting import wait_until

LIMITS = {"max_body": 20000, "head_timeout": "1s", "body_timeout": "2s", "write_timeout": "2s",
          "idle_timeout": "20s"}
QUICK = {"plugin": "mock", "ring_ms": 10, "answer_ms": 10, "talk_ms": 50, "hangup_ms": 10}


def pytest_configure(config):
    config.addinivalue_line("markers", "sanitized: run on the build with AddressSanitizer")


@pytest.fixture(scope="session")
def attacked():
    """With limits that a test can wait for."""
    with Gateway({"server": LIMITS, "backend.mock": QUICK, "log": {"level": "warn"}}) as running:
        yield running


@pytest.fixture
def gateway(attacked):
    """As if it had been started for the test: nobody is connected, refused() counts from zero."""
    wait_until(lambda: attacked.metric("dialgate_http_connections") == 1, 30, "the end of others")
    attacked.refused_before = all_refused(attacked)
    return attacked


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A self-signed certificate for localhost: settings of [server]."""
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    return {"listen_tls": f"127.0.0.1:{free_port()}", "tls_key": str(folder / "key.pem"),
            "tls_certificate": str(folder / "cert.pem")}


def all_refused(gateway):
    return {labels["reason"]: number for name, labels, number in metrics.parse(gateway.metrics())
            if name == "dialgate_http_refused_total"}


def refused(gateway, reason):
    return all_refused(gateway)[reason] - getattr(gateway, "refused_before", {}).get(reason, 0)


def memory_kb(gateway):
    status = Path(f"/proc/{gateway.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def cpu_s(gateway):
    """Processor time the gateway has used."""
    fields = Path(f"/proc/{gateway.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


class Probe:
    """An ordinary client: one request after the other on each of a few connections."""

    REQUEST = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"

    def __init__(self, gateway, connections=4):
        self.links = [socket.create_connection(gateway.address, timeout=20)
                      for _ in range(connections)]
        for link in self.links:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, link):
        began = time.monotonic()
        link.sendall(self.REQUEST)
        answer = link.recv(65536)
        assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]
        return time.monotonic() - began

    def p99(self, count=1500):
        """Seconds; the pause between requests is what a client would leave."""
        times = []
        for i in range(count):
            times.append(self.ask(self.links[i % len(self.links)]))
            time.sleep(0.0005)
        return sorted(times)[len(times) * 99 // 100]

    def close(self):
        for link in self.links:
            link.close()


@contextlib.contextmanager
def in_background(work):
    """Calls work() again and again, in a thread, until the block ends; what it raises is raised
    at the end."""
    stop, errors = threading.Event(), []

    def loop():
        while not stop.is_set() and not errors:
            try:
                work()
            except Exception as error:  # pylint: disable=broad-except
                errors.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if errors:
        raise errors[0]


def closed_by_peer(links, seconds):
    """Waits until the gateway has closed them all; returns those that it has not."""
    open_links, deadline = set(links), time.monotonic() + seconds
    while open_links and time.monotonic() < deadline:
        for link in select.select(open_links, [], [], 0.1)[0]:
            try:
                gone = not link.recv(65536)
            except ConnectionError:
                gone = True
            if gone:
                open_links.discard(link)
    return open_links
