"""A run can be reported to a served emulator, which stores it for its pages."""

import re
from pathlib import Path

import requests

from reports.conftest import RESULTS_FEATURE, verify_with_reports
from segment_insider_scenarios.running_emulator import RunningEmulator


def test_a_reported_run_is_stored_with_its_scenarios(
    served_emulator: RunningEmulator, tmp_path: Path
) -> None:
    verify_with_reports(tmp_path, "--report-to", served_emulator.url, ends=RESULTS_FEATURE)
    [run] = requests.get(f"{served_emulator.url}/emulator/v1/scenario-runs").json()["scenarioRuns"]
    [feature] = run["features"]
    assert (feature["name"], feature["uri"]) == ("Ends", "ends.feature")
    scenarios = [
        (scenario["name"], scenario["verdict"], len(scenario["messages"]))
        for scenario in feature["scenarios"]
    ]
    assert scenarios == [
        ("It passes", "passed", 1),
        ("It fails", "failed", 1),
        ("It is not known", "failed", 0),
        ("It checks nothing", "failed", 1),
        ("It has rows (row 1)", "passed", 1),
        ("It has rows (row 2)", "failed", 1),
    ]
    steps = [step["verdict"] for step in feature["scenarios"][1]["steps"]]
    assert steps == ["passed", "passed", "failed", "skipped"]


def test_scenarios_run_in_sandboxes_of_another_emulator(
    served_emulator: RunningEmulator, tmp_path: Path
) -> None:
    """Sandboxes of failed scenarios are not deleted, so that a person can look."""
    root = served_emulator.url.partition("/sandboxes/")[0]
    before = requests.get(f"{root}/emulator/v1/sandboxes").json()["sandboxes"]
    result = verify_with_reports(tmp_path, "--url", root, ends=RESULTS_FEATURE)
    after = requests.get(f"{root}/emulator/v1/sandboxes").json()["sandboxes"]
    assert result.stdout.splitlines()[-1] == "6 scenarios: 2 passed, 4 failed"
    assert f"You can inspect its sandbox: {root}/sandboxes/" in result.stdout
    remaining = len(after) - len(before)
    for created in after[len(before) :]:
        requests.delete(f"{root}/emulator/v1/sandboxes/{created['id']}")
    addresses = [f"{root}/sandboxes/{sandbox['id']}/" for sandbox in after[len(before) :]]
    assert re.findall(r'<a href="([^"]+)"', result.read("report.html")) == addresses
    assert remaining == 3  # all but that of the scenario with an unknown first step: it had none
