"""A run is sent to an emulator that is served, which keeps it for its pages."""

import re
from pathlib import Path

import requests

from reports.conftest import ENDS, report
from segment_insider_scenarios.running_emulator import RunningEmulator


def test_a_run_is_kept_with_its_scenarios(served_emulator: RunningEmulator, tmp_path: Path) -> None:
    report(tmp_path, "--report-to", served_emulator.url, ends=ENDS)
    [run] = requests.get(f"{served_emulator.url}/emulator/v1/scenario-runs").json()["scenarioRuns"]
    [feature] = run["features"]
    assert (feature["name"], feature["uri"]) == ("Ends", "ends.feature")
    told = [
        (scenario["name"], scenario["verdict"], len(scenario["messages"]))
        for scenario in feature["scenarios"]
    ]
    assert told == [
        ("It passes", "passed", 1),
        ("It fails", "failed", 1),
        ("It is not known", "failed", 0),
        ("It checks nothing", "failed", 1),
        ("It has rows", "passed", 1),
        ("It has rows", "failed", 1),
    ]
    steps = [step["verdict"] for step in feature["scenarios"][1]["steps"]]
    assert steps == ["passed", "passed", "failed", "skipped"]


def test_scenarios_run_in_sandboxes_of_an_emulator_elsewhere(
    served_emulator: RunningEmulator, tmp_path: Path
) -> None:
    """Those of failed scenarios stay, so that somebody can look."""
    root = served_emulator.url.partition("/sandboxes/")[0]
    before = requests.get(f"{root}/emulator/v1/sandboxes").json()["sandboxes"]
    done = report(tmp_path, "--url", root, ends=ENDS)
    after = requests.get(f"{root}/emulator/v1/sandboxes").json()["sandboxes"]
    assert done.stdout.splitlines()[-1] == "6 scenarios: 2 passed, 4 failed"
    assert f"You can inspect its sandbox: {root}/sandboxes/" in done.stdout
    left = len(after) - len(before)
    for made in after[len(before) :]:
        requests.delete(f"{root}/emulator/v1/sandboxes/{made['id']}")
    shown = [f"{root}/sandboxes/{sandbox['id']}/" for sandbox in after[len(before) :]]
    assert re.findall(r'<a href="([^"]+)"', done.read("report.html")) == shown
    assert left == 3  # all but the one whose first step does not exist: it had none
