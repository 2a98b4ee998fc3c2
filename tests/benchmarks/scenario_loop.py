"""Benchmark of what scenario authors wait for: start, fixture, reset and scenarios.

Each scenario has people, an order and a wish of its own; one in ten must fail.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmark_size import BenchmarkSize
from measures import Goal, Measure

from segment_insider_scenarios.running_emulator import RunningEmulator, in_process
from segment_insider_scenarios.shopper import SegmentCall, make_shopper

BASE_SCENARIO_COUNT = 10  # scenarios, which take what a run takes whatever is in it
SCENARIO_TEMPLATE = """\
  Scenario: {n} buys
    Given {name} signs in
    And {name} views these products:
      | product_id | price |
      | p-{n}      | {n}   |
      | q-{n}      | 5     |
    And {name} adds these products to cart "c-{n}":
      | product_id | price | quantity |
      | p-{n}      | {n}   | 1        |
    When {name} completes order "o-{n}" in EUR:
      | product_id | price | quantity |
      | p-{n}      | {n}   | 1        |
    Then Insider One receives exactly these events for {name}:
      | event_name               | product_id | unit_price |
      | product_detail_page_view | p-{n}      | {n}        |
      | product_detail_page_view | q-{n}      | 5          |
      | item_added_to_cart       | p-{n}      | {n}        |
      | confirmation_page_view   | p-{product} | {n}        |
    And Insider One knows 1 person
"""
SHOPPER_NAMES = ("Ada", "Bob", "Cleo", "Dan")
FIXTURE_PROGRAM = """
import time
begun = time.perf_counter()
from segment_insider_scenarios.running_emulator import in_process
with in_process():
    print(time.perf_counter() - begun)
"""
# The same sentences, of which none does anything: what the library below takes for itself.
EMPTY_STEPS = """
from pytest_bdd import given, parsers, then, when

@given(parsers.re(r".* signs in"))
@given(parsers.re(r".* views these products:"))
@given(parsers.re(r".* adds these products to cart .*"))
@when(parsers.re(r".* completes order .*"))
@then(parsers.re(r"Insider One receives exactly .*"))
@then(parsers.re(r"Insider One knows .*"))
def nothing(): ...
"""
PLAIN_TEST = "def test_nothing(): ...\n"
SHIPPED_FEATURES = Path(__file__).parents[2] / "features"
BIND_FEATURES = "from pytest_bdd import scenarios\nscenarios('.')\n"


class TimeTaken(NamedTuple):
    """Wall time and CPU time: in seconds, or in milliseconds per scenario."""

    wall: float
    cpu: float


def measure_scenarios(scale: BenchmarkSize) -> Iterator[Measure]:
    """Measure fixtures, resets and scenarios, all but the last in one process."""
    first = median(_time_first_fixture() for _ in range(scale.rounds))
    yield Measure("in-process fixture, the first", first * 1000, "ms", goal=Goal("at most", 300))
    yield Measure("in-process fixture, further ones", _time_further_fixtures() * 1000, "ms")
    yield Measure("reset after five events", _time_resets() * 1000, "ms", goal=Goal("at most", 5))
    with TemporaryDirectory() as folder:
        few, many = Path(folder) / "few", Path(folder) / "many"
        _write_features(few, BASE_SCENARIO_COUNT)
        _write_features(many, BASE_SCENARIO_COUNT + scale.scenarios)
        runs = (_run_verify, partial(_run_verify, workers=2), _run_empty_steps)
        one, two, nothing = (_time_per_scenario(run, few, many, scale.scenarios) for run in runs)
    five, peer = "a scenario of five events", "pytest-bdd, steps that do nothing"
    yield Measure(five, one.wall, "ms", goal=Goal("at most", 10))
    yield Measure(f"{five}, CPU", one.cpu, "ms", peer, nothing.cpu)
    yield Measure(f"{five}, two processes", two.wall, "ms", "one process", one.wall)
    yield from _measure_whole_runs(scale.rounds)


def _measure_whole_runs(rounds: int) -> Iterator[Measure]:
    """Measure runs from their start: one scenario, all of this project, a plain pytest."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write_features(folder / "one", 1)
        (folder / "plain").mkdir()
        (folder / "plain" / "test_nothing.py").write_text(PLAIN_TEST)
        verify = [sys.executable, "-m", "segment_insider_emulator", "verify"]
        one = _time_median(rounds, [*verify, str(folder / "one")])
        yield Measure("verify of one scenario", one.wall, "s", goal=Goal("at most", 1.0))
        yield Measure("verify of one scenario, CPU", one.cpu, "s")
        uncompiled = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(folder / "none")}
        bare = _time_median(rounds, [*verify, str(folder / "one")], uncompiled)
        yield Measure("verify of one scenario, no module compiled", bare.cpu, "s")
        for workers, most in ((1, 6.0), (2, 3.5)):
            shipped = _time_median(1, [*verify, "-n", str(workers), str(SHIPPED_FEATURES)])
            name = f"verify of this project's features, processes: {workers}"
            yield Measure(name, shipped.wall, "s", goal=Goal("at most", most))
        plain = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        plain += ["-c", "/dev/null", str(folder / "plain")]
        without = _time_median(rounds, [*plain, "-p", "no:segment_insider_scenarios"])
        added = (_time_median(rounds, plain).cpu - without.cpu) * 1000
        goal = Goal("at most", 50)
        yield Measure("the plugin in a pytest without scenarios, CPU", added, "ms", goal=goal)


