"""What a subscription is held against: the guide's mapping of its action, and the catalogue's."""

from functools import cache

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.lint.probes import build_probe_events
from segment_insider_emulator.workspace.lint.subject import (
    AnalysisContext,
    LocatedSubscription,
    build_context,
)
from segment_insider_emulator.workspace.loading import read_preset


@cache
def load_guide() -> AnalysisContext:
    """The preset `guide`, which maps everything that the guide documents."""
    return build_context(read_preset("guide"))


def find_guide_subscription(subscription: LocatedSubscription) -> LocatedSubscription | None:
    """The guide's subscription of the same action for the same events; None when it has none."""
    same = [
        each for each in load_guide().subscriptions if each.action_slug == subscription.action_slug
    ]
    if len(same) < 2:
        return next(iter(same), None)
    events = [event for _, event in build_probe_events(load_guide()) if subscription.matches(event)]
    shared = {each.path: sum(map(each.matches, events)) for each in same}
    return max(same, key=lambda each: shared[each.path])


def get_guide_definition(subscription: LocatedSubscription) -> JSONObject:
    """A subscription of the guide's as a workspace file has it."""
    return next(
        each
        for each in load_guide().workspace.destination["subscriptions"]
        if each["name"] == subscription.name
    )
