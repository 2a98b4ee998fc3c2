"""A tracking plan from a file: the Public API's shape, or the older one of exports.

Source: Segment, Public API, GET /tracking-plans/{id}/rules; Config API, tracking plans.
"""

from collections.abc import Iterator

from emulator.errors import EmulatorError
from emulator.segment.filtering.plans.plan import KINDS, Plan, plan_of
from emulator.segment.filtering.plans.rule import Rule, RuleError, compile_rule
from emulator.types import JSON, JSONObject

SHAPE = (
    'Give what GET /tracking-plans/{id}/rules answers: {"rules": [{"type", "key", "jsonSchema"}]}.'
)


def read_plan(document: JSONObject, where: str) -> Plan:
    """Read a plan.

    Args:
        document: With "rules": a list of {"type", "key", "version", "jsonSchema"}, wrapped in
            "data" or not; or an object of {"global", "events": [{"name", "version", "rules"}]}.
        where: Name of the file, for messages.
    Raises: EmulatorError, when it is no plan or a rule cannot be used.
    """
    held = document["data"] if isinstance(document.get("data"), dict) else document
    rules = held.get("rules")
    pagination = held.get("pagination")
    if isinstance(pagination, dict) and pagination.get("next"):
        what = "this is the first page of the plan's rules alone"
        raise EmulatorError(what, f"{where}: pagination", "Put the rules of all pages in one list.")
    match rules:
        case list():
            read = _listed(rules, where)
        case dict():
            read = _older(rules, where)
        case _:
            raise EmulatorError("this is no tracking plan", where, SHAPE)
    described: JSON = held.get("trackingPlan") or document.get("trackingPlan") or held
    about = described if isinstance(described, dict) else {}
    return plan_of(_text(about, "display_name", "name", "id"), read, _text(about, "id"))


def _text(about: JSONObject, *keys: str) -> str:
    """The first text under one of *keys*."""
    return next((about[key] for key in keys if isinstance(about.get(key), str)), "")


def _listed(rules: list[JSON], where: str) -> Iterator[Rule]:
    for index, rule in enumerate(rules):
        place = f"{where}: rules[{index}]"
        if not isinstance(rule, dict) or rule.get("type") not in KINDS:
            remedy = f"Give its type as one of {', '.join(KINDS)}."
            raise EmulatorError("this rule has no known type", place, remedy)
        yield _rule(
            rule["type"], rule.get("key"), rule.get("version"), rule.get("jsonSchema"), place
        )


def _older(rules: JSONObject, where: str) -> Iterator[Rule]:
    for name in ("identify_traits", "group_traits"):
        if rules.get(name):
            what = "traits of the older shape are not read"
            kind = name.removesuffix("_traits")
            raise EmulatorError(what, f"{where}: rules.{name}", f"Write them as rules.{kind}.")
    for name, kind in (("global", "COMMON"), ("identify", "IDENTIFY"), ("group", "GROUP")):
        if rules.get(name):
            yield _rule(kind, None, None, rules[name], f"{where}: rules.{name}")
    events = rules.get("events") or []
    for index, event in enumerate(events if isinstance(events, list) else [None]):
        place = f"{where}: rules.events[{index}]"
        if not isinstance(event, dict):
            raise EmulatorError("this is no event of a plan", place, "Give its name and rules.")
        yield _rule("TRACK", event.get("name"), event.get("version"), event.get("rules"), place)


def _rule(kind: str, key: JSON, version: JSON, schema: JSON, place: str) -> Rule:
    if kind == "TRACK" and not (key and isinstance(key, str)):
        raise EmulatorError("this rule names no event", place, "Give the event's exact name.")
    if not isinstance(version, int | None):
        raise EmulatorError("its version is no whole number", place, "Count versions from 1.")
    try:
        return compile_rule(kind, key if isinstance(key, str) else "", version or 1, schema)
    except RuleError as error:
        raise EmulatorError(
            f"the rule cannot be used: {error}", place, "Correct it there."
        ) from error
