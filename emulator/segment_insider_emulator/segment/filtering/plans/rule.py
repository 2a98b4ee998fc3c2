"""One rule of a tracking plan: a JSON Schema over the whole event, draft 7.

What the rule says is checked when it is compiled: what of it cannot be checked is left out, and
named. The rest holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jsonschema import Draft7Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

from segment_insider_emulator.segment.filtering.passage import Violation
from segment_insider_emulator.segment.filtering.plans.formats import FORMATS
from segment_insider_emulator.segment.filtering.plans.patterns import searches
from segment_insider_emulator.segment.filtering.plans.references import TooLarge, inlined
from segment_insider_emulator.segment.filtering.plans.usable import Usable
from segment_insider_emulator.segment.filtering.plans.wording import worded
from segment_insider_emulator.types import JSON, JSONObject

MOST = 100  # violations told of one event

Errors = Iterator[ValidationError]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, ready to check events.

    Args:
        kind: "COMMON", "TRACK", "IDENTIFY", "GROUP", "PAGE" or "SCREEN".
        key: The event's name for TRACK, "" for most others.
        version: From 1.
        schema: Its JSON Schema, references replaced by what they name.
        checked: What of it can be checked; True is nothing.
        problems: What of it cannot be checked, and why.
    """

    kind: str
    key: str
    version: int
    schema: JSONObject
    checked: JSON = True
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = f"{self.kind} {self.key}".strip()
        return name if self.kind == "COMMON" else f"{name}, version {self.version}"

    def planned(self, section: str) -> frozenset[str] | None:
        """Names that the rule knows below *section*, "properties" or "traits".

        None where that cannot be read.
        """
        held: JSON = self.schema if self.checked is not True else None
        for name in ("properties", section, "properties"):
            if not isinstance(held, dict):
                return None
            held = held.get(name, {})
        return frozenset(held) if isinstance(held, dict) else None

    def check(self, event: JSONObject) -> tuple[Violation, ...]:
        """What *event* has against this rule, in the order of its schema."""
        validator = VALIDATOR(self.checked, registry=Registry(), format_checker=FORMATS)
        errors = islice(validator.iter_errors(event), MOST)
        return tuple(worded(error, str(self)) for error in errors)


def compile_rule(kind: str, key: str, version: int, schema: JSON) -> Rule:
    """Read a rule. What of it cannot be checked is among its problems."""
    if not isinstance(schema, dict):
        return Rule(kind, key, version, {}, problems=("its jsonSchema is not an object",))
    try:
        whole, faults = inlined(schema)
    except TooLarge as error:
        return Rule(kind, key, version, schema, problems=(str(error),))
    usable = Usable(faults)
    checked = usable.schema(whole)
    return Rule(kind, key, version, whole, checked, tuple(usable.problems))


# What follows replaces keywords of jsonschema: those that search with Python's own engine, and
# those that tell less, or tell it otherwise, than the library that Segment's wording comes from.


def _pattern(own: Any, pattern: str, instance: JSON, schema: JSONObject) -> Errors:
    if isinstance(instance, str) and not searches(pattern, instance):
        yield ValidationError(pattern)


def _pattern_properties(own: Any, given: JSONObject, instance: JSON, schema: JSONObject) -> Errors:
    if isinstance(instance, dict):
        for pattern, below in given.items():
            for key, value in instance.items():
                if searches(pattern, key):
                    yield from own.descend(value, below, path=key, schema_path=pattern)


def _additional(own: Any, allowed: JSON, instance: JSON, schema: JSONObject) -> Errors:
    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in schema.get("properties", {}) or any(searches(each, key) for each in patterns):
            continue
        if allowed is False:
            yield ValidationError(key)
        else:
            yield from own.descend(value, allowed, path=key)


def _required(own: Any, names: list[str], instance: JSON, schema: JSONObject) -> Errors:
    if isinstance(instance, dict):
        yield from (ValidationError(name) for name in names if name not in instance)


def _all_of(own: Any, schemas: list[JSON], instance: JSON, schema: JSONObject) -> Errors:
    found = [
        error
        for index, each in enumerate(schemas)
        for error in own.descend(instance, each, schema_path=index)
    ]
    yield from found
    if found:
        yield ValidationError("allOf")


def _if(own: Any, condition: JSON, instance: JSON, schema: JSONObject) -> Errors:
    branch = "then" if own.evolve(schema=condition).is_valid(instance) else "else"
    found = list(own.descend(instance, schema.get(branch, True), schema_path=branch))
    yield from found
    if found:
        yield ValidationError(branch)


VALIDATOR: Any = extend(  # type: ignore[no-untyped-call]  # its types leave it out
    Draft7Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional,
        "required": _required,
        "allOf": _all_of,
        "if": _if,
    },
)
