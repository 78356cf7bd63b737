"""SIGHUP again and again while others ask: good files in turn, and a bad one."""
import signal

from . import toml
from .gateway import merged
from .steady import Steady
from .waiting import wait_until

ONE = {
    "server": {"max_body": 100000, "allowed_origins": ["https://one.example"], "docs": False,
               "trusted_proxies": ["10.0.0.0/8"], "max_in_flight": 4000},
    "auth": {"token_minutes": 20, "token_rate": "10/60s", "api_key": "1" * 20 + "abcdefghijklmnopq"},
    "calls": {"caller_id": "One", "max_active": 3000, "recent": "1m", "context": "one",
              "allowed_contexts": ["outbound-ivr"]},
    "log": {"level": "warn", "format": "json"},
}
TWO = {
    "server": {"max_body": 200000, "allowed_origins": "*", "trusted_proxies": ["127.0.0.0/8"]},
    "calls": {"caller_id": "Two", "allowed_contexts": ["*"]},
    "log": {"level": "info"},
}
BAD = merged(ONE, {"calls": {"maxactive": 1}})
BETWEEN = 0.1  # seconds' worth of answers before the next one


def requests_of(call_id):
    """Reads, with a token and without, and a call that is placed and ends."""
    reads = [("GET", f"/api/v2/status/{call_id}"), ("GET", "/health")]
    return reads * 10 + [("POST", "/api/v2/calls", {"phone_number": "+4930123486"})]


def reload_under_load(gateway, version, rate, times):
    """A mock whose calls do not end by themselves. Gives the load, when it is over, and how many
    reloads were (done, refused)."""
    def results():
        return [gateway.metric("dialgate_reloads_total", result=result)
                for result in ("done", "refused")]
    with gateway.client() as client:
        reply = client.post("/api/v2/calls", json={"phone_number": "+4930123001"})
        assert reply.status_code == 200, reply.text
        call_id = reply.json()["call_id"]
    before = results()
    with Steady(gateway.address, version, rate, requests_of(call_id), gateway.token) as load:
        for turn in range(times):
            seen, count = load.answered, sum(results())
            wait_until(lambda: load.failures or load.answered >= seen + rate * BETWEEN, 30,
                       "answers")
            gateway.config.write_text(toml.write(merged(gateway.settings,
                                                        (ONE, TWO, BAD)[turn % 3])))
            gateway.process.send_signal(signal.SIGHUP)
            wait_until(lambda: load.failures or sum(results()) > count, 30, "the reload", 0.005)
    return load, tuple(int(now - then) for now, then in zip(results(), before))
