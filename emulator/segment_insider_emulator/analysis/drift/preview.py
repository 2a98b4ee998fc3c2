"""What Insider One would receive if a line were changed: the core run before and after."""

from collections.abc import Iterator, Sequence
from itertools import islice

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    build_context,
)
from segment_insider_emulator.analysis.drift.model import Deviation, ValueChange, WorkspaceEdit
from segment_insider_emulator.analysis.sample_events import build_sample_events, fill_event
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.destination import (
    InsiderRequest,
    MappingFailure,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.mapping.path_tracking import iter_leaves
from segment_insider_emulator.types import JSON, JSONObject

# More than anybody reads; a change of a name shows in one.
_MAX_VALUE_CHANGES = 6
# Events tried until one shows a change: the traffic first, then samples.
_MAX_TRIED_EVENTS = 60


class EditPreview:
    """Runs changes against the traffic where it shows them, else against samples."""

    def __init__(self, context: AnalysisContext, traffic: Sequence[JSONObject]) -> None:
        self._context = context
        self._traffic = traffic

    def list_value_changes(self, deviation: Deviation) -> tuple[ValueChange, ...]:
        """The values that Insider One would receive otherwise, the first few of them."""
        if deviation.edit is None:
            return ()
        own = self._context.workspace.destination
        before = _compile_edited_subscription(own, deviation.edit)
        after = _compile_edited_subscription(apply_edit(own, deviation.edit), deviation.edit)
        for event in islice(self._candidate_events(deviation), _MAX_TRIED_EVENTS):
            receipts = tuple(
                islice(
                    _compare_deliveries(
                        _deliver_event(before, event), _deliver_event(after, event)
                    ),
                    _MAX_VALUE_CHANGES,
                )
            )
            if receipts:
                return receipts
        return ()

    def _candidate_events(self, deviation: Deviation) -> Iterator[JSONObject]:
        """Events that may show the change, the likeliest first."""
        if deviation.example_event is not None:
            yield (
                deviation.example_event
                if "messageId" in deviation.example_event
                else fill_event(deviation.example_event)
            )
        placed = self._edited_subscription(deviation)
        if placed:
            yield from islice(
                (each for each in self._traffic if placed.matches(each)), _MAX_TRIED_EVENTS // 2
            )
            yield from build_sample_events(self._context, placed)

    def _edited_subscription(self, deviation: Deviation) -> LocatedSubscription | None:
        """The subscription that the change is about; for a new one, what it would be."""
        own = self._context
        if deviation.subscription_path or deviation.edit is None:
            return next(
                (each for each in own.subscriptions if each.path == deviation.subscription_path),
                None,
            )
        destination = apply_edit(own.workspace.destination, deviation.edit)
        return build_context(own.workspace.document | {"destination": destination}).subscriptions[
            -1
        ]


def apply_edit(destination: JSONObject, edit: WorkspaceEdit) -> JSONObject:
    """A copy of *destination* with the change made."""
    first, index, *below = edit.keys
    subscriptions = list(destination["subscriptions"])
    if index == len(subscriptions):
        subscriptions.append(edit.value)
    else:
        own = _with_catalogue_defaults(subscriptions[int(index)])
        subscriptions[int(index)] = _set_value(own, below, edit)
    return destination | {str(first): subscriptions}


def _with_catalogue_defaults(subscription: JSONObject) -> JSONObject:
    action = ACTIONS[subscription["actionSlug"]]
    return {"settings": action.default_mapping, "trigger": action.trigger} | subscription


def _set_value(container: JSON, keys: list[str | int], edit: WorkspaceEdit) -> JSON:
    key, *below = keys
    value = edit.value
    if isinstance(container, list):
        copy = list(container)
        copy[int(key)] = _set_value(copy[int(key)], below, edit) if below else value
        return copy
    members = dict(container or {})
    members[str(key)] = _set_value(members.get(str(key)), below, edit) if below else value
    if not below and edit.removed_key:
        members.pop(edit.removed_key, None)
    return members


def _compile_edited_subscription(
    destination: JSONObject, edit: WorkspaceEdit
) -> Subscription | None:
    """The subscription that is changed, compiled; None where it is not there yet."""
    definitions = destination["subscriptions"][int(edit.keys[1]) :][:1]
    compiled = [compile_subscription(each, destination["settings"]) for each in definitions]
    return next(iter(compiled), None)


def _deliver_event(subscription: Subscription | None, event: JSONObject) -> tuple[str, JSON]:
    """The subscription's name and what it sends: a user, the message of a failure, or None."""
    if subscription is None:
        return "", None
    result = subscription.build_request(event)
    if isinstance(result, InsiderRequest):
        return subscription.name, result.json["users"][0]
    return subscription.name, result.message if isinstance(result, MappingFailure) else None


def _compare_deliveries(before: tuple[str, JSON], after: tuple[str, JSON]) -> Iterator[ValueChange]:
    (_, old), (name, new) = before, after
    if old == new:
        return
    if not isinstance(old, dict) or not isinstance(new, dict):
        yield ValueChange(f"the request of {name!r}", _summarise_user(old), _summarise_user(new))
        return
    have, will = dict(iter_leaves(old)), dict(iter_leaves(new))
    for at in {**have, **will}:
        # An empty object that is filled is told by what fills it.
        if have.get(at) != will.get(at) and have.get(at) != {}:
            yield ValueChange(at, have.get(at), will.get(at))


def _summarise_user(user: JSON) -> JSON:
    """What a request is about: the names of its events, or its attributes; or why there is none."""
    if not isinstance(user, dict):
        return f"fails: {user}" if user else None
    names = list(dict.fromkeys(each["event_name"] for each in user.get("events", [])))
    return ", ".join(names) if names else "attributes " + ", ".join(user["attributes"])
