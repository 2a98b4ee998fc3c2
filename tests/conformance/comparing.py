"""Compare the core with the published package, or two of its versions, on generated cases."""

import copy
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from generation import contract_cases
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.errors import HypothesisWarning
from hypothesis.strategies import SearchStrategy

from segment_insider_emulator.contract.cases import compile_case, find_result_differences, run_case
from segment_insider_emulator.types import JSONObject

# Runs a case: {"requests": [...], "results": [...]}.
CaseRunner: TypeAlias = Callable[[JSONObject], JSONObject]
Progress: TypeAlias = Callable[[int], None]


@dataclass(slots=True)
class RunComparison:
    """Result of a run: the number of cases, and the differing ones with "expect"."""

    cases: int = 0
    differing: list[JSONObject] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)


class _DiffersError(Exception):
    """The case has a difference; hypothesis searches for a smaller one."""


def run_core(case: JSONObject) -> JSONObject:
    """Run a case through the mapping core of this project; a crash is a result, too."""
    try:
        return run_case(compile_case(case, "generated"))
    except Exception as crash:  # noqa: BLE001 - any crash is a difference to shrink
        return {"requests": [], "results": [{"status": "crashed", "message": repr(crash)}]}


def compare_runs(
    expected: CaseRunner, received: CaseRunner, count: int, seed_number: int, progress: Progress
) -> RunComparison:
    """Run *count* generated cases through both; the same seed gives the same cases."""
    comparison = RunComparison()

    def check(case: JSONObject) -> None:
        expected_result = expected(case)
        comparison.cases += 1
        comparison.statuses.update(result["status"] for result in expected_result["results"])
        if find_result_differences(expected_result, received(case)):
            comparison.differing.append({**case, "expect": expected_result})
        progress(comparison.cases)

    run_generated(contract_cases(), check, count, seed_number, (Phase.generate,))
    return comparison


def find_smallest(
    expected: CaseRunner, received: CaseRunner, count: int, seed_number: int
) -> JSONObject | None:
    """Return the smallest differing case that hypothesis finds, with "expect"."""
    differing: list[JSONObject] = []

    def check(case: JSONObject) -> None:
        expected_result = expected(case)
        if find_result_differences(expected_result, received(case)):
            differing.append({**case, "expect": expected_result})
            raise _DiffersError

    try:
        run_generated(contract_cases(), check, count, seed_number, (Phase.generate, Phase.shrink))
    except _DiffersError:
        # The last example is the result of the search.
        return _remove_unneeded_parts(differing[-1], expected, received)
    return None


def _remove_unneeded_parts(
    case: JSONObject, expected: CaseRunner, received: CaseRunner
) -> JSONObject:
    """Return *case* without the parts of its mapping that the difference does not need.

    Hypothesis cannot shrink them: they come from the action, not from a strategy.
    """
    for keys in list(_list_key_paths(case["subscription"]["settings"])):
        smaller = copy.deepcopy(case)
        parent = smaller["subscription"]["settings"]
        for key in keys[:-1]:
            parent = parent.get(key, {})
        parent.pop(keys[-1], None)
        expected_result = expected(smaller)
        if find_result_differences(expected_result, received(smaller)):
            case = smaller | {"expect": expected_result}
    return case


def _list_key_paths(settings: JSONObject) -> Iterator[tuple[str, ...]]:
    for key, mapping in settings.items():
        yield (key,)
        if isinstance(mapping, dict):
            yield from ((key, inner) for inner in mapping)


def run_generated(
    strategy: SearchStrategy[JSONObject],
    check: Callable[[JSONObject], None],
    count: int,
    seed_number: int,
    phases: tuple[Phase, ...],
) -> None:
    """Call *check* with *count* cases of *strategy*; the same seed gives the same cases."""
    warnings.simplefilter("ignore", HypothesisWarning)  # of long descriptions
    run = settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    run(seed(seed_number)(given(strategy)(check)))()
