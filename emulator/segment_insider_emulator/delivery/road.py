"""An event's way through the destination: subscriptions in order, each request out, all kept."""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import asdict, replace
from typing import NamedTuple, TypeAlias

from segment_insider_emulator.capture.records import Captured, Delivery, Upsert, Verdict
from segment_insider_emulator.capture.store import Store
from segment_insider_emulator.clock import Clock, Stopwatch
from segment_insider_emulator.delivery.account import RealAccount, credentials
from segment_insider_emulator.delivery.backlog import PATH, Backlog, key
from segment_insider_emulator.delivery.claims import Claims
from segment_insider_emulator.delivery.event_names import EventNames
from segment_insider_emulator.delivery.exchange import attempt
from segment_insider_emulator.delivery.gate import Gate, told
from segment_insider_emulator.delivery.gate import verdict as verdict_of
from segment_insider_emulator.delivery.planning import Planned, plan
from segment_insider_emulator.delivery.policy import Policy
from segment_insider_emulator.delivery.senders import Sender
from segment_insider_emulator.delivery.settling import answered, drafted, kept, shown, summary
from segment_insider_emulator.http import HttpRequest
from segment_insider_emulator.mapping import Destination, Request
from segment_insider_emulator.segment.filtering.passage import DESTINATION, Stop
from segment_insider_emulator.segment.message import Message
from segment_insider_emulator.types import JSONObject

log = logging.getLogger(__name__)

DUPLICATE = "duplicate messageId"
OPEN = Gate()
SEGMENTS = Policy()
NO_MATCHING_MAPPING = "NO_MATCHING_MAPPING"  # Segment's code of it, in Delivery Overview
NOT_SUBSCRIBED = "no enabled subscription matches this event"


class Passed(NamedTuple):
    """A message that goes on to the subscriptions.

    Args:
        filtering: What was found on the way, as `gate.told` says it.
    """

    message: Message
    filtering: JSONObject


Admitted: TypeAlias = "Message | Captured"  # what is new, or what became of the rest
Together: TypeAlias = Callable[[Collection[str]], AbstractContextManager[object]]


class Road:
    """Carries messages from the source to Insider One, and keeps what happened to each.

    Args:
        together: Makes one transaction of all that the messages of one request write, or where
            that may take long, keeps other processes from what it names.
    """

    def __init__(
        self,
        destination: Destination,
        sender: Sender,
        store: Store,
        clock: Clock,
        gate: Gate = OPEN,
        policy: Policy = SEGMENTS,
        stopwatch: Stopwatch = time.monotonic,
        real: RealAccount | None = None,
        together: Together = lambda names: nullcontext(),
    ) -> None:
        self._gate = gate
        self.configure(destination)
        self._real = real
        self._sender = sender
        self._store = store
        self._clock = clock
        self._stopwatch = stopwatch
        self.together = together
        self._claims = Claims()
        self.backlog = Backlog(
            store.upserts, sender, clock, policy, self._credentials, stopwatch, together
        )

    def configure(self, destination: Destination, switched_off: Destination | None = None) -> None:
        """Deliver by *destination* from now on; what is under way goes on as it was.

        Args:
            switched_off: The same destination with the disabled subscriptions alone, to tell which
                of them an event would have gone through.
        """
        self._configured = (destination, switched_off)
        self._event_names = EventNames(destination, self._gate.planned)

    def carry(self, messages: Sequence[Message]) -> None:
        """Deliver what is new in *messages* and keep all of them, before returning.

        Raises: Unavailable, when nothing could be kept; the caller must not acknowledge then.
        """
        with self.admitting(messages) as admitted:
            found, unsettled = self.results(admitted)
            self._store.record(found, unsettled)
        self.backlog.expect(unsettled)

    @contextmanager
    def admitting(self, messages: Sequence[Message]) -> Iterator[list[Admitted]]:
        """Tell what is new; until the end of the block, which is together, nobody else can bring
        it too."""
        message_ids = {message.message_id for message in messages}
        with self._claims.hold(message_ids), self.together(message_ids):
            yield _new(messages, self._store.seen(message_ids))

    def rehearse(self, messages: Sequence[Message], sender: Sender) -> list[Captured]:
        """What would become of *messages*, were they new and handed over by *sender*."""
        twin = copy(self)
        twin._sender = sender
        return twin.results(_new(messages, set()))[0]

    def results(self, admitted: Sequence[Admitted]) -> tuple[list[Captured], list[Upsert]]:
        """Deliver what is new among *admitted*, and tell what became of all; keep nothing."""
        destination, disabled = self._configured  # read once: it may be changed meanwhile
        ways = [
            each if isinstance(each, Captured) else self._passed(each, destination)
            for each in admitted
        ]
        passed = [each.message for each in ways if isinstance(each, Passed)]
        deliveries: dict[str, list[Delivery]] = {each.message_id: [] for each in passed}
        unsettled = []
        for planned in plan(destination, passed):
            made, upsert = self._sent(planned)
            for delivery in made:
                deliveries[delivery.message_id].append(delivery)
            if upsert:
                unsettled.append(upsert)
        found = [
            each if isinstance(each, Captured) else _concluded(each, deliveries, disabled)
            for each in ways
        ]
        return found, unsettled

    def _passed(self, message: Message, destination: Destination) -> Passed | Captured:
        passage = self._gate.admit(message.event, enabled=destination.enabled)
        if passage.event is not message.event:
            message = replace(message, event=passage.event)
        if passage.stop:
            return captured(message, *verdict_of(passage.stop), filtering=told(passage))
        if remarks := [note.what for note in self._event_names.notes(message.event)]:
            detail = " ".join(filter(None, (message.detail, *remarks)))
            message = replace(message, detail=detail)
        return Passed(message, told(passage))

    def _sent(self, planned: Planned) -> tuple[list[Delivery], Upsert | None]:
        """The deliveries of *planned* after its first attempt, and what has to be kept of it."""
        drafts, request = drafted(planned, self._real), planned.request
        if request is None:
            return drafts, None
        exchange = attempt(self._sender, self._clock, self._stopwatch, _wire(request))
        carried = [draft for draft in drafts if draft.verdict == "retrying"]
        due_at = self.backlog.due_after(exchange, key(carried))
        action, status = planned.subscription.action_slug, exchange.attempt.status
        log.info("sent action=%s events=%d status=%s", action, len(carried), status)
        upsert = None
        if planned.batched or due_at:
            upsert = kept(planned, shown(request, self._real), exchange, due_at)
        if upsert:
            carried = [replace(draft, upsert=upsert.id) for draft in carried]
        made = iter([answered(draft, exchange, due_at) for draft in carried])
        # In the order of the events: those that failed before stay as they were.
        return [next(made) if draft.verdict == "retrying" else draft for draft in drafts], upsert

    def _credentials(self) -> dict[str, str]:
        return credentials(self._configured[0].settings)


