"""Contact Center API: GET /, /health, /readiness, /metrics, /docs, /redoc and /openapi.json."""
import re
import socket

import pytest
from openapi import check_document
from shapes import json_of, moment, just_now, placed, refused
from support import metrics
from support.gateway import Gateway
from support.waiting import wait_until

OPEN = ["/", "/health", "/readiness", "/metrics", "/openapi.json", "/docs", "/redoc"]


@pytest.fixture(scope="module")
def switched_off():
    """Everything that can be switched off, and a backend that nobody listens for."""
    settings = {
        "server": {"metrics": "${METRICS_ENABLED:-true}", "docs": "${DOCS_ENABLED:-true}",
                   "app_name": "Our calls", "app_version": "7.8.9"},
        "telephony": {"backend": "pbx"},
        "backend.pbx": {"plugin": "ari", "url": "http://127.0.0.1:9/ari", "username": "u",
                        "password": "p"},
    }
    environment = {"METRICS_ENABLED": "false", "DOCS_ENABLED": "false"}
    gateway = Gateway(settings, env=environment, ready=False)
    with gateway:
        yield gateway


@pytest.mark.parametrize("path", OPEN)
def test_open_to_everybody(client, path):
    for token in (None, "a.b.c", client.token):
        assert client.get(path, token=token).status_code == 200


# ---- GET / ----

def test_root(client):
    assert json_of(client.get("/", token=None)) == {
        "message": "Contact Center API", "version": "1.0.0", "docs": "/docs", "health": "/health",
        "readiness": "/readiness", "auth_token": "/api/v2/token"}


def test_root_configured(switched_off, http_version):
    with switched_off.client(http_version, signed_in=False) as client:
        body = json_of(client.get("/"))
    assert body["message"] == "Our calls"
    assert body["version"] == "7.8.9"
    assert body["docs"] == "disabled"


# ---- GET /health, /readiness ----

def test_health(client):
    body = json_of(client.get("/health", token=None))
    assert set(body) == {"status", "version", "node", "database", "asterisk", "backends",
                         "services", "timestamp"}
    assert body["node"] == socket.gethostname()
    assert body["status"] == "ok"
    assert body["version"] == "1.0.0"
    assert body["database"] == "ok"
    assert body["asterisk"] == {"status": "ok", "http": "connected", "websocket": "connected",
                                "backend": "mock", "mock": True}
    assert body["services"] == {"api": "running", "database": "ok", "asterisk_ari": "ok"}
    just_now(body["timestamp"])


def test_health_for_a_key(client):
    reply = client.get("/health", token=None, headers={"X-API-Key": "any"})
    assert json_of(reply)["status"] == "healthy"


def test_readiness(client):
    assert json_of(client.get("/readiness", token=None)) == {
        "ready": True,
        "checks": {"database": True, "asterisk_http": True, "asterisk_websocket": True}}


def test_health_without_a_link(switched_off, http_version):
    with switched_off.client(http_version, signed_in=False) as client:
        body = json_of(client.get("/health"))
        assert body["status"] == "degraded"
        assert body["database"] == "ok"
        assert body["asterisk"]["status"] == "degraded"
        assert body["asterisk"]["http"] == "disconnected"
        assert body["asterisk"]["websocket"] == "disconnected"
        assert body["asterisk"]["detail"] == "Unable to connect to ARI"
        assert body["services"]["asterisk_ari"] == "disconnected"
        assert body["version"] == "7.8.9"
        assert moment(body["timestamp"])
        body = json_of(client.get("/health", headers={"X-API-Key": "any"}))
        assert body["status"] == "healthy"
        assert json_of(client.get("/readiness"), 503) == {
            "ready": False,
            "checks": {"database": True, "asterisk_http": False, "asterisk_websocket": False}}


def test_never_kept(client):
    for path in ("/health", "/readiness", "/metrics", "/metrics/"):
        assert client.get(path).headers["cache-control"] == "no-store"


# ---- GET /metrics ----

