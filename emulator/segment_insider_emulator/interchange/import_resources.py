"""Resources found in an import, and the removal of values in them that are unknown.

An unknown value keeps its location until UnknownValueRemover reports it and removes it together
with the smallest part that is useless without it: a mapping field, a filter, a rule's schema.
A switch with an unknown value is off.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias

from segment_insider_emulator.filtering.transformations import EFFECT_KEYS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import (
    WorkspaceFinding,
    format_document_path,
    list_schema_errors,
)

# JSON, UnknownValue, JsonEncodeCall or TemplateValue; objects and lists may contain any of them.
ImportValue: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """A value in an import that cannot be determined, e.g. a Terraform reference.

    Two with the same text are equal.

    Args:
        text: The expression, e.g. "var.trigger".
        where: File, resource and attribute, e.g. "shop.tf: segment_source.web.name".
        reason: Why it is unknown, a clause; "" means that only Terraform can evaluate it.
    """

    text: str
    where: str = field(default="", compare=False)
    reason: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.reason or f"only Terraform knows {self.text}"


@dataclass(frozen=True, slots=True)
class JsonEncodeCall:
    """The argument of a Terraform `jsonencode` call."""

    value: ImportValue


@dataclass(frozen=True, slots=True)
class TemplateValue:
    """A Terraform text with embedded values: its parts, and the text as written."""

    parts: list[ImportValue]
    text: str


def encode_jsonencode_call(encoded: JsonEncodeCall) -> str | UnknownValue:
    """Return the JSON text of a `jsonencode` call; an UnknownValue if a part is unknown."""
    unknown = next(iterate_unknown_values(encoded.value), None)
    return UnknownValue("jsonencode(…)", unknown.where) if unknown else json.dumps(encoded.value)


def replace_jsonencode_calls(
    value: ImportValue,
    encode: Callable[[JsonEncodeCall], str | UnknownValue] = encode_jsonencode_call,
) -> ImportValue:
    """Replace every JsonEncodeCall in *value* by the JSON text that Terraform would produce."""
    if isinstance(value, dict):
        return {key: replace_jsonencode_calls(child, encode) for key, child in value.items()}
    if isinstance(value, list):
        return [replace_jsonencode_calls(child, encode) for child in value]
    return encode(value) if isinstance(value, JsonEncodeCall) else value


def iterate_unknown_values(value: JSON | UnknownValue) -> Iterator[UnknownValue]:
    """Yield every UnknownValue in an imported value, in order."""
    if isinstance(value, UnknownValue):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from iterate_unknown_values(child)
    elif isinstance(value, list):
        for child in value:
            yield from iterate_unknown_values(child)


def replace_unknown_values_by_text(value: JSON | UnknownValue) -> JSON:
    """Return *value* with every UnknownValue in it as text."""
    if isinstance(value, dict):
        return {key: replace_unknown_values_by_text(child) for key, child in value.items()}
    if isinstance(value, list):
        return [replace_unknown_values_by_text(child) for child in value]
    return f"${{{value.text}}}" if isinstance(value, UnknownValue) else value


RESOURCE_KINDS = (
    "sources",
    "destinations",
    "subscriptions",
    "filters",
    "plans",
    "rules",
    "connections",
    "transformations",
    "functions",
    "consents",
)
# Keys that are used before the whole document is validated -> expected type.
_EXPECTED_TYPES = {
    **dict.fromkeys(("id", "metadataId", "sourceId", "destinationId", "trackingPlanId"), str),
    **dict.fromkeys(("settings", "schemaSettings", "metadata"), dict),
    **dict.fromkeys(("rules", "writeKeys"), list),
}
_KINDS_WITH_LOCATION = ("transformations", "functions")  # used only in findings
_EXPECTED_TYPE_NAMES = {str: "text", dict: "an object", list: "a list"}


@dataclass(slots=True)
class ImportedResources:
    """The resources of an import by kind, without duplicates, in the order of the files.

    Args:
        rules: {"rules": [...]} of a tracking plan, with "trackingPlanId" when it is known.
        connections: A source's "trackingPlanId", "schemaSettings", or both, with "sourceId" when
            it is known.
        transformations, functions: They change events; "place" is for messages.
        consents: The consent settings of a source, as Segment's CDN serves them.
        findings: Problems found while the files were read.
    """

    sources: list[JSONObject] = field(default_factory=list)
    destinations: list[JSONObject] = field(default_factory=list)
    subscriptions: list[JSONObject] = field(default_factory=list)
    filters: list[JSONObject] = field(default_factory=list)
    plans: list[JSONObject] = field(default_factory=list)
    rules: list[JSONObject] = field(default_factory=list)
    connections: list[JSONObject] = field(default_factory=list)
    transformations: list[JSONObject] = field(default_factory=list)
    functions: list[JSONObject] = field(default_factory=list)
    consents: list[JSONObject] = field(default_factory=list)
    findings: list[WorkspaceFinding] = field(default_factory=list)
    _positions: dict[tuple[str, JSON], int] = field(default_factory=dict)

    def add_resource(
        self, kind: str, resource: JSONObject, where: str = "", *, deduplicate: bool = False
    ) -> None:
        """Add a resource to the import, or merge it into an earlier one with the same id.

        What of it has another shape than Segment's is named in the findings, and left out.

        Args:
            where: File and resource, for messages.
            once: Whether another one that has no id and is the same is this one.
        """
        if not where:
            label = replace_unknown_values_by_text(resource.get("name") or resource.get("id") or "")
            where = f"{kind} {label}".strip()
        if kind != "functions":  # only reported, so their types do not matter
            resource = {
                key: value
                for key, value in resource.items()
                if self._has_expected_value_type(where, key, value)
            }
        if "enabled" in resource and not isinstance(resource["enabled"], bool | UnknownValue):
            reason = "enabled is neither true nor false"
            resource["enabled"] = UnknownValue("enabled", f"{where}.enabled", reason)
        if kind in _KINDS_WITH_LOCATION:
            resource.setdefault("place", where)
        known: list[JSONObject] = getattr(self, kind)
        name = resource.get("id")
        if name is None:
            name = (
                json.dumps(replace_unknown_values_by_text(resource), sort_keys=True)
                if deduplicate
                else len(known)
            )
        index = self._positions.setdefault((kind, name), len(known))
        if index < len(known):
            known[index] |= resource
        else:
            known.append(resource)

    def _has_expected_value_type(self, where: str, key: str, value: JSON) -> bool:
        shape = _EXPECTED_TYPES.get(key)
        if shape is None or value is None or isinstance(value, shape | UnknownValue):
            return True
        what = f"{key} is not {_EXPECTED_TYPE_NAMES[shape]} and is left out"
        self.findings.append(
            WorkspaceFinding("error", where, what, "Write it as Segment's Public API does.")
        )
        return False

    def __bool__(self) -> bool:
        return any(getattr(self, kind) for kind in RESOURCE_KINDS)


def merge_imported_resources(parts: Iterable[ImportedResources]) -> ImportedResources:
    """Merge the resources of several imported files into one result."""
    merged = ImportedResources()
    for part in parts:
        merged.findings += part.findings
        for kind in RESOURCE_KINDS:
            for piece in getattr(part, kind):
                merged.add_resource(kind, piece)
    return merged


_SCHEMA_LOCATIONS = {
    "source": ("properties", "source"),
    "destination": ("properties", "destination"),
    "subscription": ("$defs", "subscription"),
    "filter": ("$defs", "filter"),
    "consent settings": ("properties", "consentSettings"),
    "transformation": ("$defs", "transformation"),
}


@cache
def list_schema_keys(kind: str) -> frozenset[str]:
    """Return the keys that the workspace schema allows in one kind of section, e.g. "filter"."""
    text = files("segment_insider_emulator.workspace").joinpath("schema.json").read_text("utf-8")
    group, name = _SCHEMA_LOCATIONS[kind]
    return frozenset(json.loads(text)[group][name].get("properties", {}))


# Of a transformation; without one of them it would make another event.
TRANSFORMATION_KEYS = ("name", "if", *EFFECT_KEYS)
# Keys of list items that are useless in part.
_WHOLE_KEYS = ("actions", *EFFECT_KEYS)
# Key of a list -> name of one item, and the keys that an item requires.
_REMOVABLE_ITEMS = {
    "subscriptions": ("subscription", ("trigger", "settings")),
    "filters": ("filter", ("if", "actions")),
    "rules": ("rule", ("type", "key")),
    "transformations": ("transformation", TRANSFORMATION_KEYS),
    **dict.fromkeys(("insert", "source", "sourceInsert"), ("function", ("name", "code"))),
}
_INDIVISIBLE_KEYS = ("jsonSchema",)  # useless in part: it would be another schema
_MAX_SCHEMA_CHECKS = 20  # each check may remove more


class UnknownValueRemover:
    """Removes values that a workspace file cannot have from an import, and reports each.

    Args:
        findings: List to which the reports are added.
    """

    def __init__(self, findings: list[WorkspaceFinding]) -> None:
        self._findings = findings
        self.removed_items: list[JSONObject] = []

    def clean_document(self, document: JSONObject) -> JSONObject:
        """Return a workspace document without unknown values and what the schema rejects."""
        known = self._clean_sections(document)
        for _ in range(_MAX_SCHEMA_CHECKS):
            if not (marked := _mark_schema_errors(known)):
                break
            known = self._clean_sections(marked)
        return known

    def _clean_sections(self, document: JSONObject) -> JSONObject:
        return {
            key: self._clean_list_items(section, *_REMOVABLE_ITEMS[key])
            if isinstance(section, list)
            else self._clean_section(section)
            for key, section in document.items()
        }

    def _clean_section(self, section: JSONObject) -> JSONObject:
        """Remove unknown values from a source, a destination, a tracking plan, or a list item."""
        cleaned: JSONObject = {}
        for key, value in section.items():
            if key in _REMOVABLE_ITEMS and isinstance(value, list):
                cleaned[key] = self._clean_list_items(value, *_REMOVABLE_ITEMS[key])
            elif key == "enabled" and isinstance(value, UnknownValue):
                cleaned[key] = False
                self._report_removed_values([value], "so it is off here", "Write true or false.")
            else:
                cleaned |= self._clean_member(key, value)
        return cleaned

    def _clean_member(self, key: str, value: JSON | UnknownValue) -> JSONObject:
        """Return {key: value} without values that cannot be determined; else {}."""
        unknown = [*iterate_unknown_values(value)]
        if not unknown:
            return {key: value}
        if (
            isinstance(value, dict)
            and key not in _INDIVISIBLE_KEYS
            and not _is_mapping_directive(value)
        ):
            members = [self._clean_member(name, child) for name, child in value.items()]
            remaining = {name: child for member in members for name, child in member.items()}
            return {key: remaining} if remaining else {}
        self._report_removed_values(unknown, "so it is left out", "Write its value.")
        return {}

    def _clean_list_items(
        self, items: list[Any], item_name: str, required_keys: tuple[str, ...]
    ) -> list[JSON]:
        cleaned = [self._clean_item(unit, item_name, required_keys) for unit in items]
        return [unit for unit in cleaned if not isinstance(unit, UnknownValue)]

    def _clean_item(
        self, item: JSON | UnknownValue, item_name: str, required_keys: tuple[str, ...]
    ) -> JSON | UnknownValue:
        """Remove unknown values from a list item; return an UnknownValue if it is useless then."""
        members = item if isinstance(item, dict) else {}
        label = replace_unknown_values_by_text(
            members.get("name") or members.get("title") or members.get("key") or ""
        )
        consequence = (
            f"so the {item_name} {label!r} is left out"
            if label
            else f"so the {item_name} is left out"
        )
        if missing := [*_iterate_indispensable_unknown_values(item, required_keys)]:
            self._report_removed_values(missing, consequence, "Write its value.", "error")
        elif not members:
            return item
        else:
            cleaned = self._clean_section(members)
            if all(key in cleaned for key in required_keys if key in members):
                return cleaned
            what = f"nothing is left of what it is for, {consequence}"
            self._findings.append(WorkspaceFinding("error", str(label), what, "Write its values."))
        if members:
            self.removed_items.append(replace_unknown_values_by_text(members))
        return UnknownValue(consequence)

    def _report_removed_values(
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


def _iterate_indispensable_unknown_values(
    item: JSON | UnknownValue, required_keys: tuple[str, ...]
) -> Iterable[UnknownValue]:
    """Yield the unknown values without which a list item would have another meaning."""
    if not isinstance(item, dict):
        yield from iterate_unknown_values(item)
        return
    for key in required_keys:
        if key in _WHOLE_KEYS or isinstance(item.get(key), UnknownValue):
            yield from iterate_unknown_values(item.get(key))


def _is_mapping_directive(value: JSONObject) -> bool:
    """Return whether an object in a mapping is a directive: it has a key that starts with "@"."""
    return any(key.startswith("@") for key in value)


def _mark_schema_errors(document: JSONObject) -> JSONObject | None:
    """Replace what the workspace schema rejects by unknown values; None if nothing is rejected."""
    marks: dict[tuple[str | int, ...], UnknownValue] = {}
    for path, what in list_schema_errors(document):
        where = format_document_path(*path)
        marks[path] = UnknownValue(where, where, what)
    return _mark_values_as_unknown(document, marks, ()) if marks else None


def _mark_values_as_unknown(
    value: JSON, marks: dict[tuple[str | int, ...], UnknownValue], path: tuple[str | int, ...]
) -> JSON:
    if path in marks:
        return marks[path]
    if isinstance(value, dict):
        return {
            key: _mark_values_as_unknown(child, marks, (*path, key)) for key, child in value.items()
        }
    if isinstance(value, list):
        return [
            _mark_values_as_unknown(child, marks, (*path, index))
            for index, child in enumerate(value)
        ]
    return value
