"""/metrics is what Prometheus wants, and does not grow with the ids, paths and methods that clients
think of. Shown on GET /metrics after GET /api/v2/status/{id}, DELETE /api/v2/calls/{id},
POST /api/v2/calls and paths that do not exist."""
import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest
from support import metrics
from support.gateway import Gateway
from support.pipeline import Pipeline

REQUESTS = 100_000
BATCH = 100  # requests under way
SERIES_MOST = 2000
SETTINGS = {"log": {"level": "error"}, "calls": {"max_active": 100000},
            "backend.mock": {"ring_ms": 5, "answer_ms": 5, "talk_ms": 5}}


def promtool():
    """The one in the PATH, or that ./dev keeps in its cache."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "dialgate"
    cache = Path(os.environ.get("DIALGATE_CACHE") or default)
    return shutil.which("promtool", path=f"{os.environ['PATH']}:{cache / 'promtool'}")


def requests(line, first, count):
    """Each with an id of its own, in a mix that only repeats itself in kind."""
    for index in range(first, first + count):
        unknown = uuid.uuid4()
        yield (
            lambda: line.request("GET", f"/api/v2/status/{unknown}"),
            lambda: line.request("DELETE", f"/api/v2/calls/{unknown}"),
            lambda: line.request("GET", f"/api/v2/status/{unknown}?page={index}"),
            lambda: line.request("GET", f"/{unknown}/{index}"),
            lambda: line.request(f"M{index}", f"/api/v2/status/{unknown}"),
            lambda: line.request("GET", f"/api/v2/status/{unknown}/{index}"),
            lambda: line.request("POST", "/api/v2/calls", {"phone_number": f"x{unknown}"}),
            # Calls wait for the disk, so they are fewer.
            lambda: line.request("POST", "/api/v2/calls",
                                 {"phone_number": f"+49{index:09d}"} if index % 40 == 7 else {}),
        )[index % 8]()


def send(gateway, token, first, count):
    with Pipeline(gateway.address, token) as line:
        for at in range(first, first + count, BATCH):
            batch = list(requests(line, at, min(BATCH, first + count - at)))
            for status, body in line.exchange(batch):
                assert status < 500, (status, body)


def series(text):
    return {(name, tuple(sorted(labels.items()))) for name, labels, _ in metrics.parse(text)}


@pytest.fixture(scope="module")
def texts():
    """/metrics after a few requests of every kind, and after very many."""
    with Gateway(SETTINGS) as gateway:
        with gateway.client() as client:
            token = client.token
        gateway.metrics()  # itself a request that is counted
        send(gateway, token, 0, 4 * BATCH)
        few = gateway.metrics()
        send(gateway, token, 4 * BATCH, REQUESTS)
        yield few, gateway.metrics()


def test_series_are_bounded(texts):
    few, many = map(series, texts)
    # What comes by itself now and then has no id: a held loop, by plugin and kind of fault; what
    # the gateway asks of its store, by function and result.
    own = ("dialgate_plugin_faults_total", "dialgate_storage_ops_total")
    more = {one for one in many - few if one[0] not in own}
    assert not more, f"series that came with more ids: {list(more)[:5]}"
    assert len(many) < SERIES_MOST


def test_ids_are_no_labels(texts):
    labels = {value for _, labels in series(texts[1]) for _, value in labels}
    assert not [value for value in labels if len(value) > 64 or value.count("-") >= 4]


def test_promtool_has_nothing_to_say(texts):
    tool = promtool()
    if not tool:
        pytest.skip("promtool is not there: ./dev deps fetches it")
    done = subprocess.run([tool, "check", "metrics"], input=texts[1], text=True,
                          capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
