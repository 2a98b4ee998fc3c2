from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.clock import parse_iso_time
from segment_insider_emulator.segment.normalise import correct_clock_skew

MOMENTS = st.datetimes(
    min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1), timezones=st.just(UTC)
)
SPANS = st.timedeltas(min_value=timedelta(days=-9_000), max_value=timedelta(days=9_000))


@pytest.mark.observed
@pytest.mark.parametrize(
    ("text", "moment"),
    [
        pytest.param("2026-11-23T19:49:45Z", datetime(2026, 11, 23, 19, 49, 45), id="Z"),
        pytest.param(
            "2026-11-23T19:49:45.414+00:00",
            datetime(2026, 11, 23, 19, 49, 45, 414_000),
            id="the Python SDK's timestamp",
        ),
        pytest.param(
            "2026-11-23T19:49:45.414123+00:00",
            datetime(2026, 11, 23, 19, 49, 45, 414_123),
            id="the Python SDK's sentAt",
        ),
        pytest.param(
            "2026-11-23T19:49:45.123456789Z",
            datetime(2026, 11, 23, 19, 49, 45, 123_456),
            id="nine fractional digits",
        ),
        pytest.param(
            "2026-11-23T21:49:45.5+02:00",
            datetime(2026, 11, 23, 19, 49, 45, 500_000),
            id="an offset is taken to UTC",
        ),
    ],
)
def test_time_an_sdk_writes_is_read(text: str, moment: datetime) -> None:
    assert parse_iso_time(text) == moment.replace(tzinfo=UTC)


@pytest.mark.assumed
def test_time_without_an_offset_is_in_utc() -> None:
    assert parse_iso_time("2026-11-23T19:49:45") == datetime(2026, 11, 23, 19, 49, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [None, 1_795_463_552, "yesterday", "", {}, "0001-01-01T00:00:00+14:00"]
)
def test_what_is_no_time_is_read_as_none(value: object) -> None:
    assert parse_iso_time(value) is None


@pytest.mark.documented
def test_worked_example_of_the_documentation() -> None:
    def at(milliseconds: int) -> datetime:
        return datetime(2026, 11, 23, 12, 0, 1, milliseconds * 1_000, UTC)

    assert correct_clock_skew(at(152), at(169), at(266)) == at(249)


@pytest.mark.documented
@given(original=MOMENTS, age=SPANS, received=MOMENTS, skew=SPANS)
def test_skew_of_the_client_clock_never_matters(
    original: datetime, age: timedelta, received: datetime, skew: timedelta
) -> None:
    plain = correct_clock_skew(original, original + age, received)
    assert correct_clock_skew(original + skew, original + skew + age, received) == plain


@pytest.mark.documented
@given(original=MOMENTS, age=SPANS, received=MOMENTS)
def test_event_stays_as_old_as_its_client_says(
    original: datetime, age: timedelta, received: datetime
) -> None:
    assert received - correct_clock_skew(original, original + age, received) == age


@pytest.mark.documented
@given(original=MOMENTS, received=MOMENTS)
def test_nothing_is_corrected_without_sent_at(original: datetime, received: datetime) -> None:
    assert correct_clock_skew(original, None, received) == original


def test_absurd_clock_corrects_nothing() -> None:
    original, sent = datetime(9999, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)
    assert correct_clock_skew(original, sent, datetime(2026, 1, 1, tzinfo=UTC)) == original
