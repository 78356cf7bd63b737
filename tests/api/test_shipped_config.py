"""The configuration files of conf/ as `dialgate check` sees them."""
import os
import re
import secrets
import shutil
import subprocess

import pytest
from support.gateway import ROOT, build_dir

CONF = ROOT / "conf"
NAMED = re.compile(r"\$\{([A-Z_]+)")


def check(folder, sample="dialgate.toml", **environment):
    """Exit status and complaints, with nothing of this machine's own environment."""
    shutil.copy(CONF / sample, folder)
    named = set(NAMED.findall((CONF / sample).read_text()))
    kept = {name: value for name, value in os.environ.items() if name not in named}
    done = subprocess.run([build_dir() / "dialgate", "check", "--config", folder / sample],
                          env=kept | environment, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("sample", sorted(path.name for path in CONF.glob("*.toml")))
def test_sample_is_without_fault(tmp_path, sample):
    password = secrets.token_urlsafe(12)
    assert check(tmp_path, sample, SECRET_KEY=secrets.token_urlsafe(48), ARI_PASSWORD=password,
                 ASTERISK_AMI_PASSWORD=password) == (0, "")


def test_secrets_come_from_the_file_beside_it(tmp_path):
    (tmp_path / ".env").write_text(f"SECRET_KEY={secrets.token_urlsafe(48)}\n")
    assert check(tmp_path) == (0, "")


def test_missing_secret_is_refused_with_a_remedy(tmp_path):
    status, complaint = check(tmp_path)
    assert status == 1
    assert "secret_key is not set" in complaint and "openssl rand" in complaint


@pytest.mark.parametrize("name, key", [
    ("METRICS_ENABLED", "server.metrics"), ("DOCS_ENABLED", "server.docs"),
    ("DEBUG", "server.debug"), ("DEBUG_MODE", "server.debug"), ("LOG_LEVEL", "log.level"),
    ("ACCESS_TOKEN_EXPIRE_MINUTES", "token_minutes"), ("ALGORITHM", "algorithm"),
    ("RATE_LIMIT_REQUESTS", "token_rate"), ("RATE_LIMIT_WINDOW", "token_rate"),
    ("DEFAULT_PRIORITY", "calls.priority"), ("DEFAULT_TIMEOUT", "calls.timeout_ms"),
    ("USE_MOCK_DIALER", "telephony.mock"), ("DISABLE_DB", "storage.disabled"),
    ("ARI_MAX_CONNECTIONS", "max_connections"), ("ARI_MAX_KEEPALIVE", "max_keepalive")])
def test_variable_reaches_its_key(tmp_path, name, key):
    status, complaint = check(tmp_path, SECRET_KEY=secrets.token_urlsafe(48), **{name: "nonsense"})
    assert status == 1
    assert re.match(rf"{re.escape(str(tmp_path))}/dialgate.toml:\d+.*{re.escape(key)}", complaint)
