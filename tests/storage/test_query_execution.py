"""Ids are gone through in stretches, for as long as there is patience."""

from collections.abc import Iterable

import pytest

from segment_insider_emulator.storage.query_execution import (
    FIRST_CHUNK_SIZE,
    MAX_CHUNK_GROWTH,
    IdRange,
    split_into_chunks,
)


@pytest.mark.parametrize(
    ("ids", "rising", "expected"),
    [
        pytest.param(IdRange(1, 0), False, [], id="no ids, no stretch"),
        pytest.param(IdRange(5, 9), False, [IdRange(5, 9)], id="few ids are one stretch"),
        pytest.param(
            IdRange(1, FIRST_CHUNK_SIZE + 10),
            False,
            [IdRange(11, FIRST_CHUNK_SIZE + 10), IdRange(1, 10)],
            id="from the highest down",
        ),
        pytest.param(
            IdRange(1, FIRST_CHUNK_SIZE + 10),
            True,
            [IdRange(1, FIRST_CHUNK_SIZE), IdRange(FIRST_CHUNK_SIZE + 1, FIRST_CHUNK_SIZE + 10)],
            id="rising, from the lowest up",
        ),
    ],
)
def test_every_id_is_in_one_stretch(ids: IdRange, rising: bool, expected: list[IdRange]) -> None:
    assert list(split_into_chunks(ids, ascending=rising, stopwatch=lambda: 0.0)) == expected


def lengths(times: Iterable[float], patience: float = 1.0) -> list[int]:
    """How long stretches are, when the stopwatch shows *times*: at the beginning, then before and
    after each stretch."""
    shown = iter(times)
    walked = split_into_chunks(
        IdRange(1, 10**9), time_budget_s=patience, stopwatch=lambda: next(shown)
    )
    return [high - low + 1 for low, high in walked]


def test_a_stretch_is_as_long_as_what_is_left_is_likely_to_be_enough_for() -> None:
    quick = [0.0, 0.0, 0.01]  # 100 such are left
    slow = [0.01, 0.76]  # a third of one is left, at a quarter of a stretch
    last = [0.76, 1.0]
    assert lengths([*quick, *slow, *last]) == [
        FIRST_CHUNK_SIZE,
        FIRST_CHUNK_SIZE * MAX_CHUNK_GROWTH,
        FIRST_CHUNK_SIZE * MAX_CHUNK_GROWTH * 24 // 75,
    ]


def test_without_patience_there_is_one_stretch() -> None:
    assert lengths([0.0, 0.0, 0.5], patience=0.0) == [FIRST_CHUNK_SIZE]
