"""Types of call that the catalogue does not list for this destination.

Source: Segment, catalogue page of "Insider Cloud Mode (Actions)", June 2026: Page, Alias, Group,
Identify and Track. What becomes of a screen call that a mapping takes is published nowhere, so the
workspace decides, see options.
"""

from segment_insider_emulator.segment.filtering.passage import DESTINATION, Passage, Stop
from segment_insider_emulator.segment.notes import Note
from segment_insider_emulator.types import JSONObject

CODE = "UNSUPPORTED_EVENT_TYPE"
UNLISTED = "Segment's catalogue lists no Screen for this destination"


def admit(event: JSONObject) -> Passage:
    """Let *event* pass unless its type is not listed."""
    if event.get("type") != "screen":
        return Passage(event)
    return Passage(event, Stop(DESTINATION, CODE, UNLISTED))


def note(event: JSONObject) -> Note | None:
    """Say of an *event* that passed that its type is not listed; None when it is."""
    if event.get("type") != "screen":
        return None
    return Note("type", f"{UNLISTED}: send a page or track call instead.", UNLISTED)
