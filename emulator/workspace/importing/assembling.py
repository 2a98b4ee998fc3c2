"""Pieces put together to a workspace file; what finds no place in it is told."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.errors import EmulatorError
from emulator.mapping.catalog import DESTINATION_NAME, DESTINATION_SLUG
from emulator.types import JSON, JSONObject
from emulator.workspace.exporting.hcl import Expression
from emulator.workspace.exporting.identity import METADATA_ID
from emulator.workspace.finding import Finding
from emulator.workspace.importing import protocols
from emulator.workspace.importing.pieces import Pieces
from emulator.workspace.importing.places import keys
from emulator.workspace.importing.subscriptions import subscription
from emulator.workspace.structure import faults, place

# What an emulator uses until somebody writes the real thing.
ACCOUNT, KEY, WRITE_KEY = "mybrand", "test-key", "wk_demo"
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

    Args:
        wanted: Id of the destination, where the pieces have several of Insider One's.
    Raises: EmulatorError, when there is none, or more than one and none is *wanted*.
    """
    own, others = _chosen(pieces, wanted)
    imported = Imported({}, list(pieces.findings))
    source = _controlled(_source(pieces, own, imported.findings), pieces, own, imported.findings)
    destination = _destination(own, imported.findings, keep_secrets=keep_secrets)
    destination["subscriptions"] = list(_subscriptions(pieces, own, imported))
    filters = list(_filters(pieces, own, imported.findings))
    imported.document.update(source=source, destination=destination | _if_any("filters", filters))
    found = protocols.plan(pieces, own.get("sourceId") or source.get("id"), imported.findings)
    imported.document.update({"trackingPlan": found} if found else {})
    for other in others:
        what = f"the destination {_name(other)!r} is another one and is left out"
        imported.findings.append(Finding("note", _place(other), what, "Nothing to do."))
    imported.findings.extend(faults(imported.document))
    return imported


def _chosen(pieces: Pieces, wanted: str | None) -> tuple[JSONObject, list[JSONObject]]:
    known = [each for each in pieces.destinations if _is_insider(each)]
    candidates = [each for each in known if wanted in (None, each.get("id"))]
    if len(candidates) > 1:
        ids = ", ".join(str(each.get("id")) for each in candidates)
        remedy = f"Name one with --destination: {ids}."
        raise EmulatorError(f"{len(candidates)} destinations are Insider One's", "", remedy)
    if candidates:
        return candidates[0], [each for each in pieces.destinations if each is not candidates[0]]
    if wanted is not None:
        ids = ", ".join(str(each.get("id")) for each in known) or "none"
        what = f"no destination of Insider One's has the id {wanted!r}"
        raise EmulatorError(what, "", f"There are: {ids}.")
    if pieces.destinations or not pieces.subscriptions:
        remedy = f"Give what Segment answers about {DESTINATION_NAME}, or Terraform's resources."
        raise EmulatorError("no destination of Insider One's is in here", "", remedy)
    return {}, []


