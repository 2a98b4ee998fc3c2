"""Which failures Segment tries again, how often and how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

RETRYABLE_4XX = frozenset({408, 423, 429})
NON_RETRYABLE_5XX = 501
# Names that Node.js, on which Segment runs, gives to faults of the network.
RETRYABLE_NETWORK_ERRORS = frozenset(
    {
        "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EHOSTUNREACH", "EAI_AGAIN",
        "ETIMEDOUT",
    }
)  # fmt: skip


def is_retryable(error_code: str) -> bool:
    """Whether Segment tries again after *code*, an HTTP status or the name of a fault.

    Source: Segment, action-destinations, retryable statuses; "Retries between Segment and
    destinations". (documented)
    """
    if not error_code.isdecimal():
        return error_code in RETRYABLE_NETWORK_ERRORS
    status = int(error_code)
    return status in RETRYABLE_4XX or (500 <= status < 600 and status != NON_RETRYABLE_5XX)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Randomised exponential backoff inside a window that begins with the first attempt.

    The window is documented. The intervals are published nowhere: these are assumed.

    Args:
        seed: Decides the random part; with the same seed, the same delivery waits as long.
    """

    seed: str = ""
    window: timedelta = timedelta(hours=4)
    first_delay: timedelta = timedelta(seconds=2)
    max_delay: timedelta = timedelta(minutes=30)

    def next_attempt_at(
        self,
        delivery_key: str,
        attempt_count: int,
        first_attempt_at: datetime,
        last_attempt_at: datetime,
    ) -> datetime | None:
        """When to try again.

        Args:
            key: Names what is delivered.
            attempts: Made so far; the *first* and the *last* of them began then.
        Returns: None when the window would be over.
        """
        # 2 ** 20 is beyond the longest wait, and small enough for a timedelta.
        whole = min(self.first_delay * 2 ** min(attempt_count - 1, 20), self.max_delay)
        due = last_attempt_at + whole * Random(
            f"{self.seed}:{delivery_key}:{attempt_count}"
        ).uniform(0.5, 1)
        return due if due <= first_attempt_at + self.window else None
