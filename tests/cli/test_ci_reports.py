"""Reports for pipelines: SARIF, annotations and summaries on GitHub, and the action."""

import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from forked_commands import run_python_module
from sarif_pydantic import Sarif

from segment_insider_emulator.cli import main

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "docs" / "examples" / "shop.yaml"
FEATURE = """\
Feature: Wishes
  Scenario: A mug, or: two
    When Ada does "::error::hostile"
    Then Insider One receives 1 "wish_lost" for Ada
"""
BROKEN = "Feature: Broken\n  Scenario: A\n    Given Ada shops\n    or not\n"


def run(*arguments: str) -> Any:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize("command", ["lint", "drift"])
def test_findings_are_valid_sarif_with_lines_of_the_file(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = yaml.safe_load(SHOP.read_text("utf-8"))
    document["destination"]["subscriptions"][0]["settings"].pop("firstName", None)
    file = tmp_path / "my shop.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    report = tmp_path / "reports" / "x.sarif"
    assert run(command, str(file), "--sarif", str(report)).exit_code in (0, 1)
    parsed = Sarif.model_validate_json(report.read_text("utf-8"))
    results = json.loads(report.read_text("utf-8"))["runs"][0]["results"]
    assert len(results) == len(parsed.runs[0].results or []) > 0
    lines = file.read_text("utf-8").split("\n")
    for result in results:
        [location] = result["locations"]
        place = location["logicalLocations"][0]["fullyQualifiedName"]
        physical = location["physicalLocation"]
        assert physical["artifactLocation"] == {"uri": "my%20shop.yaml"}
        line = lines[physical["region"]["startLine"] - 1]
        if place == "destination.subscriptions":
            assert line.strip() == "subscriptions:"


def test_a_preset_has_no_file_in_sarif(tmp_path: Path) -> None:
    report = tmp_path / "x.sarif"
    assert run("lint", "--preset", "segment-defaults", "--sarif", str(report)).exit_code == 1
    results = json.loads(report.read_text("utf-8"))["runs"][0]["results"]
    assert all("physicalLocation" not in result["locations"][0] for result in results)
    assert run("lint", "--preset", "guide", "--sarif", str(tmp_path)).exit_code == 2


def test_failures_are_annotations_and_a_summary_on_github(tmp_path: Path) -> None:
    folder, summary = tmp_path / "sub", tmp_path / "summary.md"
    folder.mkdir()
    (folder / "wishes.feature").write_text(FEATURE)
    (folder / "broken.feature").write_text(BROKEN)
    environment = os.environ | {
        "GITHUB_ACTIONS": "true",
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    command = ["segment_insider_emulator", "verify", "."]
    result = run_python_module(*command, cwd=folder, env=environment)
    annotations = [line for line in result.stderr.splitlines() if line.startswith("::error ")]
    assert [line.partition("::")[2].partition("::")[0] for line in annotations] == [
        "error file=sub/broken.feature,line=4,title=This file cannot be run",
        "error file=sub/wishes.feature,line=4,title=A mug%2C or%3A two",
    ]
    lines = result.stdout.splitlines()
    stop = lines[0].removeprefix("::stop-commands::")
    assert len(stop) == 32
    assert lines[-1] == f"::{stop}::"
    text = summary.read_text("utf-8")
    assert "A mug, or: two (wishes.feature:2)" in text
    assert "broken.feature: cannot be run" in text
    plain = run_python_module(*command, cwd=folder, env=environment | {"GITHUB_ACTIONS": ""})
    assert "::stop-commands" not in plain.stdout
    assert "::error file" not in plain.stderr


def test_findings_are_annotations_on_github(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    text = SHOP.read_text("utf-8")
    Path("shop.yaml").write_text(text)
    assert "::warning file=shop.yaml,line=" in run("drift", "shop.yaml").stderr
    document = yaml.safe_load(text)
    document["destination"]["subscriptions"][0]["trigger"] = "type ="
    Path("shop.yaml").write_text(yaml.safe_dump(document, sort_keys=False))
    lines = Path("shop.yaml").read_text("utf-8").splitlines()
    line = next(at for at, line in enumerate(lines, 1) if line.strip() == "trigger: type =")
    head = f"::error file=shop.yaml,line={line},title=destination.subscriptions[0] "
    assert head in run("lint", "shop.yaml").stderr
    assert "::error" not in run("lint", "--preset", "guide").stderr
    monkeypatch.setenv("GITHUB_ACTIONS", "")
    assert "::error" not in run("lint", "shop.yaml").stderr


def test_failed_cases_and_events_are_annotations_on_github(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    case = json.loads(next((ROOT / "docs/examples/cases").glob("*.json")).read_text("utf-8"))
    case["name"] = "::error::hostile, name"
    case["expect"]["requests"] = case["expect"]["requests"][:0]
    Path("cases.ndjson").write_text(json.dumps(case) + "\n")
    result = run("contract", "check", "cases.ndjson")
    assert result.exit_code == 1
    [annotation] = [line for line in result.stderr.splitlines() if line.startswith("::error ")]
    title = "%3A%3Aerror%3A%3Ahostile%2C name"
    assert annotation.startswith(f"::error file=cases.ndjson,line=1,title={title}::")
    assert result.stdout.startswith("::stop-commands::")
    Path("events.ndjson").write_text('{"type": "track", "userId": "u"}\n')
    result = run("contract", "events", "--preset", "guide", "events.ndjson")
    assert result.exit_code == 1
    assert "::error file=events.ndjson,line=1,title=track::" in result.stderr


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("action.yml", "vendor.github-actions"),
        ("docs/examples/github-actions.yml", "vendor.github-workflows"),
        ("docs/examples/gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_pipelines_are_valid_in_the_published_schema(file: str, schema: str) -> None:
    checker = ["check_jsonschema", "--builtin-schema", schema, str(ROOT / file)]
    result = run_python_module(*checker, cwd=ROOT)
    assert result.returncode == 0, result.stdout


def test_the_action_installs_into_an_environment_of_its_own(tmp_path: Path) -> None:
    step = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))["runs"]["steps"][1]
    assert "${{" not in step["run"]
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\necho "$@" >> log\n'
        'if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; fi\n'
    )
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    action, temp = f"{tmp_path}/my action", tmp_path / "run ner"
    environment = {"ACTION_PATH": action, "RUNNER_TEMP": str(temp), "GITHUB_OUTPUT": "out"}
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step["run"]],
        env=environment | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert (tmp_path / "log").read_text().splitlines() == [
        f"-m venv {temp}/emulator",
        f"-m pip install -q {action}[scenarios]",
    ]
    assert (tmp_path / "out").read_text() == f"emulator={temp}/emulator/bin/emulator\n"


def test_the_action_passes_its_inputs_as_arguments(tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
    step = action["runs"]["steps"][-1]
    assert "${{" not in step["run"]  # an input would become a part of the script
    fake = tmp_path / "emulator"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    inputs = {name: str(given.get("default", "")) for name, given in action["inputs"].items()}
    inputs |= {"tags": "@a and not $(touch x)", "features": "a.feature:3\nb c", "args": "--seed=3"}
    environment = {
        name: inputs[value.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, value in step["env"].items()
        if "inputs" in value
    }
    result = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", step["run"]],
        env=os.environ | environment | {"EMULATOR": str(fake)},
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert result.stdout.splitlines() == [
        "verify", "-n", "2", "--junit", "reports/scenarios.xml", "--html",
        "reports/scenarios.html", "--cucumber-json", "reports/scenarios.json",
        "--tags", "@a and not $(touch x)", "--seed=3", "--", "a.feature:3", "b c",
    ]  # fmt: skip
    known = {name for option in main.get_command(None, "verify").params for name in option.opts}  # type: ignore[arg-type,union-attr]
    assert {text for text in result.stdout.splitlines() if text.startswith("-")} - {
        "--", "--seed=3",
    } <= known  # fmt: skip
