import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.mapping.javascript import to_js_number, to_js_string, to_json_text
from segment_insider_emulator.types import JSON


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (123456789012345680000.0, "123456789012345680000"),
        (12345678901234567890, "12345678901234567000"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (-0.0, "0"),
        (True, "true"),
        (None, "null"),
        ([1, None, [2, "x"]], "1,,2,x"),
        ({"a": 1}, "[object Object]"),
    ],
)
@pytest.mark.observed
def test_to_js_string(value: JSON, text: str) -> None:
    assert to_js_string(value) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", 0),
        ("  \n", 0),
        (" 5.0 ", 5),
        ("1e3", 1000),
        ("0x1F", 31),
        ("0b101", 5),
        (".5", 0.5),
        ("5.", 5),
        ("-Infinity", -math.inf),
        ("1e999", math.inf),
    ],
)
@pytest.mark.observed
def test_to_js_number(text: str, number: float) -> None:
    assert to_js_number(text) == number


@pytest.mark.parametrize("text", ["abc", "1_000", "1,000", "inf", "nan", "٣", "0x", "--1", "1e"])
@pytest.mark.observed
def test_to_js_number_of_other_text(text: str) -> None:
    assert math.isnan(to_js_number(text))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_formatted_number_converts_back(number: float) -> None:
    assert to_js_number(to_js_string(number)) == number


def test_json_text_has_integer_keys_first() -> None:
    assert to_json_text({"b": 1, "10": 2, "2": 3, "01": 4}) == '{"2":3,"10":2,"b":1,"01":4}'


@pytest.mark.extended
@given(st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
))  # fmt: skip
def test_json_text_parses_to_the_same_value(value: JSON) -> None:
    # Beyond 2^53 the text is shorter than the exact integer, and the same double.
    assert json.loads(to_json_text(value), parse_int=float) == value
