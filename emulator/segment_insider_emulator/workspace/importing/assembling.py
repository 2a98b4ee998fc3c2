"""Pieces put together to a workspace file; what has no place in it is named in the findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.catalog import DESTINATION_NAME, DESTINATION_SLUG
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.exporting.identity import METADATA_ID
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.importing import protocols
from segment_insider_emulator.workspace.importing.alterations import alterations
from segment_insider_emulator.workspace.importing.leaving_out import Walk
from segment_insider_emulator.workspace.importing.pieces import Pieces
from segment_insider_emulator.workspace.importing.places import keys
from segment_insider_emulator.workspace.importing.subscriptions import subscription
from segment_insider_emulator.workspace.importing.values import Unknown, printable, unknown_values
from segment_insider_emulator.workspace.parsing import check_values
from segment_insider_emulator.workspace.structure import place

# What an emulator uses until somebody writes the real thing.
ACCOUNT, KEY, WRITE_KEY, SOURCE_NAME = "mybrand", "test-key", "wk_demo", "Imported source"
MASK = "•"  # what Segment's Git Sync writes in place of a secret begins with it
_KEY_REMEDY = "Nothing to do: the emulated account takes it."
_CATALOGUE = ("id", "slug", "name")


@dataclass(frozen=True, slots=True)
class Imported:
    """A workspace document, what its reader should know, and the subscriptions left out of it."""

    document: JSONObject
    findings: list[Finding] = field(default_factory=list)
    left_out: list[JSONObject] = field(default_factory=list)


def assembled(pieces: Pieces, wanted: str | None = None, *, keep_secrets: bool = False) -> Imported:
    """Put one destination and what belongs to it together.

    What is not known, or has another shape than a workspace file takes, is left out and named: the
    document can be loaded.

    Args:
        wanted: Id of the destination, where the pieces have several of Insider One's.
    Raises: EmulatorError, when there is none, or more than one and none is *wanted*; or when the
        document is larger than a workspace file may be.
    """
    own, others = _chosen(pieces, wanted)
    imported = Imported({}, list(pieces.findings))
    findings = imported.findings
    source = _controlled(_source(pieces, own, findings), pieces, own, findings)
    destination = _destination(own, findings, keep_secrets=keep_secrets)
    destination["subscriptions"] = list(_subscriptions(pieces, own, imported))
    if filters := list(_filters(pieces, own, findings)):
        destination["filters"] = filters
    document: JSONObject = {"source": source, "destination": destination}
    if plan := protocols.plan(pieces, own.get("sourceId") or source.get("id"), findings):
        document["trackingPlan"] = plan
    walk = Walk(findings)
    imported.document.update(walk.document(document))
    imported.left_out.extend(walk.left_out)
    findings.extend(protocols.problems(imported.document.get("trackingPlan")))
    findings.extend(alterations(pieces, own, source.get("id")))
    for other in others:
        what = f"the destination {_name(other)!r} is another one and is left out"
        findings.append(_note(_place(other), what, "Nothing to do."))
    check_values(imported.document, "the workspace file")
    return imported


def _chosen(pieces: Pieces, wanted: str | None) -> tuple[JSONObject, list[JSONObject]]:
    known = [each for each in pieces.destinations if _is_insider(each)]
    if not known and wanted is None:
        known = [each for each in pieces.destinations if isinstance(_catalogue_id(each), Unknown)]
        for each in known:
            reason: Unknown = _catalogue_id(each)
            what = f"{reason}, so that the destination is taken as Insider One's"
            remedy = f"Write its metadata.id, {METADATA_ID}."
            pieces.findings.append(Finding("warning", reason.where, what, remedy))
    candidates = [each for each in known if wanted in (None, each.get("id"))]
    if len(candidates) > 1:
        ids = ", ".join(map(_place, candidates))
        remedy = f"Name one with --destination: {ids}."
        raise EmulatorError(f"{len(candidates)} destinations are Insider One's", "", remedy)
    if candidates:
        return candidates[0], [each for each in pieces.destinations if each is not candidates[0]]
    if wanted is not None:
        ids = ", ".join(map(_place, known)) or "none"
        what = f"no destination of Insider One's has the id {wanted!r}"
        raise EmulatorError(what, "", f"There are: {ids}.")
    if pieces.destinations or not pieces.subscriptions:
        remedy = f"Give what Segment answers about {DESTINATION_NAME}, or Terraform's resources."
        raise EmulatorError("no destination of Insider One's is in here", "", remedy)
    return {}, []


def _catalogue_id(destination: JSONObject) -> JSON:
    metadata = destination.get("metadata")
    return metadata.get("id") if isinstance(metadata, dict) else metadata


def _is_insider(destination: JSONObject) -> bool:
    metadata = destination.get("metadata")
    slug = metadata.get("slug") if isinstance(metadata, dict) else None
    settings = destination.get("settings")
    return (
        METADATA_ID in (_catalogue_id(destination), destination.get("metadataId"))
        or slug == DESTINATION_SLUG
        or (isinstance(settings, dict) and "ucd_key" in settings)
    )


def _source(pieces: Pieces, own: JSONObject, findings: list[Finding]) -> JSONObject:
    wanted = own.get("sourceId")
    known = pieces.sources
    found = next((each for each in known if each.get("id") == wanted), None)
    if found is None and len(known) == 1 and not isinstance(wanted, str):
        found = known[0]
    if found is None:
        what = f"nothing is said about the source, so that it has the write key {WRITE_KEY}"
        remedy = "Give the answer of GET /sources/{id} too, or write its name and write key."
        if isinstance(wanted, Unknown):
            findings.append(Finding("warning", wanted.where, f"{wanted}, so that {what}", remedy))
        else:
            findings.append(_note("source", what, remedy))
        return {"name": SOURCE_NAME, "writeKey": WRITE_KEY} | _ids(wanted)
    if isinstance(wanted, Unknown) and found.get("id") != wanted:
        what = f"{wanted}, so that the only source is taken as this destination's"
        findings.append(Finding("warning", wanted.where, what, "Name the source there."))
    kept = _kept(found, "source", "source", findings)
    keys = _write_keys(found.get("writeKeys"), findings)
    named = {"name": _source_name(kept.get("name"), findings), "writeKey": (keys or [WRITE_KEY])[0]}
    return named | kept | named | ({"writeKeys": keys} if keys else {})


def _source_name(name: JSON, findings: list[Finding]) -> str:
    if isinstance(name, str) and name:
        return name
    why = str(name) if isinstance(name, Unknown) else "the source has no name"
    place = name.where if isinstance(name, Unknown) else "source.name"
    what = f"{why}, so that it has the name {SOURCE_NAME!r}"
    findings.append(Finding("warning", place, what, "Write its name."))
    return SOURCE_NAME


def _write_keys(given: JSON, findings: list[Finding]) -> list[str]:
    """The write keys of the source that can be used."""
    if isinstance(given, Unknown):
        findings.append(Finding("warning", given.where, f"{given}", "Write the key there."))
    keys = given if isinstance(given, list) else []
    usable = [key for key in keys if isinstance(key, str) and key]
    if len(usable) < len(keys):
        what = f"{len(keys) - len(usable)} of its write keys are no texts and are left out"
        findings.append(Finding("warning", "source.writeKeys", what, "Write them there."))
    if not usable:
        what = f"no write key is given, so that {WRITE_KEY} stands for it"
        remedy = "Write it there; GET /sources/{id} tells it to the token of a source admin."
        findings.append(_note("source.writeKey", what, remedy))
    return usable


def _controlled(
    source: JSONObject, pieces: Pieces, own: JSONObject, findings: list[Finding]
) -> JSONObject:
    """*source* with what it does about violations of its tracking plan."""
    wanted = own.get("sourceId") or source.get("id")
    controls = protocols.controls(pieces, wanted, findings)
    if not controls:
        return source
    given = source.get("settings", {})
    if isinstance(given, Unknown):
        what = f"{given}, so that it is left out"
        findings.append(Finding("warning", given.where, what, "Write its value."))
        given = {}
    return source | {"settings": {**given, **controls}}


def _ids(source: JSON) -> JSONObject:
    return {"id": source} if isinstance(source, str) and not source.startswith("<") else {}


def _destination(own: JSONObject, findings: list[Finding], *, keep_secrets: bool) -> JSONObject:
    if not own:
        what = "nothing is said about the destination itself, so that its settings are examples"
        remedy = "Give the answer of GET /destinations/{id} too, or write account_name and ucd_key."
        findings.append(Finding("warning", "destination.settings", what, remedy))
    kept = _kept(own, "destination", "destination", findings)
    return {
        "name": DESTINATION_NAME,
        "enabled": True,
        **{key: value for key, value in kept.items() if key != "filters"},
        "settings": _settings(own.get("settings", {}), findings, keep_secrets=keep_secrets),
    }


def _settings(given: JSON, findings: list[Finding], *, keep_secrets: bool) -> JSON:
    """The destination's settings, with examples for what is not known of the account."""
    settings = dict(given) if isinstance(given, dict) else {}
    if isinstance(given, Unknown):
        findings.append(Finding("warning", given.where, f"{given}, so it is left out", "Write it."))
    for name, example in (("account_name", ACCOUNT), ("ucd_key", KEY)):
        secret = name == "ucd_key"
        value = settings.get(name)
        if not isinstance(value, str) or not value or value.startswith(("<", MASK)):
            what = f"{name} is not known here, so that {example!r} stands for it"
            remedy = _KEY_REMEDY if secret else "Write the real one."
            inside = next(unknown_values(value), None)
            given_otherwise = value is not None and not isinstance(value, str)
            missed = given_otherwise and (not secret or keep_secrets)
            place = inside.where if inside else f"destination.settings.{name}"
            findings.append(Finding("warning" if missed else "note", place, what, remedy))
            settings[name] = example
        elif secret and not keep_secrets:
            what = f"the key is left out, and {example!r} stands for it"
            remedy = f"{_KEY_REMEDY} --keep-secrets keeps it."
            findings.append(_note(f"destination.settings.{name}", what, remedy))
            settings[name] = example
    return settings


