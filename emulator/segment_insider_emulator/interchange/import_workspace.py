"""Builder of a workspace document from imported resources; reports what it cannot contain."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.interchange import import_conversion
from segment_insider_emulator.interchange.function_resources import convert_functions
from segment_insider_emulator.interchange.import_conversion import (
    build_function_scope,
    convert_subscription,
    convert_transformations,
)
from segment_insider_emulator.interchange.import_resources import (
    ImportedResources,
    UnknownValue,
    UnknownValueRemover,
    iterate_unknown_values,
    list_schema_keys,
    replace_unknown_values_by_text,
)
from segment_insider_emulator.mapping.catalog import (
    DESTINATION_METADATA_ID,
    DESTINATION_NAME,
    DESTINATION_SLUG,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.documents import check_json_values
from segment_insider_emulator.workspace.model import TEST_ACCOUNT_KEY, replace_hash_key
from segment_insider_emulator.workspace.validation import WorkspaceFinding, format_document_path

# Example values, used until the real ones are written.
EXAMPLE_ACCOUNT_NAME, EXAMPLE_WRITE_KEY, EXAMPLE_SOURCE_NAME = (
    "mybrand",
    "wk_demo",
    "Imported source",
)
MASKED_SECRET_PREFIX = "•"  # Segment's Git Sync replaces secrets by a text with this prefix
_TEST_KEY_REMEDY = "Nothing to do: the emulated account takes it."
_CATALOGUE_KEYS = ("id", "slug", "name")


@dataclass(frozen=True, slots=True)
class ImportedWorkspace:
    """A workspace document built from an import, its findings, and skipped subscriptions."""

    document: JSONObject
    findings: list[WorkspaceFinding] = field(default_factory=list)
    skipped_subscriptions: list[JSONObject] = field(default_factory=list)


def build_imported_workspace(
    resources: ImportedResources, destination_id: str | None = None, *, keep_secrets: bool = False
) -> ImportedWorkspace:
    """Build a workspace document from one destination and the resources that belong to it.

    Unknown values and values that the schema rejects are left out and reported, so that the
    document can always be loaded.

    Args:
        destination_id: Needed when the resources contain several Insider One destinations.
    Raises: EmulatorError, when there is no such destination, when several are possible, or when
        the document is too large for a workspace file.
    """
    destination_resource, others = _select_imported_destination(resources, destination_id)
    imported = ImportedWorkspace({}, list(resources.findings))
    findings = imported.findings
    source = _add_schema_settings(
        _build_source_section(resources, destination_resource, findings),
        resources,
        destination_resource,
        findings,
    )
    destination = _build_destination_section(
        destination_resource, findings, keep_secrets=keep_secrets
    )
    destination["subscriptions"] = list(
        _build_subscriptions(resources, destination_resource, imported)
    )
    if filters := list(_build_destination_filters(resources, destination_resource, findings)):
        destination["filters"] = filters
    document: JSONObject = {"source": source, "destination": destination}
    if plan := import_conversion.select_tracking_plan(
        resources, destination_resource.get("sourceId") or source.get("id"), findings
    ):
        document["trackingPlan"] = plan
    if transformations := list(
        _build_transformations(resources, destination_resource, source.get("id"), imported)
    ):
        document["transformations"] = (
            transformations if keep_secrets else _replace_hash_keys(transformations, findings)
        )
    if functions := convert_functions(
        resources.functions,
        build_function_scope(resources, destination_resource, source.get("id")),
        findings,
        keep_secrets=keep_secrets,
    ):
        document["functions"] = functions
    if resources.consents:
        document["consentSettings"] = _build_consent_settings(resources)
    walk = UnknownValueRemover(findings)
    imported.document.update(walk.clean_document(document))
    imported.skipped_subscriptions.extend(walk.removed_items)
    findings.extend(
        import_conversion.find_uncheckable_plan_rules(imported.document.get("trackingPlan"))
    )
    for other in others:
        what = (
            f"the destination {_get_display_name(other)!r} is not the imported one and is left out"
        )
        findings.append(_build_note_finding(_get_display_id(other), what, "Nothing to do."))
    check_json_values(imported.document, "the workspace file")
    return imported


def _select_imported_destination(
    resources: ImportedResources, destination_id: str | None
) -> tuple[JSONObject, list[JSONObject]]:
    known = [
        destination
        for destination in resources.destinations
        if _is_insider_destination(destination)
    ]
    if not known and destination_id is None:
        known = [
            destination
            for destination in resources.destinations
            if isinstance(_get_destination_catalogue_id(destination), UnknownValue)
        ]
        for destination in known:
            reason: UnknownValue = _get_destination_catalogue_id(destination)
            what = f"{reason}, so the destination is taken as Insider One's"
            remedy = f"Write its metadata.id, {DESTINATION_METADATA_ID}."
            resources.findings.append(WorkspaceFinding("warning", reason.where, what, remedy))
    candidates = [
        destination for destination in known if destination_id in (None, destination.get("id"))
    ]
    if len(candidates) > 1:
        ids = ", ".join(map(_get_display_id, candidates))
        remedy = f"Name one with --destination: {ids}."
        raise EmulatorError(
            f"the files contain {len(candidates)} Insider One destinations", "", remedy
        )
    if candidates:
        return candidates[0], [
            destination
            for destination in resources.destinations
            if destination is not candidates[0]
        ]
    if destination_id is not None:
        ids = ", ".join(map(_get_display_id, known)) or "none"
        what = f"no Insider One destination has the id {destination_id!r}"
        raise EmulatorError(what, "", f"There are: {ids}.")
    if resources.destinations or not resources.subscriptions:
        remedy = f"Give what Segment answers about {DESTINATION_NAME}, or Terraform's resources."
        raise EmulatorError("the files contain no Insider One destination", "", remedy)
    return {}, []


def _get_destination_catalogue_id(destination: JSONObject) -> JSON:
    metadata = destination.get("metadata")
    return metadata.get("id") if isinstance(metadata, dict) else metadata


def _is_insider_destination(destination: JSONObject) -> bool:
    metadata = destination.get("metadata")
    slug = metadata.get("slug") if isinstance(metadata, dict) else None
    settings = destination.get("settings")
    return (
        DESTINATION_METADATA_ID
        in (_get_destination_catalogue_id(destination), destination.get("metadataId"))
        or slug == DESTINATION_SLUG
        or (isinstance(settings, dict) and "ucd_key" in settings)
    )


def _build_source_section(
    resources: ImportedResources, destination: JSONObject, findings: list[WorkspaceFinding]
) -> JSONObject:
    source_id = destination.get("sourceId")
    known = resources.sources
    source_resource = next((source for source in known if source.get("id") == source_id), None)
    if source_resource is None and len(known) == 1 and not isinstance(source_id, str):
        source_resource = known[0]
    if source_resource is None:
        what = f"the files contain no source; it gets the write key {EXAMPLE_WRITE_KEY}"
        remedy = "Give the answer of GET /sources/{id} too, or write its name and write key."
        if isinstance(source_id, UnknownValue):
            findings.append(
                WorkspaceFinding("warning", source_id.where, f"{source_id}, so {what}", remedy)
            )
        else:
            findings.append(_build_note_finding("source", what, remedy))
        return {
            "name": EXAMPLE_SOURCE_NAME,
            "writeKey": EXAMPLE_WRITE_KEY,
        } | _build_source_id_entry(source_id)
    if isinstance(source_id, UnknownValue) and source_resource.get("id") != source_id:
        what = f"{source_id}, so the only source is taken as this destination's"
        findings.append(
            WorkspaceFinding("warning", source_id.where, what, "Name the source there.")
        )
    section = _select_schema_keys(source_resource, "source", "source", findings)
    keys = _list_usable_write_keys(source_resource.get("writeKeys"), findings)
    required = {
        "name": _get_source_name_or_example(section.get("name"), findings),
        "writeKey": (keys or [EXAMPLE_WRITE_KEY])[0],
    }
    return required | section | required | ({"writeKeys": keys} if keys else {})


def _get_source_name_or_example(name: JSON, findings: list[WorkspaceFinding]) -> str:
    if isinstance(name, str) and name:
        return name
    why = str(name) if isinstance(name, UnknownValue) else "the source has no name"
    place = name.where if isinstance(name, UnknownValue) else "source.name"
    what = f"{why}, so it has the name {EXAMPLE_SOURCE_NAME!r}"
    findings.append(WorkspaceFinding("warning", place, what, "Write its name."))
    return EXAMPLE_SOURCE_NAME


def _list_usable_write_keys(write_keys: JSON, findings: list[WorkspaceFinding]) -> list[str]:
    """Return the usable write keys of an imported source."""
    if isinstance(write_keys, UnknownValue):
        findings.append(
            WorkspaceFinding("warning", write_keys.where, f"{write_keys}", "Write the key there.")
        )
    keys = write_keys if isinstance(write_keys, list) else []
    usable = [key for key in keys if isinstance(key, str) and key]
    if len(usable) < len(keys):
        what = f"{len(keys) - len(usable)} of its write keys are not text and are left out"
        findings.append(WorkspaceFinding("warning", "source.writeKeys", what, "Write them there."))
    if not usable:
        what = f"no write key is given; {EXAMPLE_WRITE_KEY} is used instead"
        remedy = "Write it there; GET /sources/{id} returns it with a source admin's token."
        findings.append(_build_note_finding("source.writeKey", what, remedy))
    return usable


def _add_schema_settings(
    source: JSONObject,
    resources: ImportedResources,
    destination: JSONObject,
    findings: list[WorkspaceFinding],
) -> JSONObject:
    """Add an imported tracking plan's schema settings to the source section."""
    source_id = destination.get("sourceId") or source.get("id")
    controls = import_conversion.collect_schema_settings(resources, source_id, findings)
    if not controls:
        return source
    settings = source.get("settings", {})
    if isinstance(settings, UnknownValue):
        what = f"{settings}, so it is left out"
        findings.append(WorkspaceFinding("warning", settings.where, what, "Write its value."))
        settings = {}
    return source | {"settings": {**settings, **controls}}


