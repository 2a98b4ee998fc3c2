"""The commands and samples of README.md work.

Its two installations are tested by CI.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from segment_insider_emulator.workspace import load_preset_workspace, load_workspace_or_preset
from segment_insider_scenarios.client import ControlClient
from segment_insider_scenarios.running_emulator import serve_emulator

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHELL = [text for kind, text in BLOCKS if kind == "sh"]
INSTALLS = [text for text in SHELL if "pip install" in text]
URL = "http://127.0.0.1:8282"
SHELL_PRELUDE = 'set -e\nemulator() { "$PYTHON" -m emulator "$@"; }\n'


def get_only_block(kind: str) -> str:
    texts: list[str] = [text for language, text in BLOCKS if language == kind]
    (text,) = texts
    return text


def get_shell_block_with(text_part: str) -> str:
    texts: list[str] = [text for text in SHELL if text_part in text and text not in INSTALLS]
    (text,) = texts
    return text


def run_and_read(*command: str, cwd: Path = ROOT) -> str:
    """Run *command*, which must succeed, and return its output."""
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def run_shell(script: str) -> str:
    return run_and_read("bash", "-c", SHELL_PRELUDE + script)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """URL of the default emulator after the Python sample was sent."""
    with serve_emulator(load_preset_workspace("guide")) as emulator:
        sample = get_only_block("python")
        assert URL in sample
        run_and_read(sys.executable, "-c", sample.replace(URL, emulator.url))
        yield emulator.url


def test_every_readme_command_is_run_by_a_test_or_ci() -> None:
    tried = {
        *INSTALLS,
        get_shell_block_with("curl"),
        get_shell_block_with("--explain"),
        get_shell_block_with("export"),
    }
    assert tried == set(SHELL)
    ci = (ROOT / ".ci" / "run").read_text("utf-8")
    demo, tests = INSTALLS
    assert tests.strip() in ci
    assert "emulator demo" in demo
    assert 'emulator" demo' in ci
    (long_tests,) = re.findall(r"`(\.venv/bin/pytest [^`]+)`", PAGE)
    assert long_tests in ci


def test_the_sample_order_is_found_at_both_addresses(url: str) -> None:
    script = get_shell_block_with("curl").replace(URL, url).replace("\ncurl", "\necho; curl")
    deliveries, profiles = (json.loads(line) for line in run_shell(script).splitlines())
    assert [delivery["verdict"] for delivery in deliveries["deliveries"]] == ["accepted"]
    (ada,) = profiles["profiles"]
    names = [event["event_name"] for event in ada["events"]]
    assert names == ["confirmation_page_view", "journey_entered"]


def test_the_first_name_is_explained() -> None:
    output = run_shell(get_shell_block_with("--explain"))
    assert output.startswith("identify")
    assert "traits.firstName" in output


@pytest.mark.extended
def test_the_suggested_line_maps_the_first_name(tmp_path: Path) -> None:
    output = run_shell(get_shell_block_with("--explain"))
    (place, line) = re.findall(r"write at destination\.(\S+): (.+)", output)[0]
    number, field = re.findall(r"subscriptions\[(\d+)\]\.settings\.(\w+)", place)[0]
    export, serve = get_shell_block_with("export").splitlines()
    run_and_read("bash", "-c", SHELL_PRELUDE + export, cwd=tmp_path)
    (file,) = tmp_path.iterdir()
    assert serve == f"emulator serve --workspace {file.name}"
    workspace = yaml.safe_load(file.read_text("utf-8"))
    workspace["destination"]["subscriptions"][int(number)]["settings"][field] = json.loads(line)
    file.write_text(yaml.safe_dump(workspace), "utf-8")
    with (
        serve_emulator(load_workspace_or_preset(file)) as emulator,
        ControlClient(emulator.url) as client,
    ):
        (event,) = re.findall(r"echo '(.+)'", get_shell_block_with("--explain"))
        client.post_to_segment("/v1/identify", event.encode(), workspace["source"]["writeKey"])
        ada = client.find_profile("uuid:ada")
    assert ada is not None
    assert ada["attributes"]["name"] == "Ada"


def test_commands_within_sentences_run() -> None:
    (explain,) = re.findall(r"`(emulator map [^`]+)`", PAGE)
    assert "Order Completed" in run_shell(explain)


def test_the_scenario_passes(tmp_path: Path) -> None:
    (tmp_path / "purchase.feature").write_text(get_only_block("gherkin"), "utf-8")
    verified = run_and_read(
        sys.executable, "-m", "segment_insider_emulator", "verify", str(tmp_path), cwd=tmp_path
    )
    assert re.search(r"^  passed   An order of two products$", verified, re.MULTILINE), verified
