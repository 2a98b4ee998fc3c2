"""A workspace document as the rules look at it."""

from dataclasses import dataclass

from segment_insider_emulator.mapping.subscription import Subscription, compile_subscription
from segment_insider_emulator.mapping.triggers import (
    BrokenGroupError,
    Group,
    Predicate,
    TriggerError,
    compile_trigger,
    parse,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import Workspace, workspace_of
from segment_insider_emulator.workspace.structure import place


@dataclass(frozen=True, slots=True)
class Placed:
    """A subscription and its place, e.g. "destination.subscriptions[3]".

    Args:
        index: Of the subscription, 0 for the first.
        conditions: The trigger as it is read; None when it is malformed.
        mapped: Whether it has a mapping of its own, which a file names `settings`; else it has the
            action's, and the first line of `settings` would replace all of that.
    """

    where: str
    index: int
    subscription: Subscription
    conditions: Group | None
    mapped: bool
    _matches: Predicate

    @property
    def name(self) -> str:
        return self.subscription.name

    @property
    def slug(self) -> str:
        return self.subscription.action.slug

    @property
    def mapping(self) -> JSONObject:
        return self.subscription.mapping

    @property
    def trigger_place(self) -> str:
        return f"{self.where}.trigger"

    def field_place(self, *keys: str) -> str:
        """The place of a field's mapping, e.g. "destination.subscriptions[3].settings.uuid"."""
        return ".".join((self.where, "settings", *keys))

    def keys(self, *below: str | int) -> tuple[str | int, ...]:
        """The place, or one below it, as keys from the destination on."""
        return ("subscriptions", self.index, *below)

    def takes(self, event: JSONObject) -> bool:
        try:
            return self._matches(event)
        except BrokenGroupError:
            return False


@dataclass(frozen=True, slots=True)
class Subject:
    """A workspace with its enabled subscriptions; the others do nothing."""

    workspace: Workspace
    subscriptions: tuple[Placed, ...]


def subject_of(document: JSONObject) -> Subject:
    """Compile a *document* that `structure.faults` has nothing against."""
    workspace = workspace_of(document)
    placed = [
        _placed(index, definition, workspace)
        for index, definition in enumerate(workspace.destination["subscriptions"])
        if definition.get("enabled", True)
    ]
    return Subject(workspace, tuple(placed))


def _placed(index: int, definition: JSONObject, workspace: Workspace) -> Placed:
    where = place("destination", "subscriptions", index)
    subscription = compile_subscription(definition, workspace.destination["settings"])
    mapped = "settings" in definition
    try:
        conditions = parse(subscription.trigger)
        matches = compile_trigger(subscription.trigger)
    except TriggerError:
        return Placed(where, index, subscription, None, mapped, lambda event: False)
    return Placed(where, index, subscription, conditions, mapped, matches)
