"""What the benchmarks share: processor time, load, and figures held against their goals.

Servers run on one core and the load on the other; on a single core they share it. Rates are per
second of the server's own processor time where that says it better, so that a figure holds on a
machine that others use, too.
"""
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


class Skipped(Exception):
    """This machine cannot run a benchmark; the reason."""


# ---- figures ----

class Report:
    """Prints figures as they come and counts the goals that were met, missed, or not tried."""

    def __init__(self):
        self.met = self.missed = self.skipped = 0

    def note(self, text):
        print(f"    {text}", flush=True)

    def figure(self, what, numbers, unit="", digits=2):
        """A figure without a goal."""
        self.note(f"{what}: {spread(numbers, digits)} {unit}".rstrip())

    def goal(self, what, numbers, unit="", digits=2, least=None, most=None):
        """The median counts."""
        median = statistics.median(numbers)
        met = median >= least if most is None else median <= most
        wanted = f"at least {least:g}" if most is None else f"at most {most:g}"
        self.met += met
        self.missed += not met
        self.note(f"{what}: {spread(numbers, digits)} {unit}".rstrip()
                  + f"; wanted {wanted}: {'met' if met else 'MISSED'}")


def spread(numbers, digits=2):
    if len(numbers) == 1:
        return f"{numbers[0]:.{digits}f}"
    return (f"median {statistics.median(numbers):.{digits}f} "
            f"({min(numbers):.{digits}f} to {max(numbers):.{digits}f})")


def percentile(numbers, share):
    """The smallest that at least this share of them does not exceed."""
    ordered = sorted(numbers)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]


# ---- processes ----

def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def pin(pid, *cores):
    """All threads of a process; those that it starts later as well."""
    subprocess.run(["taskset", "-a", "-p", "-c", ",".join(map(str, cores)), str(pid)], check=True,
                   stdout=subprocess.DEVNULL)


# ---- load ----

def on_load_core(*command):
    return subprocess.run(["taskset", "-c", str(LOAD_CORE), *map(str, command)], check=True,
                          capture_output=True, text=True).stdout


SCALE = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000}


def wrk(url, seconds, headers=(), connections=64, script=None, tolerated=0):
    """{"count": requests, "rate": per second, 50: median in ms, 99: p99 in ms} over HTTP/1.1. Of the
    answers that share may be errors, which count for nothing."""
    more = [word for header in headers for word in ("-H", header)]
    more += ["-s", script] if script else []
    out = on_load_core("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s",
                       "--latency", *more, url)
    count = int(re.search(r"(\d+) requests in", out).group(1))
    errors = int((re.search(r"Non-2xx or 3xx responses: (\d+)", out) or [0, 0])[1])
    if errors > tolerated * count or "Socket errors" in out:
        raise SystemExit(f"wrk met errors:\n{out}")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))
    result = {"count": count - errors, "rate": rate * (count - errors) / count}
    for share in (50, 99):
        number, unit = re.search(rf"{share}%\s+([\d.]+)([a-z]+)", out).groups()
        result[share] = float(number) * SCALE[unit]
    return result


def h2load(url, seconds, headers=()):
    """{"count": requests} over HTTP/2."""
    more = [word for header in headers for word in ("-H", header)]
    out = on_load_core("h2load", "-c16", "-m32", f"-D{seconds}", "-p", "h2c", *more, url)
    done = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", out)
    if int(done.group(2)) or int(done.group(3)) or not int(done.group(1)):
        raise SystemExit(f"h2load met errors:\n{out}")
    return {"count": int(done.group(1))}
