"""The retry policy: which failures are retried, and when."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from segment_insider_emulator.delivery.retries import RetryPolicy, is_retryable_error_code

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
FOUR_HOURS = timedelta(hours=4)


@pytest.mark.documented
@pytest.mark.parametrize(
    ("code", "expected"),
    [
        *((code, True) for code in ("408", "423", "429", "500", "502", "504", "511", "598", "599")),
        *((code, True) for code in ("ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED")),
        *((code, True) for code in ("EHOSTUNREACH", "EAI_AGAIN", "ETIMEDOUT")),
        *((code, False) for code in ("302", "400", "401", "403", "404", "413", "422", "501")),
        *((code, False) for code in ("UNKNOWN_ERROR", "INTERNAL", "PAYLOAD_VALIDATION_FAILED")),
    ],
)
def test_only_temporary_failures_are_retried(code: str, expected: bool) -> None:
    assert is_retryable_error_code(code) is expected


def list_attempt_times(policy: RetryPolicy, key: str = "m1 Orders") -> list[datetime]:
    attempt_times = [START]
    while due := policy.compute_next_attempt_time(
        key, len(attempt_times), START, attempt_times[-1]
    ):
        attempt_times.append(due)
    return attempt_times


@pytest.mark.documented
def test_the_last_attempt_is_within_four_hours() -> None:
    for seed in map(str, range(50)):
        attempt_times = list_attempt_times(RetryPolicy(seed))
        assert FOUR_HOURS - RetryPolicy().max_delay <= attempt_times[-1] - START <= FOUR_HOURS


@pytest.mark.assumed
def test_each_wait_is_between_half_and_all_of_the_doubled_wait() -> None:
    for seed in map(str, range(50)):
        attempt_times = list_attempt_times(RetryPolicy(seed))
        for number, (before, after) in enumerate(pairwise(attempt_times)):
            longest_wait = min(timedelta(seconds=2 * 2**number), timedelta(minutes=30))
            assert longest_wait / 2 <= after - before <= longest_wait


@pytest.mark.assumed
def test_a_seed_decides_the_waits() -> None:
    assert list_attempt_times(RetryPolicy("a")) == list_attempt_times(RetryPolicy("a"))
    assert list_attempt_times(RetryPolicy("a")) != list_attempt_times(RetryPolicy("b"))
    assert list_attempt_times(RetryPolicy("a"), "m1 Orders") != list_attempt_times(
        RetryPolicy("a"), "m2 Orders"
    )
