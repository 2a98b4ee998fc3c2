"""What an order is worth, to tell which losses cost most."""

from math import isfinite

from segment_insider_emulator.insider.documents import document
from segment_insider_emulator.types import JSON, JSONObject

UNKNOWN = "?"  # in place of a currency
ORDER = "Order Completed"
_TOTALS = ("revenue", "total", "value")
_MOST = 1e9  # what is dearer is a mistake, and would hide all else
_CURRENCIES = frozenset(document("codes")["currencies"])


def worth(event: JSONObject) -> tuple[str, int] | None:
    """Currency and hundredths of it that an order is worth; None for what is no order.

    Source: Segment, Spec: V2 Ecommerce Events, "Order Completed".
    """
    properties = event.get("properties")
    if event.get("event") != ORDER or not isinstance(properties, dict):
        return None
    amounts = (_number(properties.get(name)) for name in _TOTALS)
    amount = next((each for each in amounts if each is not None), None)
    if amount is None:
        amount = _sum(properties.get("products"))
    currency = properties.get("currency")
    if not isinstance(currency, str) or currency not in _CURRENCIES:
        currency = UNKNOWN
    return (currency, round(amount * 100)) if amount else None


def _sum(products: JSON) -> float:
    listed = products if isinstance(products, list) else []
    found = [each for each in listed if isinstance(each, dict)]
    total = sum(
        (_number(each.get("price")) or 0.0) * (_number(each.get("quantity", 1)) or 0.0)
        for each in found
    )
    return total if total < _MOST else 0.0


def _number(value: JSON) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) and 0 <= value < _MOST else None
