"""A steady load: so many requests per second over connections that stay, every answer counted.

    with Steady(gateway.address, "2", rate=5000, requests=[("GET", "/health")]) as load:
        ...
    assert load.failures == [] and set(load.statuses) == {200}

A connection sends a batch of requests at once and reads their answers; when they were late, the
next batch goes out at once. A connection that the gateway closes is a failure, and not made anew.
"""
import collections
import socket
import struct
import threading
import time

from .pipeline import Pipeline

BATCH = 25
CONNECTIONS = 4


class Http1:
    def __init__(self, address, token, requests):
        self.line = Pipeline(address, token)
        self.batch = [self.line.request(*requests[index % len(requests)]) for index in range(BATCH)]

    def exchange(self):
        return [status for status, _ in self.line.exchange(self.batch)]

    def close(self):
        self.line.close()


class Http2:
    """GET only. Frame by frame and without a table of headers, because that is fast."""

    HEADERS, RESET, SETTINGS, PING, GOAWAY, WINDOW = 1, 3, 4, 6, 7, 8
    END_STREAM, END_HEADERS, ACK = 1, 4, 1
    STATUSES = {0x88: 200, 0x89: 204, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}

    def __init__(self, address, token, requests):
        self.link = socket.create_connection(address, timeout=20)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        self.stream = 1
        self.heads = [self.head(path, token) for method, path, *_ in requests if method == "GET"]
        settings = struct.pack(">HIHI", 1, 0, 4, 0x7fffffff)  # no header table; wide windows
        self.link.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" +
                          self.frame(self.SETTINGS, 0, 0, settings) +
                          self.frame(self.WINDOW, 0, 0, struct.pack(">I", 0x7fff0000)))

    @staticmethod
    def frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload

    @staticmethod
    def text(value):
        """A literal of HPACK: its length, in one byte or as 127 and the rest by sevens."""
        data = value.encode()
        length, size = len(data), b""
        if length < 127:
            return bytes([length]) + data
        length -= 127
        while length >= 128:
            size += bytes([length % 128 + 128])
            length //= 128
        return b"\x7f" + size + bytes([length]) + data

    def head(self, path, token):
        """:method GET, :scheme http, :path, :authority, authorization; none of them indexed."""
        block = b"\x82\x86\x04" + self.text(path) + b"\x01" + self.text("x")
        return block + (b"\x0f\x08" + self.text(f"Bearer {token}") if token else b"")

    def exchange(self):
        frames = []
        for index in range(BATCH):
            head = self.heads[index % len(self.heads)]
            frames.append(self.frame(self.HEADERS, self.END_STREAM | self.END_HEADERS, self.stream,
                                     head))
            self.stream += 2
        self.link.sendall(b"".join(frames))
        statuses, ended = [], 0
        while ended < BATCH:
            kind, flags, payload = self.next_frame()
            if kind == self.HEADERS:
                block = payload.lstrip(b"\x20")  # the size of the table
                statuses.append(self.STATUSES.get(block[0], block[:8]))
            if kind in (0, self.HEADERS) and flags & self.END_STREAM:
                ended += 1
        return statuses

    def next_frame(self):
        while True:
            while len(self.received) < 9 or len(self.received) < 9 + self.length():
                piece = self.link.recv(1 << 18)
                if not piece:
                    raise ConnectionResetError("the gateway closed the connection")
                self.received += piece
            kind, flags = self.received[3], self.received[4]
            end = 9 + self.length()
            payload, self.received = self.received[9:end], self.received[end:]
            if kind in (self.RESET, self.GOAWAY):
                raise ConnectionResetError(f"frame {kind}: {payload!r}")
            if kind in (self.SETTINGS, self.PING):
                if not flags & self.ACK:
                    self.link.sendall(self.frame(kind, self.ACK, 0,
                                                 payload if kind == self.PING else b""))
                continue
            return kind, flags, payload

    def length(self):
        return int.from_bytes(self.received[:3], "big")

    def close(self):
        self.link.close()


class Steady:
    """requests: (method, path) or (method, path, body), sent in turn."""

    def __init__(self, address, version, rate, requests, token=None):
        kind = {"1.1": Http1, "2": Http2}[version]
        self.lines = [kind(address, token, requests) for _ in range(CONNECTIONS)]
        self.every = BATCH * CONNECTIONS / rate
        self.statuses, self.failures = collections.Counter(), []
        self.lock, self.over = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(line, index))
                        for index, line in enumerate(self.lines)]
        self.began = self.ended = None

    @property
    def answered(self):
        with self.lock:
            return sum(self.statuses.values())

    @property
    def per_second(self):
        return self.answered / ((self.ended or time.monotonic()) - self.began)

    def run(self, line, index):
        due = time.monotonic() + self.every * index / CONNECTIONS
        try:
            while not self.over.wait(max(0, due - time.monotonic())):
                statuses = line.exchange()
                with self.lock:
                    self.statuses.update(statuses)
                due = max(due + self.every, time.monotonic() - 1)  # a second is caught up with
        except Exception as error:  # told by who looks at it
            self.failures.append(error)

    def __enter__(self):
        self.began = time.monotonic()
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
        self.ended = time.monotonic()
        for line in self.lines:
            line.close()