FAMILIES = {
    "api_requests_total": ("counter", {"method", "path", "status"}),
    "api_request_latency_seconds": ("histogram", {"method", "path"}),
    "calls_launched_total": ("counter", set()),
    "calls_success_total": ("counter", set()),
    "calls_failed_total": ("counter", set()),
    "calls_total": ("counter", set()),
    "originate_latency_seconds": ("histogram", set()),
    "calls_originated_total": ("counter", {"status"}),
    "call_origination_latency_seconds": ("histogram", set()),
    "call_duration_seconds": ("histogram", set()),
    "call_state_transitions_total": ("counter", {"from_state", "to_state", "result"}),
    "ari_http_connected": ("gauge", set()),
    "ari_websocket_connected": ("gauge", set()),
    "ari_events_received_total": ("counter", {"event_type", "status"}),
    "rate_limit_exceeded_total": ("counter", {"endpoint"}),
    "auth_attempts_total": ("counter", {"result"}),
}


def play(client, number, end):
    call_id = placed(client.post("/api/v2/calls", json={"phone_number": number}), number)

    def state():
        return client.get(f"/api/v2/status/{call_id}").json()["status"]
    if end == "completed":
        wait_until(lambda: state() == "answered", 10, "the answer")
        client.delete(f"/api/v2/calls/{call_id}")
    wait_until(lambda: state() == end, 10, end)
    return call_id


@pytest.fixture(scope="module")
def page(gateway, clients):
    """The metrics after one call of each kind, and one failed sign-in."""
    client = clients["1.1"]
    play(client, "+1234567890", "completed")
    play(client, "+1234567486", "busy")
    client.post("/api/v2/token", token=None, data={"username": "x", "password": "y"})
    return client.get("/metrics").text


@pytest.mark.parametrize("path", ["/metrics", "/metrics/"])
def test_metrics(client, path):
    reply = client.get(path, token=None)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.text.endswith("\n")
    assert metrics.parse(reply.text)


@pytest.mark.parametrize("name", FAMILIES)
def test_family(page, name):
    kind, labels = FAMILIES[name]
    assert page.count(f"# TYPE {name} {kind}\n") == 1
    assert re.search(f"^# HELP {name} .+$", page, re.MULTILINE)
    samples = {"histogram": f"{name}_bucket"}.get(kind, name)
    found = [having for got, having, _ in metrics.parse(page) if got == samples]
    assert found
    for having in found:
        assert set(having) - {"le"} == labels


def test_every_family_is_described_once(page):
    described = re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE)
    assert len({name for name, _ in described}) == len(described)
    kinds = dict(described)
    for name, _, _ in metrics.parse(page):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in kinds or kinds.get(base) == "histogram", name


@pytest.mark.parametrize("name, least, most", [
    ("call_origination_latency_seconds", 0.1, 10), ("call_duration_seconds", 5, 3600)])
def test_buckets(page, name, least, most):
    samples = [(float(having["le"]), number) for got, having, number in metrics.parse(page)
               if got == f"{name}_bucket"]
    bounds = [bound for bound, _ in samples]
    assert bounds[0] == least and bounds[-2] == most and bounds[-1] == float("inf")
    assert bounds == sorted(bounds)
    counts = [number for _, number in samples]
    assert counts == sorted(counts) and counts[-1] == metrics.total(page, f"{name}_count") > 0


def test_calls_are_counted(gateway, client):
    def all_of_them():
        page = gateway.metrics()
        return {key: metrics.total(page, name, **labels) or 0
                for key, name, labels in (
                    ("launched", "calls_launched_total", {}), ("total", "calls_total", {}),
                    ("success", "calls_success_total", {}), ("failed", "calls_failed_total", {}),
                    ("originated", "calls_originated_total", {"status": "success"}),
                    ("latency", "originate_latency_seconds_count", {}),
                    ("duration", "call_duration_seconds_count", {}),
                    ("completed", "call_state_transitions_total",
                     {"from_state": "answered", "to_state": "completed"}),
                    ("busy", "call_state_transitions_total", {"to_state": "busy"}))}
    before = all_of_them()
    play(client, "+1234567890", "completed")
    play(client, "+1234567486", "busy")
    after = all_of_them()
    assert {key: after[key] - before[key] for key in after} == {
        "launched": 2, "total": 2, "success": 1, "failed": 1, "originated": 2, "latency": 2,
        "duration": 1, "completed": 1, "busy": 1}


