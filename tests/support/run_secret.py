"""Secrets that nobody knows before the run, and that are the same in all of its processes: tests have
them in their names, and each process has to find the same tests."""
import hashlib
import os
import secrets

RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(16)


def run_secret(name):
    return hashlib.sha256(f"{RUN} {name}".encode()).hexdigest()[:48]
