"""The contract of backends, kept by ari on a real Asterisk: contract_backend is run on it."""
import os
import subprocess
from pathlib import Path

import pytest
from support import asterisk, toml

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("DIALGATE_BUILD", ROOT / "build"))
SUITE_SECONDS = 400


@pytest.fixture(scope="module", autouse=True)
def bed_ends():
    yield
    asterisk.stop_started()


@pytest.fixture(scope="module", params=asterisk.VERSIONS)
def server(request):
    return asterisk.asterisk_of(request.param)


@pytest.mark.parametrize("template", asterisk.TEMPLATES)
def test_contract_is_kept(server, template, tmp_path):
    backend = server.backend(template)["backend.pbx"]
    config = tmp_path / "backend.toml"
    config.write_text(toml.write({"backend.pbx": backend}))
    endpoint = asterisk.TEMPLATES[template].replace("{context}", "outbound-ivr")
    result = subprocess.run(
        [BUILD / "tests/contract/contract_backend", BUILD / "plugins/ari.so",
         "--config", config, "--instance", "pbx", "--endpoint", endpoint],
        capture_output=True, text=True, timeout=SUITE_SECONDS)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
