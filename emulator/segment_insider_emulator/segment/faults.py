"""Injected faults of Segment's endpoint: error responses that test how an SDK reacts."""

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
    """Injected fault of Segment's endpoint: how the next tracking requests are answered.

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
    """Queue of faults injected at Segment's endpoint, first in, first out."""

    def __init__(self, create_guard: StateGuardFactory = create_process_local_guard) -> None:
        self.waiting: deque[SegmentFault] = deque()
        self._guard = create_guard("segment_faults", self)

    def add_fault(self, fault: SegmentFault) -> None:
        """Add a fault of Segment's endpoint to the queue. Raises: EmulatorError, when full."""
        with self._guard.lock_for_update:
            if len(self.waiting) >= MAX_WAITING_FAULTS:
                raise EmulatorError(
                    f"{MAX_WAITING_FAULTS} faults wait already", "faults", "Clear them first."
                )
            self.waiting.append(fault)

    def take_next_fault(self) -> SegmentFault | None:
        """Return the injected fault for this request and count it; None to answer normally."""
        with self._guard.lock_for_update:
            if not self.waiting:
                return None
            fault = self.waiting.popleft()
            if fault.times > 1:
                self.waiting.appendleft(replace(fault, times=fault.times - 1))
            return fault

    def list_queued_faults(self) -> list[SegmentFault]:
        """Return the injected faults that have not happened yet, next first."""
        with self._guard.lock_for_reading:
            return list(self.waiting)

    def clear_faults(self) -> None:
        """Remove all injected faults, so that Segment's endpoint answers normally."""
        with self._guard.lock_for_update:
            self.waiting.clear()

    def export_state(self) -> JSONObject:
        """Return the queue of faults as JSON for other processes: {"waiting": [fault]}."""
        return {"waiting": [asdict(fault) for fault in self.waiting]}

    def load_state(self, state: JSONObject) -> None:
        """Load the queue of faults that `export_state` of another process returned."""
        self.waiting = deque(SegmentFault(**fault) for fault in state["waiting"])


def fault_from_json(document: JSONObject) -> SegmentFault:
    """Create a Segment fault from JSON that is valid for SEGMENT_FAULT_VALIDATOR."""
    return SegmentFault(
        status=document.get("status", 503),
        retry_after=document.get("retryAfter"),
        drop=document.get("drop", False),
        taken=document.get("taken", False),
        times=document.get("times", 1),
    )


def fault_to_json(fault: SegmentFault) -> JSONObject:
    """Convert a Segment fault to JSON, as the control API reads and lists it."""
    return {
        "status": fault.status,
        "retryAfter": fault.retry_after,
        "drop": fault.drop,
        "taken": fault.taken,
        "times": fault.times,
    }
