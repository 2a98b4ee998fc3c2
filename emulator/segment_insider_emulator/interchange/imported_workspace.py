"""Pieces put together to a workspace file; what has no place in it is named in the findings."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange import import_conversion
from segment_insider_emulator.interchange.export_public_api import DESTINATION_METADATA_ID
from segment_insider_emulator.interchange.import_cleanup import (
    UnknownValueRemover,
    list_schema_keys,
)
from segment_insider_emulator.interchange.import_conversion import (
    convert_subscription,
    find_transformations,
)
from segment_insider_emulator.interchange.import_resources import (
    ImportedResources,
    UnknownValue,
    iterate_unknown_values,
    make_printable,
)
from segment_insider_emulator.mapping.catalog import DESTINATION_NAME, DESTINATION_SLUG
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.parsing import check_json_values
from segment_insider_emulator.workspace.validation import WorkspaceFinding, format_path

# What an emulator uses until somebody writes the real thing.
EXAMPLE_ACCOUNT_NAME, TEST_ACCOUNT_KEY, EXAMPLE_WRITE_KEY, EXAMPLE_SOURCE_NAME = (
    "mybrand",
    "test-key",
    "wk_demo",
    "Imported source",
)
MASKED_SECRET_PREFIX = "•"  # what Segment's Git Sync writes in place of a secret begins with it
_TEST_KEY_REMEDY = "Nothing to do: the emulated account takes it."
_CATALOGUE_KEYS = ("id", "slug", "name")


@dataclass(frozen=True, slots=True)
class ImportedWorkspace:
    """A workspace document, what its reader should know, and the subscriptions left out of it."""

    document: JSONObject
    findings: list[WorkspaceFinding] = field(default_factory=list)
    skipped_subscriptions: list[JSONObject] = field(default_factory=list)


def build_imported_workspace(
    resources: ImportedResources, destination_id: str | None = None, *, keep_secrets: bool = False
) -> ImportedWorkspace:
    """Put one destination and what belongs to it together.

    What is not known, or has another shape than a workspace file takes, is left out and named: the
    document can be loaded.

    Args:
        wanted: Id of the destination, where the pieces have several of Insider One's.
    Raises: EmulatorError, when there is none, or more than one and none is *wanted*; or when the
        document is larger than a workspace file may be.
    """
    own, others = _select_destination(resources, destination_id)
    imported = ImportedWorkspace({}, list(resources.findings))
    findings = imported.findings
    source = _add_schema_settings(
        _build_source_section(resources, own, findings), resources, own, findings
    )
    destination = _build_destination_section(own, findings, keep_secrets=keep_secrets)
    destination["subscriptions"] = list(_build_subscriptions(resources, own, imported))
    if filters := list(_build_filters(resources, own, findings)):
        destination["filters"] = filters
    document: JSONObject = {"source": source, "destination": destination}
    if plan := import_conversion.select_tracking_plan(
        resources, own.get("sourceId") or source.get("id"), findings
    ):
        document["trackingPlan"] = plan
    walk = UnknownValueRemover(findings)
    imported.document.update(walk.clean_document(document))
    imported.skipped_subscriptions.extend(walk.removed_items)
    findings.extend(import_conversion.find_plan_problems(imported.document.get("trackingPlan")))
    findings.extend(find_transformations(resources, own, source.get("id")))
    for other in others:
        what = f"the destination {_display_name(other)!r} is another one and is left out"
        findings.append(_note_finding(_display_id(other), what, "Nothing to do."))
    check_json_values(imported.document, "the workspace file")
    return imported


def _select_destination(
    resources: ImportedResources, destination_id: str | None
) -> tuple[JSONObject, list[JSONObject]]:
    known = [each for each in resources.destinations if _is_insider_destination(each)]
    if not known and destination_id is None:
        known = [
            each for each in resources.destinations if isinstance(_catalogue_id(each), UnknownValue)
        ]
        for each in known:
            reason: UnknownValue = _catalogue_id(each)
            what = f"{reason}, so that the destination is taken as Insider One's"
            remedy = f"Write its metadata.id, {DESTINATION_METADATA_ID}."
            resources.findings.append(WorkspaceFinding("warning", reason.where, what, remedy))
    candidates = [each for each in known if destination_id in (None, each.get("id"))]
    if len(candidates) > 1:
        ids = ", ".join(map(_display_id, candidates))
        remedy = f"Name one with --destination: {ids}."
        raise EmulatorError(f"{len(candidates)} destinations are Insider One's", "", remedy)
    if candidates:
        return candidates[0], [each for each in resources.destinations if each is not candidates[0]]
    if destination_id is not None:
        ids = ", ".join(map(_display_id, known)) or "none"
        what = f"no destination of Insider One's has the id {destination_id!r}"
        raise EmulatorError(what, "", f"There are: {ids}.")
    if resources.destinations or not resources.subscriptions:
        remedy = f"Give what Segment answers about {DESTINATION_NAME}, or Terraform's resources."
        raise EmulatorError("no destination of Insider One's is in here", "", remedy)
    return {}, []


def _catalogue_id(destination: JSONObject) -> JSON:
    metadata = destination.get("metadata")
    return metadata.get("id") if isinstance(metadata, dict) else metadata


def _is_insider_destination(destination: JSONObject) -> bool:
    metadata = destination.get("metadata")
    slug = metadata.get("slug") if isinstance(metadata, dict) else None
    settings = destination.get("settings")
    return (
        DESTINATION_METADATA_ID in (_catalogue_id(destination), destination.get("metadataId"))
        or slug == DESTINATION_SLUG
        or (isinstance(settings, dict) and "ucd_key" in settings)
    )


def _build_source_section(
    resources: ImportedResources, destination: JSONObject, findings: list[WorkspaceFinding]
) -> JSONObject:
    wanted = destination.get("sourceId")
    known = resources.sources
    found = next((each for each in known if each.get("id") == wanted), None)
    if found is None and len(known) == 1 and not isinstance(wanted, str):
        found = known[0]
    if found is None:
        what = f"nothing is said about the source, so that it has the write key {EXAMPLE_WRITE_KEY}"
        remedy = "Give the answer of GET /sources/{id} too, or write its name and write key."
        if isinstance(wanted, UnknownValue):
            findings.append(
                WorkspaceFinding("warning", wanted.where, f"{wanted}, so that {what}", remedy)
            )
        else:
            findings.append(_note_finding("source", what, remedy))
        return {"name": EXAMPLE_SOURCE_NAME, "writeKey": EXAMPLE_WRITE_KEY} | _source_id_entry(
            wanted
        )
    if isinstance(wanted, UnknownValue) and found.get("id") != wanted:
        what = f"{wanted}, so that the only source is taken as this destination's"
        findings.append(WorkspaceFinding("warning", wanted.where, what, "Name the source there."))
    kept = _select_schema_keys(found, "source", "source", findings)
    keys = _usable_write_keys(found.get("writeKeys"), findings)
    named = {
        "name": _source_name_or_example(kept.get("name"), findings),
        "writeKey": (keys or [EXAMPLE_WRITE_KEY])[0],
    }
    return named | kept | named | ({"writeKeys": keys} if keys else {})


def _source_name_or_example(name: JSON, findings: list[WorkspaceFinding]) -> str:
    if isinstance(name, str) and name:
        return name
    why = str(name) if isinstance(name, UnknownValue) else "the source has no name"
    place = name.where if isinstance(name, UnknownValue) else "source.name"
    what = f"{why}, so that it has the name {EXAMPLE_SOURCE_NAME!r}"
    findings.append(WorkspaceFinding("warning", place, what, "Write its name."))
    return EXAMPLE_SOURCE_NAME


def _usable_write_keys(write_keys: JSON, findings: list[WorkspaceFinding]) -> list[str]:
    """The write keys of the source that can be used."""
    if isinstance(write_keys, UnknownValue):
        findings.append(
            WorkspaceFinding("warning", write_keys.where, f"{write_keys}", "Write the key there.")
        )
    keys = write_keys if isinstance(write_keys, list) else []
    usable = [key for key in keys if isinstance(key, str) and key]
    if len(usable) < len(keys):
        what = f"{len(keys) - len(usable)} of its write keys are no texts and are left out"
        findings.append(WorkspaceFinding("warning", "source.writeKeys", what, "Write them there."))
    if not usable:
        what = f"no write key is given, so that {EXAMPLE_WRITE_KEY} stands for it"
        remedy = "Write it there; GET /sources/{id} tells it to the token of a source admin."
        findings.append(_note_finding("source.writeKey", what, remedy))
    return usable


def _add_schema_settings(
    source: JSONObject,
    resources: ImportedResources,
    destination: JSONObject,
    findings: list[WorkspaceFinding],
) -> JSONObject:
    """*source* with what it does about violations of its tracking plan."""
    wanted = destination.get("sourceId") or source.get("id")
    controls = import_conversion.collect_schema_settings(resources, wanted, findings)
    if not controls:
        return source
    given = source.get("settings", {})
    if isinstance(given, UnknownValue):
        what = f"{given}, so that it is left out"
        findings.append(WorkspaceFinding("warning", given.where, what, "Write its value."))
        given = {}
    return source | {"settings": {**given, **controls}}


def _source_id_entry(source_id: JSON) -> JSONObject:
    return {"id": source_id} if isinstance(source_id, str) and not source_id.startswith("<") else {}


def _build_destination_section(
    destination: JSONObject, findings: list[WorkspaceFinding], *, keep_secrets: bool
) -> JSONObject:
    if not destination:
        what = "nothing is said about the destination itself, so that its settings are examples"
        remedy = "Give the answer of GET /destinations/{id} too, or write account_name and ucd_key."
        findings.append(WorkspaceFinding("warning", "destination.settings", what, remedy))
    kept = _select_schema_keys(destination, "destination", "destination", findings)
    return {
        "name": DESTINATION_NAME,
        "enabled": True,
        **{key: value for key, value in kept.items() if key != "filters"},
        "settings": _build_settings(
            destination.get("settings", {}), findings, keep_secrets=keep_secrets
        ),
    }


def _build_settings(
    settings_value: JSON, findings: list[WorkspaceFinding], *, keep_secrets: bool
) -> JSON:
    """The destination's settings, with examples for what is not known of the account."""
    settings = dict(settings_value) if isinstance(settings_value, dict) else {}
    if isinstance(settings_value, UnknownValue):
        findings.append(
            WorkspaceFinding(
                "warning", settings_value.where, f"{settings_value}, so it is left out", "Write it."
            )
        )
    for name, example in (("account_name", EXAMPLE_ACCOUNT_NAME), ("ucd_key", TEST_ACCOUNT_KEY)):
        secret = name == "ucd_key"
        value = settings.get(name)
        if not isinstance(value, str) or not value or value.startswith(("<", MASKED_SECRET_PREFIX)):
            what = f"{name} is not known here, so that {example!r} stands for it"
            remedy = _TEST_KEY_REMEDY if secret else "Write the real one."
            inside = next(iterate_unknown_values(value), None)
            given_otherwise = value is not None and not isinstance(value, str)
            missed = given_otherwise and (not secret or keep_secrets)
            place = inside.where if inside else f"destination.settings.{name}"
            findings.append(WorkspaceFinding("warning" if missed else "note", place, what, remedy))
            settings[name] = example
        elif secret and not keep_secrets:
            what = f"the key is left out, and {example!r} stands for it"
            remedy = f"{_TEST_KEY_REMEDY} --keep-secrets keeps it."
            findings.append(_note_finding(f"destination.settings.{name}", what, remedy))
            settings[name] = example
    return settings


