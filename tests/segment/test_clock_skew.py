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
def test_times_as_sdks_write_them_are_parsed(text: str, moment: datetime) -> None:
    assert parse_iso_time(text) == moment.replace(tzinfo=UTC)


@pytest.mark.assumed
def test_time_without_an_offset_is_in_utc() -> None:
    assert parse_iso_time("2026-11-23T19:49:45") == datetime(2026, 11, 23, 19, 49, 45, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", [None, 1_795_463_552, "yesterday", "", {}, "0001-01-01T00:00:00+14:00"]
)
def test_an_invalid_time_is_parsed_as_none(value: object) -> None:
    assert parse_iso_time(value) is None


@pytest.mark.documented
def test_the_example_of_the_documentation_is_reproduced() -> None:
    def build_time(milliseconds: int) -> datetime:
        return datetime(2026, 11, 23, 12, 0, 1, milliseconds * 1_000, UTC)

    assert correct_clock_skew(build_time(152), build_time(169), build_time(266)) == build_time(249)


@pytest.mark.documented
@given(original=MOMENTS, age=SPANS, received=MOMENTS, skew=SPANS)
def test_the_skew_of_the_client_clock_never_matters(
    original: datetime, age: timedelta, received: datetime, skew: timedelta
) -> None:
    without_skew = correct_clock_skew(original, original + age, received)
    assert correct_clock_skew(original + skew, original + skew + age, received) == without_skew


@pytest.mark.documented
@given(original=MOMENTS, age=SPANS, received=MOMENTS)
def test_an_event_keeps_the_age_that_its_client_sends(
    original: datetime, age: timedelta, received: datetime
) -> None:
    assert received - correct_clock_skew(original, original + age, received) == age


@pytest.mark.documented
@given(original=MOMENTS, received=MOMENTS)
def test_nothing_is_corrected_without_sent_at(original: datetime, received: datetime) -> None:
    assert correct_clock_skew(original, None, received) == original


def test_an_absurd_clock_corrects_nothing() -> None:
    original, sent = datetime(9999, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)
    assert correct_clock_skew(original, sent, datetime(2026, 1, 1, tzinfo=UTC)) == original
