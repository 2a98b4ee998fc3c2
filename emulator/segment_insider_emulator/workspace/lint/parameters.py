"""Rules on event parameters and products: what is lost, overwritten, refused or left behind."""

import re
from collections.abc import Iterator

from segment_insider_emulator.insider.catalog import expected, required
from segment_insider_emulator.mapping.upserts import normalised
from segment_insider_emulator.types import JSON
from segment_insider_emulator.workspace.finding import Finding, Severity
from segment_insider_emulator.workspace.lint.probes import OTHER, track
from segment_insider_emulator.workspace.lint.spec import ECOMMERCE, LIST_LEVEL, PRODUCT
from segment_insider_emulator.workspace.lint.subject import Placed, Subject
from segment_insider_emulator.workspace.lint.values import (
    covers,
    members,
    product_shape,
    sources,
    takes_whole,
)

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SENDS = {"cartViewedEvent": "cart_page_view", "orderCompletedEvent": "confirmation_page_view"}


def lost_keys(subject: Subject) -> Iterator[Finding]:
    """Keys that change when Segment normalises them, and lose their value over it."""
    for placed in subject.subscriptions:
        for field, mapping in _named_fields(placed):
            for key in members(mapping):
                name = normalised(key)
                if name != key:
                    what = f"the key {key!r} arrives as {name!r}, without its value"
                    remedy = f"Write {kept_key(key)!r}."
                    yield Finding("error", placed.field_place(field, key), what, remedy)


def kept_key(key: str) -> str:
    """*key* as it would keep its value, e.g. "gift_wrap" for "giftWrap"."""
    return normalised(_CAMEL.sub("_", key))


def overwritten_products(subject: Subject) -> Iterator[Finding]:
    """Parameters that replace what each product brings under the same name."""
    for placed in subject.subscriptions:
        items = members(product_shape(placed.mapping.get("products")))
        parameters = members(placed.mapping.get("parameters"))
        for key in parameters:
            if key in items and _overwrites(parameters[key], items[key]):
                what = f"the parameter {key!r} overwrites the {key} of each product"
                remedy = "Give one of the two another name."
                yield Finding("warning", placed.field_place("parameters", key), what, remedy)


def required_parameters(subject: Subject) -> Iterator[Finding]:
    """What Insider One refuses an event without, or asks for, and no mapping fills."""
    options = subject.workspace.options
    for placed in subject.subscriptions:
        event = _SENDS.get(placed.slug) or placed.mapping.get("event_name")
        if not isinstance(event, str):
            continue
        refused_without = required(event, options)
        wanted = refused_without or expected(event, options)
        fields = [placed.mapping.get("parameters"), product_shape(placed.mapping.get("products"))]
        filled = {key for mapping in fields for key in members(mapping)}
        missing = [key for key in wanted if key not in filled]
        if missing and not any(takes_whole(mapping) for mapping in fields):
            verb = "needs" if refused_without else "asks for"
            what = f"Insider One {verb} {', '.join(missing)} with {event}, and nothing fills it"
            remedy = "Map it under parameters, or under products where each has its own."
            severity: Severity = "error" if refused_without else "warning"
            yield Finding(severity, placed.field_place(), what, remedy)


def dropped_properties(subject: Subject) -> Iterator[Finding]:
    """Properties of Segment's e-commerce spec that a subscription takes and does not read."""
    for placed in subject.subscriptions:
        read = sources(placed.mapping)
        for event, properties in ECOMMERCE.items():
            if placed.slug == "trackEvent" or not placed.takes(track(event)):
                continue
            dropped = [each for each in _expected(placed, properties) if not covers(read, each)]
            if dropped:
                names = ", ".join(each.removeprefix("properties.") for each in dropped)
                what = f'of "{event}", nothing reads {names}'
                remedy = "Map what you need under parameters or products, in lower snake case."
                yield Finding("warning", placed.field_place(), what, remedy)


def dropped_custom_properties(subject: Subject) -> Iterator[Finding]:
    """A Track Event for all that knows only the properties it names."""
    for placed in subject.subscriptions:
        open_ended = takes_whole(placed.mapping.get("parameters"))
        if placed.slug == "trackEvent" and placed.takes(track(OTHER)) and not open_ended:
            what = "properties of custom events are dropped unless parameters names them"
            remedy = "Merge $.properties into parameters, as the preset guide does."
            yield Finding("warning", placed.field_place("parameters"), what, remedy)


def textual_variants(subject: Subject) -> Iterator[Finding]:
    """Track Event takes numbers only as variant_id."""
    for placed in subject.subscriptions:
        variant = members(placed.mapping.get("parameters")).get("variant_id")
        if placed.slug == "trackEvent" and covers(sources(variant), "properties.variant"):
            what = 'a variant in words, such as "Blue", fails the whole event'
            remedy = "Map it to a parameter of your own, such as variant."
            where = placed.field_place("parameters", "variant_id")
            yield Finding("warning", where, what, remedy)


def cart_currency(subject: Subject) -> Iterator[Finding]:
    """Segment's spec gives Cart Viewed no currency."""
    for placed in subject.subscriptions:
        currency = members(placed.mapping.get("parameters")).get("currency")
        if placed.slug == "cartViewedEvent" and sources(currency) == {"properties.currency"}:
            what = "Segment's spec has no currency on Cart Viewed, and Insider One refuses a cart"
            what += " page view without one"
            remedy = "Send currency with the event, or map a fixed one."
            yield Finding("note", placed.field_place("parameters", "currency"), what, remedy)


def typed_products(subject: Subject) -> Iterator[Finding]:
    """Values of one product that fail a whole order."""
    names = [repr(each.name) for each in subject.subscriptions if each.mapping.get("products")]
    if names:
        what = "a fractional quantity, an empty price or a category of several levels in one "
        what += f"product fails the whole event of {', '.join(names)}"
        remedy = "Send whole quantities, numbers as prices, and a category as one text."
        yield Finding("note", "destination.subscriptions", what, remedy)


def _named_fields(placed: Placed) -> Iterator[tuple[str, JSON]]:
    yield "parameters", placed.mapping.get("parameters")
    yield "attributes", placed.mapping.get("attributes")
    yield "products", product_shape(placed.mapping.get("products"))


def _overwrites(parameter: JSON, item: JSON) -> bool:
    # One product's own properties stand at the top only where there is no list of products.
    own = {f"properties.{path}" for path in sources(item)} - {
        f"properties.{name}" for name in LIST_LEVEL
    }
    return not sources(parameter, given=["properties.products"]) <= own


def _expected(placed: Placed, properties: tuple[str, ...]) -> Iterator[str]:
    takes_products = any(field.key == "products" for field in placed.subscription.action.fields)
    for name in properties:
        if name == "products" and takes_products:
            yield from (f"properties.products[].{each}" for each in PRODUCT)
        else:
            yield f"properties.{name}"
