"""Faults on the way to Insider One, on purpose: the sender that has them."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random

from segment_insider_emulator.clock import Clock
from segment_insider_emulator.delivery.fault import InjectedFault, insider_fault_json
from segment_insider_emulator.delivery.senders import RESPONSE_TIMEOUT_S, NoResponse, Sender
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.held import StateGuardFactory, process_local
from segment_insider_emulator.http import HttpRequest, HttpResponse
from segment_insider_emulator.types import JSONObject

RATE_LIMIT_WINDOW = timedelta(minutes=1)
MAX_ACTIVE_FAULTS = 1000  # faults at once


@dataclass(slots=True)
class _ActiveFault:
    """A fault while it lasts.

    Args:
        seed: Decides, with the number of requests *drawn* for, which of them meet it.
        counted: Requests of the *minute* that began then.
    """

    id: int
    fault: InjectedFault
    left: int | None
    seed: str
    drawn: int = 0
    minute: datetime | None = None
    counted: int = 0

    def applies(self, now: datetime) -> bool:
        """Whether the request at hand meets it, which counts as one of its times."""
        if self.left is not None:
            self.left -= 1
        if self.fault.share < 1 and self._draw_random_share() >= self.fault.share:
            return False
        return self.fault.rate_limit is None or self._exceeds_rate_limit(now, self.fault.rate_limit)

    def seconds_until_window_ends(self, now: datetime) -> int:
        """Seconds until the minute of a rate limit ends, at least 1."""
        left = (self.minute or now) + RATE_LIMIT_WINDOW - now
        return max(1, round(left.total_seconds()))

    def to_json(self) -> JSONObject:
        """It, as JSON."""
        return {**asdict(self), "minute": self.minute and self.minute.isoformat()}

    @classmethod
    def from_json(cls, state: JSONObject) -> "_ActiveFault":
        """The one that `state` gave."""
        minute = state["minute"] and datetime.fromisoformat(state["minute"])
        return cls(**{**state, "fault": InjectedFault(**state["fault"]), "minute": minute})

    def _draw_random_share(self) -> float:
        self.drawn += 1
        return Random(f"{self.seed}:{self.drawn}").random()

    def _exceeds_rate_limit(self, now: datetime, requests_per_minute: int) -> bool:
        if self.minute is None or now - self.minute >= RATE_LIMIT_WINDOW:
            self.minute, self.counted = now, 0
        self.counted += 1
        return self.counted > requests_per_minute


class FaultInjector:
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
        guard_factory: StateGuardFactory = process_local,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._sleep = sleep
        self._active_faults: list[_ActiveFault] = []
        self._added_count = 0
        self._guard = guard_factory("faults", self)

    def add(self, fault: InjectedFault) -> None:
        """Let *fault* happen from now on. Raises: EmulatorError, when there are too many."""
        with self._guard.updating():
            if len(self._active_faults) >= MAX_ACTIVE_FAULTS:
                raise EmulatorError(
                    f"there are {MAX_ACTIVE_FAULTS} faults already", "faults", "Clear them."
                )
            self._added_count += 1
            seed = f"{self._seed}:{fault.seed}:{self._added_count}"
            self._active_faults.append(_ActiveFault(self._added_count, fault, fault.times, seed))

    def list_active(self) -> list[JSONObject]:
        """What is still to happen."""
        with self._guard.reading():
            return [
                insider_fault_json(each.id, each.fault, each.left) for each in self._active_faults
            ]

    @property
    def has_no_faults(self) -> bool:
        """Whether nothing is to go wrong."""
        return not self._active_faults

    def clear(self) -> None:
        """Let nothing go wrong any more."""
        with self._guard.updating():
            self._active_faults = []
            self._added_count = 0

    def state(self) -> JSONObject:
        """For other processes: {"added": how many there were, "standing": those that last}."""
        return {
            "added": self._added_count,
            "standing": [each.to_json() for each in self._active_faults],
        }

    def restore(self, state: JSONObject) -> None:
        """Go on with what `state` gave."""
        self._added_count = state["added"]
        self._active_faults = [_ActiveFault.from_json(each) for each in state["standing"]]

    def wrap(self, sender: Sender) -> Sender:
        """*sender*, met by these faults."""

        def send(request: HttpRequest, /) -> HttpResponse:
            met = self._take_matching_fault() if self._active_faults else None
            return self._apply(met, request, sender) if met else sender(request)

        return send

    def _take_matching_fault(self) -> _ActiveFault | None:
        if self.has_no_faults:
            return None
        now = self._clock()
        with self._guard.updating():
            met = next((each for each in self._active_faults if each.applies(now)), None)
            self._active_faults = [each for each in self._active_faults if each.left != 0]
            return met

    def _apply(
        self, active_fault: _ActiveFault, request: HttpRequest, sender: Sender
    ) -> HttpResponse:
        fault = active_fault.fault
        late = fault.delay_ms >= RESPONSE_TIMEOUT_S * 1000
        if not late:
            self._sleep(fault.delay_ms / 1000)
        lost = fault.timeout or fault.drop or late
        status = 429 if fault.rate_limit is not None and fault.status is None else fault.status
        untouched = not lost and status is None
        # An answer that comes too late is an answer to a request that arrived.
        response = sender(request) if fault.taken or late or untouched else None
        if fault.timeout or late:
            raise NoResponse(
                f"no answer in {RESPONSE_TIMEOUT_S:g} s, as a fault has it", "ETIMEDOUT"
            )
        if fault.drop:
            raise NoResponse("the connection was closed, as a fault has it", "ECONNRESET")
        if status is not None:
            limited = fault.rate_limit is not None
            return fault.build_response(
                status, active_fault.seconds_until_window_ends(self._clock()) if limited else None
            )
        return response or sender(request)
