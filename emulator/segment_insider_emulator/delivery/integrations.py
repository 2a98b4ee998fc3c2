"""The `integrations` object of an event: which destinations it may reach.

Source: Segment, "Filtering with the Integrations object". Letter case counts; an entry of its own
outweighs `All`; options in place of true count as on. (documented) `null` counts as absent: the
Python SDK sends it for whatever is not set. (assumed)
"""

from segment_insider_emulator.segment.filtering.passage import (
    DESTINATION_STEP,
    FilterResult,
    Rejection,
)
from segment_insider_emulator.types import JSON, JSONObject

# The catalogue's name, whatever a workspace calls its own instance.
CATALOG_NAME = "Insider Cloud Mode (Actions)"
ALL_INTEGRATIONS = "All"
# Browsers write this one into every event: it is Segment itself.
SEGMENT_INTEGRATION = "Segment.io"
INTEGRATIONS_OBJECT_CODE = "FILTERED_BY_INTEGRATIONS_OBJECT"


def filter_by_integrations(event: JSONObject) -> FilterResult:
    """Let *event* pass unless its integrations object switches this destination off."""
    integrations = event.get("integrations")
    if not isinstance(integrations, dict):
        return FilterResult(event)
    hints = tuple(_unknown_integration_hints(integrations))
    if not is_switched_off(integrations):
        return FilterResult(event, hints=hints)
    by = CATALOG_NAME if integrations.get(CATALOG_NAME) is False else ALL_INTEGRATIONS
    detail = (
        f"the event's integrations object has {by!r}: false, which switches the destination off"
    )
    return FilterResult(
        event, Rejection(DESTINATION_STEP, INTEGRATIONS_OBJECT_CODE, detail), hints=hints
    )


def is_switched_off(integrations: JSON) -> bool:
    """Whether *integrations* keeps the event from this destination."""
    if not isinstance(integrations, dict):
        return False
    for name in (CATALOG_NAME, ALL_INTEGRATIONS):
        if integrations.get(name) is not None:
            return integrations[name] is False
    return False


def _unknown_integration_hints(integrations: JSONObject) -> list[str]:
    """What to say about names that are not this destination's."""
    return [
        _unknown_integration_hint(name)
        for name in integrations
        if name not in (CATALOG_NAME, ALL_INTEGRATIONS, SEGMENT_INTEGRATION)
    ]


def _unknown_integration_hint(name: str) -> str:
    folded = name.casefold()
    for known in (ALL_INTEGRATIONS, SEGMENT_INTEGRATION):
        if folded == known.casefold():
            return f"integrations names {name!r}, which means nothing: write {known!r}."
    if "insider" in folded and folded != "insider audiences":
        return f"integrations names {name!r}, which is no destination: write {CATALOG_NAME!r}."
    # Segment files a name that it does not know under UNKNOWN_INTEGRATION; here, a workspace has
    # one destination, and the names of the others are not known to be wrong.
    return f"integrations names {name!r}, which is not this destination: it changes nothing here."
