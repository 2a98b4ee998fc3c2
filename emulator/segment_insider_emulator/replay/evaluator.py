"""The evaluator of archived events: verdicts, reasons for losses, changes between workspaces.

What depends on other events is left out: duplicate message ids, batches, rate limits, profiles and
journeys.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

import orjson

from segment_insider_emulator.clock import parse_iso_time
from segment_insider_emulator.delivery.filter_chain import EventNameChecker, build_filter_chain
from segment_insider_emulator.delivery.filter_chain import get_verdict_for_rejection as verdict_of
from segment_insider_emulator.delivery.pipeline import NOT_SUBSCRIBED_REASON
from segment_insider_emulator.delivery.planning import PlannedRequest, plan_requests
from segment_insider_emulator.delivery.results import get_worst_verdict
from segment_insider_emulator.insider.api import parse_limited_json
from segment_insider_emulator.insider.identity import build_identity_rules
from segment_insider_emulator.insider.responses import RequestFinding, format_value_for_error
from segment_insider_emulator.insider.responses import RequestRejected as Answered
from segment_insider_emulator.insider.upsert import parse_users, require_user_list
from segment_insider_emulator.insider.users import ParsedUser, is_upsert_from_segment
from segment_insider_emulator.insider.validation import UserValidationError
from segment_insider_emulator.json_text import may_have_replacement_character
from segment_insider_emulator.mapping import Destination, MappingFailure
from segment_insider_emulator.segment.ingest import Message, generate_message_id
from segment_insider_emulator.segment.normalise import (
    SenderWarning,
    list_sender_warnings,
    normalise_call,
    warn_of_lost_characters,
)
from segment_insider_emulator.segment.validation import (
    MAX_EVENT_BYTES,
    DiscardReason,
    find_call_size_problem,
    find_discard_reason,
)
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace

_MAX_REASON_LENGTH = 300  # characters of one part of a reason
_INDEX_PATTERN = re.compile(r"[./]\d+(?=[./ ]|$)")
_ACTUAL_VALUE_PATTERN = re.compile(r" but it was .*?(?=\. |\.?$)", re.DOTALL)
PROFILE_UPDATE_NAME = "(profile update)"
ChangeKind: TypeAlias = Literal["differs", "gone", "new"]
WHOLE_REQUEST = "(request)"
# Segment may write numbers longer than they were sent; no line grows more than this.
_MAX_SIZE_GROWTH = 8
_MISSING = object()


@dataclass(frozen=True, slots=True)
class EventReason:
    """Why an event is lost, filtered or warned about.

    Args:
        lost: Whether the event, or an event built from it, is not stored because of it.
        where: Dotted path in the user, lists as "[]", e.g. "events[].timestamp"; "" is the user.
        what: One sentence without the values of the one event.
        remedy: What to do, a full sentence; "" if unknown.
    """

    verdict: Verdict
    lost: bool
    where: str
    what: str
    remedy: str = ""


def reason_for_discard(discard: DiscardReason) -> EventReason:
    """Return the reason for a call that Segment accepts and then discards."""
    statement, _, remedy = discard.detail.partition(". ")
    subject, has_verb, _ = statement.partition(" is ")
    what = f"{subject} is not what Segment accepts" if has_verb else statement.rstrip(".")
    return EventReason("rejected", True, "", f"{discard.code}: {what}", remedy)


def reason_for_filter(verdict: Verdict, detail: str) -> EventReason:
    """Return the reason for an event that filters or settings stop on purpose."""
    return EventReason(verdict, False, "", shorten_text(detail))


def reason_for_warning(warning: SenderWarning) -> EventReason:
    """Return the reason for a call with a warning to its sender."""
    return EventReason("warning", False, warning.key, warning.general_text)


def reason_for_mapping_failure(failure: MappingFailure) -> EventReason:
    """Return the reason for an event with a failed mapping."""
    message_text = _ACTUAL_VALUE_PATTERN.sub(
        " but it was not", " ".join(failure.message.split()).rstrip(".")
    )
    return EventReason("failed", True, "", shorten_text(_INDEX_PATTERN.sub("[]", message_text)))


def reason_for_rejected_request(rejection: Answered) -> EventReason:
    """Return the reason for a request that Insider One rejects."""
    what = f"Insider One answers {rejection.status}: {rejection}"
    return EventReason("failed", True, "", shorten_text(what), rejection.remedy)


def reasons_for_rejected_user(
    errors: Iterable[UserValidationError], user: JSON
) -> Iterator[EventReason]:
    """Yield the reasons for a user that Insider One rejects."""
    for fault in errors:
        what = _remove_quoted_value(fault.text, fault.where, user)
        yield EventReason("dropped", True, _remove_list_indexes(fault.where), what, fault.remedy)


def reasons_for_findings(parsed_user: ParsedUser, user: JSONObject) -> Iterator[EventReason]:
    """Yield the reasons for the findings of a user that Insider One accepts."""
    stored = {place for place, _ in parsed_user.events}
    for finding in parsed_user.findings:
        user_path = finding.where.removeprefix(parsed_user.where).removeprefix(".")
        what = _remove_quoted_value(finding.what, user_path, user)
        lost = _is_finding_about_expired_event(finding, stored)
        yield EventReason("warning", lost, _remove_list_indexes(user_path), what, finding.remedy)


def shorten_text(text: str) -> str:
    """Return a text of the replay report shortened and safe to encode."""
    if not text.isascii():
        text = text.encode(errors="replace").decode()  # half of a surrogate pair
    return text if len(text) <= _MAX_REASON_LENGTH else f"{text[: _MAX_REASON_LENGTH - 1]}…"


def _is_finding_about_expired_event(finding: RequestFinding, stored_paths: set[str]) -> bool:
    event, _, name = finding.where.rpartition(".")
    return name == "timestamp" and event not in stored_paths


def _remove_list_indexes(where: str) -> str:
    return shorten_text(_INDEX_PATTERN.sub("[]", where))


def _remove_quoted_value(what: str, where: str, user: JSON) -> str:
    """Return a finding's sentence without the value that it quotes at its end."""
    if ": " not in what:
        return shorten_text(what)
    try:
        value = _get_user_value_at_path(user, where)
    except (LookupError, TypeError, ValueError):
        # The name has dots in it, or the value is missing.
        return shorten_text(what.partition(": ")[0])
    return shorten_text(what.removesuffix(f": {format_value_for_error(value)}"))


