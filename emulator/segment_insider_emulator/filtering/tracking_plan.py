"""Tracking plan of Segment: parse it from a file, and find the rule for an event.

Source: Segment, Protocols, "Tracking plan"; Public API, tracking plan rules.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.filtering.plan_rule import PlanRule, compile_plan_rule
from segment_insider_emulator.types import JSON, JSONObject

RULE_KINDS = ("COMMON", "TRACK", "IDENTIFY", "GROUP", "PAGE", "SCREEN")
# Segment's schema view shows pages and screens as events with these names.
VIEW_EVENT_NAMES = {"PAGE": "Page Viewed", "SCREEN": "Screen Viewed"}


@dataclass(frozen=True, slots=True)
class PlanRuleProblem:
    """Record of a tracking plan rule, or a part of one, that cannot be checked.

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
    """A Segment tracking plan: its rules by event type and event name.

    Args:
        id: Segment's, such as "tp_1"; "" if it is unknown.
        rules_by_version: (kind, key) -> version -> rule; key is "" for all kinds except TRACK.
        problems: Parts that cannot be checked, in the order of the rules.
    """

    name: str
    common_rules: tuple[PlanRule, ...]
    rules_by_version: dict[tuple[str, str], dict[int, PlanRule]]
    id: str = ""
    problems: tuple[PlanRuleProblem, ...] = ()

    @property
    def rules(self) -> list[PlanRule]:
        """All rules of the tracking plan, the common ones first."""
        return [
            *self.common_rules,
            *(rule for rules in self.rules_by_version.values() for rule in rules.values()),
        ]

    def find_rule(self, event: JSONObject) -> PlanRule | None:
        """Return the plan's rule for *event*, in the version it asks for; None if unplanned."""
        kind = event["type"].upper()
        versions = self.rules_by_version.get((kind, event["event"] if kind == "TRACK" else ""))
        if versions is None and kind in VIEW_EVENT_NAMES:
            versions = self.rules_by_version.get(("TRACK", VIEW_EVENT_NAMES[kind]))
        if not versions:
            return None
        return versions.get(_get_requested_version(event)) or versions[min(versions)]


def build_tracking_plan_from_rules(
    name: str, rules: Iterable[PlanRule], id: str = ""
) -> TrackingPlan:
    """Build a tracking plan of *rules*; the last one of a name and version counts."""
    common = []
    versions: dict[tuple[str, str], dict[int, PlanRule]] = {}
    for rule in rules:
        if rule.kind == "COMMON":
            common.append(rule)
        else:
            key = rule.key if rule.kind == "TRACK" else ""
            versions.setdefault((rule.kind, key), {})[rule.version] = rule
    return TrackingPlan(name, tuple(common), versions, id)


def _get_requested_version(event: JSONObject) -> int:
    """Return the version of its plan rule that *event* asks for; 0 if it asks for none."""
    context: JSON = event.get("context") or {}
    protocols = context.get("protocols")
    version = protocols.get("event_version") if isinstance(protocols, dict) else None
    return version if isinstance(version, int) and not isinstance(version, bool) else 0


PLAN_FORMAT_REMEDY = (
    'Give what GET /tracking-plans/{id}/rules answers: {"rules": [{"type", "key", "jsonSchema"}]}.'
)


