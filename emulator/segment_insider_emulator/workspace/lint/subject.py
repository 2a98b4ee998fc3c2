"""A workspace document as the rules look at it."""

from dataclasses import dataclass

from segment_insider_emulator.mapping.subscription import Subscription, compile_subscription
from segment_insider_emulator.mapping.triggers import (
    EmptyGroupError,
    EventPredicate,
    TriggerError,
    TriggerGroup,
    compile_trigger,
    parse_trigger,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import Workspace, build_workspace
from segment_insider_emulator.workspace.structure import format_path


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
