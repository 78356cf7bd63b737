"""Live events: 200 readers at 200 events per second, and 1,000 at 20. None may be lost, and 99 of
100 have to arrive within half a second."""
import json
import subprocess
import threading
import time

import measure
from support.gateway import Gateway, build_dir
from support.waiting import wait_until

CASES = ((200, 200), (1000, 20))
EVENTS_A_CALL = 5
SETTINGS = {"log": {"level": "warn"}, "events": {"channels": False}, "calls": {"max_per_second": 0},
            "server": {"max_connections_per_address": 5000},
            "backend.mock": {"plugin": "mock", "ring_ms": 20, "answer_ms": 50, "talk_ms": 100,
                             "hangup_ms": 20}}


def place_calls(gateway, per_second, seconds, placed):
    """At a fixed rate; what has fallen behind is made up for."""
    start = time.monotonic()
    with gateway.client() as client:
        for index in range(int(per_second * seconds)):
            time.sleep(max(0.0, start + index / per_second - time.monotonic()))
            reply = client.post("/api/v2/calls", json={"phone_number": "+15550123"})
            assert reply.status_code == 200, reply.text
            placed.append(reply.json()["call_id"])


def one(gateway, readers, rate, seconds):
    command = [build_dir() / "tests/bench/event_readers", gateway.port, gateway.token, readers]
    placed = []
    before = gateway.metric("dialgate_events_total")
    with subprocess.Popen(["taskset", "-c", str(measure.LOAD_CORE), *map(str, command)],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout.readline() == "ready\n"
        sender = threading.Thread(target=place_calls,
                                  args=(gateway, rate / EVENTS_A_CALL, seconds, placed))
        sender.start()
        sender.join()
        wait_until(lambda: gateway.metric("dialgate_events_total") - before
                   >= EVENTS_A_CALL * len(placed), 20, "the last events")
        time.sleep(2)  # for what is on the way
        client.stdin.close()
        result = json.loads(client.stdout.readline())
    expected = EVENTS_A_CALL * len(placed)
    result["lost"] = (max(0, expected - result["least"]) + result["missing"] + result["closed"])
    return result


def run(report, rounds, seconds):
    for readers, rate in CASES:
        with Gateway(SETTINGS) as gateway:
            gateway.client().close()
            results = [one(gateway, readers, rate, max(seconds, 5))
                       for _ in range(max(1, rounds // 2))]
        name = f"{readers} readers, {rate} events/s"
        report.goal(f"{name}: lost", [result["lost"] for result in results], digits=0, most=0)
        report.figure(f"{name}: median delay", [result["p50"] for result in results], "ms", 0)
        report.goal(f"{name}: p99 delay", [result["p99"] for result in results], "ms", 0, most=500)
