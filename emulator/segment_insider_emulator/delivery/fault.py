"""One fault asked for: what it does to a request, and how it is described."""

from dataclasses import dataclass

import orjson
from jsonschema import Draft202012Validator

from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.types import JSON, JSONObject

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


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """What happens to some of the requests that go to Insider One.

    Args:
        status: Answered in place of the account's own status; None leaves the answer alone.
        body: JSON answered with *status*, or a text for what is no JSON; None is what Insider One
            says with that status.
        delay_ms: Before the answer. From Segment's own 10 s on, the answer is too late.
        timeout: Nothing answers.
        drop: The connection is closed without an answer.
        taken: Insider One takes the request first, so that only Segment does not learn of it.
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
        """The answer with *status*, and how long to wait in seconds."""
        body: JSON = DOCUMENTED_ERROR_BODIES.get(status, {}) if self.body is None else self.body
        page = body.encode() if isinstance(body, str) else None
        headers = {"content-type": "text/html" if page is not None else "application/json"}
        if retry_after_s is not None:
            headers["retry-after"] = str(retry_after_s)
        return HttpResponse(status, orjson.dumps(body) if page is None else page, headers)


def parse_insider_fault(fault_json: JSONObject) -> InjectedFault:
    """The fault that *asked*, which fits SHAPE, describes.

    Left out, `times` is 1, or without end where there is a `share` or a `rateLimit`.
    """
    lasting = "share" in fault_json or "rateLimit" in fault_json
    named = {"delayMs": "delay_ms", "rateLimit": "rate_limit"}
    values = {named.get(name, name): value for name, value in fault_json.items()}
    return InjectedFault(**{"times": None if lasting else 1, **values})


def insider_fault_json(id: int, fault: InjectedFault, remaining_times: int | None) -> JSONObject:
    """*fault* as the control API lists it; *times* is for how many more requests."""
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
