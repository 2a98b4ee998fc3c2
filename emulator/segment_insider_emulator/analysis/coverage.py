"""Coverage: what of a workspace and of Insider One's guide some traffic has used, and what not.

A row is a mapping, an attribute, an identifier or an opt-in. What a filter or Segment itself
keeps from the destination uses nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.coverage_outcomes import (
    BranchFinder,
    EventOutcome,
    MappingBranch,
    PersonValue,
    check_event,
    list_paths_and_parents,
    list_person_values,
    list_unfilled_fields,
    sort_paths_as_sent,
)
from segment_insider_emulator.analysis.coverage_rows import (
    CORRECT_EXAMPLE,
    COVERAGE_GROUPS,
    CoverageReport,
    CoverageRow,
    CoverageTally,
    JourneyArrivals,
    TrafficMessage,
    iter_branch_rows,
    iter_journey_rows,
    iter_plan_rows,
)
from segment_insider_emulator.analysis.drift.guide_comparison import load_guide_preset
from segment_insider_emulator.analysis.lint.payload_rules import get_fixed_event_name
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    list_event_paths_of_value,
    list_mapped_values,
)
from segment_insider_emulator.analysis.sample_events import (
    OTHER_TRACK_CALL,
    build_probe_events,
    build_track_call,
    fill_sample_event,
)
from segment_insider_emulator.filtering.tracking_plan import TrackingPlan
from segment_insider_emulator.insider.catalog import (
    get_recommended_parameters,
    get_required_parameters,
)
from segment_insider_emulator.types import JSONObject


@dataclass(slots=True)
class _EventTally(CoverageTally):
    """Counts of a mapping: also the paths that its events had, and the parameters they filled."""

    present_paths: set[str] = field(default_factory=set)
    filled_parameters: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class CoverageOptions:
    """What coverage compares besides the mappings of a workspace, and how it counts.

    Args:
        tracking_plan: Of the workspace; None without one.
        journey_arrivals: At the steps of the workspace's journeys; None when it is not known.
        is_test_run: Whether the traffic comes from scenarios, which also try what fails: one
            event without a loss makes a row right.
        counts_branches: Whether the branches of mappings count for the percentage.
    """

    tracking_plan: TrackingPlan | None = None
    journey_arrivals: JourneyArrivals | None = None
    is_test_run: bool = False
    counts_branches: bool = False


DEFAULT_OPTIONS = CoverageOptions()


def find_coverage(
    context: AnalysisContext,
    traffic: Sequence[TrafficMessage],
    options: CoverageOptions = DEFAULT_OPTIONS,
) -> CoverageReport:
    """Compare traffic with the enabled mappings of a workspace and with the guide's."""
    return _CoverageCounter(context, options).count(traffic)


