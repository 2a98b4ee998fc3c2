"""Id ranges are split into chunks within a time budget."""

from collections.abc import Iterable

import pytest

from segment_insider_emulator.storage.query_execution import (
    FIRST_CHUNK_SIZE,
    MAX_CHUNK_GROWTH,
    IdRange,
    split_id_range,
)


@pytest.mark.parametrize(
    ("ids", "ascending", "expected"),
    [
        pytest.param(IdRange(1, 0), False, [], id="no ids, no chunk"),
        pytest.param(IdRange(5, 9), False, [IdRange(5, 9)], id="few ids are one chunk"),
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
            id="ascending, from the lowest up",
        ),
    ],
)
def test_every_id_is_in_one_chunk(ids: IdRange, ascending: bool, expected: list[IdRange]) -> None:
    assert list(split_id_range(ids, ascending=ascending, stopwatch=lambda: 0.0)) == expected


def chunk_sizes(times: Iterable[float], time_budget_s: float = 1.0) -> list[int]:
    """Return the sizes of the chunks.

    Args:
        times: Of the stopwatch: at the start, then before and after each chunk.
    """
    ticks = iter(times)
    chunks = split_id_range(
        IdRange(1, 10**9), time_budget_s=time_budget_s, stopwatch=lambda: next(ticks)
    )
    return [high - low + 1 for low, high in chunks]


def test_the_next_chunk_fits_into_the_remaining_time() -> None:
    quick = [0.0, 0.0, 0.01]  # half of the time is enough for 49 more
    slow = [0.01, 0.76]  # half of the rest is enough for a sixth of another one
    last = [0.76, 1.0]
    assert chunk_sizes([*quick, *slow, *last]) == [
        FIRST_CHUNK_SIZE,
        FIRST_CHUNK_SIZE * MAX_CHUNK_GROWTH,
        FIRST_CHUNK_SIZE * MAX_CHUNK_GROWTH * 12 // 75,
    ]


def test_hardly_any_time_is_no_time() -> None:
    assert chunk_sizes([0.0, 0.0, 0.96]) == [FIRST_CHUNK_SIZE]


def test_without_time_there_is_one_chunk() -> None:
    assert chunk_sizes([0.0, 0.0, 0.5], time_budget_s=0.0) == [FIRST_CHUNK_SIZE]
