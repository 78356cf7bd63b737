"""Clients that are gone before their call is placed: the call is, and nothing is left of them."""
import socket
import sqlite3
import struct
from contextlib import closing, contextmanager

import pytest
from conftest import QUICK, memory_kb
from http2 import RST_STREAM, Connection, frame, request
from support.waiting import wait_until

BODY = b'{"phone_number": "+4930000001"}'
MANY = 200


@contextmanager
def store_held(gateway):
    """Nobody else can write, so that requests for calls have to wait."""
    with closing(sqlite3.connect(gateway.folder / "dialgate.db", isolation_level=None)) as store:
        store.execute("BEGIN IMMEDIATE")
        yield
        store.execute("ROLLBACK")


def head(token, version):
    if version == "1.1":
        return (f"POST /api/v2/calls HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n").encode()
    return {"authorization": f"Bearer {token}", "content_type": "application/json"}


def ask(gateway, token, version):
    """A request under way."""
    if version == "2":
        client = Connection(gateway.address)
        client.send(request(1, "POST", "/api/v2/calls", BODY, **head(token, version)))
        return client
    link = socket.create_connection(gateway.address)
    link.sendall(head(token, version) + BODY)
    return link


def go(client, how):
    link = client.socket if isinstance(client, Connection) else client
    if how == "reset":
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if how == "cancel":
        client.send(frame(RST_STREAM, 0, 1, b"\0\0\0\x08"))
    link.close()


def leave(gateway, clients, how):
    for client in clients:
        go(client, how)
    wait_until(lambda: gateway.metric("dialgate_http_connections") == 1, 10,
               "the end of their connections")


def vanish(gateway, token, version, how):
    """Many at once, while nothing can be written."""
    wait_until(lambda: gateway.metric("dialgate_http_in_flight") == 0, what="quiet")
    with store_held(gateway):
        clients = [ask(gateway, token, version) for _ in range(MANY)]
        wait_until(lambda: gateway.metric("dialgate_http_in_flight") == MANY, what="requests")
        if how != "stay":
            leave(gateway, clients, how)
    wait_until(lambda: gateway.metric("dialgate_http_in_flight") == 0, 20, "the calls")
    if how == "stay":
        leave(gateway, clients, "close")
    wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 30, "their end")


@pytest.mark.sanitized
@pytest.mark.parametrize("version, how", [("1.1", "close"), ("1.1", "reset"), ("2", "close"),
                                          ("2", "reset"), ("2", "cancel")])
def test_a_client_that_vanishes(gateway, version, how):
    client = gateway.client(version)
    token = client.token
    client.close()
    before = len(gateway.stored("calls"))
    vanish(gateway, token, version, how)
    wait_until(lambda: len(gateway.stored("calls")) == before + MANY, what="the records")


def growth(gateway, token, how):
    before = memory_kb(gateway)
    for _ in range(3):
        for version in ("1.1", "2"):
            vanish(gateway, token, version, how)
    return memory_kb(gateway) - before


def test_memory(start_gateway):
    """Calls fill caches, whoever asked for them: those of clients that are gone cost no more. What the
    leak check of the sanitizer says at the end of the tests above is the exact form of this one."""
    gateway = start_gateway({"calls": {"recent": "1s"}, "backend.mock": QUICK,
                             "log": {"level": "warn"}})
    client = gateway.client()
    token = client.token
    client.close()
    growth(gateway, token, "close")
    stayed = growth(gateway, token, "stay")
    descriptors = gateway.descriptors()
    gone = growth(gateway, token, "reset")
    print(f"{6 * MANY} calls: {gone} KiB more if the clients were gone, {stayed} if they stayed")
    wait_until(lambda: gateway.descriptors() <= descriptors, 10, "the last connection's end")
    assert gone < stayed + 1024
