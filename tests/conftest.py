"""Fixtures of all black-box suites; see support/."""
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.client import VERSIONS  # noqa: E402
from support.gateway import Gateway  # noqa: E402


def pytest_configure():
    """Ended from outside, a run still stops what it has started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(params=VERSIONS, ids=[f"http{version}" for version in VERSIONS])
def http_version(request):
    """The test runs once over each version of HTTP."""
    return request.param


@pytest.fixture
def start_gateway():
    """A function that starts a gateway; all of them are ended, and judged, after the test."""
    running = []

    def start(*arguments, **options):
        gateway = Gateway(*arguments, **options)
        running.append(gateway)
        try:
            return gateway.start()
        except BaseException:
            gateway.give_up()
            raise

    yield start
    problems = []
    for gateway in reversed(running):
        try:
            gateway.stop()
            gateway.remove()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


def pytest_terminal_summary(terminalreporter):
    """What was left out is said in capitals, not in a letter of the progress line."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = sorted({report.longrepr[2] for report in skipped if report.longrepr})
    for reason in reasons:
        count = sum(1 for report in skipped if report.longrepr and report.longrepr[2] == reason)
        terminalreporter.write_line(f"NOT RUN ({count} tests): {reason}", red=True, bold=True)
