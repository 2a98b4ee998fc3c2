"""The one walk over an assembled document that takes out what cannot be used, and names it.

The smallest thing that stays true without the value is taken out with it: a field of a mapping,
a filter, a rule's schema. A switch whose value is not known is off.
"""

from collections.abc import Iterable
from typing import Any

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.importing.values import Unknown, printable, unknown_values
from segment_insider_emulator.workspace.structure import place, schema_faults

# The list of these -> what one of them is called, and the keys that it is nothing without.
_UNITS = {
    "subscriptions": ("subscription", ("trigger", "settings")),
    "filters": ("filter", ("if", "actions")),
    "rules": ("rule", ("type", "key")),
}
_WHOLE = ("jsonSchema",)  # of no use in part: an event would be held to another schema
_ROUNDS = 20  # of checks against the schema, each of which takes more out


class Walk:
    """Takes unknown values out of a document.

    Args:
        findings: Where each one is named.
    """

    def __init__(self, findings: list[Finding]) -> None:
        self._findings = findings
        self.left_out: list[JSONObject] = []

    def document(self, document: JSONObject) -> JSONObject:
        """Return *document* without what is unknown and what a workspace file may not have."""
        known = self._sections(document)
        for _ in range(_ROUNDS):
            if not (marked := _marked(known)):
                break
            known = self._sections(marked)
        return known

    def _sections(self, document: JSONObject) -> JSONObject:
        return {key: self._section(section) for key, section in document.items()}

    def _section(self, section: JSONObject) -> JSONObject:
        """A source, a destination, a plan or one unit of them."""
        found: JSONObject = {}
        for key, value in section.items():
            if key in _UNITS and isinstance(value, list):
                found[key] = self._units(value, *_UNITS[key])
            elif key == "enabled" and isinstance(value, Unknown):
                found[key] = False
                self._name([value], "so that it is off here", "Write true or false.")
            else:
                found |= self._member(key, value)
        return found

    def _member(self, key: str, value: JSON | Unknown) -> JSONObject:
        """{key: value} without what is unknown; {} when nothing of it can stay."""
        inside = [*unknown_values(value)]
        if not inside:
            return {key: value}
        if isinstance(value, dict) and key not in _WHOLE and not _is_directive(value):
            members = [self._member(name, child) for name, child in value.items()]
            left = {name: child for member in members for name, child in member.items()}
            return {key: left} if left else {}
        self._name(inside, "so that it is left out", "Write its value.")
        return {}

    def _units(self, units: list[Any], name: str, needed: tuple[str, ...]) -> list[JSON]:
        left = [self._unit(unit, name, needed) for unit in units]
        return [unit for unit in left if not isinstance(unit, Unknown)]

    def _unit(self, unit: JSON | Unknown, name: str, needed: tuple[str, ...]) -> JSON | Unknown:
        """*unit* without what is unknown; Unknown when it is nothing without it."""
        about = unit if isinstance(unit, dict) else {}
        said = printable(about.get("name") or about.get("title") or about.get("key") or "")
        so = f"so that the {name} {said!r} is left out" if said else f"so the {name} is left out"
        if lost := [*_lost(unit, needed)]:
            self._name(lost, so, "Write its value.", "error")
        elif not about:
            return unit
        else:
            left = self._section(about)
            if all(key in left for key in needed if key in about):
                return left
            what = f"nothing is left of what it is for, {so}"
            self._findings.append(Finding("error", str(said), what, "Write its values."))
        if about:
            self.left_out.append(printable(about))
        return Unknown(so)

    def _name(
        self, values: Iterable[Unknown], so: str, remedy: str, severity: Any = "warning"
    ) -> None:
        for value in values:
            self._findings.append(Finding(severity, value.where, f"{value}, {so}", remedy))


def _lost(unit: JSON | Unknown, needed: tuple[str, ...]) -> Iterable[Unknown]:
    """What is unknown of *unit* and without which it means something else."""
    if not isinstance(unit, dict):
        yield from unknown_values(unit)
        return
    for key in needed:
        if key == "actions" or isinstance(unit.get(key), Unknown):
            yield from unknown_values(unit.get(key))


def _is_directive(value: JSONObject) -> bool:
    """Whether a mapping's object is a directive, which means something else without a part."""
    return any(key.startswith("@") for key in value)


def _marked(document: JSONObject) -> JSONObject | None:
    """A copy of *document* in which what its schema refuses is unknown; None when it is fine."""
    marks: dict[tuple[str | int, ...], Unknown] = {}
    for path, what in schema_faults(document):
        where = place(*path)
        marks[path] = Unknown(where, where, what)
    return _with_marks(document, marks, ()) if marks else None


def _with_marks(
    value: JSON, marks: dict[tuple[str | int, ...], Unknown], path: tuple[str | int, ...]
) -> JSON:
    if path in marks:
        return marks[path]
    if isinstance(value, dict):
        return {key: _with_marks(child, marks, (*path, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [_with_marks(child, marks, (*path, at)) for at, child in enumerate(value)]
    return value