class _CoverageCounter:
    """Counts, event by event, what of a workspace and the guide some traffic uses."""

    def __init__(self, context: AnalysisContext, options: CoverageOptions) -> None:
        self._context, self._options = context, options
        self._is_enabled = context.workspace.destination.get("enabled", True)
        self._subscriptions = context.subscriptions if self._is_enabled else ()
        self._probes = [event for _, event in build_probe_events(context)]
        self._guide = load_guide_preset().subscriptions
        self._missing = [guide for guide in self._guide if not self._has_mapping_like(guide)]
        mapped = {item.path: list_person_values(item) for item in self._subscriptions}
        self._values_by_path = mapped
        self._guide_values_by_path = {item.path: list_person_values(item) for item in self._guide}
        self._events = {item.path: _EventTally() for item in self._subscriptions}
        self._missing_events = {item.path: CoverageTally() for item in self._missing}
        self._people = {
            value: CoverageTally()
            for values in (*mapped.values(), *self._guide_values_by_path.values())
            for value in values
        }
        self._finders = {item.path: BranchFinder(item.mapping) for item in self._subscriptions}
        self._mappings_by_branch: dict[MappingBranch, list[str]] = {}
        for item in self._subscriptions:
            for branch in self._finders[item.path].list_branches():
                self._mappings_by_branch.setdefault(branch, []).append(item.name)
        self._branches = {branch: CoverageTally() for branch in self._mappings_by_branch}

    def _has_mapping_like(self, guide: LocatedSubscription) -> bool:
        """Return whether an enabled mapping has the action of a guide's one and takes its event."""
        alike = [item for item in self._subscriptions if item.action_slug == guide.action_slug]
        events = [event for _, event in build_probe_events(load_guide_preset())]
        return any(
            item.matches(event) for event in events if guide.matches(event) for item in alike
        )

    def count(self, traffic: Sequence[TrafficMessage]) -> CoverageReport:
        """Count all messages, and return the report."""
        sent = [message for message in traffic if message.is_sent]
        for message in sent:
            self._add_message(message)
        rows = (*self._iter_event_rows(), *self._iter_person_rows(), *self._iter_rows_of(traffic))
        ordered = sorted(rows, key=lambda row: COVERAGE_GROUPS.index(row.group))
        return CoverageReport(
            tuple(ordered), len(sent), len(traffic) - len(sent), self._options.counts_branches
        )

    def _iter_rows_of(self, traffic: Sequence[TrafficMessage]) -> Iterator[CoverageRow]:
        """Yield the rows of the tracking plan, of journeys, and of branches."""
        options = self._options
        if options.tracking_plan:
            yield from iter_plan_rows(
                options.tracking_plan, traffic, is_test_run=options.is_test_run
            )
        if options.journey_arrivals is not None:
            insider = self._context.workspace.document.get("insider", {})
            yield from iter_journey_rows(insider.get("journeys", []), options.journey_arrivals)
        yield from iter_branch_rows(self._mappings_by_branch, self._branches)

    def _add_message(self, message: TrafficMessage) -> None:
        event, present = message.event, list_paths_and_parents(message.event)
        outcomes: list[EventOutcome] = []
        for subscription in self._subscriptions:
            if self._takes(subscription, message):
                outcome = check_event(self._context.workspace, subscription, event)
                outcomes.append(outcome)
                tally = self._events[subscription.path]
                tally.add(message, outcome.texts or _describe_verdict(message))
                tally.present_paths |= present
                tally.filled_parameters |= outcome.filled_parameters
                for branch in self._finders[subscription.path].find_taken_branches(event):
                    self._branches[branch].add(message)
        for guide in self._missing:
            if guide.matches(event):
                self._missing_events[guide.path].add(message, [self._describe_missing_mapping()])
        self._add_person_values(message, present, outcomes)

    def _takes(self, subscription: LocatedSubscription, message: TrafficMessage) -> bool:
        """Return whether a mapping takes a message; in a test run it may have been off then."""
        is_known = message.subscriptions is not None
        if is_known and subscription.name not in (message.subscriptions or ()):
            return False
        return subscription.matches(message.event)

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
            if tally.event_count:
                yield self._build_seen_row(subscription, tally)
            else:
                yield self._build_unseen_row(subscription)
        for guide in self._missing:
            missing = self._missing_events[guide.path]
            row = self._build_unseen_row(guide)
            add = (
                f"Add the mapping {guide.name!r} of the preset guide."
                if self._is_enabled
                else "Enable the destination."
            )
            remedy = add if missing.event_count else f"{add} {row.what_to_send}".strip()
            yield CoverageRow(
                row.group, row.name, missing.get_state(is_test_run=False), missing.event_count,
                missing.list_problems(), remedy, missing.example, row.sample_call,
            )  # fmt: skip

    def _build_seen_row(self, subscription: LocatedSubscription, tally: _EventTally) -> CoverageRow:
        mapped, unfilled = self._list_fields(subscription, tally)
        loss = self._describe_missing_parameters(subscription, tally)
        state = tally.get_state(is_test_run=self._options.is_test_run)
        if loss:
            state = "seen and losing something"
        problems = (*loss, *tally.list_problems())
        remedy = CORRECT_EXAMPLE if state == "seen and losing something" else ""
        if unfilled:  # an app need not send everything that is mapped
            problems += (f"Never filled: {', '.join(unfilled)}",)
            remedy = _describe_fields_to_send(list(unfilled.values()))
        return CoverageRow(
            "Events", subscription.name, state, tally.event_count, problems, remedy, tally.example,
            mapped_fields=tuple(mapped), unfilled_fields=tuple(unfilled),
        )  # fmt: skip

    def _list_fields(
        self, subscription: LocatedSubscription, tally: _EventTally
    ) -> tuple[list[str], dict[str, set[str]]]:
        """Return the parameters that a mapping reads from its events, and those never filled.

        The parameters of a mapping for all other events belong to different events.
        """
        if subscription.matches(build_track_call(OTHER_TRACK_CALL)):
            return [], {}
        mapping = subscription.mapping
        unfilled = list_unfilled_fields(mapping, tally.present_paths, tally.filled_parameters)
        return list(list_unfilled_fields(mapping, frozenset(), frozenset())), unfilled

    def _describe_missing_parameters(
        self, subscription: LocatedSubscription, tally: _EventTally
    ) -> list[str]:
        """Describe the parameters that Insider One documents as required and no event filled."""
        event_name = get_fixed_event_name(subscription)
        if event_name is None:
            return []
        options = self._context.workspace.insider_options
        refused_without = get_required_parameters(event_name, options)
        asked_for = refused_without or get_recommended_parameters(event_name, options)
        missing = [
            name
            for name in asked_for
            if name not in tally.filled_parameters
            and not self._sends_parameter(subscription, name, tally.present_paths)
        ]
        # The checks of each event may have said so already.
        if not missing or any(
            all(name in problem for name in missing) for problem in tally.problem_counts
        ):
            return []
        verb = "needs" if refused_without else "asks for"
        return [f"Insider One {verb} {', '.join(missing)} with {event_name}; no event fills it"]

    def _sends_parameter(
        self, subscription: LocatedSubscription, name: str, present_paths: set[str]
    ) -> bool:
        """Return whether an event had a value for a parameter, even if Insider One refused it."""
        mapping, sent = subscription.mapping, {LITERAL_MARKER, *present_paths}
        return any(
            not sent.isdisjoint(list_event_paths_of_value(mapping, keys))
            for keys in list_mapped_values(mapping)
            if len(keys) == 2 and keys[1] == name
        )

    def _build_unseen_row(self, subscription: LocatedSubscription) -> CoverageRow:
        probes = [*self._probes, *(event for _, event in build_probe_events(load_guide_preset()))]
        probe = next((event for event in probes if subscription.matches(event)), None)
        if probe is None:
            remedy = "No call that could be made up meets its trigger: check the trigger."
            return CoverageRow("Events", subscription.name, "never seen", 0, (), remedy, None)
        sample = {
            key: value
            for key, value in fill_sample_event(probe).items()
            if key not in ("messageId", "timestamp")
        }
        remedy = f"Send {_describe_call(probe)}."
        return CoverageRow("Events", subscription.name, "never seen", 0, (), remedy, None, sample)

    def _iter_person_rows(self) -> Iterator[CoverageRow]:
        for value, tally in self._people.items():
            if not tally.event_count and tally.lost_with_event:
                text = "It was only sent in events of which nothing arrived"
                tally.add(tally.lost_with_event, [text])
            own_paths = self._list_paths_of_value(self._values_by_path, value)
            guide_paths = self._list_paths_of_value(self._guide_values_by_path, value)
            is_mapped = any(value in values for values in self._values_by_path.values())
            state = tally.get_state(is_test_run=self._options.is_test_run)
            remedy = ""
            if state == "never seen":
                remedy = _describe_value_to_send(own_paths or guide_paths, is_mapped=is_mapped)
            elif state == "seen and losing something":
                remedy = CORRECT_EXAMPLE
            yield CoverageRow(
                value.group, value.name, state, tally.event_count, tally.list_problems(), remedy,
                tally.example,
            )  # fmt: skip

    @staticmethod
    def _list_paths_of_value(
        values_by_path: dict[str, dict[PersonValue, set[str]]], value: PersonValue
    ) -> set[str]:
        paths = set().union(*(values.get(value, set()) for values in values_by_path.values()))
        return paths - {LITERAL_MARKER}


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
