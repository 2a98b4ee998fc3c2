"""Insider One's default events, attributes and event parameters, and checks of their values.

Source: Insider One, "Default Events & Attributes", "Data Retention" and "Upsert User Data".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from segment_insider_emulator.insider.account_options import (
    CustomType,
    InsiderAccountOptions,
    Strictness,
)
from segment_insider_emulator.insider.formats import VALUE_FORMATS, CompiledSchema, load_schema_file
from segment_insider_emulator.insider.responses import (
    RequestFinding,
    build_warning,
    format_value_for_error,
)
from segment_insider_emulator.similar_names import find_similar_name
from segment_insider_emulator.types import JSON, JSONObject

# Rules about the name of a value, whatever the value is.
UNKNOWN_NAME, UNDEFINED_CUSTOM, INVALID_NAME = "unknown-name", "undefined-custom", "invalid-name"
CHANNEL_ATTRIBUTE, DEFAULT_UNDER_CUSTOM = "channel-attribute", "default-under-custom"
UNLISTED_IDENTIFIER = "unlisted-identifier"
_THREE_MONTHS, _YEAR, _TWO_YEARS = (timedelta(days=days) for days in (90, 365, 730))

# Name in a request -> name of the stored event. The Upsert page calls a purchase `purchase`.
EVENT_ALIASES = {"purchase": "confirmation_page_view", "home_page_view": "homepage_view"}

_CART_PARAMETERS = ("event_group_id", "currency", "unit_sale_price")
_PURCHASE_PARAMETERS = (*_CART_PARAMETERS, "quantity")
CUSTOM_EVENT_RETENTION = _THREE_MONTHS
PROFILE_RETENTION = _YEAR  # since its last update


@dataclass(frozen=True, slots=True)
class DefaultEvent:
    """An event that exists in every Insider One account; *retention* counts from its timestamp."""

    display_name: str
    retention: timedelta = _THREE_MONTHS


DEFAULT_EVENTS: Mapping[str, DefaultEvent] = {
    "homepage_view": DefaultEvent("Homepage View"),
    "listing_page_view": DefaultEvent("Listing Page View"),
    "product_detail_page_view": DefaultEvent("Product Detail Page View"),
    "cart_page_view": DefaultEvent("Cart Page View"),
    "confirmation_page_view": DefaultEvent("Purchase (Confirmation Page View)", _TWO_YEARS),
    "other_page_view": DefaultEvent("Other Page View"),
    # Assumed: its retention is not published; the other page views have the same.
    "checkout_page_view": DefaultEvent("Checkout Page Viewed"),
    "item_added_to_cart": DefaultEvent("Item Added to Cart"),
    "item_removed_from_cart": DefaultEvent("Item Removed from Cart"),
    "cart_cleared": DefaultEvent("Cart Cleared"),
    "sign_up_confirmation": DefaultEvent("Sign-up confirmation", _YEAR),
    "lead_collected": DefaultEvent("Lead collected", _YEAR),
    "email_delivered": DefaultEvent("Email delivered", _YEAR),
    "email_open": DefaultEvent("Email open", _YEAR),
    "email_click": DefaultEvent("Email click", _YEAR),
}


def resolve_event_alias(event_name: str) -> str:
    """Return the name under which Insider One stores an event: an alias becomes the main name."""
    return EVENT_ALIASES.get(event_name, event_name)


def get_event_display_name(event_name: str) -> str:
    """Return an event's name in the Insider One panel; a custom event has only its system name."""
    default_event = DEFAULT_EVENTS.get(event_name)
    return default_event.display_name if default_event else event_name


def get_event_retention(event_name: str, options: InsiderAccountOptions) -> timedelta:
    """Return how long an account stores an event; three months for a custom event unless set."""
    if event_name in options.retention_days:
        return timedelta(days=options.retention_days[event_name])
    default_event = DEFAULT_EVENTS.get(event_name)
    return default_event.retention if default_event else CUSTOM_EVENT_RETENTION


