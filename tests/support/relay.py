"""A TCP relay between the gateway and Asterisk that can cut event sockets as a broken network does.

    with Relay(ari_port) as relay:
        url = f"http://127.0.0.1:{relay.port}/ari"
        relay.cut_events()          # a reset on both sides, no closing handshake
"""
import selectors
import socket
import struct
import threading

ABRUPT = struct.pack("ii", 1, 0)  # SO_LINGER: close with a reset
CHUNK = 1 << 16


class Pair:
    """One relayed connection; `events`: it is a WebSocket, or a session of the manager."""

    def __init__(self, near, far):
        self.near, self.far, self.first, self.events = near, far, b"", False

    def look(self, data):
        """The first bytes from the gateway tell what it is."""
        if len(self.first) < 2048:
            self.first += data
            head = self.first.lower()
            self.events = b"upgrade: websocket" in head or head.startswith(b"action:")

    def other(self, one):
        return self.far if one is self.near else self.near


class Relay:
    def __init__(self, target_port):
        self.target = ("127.0.0.1", target_port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.lock = threading.Lock()
        self.pairs = {}  # socket: pair
        self.closed = False
        self.running = True
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.running:
            ready = self.selector.select(0.05)
            with self.lock:
                for key, _ in ready:
                    if key.fileobj is self.listener:
                        self.accept()
                    elif key.fileobj in self.pairs:
                        self.move(key.fileobj)

    def accept(self):
        near, _ = self.listener.accept()
        if self.closed:
            self.reset(near)
            return
        try:
            far = socket.create_connection(self.target, timeout=2)
        except OSError:
            self.reset(near)
            return
        pair = Pair(near, far)
        for one in (near, far):
            one.settimeout(10)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.pairs[one] = pair
            self.selector.register(one, selectors.EVENT_READ)

    def move(self, one):
        pair = self.pairs[one]
        try:
            data = one.recv(CHUNK)
            if data and one is pair.near:
                pair.look(data)
            if data:
                pair.other(one).sendall(data)
                return
        except OSError:
            self.drop(pair, abruptly=True)
            return
        self.drop(pair)

    @staticmethod
    def reset(one):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABRUPT)
        one.close()

    def drop(self, pair, abruptly=False):
        for one in (pair.near, pair.far):
            self.selector.unregister(one)
            del self.pairs[one]
            if abruptly:
                self.reset(one)
            else:
                one.close()

    def cut_events(self):
        """Gives how many were cut."""
        with self.lock:
            cut = {pair for pair in self.pairs.values() if pair.events}
            for pair in cut:
                self.drop(pair, abruptly=True)
        return len(cut)

    def set_closed(self, closed):
        """Closed: every connection is reset and no new one is let through."""
        with self.lock:
            self.closed = closed
            for pair in set(self.pairs.values()) if closed else ():
                self.drop(pair, abruptly=True)

    def close(self):
        self.running = False
        self.thread.join()
        with self.lock:
            for pair in set(self.pairs.values()):
                self.drop(pair)
        self.listener.close()
        self.selector.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()
