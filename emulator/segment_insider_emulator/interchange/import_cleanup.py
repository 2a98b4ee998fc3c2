"""Which keys a workspace file has a place for, as its JSON Schema lists them."""

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from segment_insider_emulator.interchange.import_resources import (
    UnknownValue,
    iterate_unknown_values,
    make_printable,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import (
    WorkspaceFinding,
    format_path,
    list_schema_errors,
)

_SCHEMA_LOCATIONS = {
    "source": ("properties", "source"),
    "destination": ("properties", "destination"),
    "subscription": ("$defs", "subscription"),
    "filter": ("$defs", "filter"),
}


@cache
def list_schema_keys(kind: str) -> frozenset[str]:
    """The keys of a "source", "destination", "subscription" or "filter"."""
    text = files("segment_insider_emulator.workspace").joinpath("schema.json").read_text("utf-8")
    group, name = _SCHEMA_LOCATIONS[kind]
    return frozenset(json.loads(text)[group][name].get("properties", {}))


# The list of these -> what one of them is called, and the keys that it is nothing without.
_REMOVABLE_ITEMS = {
    "subscriptions": ("subscription", ("trigger", "settings")),
    "filters": ("filter", ("if", "actions")),
    "rules": ("rule", ("type", "key")),
}
_INDIVISIBLE_KEYS = ("jsonSchema",)  # of no use in part: an event would be held to another schema
_MAX_SCHEMA_CHECKS = 20  # of checks against the schema, each of which takes more out


class UnknownValueRemover:
    """Takes unknown values out of a document.

    Args:
        findings: Where each one is named.
    """

    def __init__(self, findings: list[WorkspaceFinding]) -> None:
        self._findings = findings
        self.removed_items: list[JSONObject] = []

    def clean_document(self, document: JSONObject) -> JSONObject:
        """Return *document* without what is unknown and what a workspace file may not have."""
        known = self._clean_sections(document)
        for _ in range(_MAX_SCHEMA_CHECKS):
            if not (marked := _mark_schema_errors(known)):
                break
            known = self._clean_sections(marked)
        return known

    def _clean_sections(self, document: JSONObject) -> JSONObject:
        return {key: self._clean_section(section) for key, section in document.items()}

    def _clean_section(self, section: JSONObject) -> JSONObject:
        """A source, a destination, a plan or one unit of them."""
        found: JSONObject = {}
        for key, value in section.items():
            if key in _REMOVABLE_ITEMS and isinstance(value, list):
                found[key] = self._clean_items(value, *_REMOVABLE_ITEMS[key])
            elif key == "enabled" and isinstance(value, UnknownValue):
                found[key] = False
                self._report_removed([value], "so that it is off here", "Write true or false.")
            else:
                found |= self._clean_member(key, value)
        return found

    def _clean_member(self, key: str, value: JSON | UnknownValue) -> JSONObject:
        """{key: value} without what is unknown; {} when nothing of it can stay."""
        inside = [*iterate_unknown_values(value)]
        if not inside:
            return {key: value}
        if (
            isinstance(value, dict)
            and key not in _INDIVISIBLE_KEYS
            and not _is_mapping_directive(value)
        ):
            members = [self._clean_member(name, child) for name, child in value.items()]
            left = {name: child for member in members for name, child in member.items()}
            return {key: left} if left else {}
        self._report_removed(inside, "so that it is left out", "Write its value.")
        return {}

    def _clean_items(
        self, items: list[Any], item_name: str, required_keys: tuple[str, ...]
    ) -> list[JSON]:
        left = [self._clean_item(unit, item_name, required_keys) for unit in items]
        return [unit for unit in left if not isinstance(unit, UnknownValue)]

    def _clean_item(
        self, item: JSON | UnknownValue, item_name: str, required_keys: tuple[str, ...]
    ) -> JSON | UnknownValue:
        """*unit* without what is unknown; Unknown when it is nothing without it."""
        about = item if isinstance(item, dict) else {}
        said = make_printable(about.get("name") or about.get("title") or about.get("key") or "")
        so = (
            f"so that the {item_name} {said!r} is left out"
            if said
            else f"so the {item_name} is left out"
        )
        if lost := [*_required_unknown_values(item, required_keys)]:
            self._report_removed(lost, so, "Write its value.", "error")
        elif not about:
            return item
        else:
            left = self._clean_section(about)
            if all(key in left for key in required_keys if key in about):
                return left
            what = f"nothing is left of what it is for, {so}"
            self._findings.append(WorkspaceFinding("error", str(said), what, "Write its values."))
        if about:
            self.removed_items.append(make_printable(about))
        return UnknownValue(so)

    def _report_removed(
        self,
        values: Iterable[UnknownValue],
        consequence: str,
        remedy: str,
        severity: Any = "warning",
    ) -> None:
        for value in values:
            self._findings.append(
                WorkspaceFinding(severity, value.where, f"{value}, {consequence}", remedy)
            )


def _required_unknown_values(
    item: JSON | UnknownValue, required_keys: tuple[str, ...]
) -> Iterable[UnknownValue]:
    """What is unknown of *unit* and without which it means something else."""
    if not isinstance(item, dict):
        yield from iterate_unknown_values(item)
        return
    for key in required_keys:
        if key == "actions" or isinstance(item.get(key), UnknownValue):
            yield from iterate_unknown_values(item.get(key))


def _is_mapping_directive(value: JSONObject) -> bool:
    """Whether a mapping's object is a directive, which means something else without a part."""
    return any(key.startswith("@") for key in value)


def _mark_schema_errors(document: JSONObject) -> JSONObject | None:
    """A copy of *document* in which what its schema refuses is unknown; None when it is fine."""
    marks: dict[tuple[str | int, ...], UnknownValue] = {}
    for path, what in list_schema_errors(document):
        where = format_path(*path)
        marks[path] = UnknownValue(where, where, what)
    return _replace_marked(document, marks, ()) if marks else None


def _replace_marked(
    value: JSON, marks: dict[tuple[str | int, ...], UnknownValue], path: tuple[str | int, ...]
) -> JSON:
    if path in marks:
        return marks[path]
    if isinstance(value, dict):
        return {key: _replace_marked(child, marks, (*path, key)) for key, child in value.items()}
    if isinstance(value, list):
        return [_replace_marked(child, marks, (*path, at)) for at, child in enumerate(value)]
    return value