def _get_user_value_at_path(user: JSON, path: str) -> JSON:
    for step in path.split(".") if path else ():
        user = user[int(step)] if isinstance(user, list) else user[step]
    return user


class DeliveryResult(NamedTuple):
    """Dry-run result of one subscription for an archived event.

    Args:
        request_body: Body of the request; None when there is none.
        stored_events: Names of the events that Insider One would store; PROFILE_UPDATE_NAME for an
            accepted user without events.
    """

    subscription: str
    action_slug: str
    verdict: Verdict
    reasons: tuple[EventReason, ...] = ()
    request_body: bytes | None = None
    stored_events: tuple[str, ...] = ()


class EventResult(NamedTuple):
    """Dry-run verdict, reasons and deliveries of one archived event.

    Args:
        received_at: Of the event, or the time of the dry run where it has none.
        reason: Why there are no deliveries; None when there are.
        warnings: Parts of the event that do not work as its sender expects.
    """

    verdict: Verdict
    received_at: datetime
    reason: EventReason | None = None
    deliveries: tuple[DeliveryResult, ...] = ()
    warnings: tuple[EventReason, ...] = ()

    @property
    def has_loss(self) -> bool:
        """Return whether the event or a part of it is lost."""
        if self.reason and self.reason.lost:
            return True
        return any(reason.lost for delivery in self.deliveries for reason in delivery.reasons)


