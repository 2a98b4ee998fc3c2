"""One event through a workspace, up to what the Insider One endpoint would say of its requests.

Left out is what depends on other events: message ids that came before, batches, limits of calls,
profiles and journeys.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.delivery.event_names import EventNames
from segment_insider_emulator.delivery.gate import compile_gate
from segment_insider_emulator.delivery.gate import verdict as verdict_of
from segment_insider_emulator.delivery.planning import Planned, plan
from segment_insider_emulator.delivery.road import NOT_SUBSCRIBED
from segment_insider_emulator.delivery.verdict import worst
from segment_insider_emulator.insider.endpoint import read_body
from segment_insider_emulator.insider.identity import rules_of
from segment_insider_emulator.insider.replies import Refusal as Answered
from segment_insider_emulator.insider.segment_platform import is_from_segment
from segment_insider_emulator.insider.upsert import read_users, users_of
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.replay import reasons
from segment_insider_emulator.replay.reasons import Reason
from segment_insider_emulator.segment.limits import EVENT_BYTES
from segment_insider_emulator.segment.message import Message
from segment_insider_emulator.segment.message_id import message_id
from segment_insider_emulator.segment.normalise import normalise
from segment_insider_emulator.segment.notes import damaged_texts, notes
from segment_insider_emulator.segment.rules import Refusal, oversized, refusal
from segment_insider_emulator.segment.times import parse
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace

PROFILE_UPDATE = "(profile update)"
# Numbers may take more room as Segment writes them; no line grows more than that.
_GROWTH = 8


class Delivered(NamedTuple):
    """What one subscription made of an event.

    Args:
        body: Of the request; None when there is none.
        received: Names of the events that Insider One would store; PROFILE_UPDATE for a user that
            is taken and brings none.
    """

    subscription: str
    action_slug: str
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    body: bytes | None = None
    received: tuple[str, ...] = ()


class Tried(NamedTuple):
    """What became of one event.

    Args:
        received_at: Of the event, or the time of the dry run where it has none.
        reason: Why there are no deliveries; None when there are.
        notes: What in the event itself does not do what its sender thinks.
    """

    verdict: Verdict
    received_at: datetime
    reason: Reason | None = None
    deliveries: tuple[Delivered, ...] = ()
    notes: tuple[Reason, ...] = ()

    @property
    def loses(self) -> bool:
        """Whether the event is lost, or a part of it."""
        if self.reason and self.reason.lost:
            return True
        return any(reason.lost for each in self.deliveries for reason in each.reasons)


@dataclass(frozen=True, slots=True)
class Clocks:
    """The times that a dry run goes by.

    Args:
        now: When an event arrives that does not say when it did.
        insider: What Insider One's clock shows; None for the time at which each event arrived.
    """

    now: datetime
    insider: datetime | None = None


class Trial:
    """A workspace, compiled once for many events."""

    def __init__(self, workspace: Workspace, clocks: Clocks) -> None:
        source = workspace.document.get("source", {})
        self._gate = compile_gate(
            source, workspace.destination, workspace.plan, options=workspace.segment
        )
        self._destination = Destination(workspace.destination)
        self._event_names = EventNames(self._destination, self._gate.planned)
        self._options = workspace.options
        self._rules = rules_of(workspace.identifiers, workspace.options)
        self._clocks = clocks

    def run(self, call: JSONObject, size: int, chance: bytes) -> Tried:
        """Try *call*.

        Args:
            call: As a destination was handed it or, without receivedAt, as an SDK sent it.
            size: Bytes of its line.
            chance: 16 bytes, which make the id of a call that has none.
        """
        arrived = parse(call.get("receivedAt"))
        received_at = arrived or self._clocks.now
        if why := self._refused(call, size, archived=arrived is not None):
            return Tried("rejected", received_at, why)
        found = [*damaged_texts(call)]
        if arrived is None:
            found = notes(call, received_at)
            own_id = call.get("messageId") or message_id(received_at, chance)
            sent = {name: value for name, value in call.items() if name != "writeKey"}
            call = normalise(sent, own_id, received_at)
        passage = self._gate.admit(call, enabled=self._destination.enabled)
        if passage.stop:
            verdict, text = verdict_of(passage.stop)
            return Tried(verdict, received_at, reasons.stopped(verdict, text))
        found += self._event_names.notes(passage.event)
        noted = tuple(map(reasons.noted, found))
        at = self._clocks.insider or received_at
        message = Message(str(call.get("messageId")), call["type"], "", "", call, passage.event)
        deliveries = tuple(self._delivered(each, at) for each in plan(self._destination, [message]))
        if not deliveries:
            stopped = reasons.stopped("not_subscribed", NOT_SUBSCRIBED)
            return Tried("not_subscribed", received_at, stopped, notes=noted)
        verdict = worst(each.verdict for each in deliveries)
        if noted and verdict == "accepted":
            verdict = "warning"
        return Tried(verdict, received_at, None, deliveries, noted)

    def _refused(self, call: JSONObject, size: int, *, archived: bool) -> Reason | None:
        # An archive has what Segment took, and more was written to it than was sent.
        if not archived and size * _GROWTH > EVENT_BYTES and oversized(call):
            detail = f"The event has more than {EVENT_BYTES:,} bytes. Send less in one event."
            return reasons.rejected(Refusal("bad_request", detail))
        found = refusal(call)
        return reasons.rejected(found) if found else None

    def _delivered(self, planned: Planned, at: datetime) -> Delivered:
        name, slug = planned.subscription.name, planned.subscription.action_slug
        (member,) = planned.members
        if planned.request is None or member.failure:
            failure = (reasons.failed(member.failure),) if member.failure else ()
            return Delivered(name, slug, "failed", failure)
        verdict, why, received = self._judged(planned.request.body, at)
        return Delivered(name, slug, verdict, why, planned.request.body, received)

    def _judged(
        self, body: bytes, at: datetime
    ) -> tuple[Verdict, tuple[Reason, ...], tuple[str, ...]]:
        try:
            upsert = read_body(body)
            users = users_of(upsert)
        except Answered as refusal:
            return "failed", (reasons.answered(refusal),), ()
        taken, refused = read_users(
            users,
            self._rules,
            self._options,
            at,
            skip_hook=False,
            from_segment=is_from_segment(upsert),
        )
        why = [
            reason
            for index, faults in refused.items()
            for reason in reasons.refused(faults, users[index])
        ]
        received: list[str] = []
        for user in taken:
            sent = users[int(user.where.rpartition(".")[2])]
            why += reasons.noticed(user, sent)
            received += [event.name for _, event in user.events]
            if not sent.get("events"):
                received.append(PROFILE_UPDATE)
        verdict: Verdict = "dropped" if refused else "warning" if why else "accepted"
        return verdict, tuple(dict.fromkeys(why)), tuple(received)
