"""Rules on which events the subscriptions take: some twice, some not at all."""

from collections.abc import Iterator

from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.lint.probes import (
    OTHER_TRACK_CALL,
    build_probe_events,
    build_track_call,
)
from segment_insider_emulator.workspace.lint.spec import CALL_TYPES
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription


def find_duplicate_deliveries(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Events that more than one subscription takes: each of them makes a request."""
    return (finding for finding, _ in find_duplicate_deliveries_by_event(context))


def find_duplicate_deliveries_by_event(
    context: AnalysisContext,
) -> Iterator[tuple[WorkspaceFinding, str | None]]:
    """The same, each with the name of its event; None where it is no track call of one name."""
    takers = _subscriptions_by_event(context)
    taken = [each for together in takers.values() for each in together]
    for label, together in takers.items():
        if len(together) < 2:
            continue
        widest = max(together, key=taken.count)
        names = " and ".join(repr(each.name) for each in together)
        # The name is quoted as in a trigger; the call types are no names.
        event = None if label in CALL_TYPES or label == OTHER_TRACK_CALL else label
        told = label if event is None else f'"{event}"'
        what = f"{told} is sent {len(together)} times: by {names}"
        yield (
            WorkspaceFinding(
                "warning", widest.trigger_path, what, _narrow_trigger_remedy(event, widest)
            ),
            event,
        )


def find_unhandled_call_types(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Types of call that go nowhere."""
    takers = _subscriptions_by_event(context)
    track_taken = any(label not in CALL_TYPES for label in takers)
    taken = {*takers, "track"} if track_taken else set(takers)
    missing = [call for call in CALL_TYPES if call not in taken]
    if missing:
        what = f"no subscription takes {', '.join(missing)} calls"
        remedy = "If they matter, add a Track Event with a trigger and an event_name for them."
        yield WorkspaceFinding("note", "destination.subscriptions", what, remedy)


def find_missing_cart_reviewed(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """The guide's table says Cart Reviewed where its text, and the catalogue, say Cart Viewed."""
    carts = [each for each in context.subscriptions if each.action_slug == "cartViewedEvent"]
    if carts and not any(each.matches(build_track_call("Cart Reviewed")) for each in carts):
        what = '"Cart Reviewed", as the guide\'s table has it, makes no cart page view'
        remedy = 'Add `or event = "Cart Reviewed"`, in parentheses, if your shop sends it.'
        yield WorkspaceFinding("note", carts[0].trigger_path, what, remedy)


def _subscriptions_by_event(context: AnalysisContext) -> dict[str, list[LocatedSubscription]]:
    """For each kind of event that is taken at all, the subscriptions that take it together."""
    takers: dict[str, list[LocatedSubscription]] = {}
    for label, event in build_probe_events(context):
        together = [each for each in context.subscriptions if each.matches(event)]
        if len(together) > len(takers.get(label, [])):
            takers[label] = together
    return takers


def _narrow_trigger_remedy(event_name: str | None, subscription: LocatedSubscription) -> str:
    if event_name is None:
        return f"Narrow the trigger of {subscription.name!r}."
    return f'Add `and event != "{event_name}"` to the trigger of {subscription.name!r}.'
