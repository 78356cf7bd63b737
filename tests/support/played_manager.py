"""A manager interface (AMI) that is played, and can do everything wrong; what a true one does is
shown in ../asterisk/.

    with Manager() as manager:
        Gateway(manager.settings())
        manager.taken               # every action that came: [(name, {header: value}), ...]

The number's last digits decide a call's fate: 486 busy, 603 declined, 404 unknown, 000 no answer to
the Originate at all, 999 accepted and never heard of again; else it is answered.
"""
import hashlib
import itertools
import random
import socket
import threading
import time
from urllib.parse import unquote

USER, PASSWORD = "gateway", "a:pass word=with\\signs"
COMMANDS = """Originate Hangup CoreShowChannels BridgeList PJSIPShowEndpoints Setvar ModuleCheck
    MuteAudio AGI PlayDTMF Redirect Getvar Bridge Park ParkedCalls ControlPlayback MixMonitor
    StopMixMonitor QueueStatus QueueAdd Status BridgeInfo""".split()
CAUSES = {"486": ("17", "BUSY"), "603": ("21", "NOANSWER"), "404": ("1", "NOANSWER")}


def block(*lines):
    return ("\r\n".join(f"{name}: {value}" for name, value in lines) + "\r\n\r\n").encode()


class Session(threading.Thread):
    """One connection of the gateway."""

    def __init__(self, manager, connection):
        super().__init__(daemon=True)
        self.manager, self.connection = manager, connection
        self.lock = threading.Lock()
        self.logged_in = False

    def run(self):
        try:
            self.send(self.manager.banner)
            rest = b""
            while data := self.connection.recv(65536):
                rest += data
                # As Asterisk reads: a bare line feed ends a line too.
                while b"\n\n" in (rest := rest.replace(b"\r\n", b"\n")):
                    text, rest = rest.split(b"\n\n", 1)
                    self.take([line.split(":", 1) for line in text.decode().split("\n")])
        except OSError:
            pass
        finally:
            self.connection.close()
            self.manager.sessions.discard(self)

    def send(self, data):
        with self.lock:
            for piece in self.manager.pieces(data):
                self.connection.sendall(piece)

    def take(self, lines):
        headers = {}
        for line in lines:
            assert len(line) == 2, lines
            headers.setdefault(line[0], line[1].strip())
        name = headers.pop("Action")
        self.manager.taken.append((name, headers, [line[0] for line in lines]))
        if name in self.manager.silent:
            return
        getattr(self, f"on_{name.lower()}", self.on_other)(headers)

    def answer(self, headers, *lines, response="Success"):
        self.send(block(("Response", response), ("ActionID", headers.get("ActionID", "")), *lines)
                  * self.manager.answers)

    def on_other(self, headers):
        self.answer(headers, ("Message", "done"))

    def on_challenge(self, headers):
        self.answer(headers, ("Challenge", "12345"))

    def on_login(self, headers):
        key = hashlib.md5(f"12345{PASSWORD}".encode()).hexdigest()
        self.logged_in = headers["Username"] == USER and headers["Key"] == key
        if not self.logged_in:
            self.answer(headers, ("Message", "Authentication failed"), response="Error")
            return
        self.answer(headers, ("Message", "Authentication accepted"))
        self.event("FullyBooted")

    def on_listcommands(self, headers):
        self.answer(headers, *[(name, "does it (Priv: all)") for name in self.manager.commands])

    def on_corestatus(self, headers):
        self.answer(headers, ("CoreStartupDate", "2026-01-01"), ("CoreStartupTime", "00:00:00"))

    def on_coreshowchannels(self, headers):
        self.entries(headers, "CoreShowChannel", [
            channel(call, "Up") for call in list(self.manager.calls)])

    def on_status(self, headers):
        call = headers.get("Channel")
        if call and call not in self.manager.calls:
            self.answer(headers, ("Message", "No such channel"), response="Error")
        else:
            self.entries(headers, "Status", [(*channel(call, "Up"), (
                "BridgeID", self.manager.bridge_of(call)))] if call else [])

    def on_bridgeinfo(self, headers):
        calls = self.manager.bridges.get(headers["BridgeUniqueid"])
        if calls is None:
            self.answer(headers, ("Message", "Specified BridgeUniqueid not found"),
                        response="Error")
        else:
            self.entries(headers, "BridgeInfoChannel", [channel(call, "Up") for call in calls])

    def entries(self, headers, name, items):
        self.answer(headers, ("EventList", "start"))
        for item in items:
            self.event(name, ("ActionID", headers["ActionID"]), *item)
        self.event(f"{name}sComplete", ("ActionID", headers["ActionID"]), ("EventList", "Complete"),
                   ("ListItems", len(items)))

    def event(self, name, *lines):
        self.send(block(("Event", name), *lines))

    def on_hangup(self, headers):
        call = headers["Channel"]
        if call not in self.manager.calls:
            self.answer(headers, ("Message", "No such channel"), response="Error")
            return
        self.manager.calls.discard(call)
        self.answer(headers, ("Message", "Channel Hungup"))
        self.event("Hangup", *channel(call, "Up"), ("Cause", headers.get("Cause", "0")))

    def on_originate(self, headers):
        call = headers.get("ChannelId")
        failure = ("OriginateResponse", ("ActionID", headers["ActionID"]), ("Response", "Failure"),
                   ("Reason", "0"))
        if not call:  # by which the gateway proves that it hears events
            self.answer(headers, ("Message", "Originate successfully queued"))
            self.event(*failure)
            return
        if call.startswith("dialgate-aux-"):
            self.whisper(call, headers)
            return
        digits = headers["Channel"].split("@")[0][-3:]
        if digits == "000":
            self.manager.calls.add(call)
            return
        self.answer(headers, ("Message", "Originate successfully queued"))
        if digits != "999":
            self.play(call, digits, failure)

    def whisper(self, call, headers):
        """A channel of the gateway's own speaks into the call of that name."""
        spoken_to = list(self.manager.calls)
        self.manager.calls.update((call, headers["OtherChannelId"]))
        self.answer(headers, ("Message", "Originate successfully queued"))
        name = unquote(headers["Variable"].split("HOOK_CHANNEL=")[1].split(",")[0])
        for one in spoken_to:
            if dict(channel(one, "Up"))["Channel"] == name:
                self.event("ChanSpyStart", ("SpyerUniqueid", headers["OtherChannelId"]),
                           ("SpyeeUniqueid", one))

    def play(self, call, digits, failure):
        """A call's events: what follows the beginning comes in any order."""
        begin = [("Newchannel", *channel(call, "Down")), ("DialBegin", *dialled(call))]
        if digits in CAUSES:
            cause, status = CAUSES[digits]
            later = [("DialEnd", *dialled(call), ("DialStatus", status)), failure,
                     ("Hangup", *channel(call, "Down"), ("Cause", cause))]
        else:
            self.manager.calls.add(call)
            later = [("Newstate", *channel(call, "Up")),
                     ("DialEnd", *dialled(call), ("DialStatus", "ANSWER")),
                     ("OriginateResponse", ("ActionID", call), ("Response", "Success"))]
        self.manager.dice.shuffle(later)
        for one in begin + later:
            self.event(*one)


