"""Values of an import that are not JSON yet, or that it cannot use.

Those keep their place until one walk names them.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import WorkspaceFinding

# JSON, Unknown, Encoded or Template; objects and lists may hold any of them.
ImportValue: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class UnknownValue:
    """A value that is not known here. Two are equal when they have the same text.

    Args:
        text: What is written in its place, e.g. "var.trigger".
        where: File, resource and attribute, e.g. "shop.tf: segment_source.web.name".
        reason: Why it is not known, a clause; "" is that only Terraform can work it out.
    """

    text: str
    where: str = field(default="", compare=False)
    reason: str = field(default="", compare=False)

    def __str__(self) -> str:
        return self.reason or f"only Terraform knows {self.text}"


@dataclass(frozen=True, slots=True)
class JsonEncodedValue:
    """The argument of `jsonencode`: JSON whose text was never written."""

    value: ImportValue


@dataclass(frozen=True, slots=True)
class TemplateValue:
    """A text with values in it: parts that are joined, and how it is written."""

    parts: list[ImportValue]
    text: str


def encode_json_text(encoded: JsonEncodedValue) -> str | UnknownValue:
    """Write the JSON text of a `jsonencode`; Unknown when a value in it is not known."""
    inside = next(iterate_unknown_values(encoded.value), None)
    return UnknownValue("jsonencode(…)", inside.where) if inside else json.dumps(encoded.value)


def replace_encoded_values(
    value: ImportValue, encode: Callable[[JsonEncodedValue], str | UnknownValue] = encode_json_text
) -> ImportValue:
    """Replace each Encoded in *value* by its text."""
    if isinstance(value, dict):
        return {key: replace_encoded_values(child, encode) for key, child in value.items()}
    if isinstance(value, list):
        return [replace_encoded_values(child, encode) for child in value]
    return encode(value) if isinstance(value, JsonEncodedValue) else value


def iterate_unknown_values(value: JSON | UnknownValue) -> Iterator[UnknownValue]:
    """Yield every unknown value in *value*, in order."""
    if isinstance(value, UnknownValue):
        yield value
    elif isinstance(value, dict):
        for child in value.values():
            yield from iterate_unknown_values(child)
    elif isinstance(value, list):
        for child in value:
            yield from iterate_unknown_values(child)


def make_printable(value: JSON | UnknownValue) -> JSON:
    """Return *value* with each unknown value as text."""
    if isinstance(value, dict):
        return {key: make_printable(child) for key, child in value.items()}
    if isinstance(value, list):
        return [make_printable(child) for child in value]
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
)
# What is looked into before the whole is held against the schema of a workspace file.
_EXPECTED_TYPES = {
    **dict.fromkeys(("id", "metadataId", "sourceId", "destinationId", "trackingPlanId"), str),
    **dict.fromkeys(("settings", "schemaSettings", "metadata"), dict),
    **dict.fromkeys(("rules", "writeKeys"), list),
}
_KINDS_WITH_LOCATION = ("transformations", "functions")  # nothing of which gets into a document
_EXPECTED_TYPE_NAMES = {str: "text", dict: "an object", list: "a list"}


@dataclass(slots=True)
class ImportedResources:
    """Objects by kind, each once, in the order in which they were found.

    Args:
        rules: {"rules": [...]} of a tracking plan, "trackingPlanId" where it is known.
        connections: What a source has of Protocols: "trackingPlanId", "schemaSettings", or both;
            "sourceId" where it is known.
        transformations, functions: What changes events on their way; "place" is for messages.
        findings: What could not be taken over on the way here.
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
    findings: list[WorkspaceFinding] = field(default_factory=list)
    _positions: dict[tuple[str, JSON], int] = field(default_factory=dict)

    def add_resource(
        self, kind: str, resource: JSONObject, where: str = "", *, deduplicate: bool = False
    ) -> None:
        """Keep *piece* as one of KINDS, in place of an earlier one with its id.

        What of it has another shape than Segment's is named in the findings, and left out.

        Args:
            where: File and resource, for messages.
            once: Whether another one that has no id and is the same is this one.
        """
        where = (
            where
            or f"{kind} {make_printable(resource.get('name') or resource.get('id') or '')}".strip()
        )
        if kind != "functions":  # of which nothing is looked into
            resource = {
                key: value
                for key, value in resource.items()
                if self._has_expected_type(where, key, value)
            }
        if "enabled" in resource and not isinstance(resource["enabled"], bool | UnknownValue):
            reason = "enabled is neither true nor false"
            resource["enabled"] = UnknownValue("enabled", f"{where}.enabled", reason)
        if kind in _KINDS_WITH_LOCATION:
            resource.setdefault("place", where)
        kept: list[JSONObject] = getattr(self, kind)
        name = resource.get("id")
        if name is None:
            name = (
                json.dumps(make_printable(resource), sort_keys=True) if deduplicate else len(kept)
            )
        at = self._positions.setdefault((kind, name), len(kept))
        if at < len(kept):
            kept[at] |= resource
        else:
            kept.append(resource)

    def _has_expected_type(self, where: str, key: str, value: JSON) -> bool:
        shape = _EXPECTED_TYPES.get(key)
        if shape is None or value is None or isinstance(value, shape | UnknownValue):
            return True
        what = f"{key} is not {_EXPECTED_TYPE_NAMES[shape]} and is left out"
        self.findings.append(WorkspaceFinding("error", where, what, "Give it as Segment does."))
        return False

    def __bool__(self) -> bool:
        return any(getattr(self, kind) for kind in RESOURCE_KINDS)


def merge_resources(parts: Iterable[ImportedResources]) -> ImportedResources:
    """All pieces as one."""
    whole = ImportedResources()
    for each in parts:
        whole.findings += each.findings
        for kind in RESOURCE_KINDS:
            for piece in getattr(each, kind):
                whole.add_resource(kind, piece)
    return whole