@dataclass(frozen=True, slots=True)
class EvaluationClocks:
    """Times that a dry run uses.

    Args:
        now: When an event arrives that does not say when it did.
        insider_now: Time of Insider One's clock; None: the time at which each event arrived.
    """

    now: datetime
    insider_now: datetime | None = None


class EventEvaluator:
    """Evaluator of archived events with a workspace that is compiled once."""

    def __init__(self, workspace: Workspace, clocks: EvaluationClocks) -> None:
        self._filter_chain = build_filter_chain(workspace)
        self._destination = Destination(workspace.destination)
        self._event_name_checker = EventNameChecker(
            self._destination, self._filter_chain.tracking_plan_events
        )
        self._options = workspace.insider_options
        self._identity_rules = build_identity_rules(
            workspace.identifiers, workspace.insider_options
        )
        self._clocks = clocks

    def evaluate_call(self, call: JSONObject, line: bytes, random_bytes: bytes) -> EventResult:
        """Evaluate an archived call: its verdict, reasons and deliveries.

        Args:
            call: As destinations receive it or, without receivedAt, as an SDK sends it.
            line: Its line of the archive.
            random_bytes: 16 bytes for the id of a call without messageId.
        """
        arrived = parse_iso_time(call.get("receivedAt"))
        received_at = arrived or self._clocks.now
        if why := self._find_discard_reason(call, len(line), is_archived=arrived is not None):
            return EventResult("rejected", received_at, why)
        may_be_damaged = may_have_replacement_character(line)
        sender_warnings = [*warn_of_lost_characters(call)] if may_be_damaged else []
        if arrived is None:
            sender_warnings = list_sender_warnings(call, received_at)
            assigned_id = call.get("messageId") or generate_message_id(received_at, random_bytes)
            sent = {name: value for name, value in call.items() if name != "writeKey"}
            call = normalise_call(sent, assigned_id, received_at)
        filter_result = self._filter_chain.filter_event(
            call, enabled=self._destination.enabled, destination=self._destination
        )
        if filter_result.rejection:
            verdict, text = verdict_of(filter_result.rejection)
            return EventResult(verdict, received_at, reason_for_filter(verdict, text))
        sender_warnings += self._event_name_checker.find_event_warnings(filter_result.event)
        noted = tuple(map(reason_for_warning, sender_warnings))
        at = self._clocks.insider_now or received_at
        message = Message(
            str(call.get("messageId")), call["type"], "", "", call, filter_result.event,
            trigger_event=filter_result.trigger_event,
        )  # fmt: skip
        deliveries = tuple(
            self._evaluate_planned_request(planned, at)
            for planned in plan_requests(self._destination, [message])
        )
        if not deliveries:
            stopped = reason_for_filter("not_subscribed", NOT_SUBSCRIBED_REASON)
            return EventResult("not_subscribed", received_at, stopped, warnings=noted)
        verdict = get_worst_verdict(delivery.verdict for delivery in deliveries)
        if noted and verdict == "accepted":
            verdict = "warning"
        return EventResult(verdict, received_at, None, deliveries, noted)

    def _find_discard_reason(
        self, call: JSONObject, line_bytes: int, *, is_archived: bool
    ) -> EventReason | None:
        # An archive has only accepted events, and with more fields than were sent.
        if (
            not is_archived
            and line_bytes * _MAX_SIZE_GROWTH > MAX_EVENT_BYTES
            and find_call_size_problem(call)
        ):
            detail = f"The event has more than {MAX_EVENT_BYTES:,} bytes. Send less in one event."
            return reason_for_discard(DiscardReason("bad_request", detail))
        discard = find_discard_reason(call)
        return reason_for_discard(discard) if discard else None

    def _evaluate_planned_request(
        self, planned: PlannedRequest, insider_now: datetime
    ) -> DeliveryResult:
        name, slug = planned.subscription.name, planned.subscription.action_slug
        (member,) = planned.members
        if planned.request is None or member.failure:
            failure = (reason_for_mapping_failure(member.failure),) if member.failure else ()
            return DeliveryResult(name, slug, "failed", failure)
        verdict, why, received = self._evaluate_upsert(planned.request.body, insider_now)
        return DeliveryResult(name, slug, verdict, why, planned.request.body, received)

    def _evaluate_upsert(
        self, body: bytes, insider_now: datetime
    ) -> tuple[Verdict, tuple[EventReason, ...], tuple[str, ...]]:
        try:
            upsert = parse_limited_json(body)
            users = require_user_list(upsert)
        except Answered as refusal:
            return "failed", (reason_for_rejected_request(refusal),), ()
        accepted_users, refused = parse_users(
            users,
            self._identity_rules,
            self._options,
            insider_now,
            skip_hook=False,
            from_segment=is_upsert_from_segment(upsert),
        )
        why = [
            reason
            for index, faults in refused.items()
            for reason in reasons_for_rejected_user(faults, users[index])
        ]
        received: list[str] = []
        for user in accepted_users:
            sent = users[int(user.where.rpartition(".")[2])]
            why += reasons_for_findings(user, sent)
            received += [event.name for _, event in user.events]
            if not sent.get("events"):
                received.append(PROFILE_UPDATE_NAME)
        verdict: Verdict = "dropped" if refused else "warning" if why else "accepted"
        return verdict, tuple(dict.fromkeys(why)), tuple(received)


