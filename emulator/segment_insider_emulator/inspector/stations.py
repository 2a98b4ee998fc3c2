"""The stations of a message's road: what was sent, who took it, what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from segment_insider_emulator.capture.records import Captured, Delivery
from segment_insider_emulator.inspector.json_view import Mark
from segment_insider_emulator.mapping.explanation import Account
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.drift.dropped import Dropped, once


@dataclass(frozen=True, slots=True)
class Absent:
    """A field of a mapping that got no value, for the event has nothing where it reads.

    Args:
        is_empty: Whether the event has null or an empty text there.
    """

    field: str
    paths: tuple[str, ...]
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """One subscription that took the event.

    Args:
        delivery: What became of it; None when this destination took it only after a change.
        marks: Of the upsert, by path.
        number: Its place among the destination's, 1 for the first; None when it is gone.
        unsent: What of the event gave no value, a sentence each.
    """

    account: Account
    delivery: Delivery | None
    marks: Mapping[str, Mark]
    body: JSON
    answer: JSON
    absent: tuple[Absent, ...] = ()
    number: int | None = None
    unsent: tuple[str, ...] = ()

    def missing_at(self, where: str) -> Absent | None:
        """The field that should have made what a finding misses at *where*."""
        *place, wanted = where.split(".")
        if _has(self.body, (*place, wanted)):
            return None  # the finding is about the value that was sent
        return next((each for each in self.absent if each.field.split(".")[-1] == wanted), None)


def _has(body: JSON, place: tuple[str, ...]) -> bool:
    """Check whether *body* has a value at *place*, such as users, 0, attributes, gender."""
    for step in place:
        if isinstance(body, dict) and step in body:
            body = body[step]
        elif isinstance(body, list) and _is_index(step) and int(step) < len(body):
            body = body[int(step)]
        else:
            return False
    return True


def _is_index(step: str) -> bool:
    # A name of the shop's own may have any number of digits; int() refuses thousands of them.
    return step.isdecimal() and len(step) < 20


@dataclass(frozen=True, slots=True)
class Passed:
    """One subscription that did not take it, and why."""

    name: str
    action_slug: str
    why: str
    enabled: bool


@dataclass(frozen=True, slots=True)
class EventRoad:
    """All of it.

    Args:
        added: Path -> value of what Segment put into the event.
        changed: Path -> (as sent, as destinations got it).
        removed: Paths that destinations did not get.
        is_current: Whether the mappings are still those that made the requests.
        deciding: What decides something and is not sent, a sentence each.
    """

    message: Captured
    added: Mapping[str, JSON]
    changed: Mapping[str, tuple[JSON, JSON]]
    removed: tuple[str, ...]
    taken: tuple[Taken, ...]
    passed: tuple[Passed, ...]
    dropped: tuple[Dropped, ...]
    marks: Mapping[str, Mark] = field(default_factory=dict)
    is_current: bool = True
    deciding: tuple[str, ...] = ()

    @property
    def unread(self) -> dict[str, Dropped]:
        """What is dropped, told once of all entries of a list: unnumbered path -> the first."""
        return once(self.dropped)

    @property
    def findings(self) -> list[tuple[JSONObject, Absent | None]]:
        """What Insider One found, and the field that should have made what it misses.

        What decided the message's verdict comes first.
        """
        found = [
            (finding, taken.missing_at(str(finding["where"])))
            for taken in self.taken
            if taken.delivery
            for finding in taken.delivery.findings
        ]
        return sorted(found, key=lambda pair: pair[0]["verdict"] != self.message.verdict)

    @property
    def profile_changes(self) -> tuple[int, int]:
        """How many attributes and how many events of profiles it changed or added."""
        deliveries = (each.delivery for each in self.taken if each.delivery)
        changes = [change for each in deliveries for change in each.changes or ()]
        return sum(len(c["attributes"]) for c in changes), sum(len(c["events"]) for c in changes)
