"""JavaScript conversions that show in Segment's output: text, numbers, truthiness, members."""

import json
import math
from collections.abc import Iterator
from typing import Final, Literal

from segment_insider_emulator.types import JSON


class MissingType:
    """JavaScript's `undefined`: the value is absent, which differs from null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> Literal[False]:
        return False


MISSING: Final = MissingType()

# What String.prototype.trim removes; Python's own set has U+001C to U+001F, but not U+FEFF.
WHITE_SPACE: Final = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)
MAX_EXACT_INTEGER: Final = 2**53


def get_type_name(value: JSON) -> str:
    """Return the type name of a value as Segment's messages write it, e.g. "object"."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    names: dict[type, str] = {
        str: "string",
        dict: "object",
        list: "array",
        MissingType: "undefined",
    }
    return names.get(type(value), "object" if isinstance(value, dict) else "null")


def drop_missing_keys(value: JSON) -> JSON:
    """Copy *value* without keys that are MISSING, at any depth; lists keep MISSING."""
    if isinstance(value, dict):
        return {
            key: drop_missing_keys(member) for key, member in value.items() if member is not MISSING
        }
    return [drop_missing_keys(item) for item in value] if isinstance(value, list) else value


def is_number(value: JSON) -> bool:
    """Return whether *value* is a JSON number; in Python alone, booleans are numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def to_js_string(value: JSON) -> str:
    """Return the result of JavaScript's `String(value)`."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _format_js_number(value)
    if isinstance(value, list):
        return ",".join("" if _is_nullish(element) else to_js_string(element) for element in value)
    if isinstance(value, dict):
        return "[object Object]"
    return "undefined" if value is MISSING else "null"


def _format_js_number(number: float) -> str:
    if isinstance(number, int) and abs(number) <= MAX_EXACT_INTEGER:
        return str(number)
    number = float(number)
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = f"{abs(number)!r}".partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The decimal point comes after this many digits.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    return sign + _insert_decimal_point(digits, point) if digits else "0"


def _insert_decimal_point(digits: str, point: int) -> str:
    if 0 < point <= 21:
        whole = digits[:point].ljust(point, "0")
        return f"{whole}.{digits[point:]}" if len(digits) > point else whole
    if -6 < point <= 0:
        return f"0.{'0' * -point}{digits}"
    exponent = f"e{point - 1:+d}"
    return digits[0] + (f".{digits[1:]}" if len(digits) > 1 else "") + exponent


def to_js_number(text: str) -> float:
    """Return the result of JavaScript's `Number(text)`; NaN when the text is not a number."""
    text = text.strip(WHITE_SPACE)
    if not text:
        return 0
    prefix = text[:2].lower()
    bases = {"0x": 16, "0o": 8, "0b": 2}
    try:
        if prefix in bases:
            if not text[2:].isalnum() or not text.isascii():
                return math.nan
            return float(int(text[2:], bases[prefix]))
        if text.lstrip("+-") == "Infinity" and len(text) <= len("+Infinity"):
            return -math.inf if text[0] == "-" else math.inf
        # Python accepts more than JavaScript: digits of other scripts, 1_000, nan, inf.
        if not set(text) <= set("0123456789+-.eE"):
            return math.nan
        return float(text)
    except ValueError:
        return math.nan
    except OverflowError:
        return math.inf


def is_truthy(value: JSON) -> bool:
    """Return whether JavaScript takes `if (value)`: yes for empty lists and objects, no for NaN."""
    if isinstance(value, list | dict):
        return True
    return bool(value) and value == value


def equals_empty_text(value: JSON) -> bool:
    """Return the result of JavaScript's `value == ""`, with its conversions."""
    if isinstance(value, str | list):
        return to_js_string(value) == ""
    return (is_number(value) and value == 0) or value is False


def _is_nullish(value: JSON) -> bool:
    return value is None or value is MISSING


def count_utf16_units(text: str) -> int:
    """Return the length of *text* in UTF-16 units, as JavaScript counts it."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def get_member(value: JSON, key: str) -> JSON:
    """Return the result of JavaScript's `value && value[key]`; MISSING when there is no member."""
    if isinstance(value, dict):
        return value.get(key, MISSING)
    if not is_truthy(value):
        return value
    if not isinstance(value, list | str):
        return MISSING
    if key == "length":
        return count_utf16_units(value) if isinstance(value, str) else len(value)
    if not (key.isascii() and key.isdigit() and str(int(key[:16])) == key):
        return MISSING
    if isinstance(value, str):
        value = split_surrogates(value)
    return value[int(key)] if int(key) < len(value) else MISSING


def split_surrogates(text: str) -> str:
    """Replace each character outside Unicode's basic plane by its two surrogates.

    Each character of the result is one UTF-16 unit, as JavaScript indexes it.
    """
    if text.isascii():
        return text
    encoded = text.encode("utf-16-le", "surrogatepass")
    pairs = zip(encoded[::2], encoded[1::2], strict=True)
    return "".join(chr(low | high << 8) for low, high in pairs)


def join_surrogates(text: str) -> str:
    """Join the adjacent surrogates of a text to one character again."""
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def iter_entries(value: JSON) -> Iterator[tuple[str, JSON]]:
    """Yield the pairs of JavaScript's `Object.entries(value)`: integer keys first, in order."""
    if isinstance(value, list | str):
        items = split_surrogates(value) if isinstance(value, str) else value
        yield from ((str(index), item) for index, item in enumerate(items))
    elif isinstance(value, dict):
        indexes = [key for key in value if key.isascii() and key.isdigit() and _is_array_index(key)]
        for key in sorted(indexes, key=int):
            yield key, value[key]
        for key, member in value.items():
            if key not in indexes:
                yield key, member


def _is_array_index(key: str) -> bool:
    return len(key) <= 10 and str(int(key)) == key and int(key) < 2**32 - 1


def to_json_text(value: JSON) -> str:
    """Return the result of JavaScript's `JSON.stringify(value)`, for any value but undefined."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{','.join(to_json_text(element) for element in value)}]"
    if isinstance(value, dict):
        members = (
            f"{to_json_text(k)}:{to_json_text(v)}"
            for k, v in iter_entries(value)
            if v is not MISSING
        )
        return f"{{{','.join(members)}}}"
    if value is MISSING or (is_number(value) and not math.isfinite(value)):
        return "null"
    return to_js_string(value)
