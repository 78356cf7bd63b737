"""What the commands of the bed share: places, ports, accounts, processes.

Every port is a fixed offset from a base per version, so that both versions, the
callee and a user's own Asterisk run side by side. Another base is another,
independent instance in the same chroot: its files lie apart.
"""
import fcntl
import os
import signal
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

HOST = "127.0.0.1"
SUITES = {"22": "forky", "16": "bullseye"}
BASES = {"22": 22000, "16": 16000}
PACKAGES = ("asterisk", "asterisk-modules", "asterisk-core-sounds-en-gsm")

USER = "dialgate"
PASSWORD = "dialgate-bed"


class BedError(Exception):
    """The bed can not do what was asked; the text is for the operator."""


def cache_dir():
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dialgate"
    return Path(os.environ.get("DIALGATE_CACHE") or default).absolute()


def callee_port():
    return int(os.environ.get("DIALGATE_BED_CALLEE_PORT", "15060"))


@contextmanager
def locked(name):
    """One command at a time: two test runs may want the same bed at once."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    with open(cache_dir() / f"{name}.lock", "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


class Process:
    """A program that outlives the command which started it, known by its pid file."""

    def __init__(self, pidfile, name):
        self.pidfile, self.name = Path(pidfile), name

    def pid(self):
        """The pid while it lives; a zombie or somebody else's reused pid is nobody."""
        try:
            pid, born = self.pidfile.read_text().split()
            return int(pid) if self.birth(int(pid)) == born else None
        except (OSError, ValueError):
            return None

    def birth(self, pid):
        try:
            name, rest = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)
        except OSError:
            return None
        fields = rest.split()
        return None if fields[0] in "ZX" and self.threads(pid) < 2 else fields[19]

    @staticmethod
    def threads(pid):
        """Those that a killed process still has hold its ports."""
        try:
            return len(os.listdir(f"/proc/{pid}/task"))
        except OSError:
            return 0

    def start(self, command, log, **options):
        with open(log, "wb") as output:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output,
                                     stderr=subprocess.STDOUT, start_new_session=True, **options)
        self.pidfile.write_text(f"{child.pid} {self.birth(child.pid)}\n")
        return child

    def end(self, number=signal.SIGTERM, patience=25):
        pid = self.pid()
        if pid is not None:
            os.kill(pid, number)
            deadline = time.monotonic() + patience
            while self.pid() is not None:
                if time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)
        self.pidfile.unlink(missing_ok=True)
        return pid is not None


def any_running():
    """Whether any Asterisk of the bed lives, whatever its ports."""
    return any(Process(pidfile, "asterisk").pid()
               for pidfile in cache_dir().glob("asterisk-*/bed-*/pid"))


class Instance:
    """One Asterisk: its chroot, its ports, its files."""

    def __init__(self, version):
        if version not in SUITES:
            raise BedError(f"unknown version {version}: use one of {', '.join(SUITES)}")
        self.version = version
        self.base = int(os.environ.get(f"DIALGATE_BED_PORTS_{version}", BASES[version]))
        self.root = cache_dir() / f"asterisk-{version}"
        self.inside = f"/bed-{self.base}"
        self.run = self.root / self.inside[1:]
        self.process = Process(self.run / "pid", "asterisk")
        self.http, self.https = self.base + 88, self.base + 89
        self.ami, self.ami_tls = self.base + 38, self.base + 39
        self.sip = self.base + 60
        self.rtp_first, self.rtp_last = self.base + 1000, self.base + 4999

    def installed(self):
        return (self.root / "usr/sbin/asterisk").exists()

    def environment(self):
        """What a test needs to know, as NAME=value."""
        return {
            "ASTERISK_VERSION": self.version,
            "ARI_URL": f"http://{HOST}:{self.http}/ari",
            "ARI_TLS_URL": f"https://localhost:{self.https}/ari",
            "ARI_USERNAME": USER,
            "ARI_PASSWORD": PASSWORD,
            "AMI_HOST": HOST,
            "AMI_PORT": self.ami,
            "AMI_TLS_PORT": self.ami_tls,
            "AMI_USERNAME": USER,
            "AMI_PASSWORD": PASSWORD,
            "CA_FILE": self.run / "etc/bed.crt",
            "CDR_FILE": self.run / "log/cdr-csv/Master.csv",
            "LOG_FILE": self.run / "log/messages",
            "SIP_PORT": self.sip,
            "CALLEE_PORT": callee_port(),
            "ASTERISK_ROOT": self.root,
            "ASTERISK_PID": self.process.pid() or "",
        }

    def cli(self, command):
        result = subprocess.run(
            ["chroot", str(self.root), "/usr/sbin/asterisk",
             "-C", f"{self.inside}/etc/asterisk.conf", "-rx", command],
            capture_output=True, text=True, timeout=30)
        if result.returncode:
            raise BedError(f"asterisk {self.version}: {(result.stderr or result.stdout).strip()}")
        return result.stdout
