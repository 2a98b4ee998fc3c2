"""What the guide records and the workspace as a whole does not."""

from collections.abc import Iterator

from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.departure import Change, Found
from segment_insider_emulator.workspace.drift.reference import definition, guide
from segment_insider_emulator.workspace.lint.subject import Subject

_HOME: JSONObject = {"type": "page", "name": "Home", "properties": {"path": "/"}}
_PAGE: JSONObject = {"type": "page", "name": "Shoes", "properties": {"path": "/shoes"}}


def from_whole(subject: Subject) -> Iterator[Found]:
    """Actions of the guide that no subscription has, and page calls that go nowhere."""
    slugs = {each.slug for each in subject.subscriptions}
    for own in guide().subscriptions:
        if own.slug not in slugs:
            what = f"no enabled subscription has the action {ACTIONS[own.slug].title}"
            yield _added(subject, "D25", what, definition(own))
            slugs.add(own.slug)
    for call, name in ((_HOME, "the home page"), (_PAGE, "other pages")):
        if not any(each.takes(call) for each in subject.subscriptions):
            own = next(each for each in guide().subscriptions if each.takes(call))
            what = f"page calls of {name} go nowhere; the guide collects the Page spec"
            yield _added(subject, "D26", what, definition(own), call)


def _added(
    subject: Subject, id: str, what: str, wanted: JSONObject, example: JSONObject | None = None
) -> Found:
    count = len(subject.workspace.destination["subscriptions"])
    change = Change(("subscriptions", count), wanted)
    remedy = f"Add the subscription {wanted['name']!r} of the preset guide."
    where = "destination.subscriptions"
    return Found(id, "", ("guide",), "loses", where, what, remedy, change, example)
