"""Counts of messages by stage, and over time in bars of equal length."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.inspector.histogram import (
    HISTOGRAM_HEIGHT,
    HISTOGRAM_WIDTH,
    MAX_BARS,
    MIN_BARS,
    VerdictCounts,
    build_histogram_bars,
    choose_bar_unit,
    count_messages_by_stage,
)

DAY = "2026-11-23T"


@pytest.mark.parametrize(
    ("until", "length"),
    [
        pytest.param("10:00:00.500Z", timedelta(seconds=1), id="an instant"),
        pytest.param("10:00:59.999Z", timedelta(seconds=1), id="a minute"),
        pytest.param("10:01:00.000Z", timedelta(seconds=10), id="a minute and more"),
        pytest.param("10:59:00.000Z", timedelta(minutes=1), id="an hour"),
        pytest.param("18:00:00.000Z", timedelta(minutes=10), id="a working day"),
        pytest.param("23:59:59.999Z", timedelta(hours=1), id="most of a day"),
    ],
)
def test_the_shortest_bar_unit_that_fits_is_chosen(until: str, length: timedelta) -> None:
    assert choose_bar_unit(f"{DAY}10:00:00.000Z", DAY + until).length == length


def test_every_message_is_counted_in_one_stage() -> None:
    counts: VerdictCounts = {
        ("10:00", "accepted"): 5, ("10:00", "warning"): 1, ("10:01", "dropped"): 2,
        ("10:01", "rejected"): 3, ("10:01", "disabled"): 4, ("10:02", "retrying"): 1,
    }  # fmt: skip
    assert [(stage.title, count) for stage, count in count_messages_by_stage(counts)] == [
        ("Received", 16),
        ("Rejected by Segment", 3),
        ("Filtered", 4),
        ("Not subscribed", 0),
        ("Accepted", 5),
        ("Warning", 1),
        ("Dropped by Insider One", 2),
        ("Failed", 0),
        ("Retrying", 1),
    ]


def test_time_without_messages_has_empty_bars() -> None:
    since, until = f"{DAY}10:00:01.000Z", f"{DAY}10:00:04.200Z"
    counts: VerdictCounts = {
        (f"{DAY}10:00:01", "accepted"): 3,
        (f"{DAY}10:00:01", "dropped"): 1,
        (f"{DAY}10:00:04", "accepted"): 2,
    }
    bars = build_histogram_bars(counts, since, until, choose_bar_unit(since, until))
    assert len(bars) == MIN_BARS
    assert {bar.total for bar in bars[:-4]} == {0}
    assert [(bar.since[17:], bar.until[17:], bar.total) for bar in bars[-4:]] == [
        ("01.000Z", "02.000Z", 4),
        ("02.000Z", "03.000Z", 0),
        ("03.000Z", "04.000Z", 0),
        ("04.000Z", "05.000Z", 2),
    ]
    assert [(part.verdict, part.height, part.y) for part in bars[-4].segments] == [
        ("accepted", HISTOGRAM_HEIGHT * 3 / 4, HISTOGRAM_HEIGHT / 4),
        ("dropped", HISTOGRAM_HEIGHT / 4, 0),
    ]


@pytest.mark.parametrize(
    ("since", "until", "ends"),
    [
        pytest.param(
            "2026-11-23T10:00:01.500Z", "2026-11-23T10:00:04.200Z",
            [("09:59:41", "09:59:42"), ("10:00:04", "10:00:05")], id="seconds of a day",
        ),
        pytest.param(
            "2026-11-23T23:58:00.000Z", "2026-11-24T00:44:00.000Z",
            [
                ("23 Nov 2026 23:58:00", "23 Nov 2026 23:59:00"),
                ("24 Nov 2026 00:44:00", "24 Nov 2026 00:45:00"),
            ],
            id="minutes of two days",
        ),
        pytest.param(
            "2026-11-23T10:00:00.000Z", "2026-11-28T10:00:00.000Z",
            [("5 Nov 2026", "5 Nov 2026"), ("28 Nov 2026", "28 Nov 2026")], id="days",
        ),
        pytest.param(
            "2026-11-01T10:00:00.000Z", "2026-12-28T10:00:00.000Z",
            [("1 Nov 2026", "1 Nov 2026"), ("28 Dec 2026", "28 Dec 2026")], id="weeks",
        ),
        pytest.param(
            "2026-11-25T10:00:00.000Z", "2028-01-02T10:00:00.000Z",
            [("19 Nov 2026", "25 Nov 2026"), ("30 Dec 2027", "5 Jan 2028")], id="a year and more",
        ),
        pytest.param(
            "1970-01-01T00:00:00.000Z", "9000-01-01T00:00:00.000Z",
            [("1 Jan 1970", "24 Feb 2089"), ("30 Nov 8880", "25 Jan 9000")],
            id="as far as the clock goes",
        ),
    ],
)  # fmt: skip
def test_the_axis_shows_its_first_and_last_time(
    since: str, until: str, ends: list[tuple[str, str]]
) -> None:
    bars = build_histogram_bars({}, since, until, choose_bar_unit(since, until))
    assert MIN_BARS <= len(bars) <= MAX_BARS
    assert round(bars[-1].x + bars[-1].width) == HISTOGRAM_WIDTH  # where the end of the axis is
    assert [bars[0].end_labels, bars[-1].end_labels] == ends


@pytest.mark.parametrize("seconds", [59.5, 3599.5, 35_999, 216_000, 5_184_000, 40_000_000, 10**9])
@pytest.mark.parametrize("since", [0.0, 0.9, 59.9, 3599.9, 86_399.9])
def test_the_bars_contain_every_message_of_any_period(since: float, seconds: float) -> None:
    first, last = (
        format_iso_utc(datetime.fromtimestamp(since + offset, UTC)) for offset in (0, seconds)
    )
    cut = choose_bar_unit(first, last)
    counts: VerdictCounts = Counter(
        (time[: cut.time_prefix_length], "accepted") for time in (first, last)
    )
    bars = build_histogram_bars(counts, first, last, cut)
    assert len(bars) <= MAX_BARS
    full = [bar for bar in bars if bar.total]
    assert [bar.total for bar in full] == [1, 1]
    assert full[0].since <= first < full[0].until
    assert full[1].since <= last < full[1].until
    assert full[1] is bars[-1]


def test_an_empty_period_has_no_bars() -> None:
    since, until = f"{DAY}10:00:00.000Z", f"{DAY}09:00:00.000Z"
    assert build_histogram_bars({}, since, until, choose_bar_unit(since, until)) == []