def _is_insider(destination: JSONObject) -> bool:
    metadata = destination.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    named = (metadata.get("id"), destination.get("metadataId"))
    settings = destination.get("settings")
    return (
        METADATA_ID in named
        or metadata.get("slug") == DESTINATION_SLUG
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
        findings.append(Finding("note", "source", what, remedy))
        return {"name": "Imported source", "writeKey": WRITE_KEY} | _ids(wanted)
    kept = _kept(found, "source", "source", findings)
    write_keys = found.get("writeKeys") or []
    if not write_keys:
        what = f"no write key is given, so that {WRITE_KEY} stands for it"
        remedy = "Write it there; GET /sources/{id} tells it to the token of a source admin."
        findings.append(Finding("note", "source.writeKey", what, remedy))
    first = write_keys[0] if write_keys else WRITE_KEY
    return {"name": "Imported source", "writeKey": first} | kept | {"writeKey": first}


def _controlled(
    source: JSONObject, pieces: Pieces, own: JSONObject, findings: list[Finding]
) -> JSONObject:
    """*source* with what it does about violations of its tracking plan."""
    wanted = own.get("sourceId") or source.get("id")
    controls = protocols.controls(pieces, wanted, findings)
    return source | {"settings": {**source.get("settings", {}), **controls}} if controls else source


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


def _settings(given: JSON, findings: list[Finding], *, keep_secrets: bool) -> JSONObject:
    settings = dict(given) if isinstance(given, dict) else {}
    for name, example in (("account_name", ACCOUNT), ("ucd_key", KEY)):
        value = settings.get(name)
        if not isinstance(value, str) or not value or value.startswith("<"):
            what = f"{name} is not known here, so that {example!r} stands for it"
            remedy = _KEY_REMEDY if name == "ucd_key" else "Write the real one."
            findings.append(_note(f"destination.settings.{name}", what, remedy))
            settings[name] = example
        elif name == "ucd_key" and not keep_secrets:
            what = f"the key is left out, and {example!r} stands for it"
            remedy = f"{_KEY_REMEDY} --keep-secrets keeps it."
            findings.append(_note(f"destination.settings.{name}", what, remedy))
            settings[name] = example
    return {key: value for key, value in settings.items() if not isinstance(value, Expression)}


def _subscriptions(pieces: Pieces, own: JSONObject, imported: Imported) -> Iterator[JSONObject]:
    number = 0
    for piece in pieces.subscriptions:
        if not _belongs(piece, own):
            what = f"{_name(piece)!r} belongs to another destination and is left out"
            imported.findings.append(_note(_place(piece), what, "Nothing to do."))
            continue
        where = place("destination", "subscriptions", number)
        read = subscription(piece, where, imported.findings)
        if read is None:
            imported.left_out.append(_printable(piece))
            continue
        number += 1
        yield _kept(read, "subscription", where, imported.findings)


def _filters(pieces: Pieces, own: JSONObject, findings: list[Finding]) -> Iterator[JSONObject]:
    for number, piece in enumerate(pieces.filters):
        where = place("destination", "filters", number)
        if not _belongs(piece, own):
            what = f"the filter {_name(piece)!r} belongs to another destination and is left out"
            findings.append(_note(where, what, "Nothing to do."))
        else:
            yield _kept(piece, "filter", where, findings)


def _belongs(piece: JSONObject, own: JSONObject) -> bool:
    theirs = piece.get("destinationId")
    unknown = theirs in (None, "{destinationId}") or own.get("id") is None
    return unknown or theirs == own["id"]


def _kept(piece: JSONObject, kind: str, where: str, findings: list[Finding]) -> JSONObject:
    """What of *piece* a workspace file has a place for; the rest is told."""
    known = keys(kind)
    told = [key for key in piece if key not in known and key != "metadataId"]
    if told:
        what = f"a workspace file has no place for {', '.join(told)}, left out"
        findings.append(_note(where, what, "Nothing to do: no delivery depends on it."))
    kept = {
        key: value
        for key, value in piece.items()
        if key in known and not isinstance(value, Expression) and value is not None
    }
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        # The rest of it is Segment's whole catalogue page.
        kept["metadata"] = {key: metadata[key] for key in _CATALOGUE if key in metadata}
    return {key: value for key, value in kept.items() if not _is_blank(key, value)}


def _is_blank(key: str, value: JSON) -> bool:
    placeholder = isinstance(value, str) and value.startswith(("<", "{"))
    return key.lower().endswith("id") and (value == "" or placeholder)


def _printable(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _printable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_printable(each) for each in value]
    return f"${{{value.text}}}" if isinstance(value, Expression) else value


def _name(piece: JSONObject) -> str:
    return str(_printable(piece.get("name") or piece.get("title") or piece.get("id")))


def _place(piece: JSONObject) -> str:
    return str(_printable(piece.get("id") or ""))


def _note(where: str, what: str, remedy: str) -> Finding:
    return Finding("note", where, what, remedy)


def _if_any(key: str, values: list[JSONObject]) -> JSONObject:
    return {key: values} if values else {}
