"""`emulator lint`: the exit code, and findings as text and as JSON."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from segment_insider_emulator.cli import main
from segment_insider_emulator.workspace.loading import read_preset_document

MISTAKES = "fixtures/workspaces/mistakes.yaml"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "last_line"),
    [
        pytest.param(
            ["segment-defaults"], 1, "segment-defaults: 25 warnings, 5 notes", id="the defaults"
        ),
        pytest.param(["--preset", "guide"], 0, "preset guide: 6 notes", id="notes only"),
        pytest.param([MISTAKES], 1, f"{MISTAKES}: 7 errors, 10 warnings, 2 notes", id="mistakes"),
        pytest.param(
            ["none.yaml"],
            2,
            "emulator: none.yaml: the workspace file cannot be read (No such file or directory). "
            "Give the path of a JSON or YAML file, or a preset: guide, segment-defaults.",
            id="unreadable",
        ),
        pytest.param(
            ["guide"],
            0,
            "guide: 6 notes",
            id="preset as a file",
        ),
        pytest.param(
            [MISTAKES, "--preset", "guide"],
            2,
            f"Error: Give {MISTAKES} or --preset guide, not both.",
            id="file and preset",
        ),
        pytest.param([], 2, "Error: Give a FILE, or --preset NAME.", id="nothing to check"),
    ],
)
def test_the_exit_code_is_the_result(arguments: list[str], exit_code: int, last_line: str) -> None:
    result = CliRunner().invoke(main, ["lint", *arguments])
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (exit_code, last_line)


def test_the_text_has_severity_path_problem_and_remedy() -> None:
    result = CliRunner().invoke(main, ["lint", MISTAKES])
    assert result.stdout.splitlines()[:3] == [
        "error: destination.settings.ucd_key",
        "  ucd_key is not that of insider.account, so every request is refused.",
        "  Write the same in both places.",
    ]


def test_json_has_the_findings() -> None:
    result = CliRunner().invoke(main, ["lint", MISTAKES, "--json"])
    findings = json.loads(result.stdout)["findings"]
    assert findings[0] == {
        "severity": "error",
        "where": "destination.settings.ucd_key",
        "what": "ucd_key is not that of insider.account, so every request is refused",
        "remedy": "Write the same in both places.",
        "cause": "wrong-credentials destination.settings.ucd_key",
        "mapping": "",
    }


def test_a_tracking_plan_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    shop = tmp_path / "shop.yaml"
    shop.write_text(
        Path("fixtures/workspaces/minimal.yaml").read_text() + "trackingPlan: plan.json"
    )
    result = CliRunner().invoke(main, ["lint", str(shop), "--json"])
    assert json.loads(result.stdout)["findings"][0] == {
        "severity": "error",
        "where": "trackingPlan",
        "what": "the tracking plan cannot be read (No such file or directory) "
        f"({tmp_path / 'plan.json'})",
        "remedy": "Name a file as trackingPlan by its path from the workspace file's folder.",
        "cause": "",
        "mapping": "",
    }


@pytest.mark.parametrize(
    ("name", "warnings"),
    [
        pytest.param(
            "segment-defaults",
            [
                "note: a subscription above leaves out `settings`, and a single line of it would "
                "replace the action's whole mapping: first run `emulator export segment-defaults "
                "--format workspace --output whole.yaml`, then write the line there"
            ],
            id="left to the catalogue",
        ),
        pytest.param("guide", [], id="nothing to write"),
    ],
)
def test_lint_warns_that_one_line_would_replace_a_default_mapping(
    name: str, warnings: list[str]
) -> None:
    result = CliRunner().invoke(main, ["lint", name])
    assert result.stderr.splitlines()[:-1] == warnings


def test_no_such_warning_for_an_exported_file(tmp_path: Path) -> None:
    file = str(tmp_path / "whole.yaml")
    export = ["export", "segment-defaults", "--format", "workspace", "--output", file]
    assert CliRunner().invoke(main, export).exit_code == 0
    result = CliRunner().invoke(main, ["lint", file])
    assert result.stderr == f"{file}: 25 warnings, 5 notes\n"


def test_a_known_cause_is_left_out_and_counted(tmp_path: Path) -> None:
    shop = tmp_path / "shop.json"
    document = read_preset_document("segment-defaults")
    found = json.loads(
        CliRunner().invoke(main, ["lint", "--preset", "segment-defaults", "--json"]).stdout
    )["findings"]
    known = [found[0], found[1]]
    entries = [{key: finding[key] for key in ("cause", "mapping")} for finding in known]
    shop.write_text(json.dumps({**document, "knownCauses": entries}))
    result = CliRunner().invoke(main, ["lint", str(shop), "--json"])
    assert json.loads(result.stdout) == {"findings": found[2:], "known": known}
    assert (
        CliRunner().invoke(main, ["lint", str(shop)]).stderr.endswith("; 2 known causes left out\n")
    )
    all_known = [{"cause": finding["cause"]} for finding in found if finding["severity"] != "note"]
    shop.write_text(json.dumps({**document, "knownCauses": all_known}))
    assert CliRunner().invoke(main, ["lint", str(shop)]).exit_code == 0