def channel(call, state):
    return (("Channel", f"PJSIP/trunk-{call[-12:]}"), ("ChannelStateDesc", state),
            ("Uniqueid", call))


def dialled(call):
    return tuple((f"Dest{name}", value) for name, value in channel(call, "Down"))


class Manager:
    """banner: the first bytes. pieces: how what is sent is cut up. silent: actions that get no
    answer. answers: how often each is answered. commands: what the user may do. bridges: {id: [call, ...]},
    of which no event tells."""

    def __init__(self):
        self.banner = b"Asterisk Call Manager/11.0.0\r\n"
        self.silent, self.answers, self.commands = set(), 1, list(COMMANDS)
        self.taken, self.calls, self.sessions, self.bridges = [], set(), set(), {}
        self.dice = random.Random(1)
        self.pieces = lambda data: [data]
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            session = Session(self, connection)
            self.sessions.add(session)
            session.start()

    def settings(self, **keys):
        return {"telephony": {"backend": "pbx"}, "backend.mock": None,
                "calls": {"endpoint": "PJSIP/{number}@trunk"},
                "backend.pbx": {"plugin": "ami", "host": "127.0.0.1", "port": self.port,
                                "username": USER, "password": PASSWORD, "ping_ms": "200ms",
                                "pong_ms": "1s", "request_timeout": "2s", **keys}}

    def send(self, data):
        """To every session."""
        for session in list(self.sessions):
            try:
                session.send(data)
            except OSError:
                pass

    def cut(self):
        for session in list(self.sessions):
            try:
                session.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def bridge_of(self, call):
        return next((bridge for bridge, calls in self.bridges.items() if call in calls), "")

    def named(self, name):
        return [headers for action, headers, _ in self.taken if action == name]

    def close(self):
        self.listener.close()
        self.cut()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def crumbs(seed):
    """Cuts into pieces of some bytes, with a pause now and then."""
    dice = random.Random(seed)

    def cut(data):
        at = 0
        for number in itertools.count():
            if at >= len(data):
                return
            size = dice.choice((1, 2, 3, 7, 40))
            yield data[at:at + size]
            at += size
            if number % 50 == 49:
                time.sleep(0.001)
    return cut
