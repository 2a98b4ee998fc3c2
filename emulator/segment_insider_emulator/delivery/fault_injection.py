"""Injected faults of requests to Insider One: their JSON, and the injector that applies them."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from random import Random

import orjson
from jsonschema import Draft202012Validator

from segment_insider_emulator.clock import Clock
from segment_insider_emulator.delivery.senders import RESPONSE_TIMEOUT_S, NoResponse, Sender
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.types import JSON, HttpRequest, HttpResponse, JSONObject

MAX_FAULT_DELAY_MS = 60_000  # milliseconds
MAX_FAULT_TIMES = 1_000_000
INSIDER_FAULT_VALIDATOR = Draft202012Validator(
    {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            "status": {"type": "integer", "minimum": 200, "maximum": 599},
            "body": {},
            "delayMs": {"type": "integer", "minimum": 0, "maximum": MAX_FAULT_DELAY_MS},
            "timeout": {"type": "boolean"},
            "drop": {"type": "boolean"},
            "taken": {"type": "boolean"},
            "rateLimit": {"type": "integer", "minimum": 0, "maximum": MAX_FAULT_TIMES},
            "times": {"type": "integer", "minimum": 1, "maximum": MAX_FAULT_TIMES},
            "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "seed": {"type": "string", "maxLength": 100},
        },
    }
)
INSIDER_FAULT_REMEDY = (
    "Give an object with status (200 to 599), body, delayMs (up to 60000), timeout, drop, taken "
    "(true or false), rateLimit (requests a minute), times, share (above 0, up to 1) and seed, "
    "each as needed."
)
# What Insider One says with these statuses. (documented)
DOCUMENTED_ERROR_BODIES: dict[int, JSONObject] = {
    403: {
        "success": False,
        "message": "Access Denied. You do not have sufficient access to perform this action.",
    },
    429: {"error": "rejected: too many requests"},
    500: {
        "success": False,
        "message": "The request processing has failed because of an unknown error.",
    },
}
RATE_LIMIT_WINDOW = timedelta(minutes=1)
MAX_ACTIVE_FAULTS = 1000  # faults at once


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault injected into some of the requests to Insider One.

    Args:
        status: Answered in place of the account's own status; None leaves the answer alone.
        body: JSON or text of the response with *status*; None is Insider One's own text for that
            status.
        delay_ms: Before the answer. From Segment's own 10 s on, the answer is too late.
        timeout: Nothing answers.
        drop: The connection is closed without an answer.
        taken: Insider One processes the request first; only Segment does not get the response.
        rate_limit: Requests a minute; those above it are answered 429. It lasts until cleared.
        times: For how many requests; None is until cleared.
        share: Which part of them, drawn with *seed*.
    """

    status: int | None = None
    body: JSON = None
    delay_ms: int = 0
    timeout: bool = False
    drop: bool = False
    taken: bool = False
    rate_limit: int | None = None
    times: int | None = None
    share: float = 1.0
    seed: str = ""

    def build_response(self, status: int, retry_after_s: int | None = None) -> HttpResponse:
        """Build the fault's HTTP response with *status* and, if given, with `Retry-After`."""
        body: JSON = DOCUMENTED_ERROR_BODIES.get(status, {}) if self.body is None else self.body
        page = body.encode() if isinstance(body, str) else None
        headers = {"content-type": "text/html" if page is not None else "application/json"}
        if retry_after_s is not None:
            headers["retry-after"] = str(retry_after_s)
        return HttpResponse(status, orjson.dumps(body) if page is None else page, headers)


def parse_insider_fault(fault_json: JSONObject) -> InjectedFault:
    """Build an injected fault of requests to Insider One from validated JSON.

    Without `times` the fault applies once, or without end when it has a `share` or a `rateLimit`.
    """
    lasting = "share" in fault_json or "rateLimit" in fault_json
    field_names = {"delayMs": "delay_ms", "rateLimit": "rate_limit"}
    values = {field_names.get(name, name): value for name, value in fault_json.items()}
    return InjectedFault(**{"times": None if lasting else 1, **values})


def serialize_insider_fault(
    id: int, fault: InjectedFault, remaining_times: int | None
) -> JSONObject:
    """Serialize an injected fault as control API JSON; *remaining_times* None means no end."""
    return {
        "id": id,
        "status": fault.status,
        "body": fault.body,
        "delayMs": fault.delay_ms,
        "timeout": fault.timeout,
        "drop": fault.drop,
        "taken": fault.taken,
        "rateLimit": fault.rate_limit,
        "times": remaining_times,
        "share": fault.share,
        "seed": fault.seed,
    }


