"""Generated cases through the core and the published package, or through two of its versions."""

import copy
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from generation import cases
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import HypothesisWarning
from hypothesis.strategies import SearchStrategy

from segment_insider_emulator.contract.cases import compile_case, find_result_differences, run_case
from segment_insider_emulator.types import JSONObject

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
        return run_case(compile_case(case, "generated"))
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
        if find_result_differences(wanted, received(case)):
            comparison.differing.append({**case, "expect": wanted})
        progress(comparison.cases)

    generated(cases(), each, count, seeded, (Phase.generate,))
    return comparison


def smallest(expected: Road, received: Road, count: int, seeded: int) -> JSONObject | None:
    """The smallest case with a difference that hypothesis finds, with "expect"."""
    found: list[JSONObject] = []

    def each(case: JSONObject) -> None:
        wanted = expected(case)
        if find_result_differences(wanted, received(case)):
            found.append({**case, "expect": wanted})
            raise _DiffersError

    try:
        generated(cases(), each, count, seeded, (Phase.generate, Phase.shrink))
    except _DiffersError:
        # The last example that is run is the one that the search ended with.
        return _without_bystanders(found[-1], expected, received)
    return None


def _without_bystanders(case: JSONObject, expected: Road, received: Road) -> JSONObject:
    """*case* without the parts of its mapping that the difference does not need.

    They are the action's own, which hypothesis did not draw and so cannot shrink.
    """
    for keys in list(_places(case["subscription"]["settings"])):
        smaller = copy.deepcopy(case)
        holder = smaller["subscription"]["settings"]
        for key in keys[:-1]:
            holder = holder.get(key, {})
        holder.pop(keys[-1], None)
        wanted = expected(smaller)
        if find_result_differences(wanted, received(smaller)):
            case = smaller | {"expect": wanted}
    return case


def _places(settings: JSONObject) -> Iterator[tuple[str, ...]]:
    for key, mapping in settings.items():
        yield (key,)
        if isinstance(mapping, dict):
            yield from ((key, inner) for inner in mapping)


def generated(
    strategy: SearchStrategy[JSONObject],
    each: Callable[[JSONObject], None],
    count: int,
    seeded: int,
    phases: tuple[Phase, ...],
) -> None:
    """Call *each* with *count* cases of *strategy*, the same for the same seed."""
    warnings.simplefilter("ignore", HypothesisWarning)  # of long descriptions, which nobody reads
    run = settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    run(seed(seeded)(given(strategy)(each)))()
