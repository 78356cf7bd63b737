"""What the callee says, as packets that SIPp plays: spoken by espeak-ng."""
import array
import io
import shutil
import subprocess
import wave

from bed import BedError
from keys import FRAME, FRAME_MS, Capture

RATE = 8000
TEXTS = {
    "greeting": "You have reached the answering machine of the Miller family and we cannot come to"
                " the telephone at this moment so please leave your name and your number after"
                " the tone",
    "hello": "Hello?",
}
SILENCE_MS = 20000  # behind it: a telephone that is not put down goes on sending


def spoken(text):
    """At 8 kHz, 16 bit."""
    result = subprocess.run(["espeak-ng", "-v", "en", "-s", "160", "--stdout", text],
                            capture_output=True, check=True)
    # written to a pipe, its header does not know the length
    with wave.open(io.BytesIO(result.stdout)) as sound:
        rate, data = sound.getframerate(), sound.readframes(sound.getnframes())
    samples = array.array("h", data[:len(data) // 2 * 2])
    step = rate / RATE
    return [samples[int(place * step)] for place in range(int(len(samples) / step))]


def ulaw(sample):
    """G.711: sign, exponent and mantissa of the biased magnitude, all bits turned."""
    sign, magnitude = (0x80, -sample) if sample < 0 else (0, sample)
    magnitude = min(magnitude, 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> exponent + 3 & 0x0F) & 0xFF


def capture(samples):
    stream = Capture()
    for start in range(0, len(samples) - FRAME + 1, FRAME):
        stream.packet(0, bytes(ulaw(sample) for sample in samples[start:start + FRAME]), start)
        stream.ms += FRAME_MS
    stream.wait(SILENCE_MS)
    return stream.data()


def write(folder):
    """name.pcap for each of TEXTS."""
    if not shutil.which("espeak-ng"):
        raise BedError("espeak-ng not found: run ./dev deps")
    for name, text in TEXTS.items():
        (folder / f"{name}.pcap").write_bytes(capture(spoken(text)))
