"""Which failures Segment tries again, how often and how long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

RETRIED_BELOW_500 = frozenset({408, 423, 429})
NEVER_RETRIED = 501
# Names that Node.js, on which Segment runs, gives to faults of the network.
RETRIED_FAULTS = frozenset(
    {
        "ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ECONNABORTED", "EHOSTUNREACH", "EAI_AGAIN",
        "ETIMEDOUT",
    }
)  # fmt: skip


def retried(code: str) -> bool:
    """Whether Segment tries again after *code*, an HTTP status or the name of a fault.

    Source: Segment, action-destinations, retryable statuses; "Retries between Segment and
    destinations". (documented)
    """
    if not code.isdecimal():
        return code in RETRIED_FAULTS
    status = int(code)
    return status in RETRIED_BELOW_500 or (500 <= status < 600 and status != NEVER_RETRIED)


@dataclass(frozen=True, slots=True)
class Policy:
    """Randomised exponential backoff inside a window that begins with the first attempt.

    The window is documented. The intervals are published nowhere: these are assumed.

    Args:
        seed: Decides the random part; with the same seed, the same delivery waits as long.
    """

    seed: str = ""
    window: timedelta = timedelta(hours=4)
    first: timedelta = timedelta(seconds=2)
    longest: timedelta = timedelta(minutes=30)

    def next(self, key: str, attempts: int, first: datetime, last: datetime) -> datetime | None:
        """When to try again.

        Args:
            key: Names what is delivered.
            attempts: Made so far; the *first* and the *last* of them began then.
        Returns: None when the window would be over.
        """
        # 2 ** 20 is beyond the longest wait, and small enough for a timedelta.
        whole = min(self.first * 2 ** min(attempts - 1, 20), self.longest)
        due = last + whole * Random(f"{self.seed}:{key}:{attempts}").uniform(0.5, 1)
        return due if due <= first + self.window else None
