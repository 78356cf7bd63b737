"""HTTP/2 by hand: frames that no library would send, and what the gateway says to them."""
import select
import socket
import ssl
import struct
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
(DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE,
 CONTINUATION) = range(10)
END_STREAM, ACK, END_HEADERS = 1, 1, 4
NO_ERROR, PROTOCOL_ERROR, CANCEL, CALM = 0, 1, 8, 11


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def block(method="GET", path="/health", **headers):
    """A header block that leaves no traces in the compression state, so that it can be repeated."""
    def literal(name, text):
        return (b"\x00" + hpack.hpack.encode_integer(len(name), 7) + name
                + hpack.hpack.encode_integer(len(text), 7) + text)

    fields = [(b":method", method.encode()), (b":scheme", b"http"), (b":authority", b"x"),
              (b":path", path.encode())]
    fields += [(name.lower().replace("_", "-").encode(), str(text).encode())
               for name, text in headers.items()]
    return b"".join(literal(name, text) for name, text in fields)


def request(stream, method="GET", path="/health", body=None, end=True, **headers):
    """A whole request, or with end=False the beginning of one."""
    head = block(method, path, **headers)
    if body is None:
        return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream, head)
    return frame(HEADERS, END_HEADERS, stream, head) + data(stream, body, end)


def data(stream, body, end=True, size=16384):
    pieces = [body[i:i + size] for i in range(0, len(body), size)] or [b""]
    return b"".join(frame(DATA, END_STREAM if end and i == len(pieces) - 1 else 0, stream, piece)
                    for i, piece in enumerate(pieces))


class Connection:
    """Frames out and in. `statuses` and `resets` tell what came for each stream, `goaway` the
    error of a GOAWAY, `ended_s` after how many seconds the gateway closed."""

    def __init__(self, address, tls=None, window=None):
        self.socket = socket.create_connection(address, timeout=20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.began = time.monotonic()
        self.decoder = hpack.Decoder()
        self.decoder.max_header_list_size = 1 << 20
        self.rest = b""
        self.statuses, self.resets, self.kinds = {}, {}, {}
        self.goaway = self.ended_s = None
        settings = b"" if window is None else struct.pack(">HI", 4, window)
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings))

    def send(self, octets):
        """False when the gateway has closed."""
        try:
            self.socket.sendall(octets)
        except (ConnectionError, ssl.SSLError):
            return False
        return True

    def flood(self, octets, seconds):
        """Sends without end, reading what comes, until the gateway closes or time is up. Returns
        how many bytes it took."""
        self.socket.setblocking(False)
        deadline, sent, at = time.monotonic() + seconds, 0, 0
        while self.ended_s is None and time.monotonic() < deadline:
            readable, writable, _ = select.select([self.socket], [self.socket], [], 0.1)
            try:
                if readable:
                    self.take()
                if writable:
                    count = self.socket.send(memoryview(octets)[at:])
                    sent += count
                    at = (at + count) % len(octets)
            except BlockingIOError:
                pass
            except ConnectionError:
                self.end()
        self.socket.setblocking(True)
        return sent

    def end(self):
        if self.ended_s is None:
            self.ended_s = time.monotonic() - self.began

    def take(self):
        try:
            octets = self.socket.recv(1 << 18)
        except (ConnectionError, ssl.SSLError):
            octets = b""
        if not octets:
            self.end()
            return
        self.rest += octets
        while len(self.rest) >= 9:
            size = int.from_bytes(self.rest[:3], "big")
            if len(self.rest) < 9 + size:
                break
            kind, flags, stream = struct.unpack(">BBI", self.rest[3:9])
            self.note(kind, stream, self.rest[9:9 + size])
            self.rest = self.rest[9 + size:]

    def note(self, kind, stream, payload):
        self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kind == HEADERS:
            self.statuses[stream] = int(dict(self.decoder.decode(payload))[":status"])
        elif kind == RST_STREAM:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")

    def read(self, until, seconds=10):
        """Reads until `until()` or the end; true if the former came."""
        deadline = time.monotonic() + seconds
        while not until():
            left = deadline - time.monotonic()
            if left <= 0 or self.ended_s is not None:
                return False
            if select.select([self.socket], [], [], left)[0] or self.pending():
                self.take()
        return True

    def pending(self):
        return isinstance(self.socket, ssl.SSLSocket) and self.socket.pending() > 0

    def status(self, stream, seconds=10):
        self.read(lambda: stream in self.statuses or stream in self.resets, seconds)
        return self.statuses.get(stream)

    def wait_end(self, seconds=10):
        """Whether the gateway closed within this time."""
        self.read(lambda: False, seconds)
        return self.ended_s is not None

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