def test_paths_are_templates(gateway, client):
    """The number of series does not grow with what clients ask for."""
    call_id = play(client, "+1234567486", "busy")
    for path in (f"/api/v2/status/{call_id}", f"/api/v2/calls/{call_id}", "/nothing/here",
                 f"/{call_id}", "/api/v2/interaction/x/y/z", "/metrics/", "/health/"):
        client.get(path)
    client.request("BREW", "/health")
    client.request("PROPFIND", "/nothing")
    page = gateway.metrics()
    series = [having for name, having, _ in metrics.parse(page) if name == "api_requests_total"]
    routes = client.get("/openapi.json").json()["paths"]
    known = {*routes, "/docs/{file}", "/redoc/{file}", "unmatched"}
    known |= {f"/adial{path}" for path in routes if path.startswith("/api")}  # its other base path
    more = sorted({having["path"] for having in series} - known)
    assert not more
    assert {having["method"] for having in series} <= {"GET", "POST", "PUT", "PATCH", "DELETE",
                                                        "OPTIONS", "OTHER"}
    assert call_id not in page
    found = metrics.total(page, "api_requests_total", method="GET",
                          path="/api/v2/status/{call_id}", status="200")
    assert found >= 1
    assert metrics.total(page, "api_requests_total", path="unmatched", status="404") >= 1


def test_link_gauges(gateway, switched_off):
    for name in ("ari_http_connected", "ari_websocket_connected"):
        assert gateway.metric(name) == 1


def test_metrics_switched_off(switched_off, http_version):
    with switched_off.client(http_version, signed_in=False) as client:
        for path in ("/metrics", "/metrics/"):
            refused(client.get(path), 404, "Not Found")


# ---- GET /openapi.json, /docs, /redoc ----

def test_openapi(client):
    document = json_of(client.get("/openapi.json", token=None))
    check_document(document)
    assert document["info"] == {"title": "Contact Center API", "version": "1.0.0",
                                "description": document["info"]["description"]}
    assert {"/api/v2/token", "/api/v2/interaction/{number}", "/api/v2/calls",
            "/api/v2/calls/{call_id}", "/api/v2/status/{call_id}",
            "/api/v2/interaction/{call_id}/status", "/", "/health", "/readiness", "/metrics",
            "/openapi.json", "/docs", "/redoc"} <= set(document["paths"])


def test_openapi_tells_the_truth(client):
    """Every documented GET without parameters answers as it says, every other asks for a token."""
    document = client.get("/openapi.json").json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            url = re.sub(r"\{\w+\}", "+1234567890", path)
            reply = client.request(method.upper(), url, token=None)
            assert str(reply.status_code) in operation["responses"], (method, path, reply)
            wanted = 422 if {"api_key": []} in operation["security"] else 401
            assert (reply.status_code == wanted) == bool(operation["security"]), (method, path)


def test_openapi_configured(gateway, switched_off, http_version):
    with switched_off.client(http_version, signed_in=False) as client:
        for path in ("/openapi.json", "/docs", "/docs/", "/redoc", "/docs/swagger-ui.css",
                     "/redoc/redoc.standalone.js"):
            refused(client.get(path), 404, "Not Found")


@pytest.mark.parametrize("path, script", [("/docs", "SwaggerUIBundle"), ("/redoc", "Redoc")])
def test_pages(client, path, script):
    """Whole pages: every file they name is there, none is somebody else's."""
    for asked in (path, path + "/"):
        reply = client.get(asked, token=None)
        assert reply.status_code == 200
        assert reply.headers["content-type"].startswith("text/html")
    files = re.findall(r'(?:src|href)="([^"]+)"', reply.text)
    assert files
    code = ""
    for name in files:
        if name.startswith("data:"):
            continue
        assert name.startswith(path + "/"), name
        part = client.get(name, token=None)
        assert part.status_code == 200, name
        kind = "text/css" if name.endswith(".css") else "javascript"
        assert kind in part.headers["content-type"]
        code += part.text
    assert script in code and "/openapi.json" in code


def test_pages_ask_nobody_else(client):
    for path in ("/docs", "/redoc"):
        reply = client.get(path)
        policy = reply.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "http" not in policy
        assert not re.search(r'(?:src|href)="(?:https?:)?//', reply.text)


def test_pages_are_kept(client):
    first = client.get("/docs/swagger-ui-bundle.js")
    again = client.get("/docs/swagger-ui-bundle.js",
                       headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    plain = client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == first.content
    assert first.headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", ["/docs/nothing.js", "/docs/..%2fetc%2fpasswd", "/docs/%2e%2e",
                                  "/docs/../openapi.json/x", "/redoc/a/b"])
def test_no_other_files(client, path):
    refused(client.get(path), 404, "Not Found")
