"""Ends what the suites started; see support/asterisk.py."""
import pytest
from support import asterisk


@pytest.fixture(scope="session", autouse=True)
def bed_ends():
    yield
    asterisk.stop_started()
