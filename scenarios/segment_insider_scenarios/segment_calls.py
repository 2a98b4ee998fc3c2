"""What a shop tells Segment: calls under the names and properties of Segment's e-commerce spec."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import MAX_DEPTH, nesting_depth, parse_json
from segment_insider_emulator.text_encoding import read_utf8_bytes
from segment_insider_emulator.types import JSON, JSONObject

CallType = Literal["track", "identify", "page", "screen", "group", "alias"]


@dataclass(frozen=True, slots=True)
class SegmentCall:
    """One call to Segment.

    Args:
        name: Of the event, page or screen; the id of a group; what an alias was known as before;
            None for identify and for a page without one.
        body: Properties, or the traits of an identify or a group.
    """

    kind: CallType
    name: str | None
    body: JSONObject


def track(name: str, properties: JSONObject | None = None) -> SegmentCall:
    """Any track call."""
    return SegmentCall("track", name, properties or {})


def page(name: str, properties: JSONObject | None = None) -> SegmentCall:
    """A page of the shop."""
    return SegmentCall("page", name, properties or {})


def screen(name: str) -> SegmentCall:
    """A screen of the shop's app."""
    return SegmentCall("screen", name, {})


def group(group_id: str, traits: JSONObject | None = None) -> SegmentCall:
    """The company or club that the shopper belongs to."""
    return SegmentCall("group", group_id, traits or {})


def alias(previous_id: str) -> SegmentCall:
    """Who was *previous_id* before has the shopper's user id from now on."""
    return SegmentCall("alias", previous_id, {})


def identify(traits: JSONObject | None = None) -> SegmentCall:
    """Who the shopper is."""
    return SegmentCall("identify", None, traits or {})


def product_list_viewed(category: str, products: list[JSONObject]) -> SegmentCall:
    """A category page, with the products on it."""
    return track("Product List Viewed", {"category": category, "products": products})


def product_viewed(product: JSONObject) -> SegmentCall:
    """A product page."""
    return track("Product Viewed", product)


def product_added(product: JSONObject, cart_id: str) -> SegmentCall:
    """One product into the cart."""
    return track("Product Added", {"cart_id": cart_id, **product})


def product_removed(product: JSONObject, cart_id: str) -> SegmentCall:
    """One product out of the cart."""
    return track("Product Removed", {"cart_id": cart_id, **product})


def cart_viewed(products: list[JSONObject], cart_id: str, currency: str) -> SegmentCall:
    """The cart page."""
    properties = {"cart_id": cart_id, "currency": currency, "products": products}
    return track("Cart Viewed", properties)


def checkout_started(products: list[JSONObject], checkout_id: str, currency: str) -> SegmentCall:
    """The first page of the checkout."""
    properties = {"checkout_id": checkout_id, "currency": currency, "products": products}
    return track("Checkout Started", properties)


def order_completed(
    products: list[JSONObject], order_id: str, currency: str, details: JSONObject | None = None
) -> SegmentCall:
    """The order confirmation; *details* are of the order: revenue, tax, shipping, coupon."""
    order = {"order_id": order_id, "currency": currency, "products": products}
    return track("Order Completed", order | (details or {}))


CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")
MAX_FILE_BYTES = 5_000_000  # bytes of a file
CALL_FORMAT_HINT = f"Each call is an object with a type: {', '.join(CALL_TYPES)}."


def read_call_file(path: Path) -> Iterator[tuple[str, JSONObject]]:
    """Place and call, e.g. ("shop.ndjson:3", {"type": "track", ...}), in the order of the file.

    Raises: EmulatorError, when the file cannot be read, or a call has no type.
    """
    for where, call in _parse_documents(path):
        if not isinstance(call, dict) or call.get("type") not in CALL_TYPES:
            raise EmulatorError("this is no call", where, CALL_FORMAT_HINT)
        if nesting_depth(call) > MAX_DEPTH:
            raise EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, CALL_FORMAT_HINT)
        yield where, call


def _parse_documents(path: Path) -> Iterator[tuple[str, JSON]]:
    content = _read_file_bytes(path)
    if content.lstrip().startswith(b"["):
        for number, call in enumerate(_parse_json_text(content, path.name), start=1):
            yield f"{path.name}[{number}]", call
        return
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            where = f"{path.name}:{number}"
            yield where, _parse_json_text(line, where)


def _read_file_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        remedy = "Name one that stands beside the feature file."
        raise EmulatorError(what, str(path), remedy) from error
    if len(content) > MAX_FILE_BYTES:
        remedy = f"Keep it below {MAX_FILE_BYTES:,} bytes."
        raise EmulatorError(f"{len(content):,} bytes are too many", path.name, remedy)
    return read_utf8_bytes(content, path.name)


def _parse_json_text(text: bytes, where: str) -> JSON:
    try:
        return parse_json(text)
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"not JSON ({error})", where, CALL_FORMAT_HINT) from error
