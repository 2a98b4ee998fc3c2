"""Each row of Insider One's guide for Segment is an example in the feature of that table.

An `Examples:` table has the name of the guide's table; its first two columns are the guide's words.
"""

import json
from itertools import product
from pathlib import Path

import pytest
from pytest_bdd.feature import get_feature
from pytest_bdd.parser import Examples

ROOT = Path(__file__).parent.parent.parent
GUIDE = sorted((ROOT / "features" / "guide").glob("*.feature"))
ROWS = [tuple(row.values()) for row in json.loads((ROOT / "fixtures/guide/rows.json").read_text())]


def list_example_tables() -> list[Examples]:
    """Return every table of examples, in the order of the files."""
    return [
        examples
        for path in GUIDE
        for scenario in get_feature(str(path.parent), path.name).scenarios.values()
        for examples in scenario.examples
    ]


COVERED_ROWS = [
    (examples.name, *row[:2])
    for examples in list_example_tables()
    if examples.name
    for row in examples.examples
]


@pytest.mark.parametrize("row", ROWS, ids="-".join)
def test_a_row_of_the_guide_is_an_example(row: tuple[str, str, str]) -> None:
    assert row in COVERED_ROWS


def test_every_example_is_a_row_of_the_guide() -> None:
    assert [row for row in COVERED_ROWS if row not in ROWS] == []


def test_tables_and_rows_are_in_the_order_of_the_guide() -> None:
    assert list(dict.fromkeys(COVERED_ROWS)) == ROWS


@pytest.mark.parametrize("optin", ["email_optin", "sms_optin", "whatsapp_optin"])
def test_reachability_is_covered_for_each_combination_of_address_and_opt_ins(optin: str) -> None:
    combinations = [
        (bool(row[0]), row[1], row[2])
        for examples in list_example_tables()
        if optin in examples.example_params and "gdpr_optin" in examples.example_params
        for row in examples.examples
    ]
    opt_ins = ("true", "false", "")
    assert sorted(combinations) == sorted(product((True, False), opt_ins, opt_ins))
