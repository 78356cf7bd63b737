"""A real PostgreSQL 15 for tests: in a folder of its own, on a port of its own, ended with them.

    with Postgres() as server:
        url = server.create_database()               # a new, empty one
        with Gateway({"storage": storage(url)}) as gateway:
            ...
            server.kill()                             # as a power cut would
            server.start()

It runs as an unprivileged user, because PostgreSQL refuses root. `shared()` is one server for all
tests of a run that only need a database.
"""
import atexit
import itertools
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .waiting import wait_until

USER = "dialgate"
FOLDERS = ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin")
FIRST_PORT = int(os.environ.get("DIALGATE_PG_PORT") or 25400)
PORTS = 50
START_SECONDS = 60

# What makes a run of tests cheap and does not change what is tested.
SETTINGS = {
    "max_connections": 100,
    "shared_buffers": "32MB",
    "max_wal_size": "512MB",
    "autovacuum": "off",
    "log_min_messages": "warning",
    "log_line_prefix": "'%m [%p] %a '",
}


def storage(url, **keys):
    """The [storage] section of a gateway that uses it."""
    return {"plugin": "storage-pg", "path": None, "url": url, **keys}


def program(name):
    for folder in FOLDERS:
        if (Path(folder) / name).exists():
            return Path(folder) / name
    found = shutil.which(name)
    if not found:
        raise AssertionError(f"{name} is not installed: the package postgresql-15 has it")
    return Path(found)


def unprivileged():
    """Words before a command that make it run as somebody who is not root."""
    if os.geteuid() != 0:
        return []
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    raise AssertionError("there is no unprivileged user to run PostgreSQL as")


def port_is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def reserve_port():
    """A free one, and what keeps other runs of tests from it: a server that is down for a moment
    needs its port again."""
    ports = list(range(FIRST_PORT, FIRST_PORT + PORTS))
    random.SystemRandom().shuffle(ports)
    for port in ports:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0dialgate-tests-postgres-{port}")
        except OSError:
            claim.close()
            continue
        if port_is_free(port):
            return port, claim
        claim.close()
    raise AssertionError(f"no port from {FIRST_PORT} to {FIRST_PORT + PORTS - 1} is free")


def rows(url, sql):
    """What a statement gives, as lists of text, asked with psql; \x1f and \x1e end their parts."""
    result = subprocess.run(
        [program("psql"), "-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-v",
         "ON_ERROR_STOP=1", "-c", sql, url],
        capture_output=True, text=True, check=False, timeout=120)
    assert result.returncode == 0, result.stderr
    text = result.stdout.removesuffix("\n")
    return [row.split("\x1f") for row in text.split("\x1e")] if text else []


class Postgres:
    """settings: of postgresql.conf. fsync: what is acknowledged is on the disk. size: of a small
    file system for its data ("64m"; only root can), which fill() and free() are for."""

    numbers = itertools.count()

    def __init__(self, settings=None, fsync=True, size=None):
        self.settings = {**SETTINGS, "fsync": "on" if fsync else "off", **(settings or {})}
        self.password = secrets.token_urlsafe(12)
        self.port, self.claim = reserve_port()
        self.folder = Path(tempfile.mkdtemp(prefix="dialgate-pg-", dir="/tmp"))
        self.size = size
        self.data = self.folder / "data"
        self.process = None
        self.frozen = []
        self.make()

    # ---- life ----

    def make(self):
        if self.size:
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.size}", "tmpfs",
                            self.folder], check=True)
        words = unprivileged()
        if words:
            uid, gid = (int(word.split("=")[1]) for word in words[1:3])
            os.chown(self.folder, uid, gid)
        self.folder.chmod(0o755)
        secret = self.folder / "password"
        secret.write_text(self.password)
        subprocess.run(
            [*words, program("initdb"), "--pgdata", self.data, "--username", USER,
             "--pwfile", secret, "--auth-local=trust", "--auth-host=scram-sha-256",
             "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--wal-segsize=4"],
            check=True, capture_output=True, cwd="/")
        secret.unlink()
        self.configure()

    def configure(self, **more):
        """Settings that count from the next start on."""
        self.settings.update(more)
        lines = [f"{key} = {value}" for key, value in self.settings.items()]
        (self.data / "postgresql.auto.conf").write_text("\n".join(lines) + "\n")

    def start(self):
        assert self.process is None
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(
                [*unprivileged(), program("postgres"), "-D", self.data, "-p", str(self.port),
                 "-h", "127.0.0.1", "-k", self.folder], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, cwd="/", start_new_session=True)
        wait_until(self.answers, START_SECONDS, "PostgreSQL")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"PostgreSQL ended with status {self.process.returncode}:\n"
                                 f"{self.log()[-3000:]}")
        ready = subprocess.run([program("pg_isready"), "-q", "-h", self.folder, "-p",
                                str(self.port)], check=False)
        return ready.returncode == 0

    def stop(self, how="fast"):
        """smart: waits until all have gone. fast: ends their sessions. immediate: like a crash."""
        if self.process is None:
            return
        self.thaw()
        process, self.process = self.process, None
        process.send_signal({"smart": signal.SIGTERM, "fast": signal.SIGINT,
                             "immediate": signal.SIGQUIT}[how])
        process.wait(START_SECONDS)

    def restart(self, how="fast"):
        self.stop(how)
        self.start()

    def processes(self):
        """The server's process and all of its children."""
        found = [self.process.pid]
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            if parent == self.process.pid:
                found.append(int(entry.name))
        return found

    def kill(self):
        """kill -9, the server first, so that it does not tidy up behind the others."""
        pids = self.processes()
        process, self.process = self.process, None
        for pid in pids:
            self.signal(pid, signal.SIGKILL)
        self.frozen = []
        process.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), 30,
                   "the end of PostgreSQL's processes")

    def freeze(self):
        """It is there and says nothing, as on a machine that hangs."""
        self.frozen = self.processes()
        for pid in self.frozen:
            self.signal(pid, signal.SIGSTOP)

    def thaw(self):
        for pid in self.frozen:
            self.signal(pid, signal.SIGCONT)
        self.frozen = []

    @staticmethod
    def signal(pid, number):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

    def remove(self):
        if self.process is not None:
            self.kill()
        if self.size:
            subprocess.run(["umount", "-l", self.folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.claim.close()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, kind, error, trace):
        if kind is not None:
            print(f"PostgreSQL said:\n{self.log()[-3000:]}")
        self.remove()

    # ---- what it holds ----

    @property
    def log_file(self):
        return self.folder / "log"

    def log(self):
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    def url(self, database="postgres", scheme="postgresql", **parameters):
        more = "&".join(f"{key}={value}" for key, value in parameters.items())
        return (f"{scheme}://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"
                + (f"?{more}" if more else ""))

    def query(self, sql, database="postgres"):
        """Rows as lists of text."""
        return rows(f"host={self.folder} port={self.port} user={USER} dbname={database}", sql)

    def create_database(self):
        """The URL of a new one."""
        name = f"test_{next(self.numbers)}_{secrets.token_hex(3)}"
        self.query(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def terminate_sessions(self):
        """What an administrator does; how many there were."""
        rows = self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                          "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
        return len(rows)

    # ---- its disk ----

    def fill(self):
        """No space is left, to the last byte."""
        with open(self.folder / "filler", "wb", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while filler.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass

    def free(self):
        (self.folder / "filler").unlink()


_SHARED = []


def shared():
    """One server for the whole run, without waits for the disk; ended with the run."""
    if not _SHARED:
        server = Postgres(fsync=False)
        atexit.register(server.remove)
        _SHARED.append(server.start())
    return _SHARED[0]
