"""POST of calls on the mock backend, each answered when it is on the disk, against SQLite alone
writing the same rows in the same order and groups."""
import sqlite3
import subprocess
import tempfile
import time
from contextlib import closing

import measure
from support.gateway import Gateway, build_dir
from support.waiting import wait_until

CLIENTS = 64
REQUEST = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"phone_number":"+15550100486"}'
"""                                                         # is busy: the call ends at once
SETTINGS = {"log": {"level": "warn"}, "calls": {"max_active": 1000000},
            "backend.mock": {"ring_ms": 1, "answer_ms": 1}}
STORE = "dialgate_storage_file_"


def all_written(gateway):
    return gateway.metric("dialgate_calls_live") == 0 and gateway.metric("dialgate_store_kept") == 0


def place_calls(gateway, client, seconds):
    """wrk's figures, and how many of the calls' second states were replaced in the queue."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(REQUEST)
        script.flush()
        before = gateway.metric(STORE + "replaced_total")
        result = measure.wrk(gateway.base + "/api/v2/calls", seconds,
                             [f"Authorization: Bearer {client.token}"], CLIENTS, script.name)
    wait_until(lambda: all_written(gateway), 60, "the end of all calls", every=0.2)
    result["replaced"] = (gateway.metric(STORE + "replaced_total") - before) / result["count"]
    return result


def model(folder):
    """A database of the gateway's making with one finished call."""
    with Gateway(SETTINGS) as gateway, gateway.client("1.1") as client:
        call = client.post("/api/v2/calls", json={"phone_number": "+15550100486"}).json()
        gateway.cdr(call["call_id"])
        file = f"{folder}/model.db"
        with closing(sqlite3.connect(gateway.folder / "dialgate.db")) as source, \
                closing(sqlite3.connect(file)) as copy:
            source.backup(copy)
    return file


def sqlite_alone(file, seconds, replaced):
    out = subprocess.run([build_dir() / "tests" / "bench" / "group_commit", file, str(seconds),
                          str(CLIENTS), f"{min(1, replaced):.3f}"], check=True,
                         capture_output=True, text=True).stdout
    rate, p99 = map(float, out.split())
    return rate, p99


def run(report, rounds, seconds):
    ratios, rates, tails, others, their_tails = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder, Gateway(SETTINGS) as gateway, \
            gateway.client("1.1") as client:
        file = model(folder)
        place_calls(gateway, client, 1)                     # warm-up
        for _ in range(rounds):
            ours = place_calls(gateway, client, seconds)
            time.sleep(0.5)
            rate, p99 = sqlite_alone(file, seconds, ours["replaced"])
            ratios.append(ours["rate"] / rate)
            rates.append(ours["rate"])
            tails.append(ours[99])
            others.append(rate)
            their_tails.append(p99)
    report.figure("the gateway", rates, "calls/s", digits=0)
    report.figure("the gateway, p99", tails, "ms", digits=1)
    report.figure("SQLite alone", others, "calls/s", digits=0)
    report.figure("SQLite alone, p99", their_tails, "ms", digits=1)
    report.goal("ratio", ratios, least=0.5)
