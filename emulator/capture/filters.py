"""What a person filters messages by, as conditions on their table."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, case, or_, select

from emulator.capture.json_paths import JsonPath
from emulator.capture.records import Verdict
from emulator.capture.tables import deliveries, messages

# What destinations were handed; of a rejected message, which came to none, what was sent.
DOCUMENT = case((messages.c.verdict == "rejected", messages.c.sent), else_=messages.c.normalised)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a message must have to be shown; what is empty does not matter.

    Args:
        text: Stands in what was sent, in its id or in the reason, in any case.
        user: A user id or an anonymous id.
        verdicts: Any of them.
        since, until: ISO 8601, UTC, milliseconds; the latter is not included.
        paths: Each with the value wanted there, or None where any will do.
    """

    text: str = ""
    type: str = ""
    event: str = ""
    user: str = ""
    source: str = ""
    subscription: str = ""
    verdicts: tuple[Verdict, ...] = ()
    since: str = ""
    until: str = ""
    paths: tuple[tuple[JsonPath, str | None], ...] = ()


def conditions(filters: Filters) -> Iterator[ColumnElement[bool]]:
    """What a row of messages must fulfil, all of it, to pass *filters*."""
    yield from (
        messages.c[name] == getattr(filters, name)
        for name in ("type", "event", "source")
        if getattr(filters, name)
    )
    if filters.user:
        yield or_(messages.c.user_id == filters.user, messages.c.anonymous_id == filters.user)
    if filters.verdicts:
        yield messages.c.verdict.in_(filters.verdicts)
    if filters.subscription:
        yield _taken_by(filters.subscription)
    yield from _within(filters)
    yield from _containing(filters)


def _within(filters: Filters) -> Iterator[ColumnElement[bool]]:
    if filters.since:
        yield messages.c.received_at >= filters.since
    if filters.until:
        yield messages.c.received_at < filters.until


def _containing(filters: Filters) -> Iterator[ColumnElement[bool]]:
    for path, wanted in filters.paths:
        yield path.is_in(DOCUMENT) if wanted is None else path.equals(DOCUMENT, wanted)
    if filters.text:
        places = (messages.c.sent, messages.c.message_id, messages.c.reason)
        yield or_(*(each.icontains(filters.text, autoescape=True) for each in places))


def _taken_by(subscription: str) -> ColumnElement[bool]:
    # A duplicate has the id of a message that was delivered, but led to nothing itself.
    taken = select(deliveries.c.message_id).where(deliveries.c.subscription == subscription)
    return and_(messages.c.message_id.in_(taken), messages.c.verdict != "rejected")
