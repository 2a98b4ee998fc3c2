"""What a source does with data that its tracking plan does not allow.

Source: Segment, Public API, source settings; Protocols, "Schema configuration".
"""

from dataclasses import dataclass
from typing import Literal

from segment_insider_emulator.types import JSONObject

Common = Literal["ALLOW", "BLOCK", "OMIT"]


@dataclass(frozen=True, slots=True)
class Controls:
    """The settings of one type of event; left out, everything is let through.

    Args:
        section: Where its values stand: "properties" or "traits".
        block_unplanned: Whether an event that the plan does not name is stopped.
        omit_unplanned: Whether values that the plan does not name are taken out.
        block_violating: Whether an event that violates its own rule is stopped.
        omit_violating: Whether values that violate its own rule are taken out.
        common: What is done about violations of the common rule.
    """

    section: str
    block_unplanned: bool = False
    omit_unplanned: bool = False
    block_violating: bool = False
    omit_violating: bool = False
    common: Common = "ALLOW"


def read_controls(settings: JSONObject) -> dict[str, Controls]:
    """Type of event -> its controls, from a source's settings in the Public API's shape.

    Pages, screens and aliases have none: they are checked and let through.
    """
    track = settings.get("track", {})
    return {
        "track": Controls(
            "properties",
            block_unplanned=not track.get("allowUnplannedEvents", True),
            omit_unplanned=not track.get("allowUnplannedEventProperties", True),
            block_violating=not track.get("allowEventOnViolations", True),
            omit_violating=not track.get("allowPropertiesOnViolations", True),
            common=_common(track),
        ),
        **{kind: _of_traits(settings.get(kind, {})) for kind in ("identify", "group")},
        **dict.fromkeys(("page", "screen", "alias"), Controls("properties")),
    }


def _of_traits(given: JSONObject) -> Controls:
    return Controls(
        "traits",
        omit_unplanned=not given.get("allowUnplannedTraits", True),
        omit_violating=not given.get("allowTraitsOnViolations", True),
        common=_common(given),
    )


def _common(given: JSONObject) -> Common:
    mode = given.get("commonEventOnViolations", "ALLOW")
    if mode in ("ALLOW", "BLOCK"):
        return "ALLOW" if mode == "ALLOW" else "BLOCK"
    return "OMIT"  # OMIT_PROPERTIES or OMIT_TRAITS
