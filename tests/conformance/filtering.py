"""Generated destination filters through this project and through Segment's own evaluator."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from comparing import generated
from conditions import filter_cases
from hypothesis import Phase
from published import NodeProcess, installed_evaluator

from segment_insider_emulator.filtering.event_filters import apply_filters, compile_filters
from segment_insider_emulator.filtering.fql_evaluator import matches_event
from segment_insider_emulator.filtering.fql_parser import parse_statement
from segment_insider_emulator.types import JSON, JSONObject

CONFIGS: dict[str, Callable[[JSONObject], JSONObject]] = {
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


class Evaluator(NodeProcess):
    """Segment's evaluator of destination filters."""

    def __init__(self) -> None:
        super().__init__("evaluator.cjs", installed_evaluator())

    def outcome(self, case: JSONObject) -> JSONObject:
        """What it says: {"matches", "event"}, and as "alone" what it says unaided.

        The event is null when it is dropped. README.md lists where documentation comes first.
        """
        actions = [CONFIGS[action["type"]](action) for action in case["actions"]]
        answer = self.ask({"ir": case["ir"], "actions": actions, "event": case["event"]})
        return {
            "matches": answer["documented"],
            "event": answer["event"],
            "alone": answer["matches"],
        }


def outcome(case: JSONObject) -> JSONObject:
    """What this project makes of *case*: {"matches", "event"}, the event null when dropped."""
    try:
        matches: JSON = matches_event(parse_statement(case["if"]), case["event"])
        filters = compile_filters([{"if": case["if"], "actions": case["actions"]}])
        passage = apply_filters(filters, case["event"])
        return {"matches": matches, "event": None if passage.rejection else passage.event}
    except Exception as crash:  # noqa: BLE001 - whatever it is, it is a difference to be shrunk
        return {"matches": repr(crash), "event": None}


@dataclass(slots=True)
class FilterComparison:
    """What came of a run.

    Args:
        counts: How many conditions hold, how many do not, and in how many documentation decided.
        differing: The cases that differ, with "expect" and "received".
        cases: All of them, with "expect".
    """

    counts: Counter[str] = field(default_factory=Counter)
    differing: list[JSONObject] = field(default_factory=list)
    cases: list[JSONObject] = field(default_factory=list)


class _DiffersError(Exception):
    """The case shows a difference; hypothesis looks for a smaller one that does."""


def compare_filters(
    evaluator: Evaluator, count: int, seed: int, progress: Callable[[int], None]
) -> FilterComparison:
    """Run *count* generated cases, the same for the same seed, through both."""
    run = FilterComparison()

    def check(case: JSONObject) -> None:
        expected = evaluator.outcome(case)
        alone = expected.pop("alone")
        run.cases.append({**case, "expect": expected})
        run.counts[f"conditions are {expected['matches']}".lower()] += 1
        if alone != expected["matches"]:
            run.counts["differ from the evaluator where documentation decides"] += 1
        if (received := outcome(case)) != expected:
            run.differing.append({**run.cases[-1], "received": received})
        progress(len(run.cases))

    generated(filter_cases(), check, count, seed, (Phase.generate,))
    return run


def smallest_filter(evaluator: Evaluator, count: int, seed: int) -> JSONObject | None:
    """The smallest case with a difference that hypothesis finds."""
    found: list[JSONObject] = []

    def check(case: JSONObject) -> None:
        expected = evaluator.outcome(case)
        del expected["alone"]
        if (received := outcome(case)) != expected:
            found.append({**case, "expect": expected, "received": received})
            raise _DiffersError

    try:
        generated(filter_cases(), check, count, seed, (Phase.generate, Phase.shrink))
    except _DiffersError:
        return found[-1]
    return None