def list_nondefault_retentions(options: InsiderAccountOptions) -> dict[str, timedelta]:
    """Return event name -> retention of the events not stored for the usual three months."""
    retention_by_name = {
        name: get_event_retention(name, options)
        for name in (*DEFAULT_EVENTS, *options.retention_days)
    }
    return {
        name: retention
        for name, retention in retention_by_name.items()
        if retention != CUSTOM_EVENT_RETENTION
    }


def get_required_parameters(event_name: str, options: InsiderAccountOptions) -> tuple[str, ...]:
    """Return the event parameters without which Insider One rejects the event."""
    if event_name == "cart_page_view":
        return _CART_PARAMETERS
    # It is not published whether confirmation_page_view is checked as strictly as purchase.
    only_warn = options.confirmation_page_view_required == "warn"
    if event_name == "purchase" or (event_name == "confirmation_page_view" and not only_warn):
        return _PURCHASE_PARAMETERS if options.quantity_required else _CART_PARAMETERS
    return ()


def get_recommended_parameters(event_name: str, options: InsiderAccountOptions) -> tuple[str, ...]:
    """Return the event parameters whose absence causes a warning but no rejection."""
    if event_name != "confirmation_page_view" or get_required_parameters(event_name, options):
        return ()
    return get_required_parameters("purchase", options)


_INVALID_NAME_CHARS = re.compile(r"[A-Z\s]")


@dataclass(frozen=True, slots=True)
class FieldCatalog:
    """Catalog of Insider One's default attributes, or of its default event parameters.

    Args:
        noun: "attribute" or "parameter".
        schemas: Default name -> schema of its value.
        combined_schema: Schema of an object of all default names; valid if each value is.
        upsert_names: The names in the table of the Upsert page; the others are from other pages.
        channel_names: The names that Insider One's channels set.
        aliases: Other name in use -> the default name.
        remedies: Unknown name -> what to send instead.
        null_is_absent: Ignore null without a warning. The null of an attribute causes a warning:
            its sender may want to delete the attribute, but an upsert does not.
        get_custom_types: Returns the custom names that an account defines, name -> type; None
            when it accepts any name.
    """

    noun: str
    schemas: Mapping[str, CompiledSchema]
    combined_schema: CompiledSchema
    upsert_names: frozenset[str]
    channel_names: frozenset[str]
    aliases: Mapping[str, str]
    remedies: Mapping[str, str]
    null_is_absent: bool
    get_custom_types: Callable[[InsiderAccountOptions], Mapping[str, CustomType] | None]


def _build_field_catalog(
    noun: str,
    document_name: str,
    aliases: JSONObject,
    remedies: JSONObject,
    get_custom_types: Callable[[InsiderAccountOptions], Mapping[str, CustomType] | None],
) -> FieldCatalog:
    properties = load_schema_file(document_name)["properties"]
    alias_schemas = {alias: properties[default_name] for alias, default_name in aliases.items()}
    sources = {name: schema.get("x-source") for name, schema in properties.items()}
    return FieldCatalog(
        noun=noun,
        schemas={name: CompiledSchema(schema) for name, schema in properties.items()},
        combined_schema=CompiledSchema({"properties": {**properties, **alias_schemas}}),
        upsert_names=frozenset(name for name, source in sources.items() if source is None),
        channel_names=frozenset(name for name, source in sources.items() if source == "channels"),
        aliases=aliases,
        remedies=remedies,
        null_is_absent=noun == "parameter",
        get_custom_types=get_custom_types,
    )


