"""Causes of the problems of captured messages, and the control API routes for them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Annotated, Final, NamedTuple

from flask import Blueprint, request
from msgspec import UNSET, Meta, UnsetType

from segment_insider_emulator.control_api.check_models import (
    CauseListModel,
    CauseModel,
    KnownCauseListModel,
    KnownCauseModel,
    SearchedMessagesModel,
)
from segment_insider_emulator.control_api.models import (
    ApiModel,
)
from segment_insider_emulator.control_api.openapi import api_operation
from segment_insider_emulator.control_api.request_parsing import (
    read_request_body,
    refuse_query_parameters,
)
from segment_insider_emulator.storage.message_search import OldestScannedMessage
from segment_insider_emulator.storage.query_execution import DEFAULT_TIME_BUDGET_S
from segment_insider_emulator.storage.query_language import MAX_QUERY_LENGTH
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.storage.reports import (
    ProblemDelivery,
    ProblemMessage,
    find_problem_messages,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.causes import (
    MAX_CAUSE_LENGTH,
    MAX_NOTE_LENGTH,
    SENDER_WARNING,
    KnownCause,
    KnownCauses,
    name_text_cause,
)

MAX_CAUSES: Final = 500  # event names are captured text: there may be any number of them
VERDICTS_WORST_FIRST: Final[tuple[Verdict, ...]] = (
    *("failed", "dropped", "rejected", "retrying", "warning", "filtered", "not_subscribed"),
    *("disabled", "accepted"),
)
_REMEDIES: Final[dict[str, str]] = {
    "mapping-failed": "Open a message: it names the property and the value to send.",
    "dropped": "Open a message: it has Insider One's whole answer.",
    "answer": "Open a message: it has Insider One's whole answer and its attempts.",
    "rejected": "Send what Segment accepts; open a message to see the call.",
    "filtered": "Change the filter, the plan or the call.",
    "not-subscribed": "Add a mapping with a trigger for it, or mark it as known.",
    "disabled": "Enable the destination.",
    SENDER_WARNING: "Correct the call in the app.",
}


class Problem(NamedTuple):
    """One problem of one message.

    Args:
        mapping: Name of the subscription; "" for a problem of the message itself.
        conditions: Of a query that finds messages with this problem, besides the mapping.
        is_from_mapping: Whether the mapping alone causes it.
    """

    cause: str
    mapping: str
    verdict: Verdict
    what: str
    remedy: str
    conditions: str
    is_from_mapping: bool = False


@dataclass(slots=True)
class Cause:
    """A cause with all messages that have it.

    Args:
        newest: The problem of the newest message.
        known: The entry that makes it known; None if it is new.
        first_at, last_at: When the oldest and the newest message were received, ISO 8601.
    """

    newest: Problem
    known: KnownCause | None
    first_at: str
    last_at: str
    newest_message_id: int
    message_count: int = 1

    @property
    def query(self) -> str:
        """Query that finds the messages; "" when the names are too long for one."""
        parts = [self.newest.conditions]
        if self.newest.mapping:
            parts.insert(0, f"subscription:{quote_for_query(self.newest.mapping)}")
        text = " ".join(parts)
        return text if len(text) <= MAX_QUERY_LENGTH else ""


@dataclass(frozen=True, slots=True)
class CauseReport:
    """The causes of a sandbox's problems, the worst first, new ones before known ones.

    Args:
        searched_since: Messages that arrived earlier were not searched; None if all were.
        is_cut: Whether there are more causes.
    """

    causes: list[Cause] = field(default_factory=list)
    searched_since: OldestScannedMessage | None = None
    is_cut: bool = False

    @property
    def known_count(self) -> int:
        """Return how many of the causes are known."""
        return sum(cause.known is not None for cause in self.causes)


def find_causes(
    services: SandboxServices, *, time_budget_s: float = DEFAULT_TIME_BUDGET_S
) -> CauseReport:
    """Find the causes of a sandbox's newest problems, as far as the time allows."""
    messages, searched_since = find_problem_messages(services.engine, time_budget_s=time_budget_s)
    causes, is_cut = _group_by_cause(messages, services.known_causes)
    causes.sort(
        key=lambda cause: (
            cause.known is not None,
            VERDICTS_WORST_FIRST.index(cause.newest.verdict),
            cause.newest.is_from_mapping,
            -cause.message_count,
        )
    )
    return CauseReport(causes, searched_since, is_cut)


