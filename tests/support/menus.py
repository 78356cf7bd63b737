"""Menus for a real Asterisk, who presses what in them, and what must come of that.

The callees are those of tests/asterisk/bed/keys.py: their number says what they press.
"""
import functools
import io
import itertools
import random
import shutil
import sys
import time
import wave
import zlib
from dataclasses import dataclass

from .asterisk import BED
from .menu_rows import Rows, sent
from .rtp import FRAME_MS

sys.path.insert(0, str(BED.parent))
import bed  # noqa: E402
import keys  # noqa: E402

SINK_PORT = bed.media_port() + keys.MEDIA_OFFSET
serials = itertools.count(int(time.time()) * 10 % 8000000)

# ---- Sounds ----

UPLOADED = "message"
# By its file's name, and what is behind the language in that of the folder; None: for all languages
UPLOADS = {UPLOADED: (UPLOADED, None), "both": ("both", None), "both_Y": ("both", "_Y"),
           "own_Y": ("own", "_Y"), "near": ("near", None), "near_X": ("near", ""),
           "all": ("all", None)}
SPOKEN = ("both_Y", "own_Y", "near_X", "all")  # of each file, what is heard in the language with _Y
SOUNDS_MS = {**dict.fromkeys(UPLOADS, 500), "welcome": 4000, UPLOADED: 2000, "wrong": 1000,
             "farewell": 1500}


def ulaw_to_linear(code):
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 0x07)) - 0x84
    return -size if code & 0x80 else size


@functools.lru_cache
def noise(name):
    """Ulaw that is like nothing else."""
    one, codes = random.Random(name), [code for code in range(256) if code & 0x7F != 0x7F]
    return bytes(one.choices(codes, k=SOUNDS_MS[name] * 8))


