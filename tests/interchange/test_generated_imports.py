"""Whatever stands in an export, the import loads, and what was not taken over is named."""

import random

import pytest
from generating import Case, answers, configurations, damaged, fault, pairs

# A part of all, the same each time; generating.py tries the rest.
DICE = random.Random(20261130)


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param(DICE.sample([*configurations()], 120), id="Terraform"),
        pytest.param(DICE.sample([*answers()], 120), id="Public API"),
        pytest.param([*pairs(1, 60)], id="two at once"),
        pytest.param([*damaged(1, 150)], id="damaged exports"),
    ],
)
def test_an_import_loads_and_reports_what_it_leaves_out(cases: list[Case]) -> None:
    faults = {case.what: wrong for case in cases if (wrong := fault(case))}
    assert faults == {}
