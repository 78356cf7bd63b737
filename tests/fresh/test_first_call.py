"""A bare Debian 12, a clean clone, `./dev run`: the three lines it prints make a call."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from debian import Debian  # noqa: E402

INSTALLING_SECONDS = 1500
SECOND_START_SECONDS = 30
STATES = ["pending", "dialing", "ringing", "answered", "completed"]

REASON = ("DIALGATE_FRESH=0" if os.environ.get("DIALGATE_FRESH") == "0" else
          "needs root" if os.geteuid() != 0 else
          "needs mmdebstrap" if not shutil.which("mmdebstrap") else "")
pytestmark = pytest.mark.skipif(bool(REASON), reason=f"NOT TESTED in a fresh Debian: {REASON}")


class Reader(threading.Thread):
    """What a process prints, as it comes."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.lines = []
        self.process = process
        self.start()

    def run(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def text(self):
        return "\n".join(self.lines)

    def await_call_lines(self, seconds):
        """The three lines to paste, once all are there."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = [line for line in self.lines if re.match(r"TOKEN=|CALL=|curl ", line)]
            if len(found) == 3:
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"no lines to paste; status {self.process.poll()}:\n{self.text()[-4000:]}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def dev_run(debian, port):
    return Reader(debian.start("./dev", "run", env={"HOST": "127.0.0.1", "PORT": str(port)},
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace"))


def states_of_call(token_line, call_line, status_line):
    """Runs the lines as a person would paste them, the last one until the call has ended."""
    script = f"{token_line}\n{call_line}\nwhile {status_line} && echo; do sleep 0.05; done"
    env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    states = []
    with subprocess.Popen(["sh", "-euc", script], stdout=subprocess.PIPE, text=True,
                          env=env) as shell:
        watchdog = threading.Timer(120, shell.kill)
        watchdog.start()
        for line in shell.stdout:
            status = json.loads(line)
            assert status["phone_number"] == "+1234567890", line
            if status["status"] not in states:
                states.append(status["status"])
            if status["status"] not in STATES[:-1]:
                break
        shell.kill()
        watchdog.cancel()
    return states


def end(debian, reader):
    """SIGTERM to the gateway; its exit status is that of ./dev."""
    pids = debian.pids("dialgate")
    assert len(pids) == 1, pids
    os.kill(pids[0], signal.SIGTERM)
    assert reader.process.wait(30) == 0, reader.text()[-2000:]


def test_first_call_and_second_start():
    port = free_port()
    with Debian() as debian:
        first = dev_run(debian, port)
        lines = first.await_call_lines(INSTALLING_SECONDS)
        assert f"127.0.0.1:{port}" in lines[0]
        states = states_of_call(*lines)
        # Asked after the call was placed: it may have been accepted already.
        assert states in (STATES, STATES[1:]), states
        end(debian, first)
        password = re.search(r"user admin, password (\S+)", first.text()).group(1)
        assert len(password) >= 16

        private = debian.root / "dialgate/run"
        assert private.stat().st_mode & 0o077 == 0
        assert (private / ".env").stat().st_mode & 0o077 == 0
        secret = re.search(r"^SECRET_KEY=(\S+)", (private / ".env").read_text(), re.M).group(1)
        assert len(secret) >= 64 and secret not in first.text()

        begun = time.monotonic()
        second = dev_run(debian, port)
        lines = second.await_call_lines(SECOND_START_SECONDS)
        assert time.monotonic() - begun < SECOND_START_SECONDS
        assert password not in second.text()
        assert "Installing" not in second.text() and "Fetching" not in second.text()
        # The password is the reader's to fill in; it still holds.
        lines[0] = f"PASSWORD={password}; {lines[0]}"
        assert states_of_call(*lines)[-1] == "completed"
        end(debian, second)