def _subscriptions(pieces: Pieces, own: JSONObject, imported: Imported) -> Iterator[JSONObject]:
    number = 0
    for piece in pieces.subscriptions:
        if not _belongs(piece, own, pieces, imported.findings):
            found = _of_another_destination(piece, repr(_name(piece)), _place(piece), pieces)
            imported.findings.append(found)
            continue
        where = place("destination", "subscriptions", number)
        read = subscription(piece, where, imported.findings)
        if read is None:
            imported.left_out.append(printable(piece))
            continue
        number += 1
        yield _kept(read, "subscription", where, imported.findings)


def _filters(pieces: Pieces, own: JSONObject, findings: list[Finding]) -> Iterator[JSONObject]:
    for number, piece in enumerate(pieces.filters):
        where = place("destination", "filters", number)
        if not _belongs(piece, own, pieces, findings):
            name = f"the filter {_name(piece)!r}"
            findings.append(_of_another_destination(piece, name, where, pieces))
        else:
            yield _kept(piece, "filter", where, findings)


def _belongs(piece: JSONObject, own: JSONObject, pieces: Pieces, findings: list[Finding]) -> bool:
    """Whether *piece* is the destination's; one that may be is taken, and named."""
    theirs = piece.get("destinationId")
    if theirs in (None, "", "{destinationId}") or own.get("id") in (None, theirs):
        return True
    if not isinstance(theirs, Unknown) or theirs in (
        each.get("id") for each in pieces.destinations
    ):
        return False
    what = f"{theirs}, so that {_name(piece)!r} is taken as this destination's"
    findings.append(Finding("warning", theirs.where, what, "Name the destination there."))
    return True


