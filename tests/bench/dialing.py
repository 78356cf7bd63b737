"""A campaign on the mock backend whose callees are all busy: numbers dialled, settled and written down
per second, for a small campaign and for one that is ten times as large. DIALGATE_BENCH_NUMBERS: how
many numbers the small one has."""
import os
import time

import httpx
import measure
from support.gateway import Gateway

NUMBERS = int(os.environ.get("DIALGATE_BENCH_NUMBERS", "10000"))
LARGE = 10 * NUMBERS
PAGE = 5000
BUSY = 486  # the last digits of all numbers
SETTINGS = {"log": {"level": "warn"}, "calls": {"max_per_second": 0, "max_active": 0},
            "backend.mock": {"plugin": "mock", "ring_ms": 1}}
CAMPAIGN = {"name": "bench", "trunk_type": "pjsip", "trunk_value": "trunk",
            "agent_dest_type": "exten", "agent_dest_value": "100", "concurrent_calls": 1000}


def ask(client, method, path, body=None):
    reply = client.request(method, f"/api/campaigns{path}", json=body)
    assert reply.status_code in (200, 201), (path, reply.status_code, reply.text)
    return reply.json()["data"]


def fill(client, count):
    """A campaign with so many numbers."""
    campaign = ask(client, "POST", "", CAMPAIGN)["id"]
    for first in range(0, count, PAGE):
        numbers = [{"phone_number": f"{number:09d}{BUSY}"}
                   for number in range(first, min(first + PAGE, count))]
        ask(client, "POST", f"/{campaign}/numbers/bulk", {"numbers": numbers})
    return campaign


def dial(client, campaign, count):
    """Seconds until all were dialled."""
    begin = time.monotonic()
    ask(client, "POST", f"/{campaign}/start")
    while True:
        stats = ask(client, "GET", f"/{campaign}/stats")
        if stats["busy"] == count:
            break
        assert time.monotonic() < begin + 60 + count / 50, stats
        time.sleep(0.1)
    seconds = time.monotonic() - begin
    assert stats["total_calls"] == count, stats
    return seconds


def run(report, rounds, _seconds):
    with Gateway(SETTINGS) as gateway:
        gateway.client().close()
        headers = {"Authorization": f"Bearer {gateway.create_token('tester')}"}
        rates, spent, shares = {NUMBERS: [], LARGE: []}, {NUMBERS: [], LARGE: []}, []
        with httpx.Client(base_url=gateway.base, headers=headers, timeout=120,
                          trust_env=False) as client:
            for _ in range(max(1, rounds // 2)):
                for count in rates:
                    campaign = fill(client, count)
                    before = measure.cpu_seconds(gateway.pid)
                    rates[count].append(count / dial(client, campaign, count))
                    spent[count].append(count / (measure.cpu_seconds(gateway.pid) - before))
                shares.append(rates[LARGE][-1] / rates[NUMBERS][-1])
    for count, found in rates.items():
        report.figure(f"{count} numbers", found, "dials/s", digits=0)
        report.goal(f"{count} numbers, per second of the gateway's processor time", spent[count],
                    "dials/s", digits=0, least=1000)
    report.goal("the large campaign's rate, ratio to the small one's", shares, least=0.7)
