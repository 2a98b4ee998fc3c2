"""A tracking plan: which rule an event is held to.

Source: Segment, Protocols, "Tracking plan"; Public API, tracking plan rules.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from segment_insider_emulator.segment.filtering.plans.rule import PlanRule
from segment_insider_emulator.types import JSON, JSONObject

RULE_KINDS = ("COMMON", "TRACK", "IDENTIFY", "GROUP", "PAGE", "SCREEN")
# Pages and screens are events of these names in Segment's schema view.
VIEW_EVENT_NAMES = {"PAGE": "Page Viewed", "SCREEN": "Screen Viewed"}


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """A rule, or a part of one, that cannot be checked; the others hold.

    Args:
        where: e.g. "plan.json: rules[3]".
        what: e.g. "TRACK Order Completed, version 1 is not checked in part: …".
        remedy: A full sentence.
    """

    where: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class TrackingPlan:
    """A tracking plan by kind and name.

    Args:
        id: Segment's, such as "tp_1"; "" where it is not known.
        versions: (kind, key) -> version -> rule; key is "" for all kinds but TRACK.
        problems: What of it cannot be checked, in the order of its rules.
    """

    name: str
    common_rules: tuple[PlanRule, ...]
    rules_by_version: dict[tuple[str, str], dict[int, PlanRule]]
    id: str = ""
    problems: tuple[RuleProblem, ...] = ()

    @property
    def rules(self) -> list[PlanRule]:
        """All rules, the common ones first."""
        return [
            *self.common_rules,
            *(rule for each in self.rules_by_version.values() for rule in each.values()),
        ]

    def find_rule(self, event: JSONObject) -> PlanRule | None:
        """The rule for events such as *event*, in its version; None when none is planned."""
        kind = event["type"].upper()
        found = self.rules_by_version.get((kind, event["event"] if kind == "TRACK" else ""))
        if found is None and kind in VIEW_EVENT_NAMES:
            found = self.rules_by_version.get(("TRACK", VIEW_EVENT_NAMES[kind]))
        if not found:
            return None
        return found.get(_requested_version(event)) or found[min(found)]


def build_plan(name: str, rules: Iterable[PlanRule], id: str = "") -> TrackingPlan:
    """Put *rules* together; the last one of a name and version counts."""
    common = []
    versions: dict[tuple[str, str], dict[int, PlanRule]] = {}
    for rule in rules:
        if rule.kind == "COMMON":
            common.append(rule)
        else:
            key = rule.key if rule.kind == "TRACK" else ""
            versions.setdefault((rule.kind, key), {})[rule.version] = rule
    return TrackingPlan(name, tuple(common), versions, id)


def _requested_version(event: JSONObject) -> int:
    """The version that *event* asks for; 0, which is none, when it is no whole number."""
    context: JSON = event.get("context") or {}
    protocols = context.get("protocols")
    version = protocols.get("event_version") if isinstance(protocols, dict) else None
    return version if isinstance(version, int) and not isinstance(version, bool) else 0
