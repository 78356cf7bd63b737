"""POST /api/v2/calls of the Contact Center API above the limits of calls: at once, per second, and
waiting; [calls] max_active, max_per_second, max_queued, queue_timeout."""
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from shapes import json_of, moment, placed, refused, status_of
from support.gateway import Gateway
from support.waiting import wait_until

URL = "/api/v2/calls"
NUMBER = "+1234567890"
WAITING = "Too many calls are waiting to be placed"
MOCK = {"ring_ms": 10, "answer_ms": 10, "talk_ms": 300}


def limited(calls, mock=None):
    return {"calls": calls, "backend.mock": {**MOCK, **(mock or {})}}


def send_together(gateway, version, count):
    """So many calls at one moment, each over a connection of its own; their answers."""
    clients = [gateway.client(version) for _ in range(count)]
    for client in clients:
        json_of(client.get("/health"))
    gate = threading.Barrier(count)

    def send(client):
        gate.wait()
        return client.post(URL, json={"phone_number": NUMBER})

    try:
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(send, clients))
    finally:
        for client in clients:
            client.close()


def dialled_at(gateway, replies):
    """When these calls were dialled, in seconds, in order."""
    with gateway.client() as client:
        calls = [status_of(client.get(f"/api/v2/status/{placed(reply, NUMBER)}"))
                 for reply in replies]
    return sorted(moment(call["dialed_at"]).timestamp() for call in calls)


def test_too_fast_means_later(http_version):
    with Gateway(limited({"max_per_second": 20})) as gateway:
        seen = []
        gateway.client().close()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(send_together, gateway, http_version, 40)
            wait_until(lambda: seen.append(gateway.metric("dialgate_calls_queued") or 0)
                       or task.done(), 60, "the answers")
            times = dialled_at(gateway, task.result())
        assert max(seen) > 5
        assert gateway.metric("dialgate_calls_queued", backend="mock") == 0
        # Two go at once; a busy machine sends the others over some time.
        assert 20 <= gateway.metric("dialgate_call_queue_seconds_count") <= 38
        assert not gateway.metric("dialgate_calls_refused_total")
        assert times[-1] - times[0] >= 1.8, "40 at 20 per second"
        for first, last in zip(times, times[24:]):
            assert last - first >= 0.95, "more than 24 within a second"


def test_full_queue(http_version):
    settings = limited({"max_per_second": 2, "max_queued": 3, "queue_timeout": "30s"})
    with Gateway(settings) as gateway:
        replies = send_together(gateway, http_version, 10)
        taken = [reply for reply in replies if reply.status_code == 200]
        for reply in replies:
            if reply not in taken:
                refused(reply, 429, WAITING)
                assert 1 <= int(reply.headers["retry-after"]) <= 2
        assert len(taken) == 4
        assert gateway.metric("dialgate_calls_refused_total", backend="mock",
                              limit="queue_full") == 6
        assert len(dialled_at(gateway, taken)) == 4
        assert len(gateway.stored("calls")) == 4, "nothing is kept of the others"


def test_no_waiting_in_vain(http_version):
    """Who could not be placed within queue_timeout is told at once."""
    settings = limited({"max_per_second": 2, "queue_timeout": "1s"})
    with Gateway(settings) as gateway:
        replies = send_together(gateway, http_version, 8)
        taken = [reply for reply in replies if reply.status_code == 200]
        assert len(taken) == 3
        late = [reply for reply in replies if reply not in taken]
        for reply in late:
            refused(reply, 429, WAITING)
            assert reply.elapsed.total_seconds() < 0.5
        assert max(reply.elapsed.total_seconds() for reply in taken) > 0.9
        assert gateway.metric("dialgate_calls_refused_total", limit="queue_timeout") == 5


def test_at_once_is_counted():
    with Gateway(limited({"max_active": 1})) as gateway, gateway.client() as client:
        placed(client.post(URL, json={"phone_number": NUMBER}), NUMBER)
        refused(client.post(URL, json={"phone_number": NUMBER}), 429, "Too many active calls")
        assert gateway.metric("dialgate_calls_refused_total", limit="max_active") == 1


@pytest.mark.parametrize("calls, mock, limited_to", [
    ({}, {}, 40),                                         # a simulation has no knee
    ({"max_per_second": 2, "max_queued": 0}, {}, 1),
    ({"max_per_second": 2, "max_queued": 0}, {"max_per_second": 0}, 40),
    ({}, {"max_per_second": 2, "max_queued": 0}, 1),
], ids=["default", "section", "backend lifts", "backend limits"])
def test_where_limits_are_set(calls, mock, limited_to):
    with Gateway(limited(calls, mock)) as gateway:
        replies = send_together(gateway, "1.1", 40)
        assert sum(reply.status_code == 200 for reply in replies) == limited_to


def test_crash_while_waiting():
    """Who waits is not written down yet: after a crash there is no trace, and nothing to repair."""
    with Gateway(limited({"max_per_second": 1, "queue_timeout": "30s"})) as gateway:
        gateway.client().close()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(send_together, gateway, "1.1", 4)
            wait_until(lambda: (gateway.metric("dialgate_calls_queued") or 0) >= 2, 10, "the queue")
            gateway.kill()
            with pytest.raises(httpx.TransportError):
                task.result()
        gateway.start()
        assert 1 <= len(gateway.stored("calls")) <= 2
        assert gateway.metric("dialgate_calls_live") <= 2


def test_stop_while_waiting():
    """Within drain_timeout who waits is still served."""
    with Gateway(limited({"max_per_second": 4})) as gateway:
        gateway.client().close()
        with ThreadPoolExecutor(1) as pool:
            task = pool.submit(send_together, gateway, "1.1", 5)
            wait_until(lambda: gateway.metric("dialgate_calls_queued"), 10, "the queue")
            gateway.process.send_signal(signal.SIGTERM)
            for reply in task.result():
                placed(reply, NUMBER)


@pytest.mark.parametrize("section, key", [("calls", "max_active"), ("calls", "max_per_second"),
                                          ("backend.mock", "max_queued")])
def test_nonsense_is_refused(section, key, start_gateway):
    with pytest.raises(AssertionError, match=rf"{key}: expected a number from 0"):
        start_gateway({section: {key: -1}})
