"""Each row of Insider One's guide for Segment is an example of the feature that is its twin.

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


def outlines() -> list[Examples]:
    """Every table of examples, in the order of the files."""
    return [
        examples
        for path in GUIDE
        for scenario in get_feature(str(path.parent), path.name).scenarios.values()
        for examples in scenario.examples
    ]


COVERED = [
    (examples.name, *row[:2])
    for examples in outlines()
    if examples.name
    for row in examples.examples
]


@pytest.mark.parametrize("row", ROWS, ids="-".join)
def test_a_row_of_the_guide_is_an_example(row: tuple[str, str, str]) -> None:
    assert row in COVERED


def test_no_example_claims_a_row_that_the_guide_does_not_have() -> None:
    assert [row for row in COVERED if row not in ROWS] == []


def test_tables_and_their_rows_stand_in_the_order_of_the_guide() -> None:
    assert list(dict.fromkeys(COVERED)) == ROWS


@pytest.mark.parametrize("optin", ["email_optin", "sms_optin", "whatsapp_optin"])
def test_reach_is_told_for_each_combination_of_address_opt_in_and_gdpr_opt_in(optin: str) -> None:
    found = [
        (bool(row[0]), row[1], row[2])
        for examples in outlines()
        if optin in examples.example_params and "gdpr_optin" in examples.example_params
        for row in examples.examples
    ]
    answers = ("true", "false", "")
    assert sorted(found) == sorted(product((True, False), answers, answers))
