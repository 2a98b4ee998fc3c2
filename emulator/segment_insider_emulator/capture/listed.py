"""Messages in a list, and how far was looked for them."""

from dataclasses import dataclass
from typing import NamedTuple

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.types import JSONObject


@dataclass(frozen=True, slots=True)
class DeliverySummary:
    """One delivery in a list: which subscription took the message, and what came of it.

    Args:
        upsert: The request that it shares with others; None where it has its own.
        requested: Whether there was a request at all.
    """

    id: int
    message_id: str
    subscription: str
    action_slug: str
    verdict: Verdict
    reason: str | None
    upsert: str | None
    requested: bool


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """One message in a list.

    Args:
        document: What destinations were handed; of a rejected message, what was sent.
    """

    id: int
    message_id: str
    type: str | None
    event: str | None
    user_id: str | None
    anonymous_id: str | None
    received_at: str
    verdict: Verdict
    reason: str | None
    source: str | None
    document: JSONObject
    deliveries: tuple[DeliverySummary, ...]

    @property
    def user(self) -> str | None:
        """Whose it is, as far as the message says."""
        return self.user_id or self.anonymous_id

    @property
    def title(self) -> str | None:
        """The event's name, or that of the page or screen."""
        name = self.document.get("name")
        return self.event or (name if isinstance(name, str) else None) or None

    @property
    def request_count(self) -> int:
        """How many requests to Insider One it has led to, or shares."""
        return len({each.upsert or each.id for each in self.deliveries if each.requested})


class ScanLimit(NamedTuple):
    """The oldest message that was looked at, where there was no time to look at all."""

    id: int
    received_at: str


@dataclass(frozen=True, slots=True)
class MessagePage:
    """What was found, newest first.

    Args:
        more: Whether there are more beyond the limit.
        reach: How far was looked; None where the limit or the end was reached.
    """

    messages: list[MessageSummary]
    has_more: bool
    scan_limit: ScanLimit | None

    @property
    def next_before_id(self) -> int | None:
        """From where to look on; None where all was looked at."""
        if self.scan_limit:
            return self.scan_limit.id
        return self.messages[-1].id if self.has_more else None
