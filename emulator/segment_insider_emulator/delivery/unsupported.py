"""Types of call that the catalogue does not list for this destination.

Source: Segment, catalogue page of "Insider Cloud Mode (Actions)", June 2026: Page, Alias, Group,
Identify and Track. What becomes of a screen call that a mapping takes is published nowhere, so the
workspace decides, see options.
"""

from segment_insider_emulator.segment.filtering.passage import (
    DESTINATION_STEP,
    FilterResult,
    Rejection,
)
from segment_insider_emulator.segment.notes import SenderWarning
from segment_insider_emulator.types import JSONObject

UNSUPPORTED_TYPE_CODE = "UNSUPPORTED_EVENT_TYPE"
SCREEN_NOT_LISTED = "Segment's catalogue lists no Screen for this destination"


def filter_unsupported_type(event: JSONObject) -> FilterResult:
    """Let *event* pass unless its type is not listed."""
    if event.get("type") != "screen":
        return FilterResult(event)
    return FilterResult(
        event, Rejection(DESTINATION_STEP, UNSUPPORTED_TYPE_CODE, SCREEN_NOT_LISTED)
    )


def warn_unsupported_type(event: JSONObject) -> SenderWarning | None:
    """Say of an *event* that passed that its type is not listed; None when it is."""
    if event.get("type") != "screen":
        return None
    return SenderWarning(
        "type", f"{SCREEN_NOT_LISTED}: send a page or track call instead.", SCREEN_NOT_LISTED
    )
