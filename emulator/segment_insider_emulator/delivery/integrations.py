"""The `integrations` object of an event: which destinations it may reach.

Source: Segment, "Filtering with the Integrations object". Letter case counts; an entry of its own
outweighs `All`; options in place of true count as on. (documented) `null` counts as absent: the
Python SDK sends it for whatever is not set. (assumed)
"""

from segment_insider_emulator.segment.filtering.passage import DESTINATION, Passage, Stop
from segment_insider_emulator.types import JSON, JSONObject

# The catalogue's name, whatever a workspace calls its own instance.
NAME = "Insider Cloud Mode (Actions)"
ALL = "All"
# Browsers write this one into every event: it is Segment itself.
SEGMENT = "Segment.io"
CODE = "FILTERED_BY_INTEGRATIONS_OBJECT"


def admit(event: JSONObject) -> Passage:
    """Let *event* pass unless its integrations object switches this destination off."""
    integrations = event.get("integrations")
    if not isinstance(integrations, dict):
        return Passage(event)
    hints = tuple(_hints(integrations))
    if not switched_off(integrations):
        return Passage(event, hints=hints)
    by = NAME if integrations.get(NAME) is False else ALL
    detail = (
        f"the event's integrations object has {by!r}: false, which switches the destination off"
    )
    return Passage(event, Stop(DESTINATION, CODE, detail), hints=hints)


def switched_off(integrations: JSON) -> bool:
    """Whether *integrations* keeps the event from this destination."""
    if not isinstance(integrations, dict):
        return False
    for name in (NAME, ALL):
        if integrations.get(name) is not None:
            return integrations[name] is False
    return False


def _hints(integrations: JSONObject) -> list[str]:
    """What to say about names that are not this destination's."""
    return [_hint(name) for name in integrations if name not in (NAME, ALL, SEGMENT)]


def _hint(name: str) -> str:
    folded = name.casefold()
    for known in (ALL, SEGMENT):
        if folded == known.casefold():
            return f"integrations names {name!r}, which means nothing: write {known!r}."
    if "insider" in folded and folded != "insider audiences":
        return f"integrations names {name!r}, which is no destination: write {NAME!r}."
    # Segment files a name that it does not know under UNKNOWN_INTEGRATION; here, a workspace has
    # one destination, and the names of the others are not known to be wrong.
    return f"integrations names {name!r}, which is not this destination: it changes nothing here."
