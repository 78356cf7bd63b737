"""clang-tidy over the files of a build, two at a time or as many as there are cores.

A file whose preprocessed text has passed before is not looked at again; what
passed is remembered in the user's cache folder.
"""
import hashlib
import json
import os
import re
import shlex
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TOOL = "clang-tidy"
KEPT_SECONDS = 30 * 24 * 3600


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "dialgate" / "tidy"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def forget_old():
    for stamp in cache_folder().iterdir():
        if stamp.stat().st_mtime < time.time() - KEPT_SECONDS:
            stamp.unlink(missing_ok=True)


def commands(root, build):
    """(file, folder, compiler arguments) of what is installed: tests run, and are judged by that."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["directory"], entry["file"]).resolve()
        relative = path.relative_to(root) if path.is_relative_to(root) else None
        if relative and relative.parts[0] in ("core", "plugins"):
            yield relative, entry["directory"], shlex.split(entry["command"])


def preprocessed(folder, arguments):
    """The text that the compiler sees, or None where clang refuses it."""
    skip = {"-c", "-Werror"}
    words = [word for word in arguments if word not in skip and "ccache" not in word]
    at = words.index("-o")
    compiler = "clang++" if words[0].endswith("++") else "clang"
    line = [compiler, "-E", "-w", *words[1:at], *words[at + 2:]]
    done = subprocess.run(line, cwd=folder, capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else None


def check(root, build, config, relative, folder, arguments):
    """What is wrong with one file, as text; empty if nothing."""
    seen = preprocessed(folder, arguments)
    stamp = None
    if seen is not None:
        key = hashlib.sha256(config + str(relative).encode() + b"\0" + seen).hexdigest()
        stamp = cache_folder() / key
        if stamp.exists():
            stamp.touch()
            return ""
    done = subprocess.run([TOOL, "--quiet", "-p", str(build), str(root / relative)], cwd=root,
                          capture_output=True, text=True, check=False)
    # The analyzer also follows calls into the headers of others.
    ours = re.search(rf"^{re.escape(str(root))}/\S+: (error|warning):", done.stdout, re.MULTILINE)
    foreign = re.search(r"^/\S+: (error|warning):", done.stdout, re.MULTILINE) and not ours
    if done.returncode == 0 or foreign:
        if stamp:
            stamp.touch()
        return ""
    return done.stdout.strip() or done.stderr.strip()


def run(root, build):
    """Prints what is wrong; (files with findings, files looked at)."""
    forget_old()
    version = subprocess.run([TOOL, "--version"], capture_output=True, check=True).stdout
    config = version + (root / ".clang-tidy").read_bytes()
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        jobs = [pool.submit(check, root, build, config, *entry)
                for entry in dict((c[0], c) for c in commands(root, build)).values()]
    texts = [text for text in (job.result() for job in jobs) if text]
    for text in texts:
        print(text)
    return len(texts), len(jobs)
