"""Many requests on one HTTP/1.1 connection, sent before the answers come: as fast as Python can."""
import json
import socket


class Pipeline:
    """`token` goes into every request. Errors of the connection are the caller's to expect."""

    def __init__(self, address, token=None, timeout=20):
        self.link = socket.create_connection(address, timeout=timeout)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.common = "Host: x\r\n" + (f"Authorization: Bearer {token}\r\n" if token else "")
        self.received = b""

    def request(self, method, path, body=None):
        """A request as bytes, for exchange()."""
        data = b"" if body is None else json.dumps(body).encode()
        length = f"Content-Length: {len(data)}\r\n" if data else ""
        return f"{method} {path} HTTP/1.1\r\n{self.common}{length}\r\n".encode() + data

    def exchange(self, requests):
        """Sends them all at once; yields (status, body) of each, in order, as they come."""
        self.link.sendall(b"".join(requests))
        for _ in requests:
            yield self.answer()

    def answer(self):
        while b"\r\n\r\n" not in self.received:
            self.receive()
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = int(fields["content-length"])
        while len(self.received) < length:
            self.receive()
        body, self.received = self.received[:length], self.received[length:]
        return int(lines[0].split()[1]), body

    def receive(self):
        piece = self.link.recv(1 << 18)
        if not piece:
            raise ConnectionResetError("the gateway closed the connection")
        self.received += piece

    def close(self):
        self.link.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
