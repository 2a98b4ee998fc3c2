"""Why events are lost, in words that are the same for all events lost for that reason."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.insider.findings import RequestFinding, quote_value
from segment_insider_emulator.insider.replies import RequestRejected as Answered
from segment_insider_emulator.insider.shape import UserError
from segment_insider_emulator.insider.users import ParsedUser
from segment_insider_emulator.mapping import MappingFailure
from segment_insider_emulator.segment.notes import SenderWarning
from segment_insider_emulator.segment.rules import DiscardReason
from segment_insider_emulator.types import JSON, JSONObject

LOSS_VERDICTS: frozenset[Verdict] = frozenset(("rejected", "failed", "dropped"))
_MAX_REASON_LENGTH = 300  # characters of one part of a reason
_INDEX_PATTERN = re.compile(r"[./]\d+(?=[./ ]|$)")
_ACTUAL_VALUE_PATTERN = re.compile(r" but it was .*?(?=\. |\.?$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class EventReason:
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


def reason_for_discard(discard: DiscardReason) -> EventReason:
    """Segment took the call in, and dropped it."""
    statement, _, remedy = discard.detail.partition(". ")
    subject, has_verb, _ = statement.partition(" is ")
    what = f"{subject} is not what Segment takes" if has_verb else statement.rstrip(".")
    return EventReason("rejected", True, "", f"{discard.code}: {what}", remedy)


def reason_for_filter(verdict: Verdict, detail: str) -> EventReason:
    """An event that was meant to go no further."""
    return EventReason(verdict, False, "", shorten_text(detail))


def reason_for_warning(warning: SenderWarning) -> EventReason:
    """Segment took the call, and something in it does not do what its sender thinks."""
    return EventReason("warning", False, warning.key, warning.general_text)


def reason_for_mapping_failure(failure: MappingFailure) -> EventReason:
    """Segment made no request of the event."""
    message_text = _ACTUAL_VALUE_PATTERN.sub(
        " but it was not", " ".join(failure.message.split()).rstrip(".")
    )
    return EventReason("failed", True, "", shorten_text(_INDEX_PATTERN.sub("[]", message_text)))


def reason_for_rejected_request(rejection: Answered) -> EventReason:
    """Insider One refused the request as a whole."""
    what = f"Insider One answers {rejection.status}: {rejection}"
    return EventReason("failed", True, "", shorten_text(what), rejection.remedy)


def reasons_for_rejected_user(errors: Iterable[UserError], user: JSON) -> Iterator[EventReason]:
    """Insider One refused the user."""
    for fault in errors:
        what = _without_quoted_value(fault.text, fault.where, user)
        yield EventReason("dropped", True, _without_indexes(fault.where), what, fault.remedy)


def reasons_for_findings(parsed_user: ParsedUser, user: JSONObject) -> Iterator[EventReason]:
    """What Insider One took otherwise than its sender thinks; *read* was made of *user*."""
    stored = {place for place, _ in parsed_user.events}
    for finding in parsed_user.findings:
        user_path = finding.where.removeprefix(parsed_user.where).removeprefix(".")
        what = _without_quoted_value(finding.what, user_path, user)
        lost = _is_expired_event(finding, stored)
        yield EventReason("warning", lost, _without_indexes(user_path), what, finding.remedy)


def shorten_text(text: str) -> str:
    """*text*, short enough to be the name of a row, and text that every file can hold."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()  # half of a surrogate pair
    return text if len(text) <= _MAX_REASON_LENGTH else f"{text[: _MAX_REASON_LENGTH - 1]}…"


def _is_expired_event(finding: RequestFinding, stored_paths: set[str]) -> bool:
    event, _, name = finding.where.rpartition(".")
    return name == "timestamp" and event not in stored_paths


def _without_indexes(where: str) -> str:
    return shorten_text(_INDEX_PATTERN.sub("[]", where))


def _without_quoted_value(what: str, where: str, user: JSON) -> str:
    """The sentence up to the value that it quotes at its end."""
    if ": " not in what:
        return shorten_text(what)
    try:
        value = _value_at_path(user, where)
    except (LookupError, TypeError, ValueError):
        # A name with dots in it, or something that is missing.
        return shorten_text(what.partition(": ")[0])
    return shorten_text(what.removesuffix(f": {quote_value(value)}"))


def _value_at_path(user: JSON, path: str) -> JSON:
    for step in path.split(".") if path else ():
        user = user[int(step)] if isinstance(user, list) else user[step]
    return user
