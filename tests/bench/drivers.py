"""A campaign's calls put on Asterisk directly, over ARI and over AMI, by a driver that does what has
to be done and no more: the customer is rung and comes under control, the agent is rung, the two are
joined, the agent hangs up, and so does the customer. It keeps no records."""
import asyncio
import base64
import itertools
import json
import os
import time
from urllib.parse import urlsplit

PATIENCE = 60  # seconds without any call that ends
CONNECTIONS = 8


class Call:
    def __init__(self, name):
        self.customer, self.agent = f"{name}-c", f"{name}-a"
        self.channels = {}  # unique id: the channel's name
        self.joined = False


class Driver:
    """Keeps so many calls up until so many have ended."""

    runs = itertools.count()

    def __init__(self, env, number, agent):
        self.env, self.number, self.agent = env, number, agent
        self.run = f"direct-{os.getpid()}-{next(self.runs)}"
        self.legs = {}  # unique id of either leg: its call
        self.joined = self.ended = self.begun = 0
        self.tasks = []

    def measure(self, total, concurrent):
        """Seconds, and how many calls were joined."""
        return asyncio.run(self.drive(total, concurrent))

    async def drive(self, total, concurrent):
        self.total, self.over = total, asyncio.Event()
        await self.connect()
        began = time.monotonic()
        for _ in range(min(concurrent, total)):
            self.next_call()
        while not self.over.is_set():
            ended = self.ended
            over = asyncio.create_task(self.over.wait())
            await asyncio.wait([over, *self.tasks], timeout=PATIENCE,
                               return_when=asyncio.FIRST_COMPLETED)
            for task in self.tasks:
                if task.done():
                    task.result()
            if not over.done() and self.ended == ended:
                print(f"    {self.ended} of {total} calls ended, then none", flush=True)
                break
        seconds = time.monotonic() - began
        for task in self.tasks:
            task.cancel()
        return seconds, self.joined

    def next_call(self):
        self.begun += 1
        call = Call(f"{self.run}-{self.begun}")
        self.legs[call.customer] = self.legs[call.agent] = call
        self.ring(call.customer, self.number)

    # ---- what Asterisk tells ----

    def up(self, leg, channel):
        """A leg has answered and is under control."""
        call = self.legs.get(leg)
        if not call or leg in call.channels:
            return
        call.channels[leg] = channel
        if leg == call.customer:
            self.ring(call.agent, self.agent)
        elif call.customer in call.channels:
            call.joined = True
            self.join(call)

    def gone(self, leg):
        call = self.legs.pop(leg, None)
        if not call:
            return
        if leg == call.agent:
            self.hang_up(call, call.customer)
            return
        if call.agent in call.channels and call.agent in self.legs:
            self.hang_up(call, call.agent)
        self.legs.pop(call.agent, None)
        self.ended += 1
        self.joined += call.joined
        if self.begun < self.total:
            self.next_call()
        elif self.ended == self.total:
            self.over.set()


class AriDriver(Driver):
    async def connect(self):
        url = urlsplit(self.env["ARI_URL"])
        login = f"{self.env['ARI_USERNAME']}:{self.env['ARI_PASSWORD']}".encode()
        self.base = url.path
        self.head = (f"Host: {url.netloc}\r\nAuthorization: Basic "
                     f"{base64.b64encode(login).decode()}\r\n")
        self.requests = asyncio.Queue()
        self.tasks = [asyncio.create_task(self.listen(await self.open_events(url)))]
        for _ in range(CONNECTIONS):
            streams = await asyncio.open_connection(url.hostname, url.port)
            self.tasks.append(asyncio.create_task(self.serve(*streams)))

    # ---- requests, one after the other on each connection ----

    def send(self, *steps):
        """(method, path, body or None), each after the answer to the one before."""
        self.requests.put_nowait(steps)

    async def serve(self, reader, writer):
        while True:
            for method, path, body in await self.requests.get():
                text = json.dumps(body).encode() if body else b""
                writer.write(f"{method} {self.base}{path} HTTP/1.1\r\n{self.head}"
                             f"Content-Type: application/json\r\nContent-Length: {len(text)}"
                             "\r\n\r\n".encode() + text)
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                length = head.partition("content-length:")[2].split("\r\n")[0]
                await reader.readexactly(int(length or 0))

    def ring(self, leg, endpoint):
        self.send(("POST", "/channels", {
            "endpoint": endpoint, "app": self.run, "channelId": leg, "otherChannelId": f"{leg}-2",
            "timeout": 30}))

    def join(self, call):
        bridge = f"{call.customer}-b"
        self.send(("POST", f"/bridges?type=mixing&bridgeId={bridge}", None),
                  ("POST", f"/bridges/{bridge}/addChannel?channel={call.customer},{call.agent}",
                   None))

    def hang_up(self, call, leg):
        steps = [("DELETE", f"/channels/{leg}", None)]
        if call.joined:
            steps.append(("DELETE", f"/bridges/{call.customer}-b", None))
        self.send(*steps)

    # ---- events ----

    async def open_events(self, url):
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(f"GET {self.base}/events?app={self.run} HTTP/1.1\r\n{self.head}"
                     "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                     f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer:
            raise SystemExit(f"no events: {answer.decode()}")
        self.writer = writer  # open for as long as this is
        return reader

    async def listen(self, reader):
        while True:
            kind, length = await reader.readexactly(2)
            if length >= 126:
                length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8), "big")
            payload = await reader.readexactly(length)
            if kind & 15 == 1:  # text
                self.take(json.loads(payload))

    def take(self, event):
        channel = event.get("channel")
        if event["type"] == "StasisStart":
            self.up(channel["id"], channel["name"])
        elif event["type"] == "ChannelDestroyed":
            self.gone(channel["id"])


class AmiDriver(Driver):
    async def connect(self):
        reader, self.writer = await asyncio.open_connection(self.env["AMI_HOST"],
                                                            int(self.env["AMI_PORT"]))
        await reader.readline()
        self.tasks = [asyncio.create_task(self.listen(reader))]
        self.send("Login", Username=self.env["AMI_USERNAME"], Secret=self.env["AMI_PASSWORD"],
                  Events="call,agi")

    def send(self, action, **lines):
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.writer.write(f"Action: {action}\r\n{text}\r\n".encode())

    def ring(self, leg, endpoint):
        self.send("Originate", ActionID=leg, Channel=endpoint, ChannelId=leg,
                  OtherChannelId=f"{leg}-2", Async="true", Timeout=30000, Application="AGI",
                  Data="agi:async")

    def join(self, call):
        pair = call.channels[call.customer], call.channels[call.agent]
        self.send("Bridge", Channel1=pair[0], Channel2=pair[1])
        for channel in pair:  # ends when it is alone
            self.send("Setvar", Channel=channel, Variable="CHANNEL(after_bridge_goto)", Value="")

    def hang_up(self, call, leg):
        if leg in call.channels and not call.joined:
            self.send("Hangup", Channel=call.channels[leg], Cause=16)

    async def listen(self, reader):
        while True:
            block = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
            event = dict(line.split(": ", 1) for line in block.split("\r\n") if ": " in line)
            kind = event.get("Event")
            if kind == "AsyncAGIStart":
                self.up(event["Uniqueid"], event["Channel"])
            elif kind == "Hangup":
                self.gone(event["Uniqueid"])
            elif kind == "OriginateResponse" and event["Response"] == "Failure":
                self.gone(event["ActionID"])  # perhaps without a channel
