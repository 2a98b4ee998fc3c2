"""Rules on event parameters and products: what is lost, overwritten, refused or left behind."""

import re
from collections.abc import Iterator

from segment_insider_emulator.insider.catalog import (
    get_recommended_parameters,
    get_required_parameters,
)
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.finding import Severity, WorkspaceFinding
from segment_insider_emulator.workspace.lint.probes import OTHER_TRACK_CALL, build_track_call
from segment_insider_emulator.workspace.lint.spec import (
    ECOMMERCE_EVENT_PROPERTIES,
    LIST_LEVEL_PROPERTIES,
    PRODUCT_PROPERTIES,
)
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription
from segment_insider_emulator.workspace.lint.values import (
    copies_whole_object,
    get_product_mapping,
    is_path_read,
    list_read_paths,
    list_written_keys,
)

_CAMEL_CASE_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_FIXED_EVENT_NAMES = {
    "cartViewedEvent": "cart_page_view",
    "orderCompletedEvent": "confirmation_page_view",
}


def find_keys_changed_by_normalisation(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Keys that change when Segment normalises them, and lose their value over it."""
    for placed in context.subscriptions:
        for field, mapping in _container_mappings(placed):
            for key in list_written_keys(mapping):
                name = normalise_name(key)
                if name != key:
                    what = f"the key {key!r} arrives as {name!r}, without its value"
                    remedy = f"Write {suggest_normalised_key(key)!r}."
                    yield WorkspaceFinding("error", placed.field_path(field, key), what, remedy)


def suggest_normalised_key(key: str) -> str:
    """*key* as it would keep its value, e.g. "gift_wrap" for "giftWrap"."""
    return normalise_name(_CAMEL_CASE_BOUNDARY.sub("_", key))


def find_overwritten_product_values(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Parameters that replace what each product brings under the same name."""
    for placed in context.subscriptions:
        items = list_written_keys(get_product_mapping(placed.mapping.get("products")))
        parameters = list_written_keys(placed.mapping.get("parameters"))
        for key in parameters:
            if key in items and _overwrites_product_value(parameters[key], items[key]):
                what = f"the parameter {key!r} overwrites the {key} of each product"
                remedy = "Give one of the two another name."
                yield WorkspaceFinding(
                    "warning", placed.field_path("parameters", key), what, remedy
                )


def find_missing_required_parameters(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """What Insider One refuses an event without, or asks for, and no mapping fills."""
    options = context.workspace.insider_options
    for placed in context.subscriptions:
        event = _FIXED_EVENT_NAMES.get(placed.action_slug) or placed.mapping.get("event_name")
        if not isinstance(event, str):
            continue
        refused_without = get_required_parameters(event, options)
        wanted = refused_without or get_recommended_parameters(event, options)
        fields = [
            placed.mapping.get("parameters"),
            get_product_mapping(placed.mapping.get("products")),
        ]
        filled = {key for mapping in fields for key in list_written_keys(mapping)}
        missing = [key for key in wanted if key not in filled]
        if missing and not any(copies_whole_object(mapping) for mapping in fields):
            verb = "needs" if refused_without else "asks for"
            what = f"Insider One {verb} {', '.join(missing)} with {event}, and nothing fills it"
            remedy = "Map it under parameters, or under products where each has its own."
            severity: Severity = "error" if refused_without else "warning"
            yield WorkspaceFinding(severity, placed.field_path(), what, remedy)


def find_dropped_spec_properties(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Properties of Segment's e-commerce spec that a subscription takes and does not read."""
    for placed in context.subscriptions:
        read = list_read_paths(placed.mapping)
        for event, properties in ECOMMERCE_EVENT_PROPERTIES.items():
            if placed.action_slug == "trackEvent" or not placed.matches(build_track_call(event)):
                continue
            dropped = [
                each for each in _expected_paths(placed, properties) if not is_path_read(read, each)
            ]
            if dropped:
                names = ", ".join(each.removeprefix("properties.") for each in dropped)
                what = f'of "{event}", nothing reads {names}'
                remedy = "Map what you need under parameters or products, in lower snake case."
                yield WorkspaceFinding("warning", placed.field_path(), what, remedy)


def find_dropped_custom_properties(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """A Track Event for all that knows only the properties it names."""
    for placed in context.subscriptions:
        open_ended = copies_whole_object(placed.mapping.get("parameters"))
        if (
            placed.action_slug == "trackEvent"
            and placed.matches(build_track_call(OTHER_TRACK_CALL))
            and not open_ended
        ):
            what = "properties of custom events are dropped unless parameters names them"
            remedy = "Merge $.properties into parameters, as the preset guide does."
            yield WorkspaceFinding("warning", placed.field_path("parameters"), what, remedy)


def find_textual_variants(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Track Event takes numbers only as variant_id."""
    for placed in context.subscriptions:
        variant = list_written_keys(placed.mapping.get("parameters")).get("variant_id")
        if placed.action_slug == "trackEvent" and is_path_read(
            list_read_paths(variant), "properties.variant"
        ):
            what = 'a variant in words, such as "Blue", fails the whole event'
            remedy = "Map it to a parameter of your own, such as variant."
            where = placed.field_path("parameters", "variant_id")
            yield WorkspaceFinding("warning", where, what, remedy)


def find_cart_without_currency(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Segment's spec gives Cart Viewed no currency."""
    for placed in context.subscriptions:
        currency = list_written_keys(placed.mapping.get("parameters")).get("currency")
        if placed.action_slug == "cartViewedEvent" and list_read_paths(currency) == {
            "properties.currency"
        }:
            what = "Segment's spec has no currency on Cart Viewed, and Insider One refuses a cart"
            what += " page view without one"
            remedy = "Send currency with the event, or map a fixed one."
            yield WorkspaceFinding(
                "note", placed.field_path("parameters", "currency"), what, remedy
            )


def find_strictly_typed_products(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Values of one product that fail a whole order."""
    names = [repr(each.name) for each in context.subscriptions if each.mapping.get("products")]
    if names:
        what = "a fractional quantity, an empty price or a category of several levels in one "
        what += f"product fails the whole event of {', '.join(names)}"
        remedy = "Send whole quantities, numbers as prices, and a category as one text."
        yield WorkspaceFinding("note", "destination.subscriptions", what, remedy)


def _container_mappings(subscription: LocatedSubscription) -> Iterator[tuple[str, JSON]]:
    yield "parameters", subscription.mapping.get("parameters")
    yield "attributes", subscription.mapping.get("attributes")
    yield "products", get_product_mapping(subscription.mapping.get("products"))


def _overwrites_product_value(parameter: JSON, item: JSON) -> bool:
    # One product's own properties stand at the top only where there is no list of products.
    own = {f"properties.{path}" for path in list_read_paths(item)} - {
        f"properties.{name}" for name in LIST_LEVEL_PROPERTIES
    }
    return not list_read_paths(parameter, existing_paths=["properties.products"]) <= own


def _expected_paths(
    subscription: LocatedSubscription, properties: tuple[str, ...]
) -> Iterator[str]:
    takes_products = any(
        field.key == "products" for field in subscription.subscription.action.fields
    )
    for name in properties:
        if name == "products" and takes_products:
            yield from (f"properties.products[].{each}" for each in PRODUCT_PROPERTIES)
        else:
            yield f"properties.{name}"
