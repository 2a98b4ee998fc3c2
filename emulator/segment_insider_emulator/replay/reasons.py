"""Why events are lost, in words that are the same for all events lost for that reason."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.insider.findings import Finding, quoted
from segment_insider_emulator.insider.replies import Refusal as Answered
from segment_insider_emulator.insider.shape import Fault
from segment_insider_emulator.insider.users import User
from segment_insider_emulator.mapping import Failure
from segment_insider_emulator.segment.notes import Note
from segment_insider_emulator.segment.rules import Refusal
from segment_insider_emulator.types import JSON, JSONObject

LOST: frozenset[Verdict] = frozenset(("rejected", "failed", "dropped"))
_LONGEST = 300  # characters of one part of a reason
_INDEX = re.compile(r"[./]\d+(?=[./ ]|$)")
_WAS = re.compile(r" but it was .*?(?=\. |\.?$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reason:
    """Something that befell an event.

    Args:
        lost: Whether it kept the event, or an event made of it, from being stored.
        where: Dotted place in the user, lists as "[]", e.g. "events[].timestamp"; "" is all of it.
        what: One sentence without the values of the one event.
        remedy: What to do, a full sentence; "" where nobody says.
    """

    verdict: Verdict
    lost: bool
    where: str
    what: str
    remedy: str = ""


def rejected(refusal: Refusal) -> Reason:
    """Segment took the call in, and dropped it."""
    said, _, remedy = refusal.detail.partition(". ")
    subject, told, _ = said.partition(" is ")
    what = f"{subject} is not what Segment takes" if told else said.rstrip(".")
    return Reason("rejected", True, "", f"{refusal.code}: {what}", remedy)


def stopped(verdict: Verdict, why: str) -> Reason:
    """An event that was meant to go no further."""
    return Reason(verdict, False, "", clipped(why))


def noted(note: Note) -> Reason:
    """Segment took the call, and something in it does not do what its sender thinks."""
    return Reason("warning", False, note.where, note.general)


def failed(failure: Failure) -> Reason:
    """Segment made no request of the event."""
    said = _WAS.sub(" but it was not", " ".join(failure.message.split()).rstrip("."))
    return Reason("failed", True, "", clipped(_INDEX.sub("[]", said)))


def answered(refusal: Answered) -> Reason:
    """Insider One refused the request as a whole."""
    what = f"Insider One answers {refusal.status}: {refusal}"
    return Reason("failed", True, "", clipped(what), refusal.remedy)


def refused(faults: Iterable[Fault], user: JSON) -> Iterator[Reason]:
    """Insider One refused the user."""
    for fault in faults:
        what = _without_value(fault.text, fault.where, user)
        yield Reason("dropped", True, _general(fault.where), what, fault.remedy)


def noticed(read: User, user: JSONObject) -> Iterator[Reason]:
    """What Insider One took otherwise than its sender thinks; *read* was made of *user*."""
    stored = {place for place, _ in read.events}
    for finding in read.findings:
        own = finding.where.removeprefix(read.where).removeprefix(".")
        what = _without_value(finding.what, own, user)
        lost = _expired(finding, stored)
        yield Reason("warning", lost, _general(own), what, finding.remedy)


def clipped(text: str) -> str:
    """*text*, short enough to be the name of a row, and text that every file can hold."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()  # half of a surrogate pair
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _expired(finding: Finding, stored: set[str]) -> bool:
    event, _, name = finding.where.rpartition(".")
    return name == "timestamp" and event not in stored


def _general(where: str) -> str:
    return clipped(_INDEX.sub("[]", where))


def _without_value(what: str, where: str, user: JSON) -> str:
    """The sentence up to the value that it quotes at its end."""
    if ": " not in what:
        return clipped(what)
    try:
        value = _at(user, where)
    except (LookupError, TypeError, ValueError):
        # A name with dots in it, or something that is missing.
        return clipped(what.partition(": ")[0])
    return clipped(what.removesuffix(f": {quoted(value)}"))


def _at(user: JSON, where: str) -> JSON:
    for step in where.split(".") if where else ():
        user = user[int(step)] if isinstance(user, list) else user[step]
    return user