def wav_of(ulaw):
    out = io.BytesIO()
    with wave.open(out, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(b"".join(ulaw_to_linear(code).to_bytes(2, "little", signed=True)
                                 for code in ulaw))
    return out.getvalue()


def frames(name):
    sound = noise(name)
    return [sound[first:first + keys.FRAME] for first in range(0, len(sound), keys.FRAME)]


def hears(stream, name):
    """Whether this sound is in what arrived; of a hundred frames two may be lost on a busy machine."""
    heard = stream.payload()
    return sum(frame in heard for frame in frames(name)) >= len(frames(name)) * 0.98 - 3


def heard_ms(stream, name):
    """From the first to the last of the sound's frames that arrived, how long it took. The very first
    one goes out by itself, and the others when the thread of its channel has its turn."""
    heard = stream.payload()
    places = sorted(heard.find(frame) // keys.FRAME for frame in frames(name) if frame in heard)
    return stream.between_ms(places[1], places[-1]) + FRAME_MS if len(places) > 1 else 0


class Sounds:
    """Sounds of Asterisk's, and a folder for uploaded ones: one that Asterisk and a gateway share, or,
    with a gateway's address, one from which the gateway serves them. `language`: one of this name."""

    def __init__(self, asterisk, name, url=None):
        self.url = url
        self.root, self.name = asterisk.root / "usr/share/asterisk/sounds", name
        self.folder, self.language = self.root / name, f"x{zlib.crc32(name.encode()):08x}"
        self.folder.mkdir()
        self.folder.chmod(0o755)
        for sound in set(SOUNDS_MS) - set(UPLOADS):
            (self.folder / f"{sound}.ulaw").write_bytes(noise(sound))

    def settings(self):
        if self.url:
            return {"ivr": {"sounds": str(self.folder / "served"), "url": self.url}}
        return {"ivr": {"sounds": str(self.root), "folder": self.name}}

    def media(self, sound):
        return f"sound:{self.name}/{sound}"

    def uploads(self):
        """[(name of the file, its language or "", WAV), ...]"""
        return [(file, "" if behind is None else self.language + behind, wav_of(noise(sound)))
                for sound, (file, behind) in UPLOADS.items()]

    def uploaded(self):
        """The files that are there of it."""
        return [file for folder in self.root.glob(f"{self.language}*") for file in folder.rglob("*.wav")
                ] + list(self.folder.rglob("*.wav"))

    def remove(self):
        for folder in (self.folder, *self.root.glob(f"{self.language}*")):
            shutil.rmtree(folder)


# ---- Menus ----

def action(digits, kind, value="", **more):
    return {"dtmf_digit": digits, "action_type": kind, "action_value": value, **more}


def menu(number, sound, *actions, **more):
    return {"id": number, "name": f"level {number}", "audio_file": sound, "timeout": 3,
            "actions": list(actions), **more}


def menus(sounds, timeout=3):
    """Three levels, every kind of action; the fourth is heard to its end, the fifth in a language."""
    welcome, wrong, farewell = map(sounds.media, ("welcome", "wrong", "farewell"))
    return [
        menu(1, welcome, action("1", "goto_ivr", 2), action("2", "exten", "agent"),
             action("3", "exten", "nobody", next="menu"),
             action("4", "record", "30", next="hangup"), action("5", "goto_ivr", 4),
             action("6", "playback", UPLOADED), action("7", "exten", "8001"),
             action("8", "exten", "8486"), action("9", "hangup"), action("#", "exten", "480"),
             action("*", "goto_ivr", 5), action("i", "playback", wrong),
             action("t", "playback", farewell, next="hangup"), timeout=timeout),
        menu(2, "", action("1", "goto_ivr", 3), action("2", "queue", "900"), repeats=1),
        menu(3, "sound:beep", action("_XXXX", "hangup"), action("123", "hangup"),
             action("47", "playback", UPLOADED, next="hangup"), max_digits=4, digit_timeout=2),
        menu(4, farewell, action("9", "hangup"), barge_in=False, timeout=30),
        menu(5, "both&own.wav&near&all", language=f"{sounds.language}_Y", timeout=1),
    ]


@dataclass(frozen=True)
class Way:
    """script: of keys.py. path: the marks, each with its menu. results: how it may end. sounds: those
    that are heard to their end, in this order; alone: nothing else is heard."""
    script: str
    path: str
    results: tuple
    sounds: tuple = ()
    alone: bool = False

    @property
    def keys(self):
        return keys.SCRIPTS[self.script].translate({ord(","): None, ord("!"): None})

    @property
    def dry_keys(self):
        """What a dry run has to press; there everybody is reached, and nobody hangs up before the end.
        None: this way is of another kind."""
        if "unreached" in self.path or self.results == ("caller",):
            return None
        return keys.SCRIPTS[self.script].strip("!") + "t" * self.path.count("timeout")


BOTH = ("agent", "caller")  # by AMI two who were joined end together
WAYS = [
    Way("00", "menu1 timeout1>playback end1", ("hangup",), ("welcome", "farewell"), alone=True),
    Way("01", "menu1 choice1(9)>hangup end1", ("hangup",)),
    Way("02", "menu1 invalid1(0)>playback repeat1 choice1(9)>hangup end1", ("hangup",)),
    Way("03", "menu1 choice1(1)>goto_ivr menu2 choice2(1)>goto_ivr menu3 choice3(4711)>hangup end3",
        ("hangup",)),
    Way("04", "menu1 choice1(1)>goto_ivr menu2 choice2(1)>goto_ivr menu3 choice3(47)>playback end3",
        ("hangup",), (UPLOADED,)),
    Way("05", "menu1 choice1(1)>goto_ivr menu2 choice2(2)>queue joined2>queue end2", BOTH),
    Way("06", "menu1 choice1(2)>exten joined1>exten end1", BOTH),
    Way("07", "menu1 choice1(1)>goto_ivr menu2 timeout2 repeat2 timeout2 end2", ("timeout",)),
    Way("08", "menu1 choice1(4)>record recorded1>record end1", ("hangup",)),
    Way("09", "menu1 choice1(3)>exten unreached1>exten repeat1 choice1(9)>hangup end1",
        ("hangup",)),
    Way("10", "menu1 choice1(7)>exten joined1>exten end1", BOTH),
    Way("11", "menu1 choice1(8)>exten unreached1>exten end1", ("unreached",)),
    Way("12", "menu1 choice1(1)>goto_ivr menu2 choice2(1)>goto_ivr menu3 choice3(123)>hangup end3",
        ("hangup",)),
    Way("13", "menu1 choice1(1)>goto_ivr menu2 invalid2(*) repeat2 timeout2 end2", ("timeout",)),
    Way("14", "menu1 choice1(5)>goto_ivr menu4 choice4(9)>hangup end4", ("hangup",),
        ("farewell",)),
    Way("15", "menu1 end1", ("caller",)),
    Way("16", "menu1 choice1(6)>playback repeat1 choice1(9)>hangup end1", ("hangup",), (UPLOADED,)),
    Way("20", "menu1 choice1(*)>goto_ivr menu5 timeout5 end5", ("timeout",), SPOKEN),
]
BY_SCRIPT = {way.script: way for way in WAYS}


def new_number(way):
    return keys.number(next(serials), way.script)


def way_of(number):
    return BY_SCRIPT[number[-2:]]


def path_of(record, ids):
    """As a Way says it; ids: {id of a menu: its number above}."""
    out = []
    for mark in record["ivr"]["path"]:
        digits = f"({mark['digits']})" if "digits" in mark else ""
        kind = f">{mark['action']}" if "action" in mark else ""
        out.append(f"{mark['event']}{ids[mark['menu']]}{digits}{kind}")
    return " ".join(out)


class Board:
    """A gateway with the sounds and menus: the fourth menu is made by itself, and the first one is
    changed to lead there."""

    def __init__(self, gateway, sounds, **more):
        self.gateway, self.sounds = gateway, sounds
        gateway.add_user("chief", "the chief's password", role="admin")
        self.token = gateway.create_token("chief")
        *three, fourth, fifth = menus(sounds, **more)
        with self.rows() as rows:
            for name, language, wav in sounds.uploads():
                rows.upload(name, wav, language)
            made = rows.ask("POST", "/ivr/import", 201, json={"menus": [*three, fifth]})["menus"]
            self.ids = {one["id"]: one["imported_id"] for one in made}
            self.first = next(one for one, was in self.ids.items() if was == 1)
            del fourth["id"]
            last = rows.ask("POST", "/ivr", 201, json=fourth)["id"]
            self.ids[last] = 4
            actions = [*map(sent, rows.ask("GET", f"/ivr/{self.first}")["actions"])]
            next(one for one in actions if one["dtmf_digit"] == "5")["action_value"] = str(last)
            rows.ask("PUT", f"/ivr/{self.first}", json={"actions": actions})

    def client(self):
        client = self.gateway.client(signed_in=False)
        client.token = self.token
        return client

    def rows(self, turn=0):
        return Rows(self.gateway, self.token, turn)

    def dry_runs(self, rows):
        """{script: (path, result)} as the gateway says without a call."""
        found = {}
        for way in WAYS:
            if way.dry_keys is not None:
                dry = rows.ask("POST", f"/ivr/{self.first}/simulate", json={"keys": way.dry_keys})
                found[way.script] = path_of({"ivr": dry}, self.ids), dry["result"]
        return found

    def stats(self):
        """{number of the menu: its counts}"""
        with self.client() as client:
            return {was: client.get(f"/api/ivr/{one}/stats").json()["data"]
                    for one, was in self.ids.items()}