def _build_subscriptions(
    resources: ImportedResources, destination: JSONObject, imported: ImportedWorkspace
) -> Iterator[JSONObject]:
    number = 0
    for piece in resources.subscriptions:
        if not _belongs_to_destination(piece, destination, resources, imported.findings):
            found = _other_destination_finding(
                piece, repr(_display_name(piece)), _display_id(piece), resources
            )
            imported.findings.append(found)
            continue
        where = format_path("destination", "subscriptions", number)
        read = convert_subscription(piece, where, imported.findings)
        if read is None:
            imported.skipped_subscriptions.append(make_printable(piece))
            continue
        number += 1
        yield _select_schema_keys(read, "subscription", where, imported.findings)


def _build_filters(
    resources: ImportedResources, destination: JSONObject, findings: list[WorkspaceFinding]
) -> Iterator[JSONObject]:
    for number, piece in enumerate(resources.filters):
        where = format_path("destination", "filters", number)
        if not _belongs_to_destination(piece, destination, resources, findings):
            name = f"the filter {_display_name(piece)!r}"
            findings.append(_other_destination_finding(piece, name, where, resources))
        else:
            yield _select_schema_keys(piece, "filter", where, findings)


def _belongs_to_destination(
    resource: JSONObject,
    destination: JSONObject,
    resources: ImportedResources,
    findings: list[WorkspaceFinding],
) -> bool:
    """Whether *piece* is the destination's; one that may be is taken, and named."""
    theirs = resource.get("destinationId")
    if theirs in (None, "", "{destinationId}") or destination.get("id") in (None, theirs):
        return True
    if not isinstance(theirs, UnknownValue) or theirs in (
        each.get("id") for each in resources.destinations
    ):
        return False
    what = f"{theirs}, so that {_display_name(resource)!r} is taken as this destination's"
    findings.append(WorkspaceFinding("warning", theirs.where, what, "Name the destination there."))
    return True


