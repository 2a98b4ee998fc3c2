"""Orders that arrive a second time: at another instant each product of them counts again."""

from collections.abc import Mapping

from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.capture.writing import ProfileUnitOfWork

PURCHASE_EVENT_NAME = "confirmation_page_view"


def find_repeated_purchases(
    unit_of_work: ProfileUnitOfWork, saved_events: Mapping[str, list[ProfileEvent]]
) -> dict[int, ProfileEvent]:
    """Find purchases that a profile has already, of the same order and product.

    Args:
        saved: The events just saved, by profile.
    Returns: id() of the event -> the earlier one. Equal instants are no second order: products
        of one call share theirs, and a retry repeats it.
    """
    earlier_purchases: dict[int, ProfileEvent] = {}
    for profile_id, events in saved_events.items():
        purchases = [
            event
            for event in events
            if event.name == PURCHASE_EVENT_NAME and _get_order_line_key(event)[0]
        ]
        stored_purchases = (
            unit_of_work.find_events_by_name(profile_id, PURCHASE_EVENT_NAME) if purchases else []
        )
        for event in purchases:
            matching_purchases = (
                each
                for each in stored_purchases
                if _get_order_line_key(each) == _get_order_line_key(event)
                and each.occurred_at != event.occurred_at
            )
            if first := next(matching_purchases, None):
                earlier_purchases[id(event)] = first
    return earlier_purchases


def _get_order_line_key(event: ProfileEvent) -> tuple[object, object]:
    """The order and the product of a purchase."""
    return event.params.get("event_group_id"), event.params.get("product_id")
