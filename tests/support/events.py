"""A client of the live events that reads on a thread of its own."""
import json
import threading

import h2.exceptions
import httpx
from support.client import Client
from support.waiting import wait_until


def members(pairs):
    """Of an object; the same name twice is a mistake of who wrote it."""
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a member comes twice: {names}"
    return dict(pairs)


class Reader:
    """`events` are (type, id, data) in order. Use as a context."""

    def __init__(self, gateway, version="1.1", path="/api/v2/events", token=..., last=None, **params):
        self.token = gateway.token if token is ... else token
        self.client = Client(gateway.base, version, timeout=httpx.Timeout(30, read=60))
        self.path, self.params, self.last = path, params, last
        self.status, self.headers, self.events, self.comments = None, None, [], 0
        self.ended, self.fault = False, None
        self.leaving = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if self.last:
            headers["Last-Event-ID"] = self.last
        try:
            with self.client.http.stream("GET", self.path, headers=headers,
                                         params=self.params) as reply:
                self.headers = reply.headers
                self.status = reply.status_code
                self.read(reply)
        except (httpx.TransportError, h2.exceptions.ProtocolError):
            pass  # the gateway was ended
        except AssertionError as fault:
            self.fault = fault
        self.client.close()
        self.ended = True

    def read(self, reply):
        text = ""
        for piece in reply.iter_text():
            text += piece
            while "\n\n" in text:
                block, text = text.split("\n\n", 1)
                self.take(block)
            if self.leaving.is_set():
                return

    def take(self, block):
        fields = dict(line.split(": ", 1) for line in block.split("\n")
                      if line and not line.startswith(":") and ": " in line)
        if "data" in fields:
            self.events.append((fields["event"], fields.get("id"), json.loads(fields["data"], object_pairs_hook=members)))
        else:
            self.comments += 1

    def __enter__(self):
        self.thread.start()
        wait_until(lambda: self.comments or self.ended, 30, "the stream's greeting")
        return self

    def __exit__(self, *exception):
        self.leaving.set()
        assert not self.fault, self.fault

    def types(self, call_id=None):
        return [kind for kind, _, data in self.events
                if call_id is None or data.get("call_id") == call_id]

    def await_type(self, kind, count=1, seconds=30):
        wait_until(lambda: self.types().count(kind) >= count, seconds, f"{count} {kind}")
        return [event for event in self.events if event[0] == kind][-1]

    def await_end(self, seconds=30):
        wait_until(lambda: self.ended, seconds, "the stream's end")
