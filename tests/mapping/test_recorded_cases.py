"""Every recorded case of the published destination, run through the mapping core."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from segment_insider_emulator.contract.cases import (
    ContractCase,
    find_result_differences,
    load_known_differences,
    read_cases,
    run_case,
)

RECORDED = Path(__file__).parents[2] / "fixtures" / "conformance"


def iter_recorded_cases() -> Iterator[ContractCase]:
    for file in sorted(RECORDED.glob("*.ndjson")):
        for case in read_cases(file):
            assert isinstance(case, ContractCase), case
            yield case


CASES = list(iter_recorded_cases())


@pytest.mark.observed
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_core_gives_the_recorded_result(case: ContractCase) -> None:
    found = find_result_differences(case.document["expect"], run_case(case))

    assert bool(found) is (case.name in load_known_differences()), found


def test_known_differences_are_at_most_one_percent() -> None:
    names = {case.name for case in CASES}

    assert set(load_known_differences()) <= names
    assert len(load_known_differences()) <= len(CASES) / 100
