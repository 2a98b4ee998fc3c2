"""Faults on the way to Insider One, on purpose: the sender that has them."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random

from segment_insider_emulator.clock import Clock
from segment_insider_emulator.delivery.fault import Fault, shown
from segment_insider_emulator.delivery.senders import TIMEOUT, Sender, Unanswered
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.held import Hold, alone
from segment_insider_emulator.http import HttpRequest, HttpResponse
from segment_insider_emulator.types import JSONObject

MINUTE = timedelta(minutes=1)
MOST = 1000  # faults at once


@dataclass(slots=True)
class _Standing:
    """A fault while it lasts.

    Args:
        seed: Decides, with the number of requests *drawn* for, which of them meet it.
        counted: Requests of the *minute* that began then.
    """

    id: int
    fault: Fault
    left: int | None
    seed: str
    drawn: int = 0
    minute: datetime | None = None
    counted: int = 0

    def strikes(self, now: datetime) -> bool:
        """Whether the request at hand meets it, which counts as one of its times."""
        if self.left is not None:
            self.left -= 1
        if self.fault.share < 1 and self._drawn() >= self.fault.share:
            return False
        return self.fault.rate_limit is None or self._exceeded(now, self.fault.rate_limit)

    def wait(self, now: datetime) -> int:
        """Seconds until the minute of a rate limit ends, at least 1."""
        left = (self.minute or now) + MINUTE - now
        return max(1, round(left.total_seconds()))

    def state(self) -> JSONObject:
        """It, as JSON."""
        return {**asdict(self), "minute": self.minute and self.minute.isoformat()}

    @classmethod
    def of(cls, state: JSONObject) -> "_Standing":
        """The one that `state` gave."""
        minute = state["minute"] and datetime.fromisoformat(state["minute"])
        return cls(**{**state, "fault": Fault(**state["fault"]), "minute": minute})

    def _drawn(self) -> float:
        self.drawn += 1
        return Random(f"{self.seed}:{self.drawn}").random()

    def _exceeded(self, now: datetime, limit: int) -> bool:
        if self.minute is None or now - self.minute >= MINUTE:
            self.minute, self.counted = now, 0
        self.counted += 1
        return self.counted > limit


class Faults:
    """The faults of one emulator, in the order in which they were asked for.

    A request meets the first of them that strikes.

    Args:
        seed: Decides, with a fault's own seed, which share of requests meets it.
        sleep: Waits a number of seconds.
    """

    def __init__(
        self,
        clock: Clock,
        seed: str = "",
        sleep: Callable[[float], None] = time.sleep,
        hold: Hold = alone,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._sleep = sleep
        self._standing: list[_Standing] = []
        self._added = 0
        self._held = hold("faults", self)

    def add(self, fault: Fault) -> None:
        """Let *fault* happen from now on. Raises: EmulatorError, when there are too many."""
        with self._held.changing():
            if len(self._standing) >= MOST:
                raise EmulatorError(f"there are {MOST} faults already", "faults", "Clear them.")
            self._added += 1
            seed = f"{self._seed}:{fault.seed}:{self._added}"
            self._standing.append(_Standing(self._added, fault, fault.times, seed))

    def list(self) -> list[JSONObject]:
        """What is still to happen."""
        with self._held.looking():
            return [shown(each.id, each.fault, each.left) for each in self._standing]

    @property
    def none(self) -> bool:
        """Whether nothing is to go wrong."""
        return not self._standing

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._held.changing():
            self._standing = []
            self._added = 0

    def state(self) -> JSONObject:
        """For other processes: {"added": how many there were, "standing": those that last}."""
        return {"added": self._added, "standing": [each.state() for each in self._standing]}

    def restore(self, state: JSONObject) -> None:
        """Go on with what `state` gave."""
        self._added = state["added"]
        self._standing = [_Standing.of(each) for each in state["standing"]]

    def before(self, sender: Sender) -> Sender:
        """*sender*, met by these faults."""

        def send(request: HttpRequest, /) -> HttpResponse:
            met = self._met() if self._standing else None
            return self._suffer(met, request, sender) if met else sender(request)

        return send

    def _met(self) -> _Standing | None:
        if self.none:
            return None
        now = self._clock()
        with self._held.changing():
            met = next((each for each in self._standing if each.strikes(now)), None)
            self._standing = [each for each in self._standing if each.left != 0]
            return met

    def _suffer(self, met: _Standing, request: HttpRequest, sender: Sender) -> HttpResponse:
        fault = met.fault
        late = fault.delay_ms >= TIMEOUT * 1000
        if not late:
            self._sleep(fault.delay_ms / 1000)
        lost = fault.timeout or fault.drop or late
        status = 429 if fault.rate_limit is not None and fault.status is None else fault.status
        untouched = not lost and status is None
        # An answer that comes too late is an answer to a request that arrived.
        response = sender(request) if fault.taken or late or untouched else None
        if fault.timeout or late:
            raise Unanswered(f"no answer in {TIMEOUT:g} s, as a fault has it", "ETIMEDOUT")
        if fault.drop:
            raise Unanswered("the connection was closed, as a fault has it", "ECONNRESET")
        if status is not None:
            limited = fault.rate_limit is not None
            return fault.answer(status, met.wait(self._clock()) if limited else None)
        return response or sender(request)
