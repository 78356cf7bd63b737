"""Where the audio of callees arrives who press keys: every packet is counted, see
tests/asterisk/bed/keys.py."""
import socket
import struct
import threading
from collections import defaultdict
from contextlib import suppress

FRAME_MS = 20
TIMES, BUFFER = 35, 33  # SO_TIMESTAMPNS, SO_RCVBUFFORCE


class Stream:
    """The packets that came from one port of Asterisk, with the kernel's times."""

    def __init__(self, packets=()):
        self.packets = list(packets)  # (Unix time in s, number, payload)

    def audio_ms(self):
        return len(self.packets) * FRAME_MS

    def span_ms(self, count):
        """How long so many packets took, from the first one."""
        part = self.packets[:count]
        return (part[-1][0] - part[0][0]) * 1000 + FRAME_MS if part else 0

    def in_order(self):
        first = self.packets[0][1] if self.packets else 0  # the numbers go round
        return sorted(self.packets, key=lambda one: (one[1] - first + 0x8000) % 0x10000)

    def between_ms(self, first, last):
        """How long it took from one packet of in_order() to the end of another."""
        packets = self.in_order()
        return (packets[last][0] - packets[first][0]) * 1000 + FRAME_MS

    def payload(self):
        return b"".join(payload for _, _, payload in self.in_order())

    def gaps_ms(self):
        """Between one packet and the next of the same sound, as the numbers say."""
        return [(after[0] - before[0]) * 1000
                for before, after in zip(self.packets, self.packets[1:])
                if after[1] == before[1] + 1 and after[0] - before[0] < 1]


class Sink:
    """A UDP socket; only what is ulaw is kept, and of it the payload where that is asked for."""

    def __init__(self, port, payloads=True):
        self.streams, self.payloads = defaultdict(Stream), payloads
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # a thread of Python may have to wait for its turn
        self._socket.setsockopt(socket.SOL_SOCKET, BUFFER, 64 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, TIMES, 1)
        self._socket.bind(("127.0.0.1", port))
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data, notes, _, source = self._socket.recvmsg(2048, 64)
            except OSError:
                return
            if len(data) < 13 or data[1] & 0x7F:
                continue
            seconds, nanoseconds = struct.unpack("qq", notes[0][2][:16])
            number = struct.unpack_from("!H", data, 2)[0]
            self.streams[source[1]].packets.append(
                (seconds + nanoseconds / 1e9, number, data[12:] if self.payloads else b""))

    def stream(self, port, begin, end):
        """What came from this port in this time: a port serves one call after the other."""
        return Stream(one for one in self.streams[port].packets if begin <= one[0] < end)

    def close(self):
        with suppress(OSError):  # it has no peer, but whoever reads is woken
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
