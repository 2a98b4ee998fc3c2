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

from segment_insider_emulator.segment.filtering.passage import PlanViolation
from segment_insider_emulator.segment.filtering.plans.formats import FORMAT_CHECKER
from segment_insider_emulator.segment.filtering.plans.patterns import matches_pattern
from segment_insider_emulator.segment.filtering.plans.references import (
    SchemaTooLarge,
    inline_references,
)
from segment_insider_emulator.segment.filtering.plans.usable import SchemaSanitizer
from segment_insider_emulator.segment.filtering.plans.wording import to_violation
from segment_insider_emulator.types import JSON, JSONObject

MAX_VIOLATIONS = 100  # violations told of one event

ValidationErrors = Iterator[ValidationError]


@dataclass(frozen=True, slots=True)
class PlanRule:
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
    checked_schema: JSON = True
    problems: tuple[str, ...] = ()

    def __str__(self) -> str:
        name = f"{self.kind} {self.key}".strip()
        return name if self.kind == "COMMON" else f"{name}, version {self.version}"

    def planned_names(self, section: str) -> frozenset[str] | None:
        """Names that the rule knows below *section*, "properties" or "traits".

        None where that cannot be read.
        """
        held: JSON = self.schema if self.checked_schema is not True else None
        for name in ("properties", section, "properties"):
            if not isinstance(held, dict):
                return None
            held = held.get(name, {})
        return frozenset(held) if isinstance(held, dict) else None

    def find_violations(self, event: JSONObject) -> tuple[PlanViolation, ...]:
        """What *event* has against this rule, in the order of its schema."""
        validator = RULE_VALIDATOR(
            self.checked_schema, registry=Registry(), format_checker=FORMAT_CHECKER
        )
        errors = islice(validator.iter_errors(event), MAX_VIOLATIONS)
        return tuple(to_violation(error, str(self)) for error in errors)


def compile_rule(kind: str, key: str, version: int, schema: JSON) -> PlanRule:
    """Read a rule. What of it cannot be checked is among its problems."""
    if not isinstance(schema, dict):
        return PlanRule(kind, key, version, {}, problems=("its jsonSchema is not an object",))
    try:
        whole, faults = inline_references(schema)
    except SchemaTooLarge as error:
        return PlanRule(kind, key, version, schema, problems=(str(error),))
    usable = SchemaSanitizer(faults)
    checked = usable.sanitize(whole)
    return PlanRule(kind, key, version, whole, checked, tuple(usable.problems))


# What follows replaces keywords of jsonschema: those that search with Python's own engine, and
# those that tell less, or tell it otherwise, than the library that Segment's wording comes from.


def _check_pattern(
    validator: Any, pattern: str, instance: JSON, schema: JSONObject
) -> ValidationErrors:
    if isinstance(instance, str) and not matches_pattern(pattern, instance):
        yield ValidationError(pattern)


def _check_pattern_properties(
    validator: Any, patterns: JSONObject, instance: JSON, schema: JSONObject
) -> ValidationErrors:
    if isinstance(instance, dict):
        for pattern, below in patterns.items():
            for key, value in instance.items():
                if matches_pattern(pattern, key):
                    yield from validator.descend(value, below, path=key, schema_path=pattern)


def _check_additional_properties(
    validator: Any, allowed: JSON, instance: JSON, schema: JSONObject
) -> ValidationErrors:
    if not isinstance(instance, dict):
        return
    patterns = schema.get("patternProperties", {})
    for key, value in instance.items():
        if key in schema.get("properties", {}) or any(
            matches_pattern(each, key) for each in patterns
        ):
            continue
        if allowed is False:
            yield ValidationError(key)
        else:
            yield from validator.descend(value, allowed, path=key)


def _check_required(
    validator: Any, names: list[str], instance: JSON, schema: JSONObject
) -> ValidationErrors:
    if isinstance(instance, dict):
        yield from (ValidationError(name) for name in names if name not in instance)


def _check_all_of(
    validator: Any, schemas: list[JSON], instance: JSON, schema: JSONObject
) -> ValidationErrors:
    found = [
        error
        for index, each in enumerate(schemas)
        for error in validator.descend(instance, each, schema_path=index)
    ]
    yield from found
    if found:
        yield ValidationError("allOf")


def _check_if(
    validator: Any, condition: JSON, instance: JSON, schema: JSONObject
) -> ValidationErrors:
    branch = "then" if validator.evolve(schema=condition).is_valid(instance) else "else"
    found = list(validator.descend(instance, schema.get(branch, True), schema_path=branch))
    yield from found
    if found:
        yield ValidationError(branch)


RULE_VALIDATOR: Any = extend(  # type: ignore[no-untyped-call]  # its types leave it out
    Draft7Validator,
    {
        "pattern": _check_pattern,
        "patternProperties": _check_pattern_properties,
        "additionalProperties": _check_additional_properties,
        "required": _check_required,
        "allOf": _check_all_of,
        "if": _check_if,
    },
)
