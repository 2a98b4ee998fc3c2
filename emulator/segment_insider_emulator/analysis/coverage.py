"""Coverage: what of a workspace and of Insider One's guide some traffic has used, and what not.

A row is a mapping, an attribute, an identifier or an opt-in. What a filter or Segment itself
keeps from the destination uses nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.coverage_outcomes import (
    EventOutcome,
    PersonValue,
    check_event,
    list_paths_and_parents,
    list_person_values,
    list_unfilled_fields,
    sort_paths_as_sent,
)
from segment_insider_emulator.analysis.drift.guide_comparison import load_guide_preset
from segment_insider_emulator.analysis.mapping_paths import LITERAL_MARKER
from segment_insider_emulator.analysis.sample_events import (
    OTHER_TRACK_CALL,
    build_probe_events,
    build_track_call,
    fill_sample_event,
)
from segment_insider_emulator.types import JSON, JSONObject

CoverageGroup = Literal["Events", "Attributes", "Identifiers", "Opt-ins"]
CoverageState = Literal["never seen", "seen and right", "seen and losing something"]
COVERAGE_GROUPS: tuple[CoverageGroup, ...] = ("Events", "Attributes", "Identifiers", "Opt-ins")
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
    """

    event: JSONObject
    id: int = 0
    verdict: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """One mapping, attribute, identifier or opt-in, and how the traffic used it.

    Args:
        name: Of the mapping, or the name of the value at Insider One.
        event_count: Number of events that used it, those that lost it included.
        problems: What is lost, and which mapped fields no event filled, in sentences.
        what_to_send: What to send or correct, in a sentence; "" when there is nothing.
        example: The first event with a problem, or else the first that used it.
        sample_call: A call that uses a mapping that was never seen.
    """

    group: CoverageGroup
    name: str
    state: CoverageState
    event_count: int
    problems: tuple[str, ...]
    what_to_send: str
    example: TrafficMessage | None
    sample_call: JSON = None