def _not_subscribed(message: Message, disabled: Destination | None) -> str:
    found = disabled.outcomes(message.event) if disabled else ()
    names = [repr(outcome.subscription.name) for outcome in found if outcome.request]
    return f"{NOT_SUBSCRIBED}; disabled, {', '.join(names)} would" if names else NOT_SUBSCRIBED


def captured(
    message: Message,
    verdict: Verdict,
    reason: str | None,
    deliveries: Sequence[Delivery] = (),
    filtering: JSONObject | None = None,
) -> Captured:
    """What is kept of *message*."""
    call = message.sent  # a filter may have taken names and ids out of the event
    return Captured(
        message_id=message.message_id,
        type=message.type,
        event=_text(call.get("event")),
        user_id=_text(call.get("userId")),
        anonymous_id=_text(call.get("anonymousId")),
        received_at=message.received_at,
        verdict=verdict,
        reason=reason,
        sent=message.sent,
        normalised=message.event,
        deliveries=tuple(deliveries),
        filtering=filtering,
        source=message.source,
    )


def _new(messages: Sequence[Message], seen: set[str]) -> list[Admitted]:
    """What goes on of *messages*, and what became of the rest; adds their ids to *seen*."""
    admitted: list[Admitted] = []
    for message in messages:
        admitted.append(_admitted(message, message.message_id in seen))
        if not message.rejection:
            seen.add(message.message_id)
    return admitted


def _admitted(message: Message, duplicate: bool) -> Admitted:
    if message.rejection:
        detail = f": {message.detail}" if message.detail else ""
        return captured(message, "rejected", message.rejection + detail)
    return captured(message, "rejected", DUPLICATE) if duplicate else message


def _concluded(
    passed: Passed, made: Mapping[str, Sequence[Delivery]], disabled: Destination | None
) -> Captured:
    message, filtering = passed
    deliveries = made[message.message_id]
    if not deliveries:
        reason = "; ".join(filter(None, (_not_subscribed(message, disabled), message.detail)))
        stopped = {"filtered_by": asdict(Stop(DESTINATION, NO_MATCHING_MAPPING, reason))}
        return captured(message, "not_subscribed", reason, filtering=filtering | stopped)
    return captured(message, *summary(deliveries, message.detail), deliveries, filtering)


def _text(value: object) -> str | None:
    """*value* where it is text: an SDK may send anything under any name."""
    return value if isinstance(value, str) else None


def _wire(request: Request) -> HttpRequest:
    return HttpRequest(request.method, PATH, request.headers, request.body)
