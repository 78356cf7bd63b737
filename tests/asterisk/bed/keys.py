"""Callees who press keys: those whose number ends in 7770 and two digits, which name the script.

A script is played once the call is answered, which is at once, or after RING_MS with a tilde in
front: 0-9 * # are keys, a comma is a second without one, and with an exclamation mark at its end the
callee hangs up. Callees that were offered telephone events press by these (RFC 4733), in a stream of
audio that goes on behind the last key; the others press by SIP INFO. Those of HUMMING hum meanwhile,
the others are silent.
"""
import struct

MARK = "7770"
SCRIPTS = {
    "00": "", "01": ",9", "02": ",09", "03": ",114711", "04": ",1,1,47", "05": ",12,,,,,,,,!",
    "06": ",2", "07": ",1", "08": ",4,,#", "09": ",3,,,,9", "10": ",7,,,,,,,,!", "11": ",8",
    "12": ",11123#", "13": ",1*", "14": ",59,,,,,,9", "15": ",,!", "16": ",6,,,,,,9", "17": ",#", "18": ",7", "19": "~",
    "20": ",*",
}
RINGING = [script for script, text in SCRIPTS.items() if text.startswith("~")]
HUMMING = ["08"]
LEAVING = [script for script, text in SCRIPTS.items() if text.endswith("!")]
RING_MS = 4000
KEY_MS, GAP_MS, PAUSE_MS = 120, 180, 1000
FRAME_MS, FRAME = 20, 160  # of audio, in samples
SILENCE = b"\xff" * FRAME
HUM = (b"\x90" * 10 + b"\x10" * 10) * (FRAME // 20)  # 400 Hz: ten samples of each sign
HUM_LEVEL = 15996
TAIL_MS = 30000
MEDIA_OFFSET = 4  # from the port of the other callees' audio
EVENTS = 101  # the payload type that Asterisk offers for them
KEYS = "0123456789*#"


def file_of(script):
    return f"keys-{script}.pcap"


def audio_of(script):
    """The file of what is heard of him who presses by INFO."""
    return "hum.pcap" if script in HUMMING else "silence.pcap"


def number(serial, script):
    """A phone number whose callee presses these keys."""
    return f"{serial:07}{MARK}{script}"


def steps(script):
    """[(pause before it in ms, key), ...] and the pause behind the last one."""
    out, pause = [], 0
    for letter in script:
        if letter == ",":
            pause += PAUSE_MS
        elif letter in KEYS:
            out.append((pause, letter))
            pause = GAP_MS
    return out, pause


def length_ms(script):
    pressed, pause = steps(script)
    return sum(before + KEY_MS for before, _ in pressed) + pause


class Capture:
    """A stream of RTP as a file of packets, for SIPp to send."""

    def __init__(self, frame=SILENCE):
        self.frame = frame  # what is heard between the keys
        self.packets = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
        self.ms = self.sequence = 0

    def packet(self, kind, payload, timestamp, marker=False):
        rtp = struct.pack("!BBHII", 0x80, kind | (0x80 if marker else 0), self.sequence % 65536,
                          timestamp, 0x0BED0BED) + payload
        udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         bytes([127, 0, 0, 1]), bytes([127, 0, 0, 1])) + udp
        frame = bytes(12) + b"\x08\x00" + ip
        self.packets.append(struct.pack("<IIII", self.ms // 1000, self.ms % 1000 * 1000,
                                        len(frame), len(frame)) + frame)
        self.sequence += 1

    def wait(self, ms):
        for _ in range(ms // FRAME_MS):
            self.packet(0, self.frame, self.ms * 8)
            self.ms += FRAME_MS

    def key(self, key):
        """Updates each 20 ms; the end is told three times."""
        begin, event = self.ms * 8, KEYS.index(key)
        for past in range(FRAME_MS, KEY_MS + 1, FRAME_MS):
            end = past == KEY_MS
            for _ in range(3 if end else 1):
                self.packet(EVENTS, struct.pack("!BBH", event, 0x80 * end | 10, past * 8), begin,
                            marker=past == FRAME_MS)
            self.ms += FRAME_MS

    def data(self):
        return b"".join(self.packets)


def capture(script, frame=SILENCE):
    """The packets that press this script."""
    stream = Capture(frame)
    pressed, pause = steps(script)
    for before, key in pressed:
        stream.wait(before)
        stream.key(key)
    stream.wait(pause + TAIL_MS)
    return stream.data()


def write(folder):
    """All files that SIPp plays for them."""
    for script, text in SCRIPTS.items():
        frame = HUM if script in HUMMING else SILENCE
        (folder / file_of(script)).write_bytes(capture(text, frame))
        (folder / audio_of(script)).write_bytes(capture("", frame))