def parse_tracking_plan(document: JSONObject, where: str) -> TrackingPlan:
    """Parse a tracking plan from the JSON document of a file.

    Args:
        document: With "rules": a list of {"type", "key", "version", "jsonSchema"}, wrapped in
            "data" or not; or an object of {"global", "events": [{"name", "version", "rules"}]}.
        where: Name of the file, for messages.
    Returns: The plan. A rule that cannot be checked, or not wholly, is among its problems.
    Raises: EmulatorError, when it is no plan.
    """
    plan_document = document["data"] if isinstance(document.get("data"), dict) else document
    rules = plan_document.get("rules")
    pagination = plan_document.get("pagination")
    if isinstance(pagination, dict) and pagination.get("next"):
        what = "this is the first page of the plan's rules alone"
        raise EmulatorError(what, f"{where}: pagination", "Put the rules of all pages in one list.")
    match rules:
        case list():
            read = [*_parse_rule_list(rules, where)]
        case dict():
            read = [*_parse_legacy_rules(rules, where)]
        case _:
            raise EmulatorError("this is no tracking plan", where, PLAN_FORMAT_REMEDY)
    described: JSON = (
        plan_document.get("trackingPlan") or document.get("trackingPlan") or plan_document
    )
    about = described if isinstance(described, dict) else {}
    name = _get_first_text_of_keys(about, "display_name", "name", "id")
    plan = build_tracking_plan_from_rules(
        name,
        [rule for rule in read if isinstance(rule, PlanRule)],
        _get_first_text_of_keys(about, "id"),
    )
    return replace(plan, problems=tuple(rule for rule in read if isinstance(rule, PlanRuleProblem)))


def _get_first_text_of_keys(document: JSONObject, *keys: str) -> str:
    """Return the first text that *document* has under one of *keys*, else ""."""
    return next((document[key] for key in keys if isinstance(document.get(key), str)), "")


def _parse_rule_list(rules: list[JSON], where: str) -> Iterator[PlanRule | PlanRuleProblem]:
    for index, rule in enumerate(rules):
        place = f"{where}: rules[{index}]"
        if not isinstance(rule, dict) or rule.get("type") not in RULE_KINDS:
            remedy = f"Give its type as one of {', '.join(RULE_KINDS)}."
            yield PlanRuleProblem(place, "this rule has no known type and is not checked", remedy)
        else:
            yield from _parse_rule(
                rule["type"], rule.get("key"), rule.get("version"), rule.get("jsonSchema"), place
            )


def _parse_legacy_rules(rules: JSONObject, where: str) -> Iterator[PlanRule | PlanRuleProblem]:
    for name in ("identify_traits", "group_traits"):
        if rules.get(name):
            what = "traits of the older shape are not read and not checked"
            kind = name.removesuffix("_traits")
            yield PlanRuleProblem(f"{where}: rules.{name}", what, f"Write them as rules.{kind}.")
    for name, kind in (("global", "COMMON"), ("identify", "IDENTIFY"), ("group", "GROUP")):
        if rules.get(name):
            yield from _parse_rule(kind, None, None, rules[name], f"{where}: rules.{name}")
    events = rules.get("events") or []
    for index, event in enumerate(events if isinstance(events, list) else [events]):
        place = f"{where}: rules.events[{index}]"
        if isinstance(event, dict):
            version = event.get("version")
            yield from _parse_rule("TRACK", event.get("name"), version, event.get("rules"), place)
        else:
            what = "this is no event of a plan and is not checked"
            yield PlanRuleProblem(place, what, "Give its name and rules.")


def _parse_rule(
    kind: str, key: JSON, version: JSON, schema: JSON, place: str
) -> Iterator[PlanRule | PlanRuleProblem]:
    """Yield the compiled plan rule, and its parts that cannot be checked as problems."""
    if kind == "TRACK" and not (key and isinstance(key, str)):
        what = "this rule names no event and is not checked"
        yield PlanRuleProblem(place, what, "Give the event's exact name.")
        return
    if not isinstance(version, int | None) or isinstance(version, bool):
        what = "its version is no whole number, so that it counts as version 1"
        yield PlanRuleProblem(place, what, "Count versions from 1.")
        version = 1
    rule = compile_plan_rule(kind, key if isinstance(key, str) else "", version or 1, schema)
    yield rule
    how = "not checked" if rule.checked_schema is True else "checked in part alone"
    for problem in rule.problems:
        what = f"the rule {rule} is {how}: {problem}"
        yield PlanRuleProblem(place, what, "Correct it at Segment; the other rules hold.")
