"""Benchmark of what contributors wait for: the two test commands of the README."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmark_size import BenchmarkSize
from measures import Goal, Measure

ROOT = Path(__file__).parents[2]
TEST_COMMAND = [sys.executable, "-m", "pytest", "-q", "-n", "auto"]


def measure_tests(_: BenchmarkSize) -> Iterator[Measure]:
    """Measure the test command and the extended one, on all cores.

    Raises: CalledProcessError, when a test fails.
    """
    test_time = _time_command(TEST_COMMAND)
    yield Measure("the test command", test_time, "s", goal=Goal("at most", 180))
    extended_time = _time_command([*TEST_COMMAND, "-m", "extended"])
    yield Measure("the extended tests", extended_time, "s")
    yield Measure("both", test_time + extended_time, "s", goal=Goal("at most", 600))


def _time_command(command: list[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    return time.perf_counter() - begun
