"""Tables: values of cells, and differences of rows."""

import re

import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.tables import (
    diff_rows,
    flatten_values,
    format_cell,
    format_row,
    nest_dotted_values,
    parse_cell,
    parse_pairs,
    parse_records,
)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("mug", "mug"),
        ("8.50", 8.5),
        ("true", True),
        ('"42"', "42"),
        ('["a", 1]', ["a", 1]),
        ("null", None),
        ("+442071838750", "+442071838750"),
        ("007", "007"),
        ("NaN", "NaN"),
        ("2026-11-23T10:00:00Z", "2026-11-23T10:00:00Z"),
    ],
)
def test_a_cell_is_parsed_as_json_if_possible(cell: str, value: JSON) -> None:
    parsed = parse_cell(cell)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (21, 21.0, True),
        (1, True, False),
        ("42", 42, False),
        ("true", True, False),
        ("", None, False),
        ({"a": 1, "b": [2.0]}, {"b": [2], "a": 1}, True),
    ],
)
def test_cells_are_equal_only_for_equal_json_values(one: JSON, other: JSON, same: bool) -> None:
    assert (format_cell(one) == format_cell(other)) is same


@pytest.mark.parametrize("value", ["mug", "42", "true", "", 8.5, 21, True, None, ["a"], {"a": 1}])
def test_a_formatted_cell_parses_to_its_value(value: JSON) -> None:
    assert parse_cell(format_cell(value)) == value


def test_an_empty_cell_is_an_absent_value() -> None:
    table = [["product_id", "price"], ["mug", ""], ["", "8.50"]]
    assert parse_records(table) == [{"product_id": "mug"}, {"price": 8.5}]


def test_a_dotted_name_sets_a_nested_value() -> None:
    table = [
        ["property", "value"],
        ["order_id", "o-17"],
        ["products.0.price", "8"],
        ["products.1.price", "9"],
        ["address.city", "Ely"],
    ]
    assert nest_dotted_values(parse_pairs(table, "property")) == {
        "order_id": "o-17",
        "products": [{"price": 8}, {"price": 9}],
        "address": {"city": "Ely"},
    }


def test_flattening_and_nesting_are_inverse_for_objects() -> None:
    tree: JSONObject = {"custom": {"sku": "s1"}, "taxonomy": ["Shoes"], "name": "Boot"}
    assert nest_dotted_values(flatten_values(tree)) == tree


def test_a_value_and_its_member_are_rejected() -> None:
    with pytest.raises(EmulatorError, match=r"^address\.city: address already has a value"):
        nest_dotted_values({"address": "x", "address.city": "Ely"})


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(["property"], id="one column"),
        pytest.param(["property", "value", "unit"], id="three columns"),
        pytest.param(["tax", "coupon"], id="written across"),
        pytest.param(["propety", "value"], id="a slip in the first"),
        pytest.param(["property", "Value"], id="a capital in the second"),
        pytest.param(["value", "property"], id="the other way round"),
        pytest.param(["trait", "value"], id="of another step"),
    ],
)
def test_a_wrong_table_header_is_rejected(header: list[str]) -> None:
    message = (
        f"{' | '.join(header)}: this table has the wrong header. "
        "Begin with the line: | property | value |. Write each property on a line of its own."
    )
    with pytest.raises(EmulatorError, match=f"^{re.escape(message)}$"):
        parse_pairs([header, ["1"] * len(header)], "property")


COLUMNS = ("event_name", "product_id", "unit_price")
MUG, TRAY = ("viewed", "mug", "8.5"), ("viewed", "tray", "21")


@pytest.mark.parametrize(
    ("expected", "received", "lines"),
    [
        pytest.param([MUG], [MUG], [], id="nothing differs"),
        pytest.param(
            [MUG],
            [],
            [
                "    event_name  product_id  unit_price",
                "  - viewed      mug         8.5",
                "",
                "Nothing arrived.",
            ],
            id="nothing arrived",
        ),
        pytest.param(
            [MUG, TRAY],
            [MUG, ("viewed", "tray", "")],
            [
                "    event_name  product_id  unit_price",
                "    viewed      mug         8.5",
                "  - viewed      tray        21",
                "  + viewed      tray",
                "",
                "- 1 expected, not received; + 1 received, not expected.",
                "Nearest to viewed: unit_price is absent, expected 21.",
            ],
            id="the nearest row is named",
        ),
        pytest.param(
            [("viewed", "mug", "8.5")],
            [("listed", "mug", "8.5"), ("viewed", "tray", "8.5")],
            [
                "    event_name  product_id  unit_price",
                "  - viewed      mug         8.5",
                "  + listed      mug         8.5",
                "  + viewed      tray        8.5",
                "",
                "- 1 expected, not received; + 2 received, not expected.",
                "Nearest to viewed: product_id is tray, expected mug.",
            ],
            id="the nearest row is about the same",
        ),
        pytest.param(
            [MUG, TRAY],
            [TRAY, MUG],
            [
                "    event_name  product_id  unit_price",
                "  + viewed      tray        21",
                "    viewed      mug         8.5",
                "  - viewed      tray        21",
                "",
                "The same rows arrived in another order.",
            ],
            id="order counts",
        ),
        pytest.param(
            [],
            [MUG],
            [
                "    event_name  product_id  unit_price",
                "  + viewed      mug         8.5",
                "",
                "- 0 expected, not received; + 1 received, not expected.",
            ],
            id="something arrived",
        ),
    ],
)
def test_differences_of_rows_are_shown(
    expected: list[tuple[str, ...]], received: list[tuple[str, ...]], lines: list[str]
) -> None:
    assert diff_rows(COLUMNS, expected, received) == lines


def test_equal_differences_are_explained_once() -> None:
    columns = ("event_name", "product_id")
    expected, received = ("Order Completed", "mug"), ("bought", "mug")
    lines = diff_rows(columns, [expected, expected], [received, received])
    explanation = "Nearest to Order Completed: event_name is bought, expected Order Completed."
    assert lines.count(explanation) == 1


def test_a_row_has_the_requested_columns() -> None:
    assert format_row({"b": 1, "a": "x", "c": None}, ["a", "b", "d"]) == ("x", "1", "")