def _build_source_id_entry(source_id: JSON) -> JSONObject:
    return {"id": source_id} if isinstance(source_id, str) and not source_id.startswith("<") else {}


def _build_destination_section(
    destination: JSONObject, findings: list[WorkspaceFinding], *, keep_secrets: bool
) -> JSONObject:
    if not destination:
        what = "the files do not contain the destination; its settings are examples"
        remedy = "Give the answer of GET /destinations/{id} too, or write account_name and ucd_key."
        findings.append(WorkspaceFinding("warning", "destination.settings", what, remedy))
    section = _select_schema_keys(destination, "destination", "destination", findings)
    return {
        "name": DESTINATION_NAME,
        "enabled": True,
        **{key: value for key, value in section.items() if key != "filters"},
        "settings": _build_destination_settings(
            destination.get("settings", {}), findings, keep_secrets=keep_secrets
        ),
    }


def _build_destination_settings(
    settings_value: JSON, findings: list[WorkspaceFinding], *, keep_secrets: bool
) -> JSON:
    """Return the imported destination's settings, with example values for unknown ones."""
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
            what = f"{name} is unknown; {example!r} is used instead"
            remedy = _TEST_KEY_REMEDY if secret else "Write the real one."
            unknown = next(iterate_unknown_values(value), None)
            has_wrong_type = value is not None and not isinstance(value, str)
            is_lost = has_wrong_type and (not secret or keep_secrets)
            place = unknown.where if unknown else f"destination.settings.{name}"
            findings.append(WorkspaceFinding("warning" if is_lost else "note", place, what, remedy))
            settings[name] = example
        elif secret and not keep_secrets:
            what = f"the key is left out; {example!r} is used instead"
            remedy = f"{_TEST_KEY_REMEDY} --keep-secrets keeps it."
            findings.append(_build_note_finding(f"destination.settings.{name}", what, remedy))
            settings[name] = example
    return settings


