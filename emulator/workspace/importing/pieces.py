"""What was found of a workspace, in the shapes of Segment's Public API, before it is assembled."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from emulator.types import JSON, JSONObject
from emulator.workspace.exporting.hcl import Expression
from emulator.workspace.finding import Finding

KINDS = (
    "sources",
    "destinations",
    "subscriptions",
    "filters",
    "plans",
    "rules",
    "connections",
)
# What is looked into before the whole is held against the schema of a workspace file.
_SHAPES = {
    **dict.fromkeys(("id", "metadataId", "sourceId", "destinationId", "trackingPlanId"), str),
    **dict.fromkeys(("settings", "schemaSettings", "metadata"), dict),
    **dict.fromkeys(("rules", "writeKeys"), list),
}
_SAID = {str: "text", dict: "an object", list: "a list"}


@dataclass(slots=True)
class Pieces:
    """Objects by kind, each once, in the order in which they were found.

    Args:
        rules: {"rules": [...]} of a tracking plan, "trackingPlanId" where it is known.
        connections: What a source has of Protocols: "trackingPlanId", "schemaSettings", or both;
            "sourceId" where it is known.
        findings: What could not be taken over on the way here.
    """

    sources: list[JSONObject] = field(default_factory=list)
    destinations: list[JSONObject] = field(default_factory=list)
    subscriptions: list[JSONObject] = field(default_factory=list)
    filters: list[JSONObject] = field(default_factory=list)
    plans: list[JSONObject] = field(default_factory=list)
    rules: list[JSONObject] = field(default_factory=list)
    connections: list[JSONObject] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def add(self, kind: str, piece: JSONObject) -> None:
        """Keep *piece* as one of KINDS, in place of an earlier one with its id.

        What of it has another shape than Segment's is told, and left out.
        """
        piece = {key: value for key, value in piece.items() if self._fits(kind, key, value)}
        kept: list[JSONObject] = getattr(self, kind)
        for at, each in enumerate(kept):
            if piece.get("id") is not None and each.get("id") == piece["id"]:
                kept[at] = each | piece
                return
        kept.append(piece)

    def _fits(self, kind: str, key: str, value: JSON) -> bool:
        shape = _SHAPES.get(key)
        if shape is None or value is None or isinstance(value, shape | Expression):
            return True
        what = f"{key} is not {_SAID[shape]} and is left out"
        self.findings.append(Finding("error", kind, what, "Give it as Segment does."))
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
