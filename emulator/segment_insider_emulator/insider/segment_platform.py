"""What Segment's destination sends by default, and which of it deserves a warning.

The rule for every finding: a warning is something that the sender of the event, or the author of
its mapping, can act on. What Segment's catalogue and the presets map by default is neither: it is
a note of the mapping, which `emulator drift` and the Checks page say once (D6, D10, D28).

Source: Segment, catalogue of "Insider Cloud Mode (Actions)", the field "User Properties".
"""

from segment_insider_emulator.types import JSON

SEGMENT_PLATFORM = "segment"  # the value of `platform` in each of the destination's requests

# Default fields of event actions that Insider One's table of attributes does not list.
SEGMENT_DEFAULT_ATTRIBUTES = frozenset(
    ("phone", "idfa", "model", "last_ip", "carrier", "os_version", "platform", "timezone")
)
# The one identifier that the catalogue maps and that an account may not list.
SEGMENT_DEFAULT_IDENTIFIERS = frozenset(("segment_anonymous_id",))


def is_from_segment(body: JSON) -> bool:
    """Say whether Segment's destination made this upsert."""
    return isinstance(body, dict) and body.get("platform") == SEGMENT_PLATFORM