@dataclass(frozen=True, slots=True)
class CoverageReport:
    """The rows of a workspace and of the guide, and how many events were compared.

    Args:
        unsent_count: Number of events that were left out: nothing of them was to be sent.
    """

    rows: tuple[CoverageRow, ...]
    event_count: int
    unsent_count: int

    @property
    def right_count(self) -> int:
        """Number of rows that the traffic has used without a loss."""
        return self.count_rows("seen and right")

    @property
    def percent(self) -> float:
        """Share of the rows that are right, rounded down to a tenth of a percent."""
        return (self.right_count * 1000 // len(self.rows)) / 10 if self.rows else 0.0

    def count_rows(self, state: CoverageState) -> int:
        """Return how many rows have a state."""
        return sum(row.state == state for row in self.rows)

    def is_below(self, percent: float) -> bool:
        """Whether fewer than *percent* of the rows are right."""
        return self.right_count * 100 < percent * len(self.rows)


@dataclass(slots=True)
class _RowTally:
    """Counts of one row while the traffic is read.

    Args:
        lost_with_event: The first event that had the value and did not arrive at all. The row of
            its mapping says so; here it counts only if the value never arrived otherwise.
    """

    event_count: int = 0
    problem_counts: dict[str, int] = field(default_factory=dict)
    example: TrafficMessage | None = None
    problem_example: TrafficMessage | None = None
    lost_with_event: TrafficMessage | None = None

    def add(self, message: TrafficMessage, problems: Sequence[str]) -> None:
        """Count a message that used the row, with what was lost."""
        self.event_count += 1
        self.example = self.example or message
        if problems:
            self.problem_example = self.problem_example or message
        for problem in dict.fromkeys(problems):
            self.problem_counts[problem] = self.problem_counts.get(problem, 0) + 1

    def list_problems(self) -> tuple[str, ...]:
        """Return the problems in sentences, each with the number of events."""
        sentences = [
            f"{problem} ({count} event{'s' * (count > 1)})"
            for problem, count in self.problem_counts.items()
        ]
        hidden = len(sentences) - _MAX_LISTED_PROBLEMS
        more = [f"and {hidden} other problems"] if hidden > 0 else []
        return (*sentences[:_MAX_LISTED_PROBLEMS], *more)


@dataclass(slots=True)
class _EventTally(_RowTally):
    """Counts of a mapping: also the paths that its events had, and the parameters they filled."""

    present_paths: set[str] = field(default_factory=set)
    filled_parameters: set[str] = field(default_factory=set)


def find_coverage(context: AnalysisContext, traffic: Sequence[TrafficMessage]) -> CoverageReport:
    """Compare traffic with the enabled mappings of a workspace and with the guide's."""
    return _CoverageCounter(context).count(traffic)


class _CoverageCounter:
    """Counts, event by event, what of a workspace and the guide some traffic uses."""

    def __init__(self, context: AnalysisContext) -> None:
        self._context = context
        self._is_enabled = context.workspace.destination.get("enabled", True)
        self._subscriptions = context.subscriptions if self._is_enabled else ()
        self._probes = [event for _, event in build_probe_events(context)]
        self._guide = load_guide_preset().subscriptions
        self._missing = [guide for guide in self._guide if not self._has_mapping_like(guide)]
        mapped = {item.path: list_person_values(item) for item in self._subscriptions}
        self._values_by_path = mapped
        self._guide_values_by_path = {item.path: list_person_values(item) for item in self._guide}
        self._events = {item.path: _EventTally() for item in self._subscriptions}
        self._missing_events = {item.path: _RowTally() for item in self._missing}
        self._people = {
            value: _RowTally()
            for values in (*mapped.values(), *self._guide_values_by_path.values())
            for value in values
        }

    def _has_mapping_like(self, guide: LocatedSubscription) -> bool:
        """Whether an enabled mapping has the action of a guide's one, and takes such an event."""
        alike = [item for item in self._subscriptions if item.action_slug == guide.action_slug]
        events = [event for _, event in build_probe_events(load_guide_preset())]
        return any(
            item.matches(event) for event in events if guide.matches(event) for item in alike
        )

    def count(self, traffic: Sequence[TrafficMessage]) -> CoverageReport:
        """Count all messages, and return the report."""
        sent = [message for message in traffic if message.verdict not in _UNSENT_VERDICTS]
        for message in sent:
            self._add_message(message)
        rows = (*self._iter_event_rows(), *self._iter_person_rows())
        ordered = sorted(rows, key=lambda row: COVERAGE_GROUPS.index(row.group))
        return CoverageReport(tuple(ordered), len(sent), len(traffic) - len(sent))

    def _add_message(self, message: TrafficMessage) -> None:
        event, present = message.event, list_paths_and_parents(message.event)
        outcomes: list[EventOutcome] = []
        for subscription in self._subscriptions:
            if subscription.matches(event):
                outcome = check_event(self._context.workspace, subscription, event)
                outcomes.append(outcome)
                tally = self._events[subscription.path]
                tally.add(message, outcome.texts or _describe_verdict(message))
                tally.present_paths |= present
                tally.filled_parameters |= outcome.filled_parameters
        for guide in self._missing:
            if guide.matches(event):
                self._missing_events[guide.path].add(message, [self._describe_missing_mapping()])
        self._add_person_values(message, present, outcomes)

    def _describe_missing_mapping(self) -> str:
        return (
            "No enabled mapping sends it." if self._is_enabled else "The destination is disabled."
        )

    def _add_person_values(
        self, message: TrafficMessage, present: set[str], outcomes: Sequence[EventOutcome]
    ) -> None:
        """Count which values about the person were sent with a message, and which arrived."""
        sent_paths = self._find_sent_paths(message.event, present)
        is_event_lost = all(outcome.user is None for outcome in outcomes)
        for value, tally in self._people.items():
            lost = [text for outcome in outcomes for text in outcome.list_problems_at(value)]
            if lost:
                tally.add(message, lost)
            elif any(outcome.has_value(value) for outcome in outcomes):
                tally.add(message, [])
            elif value in sent_paths and is_event_lost:
                tally.lost_with_event = tally.lost_with_event or message
            elif value in sent_paths:
                tally.add(message, [f"{sent_paths[value]} was sent, but no mapping carries it"])

    def _find_sent_paths(self, event: JSONObject, present: set[str]) -> dict[PersonValue, str]:
        """Return a path with a value in an event for each value that a mapping or the guide reads.

        The workspace's own paths come before the guide's.
        """
        sent_paths: dict[PersonValue, str] = {}
        for subscriptions, values_by_path in (
            (self._guide, self._guide_values_by_path),
            (self._subscriptions, self._values_by_path),
        ):
            for subscription in subscriptions:
                if subscription.matches(event):
                    for value, paths in values_by_path[subscription.path].items():
                        if path := min(paths & present, default=""):
                            sent_paths[value] = path
        return sent_paths

    def _iter_event_rows(self) -> Iterator[CoverageRow]:
        for subscription in self._subscriptions:
            tally = self._events[subscription.path]
            takes_any_event = subscription.matches(build_track_call(OTHER_TRACK_CALL))
            # The fields of a mapping for all other events belong to different events.
            unfilled = (
                {}
                if takes_any_event or not tally.event_count
                else list_unfilled_fields(
                    subscription.mapping, tally.present_paths, tally.filled_parameters
                )
            )
            yield self._build_event_row(subscription, tally, unfilled)
        for guide in self._missing:
            row = self._build_event_row(guide, self._missing_events[guide.path], {})
            add = (
                f"Add the mapping {guide.name!r} of the preset guide."
                if self._is_enabled
                else "Enable the destination."
            )
            yield CoverageRow(
                row.group, row.name, row.state, row.event_count, row.problems,
                f"{add} {row.what_to_send}".strip() if row.state == "never seen" else add,
                row.example, row.sample_call,
            )  # fmt: skip

    def _build_event_row(
        self,
        subscription: LocatedSubscription,
        tally: _RowTally,
        unfilled: dict[str, set[str]],
    ) -> CoverageRow:
        state, problems = _get_state(tally), tally.list_problems()
        example = tally.problem_example or tally.example
        if state != "never seen":
            remedy = "Correct what the example shows." if problems else ""
            if unfilled:  # nothing is lost: an app need not send everything that is mapped
                problems += (f"Never filled: {', '.join(unfilled)}",)
                remedy = _describe_fields_to_send(list(unfilled.values()))
            return CoverageRow(
                "Events", subscription.name, state, tally.event_count, problems, remedy, example
            )
        probes = [*self._probes, *(event for _, event in build_probe_events(load_guide_preset()))]
        probe = next((event for event in probes if subscription.matches(event)), None)
        if probe is None:
            remedy = "No call that could be made up meets its trigger: check the trigger."
            return CoverageRow("Events", subscription.name, state, 0, (), remedy, None)
        sample = {
            key: value
            for key, value in fill_sample_event(probe).items()
            if key not in ("messageId", "timestamp")
        }
        remedy = f"Send {_describe_call(probe)}."
        return CoverageRow("Events", subscription.name, state, 0, (), remedy, None, sample)

    def _iter_person_rows(self) -> Iterator[CoverageRow]:
        for value, tally in self._people.items():
            if not tally.event_count and tally.lost_with_event:
                text = "It was only sent in events of which nothing arrived"
                tally.add(tally.lost_with_event, [text])
            own_paths = self._list_paths_of_value(self._values_by_path, value)
            guide_paths = self._list_paths_of_value(self._guide_values_by_path, value)
            is_mapped = any(value in values for values in self._values_by_path.values())
            state = _get_state(tally)
            remedy = ""
            if state == "never seen":
                remedy = _describe_value_to_send(own_paths or guide_paths, is_mapped=is_mapped)
            elif state == "seen and losing something":
                remedy = "Correct what the example shows."
            yield CoverageRow(
                value.group, value.name, state, tally.event_count, tally.list_problems(), remedy,
                tally.problem_example or tally.example,
            )  # fmt: skip

    @staticmethod
    def _list_paths_of_value(
        values_by_path: dict[str, dict[PersonValue, set[str]]], value: PersonValue
    ) -> set[str]:
        paths = set().union(*(values.get(value, set()) for values in values_by_path.values()))
        return paths - {LITERAL_MARKER}


def _get_state(tally: _RowTally) -> CoverageState:
    if not tally.event_count:
        return "never seen"
    return "seen and losing something" if tally.problem_counts else "seen and right"


def _describe_verdict(message: TrafficMessage) -> list[str]:
    """Describe the verdict of a message that lost something; it may have had a fault injected."""
    if message.verdict not in ("failed", "dropped", "warning"):
        return []
    return [f"{message.verdict.capitalize()}: {message.reason or 'no reason was recorded'}"]


def _describe_call(event: JSONObject) -> str:
    name = event.get("event", event.get("name"))
    article = "an" if str(event["type"])[0] in "aeiou" else "a"
    return f"{article} {event['type']} call" + (f" {name!r}" if name else "")


def _describe_fields_to_send(paths_of_fields: Sequence[set[str]]) -> str:
    paths = dict.fromkeys(sort_paths_as_sent(paths)[0] for paths in paths_of_fields)
    return f"Send {', '.join(paths)} with at least one event." if paths else ""


def _describe_value_to_send(paths: set[str], *, is_mapped: bool) -> str:
    first = next(iter(sort_paths_as_sent(paths)), "")
    call = "an identify call" if first.startswith("traits.") else "an event"
    remedy = f"Send {first} in {call}." if first else "Send an event that its mapping takes."
    return remedy if is_mapped else f"Map it as the preset guide does. {remedy}"