@dataclass(slots=True)
class _ActiveFault:
    """An active injected fault with the number of requests that it still affects.

    Args:
        seed: Decides, with the number of requests *drawn* for, to which of them it applies.
        counted: Requests of the *minute* that began then.
    """

    id: int
    fault: InjectedFault
    left: int | None
    seed: str
    drawn: int = 0
    minute: datetime | None = None
    counted: int = 0

    def count_and_match_request(self, now: datetime) -> bool:
        """Count the current request; return whether the injected fault applies to it."""
        if self.left is not None:
            self.left -= 1
        if self.fault.share < 1 and self._draw_random_share() >= self.fault.share:
            return False
        return self.fault.rate_limit is None or self._exceeds_rate_limit(now, self.fault.rate_limit)

    def get_seconds_until_minute_ends(self, now: datetime) -> int:
        """Return the seconds until the minute of the injected rate limit ends, at least 1."""
        left = (self.minute or now) + RATE_LIMIT_WINDOW - now
        return max(1, round(left.total_seconds()))

    def to_json(self) -> JSONObject:
        """Return the active fault as JSON for other processes."""
        return {**asdict(self), "minute": self.minute and self.minute.isoformat()}

    @classmethod
    def from_json(cls, state: JSONObject) -> "_ActiveFault":
        """Build an active fault from the JSON of `to_json`."""
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
    """Injects faults into one sandbox's requests to Insider One, in the order they were added.

    The first fault that applies to a request decides.

    Args:
        seed: Decides, with a fault's own seed, to which share of requests it applies.
        sleep: Waits a number of seconds.
    """

    def __init__(
        self,
        clock: Clock,
        seed: str = "",
        sleep: Callable[[float], None] = time.sleep,
        guard_factory: StateGuardFactory = create_process_local_guard,
    ) -> None:
        self._clock = clock
        self._seed = seed
        self._sleep = sleep
        self.active_faults: list[_ActiveFault] = []
        self._added_count = 0
        self._guard = guard_factory("faults", self)

    def add_fault(self, fault: InjectedFault) -> None:
        """Add an injected fault.

        Raises: EmulatorError, when there are too many.
        """
        with self._guard.lock_for_update:
            if len(self.active_faults) >= MAX_ACTIVE_FAULTS:
                raise EmulatorError(
                    f"there are {MAX_ACTIVE_FAULTS} faults already", "faults", "Clear them."
                )
            self._added_count += 1
            seed = f"{self._seed}:{fault.seed}:{self._added_count}"
            self.active_faults.append(_ActiveFault(self._added_count, fault, fault.times, seed))

    def list_active_faults(self) -> list[JSONObject]:
        """List the active injected faults as control API JSON."""
        with self._guard.lock_for_reading:
            return [
                serialize_insider_fault(active.id, active.fault, active.left)
                for active in self.active_faults
            ]

    def clear_faults(self) -> None:
        """Remove all injected faults."""
        with self._guard.lock_for_update:
            self.active_faults = []
            self._added_count = 0

    def export_state(self) -> JSONObject:
        """Return the faults for other processes: {"added": count, "standing": active faults}."""
        return {
            "added": self._added_count,
            "standing": [fault.to_json() for fault in self.active_faults],
        }

    def load_state(self, state: JSONObject) -> None:
        """Load the injected faults that `export_state` returned in another process."""
        self._added_count = state["added"]
        self.active_faults = [
            _ActiveFault.from_json(fault_json) for fault_json in state["standing"]
        ]

    def send_with_faults(self, request: HttpRequest, sender: Sender) -> HttpResponse:
        """Send *request* to Insider One with *sender*, unless an injected fault answers it."""
        active_fault = self._find_fault_for_next_request()
        return self._apply_fault(active_fault, request, sender) if active_fault else sender(request)

    def _find_fault_for_next_request(self) -> _ActiveFault | None:
        now = self._clock()
        with self._guard.lock_for_update:
            match = next(
                (fault for fault in self.active_faults if fault.count_and_match_request(now)), None
            )
            self.active_faults = [fault for fault in self.active_faults if fault.left != 0]
            return match

    def _apply_fault(
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
            raise NoResponse(f"no answer in {RESPONSE_TIMEOUT_S:g} s (injected fault)", "ETIMEDOUT")
        if fault.drop:
            raise NoResponse("the connection was closed (injected fault)", "ECONNRESET")
        if status is not None:
            limited = fault.rate_limit is not None
            return fault.build_response(
                status,
                active_fault.get_seconds_until_minute_ends(self._clock()) if limited else None,
            )
        return response or sender(request)
