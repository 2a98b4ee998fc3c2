"""What a subscription is held against: the guide's mapping of its action, and the catalogue's."""

from functools import cache

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.lint.probes import probes
from segment_insider_emulator.workspace.lint.subject import Placed, Subject, subject_of
from segment_insider_emulator.workspace.loading import read_preset


@cache
def guide() -> Subject:
    """The preset `guide`, which maps everything that the guide documents."""
    return subject_of(read_preset("guide"))


def guides_own(placed: Placed) -> Placed | None:
    """The guide's subscription of the same action for the same events; None when it has none."""
    same = [each for each in guide().subscriptions if each.slug == placed.slug]
    if len(same) < 2:
        return next(iter(same), None)
    events = [event for _, event in probes(guide()) if placed.takes(event)]
    shared = {each.where: sum(map(each.takes, events)) for each in same}
    return max(same, key=lambda each: shared[each.where])


def definition(own: Placed) -> JSONObject:
    """A subscription of the guide's as a workspace file has it."""
    return next(
        each for each in guide().workspace.destination["subscriptions"] if each["name"] == own.name
    )
