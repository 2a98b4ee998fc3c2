"""Default events: their names, how long they are kept and what they must carry.

Source: Insider One, "Default Events & Attributes", "Data Retention" and "Upsert User Data".
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from segment_insider_emulator.insider.formats import (
    VALUE_FORMATS,
    CompiledSchema,
    compile_schema,
    load_json_document,
)
from segment_insider_emulator.insider.options import CustomType, InsiderOptions, Strictness
from segment_insider_emulator.insider.responses import RequestFinding, build_warning, quote_value
from segment_insider_emulator.similar_names import find_similar_name
from segment_insider_emulator.types import JSON, JSONObject

_THREE_MONTHS, _YEAR, _TWO_YEARS = (timedelta(days=days) for days in (90, 365, 730))

# Input names of one stored event. `purchase` is the Upsert page's name for it.
EVENT_ALIASES = {"purchase": "confirmation_page_view", "home_page_view": "homepage_view"}

_CART_PARAMETERS = ("event_group_id", "currency", "unit_sale_price")
_PURCHASE_PARAMETERS = (*_CART_PARAMETERS, "quantity")
CUSTOM_EVENT_RETENTION = _THREE_MONTHS
PROFILE_RETENTION = _YEAR  # since its last update


@dataclass(frozen=True, slots=True)
class DefaultEvent:
    """One event that exists in every account; *kept* counts from the event's timestamp."""

    display_name: str
    retention: timedelta = _THREE_MONTHS


