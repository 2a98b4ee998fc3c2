"""Generated cases through the core and the published package, or through two of its versions."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from generation import cases
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings

from emulator.contract.cases import compiled
from emulator.contract.running import actual, differences
from emulator.types import JSONObject

# What happens with a case: {"requests": [...], "results": [...]}.
Road: TypeAlias = Callable[[JSONObject], JSONObject]
Progress: TypeAlias = Callable[[int], None]


@dataclass(slots=True)
class Comparison:
    """What came of a run: how many cases there were, and those that differ with "expect"."""

    cases: int = 0
    differing: list[JSONObject] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


class _DiffersError(Exception):
    """The case shows a difference; hypothesis looks for a smaller one that does."""


def core(case: JSONObject) -> JSONObject:
    """What this project's mapping core does with a case; a crash is an outcome like any other."""
    try:
        return actual(compiled(case, "generated"))
    except Exception as crash:  # noqa: BLE001 - whatever it is, it is a difference to be shrunk
        return {"requests": [], "results": [{"status": "crashed", "message": repr(crash)}]}


def compare(
    expected: Road, received: Road, count: int, seeded: int, progress: Progress
) -> Comparison:
    """Run *count* generated cases, the same for the same seed, through both."""
    comparison = Comparison()

    def each(case: JSONObject) -> None:
        wanted = expected(case)
        comparison.cases += 1
        comparison.statuses.update(result["status"] for result in wanted["results"])
        if differences(wanted, received(case)):
            comparison.differing.append({**case, "expect": wanted})
        progress(comparison.cases)

    _generated(each, count, seeded, (Phase.generate,))
    return comparison


def smallest(expected: Road, received: Road, count: int, seeded: int) -> JSONObject | None:
    """The smallest case with a difference that hypothesis finds, with "expect"."""
    found: list[JSONObject] = []

    def each(case: JSONObject) -> None:
        wanted = expected(case)
        if differences(wanted, received(case)):
            found.append({**case, "expect": wanted})
            raise _DiffersError

    try:
        _generated(each, count, seeded, (Phase.generate, Phase.shrink))
    except _DiffersError:
        # The last example that is run is the one that the search ended with.
        return found[-1]
    return None


def _generated(
    each: Callable[[JSONObject], None], count: int, seeded: int, phases: tuple[Phase, ...]
) -> None:
    run = settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    run(seed(seeded)(given(cases())(each)))()