def _group_by_cause(
    messages: Iterable[ProblemMessage], known_causes: KnownCauses
) -> tuple[list[Cause], bool]:
    causes: dict[tuple[str, str], Cause] = {}
    is_cut = False
    for message in messages:  # newest first
        problems = {
            (problem.cause, problem.mapping): problem for problem in _iter_problems(message)
        }
        for key, problem in problems.items():
            if cause := causes.get(key):
                cause.message_count += 1
                cause.first_at = min(cause.first_at, message.received_at)
            elif len(causes) < MAX_CAUSES:
                at, known = message.received_at, known_causes.find(*key)
                causes[key] = Cause(problem, known, at, at, message.id)
            else:
                is_cut = True
    return list(causes.values()), is_cut


def quote_for_query(text: str) -> str:
    """Return a text as a quoted value of the query language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _iter_problems(message: ProblemMessage) -> Iterator[Problem]:
    if not message.deliveries:
        yield _build_message_problem(message)
        return
    for delivery in message.deliveries:
        yield from _iter_delivery_problems(delivery)
    if warning := _get_sender_warning(message):
        yield _build_text_problem(SENDER_WARNING, "warning", warning)


def _build_message_problem(message: ProblemMessage) -> Problem:
    """Build the problem of a message that no subscription took."""
    reason = message.reason or message.verdict
    if message.verdict != "not_subscribed":
        return _build_text_problem(message.verdict, message.verdict, reason)
    name = message.event or ""
    conditions = ["verdict:not_subscribed", f"type:{quote_for_query(message.type or '')}"]
    what = f"No mapping takes {message.type} calls"
    if name:
        conditions.append(f"event:{quote_for_query(name)}")
        what = f"No mapping takes the event '{name}'"
    cause = f"not-subscribed {message.type} {name}".strip()[:MAX_CAUSE_LENGTH]
    remedy = _REMEDIES["not-subscribed"]
    return Problem(cause, "", "not_subscribed", what, remedy, " ".join(conditions))


def _iter_delivery_problems(delivery: ProblemDelivery) -> Iterator[Problem]:
    if delivery.verdict in ("failed", "retrying"):
        yield _build_failure(delivery)
        return
    if delivery.verdict == "dropped" and not delivery.findings:
        problem = _build_text_problem("dropped", "dropped", delivery.reason or "")
        yield problem._replace(mapping=delivery.subscription)
    for finding in delivery.findings:
        yield _build_finding_problem(finding, delivery.subscription)


def _build_finding_problem(finding: JSONObject, subscription: str) -> Problem:
    # Findings of earlier versions have no cause.
    cause = finding.get("cause") or name_text_cause("finding", finding["what"])
    conditions = (
        f"cause:{quote_for_query(cause)}"
        if "cause" in finding
        else f"reason ~ {quote_for_query(finding['what'][:60])}"
    )
    return Problem(
        cause,
        subscription,
        finding["verdict"],
        finding["what"],
        finding["remedy"],
        conditions,
        finding.get("quiet") == "mapping",
    )


def _build_failure(delivery: ProblemDelivery) -> Problem:
    """Build the problem of a mapping that failed, or of a request without a good answer."""
    reason = delivery.reason or ""
    if not delivery.requested:
        problem = _build_text_problem("mapping-failed", delivery.verdict, reason)
        return problem._replace(mapping=delivery.subscription)
    code = delivery.code or "?"
    remedy = next(
        (finding["remedy"] for finding in delivery.findings if finding["verdict"] == "dropped"),
        _REMEDIES["answer"],
    )
    answer = f"Insider One answered {code}" if code.isdecimal() else reason
    condition = (
        f"reason ~ {quote_for_query(answer)}"
        if code.isdecimal()
        else _build_reason_condition(reason)
    )
    verdict = delivery.verdict
    return Problem(
        f"answer {code}",
        delivery.subscription,
        verdict,
        answer,
        remedy,
        f"verdict:{verdict} {condition}",
    )


def _build_text_problem(rule: str, verdict: Verdict, reason: str) -> Problem:
    """Build a problem that only a text describes, which may have values of the call."""
    cause = name_text_cause(rule, reason)
    conditions = f"verdict:{verdict} {_build_reason_condition(reason)}"
    return Problem(cause, "", verdict, reason, _REMEDIES.get(rule, ""), conditions)


def _build_reason_condition(reason: str) -> str:
    """Build the query condition for messages with such a reason: its longest part in common."""
    _, _, pattern = name_text_cause("any", reason).partition(" ")
    longest = max(pattern.split("…"), key=len).strip()
    return f"reason ~ {quote_for_query(longest)}" if longest else ""


def _get_sender_warning(message: ProblemMessage) -> str:
    """Return the source's warning in a message's reason, which follows that of a delivery."""
    reason = message.reason or ""
    for delivery in message.deliveries:
        text = (delivery.reason or "").rstrip(".")
        if text and reason.startswith(text):
            return reason.removeprefix(text).lstrip(".; ")
    return reason


CauseText = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": MAX_CAUSE_LENGTH})]
MappingName = Annotated[str, Meta(extra_json_schema={"maxLength": MAX_CAUSE_LENGTH})]
NoteText = Annotated[str, Meta(extra_json_schema={"maxLength": MAX_NOTE_LENGTH})]


class MarkCauseBody(ApiModel):
    """Body of a request that marks a cause as known, or as new again."""

    cause: CauseText
    mapping: MappingName | UnsetType = UNSET
    known: bool | UnsetType = UNSET
    note: NoteText | UnsetType = UNSET


cause_routes = Blueprint("causes", __name__, url_prefix="/emulator/v1/causes")


@cause_routes.get("", endpoint="list")
@api_operation()
def list_causes() -> CauseListModel:
    """List the causes of the newest problems, the worst first; known causes come last.

    `query` finds the messages of a cause. `searched` says how far back messages were read.
    """
    refuse_query_parameters(request.args)
    report = find_causes(current_services())
    since = report.searched_since
    return CauseListModel(
        causes=[_build_cause_model(cause) for cause in report.causes],
        known=report.known_count,
        searched=SearchedMessagesModel(
            since=since and since.received_at, complete=not (since or report.is_cut)
        ),
    )


@cause_routes.get("/known", endpoint="known")
@api_operation()
def list_known_causes() -> KnownCauseListModel:
    """List the known causes, as `knownCauses` of the workspace file has them."""
    refuse_query_parameters(request.args)
    return _build_known_causes_model()


@cause_routes.put("/known", endpoint="mark")
@api_operation(
    body=MarkCauseBody,
    example={
        "cause": "wrong-format attributes.birthday",
        "mapping": "Create or Update a User Profile",
        "note": "The next app version sends it right.",
    },
)
def mark_cause() -> KnownCauseListModel:
    """Mark a cause as known, or with `"known": false` as new again; list the known causes.

    Later messages are no warning because of it. It stays after a restart and a reset.
    """
    body = read_request_body(MarkCauseBody)
    known_causes = current_services().known_causes
    if body.get("known", True):
        known_causes.mark(body["cause"], body.get("mapping", ""), body.get("note", ""))
    else:
        known_causes.unmark(body["cause"], body.get("mapping", ""))
    return _build_known_causes_model()


def _build_known_causes_model() -> KnownCauseListModel:
    entries = current_services().known_causes.list_all()
    return KnownCauseListModel(
        known_causes=[
            KnownCauseModel(cause=entry.cause, mapping=entry.mapping, note=entry.note)
            for entry in entries
        ]
    )


def _build_cause_model(cause: Cause) -> CauseModel:
    newest = cause.newest
    return CauseModel(
        cause=newest.cause,
        mapping=newest.mapping or None,
        verdict=newest.verdict,
        what=newest.what,
        remedy=newest.remedy,
        from_mapping=newest.is_from_mapping,
        known=cause.known is not None,
        note=cause.known.note if cause.known else "",
        messages=cause.message_count,
        first_at=cause.first_at,
        last_at=cause.last_at,
        newest_message=cause.newest_message_id,
        query=cause.query,
    )
