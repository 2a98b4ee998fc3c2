"""Requests that failed for now: kept, and tried again when the emulator's clock says so."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from threading import Lock
from urllib.parse import urlsplit

from segment_insider_emulator.capture.records import Attempt, Delivery, SentRequest, Upsert, Verdict
from segment_insider_emulator.capture.upserts import Upserts
from segment_insider_emulator.clock import NEVER, Clock, Stopwatch, iso
from segment_insider_emulator.delivery.exchange import Exchange, attempt
from segment_insider_emulator.delivery.policy import Policy, retried
from segment_insider_emulator.delivery.senders import Sender
from segment_insider_emulator.delivery.settling import answer, answered, summary
from segment_insider_emulator.errors import Unavailable
from segment_insider_emulator.http import HttpRequest
from segment_insider_emulator.mapping.catalog import UPSERT_URL

log = logging.getLogger(__name__)

PATH = urlsplit(UPSERT_URL).path  # of every request, whichever host it goes to
FAULT = "EMULATOR_FAULT"  # in place of a status: a fault of ours, which a retry meets again
RETRIES = ("retries",)  # claimed by whoever makes one


class Backlog:
    """The unsettled upserts of one emulator.

    Args:
        credentials: Gives the headers that authenticate; the key is stored nowhere.
        together: As of a Road.
    """

    def __init__(
        self,
        upserts: Upserts,
        sender: Sender,
        clock: Clock,
        policy: Policy,
        credentials: Callable[[], Mapping[str, str]],
        stopwatch: Stopwatch = time.monotonic,
        together: Callable[[Collection[str]], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._upserts = upserts
        self._sender = sender
        self._clock = clock
        self._policy = policy
        self._credentials = credentials
        self._stopwatch = stopwatch
        self._together = together
        self._trying, self._knowing = Lock(), Lock()
        # Known here, so that a request that meets no due retries asks no database.
        self._quiet_until = upserts.earliest() or NEVER

    def due_after(self, exchange: Exchange, named: str, first: str | None = None) -> str | None:
        """When to try again after *exchange*, ISO 8601; None when it settled the matter.

        Args:
            named: The `key` of what is delivered.
            first: When the first attempt was made; None when *exchange* is the first.
        """
        if exchange.code is None or not retried(exchange.code):
            return None
        tried = exchange.attempt
        begun = datetime.fromisoformat(first or tried.at)
        last = datetime.fromisoformat(tried.at)
        due = self._policy.next(named, tried.number, begun, last)
        return iso(due) if due else None

    def expect(self, kept: Iterable[Upsert]) -> None:
        """Remember when those of *kept* are due that are tried again."""
        due = [each.due_at for each in kept if each.due_at]
        with self._knowing:
            self._quiet_until = min([*due, self._quiet_until])

    def retry_due(self) -> int:
        """Make every attempt that is due, each as of the moment at which it was; how many.

        A clock that was set ahead finds the attempts that would have been made meanwhile.
        """
        made = 0
        if self._quiet_until > iso(self._clock()):
            return made
        with self._trying:
            while self._try_next():
                made += 1
            self.look_ahead()
        return made

    def retry_all(self) -> int:
        """Try everything that is unsettled once, due or not; how many attempts that were."""
        with self._trying:
            ids = self._upserts.unsettled()
            for id in ids:
                self._try_one(partial(self._upserts.get, id), self._clock())
            self.look_ahead()
        return len(ids)

    def _try_next(self) -> bool:
        """Make the attempt that has been due the longest; whether there was one."""
        return self._try_one(lambda: self._upserts.next(iso(self._clock())))

    def _try_one(self, find: Callable[[], Upsert | None], at: datetime | None = None) -> bool:
        """Make an attempt of the upsert that *find* gives, if it is due at all; whether it is.

        One on which the emulator itself fails is settled as failed, so that it stops no other.
        """
        upsert: Upsert | None = None
        try:
            with self._together(RETRIES):
                upsert = find()
                if upsert and upsert.due_at:
                    self._try(upsert, at or datetime.fromisoformat(upsert.due_at))
        except Unavailable:
            raise
        except Exception as error:
            if upsert is None:
                raise
            log.exception("failed retry upsert=%s", upsert.id)
            self._give_up(upsert, f"the emulator has a fault: {type(error).__name__}")
        return upsert is not None

    def told(self, due_at: str | None) -> None:
        """Know when the next attempt is due, ISO 8601, whoever put it off; None when none is."""
        with self._knowing:
            self._quiet_until = due_at or NEVER

    def look_ahead(self) -> None:
        """Ask the database when the next attempt is due."""
        with self._knowing:  # whoever expects one meanwhile has the last word
            self._quiet_until = self._upserts.earliest() or NEVER

    def _try(self, upsert: Upsert, at: datetime) -> None:
        number = len(upsert.attempts) + 1
        request = self._request(upsert.request)
        self._settle(
            upsert, attempt(self._sender, self._clock, self._stopwatch, request, number, at)
        )

    def _give_up(self, upsert: Upsert, reason: str) -> None:
        tried = Attempt(len(upsert.attempts) + 1, iso(self._clock()), 0.0, None, FAULT)
        with self._together(RETRIES):
            self._settle(upsert, Exchange(tried, None, FAULT, f"{reason}. Its log says more."))

    def _settle(self, upsert: Upsert, exchange: Exchange) -> None:
        """Store what came of an attempt, and when the next one is due."""
        carried = self._upserts.carried(upsert.id)
        due_at = self.due_after(exchange, key(carried), upsert.attempts[0].at)
        made = {each.id: answered(each, exchange, due_at) for each in carried}
        tried = replace(
            upsert,
            response=answer(exchange.response) if exchange.response else None,
            attempts=(*upsert.attempts, exchange.attempt),
            due_at=due_at,
        )
        self._upserts.settle(tried, list(made.values()), self._verdicts(upsert, made))
        log.info("retried upsert=%s attempt=%d due=%s", upsert.id, exchange.attempt.number, due_at)

    def _verdicts(
        self, upsert: Upsert, made: Mapping[int, Delivery]
    ) -> Iterator[tuple[str, Verdict, str | None]]:
        """What the messages of *made* have come to, their other deliveries considered."""
        by_message: dict[str, list[Delivery]] = {each.message_id: [] for each in made.values()}
        for each in self._upserts.of_messages(by_message):
            by_message[each.message_id].append(made.get(each.id, each))
        for message_id, deliveries in by_message.items():
            yield message_id, *summary(deliveries, upsert.notes.get(message_id))

    def _request(self, kept: SentRequest) -> HttpRequest:
        headers = {**kept.headers, **self._credentials()}
        return HttpRequest(kept.method, PATH, headers, kept.body.encode())


def key(carried: Sequence[Delivery]) -> str:
    """What names a request that carries these: the first of them; "" when a reset took them."""
    return f"{carried[0].message_id} {carried[0].subscription}" if carried else ""
