"""A slip of the hand in a shipped scenario makes it fail."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_a_slip_in_a_shipped_scenario_is_noticed() -> None:
    command = [sys.executable, "tests/mutants", "--count", "200", "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    assert done.stderr.endswith("    0 of   200  survive\n")
