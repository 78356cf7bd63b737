#!/usr/bin/python3
"""A fresh, bare Debian 12 that holds the committed tree, and nothing installed before.

usage: tests/fresh/debian.py COMMAND...

runs COMMAND there, in the folder of the tree, as root and with this machine's
network; the exit status is its own. So `tests/fresh/debian.py ./dev test` shows
that the tree needs nothing but Debian. The bare system, the packages it fetched
and the chroots of the Asterisk tests are kept in the cache folder (XDG_CACHE_HOME,
else ~/.cache; below dialgate/fresh), so a second run is kind to the mirror.

The machine's own way to the packages goes in: apt's sources and its settings for
fetching, certificates, npm's settings, proxies. Needs root and mmdebstrap.
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
SUITE = "bookworm"
HOME = "/dialgate"  # of the tree, inside

PASSED_IN = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
             "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR", "TERM", "CI", "HOST", "PORT")

# Everything mounted here ends with the namespace that unshare makes.
ENTER = r"""
root=$1 cache=$2
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount --bind "$cache/apt" "$root/var/cache/apt/archives"
mount --bind "$cache/home" "$root/root/.cache"
mount --bind "$cache/npm" "$root/root/.npm"
shift 2
exec chroot "$root" /usr/bin/env -i "$@"
"""
# The first process of the namespace stays, to collect the orphans of others.
FIRST = 'cd "$0" && "$@"; exit $?'


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def apt_sources():
    """The lines of sources.list that reach this release of Debian from here."""
    rows = output_of("apt-get", "indextargets", "--format",
                     "$(ORIGIN)|$(CODENAME)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                     "Created-By: Packages")
    found = []
    for row in rows.splitlines():
        origin, codename, line = row.split("|", 2)
        if origin == "Debian" and codename.startswith(SUITE) and line not in found:
            found.append(line)
    return found


def apt_settings():
    """How this machine fetches: proxies, certificates, checks of dates."""
    wanted = ("Acquire::http", "Acquire::Check", "Acquire::Retries", "Acquire::Force")
    return [line for line in output_of("apt-config", "dump").splitlines()
            if line.startswith(wanted)]


class Debian:
    """`with Debian() as d: d.start("./dev", "run")`; all of it is gone afterwards."""

    def __init__(self):
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.cache = Path(base) / "dialgate" / "fresh"
        for name in ("apt", "home", "npm"):
            (self.cache / name).mkdir(parents=True, exist_ok=True)
        self.root = None
        self.started = []

    def __enter__(self):
        self.root = Path(tempfile.mkdtemp(prefix="dialgate-fresh-", dir="/var/tmp"))
        try:
            subprocess.run(["tar", "-xpf", self.bare_system(), "-C", self.root], check=True)
            self.root.chmod(0o755)
            self.furnish()
            subprocess.run(["git", "-c", f"safe.directory={TREE}", "clone", "--quiet",
                            "--no-hardlinks", TREE, f"{self.root}{HOME}"], check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.started:
            if process.poll() is None:
                process.kill()  # and with it, by --kill-child, the whole namespace
                process.wait()
        shutil.rmtree(self.root)

    def bare_system(self):
        tarball = self.cache / f"debian-{SUITE}.tar"
        if not tarball.exists():
            part = tarball.with_suffix(".part.tar")
            options = [f"--aptopt={line}" for line in apt_settings()]
            subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", "--mode=root", *options,
                            SUITE, part, *apt_sources()], check=True)
            part.rename(tarball)
        return tarball

    def furnish(self):
        """What this machine needs to reach packages, and names of hosts."""
        def put(path, text):
            file = self.root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

        sources = apt_sources()
        if sources:
            put("etc/apt/sources.list", "\n".join(sources) + "\n")
        put("etc/apt/apt.conf.d/90fetching", "\n".join(apt_settings()) + "\n")
        names = ["/etc/resolv.conf", "/etc/hosts", "/etc/npmrc",
                 "/etc/ssl/certs/ca-certificates.crt",
                 *map(str, Path("/usr/local/share/ca-certificates").glob("*.crt"))]
        for name in names:
            if Path(name).exists():
                target = self.root / name.lstrip("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(name, target)
        npmrc = Path.home() / ".npmrc"
        if npmrc.exists():
            shutil.copy(npmrc, self.root / "root/.npmrc")
        for folder in ("root/.cache", "root/.npm"):
            (self.root / folder).mkdir(exist_ok=True)

    def start(self, *command, env=None, **popen):
        """A process that runs `command` inside; the namespace ends with it."""
        values = {name: os.environ[name] for name in os.environ
                  if name in PASSED_IN or name.startswith(("npm_config_", "DIALGATE_"))}
        values |= {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   "HOME": "/root", "LANG": "C.UTF-8", "DIALGATE_FRESH": "0"} | (env or {})
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
             "/bin/sh", "-ec", ENTER, "sh", self.root, self.cache,
             *(f"{name}={value}" for name, value in values.items()),
             "/bin/sh", "-c", FIRST, HOME, *command], **popen)
        self.started.append(process)
        return process

    def pids(self, name):
        """The processes inside whose program is called `name`."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.readlink(entry / "root") == str(self.root) \
                        and (entry / "comm").read_text().strip() == name:
                    found.append(int(entry.name))
            except OSError:
                pass  # ended meanwhile
        return found


def main():
    if len(sys.argv) < 2 or os.geteuid() != 0:
        sys.exit(__doc__)
    # An interrupt reaches the command by itself; here only its end is awaited.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with Debian() as debian:
        return debian.start(*sys.argv[1:]).wait()


if __name__ == "__main__":
    sys.exit(main())