def _of_another_destination(piece: JSONObject, name: str, where: str, pieces: Pieces) -> Finding:
    """Say that *piece* is left out: a warning unless the files have the destination it names."""
    theirs = piece.get("destinationId")
    if theirs in [each.get("id") for each in pieces.destinations]:
        what = f"{name} belongs to another destination and is left out"
        return _note(where, what, "Nothing to do.")
    what = f"{name} names the destination {printable(theirs)!r}, which no file has, and is left out"
    remedy = "Import that destination instead, or correct the destination's id."
    return Finding("warning", where, what, remedy)


def _kept(piece: JSONObject, kind: str, where: str, findings: list[Finding]) -> JSONObject:
    """What of *piece* a workspace file has a place for; the rest is named in the findings."""
    known = keys(kind)
    unplaced = [key for key in piece if key not in known and key != "metadataId"]
    if unplaced:
        what = f"a workspace file has no place for {', '.join(unplaced)}, left out"
        findings.append(_note(where, what, "Nothing to do: no delivery depends on it."))
    kept = {key: value for key, value in piece.items() if key in known and value is not None}
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        # The rest of it is Segment's whole catalogue page.
        kept["metadata"] = {
            key: held
            for key, held in metadata.items()
            if key in _CATALOGUE or any(unknown_values(held))
        }
    return {key: value for key, value in kept.items() if not _is_blank(key, value)}


def _is_blank(key: str, value: JSON) -> bool:
    """Whether an id says nothing: an export leaves it open, or Terraform links by it alone."""
    placeholder = isinstance(value, Unknown)
    placeholder |= isinstance(value, str) and value.startswith(("<", "{"))
    return key.lower().endswith("id") and (value == "" or placeholder)


def _name(piece: JSONObject) -> str:
    return str(printable(piece.get("name") or piece.get("title") or piece.get("id")))


def _place(piece: JSONObject) -> str:
    return str(printable(piece.get("id") or ""))


def _note(where: str, what: str, remedy: str) -> Finding:
    return Finding("note", where, what, remedy)
