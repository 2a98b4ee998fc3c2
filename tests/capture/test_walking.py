"""Ids are gone through in stretches, for as long as there is patience."""

from collections.abc import Iterable

import pytest

from segment_insider_emulator.capture.walking import FASTER, FIRST, Stretch, stretches


@pytest.mark.parametrize(
    ("ids", "rising", "expected"),
    [
        pytest.param(Stretch(1, 0), False, [], id="no ids, no stretch"),
        pytest.param(Stretch(5, 9), False, [Stretch(5, 9)], id="few ids are one stretch"),
        pytest.param(
            Stretch(1, FIRST + 10),
            False,
            [Stretch(11, FIRST + 10), Stretch(1, 10)],
            id="from the highest down",
        ),
        pytest.param(
            Stretch(1, FIRST + 10),
            True,
            [Stretch(1, FIRST), Stretch(FIRST + 1, FIRST + 10)],
            id="rising, from the lowest up",
        ),
    ],
)
def test_every_id_is_in_one_stretch(ids: Stretch, rising: bool, expected: list[Stretch]) -> None:
    assert list(stretches(ids, rising=rising, stopwatch=lambda: 0.0)) == expected


def lengths(times: Iterable[float], patience: float = 1.0) -> list[int]:
    """How long stretches are, when the stopwatch shows *times*: at the beginning, then before and
    after each stretch."""
    shown = iter(times)
    walked = stretches(Stretch(1, 10**9), patience=patience, stopwatch=lambda: next(shown))
    return [high - low + 1 for low, high in walked]


def test_a_stretch_is_as_long_as_what_is_left_is_likely_to_be_enough_for() -> None:
    quick = [0.0, 0.0, 0.01]  # 100 such are left
    slow = [0.01, 0.76]  # a third of one is left, at a quarter of a stretch
    last = [0.76, 1.0]
    assert lengths([*quick, *slow, *last]) == [FIRST, FIRST * FASTER, FIRST * FASTER * 24 // 75]


def test_without_patience_there_is_one_stretch() -> None:
    assert lengths([0.0, 0.0, 0.5], patience=0.0) == [FIRST]