class RequestChange(NamedTuple):
    """A changed field of a subscription's request; list indexes are "[]"."""

    subscription: str
    field: str
    kind: ChangeKind


def compare_deliveries(
    before: Sequence[DeliveryResult], after: Sequence[DeliveryResult]
) -> list[RequestChange]:
    """Return how the requests of one event differ between two workspaces, each field once.

    Requests are compared when the names of their subscriptions are equal.
    """
    changes_found: dict[RequestChange, None] = {}
    unmatched = list(after)
    for old_delivery in before:
        new_delivery = next(
            (one for one in unmatched if one.subscription == old_delivery.subscription), None
        )
        if new_delivery:
            unmatched.remove(new_delivery)
        changes_found |= dict.fromkeys(
            _compare_request_bodies(
                old_delivery.subscription,
                old_delivery.request_body,
                new_delivery and new_delivery.request_body,
            )
        )
    for added_delivery in unmatched:
        changes_found |= dict.fromkeys(
            _compare_request_bodies(added_delivery.subscription, None, added_delivery.request_body)
        )
    return list(changes_found)


def _compare_request_bodies(
    subscription: str, old_body: bytes | None, new_body: bytes | None
) -> Iterator[RequestChange]:
    if old_body == new_body:
        return
    if old_body is None or new_body is None:
        yield RequestChange(subscription, WHOLE_REQUEST, "new" if old_body is None else "gone")
        return
    for field, kind in _list_changed_fields(
        _parse_insider_request_body(old_body), _parse_insider_request_body(new_body), ""
    ):
        yield RequestChange(subscription, field, kind)


def _list_changed_fields(old: JSON, new: JSON, path: str) -> Iterator[tuple[str, ChangeKind]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            below = f"{path}.{name}" if path else name
            yield from _list_changed_fields(old.get(name, _MISSING), new.get(name, _MISSING), below)
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            mine = old[at] if at < len(old) else _MISSING
            yield from _list_changed_fields(
                mine, new[at] if at < len(new) else _MISSING, f"{path}[]"
            )
    elif old is _MISSING or new is _MISSING:
        yield path, "new" if old is _MISSING else "gone"
    elif type(old) is not type(new) or old != new:
        yield path, "differs"


def _parse_insider_request_body(body: bytes) -> JSON:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # Half of a surrogate pair, which only the slower parser accepts.
        return json.loads(body)
