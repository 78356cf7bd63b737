"""A client of Asterisk's manager interface: what really happened to a call is asked for here."""
import itertools
import socket
import threading
import time


class Manager:
    def __init__(self, asterisk):
        env = asterisk.env
        self._socket = socket.create_connection((env["AMI_HOST"], int(env["AMI_PORT"])), 10)
        self._socket.settimeout(None)
        self._ids = itertools.count(1)
        self._replies, self._lists, self.events = {}, {}, []
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()
        self.ask("Login", Username=env["AMI_USERNAME"], Secret=env["AMI_PASSWORD"])
        self.ask("Events", EventMask="call,dtmf,agi,dialplan")

    def close(self):
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _read(self):
        rest = b""
        while True:
            try:
                data = self._socket.recv(65536)
            except OSError:
                return
            if not data:
                return
            *blocks, rest = (rest + data).split(b"\r\n\r\n")
            with self._changed:
                for block in blocks:
                    self._take(block.decode(errors="replace"))
                self._changed.notify_all()

    def _take(self, block):
        message = {}
        for line in block.splitlines():
            name, colon, value = line.partition(":")
            if colon:
                message.setdefault(name, value.strip())
        number = message.get("ActionID")
        if "Response" in message and "Event" not in message:
            self._replies[number] = message
        elif number in self._lists:
            self._lists[number].append(message)
        elif "Event" in message:
            self.events.append(message)

    def _send(self, action, lines):
        number = f"bed-{next(self._ids)}"
        text = "".join(f"{name}: {value}\r\n" for name, value in
                       (("Action", action), ("ActionID", number), *lines.items()))
        self._lists[number] = []
        self._socket.sendall(f"{text}\r\n".encode())
        return number

    def ask(self, action, seconds=10, **lines):
        """The response to an action."""
        number = self._send(action, lines)
        with self._changed:
            if not self._changed.wait_for(lambda: number in self._replies, seconds):
                raise AssertionError(f"no answer to {action}")
            return self._replies[number]

    def list(self, action, seconds=10, **lines):
        """The events of a list."""
        number = self._send(action, lines)

        def complete():
            entries = self._lists[number]
            refused = self._replies.get(number, {}).get("Response") == "Error"
            return refused or (entries and entries[-1].get("EventList") == "Complete")
        with self._changed:
            if not self._changed.wait_for(complete, seconds):
                raise AssertionError(f"no end of the list of {action}")
            return self._lists[number][:-1]

    def heard(self, since=0, **wanted):
        """The events from the `since`th on that have these values."""
        with self._changed:
            return [event for event in self.events[since:]
                    if all(event.get(name) == value for name, value in wanted.items())]

    def wait(self, since=0, seconds=5, **wanted):
        """The first of them, as soon as it is there."""
        deadline = time.monotonic() + seconds
        while True:
            events = self.heard(since, **wanted)
            if events:
                return events[0]
            if time.monotonic() > deadline:
                raise AssertionError(f"Asterisk told nothing of {wanted}")
            time.sleep(0.02)

    def channel(self, unique_id):
        """What Status tells of a channel; None: it is not there."""
        entries = self.list("Status", Channel=unique_id)
        return entries[0] if entries else None

    def variable(self, unique_id, name):
        return self.ask("Getvar", Channel=unique_id, Variable=name).get("Value")
