"""What was found of a workspace, in the shapes of Segment's Public API, before it is assembled."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.importing.values import Unknown, printable

KINDS = (
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
_SHAPES = {
    **dict.fromkeys(("id", "metadataId", "sourceId", "destinationId", "trackingPlanId"), str),
    **dict.fromkeys(("settings", "schemaSettings", "metadata"), dict),
    **dict.fromkeys(("rules", "writeKeys"), list),
}
_NAMED_BY_PLACE = ("transformations", "functions")  # nothing of which gets into a document
_SAID = {str: "text", dict: "an object", list: "a list"}


@dataclass(slots=True)
class Pieces:
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
    findings: list[Finding] = field(default_factory=list)
    _positions: dict[tuple[str, JSON], int] = field(default_factory=dict)

    def add(self, kind: str, piece: JSONObject, where: str = "", *, once: bool = False) -> None:
        """Keep *piece* as one of KINDS, in place of an earlier one with its id.

        What of it has another shape than Segment's is named in the findings, and left out.

        Args:
            where: File and resource, for messages.
            once: Whether another one that has no id and is the same is this one.
        """
        where = where or f"{kind} {printable(piece.get('name') or piece.get('id') or '')}".strip()
        if kind != "functions":  # of which nothing is looked into
            piece = {key: value for key, value in piece.items() if self._fits(where, key, value)}
        if "enabled" in piece and not isinstance(piece["enabled"], bool | Unknown):
            reason = "enabled is neither true nor false"
            piece["enabled"] = Unknown("enabled", f"{where}.enabled", reason)
        if kind in _NAMED_BY_PLACE:
            piece.setdefault("place", where)
        kept: list[JSONObject] = getattr(self, kind)
        name = piece.get("id")
        if name is None:
            name = json.dumps(printable(piece), sort_keys=True) if once else len(kept)
        at = self._positions.setdefault((kind, name), len(kept))
        if at < len(kept):
            kept[at] |= piece
        else:
            kept.append(piece)

    def _fits(self, where: str, key: str, value: JSON) -> bool:
        shape = _SHAPES.get(key)
        if shape is None or value is None or isinstance(value, shape | Unknown):
            return True
        what = f"{key} is not {_SAID[shape]} and is left out"
        self.findings.append(Finding("error", where, what, "Give it as Segment does."))
        return False

    def __bool__(self) -> bool:
        return any(getattr(self, kind) for kind in KINDS)


def joined(many: Iterable[Pieces]) -> Pieces:
    """All pieces as one."""
    whole = Pieces()
    for each in many:
        whole.findings += each.findings
        for kind in KINDS:
            for piece in getattr(each, kind):
                whole.add(kind, piece)
    return whole
