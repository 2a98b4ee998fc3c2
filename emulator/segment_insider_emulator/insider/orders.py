"""Orders that arrive a second time: at another instant each product of them counts again."""

from collections.abc import Mapping

from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.capture.writing import Writing

PURCHASE = "confirmation_page_view"


def doubled_purchases(
    writing: Writing, saved: Mapping[str, list[ProfileEvent]]
) -> dict[int, ProfileEvent]:
    """Find purchases that a profile has already, of the same order and product.

    Args:
        saved: The events just saved, by profile.
    Returns: id() of the event -> the earlier one. Equal instants are no second order: products
        of one call share theirs, and a retry repeats it.
    """
    doubled: dict[int, ProfileEvent] = {}
    for owner, events in saved.items():
        bought = [event for event in events if event.name == PURCHASE and _line(event)[0]]
        known = writing.occurrences(owner, PURCHASE) if bought else []
        for event in bought:
            earlier = (
                each
                for each in known
                if _line(each) == _line(event) and each.occurred_at != event.occurred_at
            )
            if first := next(earlier, None):
                doubled[id(event)] = first
    return doubled


def _line(event: ProfileEvent) -> tuple[object, object]:
    """The order and the product of a purchase."""
    return event.params.get("event_group_id"), event.params.get("product_id")