def _other_destination_finding(
    resource: JSONObject, name: str, where: str, resources: ImportedResources
) -> WorkspaceFinding:
    """Say that *piece* is left out: a warning unless the files have the destination it names."""
    theirs = resource.get("destinationId")
    if theirs in [each.get("id") for each in resources.destinations]:
        what = f"{name} belongs to another destination and is left out"
        return _note_finding(where, what, "Nothing to do.")
    what = f"{name} names the destination {make_printable(theirs)!r}, which no file has, and is left out"
    remedy = "Import that destination instead, or correct the destination's id."
    return WorkspaceFinding("warning", where, what, remedy)


def _select_schema_keys(
    resource: JSONObject, kind: str, where: str, findings: list[WorkspaceFinding]
) -> JSONObject:
    """What of *piece* a workspace file has a place for; the rest is named in the findings."""
    known = list_schema_keys(kind)
    unplaced = [key for key in resource if key not in known and key != "metadataId"]
    if unplaced:
        what = f"a workspace file has no place for {', '.join(unplaced)}, left out"
        findings.append(_note_finding(where, what, "Nothing to do: no delivery depends on it."))
    kept = {key: value for key, value in resource.items() if key in known and value is not None}
    metadata = kept.get("metadata")
    if isinstance(metadata, dict):
        # The rest of it is Segment's whole catalogue page.
        kept["metadata"] = {
            key: held
            for key, held in metadata.items()
            if key in _CATALOGUE_KEYS or any(iterate_unknown_values(held))
        }
    return {key: value for key, value in kept.items() if not _is_placeholder_id(key, value)}


def _is_placeholder_id(key: str, value: JSON) -> bool:
    """Whether an id says nothing: an export leaves it open, or Terraform links by it alone."""
    placeholder = isinstance(value, UnknownValue)
    placeholder |= isinstance(value, str) and value.startswith(("<", "{"))
    return key.lower().endswith("id") and (value == "" or placeholder)


def _display_name(resource: JSONObject) -> str:
    return str(make_printable(resource.get("name") or resource.get("title") or resource.get("id")))


def _display_id(resource: JSONObject) -> str:
    return str(make_printable(resource.get("id") or ""))


def _note_finding(where: str, what: str, remedy: str) -> WorkspaceFinding:
    return WorkspaceFinding("note", where, what, remedy)
