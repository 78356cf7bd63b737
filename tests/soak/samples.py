"""Memory and descriptors of gateways over time, and whether they stay flat."""
import csv
import statistics
import threading
import time
from pathlib import Path

from support import metrics

COLUMNS = ("time", "gateway", "seconds", "rss_kib", "descriptors", "threads", "live", "launched",
           "succeeded", "failed")
MEMORY_DRIFT = 1.05
JUDGED_SECONDS = 600  # in less time memory has not settled
NAMES = {"live": "dialgate_calls_live", "launched": "calls_launched_total",
         "succeeded": "calls_success_total", "failed": "calls_failed_total"}


def process_facts(pid):
    facts = {}
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        facts[name] = rest.split()
    return int(facts["VmRSS"][0]), int(facts["Threads"][0])


def sample(name, gateway, begun):
    rss, threads = process_facts(gateway.pid)
    text = gateway.metrics()
    row = {"time": time.strftime("%H:%M:%S"), "gateway": name,
           "seconds": round(time.monotonic() - begun), "rss_kib": rss,
           "descriptors": gateway.descriptors(), "threads": threads}
    for column, metric in NAMES.items():
        row[column] = int(metrics.total(text, metric) or 0)
    return row


class Samples(threading.Thread):
    """Writes a row per gateway into a CSV file every so many seconds, until it is ended."""

    def __init__(self, gateways, path, every):
        super().__init__(name="samples", daemon=True)
        self.gateways, self.path, self.every = gateways, path, every
        self.rows, self.missed = [], []
        self.begun, self.ended = time.monotonic(), threading.Event()

    def take(self, out, file):
        for name, gateway in self.gateways.items():
            try:
                row = sample(name, gateway, self.begun)
            except Exception as error:  # judged in the end
                self.missed.append(f"{name} at {time.strftime('%H:%M:%S')}: {error!r}")
                continue
            self.rows.append(row)
            out.writerow(row)
        file.flush()

    def run(self):
        with open(self.path, "w", newline="") as file:
            out = csv.DictWriter(file, COLUMNS)
            out.writeheader()
            while not self.ended.wait(max(0.0, self.next_at() - time.monotonic())):
                self.take(out, file)

    def next_at(self):
        done = (time.monotonic() - self.begun) // self.every
        return self.begun + (done + 1) * self.every

    def end(self):
        self.ended.set()
        self.join()

    def between(self, name, column, first, last):
        return [row[column] for row in self.rows
                if row["gateway"] == name and first <= row["seconds"] <= last]

    def problems(self, name, seconds):
        """Compares the second sixth of the time with the last one."""
        found = [miss for miss in self.missed if miss.startswith(name)]
        settled, last = (seconds / 6, seconds / 3), (seconds * 5 / 6, seconds)
        if seconds < JUDGED_SECONDS:
            print(f"{name}: memory and descriptors are not judged, the time was too short")
            return found
        for column, unit, factor, more in (("rss_kib", "KiB of memory", MEMORY_DRIFT, 0),
                                           ("descriptors", "descriptors", 1, 1),
                                           ("threads", "threads", 1, 0)):
            before = statistics.median(self.between(name, column, *settled))
            after = statistics.median(self.between(name, column, *last))
            most = max(self.between(name, column, *settled))
            print(f"{name}: {before:g} {unit} after a sixth of the time, {after:g} in the end"
                  f" ({100 * (after / before - 1):+.1f} %; at most {most} and"
                  f" {max(self.between(name, column, *last))})")
            if after > before * factor + more:
                found.append(f"{name}: {unit} grew from {before:g} to {after:g}")
        return found