def _build_transformations(
    resources: ImportedResources,
    destination: JSONObject,
    source_id: JSON,
    imported: ImportedWorkspace,
) -> Iterator[JSONObject]:
    converted = convert_transformations(resources, destination, source_id, imported.findings)
    for number, transformation in enumerate(converted):
        where = format_document_path("transformations", number)
        yield _select_schema_keys(transformation, "transformation", where, imported.findings)


def _replace_hash_keys(
    transformations: list[JSONObject], findings: list[WorkspaceFinding]
) -> list[JSONObject]:
    """Replace the secret keys of hashes, which would make other hashes than at Segment."""
    replaced = [replace_hash_key(entry, TEST_ACCOUNT_KEY) for entry in transformations]
    for number, (before, after) in enumerate(zip(transformations, replaced, strict=True)):
        if before != after:
            where = format_document_path("transformations", number)
            what = f"the key of its hash is left out; {TEST_ACCOUNT_KEY!r} is used instead"
            findings.append(_build_note_finding(where, what, "--keep-secrets keeps it."))
    return replaced


def _build_consent_settings(resources: ImportedResources) -> JSONObject:
    """Merge imported consent settings, without keys that a workspace file has no place for."""
    known = list_schema_keys("consent settings")
    return {
        key: value
        for settings in resources.consents
        for key, value in settings.items()
        if key in known and value is not None
    }


