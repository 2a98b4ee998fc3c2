"""What was found of a workspace, in the shapes of Segment's Public API, before it is assembled."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.importing.values import UnknownValue, make_printable

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