DEFAULT_ATTRIBUTES = _build_field_catalog(
    "attribute",
    "attributes",
    # Names used by other pages, Insider One's connector and Segment's destination.
    {"locale": "lo", "list_id": "static_segment_id"},
    {"phone": "Send the number as attributes.phone_number."},
    lambda options: options.custom_attributes,
)
DEFAULT_PARAMETERS = _build_field_catalog(
    "parameter", "parameters", {}, {}, lambda options: options.custom_parameters
)
# Type of a custom attribute or parameter in the panel -> schema of its values.
_TEXT_SCHEMA, _NUMBER_SCHEMA = {"type": "string"}, {"type": "number"}
CUSTOM_TYPE_SCHEMAS: Mapping[CustomType, CompiledSchema] = {
    "String": CompiledSchema(_TEXT_SCHEMA),
    "Strings": CompiledSchema({"type": "array", "items": _TEXT_SCHEMA}),
    "Number": CompiledSchema(_NUMBER_SCHEMA),
    "Numbers": CompiledSchema({"type": "array", "items": _NUMBER_SCHEMA}),
    "Boolean": CompiledSchema({"type": "boolean"}),
    "Date": CompiledSchema({"type": "string", "format": "rfc3339"}),
    "Datetime": CompiledSchema({"type": "string", "format": "rfc3339"}),
    "URL": CompiledSchema({"type": "string", "format": "url"}),
}


def parse_field_values(
    values: JSONObject,
    catalog: FieldCatalog,
    where: str,
    options: InsiderAccountOptions,
    silent_names: frozenset[str] = frozenset(),
) -> tuple[dict[str, JSON], list[RequestFinding]]:
    """Split attributes or event parameters of a request into the stored values and warnings.

    Args:
        values: An object with default names at the root and other names under "custom".
        where: Dotted path of *values* in the request.
        silent_names: Unknown names that cause no warning, e.g. SEGMENT_DEFAULT_ATTRIBUTES.
    Returns: Path ("email", "custom.plan", "unrecognised.idfa") -> value, and warnings.
    """
    stored_values: dict[str, JSON] = {}
    warnings: list[RequestFinding] = []
    unknown_names: list[str] = []
    # Most values are valid, and one check of all values is faster than one check for each.
    are_all_valid = catalog.combined_schema.is_valid(values)
    for name, value in values.items():
        default_name = catalog.aliases.get(name, name)
        if name == "custom" or (value is None and catalog.null_is_absent):
            continue
        if default_name not in catalog.schemas:
            stored_values[f"unrecognised.{name}"] = value
            unknown_names.append(name)
        elif name != default_name and default_name in values:
            what = f"{name} is another name of {default_name}, whose value is stored instead"
            remedy = f"Send only {default_name}."
            warnings.append(build_warning("second-name", f"{where}.{name}", what, remedy))
        elif are_all_valid or _check_field_value(
            name, value, catalog.schemas[default_name], f"{where}.{name}", warnings
        ):
            stored_values[default_name] = value
    warned_names = [name for name in unknown_names if name not in silent_names]
    warnings += _warn_unknown_field_names(warned_names, catalog, where)
    warnings += _warn_about_channel_attributes(stored_values, catalog, where)
    if custom_values := values.get("custom"):
        stored_values |= _parse_custom_fields(
            custom_values, catalog, f"{where}.custom", options, warnings
        )
        warnings += _warn_misplaced_or_invalid_names(custom_values, catalog, where)
    return stored_values, warnings


def _parse_custom_fields(
    custom: JSONObject,
    catalog: FieldCatalog,
    where: str,
    options: InsiderAccountOptions,
    warnings: list[RequestFinding],
) -> dict[str, JSON]:
    """Return the custom attributes or parameters to store: path -> value."""
    custom_types = catalog.get_custom_types(options)
    stored_values = {}
    for name, value in custom.items():
        value_path = f"{where}.{name}"
        if value is None and catalog.null_is_absent:
            continue
        if custom_types is not None and name in custom_types:
            schema = CUSTOM_TYPE_SCHEMAS[custom_types[name]]
            is_stored = _check_field_value(name, value, schema, value_path, warnings)
        else:
            is_stored = _check_undefined_custom_value(value, value_path, warnings)
            if custom_types is not None:
                strictness = options.undefined_custom
                warnings.append(_warn_undefined_custom_field(name, catalog, value_path, strictness))
                is_stored = is_stored and strictness == "warn"
        if is_stored:
            stored_values[f"custom.{name}"] = value
    return stored_values


