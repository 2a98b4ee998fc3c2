"""Transformations and functions, which change events on their way and do nothing here.

Source: Segment, Protocols transformations; insert functions; Terraform provider 1.6.0.
"""

from collections.abc import Iterator

from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.exporting.identity import DESTINATION_METADATA_ID
from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.importing.pieces import ImportedResources
from segment_insider_emulator.workspace.importing.values import UnknownValue, make_printable

_TRANSFORMATION_REMEDY = (
    "Send the events as they are after it, or change the mapping to what it makes of them."
)


def find_transformations(
    resources: ImportedResources, destination: JSONObject, source_id: JSON
) -> Iterator[WorkspaceFinding]:
    """Yield what would change the events of this source on their way to this destination.

    Args:
        source: Id of the source, where it is known.
    """
    own_source = destination.get("sourceId") or source_id
    for piece in resources.transformations:
        catalogue_id = piece.get("destinationMetadataId")
        ours = catalogue_id in (None, "", DESTINATION_METADATA_ID) or isinstance(
            catalogue_id, UnknownValue
        )
        ours = ours and _may_refer_to(piece.get("sourceId"), (own_source,), resources)
        yield _transformation_finding(piece, "the transformation", ours, "events of this source")
    for piece in resources.functions:
        if "functionId" in piece or "integrationId" in piece:
            ends = (destination.get("id"), own_source)
            ours = _may_refer_to(piece.get("integrationId"), ends, resources)
            yield _transformation_finding(
                piece, "the insert function", ours, "events of this destination"
            )
        else:
            ours = piece.get("resourceType") != "DESTINATION"
            yield _transformation_finding(
                piece, "the function", ours, "events that pass through it"
            )


def _may_refer_to(
    referenced_id: JSON, candidate_ids: tuple[JSON, ...], resources: ImportedResources
) -> bool:
    """Whether an id is one of our *own*, as far as they are known."""
    if referenced_id in (None, "") or referenced_id in candidate_ids:
        return True
    if referenced_id in (each.get("id") for each in (*resources.destinations, *resources.sources)):
        return False
    return isinstance(referenced_id, UnknownValue) or None in candidate_ids


def _transformation_finding(
    resource: JSONObject, description: str, applies: bool, affected_events: str
) -> WorkspaceFinding:
    name = make_printable(resource.get("name") or resource.get("displayName") or resource.get("id"))
    where = resource["place"]
    said = f"{description} {name!r}"
    if not applies:
        return WorkspaceFinding(
            "note", where, f"{said} is another road's and is left out", "Nothing to do."
        )
    if resource.get("enabled", True) is False:
        return WorkspaceFinding("note", where, f"{said} is off and is left out", "Nothing to do.")
    renamed = resource.get("newEventName")
    more = f": it renames events to {renamed!r}" if isinstance(renamed, str) and renamed else ""
    what = f"{said} changes {affected_events} at Segment and does nothing here{more}"
    return WorkspaceFinding("warning", where, what, _TRANSFORMATION_REMEDY)