def _build_subscriptions(
    resources: ImportedResources, destination: JSONObject, imported: ImportedWorkspace
) -> Iterator[JSONObject]:
    number = 0
    for piece in resources.subscriptions:
        if not _belongs_to_destination(piece, destination, resources, imported.findings):
            finding = _build_other_destination_finding(
                piece, repr(_get_display_name(piece)), _get_display_id(piece), resources
            )
            imported.findings.append(finding)
            continue
        where = format_document_path("destination", "subscriptions", number)
        converted = convert_subscription(piece, where, imported.findings)
        if converted is None:
            imported.skipped_subscriptions.append(replace_unknown_values_by_text(piece))
            continue
        number += 1
        yield _select_schema_keys(converted, "subscription", where, imported.findings)


def _build_destination_filters(
    resources: ImportedResources, destination: JSONObject, findings: list[WorkspaceFinding]
) -> Iterator[JSONObject]:
    for number, piece in enumerate(resources.filters):
        where = format_document_path("destination", "filters", number)
        if not _belongs_to_destination(piece, destination, resources, findings):
            name = f"the filter {_get_display_name(piece)!r}"
            findings.append(_build_other_destination_finding(piece, name, where, resources))
        else:
            yield _select_schema_keys(piece, "filter", where, findings)


def _belongs_to_destination(
    resource: JSONObject,
    destination: JSONObject,
    resources: ImportedResources,
    findings: list[WorkspaceFinding],
) -> bool:
    """Return whether an imported resource belongs to the destination; a doubtful one does."""
    destination_id = resource.get("destinationId")
    if destination_id in (None, "", "{destinationId}") or destination.get("id") in (
        None,
        destination_id,
    ):
        return True
    if not isinstance(destination_id, UnknownValue) or destination_id in (
        destination.get("id") for destination in resources.destinations
    ):
        return False
    what = f"{destination_id}, so {_get_display_name(resource)!r} is taken as this destination's"
    findings.append(
        WorkspaceFinding("warning", destination_id.where, what, "Name the destination there.")
    )
    return True


def _build_other_destination_finding(
    resource: JSONObject, name: str, where: str, resources: ImportedResources
) -> WorkspaceFinding:
    """Report a skipped resource of another destination; warn when no file has that destination."""
    destination_id = resource.get("destinationId")
    if destination_id in [destination.get("id") for destination in resources.destinations]:
        what = f"{name} belongs to another destination and is left out"
        return _build_note_finding(where, what, "Nothing to do.")
    other = replace_unknown_values_by_text(destination_id)
    what = f"{name} names the destination {other!r}, which no file has, and is left out"
    remedy = "Import that destination instead, or correct the destination's id."
    return WorkspaceFinding("warning", where, what, remedy)


def _select_schema_keys(
    resource: JSONObject, kind: str, where: str, findings: list[WorkspaceFinding]
) -> JSONObject:
    """Return the keys of an imported resource that a workspace file may have; report the others."""
    known = list_schema_keys(kind)
    unplaced = [key for key in resource if key not in known and key != "metadataId"]
    if unplaced:
        what = f"a workspace file has no place for {', '.join(unplaced)}, left out"
        findings.append(
            _build_note_finding(where, what, "Nothing to do: no delivery depends on it.")
        )
    selected = {key: value for key, value in resource.items() if key in known and value is not None}
    metadata = selected.get("metadata")
    if isinstance(metadata, dict):
        # The other keys are Segment's complete catalogue page.
        selected["metadata"] = {
            key: entry
            for key, entry in metadata.items()
            if key in _CATALOGUE_KEYS or any(iterate_unknown_values(entry))
        }
    return {key: value for key, value in selected.items() if not _is_placeholder_id(key, value)}


def _is_placeholder_id(key: str, value: JSON) -> bool:
    """Return whether an imported id is left open by an export, or is a Terraform reference."""
    placeholder = isinstance(value, UnknownValue)
    placeholder |= isinstance(value, str) and value.startswith(("<", "{"))
    return key.lower().endswith("id") and (value == "" or placeholder)


def _get_display_name(resource: JSONObject) -> str:
    return str(
        replace_unknown_values_by_text(
            resource.get("name") or resource.get("title") or resource.get("id")
        )
    )


def _get_display_id(resource: JSONObject) -> str:
    return str(replace_unknown_values_by_text(resource.get("id") or ""))


def _build_note_finding(where: str, what: str, remedy: str) -> WorkspaceFinding:
    return WorkspaceFinding("note", where, what, remedy)
