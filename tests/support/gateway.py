"""A gateway under test: its configuration, its process, its command line, its records.

    with Gateway({"calls": {"timeout_ms": 2000}}) as gateway:
        client = gateway.client("2")                 # signed in
        client.post("/api/v2/calls", json={"phone_number": "+15550100"})

The build is that of DIALGATE_BUILD, else build/ of this tree. DIALGATE_TEST_STORE=storage-pg gives
every gateway whose test does not choose a store a new database of one PostgreSQL (postgres.py). Leaving the block ends the gateway
by SIGTERM and fails the test if it did not end with status 0 or if a sanitizer had to say anything.
"""
import itertools
import json
import os
import random
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing
from pathlib import Path

import httpx

from . import metrics, postgres, toml
from .client import Client
from .waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "MemorySanitizer",
           "runtime error:")
FIRST_PORT, PORTS, WORKERS = 26000, 1400, 4
READY_SECONDS = 30
STOP_SECONDS = 40


def build_dir():
    return Path(os.environ.get("DIALGATE_BUILD") or ROOT / "build").absolute()


def sanitizer_options():
    """What ./dev sets as well; here for a suite that is run by hand."""
    supp = ROOT / "tests" / "sanitizers"
    return {"ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
            "LSAN_OPTIONS": f"suppressions={supp}/lsan.supp:print_suppressions=0",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "TSAN_OPTIONS": f"suppressions={supp}/tsan.supp:halt_on_error=1"}


