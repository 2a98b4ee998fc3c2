"""What a source does with data that its tracking plan does not allow.

Source: Segment, Public API, source settings; Protocols, "Schema configuration".
"""

from dataclasses import dataclass
from typing import Literal

from segment_insider_emulator.types import JSONObject

CommonRuleMode = Literal["ALLOW", "BLOCK", "OMIT"]


@dataclass(frozen=True, slots=True)
class PlanControls:
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
    common_rule_mode: CommonRuleMode = "ALLOW"


def parse_controls(settings: JSONObject) -> dict[str, PlanControls]:
    """Type of event -> its controls, from a source's settings in the Public API's shape.

    Pages, screens and aliases have none: they are checked and let through.
    """
    track = settings.get("track", {})
    return {
        "track": PlanControls(
            "properties",
            block_unplanned=not track.get("allowUnplannedEvents", True),
            omit_unplanned=not track.get("allowUnplannedEventProperties", True),
            block_violating=not track.get("allowEventOnViolations", True),
            omit_violating=not track.get("allowPropertiesOnViolations", True),
            common_rule_mode=_common_rule_mode(track),
        ),
        **{kind: _trait_controls(settings.get(kind, {})) for kind in ("identify", "group")},
        **dict.fromkeys(("page", "screen", "alias"), PlanControls("properties")),
    }


def _trait_controls(settings: JSONObject) -> PlanControls:
    return PlanControls(
        "traits",
        omit_unplanned=not settings.get("allowUnplannedTraits", True),
        omit_violating=not settings.get("allowTraitsOnViolations", True),
        common_rule_mode=_common_rule_mode(settings),
    )


def _common_rule_mode(settings: JSONObject) -> CommonRuleMode:
    mode = settings.get("commonEventOnViolations", "ALLOW")
    if mode in ("ALLOW", "BLOCK"):
        return "ALLOW" if mode == "ALLOW" else "BLOCK"
    return "OMIT"  # OMIT_PROPERTIES or OMIT_TRAITS
