"""What an order is worth, to tell which losses cost most."""

from math import isfinite

from segment_insider_emulator.insider.documents import load_json_document
from segment_insider_emulator.types import JSON, JSONObject

UNKNOWN_CURRENCY = "?"  # in place of a currency
ORDER_COMPLETED = "Order Completed"
_TOTAL_PROPERTIES = ("revenue", "total", "value")
_MAX_AMOUNT = 1e9  # what is dearer is a mistake, and would hide all else
_CURRENCIES = frozenset(load_json_document("codes")["currencies"])


def order_value(event: JSONObject) -> tuple[str, int] | None:
    """Currency and hundredths of it that an order is worth; None for what is no order.

    Source: Segment, Spec: V2 Ecommerce Events, "Order Completed".
    """
    properties = event.get("properties")
    if event.get("event") != ORDER_COMPLETED or not isinstance(properties, dict):
        return None
    amounts = (_parse_amount(properties.get(name)) for name in _TOTAL_PROPERTIES)
    amount = next((each for each in amounts if each is not None), None)
    if amount is None:
        amount = _sum_products(properties.get("products"))
    currency = properties.get("currency")
    if not isinstance(currency, str) or currency not in _CURRENCIES:
        currency = UNKNOWN_CURRENCY
    return (currency, round(amount * 100)) if amount else None


def _sum_products(products: JSON) -> float:
    listed = products if isinstance(products, list) else []
    product_objects = [each for each in listed if isinstance(each, dict)]
    total = sum(
        (_parse_amount(each.get("price")) or 0.0) * (_parse_amount(each.get("quantity", 1)) or 0.0)
        for each in product_objects
    )
    return total if total < _MAX_AMOUNT else 0.0


def _parse_amount(value: JSON) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) and 0 <= value < _MAX_AMOUNT else None
