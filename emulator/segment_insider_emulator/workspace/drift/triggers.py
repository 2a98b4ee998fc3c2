"""Triggers that leave out what another subscription takes."""

from collections.abc import Sequence
from dataclasses import replace

from segment_insider_emulator.workspace.drift.departure import Deviation, WorkspaceEdit
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription

SENT_TWICE_TEXT = "events are sent by more than one subscription"


def build_trigger_exclusion(
    subscription: LocatedSubscription, event_name: str
) -> WorkspaceEdit | None:
    """The trigger of *placed* without the track call *event*; None where `and` would not do it."""
    trigger = subscription.subscription.trigger
    if " or " in trigger or '"' in event_name:
        return None
    return WorkspaceEdit(
        subscription.destination_keys("trigger"), f'{trigger} and event != "{event_name}"'
    )


def combine_trigger_edits(
    context: AnalysisContext, deviations: Sequence[Deviation]
) -> list[Deviation]:
    """*found* with one trigger for each subscription, which leaves out all that the several would.

    Two lines for one place could not both be written.
    """
    own = {each.trigger_path: each.subscription.trigger for each in context.subscriptions}
    added: dict[str, list[str]] = {}
    for each in deviations:
        if each.difference_id == "D24" and each.edit:
            condition = str(each.edit.value).removeprefix(own[each.edit.path])
            added.setdefault(each.edit.path, []).append(condition)
    whole = {where: own[where] + "".join(dict.fromkeys(added[where])) for where in added}
    return [
        replace(each, edit=replace(each.edit, value=whole[each.edit.path]))
        if each.difference_id == "D24" and each.edit
        else each
        for each in deviations
    ]
