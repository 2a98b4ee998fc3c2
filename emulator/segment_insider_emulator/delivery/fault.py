"""One fault asked for: what it does to a request, and how it is described."""

from dataclasses import dataclass

import orjson
from jsonschema import Draft202012Validator

from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.types import JSON, JSONObject

LONGEST_DELAY = 60_000  # milliseconds
MOST_TIMES = 1_000_000
SHAPE = Draft202012Validator(
    {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            "status": {"type": "integer", "minimum": 200, "maximum": 599},
            "body": {},
            "delayMs": {"type": "integer", "minimum": 0, "maximum": LONGEST_DELAY},
            "timeout": {"type": "boolean"},
            "drop": {"type": "boolean"},
            "taken": {"type": "boolean"},
            "rateLimit": {"type": "integer", "minimum": 0, "maximum": MOST_TIMES},
            "times": {"type": "integer", "minimum": 1, "maximum": MOST_TIMES},
            "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            "seed": {"type": "string", "maxLength": 100},
        },
    }
)
REMEDY = (
    "Give an object with status (200 to 599), body, delayMs (up to 60000), timeout, drop, taken "
    "(true or false), rateLimit (requests a minute), times, share (above 0, up to 1) and seed, "
    "each as needed."
)
# What Insider One says with these statuses. (documented)
SAID: dict[int, JSONObject] = {
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
class Fault:
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

    def answer(self, status: int, retry_after: int | None = None) -> HttpResponse:
        """The answer with *status*, and how long to wait in seconds."""
        body: JSON = SAID.get(status, {}) if self.body is None else self.body
        page = body.encode() if isinstance(body, str) else None
        headers = {"content-type": "text/html" if page is not None else "application/json"}
        if retry_after is not None:
            headers["retry-after"] = str(retry_after)
        return HttpResponse(status, orjson.dumps(body) if page is None else page, headers)


def described(asked: JSONObject) -> Fault:
    """The fault that *asked*, which fits SHAPE, describes.

    Left out, `times` is 1, or without end where there is a `share` or a `rateLimit`.
    """
    lasting = "share" in asked or "rateLimit" in asked
    named = {"delayMs": "delay_ms", "rateLimit": "rate_limit"}
    values = {named.get(name, name): value for name, value in asked.items()}
    return Fault(**{"times": None if lasting else 1, **values})


def shown(id: int, fault: Fault, times: int | None) -> JSONObject:
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
        "times": times,
        "share": fault.share,
        "seed": fault.seed,
    }
