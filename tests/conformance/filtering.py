"""Compare destination filters of this project with Segment's evaluator, on generated cases."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from comparing import run_generated
from conditions import filter_cases
from hypothesis import Phase
from published import NodeProcess, install_evaluator

from segment_insider_emulator.filtering.event_filters import (
    apply_destination_filters,
    compile_destination_filters,
)
from segment_insider_emulator.filtering.fql_evaluator import matches_event
from segment_insider_emulator.filtering.fql_parser import parse_fql_statement
from segment_insider_emulator.types import JSON, JSONObject

EVALUATOR_CONFIGS: dict[str, Callable[[JSONObject], JSONObject]] = {
    "DROP": lambda action: {"type": "drop"},
    "SAMPLE": lambda action: {
        "type": "sample_event",
        "config": {"sample": {"percent": action["percent"], "path": action.get("path", "")}},
    },
    "DROP_PROPERTIES": lambda action: {
        "type": "drop_properties",
        "config": {"drop": action["fields"]},
    },
    "ALLOW_PROPERTIES": lambda action: {
        "type": "allow_properties",
        "config": {"allow": action["fields"]},
    },
}


class PublishedEvaluator(NodeProcess):
    """Node process with Segment's evaluator of destination filters."""

    def __init__(self) -> None:
        super().__init__("evaluator.cjs", install_evaluator())

    def run_case(self, case: JSONObject) -> JSONObject:
        """Return {"matches", "event", "alone"}; "alone" is the evaluator's own "matches".

        The event is null when it is dropped. "matches" follows the documentation where README.md
        says so.
        """
        actions = [EVALUATOR_CONFIGS[action["type"]](action) for action in case["actions"]]
        reply = self.ask({"ir": case["ir"], "actions": actions, "event": case["event"]})
        return {
            "matches": reply["documented"],
            "event": reply["event"],
            "alone": reply["matches"],
        }


def run_filter(case: JSONObject) -> JSONObject:
    """Run *case* through this project: {"matches", "event"}; the event is null when dropped."""
    try:
        matches: JSON = matches_event(parse_fql_statement(case["if"]), case["event"])
        filters = compile_destination_filters([{"if": case["if"], "actions": case["actions"]}])
        result = apply_destination_filters(filters, case["event"])
        return {"matches": matches, "event": None if result.rejection else result.event}
    except Exception as crash:  # noqa: BLE001 - any crash is a difference to shrink
        return {"matches": repr(crash), "event": None}


@dataclass(slots=True)
class FilterComparison:
    """Result of a run.

    Args:
        counts: Number of true and false conditions, and of those where the documentation decided.
        differing: The cases that differ, with "expect" and "received".
        cases: All cases, with "expect".
    """

    counts: Counter[str] = field(default_factory=Counter)
    differing: list[JSONObject] = field(default_factory=list)
    cases: list[JSONObject] = field(default_factory=list)


class _DiffersError(Exception):
    """The case has a difference; hypothesis searches for a smaller one."""


def compare_filters(
    evaluator: PublishedEvaluator, count: int, seed: int, progress: Callable[[int], None]
) -> FilterComparison:
    """Run *count* generated cases through both; the same seed gives the same cases."""
    comparison = FilterComparison()

    def check(case: JSONObject) -> None:
        expected = evaluator.run_case(case)
        alone = expected.pop("alone")
        comparison.cases.append({**case, "expect": expected})
        comparison.counts[f"conditions are {expected['matches']}".lower()] += 1
        if alone != expected["matches"]:
            comparison.counts["differ from the evaluator where documentation decides"] += 1
        if (received := run_filter(case)) != expected:
            comparison.differing.append({**comparison.cases[-1], "received": received})
        progress(len(comparison.cases))

    run_generated(filter_cases(), check, count, seed, (Phase.generate,))
    return comparison


def find_smallest_filter(evaluator: PublishedEvaluator, count: int, seed: int) -> JSONObject | None:
    """Return the smallest differing case that hypothesis finds."""
    differing: list[JSONObject] = []

    def check(case: JSONObject) -> None:
        expected = evaluator.run_case(case)
        del expected["alone"]
        if (received := run_filter(case)) != expected:
            differing.append({**case, "expect": expected, "received": received})
            raise _DiffersError

    try:
        run_generated(filter_cases(), check, count, seed, (Phase.generate, Phase.shrink))
    except _DiffersError:
        return differing[-1]
    return None
