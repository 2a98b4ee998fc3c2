"""Messages counted by stage, and over time in bars of one length."""

from datetime import timedelta

import pytest

from emulator.inspector.volume import HEIGHT, MOST_BARS, Counts, bars, stages, unit

DAY = "2026-11-23T"


@pytest.mark.parametrize(
    ("until", "length"),
    [
        pytest.param("10:00:00.500Z", timedelta(seconds=1), id="an instant"),
        pytest.param("10:00:59.999Z", timedelta(seconds=1), id="a minute"),
        pytest.param("10:01:00.000Z", timedelta(seconds=10), id="a minute and more"),
        pytest.param("10:59:00.000Z", timedelta(minutes=1), id="an hour"),
        pytest.param("18:00:00.000Z", timedelta(minutes=10), id="a working day"),
    ],
)
def test_the_finest_cut_that_fits_is_taken(until: str, length: timedelta) -> None:
    assert unit(f"{DAY}10:00:00.000Z", DAY + until).length == length


def test_every_message_is_in_one_stage() -> None:
    counts: Counts = {
        ("10:00", "accepted"): 5, ("10:00", "warning"): 1, ("10:01", "dropped"): 2,
        ("10:01", "rejected"): 3, ("10:01", "disabled"): 4, ("10:02", "retrying"): 1,
    }  # fmt: skip
    assert [(stage.title, count) for stage, count in stages(counts)] == [
        ("Received", 16),
        ("Rejected by Segment", 3),
        ("Filtered", 4),
        ("Not subscribed", 0),
        ("Delivered", 6),
        ("Dropped by Insider One", 2),
        ("Failed", 0),
        ("Retrying", 1),
    ]


def test_time_without_messages_has_its_bars_too() -> None:
    since, until = f"{DAY}10:00:01.000Z", f"{DAY}10:00:04.200Z"
    counts: Counts = {
        (f"{DAY}10:00:01", "accepted"): 3,
        (f"{DAY}10:00:01", "dropped"): 1,
        (f"{DAY}10:00:04", "accepted"): 2,
    }
    drawn = bars(counts, since, until, unit(since, until))
    assert [(bar.since[17:], bar.until[17:], bar.total) for bar in drawn] == [
        ("01.000Z", "02.000Z", 4),
        ("02.000Z", "03.000Z", 0),
        ("03.000Z", "04.000Z", 0),
        ("04.000Z", "05.000Z", 2),
    ]
    assert [(part.verdict, part.height, part.y) for part in drawn[0].parts] == [
        ("accepted", HEIGHT * 3 / 4, HEIGHT / 4),
        ("dropped", HEIGHT / 4, 0),
    ]


def test_a_long_time_shows_its_end() -> None:
    since, until = "2020-01-01T00:00:00.000Z", "2026-11-23T00:00:00.000Z"
    drawn = bars({}, since, until, unit(since, until))
    assert (len(drawn), drawn[-1].since) == (MOST_BARS, until)