def port_numbers():
    """Another part of them for each process of a run; none that the kernel gives to clients, so that
    they are free still when a gateway is started again."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw3")
    first = FIRST_PORT + PORTS * (int(worker.removeprefix("gw")) % WORKERS)
    start = random.SystemRandom().randrange(PORTS)
    return itertools.cycle(first + (start + number) % PORTS for number in range(PORTS))


_ports = port_numbers()


def free_port():
    for port in itertools.islice(_ports, PORTS):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("no port is free")


def defaults(port):
    """Mock backend, file storage, quick password hashes, no limit that a test would run into."""
    return {
        "server": {"listen": f"127.0.0.1:{port}", "control": "control.sock", "threads": 2,
                   "debug": False},
        "log": {"level": "debug"},
        "auth": {"secret_key": secrets.token_urlsafe(48), "bcrypt_cost": 4,
                 "token_rate": "off"},
        "calls": {},
        "telephony": {"backend": "mock"},
        "backend.mock": {"plugin": "mock"},
        "storage": FILE,
    }


FILE = {"plugin": "storage-file", "path": "dialgate.db"}


def store_of_run(settings):
    """The store that the whole run is made with, where the test has not chosen one."""
    if os.environ.get("DIALGATE_TEST_STORE") == "storage-pg" and settings.get("storage") == FILE:
        return {**settings, "storage": {"plugin": "storage-pg",
                                        "url": postgres.shared().create_database(),
                                        "connect_ms": "20s"}}
    return settings


def merged(base, changes):
    """`changes` over `base`, section by section; None drops a section or a key."""
    result = {name: dict(keys) for name, keys in base.items()}
    for name, keys in changes.items():
        if keys is None:
            result.pop(name, None)
            continue
        section = result.setdefault(name, {})
        for key, item in keys.items():
            if item is None:
                section.pop(key, None)
            else:
                section[key] = item
    return result


class Gateway:
    """settings: sections over defaults(). env: added to the environment. `text` instead of
    settings: a whole configuration file; `port` then says where it listens."""

    def __init__(self, settings=None, env=None, text=None, port=None, ready=True, umask=-1):
        self.port, self.umask = port or free_port(), umask
        self.folder = Path(tempfile.mkdtemp(prefix="dialgate-test-"))
        self.config = self.folder / "dialgate.toml"
        self.settings = merged(defaults(self.port), settings or {})
        if not text:
            self.settings = store_of_run(self.settings)
        self.config.write_text(text or toml.write(self.settings))
        self.program = build_dir() / "dialgate"
        self.environment = {**sanitizer_options(), **os.environ, **(env or {})}
        self.wait_ready = ready
        self.process = None
        self.password = self.token = None
        self.starts = 0

    # ---- life ----

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self):
        return "127.0.0.1", self.port

    @property
    def pid(self):
        return self.process.pid

    @property
    def log_file(self):
        return self.folder / f"stderr-{self.starts}"

    def log(self):
        """What this start has written so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def start(self):
        if not self.program.exists():
            raise AssertionError(f"{self.program} is not there: build it, or set DIALGATE_BUILD")
        self.starts += 1
        with open(self.log_file, "wb") as errors:
            self.process = subprocess.Popen(
                [self.program, "serve", "--config", self.config], stdin=subprocess.DEVNULL,
                stdout=errors, stderr=errors, cwd=self.folder, env=self.environment,
                umask=self.umask)
        self.await_answer("/readiness" if self.wait_ready else "/")
        return self

    def await_answer(self, path, seconds=READY_SECONDS):
        deadline = time.monotonic() + seconds
        last = "nothing"
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the gateway ended with status {self.process.returncode}:\n"
                                     f"{self.tail()}")
            try:
                reply = httpx.get(self.base + path, timeout=2, trust_env=False)
                if reply.status_code == 200:
                    return
                last = f"{reply.status_code} {reply.text}"
            except httpx.TransportError as error:
                last = repr(error)
            time.sleep(0.02)
        raise AssertionError(f"{path} said {last} after {seconds} s:\n{self.tail()}")

    def tail(self, lines=40):
        return "\n".join(self.log().splitlines()[-lines:])

    def stop(self):
        """Ends it politely; asserts status 0 and a clean report."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"SIGTERM did not end the gateway within {STOP_SECONDS} s:\n"
                                 f"{self.tail()}") from None
        self.assert_clean()
        assert status == 0, f"the gateway ended with status {status}:\n{self.tail()}"

    def kill(self):
        """A crash: SIGKILL."""
        process, self.process = self.process, None
        process.kill()
        process.wait()
        self.assert_clean()

    def assert_clean(self):
        text = self.log()
        for report in REPORTS:
            assert report not in text, f"{report} in the gateway's output:\n{text[-20000:]}"

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.give_up()
            raise

    def __exit__(self, kind, error, trace):
        if kind is not None:
            print(f"gateway output (the last lines of {self.log_file}):\n{self.tail()}")
            self.give_up()
            return
        self.stop()
        self.remove()

    def give_up(self):
        """Ends the process after a failure that is reported already; its files stay."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process = None

    # ---- command line ----

    def cli(self, *arguments, stdin=None, check=True):
        result = subprocess.run(
            [self.program, *arguments, "--config", self.config], input=stdin or "", text=True,
            capture_output=True, cwd=self.folder, env=self.environment, timeout=60)
        for report in REPORTS:
            assert report not in result.stderr, result.stderr
        if check:
            assert result.returncode == 0, (arguments, result.returncode, result.stderr)
        return result

    def add_user(self, name, password, role="user", email=None):
        more = ["--email", email] if email else []
        self.cli("user", "add", name, "--role", role, *more, stdin=password)

    def create_token(self, user, *permissions, name=None):
        """An opaque token with these permissions."""
        more = ["--name", name] if name else []
        for permission in permissions:
            more += ["--permission", permission]
        return self.cli("token", "create", "--user", user, *more).stdout.strip()

    def export(self):
        """Every record, as [{"collection":, "id":, "doc":}]."""
        lines = self.cli("export").stdout.split("\n")  # only there: texts may hold other separators
        return [json.loads(line) for line in lines if line]

    def records(self, collection):
        return [row for row in self.export() if row["collection"] == collection]

    def stored(self, collection, **fields):
        """The documents of a collection that have these members, read from the store itself."""
        rows = self.rows(collection)
        found = [{"id": row[0], **json.loads(row[1])} for row in rows]
        return [doc for doc in found if fields.items() <= doc.items()]

    def rows(self, collection):
        """(id, text of the document) of each."""
        url = self.settings["storage"].get("url")
        if url:
            found = postgres.rows(url, f'SELECT "id", "@doc" FROM "{collection}"')
            return [(int(row[0]) if row[0].isdigit() else row[0], row[1]) for row in found]
        with closing(sqlite3.connect(f"file:{self.folder / 'dialgate.db'}?mode=ro", uri=True,
                                     timeout=10)) as store:
            return store.execute(f'SELECT "id", "@doc" FROM "{collection}"').fetchall()

    def cdr(self, call_id):
        """The one detail record of a call, which is written soon after its end shows."""
        found = wait_until(lambda: self.stored("cdr", call_id=call_id), 10, f"{call_id}'s record")
        assert len(found) == 1, found
        return found[0]

    # ---- clients and measures ----

    def client(self, version="1.1", signed_in=True, **options):
        """A client; signed in as an admin that is made, and signs in, on the first demand."""
        client = Client(self.base, version, **options)
        if signed_in:
            if self.token is None:
                self.password = secrets.token_urlsafe(12)
                self.add_user("tester", self.password, role="admin")
                self.token = client.sign_in("tester", self.password)
            client.token = self.token
        return client

    def metrics(self):
        return httpx.get(f"{self.base}/metrics", timeout=10, trust_env=False).text

    def metric(self, name, **labels):
        return metrics.total(self.metrics(), name, **labels)

    def descriptors(self):
        """How many files and sockets the process has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))
