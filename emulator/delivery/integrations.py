"""The `integrations` object of an event: which destinations it may reach."""

from emulator.types import JSON

# The catalogue's name, whatever a workspace calls its own instance; letter case counts.
NAME = "Insider Cloud Mode (Actions)"


def switched_off(integrations: JSON) -> bool:
    """Whether *integrations* keeps the event from this destination.

    Source: Segment, "Filtering with the Integrations object"; an entry of its own outweighs
    `All`, and options in place of true count as on. (documented)
    """
    if not isinstance(integrations, dict):
        return False
    return integrations.get(NAME, integrations.get("All", True)) is False