def _time_median(
    rounds: int, command: list[str], environment: dict[str, str] | None = None
) -> TimeTaken:
    """Return the median wall time and CPU time of a command, in seconds."""
    runs = [_run_timed(command, environment)[0] for _ in range(rounds)]
    return TimeTaken(median(run.wall for run in runs), median(run.cpu for run in runs))


def _time_first_fixture() -> float:
    command = [sys.executable, "-c", FIXTURE_PROGRAM]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _time_further_fixtures() -> float:
    def once() -> float:
        begun = time.perf_counter()
        with in_process():
            return time.perf_counter() - begun

    return median(once() for _ in range(20))


def _time_resets() -> float:
    with in_process() as emulator:
        return median(_time_reset(emulator) for _ in range(20))


def _time_reset(emulator: RunningEmulator) -> float:
    wish = SegmentCall("track", "Wish Listed", {"product_id": "mug"})
    emulator.shop.send(make_shopper("Ada"), *[wish] * 5)
    begun = time.perf_counter()
    emulator.client.reset_sandbox()
    return time.perf_counter() - begun


def _write_features(folder: Path, count: int) -> None:
    folder.mkdir()
    for first in range(0, count, 100):
        scenarios = [
            SCENARIO_TEMPLATE.format(n=n, name=SHOPPER_NAMES[n % 4], product=n if n % 10 else 0)
            for n in range(first + 1, min(first + 100, count) + 1)
        ]
        text = f"Feature: Shop {first}\n\n" + "\n".join(scenarios)
        (folder / f"shop-{first:04}.feature").write_text(text, "utf-8")


def _time_per_scenario(
    run: Callable[[Path], TimeTaken], few: Path, many: Path, more: int
) -> TimeTaken:
    """Return milliseconds per scenario; *many* has *more* scenarios than *few*."""
    small, large = run(few), run(many)
    return TimeTaken(*((b - a) * 1000 / more for a, b in zip(small, large, strict=True)))


def _run_verify(folder: Path, workers: int = 1) -> TimeTaken:
    """Time `emulator verify`.

    Raises: AssertionError, when others failed than must.
    """
    command = [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "verify",
        "--json",
        "-n",
        str(workers),
    ]
    time_taken, output = _run_timed([*command, str(folder)])
    results = json.loads(output)["scenarios"]
    failed = {result["scenario"] for result in results if result["verdict"] == "failed"}
    assert failed == {f"{n} buys" for n in range(10, len(results) + 1, 10)}, output[:2000]
    return time_taken


def _run_empty_steps(folder: Path) -> TimeTaken:
    """Time pytest-bdd on the same scenarios with steps that do nothing."""
    (folder / "conftest.py").write_text(EMPTY_STEPS)
    (folder / "test_features.py").write_text(BIND_FEATURES)
    alone = ["-p", "no:scenarios", "-p", "no:cacheprovider", "-c", "/dev/null", "-q"]
    time_taken, output = _run_timed([sys.executable, "-m", "pytest", *alone, str(folder)])
    assert re.search(r"^\d+ passed in ", output, re.MULTILINE), output[:2000]
    return time_taken


def _run_timed(
    command: list[str], environment: dict[str, str] | None = None
) -> tuple[TimeTaken, str]:
    """Run a command; return its time and its output."""
    begun, before = time.perf_counter(), os.times()
    environment = {**os.environ, **(environment or {})}
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    after = os.times()
    cpu = sum(
        getattr(after, name) - getattr(before, name)
        for name in ("children_user", "children_system")
    )
    return TimeTaken(time.perf_counter() - begun, cpu), result.stdout
