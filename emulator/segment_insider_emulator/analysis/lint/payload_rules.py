"""Lint rules for what is sent to Insider One: identifiers, attributes, parameters, products."""

import re
from collections.abc import Iterator

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.mapping_paths import is_path_read, list_read_paths
from segment_insider_emulator.analysis.sample_events import OTHER_TRACK_CALL, build_track_call
from segment_insider_emulator.insider.catalog import (
    get_recommended_parameters,
    get_required_parameters,
)
from segment_insider_emulator.mapping.directives import (
    copies_whole_object,
    get_product_mapping,
    list_written_keys,
)
from segment_insider_emulator.mapping.segment_spec import (
    ECOMMERCE_EVENT_PROPERTIES,
    LIST_LEVEL_PROPERTIES,
    PRODUCT_PROPERTIES,
)
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.validation import Severity, WorkspaceFinding, suggest_name

_PROFILE_ACTION = "updateUserProfile"
_OPT_IN_ATTRIBUTES = {
    "gdprOptin": "gdpr_optin",
    "emailOptin": "email_optin",
    "smsOptin": "sms_optin",
    "whatsappOptin": "whatsapp_optin",
}
_NAME_TRAITS = {"firstName": ("firstName", "first_name"), "lastName": ("lastName", "last_name")}


