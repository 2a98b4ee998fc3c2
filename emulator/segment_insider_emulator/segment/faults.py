"""Inject error responses at Segment's endpoint, to test how an SDK reacts."""

from collections import deque
from dataclasses import asdict, dataclass, replace

from jsonschema import Draft202012Validator

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.types import JSONObject

SEGMENT_FAULT_VALIDATOR = Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "retryAfter": {"type": "integer", "minimum": 0, "maximum": 86_400},
            "drop": {"type": "boolean"},
            "taken": {"type": "boolean"},
            "times": {"type": "integer", "minimum": 1, "maximum": 1_000_000},
        },
    }
)
SEGMENT_FAULT_REMEDY = (
    "Give an object with status (400 to 599), retryAfter (seconds), drop, taken (true or false) "
    "and times, each as needed."
)
MAX_WAITING_FAULTS = 1000  # of one sandbox


@dataclass(frozen=True, slots=True)
class SegmentFault:
    """An injected fault: how the next requests with events are answered.

    Args:
        status: HTTP status from 400 to 599.
        retry_after: Value of the Retry-After header in seconds; None leaves it out.
        drop: Close the connection without an answer.
        taken: Ingest the events first, so that only the answer fails.
        times: For how many requests.
    """

    status: int = 503
    retry_after: int | None = None
    drop: bool = False
    taken: bool = False
    times: int = 1


class SegmentFaultQueue:
    """Queue of injected faults, first in, first out; shared by all processes of a sandbox."""

    def __init__(self, create_guard: StateGuardFactory = create_process_local_guard) -> None:
        self.waiting: deque[SegmentFault] = deque()
        self._guard = create_guard("segment_faults", self)

    def add_fault(self, fault: SegmentFault) -> None:
        """Add *fault* to the end of the queue. Raises: EmulatorError, when the queue is full."""
        with self._guard.lock_for_update:
            if len(self.waiting) >= MAX_WAITING_FAULTS:
                raise EmulatorError(
                    f"{MAX_WAITING_FAULTS} faults wait already", "faults", "Clear them first."
                )
            self.waiting.append(fault)

    def take_next_fault(self) -> SegmentFault | None:
        """Return the fault for this request and count it as used; None to answer normally."""
        with self._guard.lock_for_update:
            if not self.waiting:
                return None
            fault = self.waiting.popleft()
            if fault.times > 1:
                self.waiting.appendleft(replace(fault, times=fault.times - 1))
            return fault

    def list_queued_faults(self) -> list[SegmentFault]:
        """Return the faults that have not happened yet, next first."""
        with self._guard.lock_for_reading:
            return list(self.waiting)

    def clear_faults(self) -> None:
        """Remove all faults, so that requests are answered normally."""
        with self._guard.lock_for_update:
            self.waiting.clear()

    def export_state(self) -> JSONObject:
        """Return the queue for other processes: {"waiting": [fault]}."""
        return {"waiting": [asdict(each) for each in self.waiting]}

    def load_state(self, state: JSONObject) -> None:
        """Load what `export_state` returned in another process."""
        self.waiting = deque(SegmentFault(**each) for each in state["waiting"])


def fault_from_json(document: JSONObject) -> SegmentFault:
    """Create the fault that a JSON object describes; it is valid for SEGMENT_FAULT_VALIDATOR."""
    return SegmentFault(
        status=document.get("status", 503),
        retry_after=document.get("retryAfter"),
        drop=document.get("drop", False),
        taken=document.get("taken", False),
        times=document.get("times", 1),
    )


def fault_to_json(fault: SegmentFault) -> JSONObject:
    """Return *fault* as JSON, as the control API reads and lists it."""
    return {
        "status": fault.status,
        "retryAfter": fault.retry_after,
        "drop": fault.drop,
        "taken": fault.taken,
        "times": fault.times,
    }
