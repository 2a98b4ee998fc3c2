"""Steps of shoppers for captured calls: which step of the step library sends which call."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from segment_insider_emulator.insider.formats import VALUE_FORMATS
from segment_insider_emulator.inspector.scenario_claims import (
    PostedCall,
    Step,
    Turn,
    format_table_cell,
    is_plain_text,
    reads_back,
)
from segment_insider_emulator.similar_names import find_intended_name
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.known_names import KnownNames

MAX_SDK_BYTES: Final = 30_000  # of a call: the SDK refuses more than 32 KB
# Keys of a call that say when and how it was sent, not what.
TRANSPORT_KEYS: Final = frozenset(
    {"messageId", "timestamp", "sentAt", "originalTimestamp", "receivedAt", "writeKey", "_metadata"}
)
_STEP_KEYS: Final = frozenset(
    {"type", "userId", "anonymousId", "event", "name", "properties", "traits", "context", "version"}
    | {"integrations", "groupId", "previousId", "channel"}
)
_SDK_LIBRARY: Final = {"name": "analytics-python", "version": "2.3.4"}


class PlannedStep(NamedTuple):
    """A planned step of a scenario, and the turns that it takes.

    Args:
        person: Who acts in it, or whom it introduces; None for other steps.
        introduces: Whether it introduces the person.
    """

    step: Step
    person: str | None
    turns: tuple[Turn, ...] = ()
    introduces: bool = False

    @property
    def sends(self) -> bool:
        """Return whether the step sends a call."""
        return any(isinstance(turn, PostedCall) for turn in self.turns)


def plan_call(
    person: str,
    message: MessageRecord,
    context: dict[str, JSON],
    vocabulary: KnownNames,
    orders: set[str],
) -> list[PlannedStep] | None:
    """Plan a call as steps of a shopper; None if only its JSON is exact.

    Args:
        orders: Ids of the orders so far.
    """
    call = message.sent
    if (
        not _STEP_KEYS.union(TRANSPORT_KEYS).issuperset(call)
        or call.get("integrations", {}) not in ({}, {"All": True})
        or vocabulary.has_misspelled_name(call)
        or len(orjson.dumps(call)) > MAX_SDK_BYTES
    ):
        return None
    steps = _write_shopper_steps(person, call, vocabulary, orders)
    if steps is None:
        return None
    sent = _build_sdk_call(message, _nest_context(context))
    turn = PostedCall("batch", {"batch": [sent]}, from_sdk=True)
    *before, last = steps
    return [*(PlannedStep(step, person) for step in before), PlannedStep(last, person, (turn,))]


def _nest_context(context: dict[str, JSON]) -> JSONObject:
    nested: JSONObject = {}
    for place, value in context.items():
        at = nested
        *outer, last = place.split(".")
        for name in outer:
            inner = at.setdefault(name, {})
            at = inner if isinstance(inner, dict) else {}
        at[last] = value
    return nested


def _build_sdk_call(message: MessageRecord, context: JSONObject) -> JSONObject:
    """Return a call as Segment's Python SDK sends it, without its id and time."""
    call = message.sent
    kept: JSONObject = {
        name: call[name]
        for name in ("event", "name", "properties", "traits", "groupId", "previousId")
        if name in call
    }
    body = "traits" if call["type"] in ("identify", "group") else "properties"
    defaults: JSONObject = {} if call["type"] == "alias" else {body: {}}
    ids = {"userId": message.user_id, "anonymousId": message.anonymous_id}
    if call["type"] == "alias":
        del ids["anonymousId"]
    return {
        "integrations": {},
        **defaults,
        **kept,
        **ids,
        "type": call["type"],
        "context": {**context, "library": dict(_SDK_LIBRARY)},
    }


def _write_shopper_steps(
    person: str, call: JSONObject, vocabulary: KnownNames, orders: set[str]
) -> list[Step] | None:
    """Write a call as steps of a shopper, the last of which sends it; None if none fits."""
    match call.get("type"):
        case "track":
            return _write_track_steps(person, call, vocabulary, orders)
        case "page" if is_plain_text(call.get("name")):
            return _write_pairs(f'{person} visits the page "{call["name"]}"', call, "property")
        case "screen" if is_plain_text(call.get("name")) and not call.get("properties"):
            return [Step(f'{person} opens the screen "{call["name"]}"')]
        case "identify" if call.get("traits"):
            return _write_pairs(f"{person} tells the shop these traits", call, "trait")
        case "group" if is_plain_text(call.get("groupId")) and not call.get("traits"):
            return [Step(f'{person} joins the group "{call["groupId"]}"')]
        case "alias" if is_plain_text(call.get("previousId")) and call.get("userId"):
            return [Step(f'{person} was known as "{call["previousId"]}" before')]
    return None


