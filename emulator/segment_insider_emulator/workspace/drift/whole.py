"""What the guide records and the workspace as a whole does not."""

from collections.abc import Iterator

from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.departure import Deviation, WorkspaceEdit
from segment_insider_emulator.workspace.drift.reference import get_guide_definition, load_guide
from segment_insider_emulator.workspace.lint.subject import AnalysisContext

_HOME_PAGE_CALL: JSONObject = {"type": "page", "name": "Home", "properties": {"path": "/"}}
_OTHER_PAGE_CALL: JSONObject = {"type": "page", "name": "Shoes", "properties": {"path": "/shoes"}}


def find_missing_subscriptions(context: AnalysisContext) -> Iterator[Deviation]:
    """Actions of the guide that no subscription has, and page calls that go nowhere."""
    slugs = {each.action_slug for each in context.subscriptions}
    for own in load_guide().subscriptions:
        if own.action_slug not in slugs:
            what = f"no enabled subscription has the action {ACTIONS[own.action_slug].title}"
            yield _missing_subscription_deviation(context, "D25", what, get_guide_definition(own))
            slugs.add(own.action_slug)
    for call, name in ((_HOME_PAGE_CALL, "the home page"), (_OTHER_PAGE_CALL, "other pages")):
        if not any(each.matches(call) for each in context.subscriptions):
            own = next(each for each in load_guide().subscriptions if each.matches(call))
            what = f"page calls of {name} go nowhere; the guide collects the Page spec"
            yield _missing_subscription_deviation(
                context, "D26", what, get_guide_definition(own), call
            )


def _missing_subscription_deviation(
    context: AnalysisContext,
    difference_id: str,
    what: str,
    definition: JSONObject,
    example_event: JSONObject | None = None,
) -> Deviation:
    count = len(context.workspace.destination["subscriptions"])
    change = WorkspaceEdit(("subscriptions", count), definition)
    remedy = f"Add the subscription {definition['name']!r} of the preset guide."
    where = "destination.subscriptions"
    return Deviation(
        difference_id, "", ("guide",), "loses", where, what, remedy, change, example_event
    )
