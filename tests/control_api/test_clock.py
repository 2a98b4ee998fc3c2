"""The emulator's clock: it follows the machine's until it is set, and never goes back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.clock import (
    LATEST_TIME,
    MAX_DURATION,
    SandboxClock,
    format_duration,
    parse_duration,
)
from segment_insider_emulator.errors import EmulatorError

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class MachineClock:
    """A machine's clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def leave_unchanged(_: SandboxClock) -> None:
    """Leave a clock alone."""


# Each command is applied at noon; then the machine's clock advances a minute.
@pytest.mark.parametrize(
    ("order", "shown", "frozen"),
    [
        pytest.param(leave_unchanged, NOON + MINUTE, False, id="runs with the machine"),
        pytest.param(lambda clock: clock.freeze(), NOON, True, id="freezes"),
        pytest.param(
            lambda clock: clock.advance(2 * MINUTE), NOON + 3 * MINUTE, False, id="runs on ahead"
        ),
        pytest.param(
            lambda clock: (clock.freeze(), clock.advance(2 * MINUTE)),
            NOON + 2 * MINUTE,
            True,
            id="moves while frozen",
        ),
        pytest.param(
            lambda clock: clock.freeze_at(NOON + 9 * MINUTE),
            NOON + 9 * MINUTE,
            True,
            id="set and frozen",
        ),
        pytest.param(
            lambda clock: (clock.freeze_at(NOON + 9 * MINUTE), clock.resume()),
            NOON + 10 * MINUTE,
            False,
            id="resumes from where it stood",
        ),
        pytest.param(
            lambda clock: (clock.freeze_at(NOON + 9 * MINUTE), clock.reset()),
            NOON + MINUTE,
            False,
            id="reset goes back to the machine",
        ),
        pytest.param(
            lambda clock: clock.reset(NOON - 9 * MINUTE),
            NOON - 9 * MINUTE,
            True,
            id="reset to a time, though in the past",
        ),
    ],
)
def test_the_clock_shows_the_time_after_a_command(
    order: Callable[[SandboxClock], Any], shown: datetime, frozen: bool
) -> None:
    machine = MachineClock()
    clock = SandboxClock(machine)
    order(clock)
    machine.now += MINUTE
    reading = clock.read_time_and_offset()
    assert (clock(), reading.now, reading.frozen, reading.offset) == (
        shown,
        shown,
        frozen,
        shown - machine.now,
    )


def test_the_clock_does_not_go_back_with_the_machine() -> None:
    machine = MachineClock()
    clock = SandboxClock(machine)
    machine.now -= MINUTE
    assert clock() == NOON
    machine.now += 2 * MINUTE
    assert clock() == NOON + MINUTE


@pytest.mark.parametrize(
    ("order", "message"),
    [
        pytest.param(
            lambda clock: clock.freeze_at(NOON - MINUTE),
            "set: 2026-11-23T11:59:00.000Z is earlier than the clock's time, "
            "2026-11-23T12:00:00.000Z. To go back, reset: "
            'POST /emulator/v1/reset {"now": ...}.',
            id="back",
        ),
        pytest.param(
            lambda clock: clock.freeze_at(LATEST_TIME + MINUTE),
            "set: the clock cannot be set to this time. "
            "Stay from 1970-01-01T00:00:00.000Z to 9000-01-01T00:00:00.000Z.",
            id="beyond the calendar",
        ),
        pytest.param(
            lambda clock: clock.advance(LATEST_TIME - NOON + MINUTE),
            "advance: the clock cannot be set to this time. "
            "Stay from 1970-01-01T00:00:00.000Z to 9000-01-01T00:00:00.000Z.",
            id="forward beyond it",
        ),
    ],
)
def test_an_impossible_time_is_refused(order: Callable[[SandboxClock], Any], message: str) -> None:
    clock = SandboxClock(MachineClock())
    with pytest.raises(EmulatorError) as refusal:
        order(clock)
    assert str(refusal.value) == message


def test_many_threads_can_move_one_clock() -> None:
    clock = SandboxClock(MachineClock())

    def move() -> None:
        for _ in range(200):
            clock.advance(MINUTE)

    threads = [Thread(target=move) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock() == NOON + 1600 * MINUTE


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("45 minutes", 2700),
        ("1 minute", 60),
        ("45min", 2700),
        (" 1 Hour ", 3600),
        ("1 hour 30 minutes", 5400),
        ("1 day, 2 hours and 3 seconds", 93_603),
        ("1h 30m", 5400),
        ("1.5 hours", 5400),
        ("2 weeks", 1_209_600),
        ("PT45M", 2700),
        ("P1DT2H", 93_600),
        ("P2W", 1_209_600),
        ("pt0.5s", 0.5),
    ],
)
def test_a_duration_is_parsed(text: str, seconds: float) -> None:
    assert parse_duration(text, "wait") == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        pytest.param("", "'' is not a duration", id="nothing"),
        pytest.param("45", "'45' is not a duration", id="no unit"),
        pytest.param("soon", "'soon' is not a duration", id="no number"),
        pytest.param("3 fortnights", "'3 fortnights' is not a duration", id="unknown unit"),
        pytest.param("-5 minutes", "'-5 minutes' is not a duration", id="negative"),
        pytest.param("0 minutes", "'0 minutes' is not a duration", id="zero"),
        pytest.param("PT", "'PT' is not a duration", id="empty ISO 8601"),
        pytest.param("P1M", "'P1M' is not a duration", id="a month has no fixed length"),
        pytest.param("٣ minutes", "'٣ minutes' is not a duration", id="other digits"),
        pytest.param("101 years", "'101 years' is not a duration", id="years"),
        pytest.param("99999999 weeks", "'99999999 weeks' is too long", id="too long"),
    ],
)
def test_an_invalid_duration_is_refused(text: str, what: str) -> None:
    with pytest.raises(EmulatorError) as refusal:
        parse_duration(text, "wait")
    assert (refusal.value.what, refusal.value.where) == (what, "wait")


@given(st.integers(1, MAX_DURATION // timedelta(milliseconds=1)))
def test_a_formatted_duration_is_parsed_to_the_same_value(milliseconds: int) -> None:
    length = timedelta(milliseconds=milliseconds)
    assert parse_duration(format_duration(length), "wait") == length
