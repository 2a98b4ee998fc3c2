"""Rules on which events the subscriptions take: some twice, some not at all."""

from collections.abc import Iterator

from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.lint.probes import OTHER, probes, track
from segment_insider_emulator.workspace.lint.spec import CALLS
from segment_insider_emulator.workspace.lint.subject import Placed, Subject


def events_sent_twice(subject: Subject) -> Iterator[Finding]:
    """Events that more than one subscription takes: each of them makes a request."""
    return (finding for finding, _ in sent_twice(subject))


def sent_twice(subject: Subject) -> Iterator[tuple[Finding, str | None]]:
    """The same, each with the name of its event; None where it is no track call of one name."""
    takers = _takers(subject)
    taken = [each for together in takers.values() for each in together]
    for label, together in takers.items():
        if len(together) < 2:
            continue
        widest = max(together, key=taken.count)
        names = " and ".join(repr(each.name) for each in together)
        # The name is quoted as in a trigger; the call types are no names.
        event = None if label in CALLS or label == OTHER else label
        told = label if event is None else f'"{event}"'
        what = f"{told} is sent {len(together)} times: by {names}"
        yield Finding("warning", widest.trigger_place, what, _narrow(event, widest)), event


def calls_not_taken(subject: Subject) -> Iterator[Finding]:
    """Types of call that go nowhere."""
    takers = _takers(subject)
    track_taken = any(label not in CALLS for label in takers)
    taken = {*takers, "track"} if track_taken else set(takers)
    missing = [call for call in CALLS if call not in taken]
    if missing:
        what = f"no subscription takes {', '.join(missing)} calls"
        remedy = "If they matter, add a Track Event with a trigger and an event_name for them."
        yield Finding("note", "destination.subscriptions", what, remedy)


def cart_reviewed(subject: Subject) -> Iterator[Finding]:
    """The guide's table says Cart Reviewed where its text, and the catalogue, say Cart Viewed."""
    carts = [each for each in subject.subscriptions if each.slug == "cartViewedEvent"]
    if carts and not any(each.takes(track("Cart Reviewed")) for each in carts):
        what = '"Cart Reviewed", as the guide\'s table has it, makes no cart page view'
        remedy = 'Add `or event = "Cart Reviewed"`, in parentheses, if your shop sends it.'
        yield Finding("note", carts[0].trigger_place, what, remedy)


def _takers(subject: Subject) -> dict[str, list[Placed]]:
    """For each kind of event that is taken at all, the subscriptions that take it together."""
    takers: dict[str, list[Placed]] = {}
    for label, event in probes(subject):
        together = [each for each in subject.subscriptions if each.takes(event)]
        if len(together) > len(takers.get(label, [])):
            takers[label] = together
    return takers


def _narrow(event: str | None, widest: Placed) -> str:
    if event is None:
        return f"Narrow the trigger of {widest.name!r}."
    return f'Add `and event != "{event}"` to the trigger of {widest.name!r}.'
