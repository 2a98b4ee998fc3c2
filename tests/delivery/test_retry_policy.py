"""What is tried again, and when."""

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
def test_only_what_may_pass_is_tried_again(code: str, expected: bool) -> None:
    assert is_retryable_error_code(code) is expected


def schedule(policy: RetryPolicy, key: str = "m1 Orders") -> list[datetime]:
    made = [START]
    while due := policy.compute_next_attempt_time(key, len(made), START, made[-1]):
        made.append(due)
    return made


@pytest.mark.documented
def test_the_last_attempt_is_inside_four_hours() -> None:
    for seed in map(str, range(50)):
        made = schedule(RetryPolicy(seed))
        assert FOUR_HOURS - RetryPolicy().max_delay <= made[-1] - START <= FOUR_HOURS


@pytest.mark.assumed
def test_each_wait_is_between_half_and_all_of_a_doubling_one() -> None:
    for seed in map(str, range(50)):
        made = schedule(RetryPolicy(seed))
        for number, (before, after) in enumerate(pairwise(made)):
            whole = min(timedelta(seconds=2 * 2**number), timedelta(minutes=30))
            assert whole / 2 <= after - before <= whole


@pytest.mark.assumed
def test_a_seed_decides_the_waits() -> None:
    assert schedule(RetryPolicy("a")) == schedule(RetryPolicy("a"))
    assert schedule(RetryPolicy("a")) != schedule(RetryPolicy("b"))
    assert schedule(RetryPolicy("a"), "m1 Orders") != schedule(RetryPolicy("a"), "m2 Orders")
