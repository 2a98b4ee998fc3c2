"""The compiled workspace that lint rules and drift comparisons analyse."""

from dataclasses import dataclass

from segment_insider_emulator.mapping.destination import Subscription, compile_subscription
from segment_insider_emulator.mapping.segment_spec import CALL_TYPES, ROOT_FIELDS
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
from segment_insider_emulator.workspace.validation import format_document_path


@dataclass(frozen=True, slots=True)
class LocatedSubscription:
    """A compiled subscription and its path, e.g. "destination.subscriptions[3]".

    Args:
        path: Path in the workspace file.
        index: Position among the destination's subscriptions, 0 for the first.
        parsed_trigger: None when the trigger is invalid.
        has_custom_mapping: Whether the file has `settings` for it. Otherwise it uses the action's
            default mapping, which the first line of `settings` would replace completely.
    """

    path: str
    index: int
    subscription: Subscription
    parsed_trigger: TriggerGroup | None
    has_custom_mapping: bool
    _matches_trigger: EventPredicate

    @property
    def name(self) -> str:
        """Return the name of the subscription."""
        return self.subscription.name

    @property
    def action_slug(self) -> str:
        """Slug of the subscription's action, e.g. "trackEvent"."""
        return self.subscription.action.slug

    @property
    def mapping(self) -> JSONObject:
        """Return the subscription's mapping, or the default mapping of its action."""
        return self.subscription.mapping

    @property
    def trigger_path(self) -> str:
        """Path of the subscription's trigger in the workspace file."""
        return f"{self.path}.trigger"

    def format_field_path(self, *keys: str) -> str:
        """Return the path of a mapped field, e.g. "destination.subscriptions[3].settings.uuid"."""
        return ".".join((self.path, "settings", *keys))

    def get_key_path_in_destination(self, *below: str | int) -> tuple[str | int, ...]:
        """Return the keys from the destination's JSON to the subscription, or below it."""
        return ("subscriptions", self.index, *below)

    def matches(self, event: JSONObject) -> bool:
        """Return whether the subscription's trigger accepts *event*."""
        try:
            return self._matches_trigger(event)
        except EmptyGroupError:
            return False


@dataclass(frozen=True, slots=True)
class AnalysisContext:
    """A workspace and its subscriptions, compiled for analysis; some of them are off."""

    workspace: Workspace
    subscriptions: tuple[LocatedSubscription, ...]
    disabled_subscriptions: tuple[LocatedSubscription, ...] = ()


def build_context(document: JSONObject) -> AnalysisContext:
    """Compile a valid workspace *document* for analysis."""
    workspace = build_workspace(document)
    by_state: dict[bool, list[LocatedSubscription]] = {True: [], False: []}
    for index, definition in enumerate(workspace.destination["subscriptions"]):
        located = _locate_subscription(index, definition, workspace)
        by_state[definition.get("enabled", True)].append(located)
    return AnalysisContext(workspace, tuple(by_state[True]), tuple(by_state[False]))


def _locate_subscription(
    index: int, definition: JSONObject, workspace: Workspace
) -> LocatedSubscription:
    path = format_document_path("destination", "subscriptions", index)
    subscription = compile_subscription(definition, workspace.destination["settings"])
    has_mapping = "settings" in definition
    try:
        parsed = parse_trigger(subscription.trigger)
        matches = compile_trigger(subscription.trigger)
    except TriggerError:
        return LocatedSubscription(
            path, index, subscription, None, has_mapping, lambda event: False
        )
    return LocatedSubscription(path, index, subscription, parsed, has_mapping, matches)


# These operators are true when the event has no value.
_OPERATORS_TRUE_WITHOUT_VALUE = ("!=", "not_exists")
_OPPOSITE_OPERATORS = (("is_true", "is_false"), ("exists", "not_exists"))
# Names are text, and these operators compare numbers.
_ORDER_OPERATORS = ("<", "<=", ">", ">=")
_TEXT_FIELDS = ("event", "name", "userId")


def list_accepted_call_types(subscription: LocatedSubscription) -> list[str]:
    """Return the Segment call types that a trigger can match; [] when it matches nothing."""
    if subscription.parsed_trigger is None:
        return []
    return [call for call in CALL_TYPES if _can_match_call_type(subscription.parsed_trigger, call)]


def _can_match_call_type(node: TriggerNode, call_type: str) -> bool:
    if node is None:
        return False
    if isinstance(node, TriggerCondition):
        return _can_condition_match_call_type(node, call_type)
    if node.operator == "or":
        return any(_can_match_call_type(child, call_type) for child in node.children)
    conditions = [child for child in node.children if isinstance(child, TriggerCondition)]
    return all(
        _can_match_call_type(child, call_type) for child in node.children
    ) and not _are_conditions_contradictory(conditions)


def _can_condition_match_call_type(condition: TriggerCondition, call_type: str) -> bool:
    if condition.root == "type":
        return _does_type_condition_accept(condition, call_type)
    if condition.operator in _ORDER_OPERATORS and condition.root in _TEXT_FIELDS:
        return False
    return (
        condition.root in ROOT_FIELDS[call_type]
        or condition.operator in _OPERATORS_TRUE_WITHOUT_VALUE
    )


def _does_type_condition_accept(condition: TriggerCondition, call_type: str) -> bool:
    if condition.operator == "=":
        return condition.value == call_type
    return condition.operator == "!=" and condition.value != call_type


def _are_conditions_contradictory(conditions: list[TriggerCondition]) -> bool:
    """Return whether trigger conditions on one field exclude each other."""
    for field in {(condition.root, condition.path) for condition in conditions}:
        same_field = [
            condition for condition in conditions if (condition.root, condition.path) == field
        ]
        equal = {
            condition.value
            for condition in same_field
            if condition.operator in ("=", "number_equals")
        }
        unequal = {
            condition.value
            for condition in same_field
            if condition.operator in ("!=", "number_not_equals")
        }
        operators = {condition.operator for condition in same_field}
        if len(equal) > 1 or equal & unequal:
            return True
        if any(operators >= set(pair) for pair in _OPPOSITE_OPERATORS):
            return True
    return False
