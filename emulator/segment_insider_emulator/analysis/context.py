"""A workspace document as the rules look at it."""

from collections.abc import Iterator
from dataclasses import dataclass

from segment_insider_emulator.mapping.destination import Subscription, compile_subscription
from segment_insider_emulator.mapping.segment_spec import CALL_TYPES, ROOT_FIELDS, SPEC_EVENT_NAMES
from segment_insider_emulator.mapping.triggers import (
    EmptyGroupError,
    EventPredicate,
    TriggerCondition,
    TriggerError,
    TriggerGroup,
    TriggerNode,
    compile_trigger,
    parse_trigger,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import Workspace, build_workspace
from segment_insider_emulator.workspace.validation import WorkspaceFinding, format_path


@dataclass(frozen=True, slots=True)
class LocatedSubscription:
    """A subscription and its place, e.g. "destination.subscriptions[3]".

    Args:
        index: Of the subscription, 0 for the first.
        conditions: The trigger as it is read; None when it is malformed.
        mapped: Whether it has a mapping of its own, which a file names `settings`; else it has the
            action's, and the first line of `settings` would replace all of that.
    """

    path: str
    index: int
    subscription: Subscription
    parsed_trigger: TriggerGroup | None
    has_custom_mapping: bool
    _matches_trigger: EventPredicate

    @property
    def name(self) -> str:
        return self.subscription.name

    @property
    def action_slug(self) -> str:
        return self.subscription.action.slug

    @property
    def mapping(self) -> JSONObject:
        return self.subscription.mapping

    @property
    def trigger_path(self) -> str:
        return f"{self.path}.trigger"

    def field_path(self, *keys: str) -> str:
        """The place of a field's mapping, e.g. "destination.subscriptions[3].settings.uuid"."""
        return ".".join((self.path, "settings", *keys))

    def destination_keys(self, *below: str | int) -> tuple[str | int, ...]:
        """The place, or one below it, as keys from the destination on."""
        return ("subscriptions", self.index, *below)

    def matches(self, event: JSONObject) -> bool:
        try:
            return self._matches_trigger(event)
        except EmptyGroupError:
            return False


@dataclass(frozen=True, slots=True)
class AnalysisContext:
    """A workspace with its enabled subscriptions; the others do nothing."""

    workspace: Workspace
    subscriptions: tuple[LocatedSubscription, ...]


def build_context(document: JSONObject) -> AnalysisContext:
    """Compile a *document* that `structure.faults` has nothing against."""
    workspace = build_workspace(document)
    placed = [
        _locate_subscription(index, definition, workspace)
        for index, definition in enumerate(workspace.destination["subscriptions"])
        if definition.get("enabled", True)
    ]
    return AnalysisContext(workspace, tuple(placed))


def _locate_subscription(
    index: int, definition: JSONObject, workspace: Workspace
) -> LocatedSubscription:
    where = format_path("destination", "subscriptions", index)
    subscription = compile_subscription(definition, workspace.destination["settings"])
    mapped = "settings" in definition
    try:
        conditions = parse_trigger(subscription.trigger)
        matches = compile_trigger(subscription.trigger)
    except TriggerError:
        return LocatedSubscription(where, index, subscription, None, mapped, lambda event: False)
    return LocatedSubscription(where, index, subscription, conditions, mapped, matches)


# Without a value in the event these still hold.
_OPERATORS_TRUE_WITHOUT_VALUE = ("!=", "not_exists")
_OPPOSITE_OPERATORS = (("is_true", "is_false"), ("exists", "not_exists"))
# Names are text, and only numbers have an order.
_ORDER_OPERATORS = ("<", "<=", ">", ">=")
_TEXT_FIELDS = ("event", "name", "userId")
_OPTIONAL_ROOTS = ("properties", "traits", "context", "userId")


def list_accepted_call_types(subscription: LocatedSubscription) -> list[str]:
    """The types of call that the trigger can match; none when it can match nothing."""
    if subscription.parsed_trigger is None:
        return []
    return [call for call in CALL_TYPES if _can_match(subscription.parsed_trigger, call)]


def find_impossible_triggers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Conditions that no event can meet together."""
    for placed in context.subscriptions:
        if placed.parsed_trigger is not None and not list_accepted_call_types(placed):
            what = f"no event can meet the trigger of {placed.name!r}"
            remedy = (
                f"Ask for one type of {', '.join(CALL_TYPES)}, for one event name, and for fields that "
                "such a call has."
            )
            yield WorkspaceFinding("error", placed.trigger_path, what, remedy)


def find_misspelled_event_names(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Event names that differ from the spec's in capitals only."""
    spelt = {event.casefold(): event for event in SPEC_EVENT_NAMES}
    for placed in context.subscriptions:
        for condition in iterate_conditions(placed.parsed_trigger):
            name = str(condition.value)
            spec = spelt.get(name.casefold(), name)
            if condition.root == "event" and condition.operator in ("=", "!=") and spec != name:
                what = f"{name!r} does not match {spec!r}: capitals count"
                yield WorkspaceFinding("warning", placed.trigger_path, what, f'Write "{spec}".')


def find_negations_of_missing_values(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Negations that say something else than expected of an event without the value."""
    for placed in context.subscriptions:
        for condition in iterate_conditions(placed.parsed_trigger):
            field = ".".join((condition.root, *condition.path))
            if condition.root not in _OPTIONAL_ROOTS:
                continue
            if condition.operator == "number_not_equals" or condition.operator.startswith("not_"):
                if condition.operator != "not_exists":
                    what = (
                        f"the negated condition on {field} does not hold where {field} is missing"
                    )
                    remedy = f"Add `or {field} = null` if those events count."
                    yield WorkspaceFinding("warning", placed.trigger_path, what, remedy)
            elif condition.operator == "!=":
                what = f"{field} != {condition.value!r} holds where {field} is missing, too"
                remedy = f"Add `and {field} != null` if those events do not count."
                yield WorkspaceFinding("note", placed.trigger_path, what, remedy)


def iterate_conditions(node: TriggerNode) -> Iterator[TriggerCondition]:
    """Every condition of a trigger, in order."""
    if isinstance(node, TriggerCondition):
        yield node
    elif isinstance(node, TriggerGroup):
        for child in node.children:
            yield from iterate_conditions(child)


def _can_match(node: TriggerNode, call_type: str) -> bool:
    if node is None:
        return False
    if isinstance(node, TriggerCondition):
        return _condition_can_match(node, call_type)
    if node.operator == "or":
        return any(_can_match(child, call_type) for child in node.children)
    own = [child for child in node.children if isinstance(child, TriggerCondition)]
    return all(_can_match(child, call_type) for child in node.children) and not _are_contradictory(
        own
    )


def _condition_can_match(condition: TriggerCondition, call_type: str) -> bool:
    if condition.root == "type":
        return _type_condition_matches(condition, call_type)
    if condition.operator in _ORDER_OPERATORS and condition.root in _TEXT_FIELDS:
        return False
    return (
        condition.root in ROOT_FIELDS[call_type]
        or condition.operator in _OPERATORS_TRUE_WITHOUT_VALUE
    )


def _type_condition_matches(condition: TriggerCondition, call_type: str) -> bool:
    if condition.operator == "=":
        return condition.value == call_type
    return condition.operator == "!=" and condition.value != call_type


def _are_contradictory(conditions: list[TriggerCondition]) -> bool:
    """Whether conditions on one field exclude each other."""
    for field in {(each.root, each.path) for each in conditions}:
        own = [each for each in conditions if (each.root, each.path) == field]
        equal = {each.value for each in own if each.operator in ("=", "number_equals")}
        unequal = {each.value for each in own if each.operator in ("!=", "number_not_equals")}
        operators = {each.operator for each in own}
        if len(equal) > 1 or equal & unequal:
            return True
        if any(operators >= set(pair) for pair in _OPPOSITE_OPERATORS):
            return True
    return False
