"""Imports of generated exports load and report what they omit."""

import random

import pytest
from generated_exports import (
    Case,
    find_fault,
    iter_configurations,
    iter_damaged_exports,
    iter_pairs,
    iter_responses,
)

# A part of all, the same each time; generated_exports.py tries the rest.
DICE = random.Random(20261130)


@pytest.mark.extended_variants
@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(DICE.sample([*iter_configurations()], 120), id="Terraform"),
        pytest.param(DICE.sample([*iter_responses()], 120), id="Public API"),
        pytest.param([*iter_pairs(1, 60)], id="two at once"),
        pytest.param([*iter_damaged_exports(1, 150)], id="damaged exports"),
    ],
)
def test_an_import_loads_and_reports_what_it_omits(cases: list[Case]) -> None:
    faults = {case.what: wrong for case in cases if (wrong := find_fault(case))}
    assert faults == {}
