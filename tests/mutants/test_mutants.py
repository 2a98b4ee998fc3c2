"""Typos in shipped scenarios make them fail."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.extended
def test_a_typo_in_a_shipped_scenario_makes_it_fail() -> None:
    command = [sys.executable, "tests/mutants", "--count", "200", "--seed", "7"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.stdout, result.returncode) == ("", 0), result.stderr
    assert result.stderr.endswith("    0 of   200  survive\n")
