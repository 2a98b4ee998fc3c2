"""Transformations and functions, which change events on their way and do nothing here.

Source: Segment, Protocols transformations; insert functions; Terraform provider 1.6.0.
"""

from collections.abc import Iterator

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.exporting.identity import METADATA_ID
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.importing.pieces import Pieces
from segment_insider_emulator.workspace.importing.values import Unknown, printable

_REMEDY = "Send the events as they are after it, or change the mapping to what it makes of them."


def alterations(pieces: Pieces, destination: JSONObject, source: JSON) -> Iterator[Finding]:
    """Yield what would change the events of this source on their way to this destination.

    Args:
        source: Id of the source, where it is known.
    """
    own_source = destination.get("sourceId") or source
    for piece in pieces.transformations:
        catalogue_id = piece.get("destinationMetadataId")
        ours = catalogue_id in (None, "", METADATA_ID) or isinstance(catalogue_id, Unknown)
        ours = ours and _may_be(piece.get("sourceId"), (own_source,), pieces)
        yield _finding(piece, "the transformation", ours, "events of this source")
    for piece in pieces.functions:
        if "functionId" in piece or "integrationId" in piece:
            ends = (destination.get("id"), own_source)
            ours = _may_be(piece.get("integrationId"), ends, pieces)
            yield _finding(piece, "the insert function", ours, "events of this destination")
        else:
            ours = piece.get("resourceType") != "DESTINATION"
            yield _finding(piece, "the function", ours, "events that pass through it")


def _may_be(theirs: JSON, own: tuple[JSON, ...], pieces: Pieces) -> bool:
    """Whether an id is one of our *own*, as far as they are known."""
    if theirs in (None, "") or theirs in own:
        return True
    if theirs in (each.get("id") for each in (*pieces.destinations, *pieces.sources)):
        return False
    return isinstance(theirs, Unknown) or None in own


def _finding(piece: JSONObject, kind: str, ours: bool, whose: str) -> Finding:
    name = printable(piece.get("name") or piece.get("displayName") or piece.get("id"))
    where = piece["place"]
    said = f"{kind} {name!r}"
    if not ours:
        return Finding("note", where, f"{said} is another road's and is left out", "Nothing to do.")
    if piece.get("enabled", True) is False:
        return Finding("note", where, f"{said} is off and is left out", "Nothing to do.")
    renamed = piece.get("newEventName")
    more = f": it renames events to {renamed!r}" if isinstance(renamed, str) and renamed else ""
    what = f"{said} changes {whose} at Segment and does nothing here{more}"
    return Finding("warning", where, what, _REMEDY)
