"""A campaign of a million numbers, on storage-file and storage-pg: put in by JSON in batches and by
import-numbers, against SQLite and libpq alone writing as many rows; the gateway's memory; and how
long its statistics take, against the status of a call."""
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import measure
import stores
from support.gateway import Gateway
from support.postgres import Postgres

NUMBERS = int(os.environ.get("DIALGATE_BENCH_NUMBERS") or 1000000)
BATCH = 10000
QUIET = {"log": {"level": "warn"}}
CAMPAIGN = {"name": "bench", "trunk_type": "pjsip", "trunk_value": "trunk-1",
            "agent_dest_type": "exten", "agent_dest_value": "100"}
RATIO, MEGABYTES, STATS = 0.2, 200, 5


def peak(pid):
    """Megabytes that were resident at most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def new_campaign(client):
    return client.post("/api/campaigns", json=CAMPAIGN).json()["data"]["id"]


def check(gateway, client, campaign):
    stats = client.get(f"/api/campaigns/{campaign}/stats", timeout=600).json()["data"]
    if stats["pending"] != NUMBERS:
        raise SystemExit(f"{stats['pending']} numbers are there, not {NUMBERS}")
    subprocess.run([gateway.program, "check-counts", "--campaign", str(campaign), "--config",
                    gateway.config], check=True, capture_output=True, cwd=gateway.folder)


def by_json(gateway, client):
    """Numbers per second; and the campaign."""
    campaign = new_campaign(client)
    took = 0.0
    for first in range(0, NUMBERS, BATCH):
        body = json.dumps({"numbers": [{"phone_number": f"+1555{n:07}"}
                                       for n in range(first, min(first + BATCH, NUMBERS))]})
        began = time.monotonic()
        reply = client.post(f"/api/campaigns/{campaign}/numbers/bulk", content=body, timeout=600)
        took += time.monotonic() - began
        if reply.status_code != 201:
            raise SystemExit(reply.text)
    check(gateway, client, campaign)
    return NUMBERS / took, campaign


def by_file(gateway, client, folder):
    file = Path(folder) / "numbers.csv"
    with file.open("w") as out:
        out.write("phone_number\n")
        out.writelines(f"+1555{n:07}\n" for n in range(NUMBERS))
    campaign = new_campaign(client)
    began = time.monotonic()
    subprocess.run([gateway.program, "import-numbers", file, "--campaign", str(campaign),
                    "--config", gateway.config], check=True, capture_output=True,
                   cwd=gateway.folder)
    took = time.monotonic() - began
    check(gateway, client, campaign)
    return NUMBERS / took


def statistics(report, name, gateway, client, campaign, rounds, seconds):
    """p99 of the campaign's statistics, in the p99 of the status of a call."""
    call = client.post("/api/v2/calls", token=client.jwt,
                       json={"phone_number": "15550100"}).json()["call_id"]
    ratios, slowest = [], []
    for _ in range(rounds):
        stats = measure.wrk(f"{gateway.base}/api/campaigns/{campaign}/stats", seconds,
                            [f"Authorization: Bearer {client.token}"], 1)
        status = measure.wrk(f"{gateway.base}/api/v2/status/{call}", seconds,
                             [f"Authorization: Bearer {client.jwt}"], 1)
        slowest.append(stats[99])
        ratios.append(stats[99] / status[99])
    report.figure(f"{name}, statistics: p99", slowest, "ms", digits=3)
    report.goal(f"{name}, statistics: p99 in p99 of a status", ratios, most=STATS)


def measure_one(report, store, storage, rounds, seconds):
    _, raw = store.pair("bulk", NUMBERS, stores.LIST)
    report.figure(f"{store.raw}, rows", [raw], "rows/s", digits=0)
    with Gateway({**QUIET, **storage}) as gateway, tempfile.TemporaryDirectory() as folder, \
            gateway.client("1.1") as client:
        client.jwt = client.token
        gateway.add_user("chief", "the chief's password", role="admin")
        client.token = gateway.create_token("chief")
        bulk, campaign = by_json(gateway, client)
        files = by_file(gateway, client, folder)
        for way, rate in (("JSON", bulk), ("import-numbers", files)):
            report.figure(f"{store.plugin}, {way}", [rate], "numbers/s", digits=0)
            report.goal(f"{store.plugin}, {way}: ratio", [rate / raw], least=RATIO)
        report.goal(f"{store.plugin}, memory at most", [peak(gateway.pid)], "MB", digits=0,
                    most=MEGABYTES)
        statistics(report, store.plugin, gateway, client, campaign, rounds, seconds)


def run(report, rounds, seconds):
    with tempfile.TemporaryDirectory() as folder:
        file = stores.Store("storage-file", "raw_sqlite", Path(folder) / "contract.db",
                            {"CONTRACT_DIR": folder})
        measure_one(report, file, {}, rounds, seconds)
    with Postgres({"shared_buffers": "256MB", "max_wal_size": "2GB", "autovacuum": "on"}) as server:
        url = server.create_database()
        postgres = stores.Store("storage-pg", "raw_pg", url, {"DATABASE_URL": url})
        measure_one(report, postgres, {"storage": {"plugin": "storage-pg", "url": url, "path": None}}, rounds,
                    seconds)
