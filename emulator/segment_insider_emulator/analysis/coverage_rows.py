"""Rows of the coverage report, and those of plan events, journey steps and branches of mappings."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, TypeAlias, get_args

from segment_insider_emulator.analysis.coverage_outcomes import MappingBranch
from segment_insider_emulator.filtering.plan_rule import PlanRule
from segment_insider_emulator.filtering.tracking_plan import TrackingPlan
from segment_insider_emulator.insider.journey_definition import (
    ChannelElement,
    JourneyElement,
    ReachabilityElement,
    WaitElement,
    describe_condition,
)
from segment_insider_emulator.insider.journey_parser import parse_journeys
from segment_insider_emulator.types import JSON, JSONObject

CoverageGroup = Literal[
    "Events", "Attributes", "Identifiers", "Opt-ins", "Plan events", "Journey steps", "Branches"
]
CoverageState = Literal["never seen", "seen and right", "seen and losing something"]
COVERAGE_GROUPS: tuple[CoverageGroup, ...] = get_args(CoverageGroup)
COVERAGE_STATES: tuple[CoverageState, ...] = (
    "seen and losing something",
    "never seen",
    "seen and right",
)
_UNSENT_VERDICTS = ("filtered", "disabled", "rejected")
_MAX_LISTED_PROBLEMS = 5  # of one row


@dataclass(frozen=True, slots=True)
class TrafficMessage:
    """One captured event, and what became of it where it was captured.

    Args:
        event: As destinations receive it.
        id: Number of the message in its emulator; 0 when it comes from a file.
        verdict: Of the message; "" when it is not known.
        reason: Why it has that verdict; "" without one.
        subscriptions: Names of the mappings that took it; None when that is not known.
        violations: Of the tracking plan, in sentences; None when that is not known.
        scenario: The scenario that sent it; "" without one.
    """

    event: JSONObject
    id: int = 0
    verdict: str = ""
    reason: str = ""
    subscriptions: frozenset[str] | None = None
    violations: tuple[str, ...] | None = None
    scenario: str = ""

    @property
    def is_sent(self) -> bool:
        """Return whether it was to be sent to the destination."""
        return self.verdict not in _UNSENT_VERDICTS


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One mapping, value, plan event, journey step or branch, and how the traffic used it.

    Args:
        name: Of the mapping, or the name of the value at Insider One.
        event_count: Number of events that used it, those that lost it included.
        problems: What is lost, and which mapped fields no event filled, in sentences.
        what_to_send: What to send or correct, in a sentence; "" when there is nothing.
        example: The first event with a problem, or else the first that used it.
        sample_call: A call that uses a mapping that was never seen.
        mapped_fields, unfilled_fields: Of a mapping: its parameters, and those that no event
            filled.
    """

    group: CoverageGroup
    name: str
    state: CoverageState
    event_count: int
    problems: tuple[str, ...]
    what_to_send: str
    example: TrafficMessage | None
    sample_call: JSON = None
    mapped_fields: tuple[str, ...] = ()
    unfilled_fields: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        """Return how often it was used, e.g. "3 events"; "" when it never was."""
        if not self.event_count:
            return ""
        noun = "arrival" if self.group == "Journey steps" else "event"
        return f"{self.event_count:,} {noun}{'s' * (self.event_count > 1)}"


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """The rows of a workspace and of the guide, and how many events were compared.

    Args:
        unsent_count: Number of events that were left out: nothing of them was to be sent.
        counts_branches: Whether the branches of mappings count for the percentage. Most apps use
            only one branch of the usual "this path, or else that path".
    """

    rows: tuple[CoverageRow, ...]
    event_count: int
    unsent_count: int
    counts_branches: bool = False

    @property
    def counted_rows(self) -> tuple[CoverageRow, ...]:
        """Return the rows that count for the percentage."""
        if self.counts_branches:
            return self.rows
        return tuple(row for row in self.rows if row.group != "Branches")

    @property
    def right_count(self) -> int:
        """Return the number of counted rows that the traffic has used without a loss."""
        return self.count_rows("seen and right")

    @property
    def percent(self) -> float:
        """Return the share of right rows in percent, rounded down to a tenth."""
        counted = len(self.counted_rows)
        return (self.right_count * 1000 // counted) / 10 if counted else 0.0

    def count_rows(self, state: CoverageState) -> int:
        """Return how many counted rows have a state."""
        return sum(row.state == state for row in self.counted_rows)

    def is_below(self, percent: float) -> bool:
        """Return whether fewer than *percent* of the counted rows are right."""
        return self.right_count * 100 < percent * len(self.counted_rows)

    def list_groups(self) -> list[tuple[CoverageGroup, list[CoverageRow]]]:
        """Return the groups that have rows, with their rows."""
        return [(group, list(rows)) for group, rows in groupby(self.rows, lambda row: row.group)]


@dataclass(slots=True)
class CoverageTally:
    """Counts of one row while the traffic is read.

    Args:
        clean_count: Number of the events that lost nothing.
        lost_with_event: The first event that had the value and did not arrive at all. The row of
            its mapping says so; here it counts only if the value never arrived otherwise.
    """

    event_count: int = 0
    clean_count: int = 0
    problem_counts: dict[str, int] = field(default_factory=dict)
    first_message: TrafficMessage | None = None
    problem_message: TrafficMessage | None = None
    lost_with_event: TrafficMessage | None = None

    def add(self, message: TrafficMessage, problems: Iterable[str] = ()) -> None:
        """Count a message that used the row, with what was lost."""
        distinct_problems = dict.fromkeys(problems)
        self.event_count += 1
        self.clean_count += not distinct_problems
        self.first_message = self.first_message or message
        if distinct_problems:
            self.problem_message = self.problem_message or message
        for problem in distinct_problems:
            self.problem_counts[problem] = self.problem_counts.get(problem, 0) + 1

    @property
    def example(self) -> TrafficMessage | None:
        """Return the first message with a problem, or else the first that used the row."""
        return self.problem_message or self.first_message

    def get_state(self, *, is_test_run: bool) -> CoverageState:
        """Return the state of the row.

        Args:
            is_test_run: Whether the traffic comes from scenarios, which also try what fails: one
                event without a loss is enough.
        """
        if not self.event_count:
            return "never seen"
        is_right = self.clean_count if is_test_run else not self.problem_counts
        return "seen and right" if is_right else "seen and losing something"

    def list_problems(self) -> tuple[str, ...]:
        """Return the problems in sentences, each with the number of events."""
        sentences = [
            f"{problem} ({count} event{'s' * (count > 1)})"
            for problem, count in self.problem_counts.items()
        ]
        hidden = len(sentences) - _MAX_LISTED_PROBLEMS
        more = [f"and {hidden} other problems"] if hidden > 0 else []
        return (*sentences[:_MAX_LISTED_PROBLEMS], *more)


CORRECT_EXAMPLE = "Correct what the example shows."


def iter_plan_rows(
    plan: TrackingPlan, traffic: Iterable[TrafficMessage], *, is_test_run: bool
) -> Iterator[CoverageRow]:
    """Yield a row for each event of a tracking plan; an event that violates it loses something."""
    rules = [rule for rule in plan.rules if rule.kind != "COMMON"]
    tallies = {id(rule): CoverageTally() for rule in rules}
    for message in traffic:
        rule = plan.find_rule(message.event) if "type" in message.event else None
        if rule is not None:
            tallies[id(rule)].add(message, _list_violations(message, rule))
    for rule in rules:
        tally = tallies[id(rule)]
        problems = tally.list_problems()
        remedy = CORRECT_EXAMPLE if problems else ""
        yield CoverageRow(
            "Plan events", str(rule), tally.get_state(is_test_run=is_test_run), tally.event_count,
            problems, remedy if tally.event_count else _describe_planned_call(rule), tally.example,
        )  # fmt: skip


def _list_violations(message: TrafficMessage, rule: PlanRule) -> list[str]:
    if message.violations is not None:
        return list(message.violations)
    return [
        describe_violation(violation.field, violation.description)
        for violation in rule.find_violations(message.event)
    ]


def describe_violation(field_path: str, description: str) -> str:
    """Describe a violation of a tracking plan in a sentence."""
    named = "" if field_path in description else f"{field_path}: "
    return f"It violates the plan: {named}{description}"


def _describe_planned_call(rule: PlanRule) -> str:
    call = f"a {rule.kind.lower()} call" if rule.kind != "IDENTIFY" else "an identify call"
    name = f" {rule.key!r}" if rule.key else ""
    version = f" with event_version {rule.version}" if rule.version > 1 else ""
    return f"Send {call}{name}{version}."


# Journey and place in it, "" for the entry -> how often a person arrived there.
JourneyArrivals: TypeAlias = Mapping[tuple[str, str], int]


def count_journey_arrivals(journeys: Iterable[JSONObject]) -> dict[tuple[str, str], int]:
    """Return the arrivals at each step of journeys, as the control API lists them."""
    arrivals = {}
    for journey in journeys:
        arrivals[journey["name"], ""] = journey["counters"]["entered"]
        for element in journey["elements"]:
            arrivals[journey["name"], element["element"]] = element["arrived"]
    return arrivals


def iter_journey_rows(
    documents: Sequence[JSONObject], arrivals: JourneyArrivals
) -> Iterator[CoverageRow]:
    """Yield a row for the entry and each step of the journeys of a workspace file."""
    for journey in parse_journeys(documents).values():
        steps = {path: _describe_step(element) for path, element in journey.elements.items()}
        names = {"": "entry"} | {path: f"{step} ({path})" for path, step in steps.items()}
        remedies = {"": f"Meet its start: {describe_condition(journey.starter)}."}
        remedies |= {path: f"Let a person come to this {step}." for path, step in steps.items()}
        for path, remedy in remedies.items():
            count = arrivals.get((journey.name, path), 0)
            yield CoverageRow(
                "Journey steps", f"{journey.name}: {names[path]}",
                "seen and right" if count else "never seen", count, (), "" if count else remedy,
                None,
            )  # fmt: skip


def _describe_step(element: JourneyElement) -> str:
    match element:
        case WaitElement():
            return "wait"
        case ChannelElement():
            return f"{element.channel} message {element.message!r}"
        case ReachabilityElement():
            return f"check whether {element.channel} reaches the person"
        case _:
            return "check"


def iter_branch_rows(
    branches: Mapping[MappingBranch, Collection[str]],
    tallies: Mapping[MappingBranch, CoverageTally],
) -> Iterator[CoverageRow]:
    """Yield a row for each branch of each `@if`, with the names of the mappings that have it."""
    for branch, mappings in branches.items():
        tally = tallies[branch]
        is_taken = tally.event_count > 0
        yield CoverageRow(
            "Branches", branch.name, "seen and right" if is_taken else "never seen",
            tally.event_count, (), "" if is_taken else _describe_branch_call(branch, mappings),
            tally.example,
        )  # fmt: skip


def _describe_branch_call(branch: MappingBranch, mappings: Collection[str]) -> str:
    first, *others = mappings
    where = f"{first!r}" + (f" or {len(others)} others" if others else "")
    if branch.is_then:
        return f"Send {branch.condition} with an event of {where}."
    sends = f"{branch.sends} " if branch.sends else "an event "
    return f"Send {sends}without {branch.condition}, with an event of {where}."