def _write_track_steps(
    person: str, call: JSONObject, vocabulary: KnownNames, orders: set[str]
) -> list[Step] | None:
    event, properties = call.get("event"), call.get("properties") or {}
    if not is_plain_text(event) or not _can_be_pairs(properties):
        return None
    if steps := _write_shopping_steps(person, str(event), properties, vocabulary, orders):
        return steps
    return _write_pairs(f'{person} does "{event}"', call, "property")


def _write_pairs(text: str, call: JSONObject, noun: str) -> list[Step] | None:
    """Write a step with a table of name and value below it; None if a table cannot hold them."""
    values = call.get("traits" if noun == "trait" else "properties") or {}
    if not _can_be_pairs(values):
        return None
    rows = tuple((name, format_table_cell(value)) for name, value in values.items())
    with_table = f"{text}:" if noun == "trait" else f"{text} with:"
    return [Step(with_table, ((noun, "value"), *rows)) if rows else Step(text)]


def _can_be_pairs(values: JSON) -> bool:
    return isinstance(values, dict) and all(
        is_plain_text(name) and "." not in name and reads_back(value)
        for name, value in values.items()
    )


# Event -> the step for one product, or for a list of products with an id.
_ONE_PRODUCT_STEPS: Final = {
    "Product Viewed": ("", "{} views these products:"),
    "Product Added": ("cart_id", '{} adds these products to cart "{}":'),
    "Product Removed": ("cart_id", '{} removes these products from cart "{}":'),
}
_PRODUCT_LIST_STEPS: Final = {
    "Product List Viewed": ("category", '{} views the category "{}":'),
    "Cart Viewed": ("cart_id", '{} views cart "{}" in {}:'),
    "Checkout Started": ("checkout_id", '{} starts checkout "{}" in {}:'),
    "Order Completed": ("order_id", '{} completes order "{}" in {}:'),
}


def _write_shopping_steps(
    person: str, event: str, properties: JSONObject, vocabulary: KnownNames, orders: set[str]
) -> list[Step] | None:
    """Write the steps for a shopping event that has exactly what the step sends; else None."""
    rest = dict(properties)
    if event in _ONE_PRODUCT_STEPS:
        id_name, text = _ONE_PRODUCT_STEPS[event]
        id = rest.pop(id_name, None)
        if (id_name and not is_plain_text(id)) or not (
            table := _write_products([rest], vocabulary)
        ):
            return None
        return [Step(text.format(person, id), table)]
    if event not in _PRODUCT_LIST_STEPS:
        return None
    id_name, text = _PRODUCT_LIST_STEPS[event]
    id, products = rest.pop(id_name, None), rest.pop("products", None)
    currency = rest.pop("currency", "") if "{}:" in text else ""
    is_currency = "in {}" not in text or (
        isinstance(currency, str) and VALUE_FORMATS["iso4217"][0](currency)
    )
    table = _write_products(products, vocabulary) if isinstance(products, list) else None
    if not is_plain_text(id) or not is_currency or table is None:
        return None
    steps = [Step(text.format(person, id, currency), table)]
    if event != "Order Completed":
        return None if rest else steps
    if id in orders:
        return None
    orders.add(str(id))
    rows = tuple((name, format_table_cell(value)) for name, value in rest.items())
    details = Step(f'order "{id}" has these details:', (("property", "value"), *rows))
    return [details, *steps] if rows else steps


def _write_products(
    products: Sequence[JSON], vocabulary: KnownNames
) -> tuple[tuple[str, ...], ...] | None:
    """Write products as a table; None if a table of products cannot hold them."""
    names = dict.fromkeys(
        name for product in products if isinstance(product, dict) for name in product
    )
    if (
        not products
        or not all(product and _can_be_pairs(product) for product in products)
        or not vocabulary.properties.intersection(names)
        or any(find_intended_name(name, vocabulary.properties) for name in names)
    ):
        return None
    rows = [
        tuple(format_table_cell(product[name]) if name in product else "" for name in names)
        for product in products
        if isinstance(product, dict)
    ]
    return (tuple(names), *rows)
