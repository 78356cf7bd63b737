"""SIGHUP under 5,000 requests per second, with good files and bad ones: no request fails, no
connection is closed. GET /health, GET /api/v2/status/{id} and, on HTTP/1.1, POST /api/v2/calls."""
import os

from support.gateway import Gateway
from support.reloading import reload_under_load

RATE = int(os.environ.get("DIALGATE_RELOAD_RATE", 5000))
TIMES = 21  # seven of each file
SETTINGS = {
    "log": {"level": "info"},
    "calls": {"max_active": 5000, "allowed_contexts": ["one"]},
    "backend.mock": {"ring_ms": 20, "answer_ms": 40, "talk_ms": 0},
}


def test_reload_under_load(http_version):
    with Gateway(SETTINGS) as gateway:
        load, results = reload_under_load(gateway, http_version, RATE * 1.1, TIMES)
        print(f"HTTP/{http_version}: {load.answered} requests, {load.per_second:.0f} per second, "
              f"{dict(load.statuses)}, reloads done and refused: {results}")
        assert load.failures == []
        assert set(load.statuses) == {200}
        assert results == (TIMES - TIMES // 3, TIMES // 3)
        assert load.per_second >= RATE
        refusals = [line for line in gateway.log().splitlines() if "maxactive" in line]
        assert len(refusals) == TIMES // 3 and all(f"{gateway.config}:" in line
                                                   for line in refusals)