DEFAULT_EVENTS: Mapping[str, DefaultEvent] = {
    "homepage_view": DefaultEvent("Homepage View"),
    "listing_page_view": DefaultEvent("Listing Page View"),
    "product_detail_page_view": DefaultEvent("Product Detail Page View"),
    "cart_page_view": DefaultEvent("Cart Page View"),
    "confirmation_page_view": DefaultEvent("Purchase (Confirmation Page View)", _TWO_YEARS),
    "other_page_view": DefaultEvent("Other Page View"),
    # Its retention is published nowhere; the other page views' is assumed.
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
    """The one name under which an event is kept."""
    return EVENT_ALIASES.get(event_name, event_name)


def get_event_display_name(event_name: str) -> str:
    """What the panel calls a stored event; a custom event goes by its system name."""
    default_event = DEFAULT_EVENTS.get(event_name)
    return default_event.display_name if default_event else event_name


def get_event_retention(event_name: str, options: InsiderOptions) -> timedelta:
    """How long a stored event is kept in this account; custom events for three months."""
    if event_name in options.retention_days:
        return timedelta(days=options.retention_days[event_name])
    default_event = DEFAULT_EVENTS.get(event_name)
    return default_event.retention if default_event else CUSTOM_EVENT_RETENTION


def list_nondefault_retentions(options: InsiderOptions) -> dict[str, timedelta]:
    """Retention by name, of all events that are not kept for the usual three months."""
    retention_by_name = {
        name: get_event_retention(name, options)
        for name in (*DEFAULT_EVENTS, *options.retention_days)
    }
    return {
        name: kept for name, kept in retention_by_name.items() if kept != CUSTOM_EVENT_RETENTION
    }


def get_required_parameters(event_name: str, options: InsiderOptions) -> tuple[str, ...]:
    """The parameters without which an event, by its input name, is refused."""
    if event_name == "cart_page_view":
        return _CART_PARAMETERS
    # Nobody says whether the other name of a purchase is checked as strictly.
    only_warn = options.confirmation_page_view_required == "warn"
    if event_name == "purchase" or (event_name == "confirmation_page_view" and not only_warn):
        return _PURCHASE_PARAMETERS if options.quantity_required else _CART_PARAMETERS
    return ()


def get_recommended_parameters(event_name: str, options: InsiderOptions) -> tuple[str, ...]:
    """The parameters whose absence is told, though the event is kept."""
    if event_name != "confirmation_page_view" or get_required_parameters(event_name, options):
        return ()
    return get_required_parameters("purchase", options)


_INVALID_NAME_CHARS = re.compile(r"[A-Z\s]")


@dataclass(frozen=True, slots=True)
class FieldCatalog:
    """Attributes or parameters: one table of default names, one set of words.

    Args:
        noun: "attribute" or "parameter".
        known: Default name -> validator of its value.
        whole: Validator of all values under default names, met where each of them is.
        upsert: The names in the Upsert page's own table; the others come from elsewhere.
        channels: The names that Insider One's channels set.
        aliases: Other name in use -> the default name.
        remedies: What to say of certain names that are not known.
        null_is_absent: A null is no value and loses nothing. The null of an attribute is told,
            because its sender may mean to delete the attribute, and an upsert does not.
        defined: The custom names that an account defines, name -> type; None when it takes any.
    """

    noun: str
    schemas: Mapping[str, CompiledSchema]
    combined_schema: CompiledSchema
    upsert_names: frozenset[str]
    channel_names: frozenset[str]
    aliases: Mapping[str, str]
    remedies: Mapping[str, str]
    null_is_absent: bool
    get_custom_types: Callable[[InsiderOptions], Mapping[str, CustomType] | None]


def _build_catalog(
    noun: str,
    document_name: str,
    aliases: JSONObject,
    remedies: JSONObject,
    get_custom_types: Callable[[InsiderOptions], Mapping[str, CustomType] | None],
) -> FieldCatalog:
    properties = load_json_document(document_name)["properties"]
    schemas = {each: compile_schema(schema) for each, schema in properties.items()}
    alias_schemas = {each: properties[canonical] for each, canonical in aliases.items()}
    combined_schema = compile_schema({"properties": {**properties, **alias_schemas}})
    sources = {each: schema.get("x-source") for each, schema in properties.items()}
    upsert_names = frozenset(each for each, source in sources.items() if source is None)
    channel_names = frozenset(each for each, source in sources.items() if source == "channels")
    null_is_absent = noun == "parameter"
    return FieldCatalog(
        noun,
        schemas,
        combined_schema,
        upsert_names,
        channel_names,
        aliases,
        remedies,
        null_is_absent,
        get_custom_types,
    )


DEFAULT_ATTRIBUTES = _build_catalog(
    "attribute",
    "attributes",
    # Names that other pages, Insider One's connector and Segment's destination write.
    {"locale": "lo", "list_id": "static_segment_id"},
    {"phone": "Send the number as attributes.phone_number: phone is no default attribute."},
    lambda options: options.custom_attributes,
)
DEFAULT_PARAMETERS = _build_catalog(
    "parameter", "parameters", {}, {}, lambda options: options.custom_parameters
)
# A custom value by the type that the panel gives its name.
_TEXT_SCHEMA, _NUMBER_SCHEMA = {"type": "string"}, {"type": "number"}
CUSTOM_TYPE_SCHEMAS: Mapping[CustomType, CompiledSchema] = {
    "String": compile_schema(_TEXT_SCHEMA),
    "Strings": compile_schema({"type": "array", "items": _TEXT_SCHEMA}),
    "Number": compile_schema(_NUMBER_SCHEMA),
    "Numbers": compile_schema({"type": "array", "items": _NUMBER_SCHEMA}),
    "Boolean": compile_schema({"type": "boolean"}),
    "Date": compile_schema({"type": "string", "format": "rfc3339"}),
    "Datetime": compile_schema({"type": "string", "format": "rfc3339"}),
    "URL": compile_schema({"type": "string", "format": "url"}),
}


def parse_fields(
    values: JSONObject,
    catalog: FieldCatalog,
    where: str,
    options: InsiderOptions,
    silent_names: frozenset[str] = frozenset(),
) -> tuple[dict[str, JSON], list[RequestFinding]]:
    """Sort *given* into what is kept and what is told.

    Args:
        given: Default names at the root, others under "custom", already known to be an object.
        where: Dotted place of *given*.
        defaults: Unknown names that deserve no warning, see segment_platform.
    Returns: Value by place ("email", "custom.plan", "unrecognised.idfa"), and warnings.
    """
    stored_values: dict[str, JSON] = {}
    warnings: list[RequestFinding] = []
    unknown_names: list[str] = []
    # Values mostly fit, and one check of them all takes a fraction of one each.
    all_fit = catalog.combined_schema.is_valid(values)
    for name, value in values.items():
        default_name = catalog.aliases.get(name, name)
        if name == "custom" or (value is None and catalog.null_is_absent):
            continue
        if default_name not in catalog.schemas:
            stored_values[f"unrecognised.{name}"] = value
            unknown_names.append(name)
        elif name != default_name and default_name in values:
            what = f"another name of {default_name}, whose own value is kept"
            warnings.append(build_warning(f"{where}.{name}", what, f"Send {default_name} alone."))
        elif all_fit or _check_value(
            name, value, catalog.schemas[default_name], f"{where}.{name}", warnings
        ):
            stored_values[default_name] = value
    warned_names = [name for name in unknown_names if name not in silent_names]
    warnings += _warn_unknown_names(warned_names, catalog, where) + _warn_channel_names(
        [*catalog.channel_names & stored_values.keys()], where
    )
    custom_values = values.get("custom", {})
    stored_values |= _parse_custom_fields(
        custom_values, catalog, f"{where}.custom", options, warnings
    )
    warnings += _warn_custom_names(custom_values, catalog, where)
    return stored_values, warnings


def _parse_custom_fields(
    custom: JSONObject,
    catalog: FieldCatalog,
    where: str,
    options: InsiderOptions,
    warnings: list[RequestFinding],
) -> dict[str, JSON]:
    """What is kept of custom values, by place."""
    custom_types = catalog.get_custom_types(options)
    stored_values = {}
    for name, value in custom.items():
        place = f"{where}.{name}"
        if value is None and catalog.null_is_absent:
            continue
        if custom_types is not None and name in custom_types:
            fits = _check_value(
                name, value, CUSTOM_TYPE_SCHEMAS[custom_types[name]], place, warnings
            )
        else:
            fits = _check_custom_value(value, place, warnings)
            if custom_types is not None:
                warnings.append(
                    _warn_undefined_custom(name, catalog, place, options.undefined_custom)
                )
                fits = fits and options.undefined_custom == "warn"
        if fits:
            stored_values[f"custom.{name}"] = value
    return stored_values


def _check_value(
    name: str, value: JSON, schema: CompiledSchema, where: str, warnings: list[RequestFinding]
) -> bool:
    """Whether *value* shows on the profile at all."""
    fits = True
    for error in schema.iter_errors(value):
        if error.validator == "format":
            what = f"{name} is not in the form Insider One expects: {quote_value(value)}"
            warnings.append(
                build_warning(where, what, f"Send {VALUE_FORMATS[str(error.validator_value)][1]}.")
            )
        else:
            fits = False
    if not fits:
        expected_type = quote_value(schema.schema["type"])
        what = f"{name} is of another type, so its value never shows on the profile: {quote_value(value)}"
        warnings.append(build_warning(where, what, f"Send it as {expected_type}."))
    return fits


def _check_custom_value(value: JSON, where: str, warnings: list[RequestFinding]) -> bool:
    members = value if isinstance(value, list) else [value]
    if not any(member is None or isinstance(member, (dict, list)) for member in members):
        return True
    what = f"no type of custom value holds this, so it never shows on the profile: {quote_value(value)}"
    warnings.append(
        build_warning(where, what, "Send text, a number, a boolean, a date or a list of those.")
    )
    return False


def _warn_undefined_custom(
    name: str, catalog: FieldCatalog, where: str, strictness: Strictness
) -> RequestFinding:
    consequence = "so it may land nowhere" if strictness == "warn" else "so it is not kept"
    what = f"the panel defines no custom {catalog.noun} {name}, {consequence}"
    return build_warning(
        where, what, "Create it on the Attributes and Events page, or leave it out."
    )


def _warn_unknown_names(
    names: list[str], catalog: FieldCatalog, where: str
) -> list[RequestFinding]:
    remedies = {name: remedy for name in names if (remedy := _suggest_name_fix(name, catalog))}
    other_names = [name for name in names if name not in remedies]
    warnings = [
        build_warning(f"{where}.{name}", _describe_unknown_names(name, catalog), remedies[name])
        for name in remedies
    ]
    if other_names:
        remedy = (
            f"Send them under custom, or not at all: a default {catalog.noun} has a listed name."
        )
        warnings.append(
            build_warning(where, _describe_unknown_names(", ".join(other_names), catalog), remedy)
        )
    return warnings


def _suggest_name_fix(name: str, catalog: FieldCatalog) -> str | None:
    near = find_similar_name(name, (*catalog.schemas, *catalog.aliases, "custom"))
    return catalog.remedies.get(name) or (f"Write {near}." if near else None)


def _warn_channel_names(names: list[str], where: str) -> list[RequestFinding]:
    what = "Insider One's channels set this; nobody says what an upsert of it does"
    remedy = "Leave it out, unless a scenario is about somebody who unsubscribed."
    return [build_warning(f"{where}.{name}", what, remedy) for name in sorted(names)]


def _describe_unknown_names(names: str, catalog: FieldCatalog) -> str:
    return f"not a default {catalog.noun}, so it may land nowhere: {names}"


def _warn_custom_names(
    custom: JSONObject, catalog: FieldCatalog, where: str
) -> list[RequestFinding]:
    warnings = []
    default_names = [name for name in custom if name in catalog.upsert_names]
    if default_names:
        what = f"a custom twin of a default {catalog.noun}, which itself stays unset: {', '.join(default_names)}"
        warnings.append(
            build_warning(f"{where}.custom", what, "Send it at the root instead of under custom.")
        )
    invalid_names = [name for name in custom if _INVALID_NAME_CHARS.search(name)]
    if invalid_names:
        what = f"system names are lower case without spaces: {', '.join(invalid_names)}"
        warnings.append(
            build_warning(f"{where}.custom", what, "Use the system name that the panel shows.")
        )
    return warnings
