"""Triggers that leave out what another subscription takes."""

from collections.abc import Sequence
from dataclasses import replace

from segment_insider_emulator.workspace.drift.departure import Change, Found
from segment_insider_emulator.workspace.lint.subject import Placed, Subject

SENT_TWICE = "events are sent by more than one subscription"


def narrowed(placed: Placed, event: str) -> Change | None:
    """The trigger of *placed* without the track call *event*; None where `and` would not do it."""
    trigger = placed.subscription.trigger
    if " or " in trigger or '"' in event:
        return None
    return Change(placed.keys("trigger"), f'{trigger} and event != "{event}"')


def at_once(subject: Subject, found: Sequence[Found]) -> list[Found]:
    """*found* with one trigger for each subscription, which leaves out all that the several would.

    Two lines for one place could not both be written.
    """
    own = {each.trigger_place: each.subscription.trigger for each in subject.subscriptions}
    added: dict[str, list[str]] = {}
    for each in found:
        if each.id == "D24" and each.change:
            condition = str(each.change.value).removeprefix(own[each.change.where])
            added.setdefault(each.change.where, []).append(condition)
    whole = {where: own[where] + "".join(dict.fromkeys(added[where])) for where in added}
    return [
        replace(each, change=replace(each.change, value=whole[each.change.where]))
        if each.id == "D24" and each.change
        else each
        for each in found
    ]