def find_subscriptions_without_identifier(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find subscriptions whose users Insider One cannot identify."""
    for subscription in context.subscriptions:
        sent = _list_sent_identifiers(subscription)
        if not sent:
            what = (
                f"{subscription.name!r} sends no identifier; Insider One cannot identify its users"
            )
            remedy = "Map uuid, segment_anonymous_id or custom_identifiers."
            yield WorkspaceFinding("error", subscription.format_field_path(), what, remedy)
        elif not set(sent) & set(context.workspace.identifiers):
            what = f"{subscription.name!r} sends {', '.join(sent)}, none of which the account lists"
            remedy = "List one of them under insider.identifiers."
            yield WorkspaceFinding("error", subscription.format_field_path(), what, remedy)


def find_unconfigured_identifiers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find identifiers that are sent but not configured in the account."""
    listed = list(context.workspace.identifiers)
    sent = dict.fromkeys(
        name
        for subscription in context.subscriptions
        for name in _list_sent_identifiers(subscription)
    )
    for name in sent:
        if name not in listed:
            similar = next(
                (identifier for identifier in listed if identifier.casefold() == name.casefold()),
                None,
            )
            what = f"{name} is sent as an identifier but not listed; it identifies no profile"
            remedy = (
                f"Write {name} for {similar}." if similar else f"Add {name}, if the account has it."
            )
            yield WorkspaceFinding("warning", "insider.identifiers", what, remedy)


def find_unsent_identifiers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find configured identifiers that no subscription sends."""
    sent = list(
        dict.fromkeys(
            name
            for subscription in context.subscriptions
            for name in _list_sent_identifiers(subscription)
        )
    )
    for index, name in enumerate(context.workspace.identifiers):
        if sent and name not in sent:
            where = f"insider.identifiers[{index}]"
            what = f"no subscription sends the identifier {name!r}"
            yield WorkspaceFinding("note", where, what, suggest_name(name, sent))


def find_unread_name_traits(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find name traits that the profile mapping does not read in both spellings."""
    for subscription in _list_profile_subscriptions(context):
        for field, traits in _NAME_TRAITS.items():
            read_paths = list_read_paths(subscription.mapping.get(field))
            unread = [trait for trait in traits if not is_path_read(read_paths, f"traits.{trait}")]
            if unread:
                what = f"the trait {unread[0]} is not read; its value is lost"
                if len(unread) > 1:
                    names = " and ".join(unread)
                    what = f"the traits {names} are not read; their values are lost"
                remedy = f"Read $.traits.{traits[0]}, else $.traits.{traits[1]}, with @if."
                yield WorkspaceFinding(
                    "warning", subscription.format_field_path(field), what, remedy
                )


def find_unmapped_opt_ins(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find opt-in fields without a mapping."""
    for subscription in _list_profile_subscriptions(context):
        missing = [field for field in _OPT_IN_ATTRIBUTES if field not in subscription.mapping]
        if missing:
            what = f"nothing is mapped to {', '.join(missing)}, so people cannot be reached"
            example = _OPT_IN_ATTRIBUTES[missing[0]]
            remedy = f'Map them, such as {missing[0]}: {{"@path": "$.traits.{example}"}}.'
            yield WorkspaceFinding("warning", subscription.format_field_path(), what, remedy)


def find_default_attributes_sent_as_custom(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find default attributes that an event action sends as custom attributes."""
    for subscription in context.subscriptions:
        for key in list_written_keys(subscription.mapping.get("attributes")):
            if key in (*_OPT_IN_ATTRIBUTES.values(), "phone_number", "language"):
                what = f"on an event action, {key!r} becomes a custom attribute"
                remedy = f"Map it on {_PROFILE_ACTION}" + (
                    ", or write phone." if "phone" in key else "."
                )
                yield WorkspaceFinding(
                    "warning", subscription.format_field_path("attributes", key), what, remedy
                )


def find_phone_number_identifiers(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Note that phone numbers sent as identifiers must be E.164."""
    if any(
        "phone_number" in _list_sent_identifiers(subscription)
        for subscription in context.subscriptions
    ):
        what = "phone numbers are sent unchanged; one that is not E.164 makes its whole user fail"
        remedy = "Send them like +6598765432, or set phone_number_as_identifier to false."
        yield WorkspaceFinding("note", "destination.subscriptions", what, remedy)


def find_opt_ins_that_need_booleans(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Note that mapped opt-ins must be booleans."""
    for subscription in _list_profile_subscriptions(context):
        mapped = [field for field in _OPT_IN_ATTRIBUTES if field in subscription.mapping]
        if mapped:
            what = f'only true and false fit {", ".join(mapped)}: a "yes" loses the identify call'
            remedy = "Send booleans."
            yield WorkspaceFinding("note", subscription.format_field_path(), what, remedy)


def _list_profile_subscriptions(context: AnalysisContext) -> Iterator[LocatedSubscription]:
    return (
        subscription
        for subscription in context.subscriptions
        if subscription.action_slug == _PROFILE_ACTION
    )


def _list_sent_identifiers(subscription: LocatedSubscription) -> list[str]:
    """Return the names of the identifiers that a subscription may send."""
    mapping = subscription.mapping
    person = (
        mapping
        if subscription.action_slug == _PROFILE_ACTION
        else list_written_keys(mapping.get("attributes"))
    )
    may_send = {
        "uuid": "uuid" in mapping,
        "segment_anonymous_id": "segment_anonymous_id" in mapping,
        "email": bool(mapping.get("email_as_identifier")) and "email" in person,
        "phone_number": bool(mapping.get("phone_number_as_identifier")) and "phone" in person,
    }
    custom = list_written_keys(mapping.get("custom_identifiers"))
    return [name for name, sent in may_send.items() if sent] + list(custom)


_CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FIXED_EVENT_NAMES = {
    "cartViewedEvent": "cart_page_view",
    "orderCompletedEvent": "confirmation_page_view",
}


def find_keys_that_lose_their_value(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find mapped keys that Segment's normalisation renames, so that their value is lost."""
    for subscription in context.subscriptions:
        for field, mapping in _iter_object_field_mappings(subscription):
            for key in list_written_keys(mapping):
                name = normalise_name(key)
                if name != key:
                    what = f"the key {key!r} arrives as {name!r}, without its value"
                    remedy = f"Write {suggest_normalised_key(key)!r}."
                    yield WorkspaceFinding(
                        "error", subscription.format_field_path(field, key), what, remedy
                    )


def suggest_normalised_key(key: str) -> str:
    """Suggest a mapping key that Segment does not rename, e.g. "gift_wrap" for "giftWrap"."""
    return normalise_name(_CAMEL_CASE_BOUNDARY.sub("_", key))


def find_overwritten_product_values(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find event parameters that overwrite a value of each product."""
    for subscription in context.subscriptions:
        items = list_written_keys(get_product_mapping(subscription.mapping.get("products")))
        parameters = list_written_keys(subscription.mapping.get("parameters"))
        for key in parameters:
            if key in items and _overwrites_product_value(parameters[key], items[key]):
                what = f"the parameter {key!r} overwrites the {key} of each product"
                remedy = "Give one of the two another name."
                yield WorkspaceFinding(
                    "warning", subscription.format_field_path("parameters", key), what, remedy
                )


def get_fixed_event_name(subscription: LocatedSubscription) -> str | None:
    """Return the Insider One event that a mapping always makes; None if the call names it."""
    name = _FIXED_EVENT_NAMES.get(subscription.action_slug) or subscription.mapping.get(
        "event_name"
    )
    return name if isinstance(name, str) else None


def find_missing_required_parameters(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find event parameters that Insider One requires or expects and no mapping fills."""
    options = context.workspace.insider_options
    for subscription in context.subscriptions:
        event = get_fixed_event_name(subscription)
        if event is None:
            continue
        refused_without = get_required_parameters(event, options)
        expected = refused_without or get_recommended_parameters(event, options)
        fields = [
            subscription.mapping.get("parameters"),
            get_product_mapping(subscription.mapping.get("products")),
        ]
        filled = {key for mapping in fields for key in list_written_keys(mapping)}
        missing = [key for key in expected if key not in filled]
        if missing and not any(copies_whole_object(mapping) for mapping in fields):
            verb = "needs" if refused_without else "asks for"
            what = f"Insider One {verb} {', '.join(missing)} with {event}, and no mapping fills it"
            remedy = "Map it under parameters, or under products where each has its own."
            severity: Severity = "error" if refused_without else "warning"
            yield WorkspaceFinding(severity, subscription.format_field_path(), what, remedy)


def find_dropped_spec_properties(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find properties of Segment's e-commerce spec that the mapping does not read."""
    for subscription in context.subscriptions:
        read_paths = list_read_paths(subscription.mapping)
        for event, properties in ECOMMERCE_EVENT_PROPERTIES.items():
            if subscription.action_slug == "trackEvent" or not subscription.matches(
                build_track_call(event)
            ):
                continue
            dropped = [
                path
                for path in _iter_expected_event_paths(subscription, properties)
                if not is_path_read(read_paths, path)
            ]
            if dropped:
                names = ", ".join(path.removeprefix("properties.") for path in dropped)
                what = f'of "{event}", nothing reads {names}'
                remedy = "Map what you need under parameters or products, in lower snake case."
                yield WorkspaceFinding("warning", subscription.format_field_path(), what, remedy)


def find_dropped_custom_properties(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find Track Event subscriptions for all events that drop unmapped properties."""
    for subscription in context.subscriptions:
        open_ended = copies_whole_object(subscription.mapping.get("parameters"))
        if (
            subscription.action_slug == "trackEvent"
            and subscription.matches(build_track_call(OTHER_TRACK_CALL))
            and not open_ended
        ):
            what = "properties of custom events are dropped unless parameters names them"
            remedy = "Merge $.properties into parameters, as the preset guide does."
            yield WorkspaceFinding(
                "warning", subscription.format_field_path("parameters"), what, remedy
            )


def find_textual_variants(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find variants mapped to variant_id, where Track Event accepts only numbers."""
    for subscription in context.subscriptions:
        variant = list_written_keys(subscription.mapping.get("parameters")).get("variant_id")
        if subscription.action_slug == "trackEvent" and is_path_read(
            list_read_paths(variant), "properties.variant"
        ):
            what = 'a variant in words, such as "Blue", fails the whole event'
            remedy = "Map it to a parameter of your own, such as variant."
            where = subscription.format_field_path("parameters", "variant_id")
            yield WorkspaceFinding("warning", where, what, remedy)


def find_cart_without_currency(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find cart page views that take currency from a property the spec lacks."""
    for subscription in context.subscriptions:
        currency = list_written_keys(subscription.mapping.get("parameters")).get("currency")
        if subscription.action_slug == "cartViewedEvent" and list_read_paths(currency) == {
            "properties.currency"
        }:
            what = "Segment's spec has no currency on Cart Viewed, and Insider One refuses a cart"
            what += " page view without one"
            remedy = "Send currency with the event, or map a fixed one."
            yield WorkspaceFinding(
                "note", subscription.format_field_path("parameters", "currency"), what, remedy
            )


def find_products_that_fail_order(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Note which product values make a whole order fail."""
    names = [
        repr(subscription.name)
        for subscription in context.subscriptions
        if subscription.mapping.get("products")
    ]
    if names:
        what = "a fractional quantity, an empty price or a category of several levels in one "
        what += f"product fails the whole event of {', '.join(names)}"
        remedy = "Send whole quantities, numbers as prices, and a category as one text."
        yield WorkspaceFinding("note", "destination.subscriptions", what, remedy)


def _iter_object_field_mappings(subscription: LocatedSubscription) -> Iterator[tuple[str, JSON]]:
    yield "parameters", subscription.mapping.get("parameters")
    yield "attributes", subscription.mapping.get("attributes")
    yield "products", get_product_mapping(subscription.mapping.get("products"))


def _overwrites_product_value(parameter: JSON, item: JSON) -> bool:
    # A single product's properties are at the top level only if there is no list of products.
    product_paths = {f"properties.{path}" for path in list_read_paths(item)} - {
        f"properties.{name}" for name in LIST_LEVEL_PROPERTIES
    }
    return not list_read_paths(parameter, existing_paths=["properties.products"]) <= product_paths


def _iter_expected_event_paths(
    subscription: LocatedSubscription, properties: tuple[str, ...]
) -> Iterator[str]:
    takes_products = any(
        field.key == "products" for field in subscription.subscription.action.fields
    )
    for name in properties:
        if name == "products" and takes_products:
            yield from (f"properties.products[].{item}" for item in PRODUCT_PROPERTIES)
        else:
            yield f"properties.{name}"