def _check_field_value(
    name: str, value: JSON, schema: CompiledSchema, where: str, warnings: list[RequestFinding]
) -> bool:
    """Return whether *value* has the type of its attribute or parameter; warn if it has not."""
    has_right_type = True
    for error in schema.iter_errors(value):
        if error.validator == "format":
            what = (
                f"{name} does not have the format Insider One expects: "
                f"{format_value_for_error(value)}"
            )
            _, expected_format = VALUE_FORMATS[str(error.validator_value)]
            remedy = f"Send {expected_format}."
            warnings.append(build_warning("wrong-format", where, what, remedy))
        else:
            has_right_type = False
    if not has_right_type:
        expected_type = format_value_for_error(schema.schema["type"])
        what = f"{name} has the wrong type and is not stored: {format_value_for_error(value)}"
        remedy = f"Send it as {expected_type}."
        warnings.append(build_warning("wrong-type", where, what, remedy))
    return has_right_type


def _check_undefined_custom_value(value: JSON, where: str, warnings: list[RequestFinding]) -> bool:
    members = value if isinstance(value, list) else [value]
    if not any(member is None or isinstance(member, (dict, list)) for member in members):
        return True
    what = (
        f"no custom type accepts this value, so it is not stored: {format_value_for_error(value)}"
    )
    remedy = "Send text, a number, a boolean, a date or a list of those."
    warnings.append(build_warning("unstorable-value", where, what, remedy))
    return False


def _warn_undefined_custom_field(
    name: str, catalog: FieldCatalog, where: str, strictness: Strictness
) -> RequestFinding:
    consequence = "it may be ignored" if strictness == "warn" else "it is not stored"
    what = f"custom {catalog.noun} {name} is not defined in the panel; {consequence}"
    remedy = "Create it on the Attributes and Events page, or remove it."
    return build_warning(UNDEFINED_CUSTOM, where, what, remedy)


def _warn_unknown_field_names(
    names: list[str], catalog: FieldCatalog, where: str
) -> list[RequestFinding]:
    return [
        build_warning(
            UNKNOWN_NAME,
            f"{where}.{name}",
            f"{name} is not an Insider One {catalog.noun}; it may be ignored",
            _suggest_field_name(name, catalog) or "Move it under custom, or remove it.",
        )
        for name in names
    ]


def _suggest_field_name(name: str, catalog: FieldCatalog) -> str | None:
    similar = find_similar_name(name, (*catalog.schemas, *catalog.aliases, "custom"))
    return catalog.remedies.get(name) or (f"Write {similar}." if similar else None)


def _warn_about_channel_attributes(
    stored_values: dict[str, JSON], catalog: FieldCatalog, where: str
) -> list[RequestFinding]:
    if catalog.channel_names.isdisjoint(stored_values):
        return []
    what = "Insider One's channels set this attribute; the effect of an upsert is not documented"
    remedy = "Remove it, unless your scenario is about a person who unsubscribed."
    names = sorted(catalog.channel_names & stored_values.keys())
    return [build_warning(CHANNEL_ATTRIBUTE, f"{where}.{name}", what, remedy) for name in names]


def _warn_misplaced_or_invalid_names(
    custom: JSONObject, catalog: FieldCatalog, where: str
) -> list[RequestFinding]:
    warnings = []
    for name in custom:
        place = f"{where}.custom.{name}"
        if name in catalog.upsert_names:
            what = f"default {catalog.noun} sent under custom, so the default stays empty: {name}"
            remedy = "Send it at the root instead of under custom."
            warnings.append(build_warning(DEFAULT_UNDER_CUSTOM, place, what, remedy))
        if _INVALID_NAME_CHARS.search(name):
            what = f"system names have no capital letters and no spaces: {name}"
            remedy = "Use the system name that the panel shows."
            warnings.append(build_warning(INVALID_NAME, place, what, remedy))
    return warnings
