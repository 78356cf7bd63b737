"""The bed for other suites: a real Asterisk, started on demand; see tests/asterisk/bed/."""
import csv
import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

BED = Path(__file__).resolve().parents[1] / "asterisk" / "bed" / "asterisk"
TEMPLATES = {"local": "Local/{number}@{context}", "pjsip": "PJSIP/{number}@trunk"}
VERSIONS = ("22", "16")
PLUGINS = ("ari", "ami")
CDR_FIELDS = ("account", "src", "dst", "context", "clid", "channel", "dstchannel", "lastapp",
              "lastdata", "start", "answer", "end", "duration", "billsec", "disposition",
              "amaflags", "uniqueid", "userfield")


def bed(*arguments, seconds=600, **overrides):
    result = subprocess.run([BED, *arguments], capture_output=True, text=True, timeout=seconds,
                            env={**os.environ, **overrides})
    assert result.returncode == 0, f"{BED} {' '.join(arguments)}: {result.stderr.strip()}"
    return result.stdout


class Asterisk:
    """A running Asterisk of the bed. `overrides`: the bed's environment, for one on other ports."""

    def __init__(self, version, **overrides):
        self.version, self.overrides = version, overrides
        words = shlex.split(bed("env", version, **overrides))
        self.env = dict(word.split("=", 1) for word in words)

    def backend(self, template="local", plugin="ari", **keys):
        """Sections of a gateway's configuration that has this Asterisk for its backend."""
        section = self.ami() if plugin == "ami" else self.ari()
        return {
            "telephony": {"backend": "pbx"},
            "calls": {"endpoint": TEMPLATES[template], "context": "outbound-ivr"},
            "backend.mock": None,
            "backend.pbx": {**section, **keys},
        }

    def ari(self):
        """A backend's section, by the REST interface."""
        return {"plugin": "ari", "url": self.env["ARI_URL"], "username": self.env["ARI_USERNAME"],
                "password": self.env["ARI_PASSWORD"],
                "app": f"test-{os.getpid()}-{time.monotonic_ns()}"}

    def ami(self):
        """A backend's section, by the manager interface."""
        return {"plugin": "ami", "host": self.env["AMI_HOST"], "port": int(self.env["AMI_PORT"]),
                "username": self.env["AMI_USERNAME"], "password": self.env["AMI_PASSWORD"]}

    @property
    def root(self):
        """The root folder of its chroot."""
        return Path(self.env["ASTERISK_ROOT"])

    def cli(self, command):
        return bed("cli", self.version, command, **self.overrides)

    def channels(self):
        """All channels there are: {unique id: id of the bridge it is in, or ""}."""
        return {row[-1]: row[-2] for row in self._rows()}

    def everything(self):
        """The unique ids of the channels, and of the surrogates through which Asterisk itself moves
        a channel into a bridge: it leaves one behind now and then, where the channel ends at that
        moment."""
        return {row[-1] for row in self._rows(surrogates=True)}

    def _rows(self, surrogates=False):
        rows = [row.split("!") for row in self.cli("core show channels concise").splitlines()]
        return [row for row in rows
                if len(row) > 2 and (surrogates or not row[0].startswith("Surrogate/"))]

    def name_of(self, unique_id):
        """The channel's name: what the command line wants instead of its id."""
        return self.names()[unique_id]

    def names(self):
        """{unique id: name} of all channels."""
        return {row[-1]: row[0] for row in self._rows()}

    def bridged_with(self, unique_id):
        """The unique ids of the channels that share a bridge with this one."""
        channels = self.channels()
        bridge = channels.get(unique_id)
        return {other for other, its in channels.items()
                if bridge and its == bridge and other != unique_id}

    def cdrs(self):
        """Asterisk's own records, {unique id: [row, ...]}, a row being a dict of CDR_FIELDS."""
        rows = {}
        with open(self.env["CDR_FILE"], newline="", errors="replace") as lines:
            for row in csv.reader(lines):
                record = dict(zip(CDR_FIELDS, row))
                rows.setdefault(record["uniqueid"], []).append(record)
        return rows


class OwnAsterisk(Asterisk):
    """An Asterisk for one test alone, which may crash it."""

    def __init__(self, version, base):
        need_root(version)
        bed("install", version)
        overrides = {f"DIALGATE_BED_PORTS_{version}": str(base)}
        bed("start", version, **overrides)
        super().__init__(version, **overrides)

    @property
    def pid(self):
        return int(shlex.split(bed("env", self.version, **self.overrides))[-1].split("=")[1])

    def start(self):
        bed("start", self.version, **self.overrides)

    def kill(self):
        bed("kill", self.version, **self.overrides)

    def stop(self):
        bed("stop", self.version, **self.overrides)


_running = {}
_started = []


def need_root(version):
    if os.geteuid() != 0:
        pytest.skip(f"Asterisk {version} lives in a chroot: only root can run these tests")


def asterisk_of(version):
    """The Asterisk of this version, installed and started on the first demand."""
    need_root(version)
    if version not in _running:
        status = subprocess.run([BED, "status", version], capture_output=True)
        bed("install", version)
        bed("start", version)
        if status.returncode != 0:
            _started.append(version)
        _running[version] = Asterisk(version)
    return _running[version]


def stop_started():
    """Stops those that asterisk_of() had to start."""
    while _started:
        version = _started.pop()
        _running.pop(version)
        bed("stop", version)
