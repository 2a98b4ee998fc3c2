"""Conditions of a workspace file, already of the right shape, to those of a journey."""

from collections.abc import Sequence

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.catalog import stored_name
from segment_insider_emulator.insider.journeys.conditions import OPERATORS, is_number
from segment_insider_emulator.insider.journeys.definition import (
    AttributeChange,
    AttributeCondition,
    Cause,
    Comparison,
    Did,
    EventCondition,
)
from segment_insider_emulator.insider.values import ATTRIBUTES
from segment_insider_emulator.types import JSON, JSONObject

CHANGES = ("changes", "changes_to", "changes_from")
_GROUPS = ("custom", "unrecognised")


def read_cause(given: JSONObject, where: str) -> Cause:
    """{"events", "parameters"} or {"attribute", and one of CHANGES}. Raises: EmulatorError."""
    if only(("events", "attribute"), given, where) == "events":
        return read_event(given, where)
    operator = only(CHANGES, given, where)
    value = given[operator]
    if not isinstance(value, str | int | float) or (operator == "changes" and value is not True):
        what = f"{operator} takes {'true' if operator == 'changes' else 'a single value'}"
        remedy = "Architect looks at changes of text, numbers and booleans."
        raise EmulatorError(what, f"{where}.{operator}", remedy)
    place = _attribute(given["attribute"], where)
    return AttributeChange(place, operator, None if operator == "changes" else value)


def read_event(given: JSONObject, where: str) -> EventCondition:
    """{"events": [name], "parameters": {place: value or {operator: value}}}."""
    parameters = {
        _place(place, f"{where}.parameters"): _test(test, f"{where}.parameters.{place}")
        for place, test in given.get("parameters", {}).items()
    }
    return EventCondition(tuple(stored_name(name) for name in given["events"]), parameters)


def read_check(given: JSONObject, where: str) -> Did | AttributeCondition:
    """{"did": {...}}, {"did_not": {...}} or {"attribute", and one operator}."""
    kind = only(("did", "did_not", "attribute"), given, where)
    if kind == "attribute":
        return read_attribute(given, where)
    return Did(read_event(given[kind], f"{where}.{kind}"), expected=kind == "did")


def read_attribute(given: JSONObject, where: str) -> AttributeCondition:
    """{"attribute": place, and one operator}."""
    operator = only(tuple(OPERATORS), given, where)
    return AttributeCondition(
        _attribute(given["attribute"], where),
        _comparison(operator, given[operator], f"{where}.{operator}"),
    )


def only(names: Sequence[str], given: JSONObject, where: str) -> str:
    """The one of *names* that is a key of *given*. Raises: EmulatorError, for none or several."""
    found = [name for name in names if name in given]
    if len(found) != 1:
        what = f"{' and '.join(found)} stand together" if found else "something is missing"
        raise EmulatorError(what, where, f"Write one of {', '.join(names)}.")
    return found[0]


def _test(given: JSON, where: str) -> Comparison:
    if not isinstance(given, dict):
        return _comparison("is", given, where)
    if len(given) != 1 or (operator := next(iter(given))) not in OPERATORS:
        remedy = f"Write a value, or one of {', '.join(OPERATORS)} with its value."
        raise EmulatorError("this is no condition on a value", where, remedy)
    return _comparison(operator, given[operator], f"{where}.{operator}")


def _comparison(operator: str, wanted: JSON, where: str) -> Comparison:
    if operator in ("more_than", "less_than") and not is_number(wanted):
        raise EmulatorError(f"{operator} takes a number", where, "Write it without quotes.")
    if operator == "exists" and not isinstance(wanted, bool):
        raise EmulatorError("exists takes true or false", where, "Write it without quotes.")
    return Comparison(operator, wanted)


def _attribute(place: str, where: str) -> str:
    return _place(ATTRIBUTES.aliases.get(place, place), f"{where}.attribute")


def _place(place: str, where: str) -> str:
    group, dot, _ = place.partition(".")
    if dot and group not in _GROUPS:
        what = f"{place!r} is no place on a profile"
        raise EmulatorError(what, where, "Write a default name, or custom. and a name.")
    return place
