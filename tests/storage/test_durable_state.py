"""The clock of a sandbox in an SQLite file: a restart keeps it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from segment_insider_emulator.clock import SandboxClock
from segment_insider_emulator.storage.database import close_database, open_database
from segment_insider_emulator.storage.replicated_state import ReplicatedState

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def open_clock(db: str, machine_time: datetime) -> tuple[SandboxClock, Callable[[], None]]:
    """Return the clock of the sandbox at *db*, and a function that closes the database."""
    engine = open_database(db)
    guard = ReplicatedState(engine).create_durable_state_guard
    return SandboxClock(lambda: machine_time, guard), lambda: close_database(engine)


@pytest.mark.parametrize(
    ("commands", "shown", "frozen"),
    [
        pytest.param([], NOON + HOUR, False, id="untouched"),
        pytest.param([lambda clock: clock.advance(HOUR)], NOON + 2 * HOUR, False, id="moved"),
        pytest.param(
            [lambda clock: clock.freeze_at(NOON + 3 * HOUR)], NOON + 3 * HOUR, True, id="set"
        ),
        pytest.param(
            [lambda clock: clock.advance(HOUR), lambda clock: clock.reset()],
            NOON + HOUR,
            False,
            id="reset",
        ),
    ],
)
def test_a_file_keeps_the_clock(
    tmp_path: Path,
    commands: list[Callable[[SandboxClock], None]],
    shown: datetime,
    frozen: bool,
) -> None:
    db = str(tmp_path / "emulator.db")
    clock, close = open_clock(db, NOON)
    for command in commands:
        command(clock)
    close()
    reopened, close = open_clock(db, NOON + HOUR)  # an hour later
    reading = reopened.read_time_and_offset()
    close()
    assert (reading.now, reading.frozen) == (shown, frozen)


def test_a_command_that_cannot_be_stored_leaves_the_clock(tmp_path: Path) -> None:
    clock, close = open_clock(str(tmp_path / "emulator.db"), NOON)
    close()
    with pytest.raises(Exception, match="closed"):
        clock.advance(HOUR)
    assert clock() == NOON
