"""The contract of backends, kept by ari and ami on a real Asterisk: contract_backend is run on it.
"""
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


@pytest.mark.parametrize("plugin, version, template", [
    (plugin, version, template) for version in asterisk.VERSIONS for plugin in asterisk.PLUGINS
    for template in asterisk.TEMPLATES])
def test_contract_is_kept(plugin, version, template, tmp_path):
    backend = asterisk.asterisk_of(version).backend(template, plugin)["backend.pbx"]
    if plugin == "ami":
        spool = Path(asterisk.asterisk_of(version).env["LOG_FILE"]).parents[1] / "spool"
        backend["recordings"] = str(spool / "monitor")
    config = tmp_path / "backend.toml"
    config.write_text(toml.write({"backend.pbx": backend}))
    endpoint = asterisk.TEMPLATES[template].replace("{context}", "outbound-ivr")
    result = subprocess.run(
        [BUILD / "tests/contract/contract_backend", BUILD / f"plugins/{plugin}.so",
         "--config", config, "--instance", "pbx", "--endpoint", endpoint],
        capture_output=True, text=True, timeout=SUITE_SECONDS)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
