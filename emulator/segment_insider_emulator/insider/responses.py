"""What this end noticed in a request: for people, beside what Insider One answers."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

import orjson

from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

MAX_FINDINGS = 20
_MAX_TEXT_CHARS = 240  # characters; a value quoted in a finding may be megabytes long
_MAX_HEADER_BYTES = 16_000  # bytes; clients stop reading at 64 KiB


@dataclass(frozen=True, slots=True)
class RequestFinding:
    """One remark.

    Args:
        verdict: "dropped" explains an error; "warning" is accepted and yet not as meant.
        where: Dotted place in the body, e.g. "users.0.attributes.phone"; "" is the whole request.
        what: One sentence.
        remedy: One sentence: what to send instead.
    """

    verdict: Literal["warning", "dropped"]
    where: str
    what: str
    remedy: str


_FINDING_FIELDS = [each.name for each in fields(RequestFinding)]


def build_warning(where: str, what: str, remedy: str) -> RequestFinding:
    """Something accepted that will not do what its sender thinks."""
    return RequestFinding("warning", where, what, remedy)


def build_drop_finding(where: str, what: str, remedy: str) -> RequestFinding:
    """Something refused."""
    return RequestFinding("dropped", where, what, remedy)


def build_finding_headers(findings: Sequence[RequestFinding]) -> dict[str, str]:
    """The response headers that carry *findings*, dropped ones first, at most MOST of them."""
    unique_findings = sorted(dict.fromkeys(findings), key=lambda finding: finding.verdict)
    response_headers = {
        "x-emulator-verdict": unique_findings[0].verdict if unique_findings else "accepted",
        "x-emulator-findings": "[]",
    }
    listed_findings = [_truncate_finding(finding) for finding in unique_findings[:MAX_FINDINGS]]
    while listed_findings:
        text = encode_ascii_json(listed_findings)
        if len(text) <= _MAX_HEADER_BYTES:
            return {**response_headers, "x-emulator-findings": text}
        listed_findings.pop()
    return response_headers


def encode_ascii_json(value: JSON) -> str:
    """*value* as a header can carry it."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair, or a number beyond 64 bits
        text = ""
    return text if text and text.isascii() else json.dumps(value, separators=(",", ":"))


def quote_value(value: JSON) -> str:
    """A refused value as Insider One prints it: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _truncate_finding(finding: RequestFinding) -> dict[str, str]:
    return {name: _truncate_text(getattr(finding, name)) for name in _FINDING_FIELDS}


def _truncate_text(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_CHARS else text[: _MAX_TEXT_CHARS - 1] + "…"


MAX_BODY_BYTES = 5_000_000  # bytes
MAX_USERS_PER_REQUEST = 1_000


class RequestRejected(Exception):
    """A request that is refused as a whole.

    Args:
        status: HTTP status.
        body: JSON object of the answer, in one of the host's two envelopes.
        remedy: What the sender should do, a full sentence.
        more: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        body: JSONObject,
        remedy: str,
        extra_headers: Mapping[str, str] | None = None,
    ) -> None:
        self.status, self.body, self.remedy, self.extra_headers = (
            status,
            body,
            remedy,
            extra_headers or {},
        )
        super().__init__(str(body.get("message") or body.get("error")))

    def to_response(self, warnings: Sequence[RequestFinding] = ()) -> HttpResponse:
        """The answer on the wire; *warnings* are what else was noticed."""
        findings = [build_drop_finding("", str(self), self.remedy), *warnings]
        return build_response(self.status, self.body, findings, **self.extra_headers)


def reject_with_error(status: int, text: str, remedy: str) -> RequestRejected:
    """A refusal in the envelope {"error": text}."""
    return RequestRejected(status, {"error": text}, remedy)


def reject_with_message(status: int, text: str, remedy: str) -> RequestRejected:
    """A refusal in the envelope {"success": false, "message": text}."""
    return RequestRejected(status, {"success": False, "message": text}, remedy)


def build_result_body(successful: int, errors: Sequence[Mapping[str, list[str]]]) -> JSONObject:
    """The body of a 200: how many users were taken, and the errors of each that was not."""
    errors_by_key = {name: texts for each in errors for name, texts in each.items()}
    return {
        "data": {
            "successful": {"count": successful} if successful else {},
            "fail": {"count": len(errors), "errors": errors_by_key} if errors else {},
        }
    }


def build_response(
    status: int, body: JSONObject, findings: Sequence[RequestFinding], **extra_headers: str
) -> HttpResponse:
    """An answer on the wire, with what the emulator noticed in its headers."""
    response_headers = {
        "content-type": "application/json",
        **build_finding_headers(findings),
        **extra_headers,
    }
    return HttpResponse(status, orjson.dumps(body), response_headers)


INVALID_PARTNER = reject_with_message(
    400,
    "Partner is invalid.",
    "Send the account name in X-PARTNER-NAME, in lower case as the InOne panel shows it.",
)
ACCESS_DENIED = reject_with_message(
    403,
    "Access Denied. You do not have sufficient access to perform this action.",
    "Send this account's key in X-REQUEST-TOKEN.",
)
TOKEN_REFUSED = reject_with_message(
    401,
    "Partner token authentication failed.",
    "Send this account's key in X-REQUEST-TOKEN.",
)
BODY_TOO_LARGE = reject_with_error(
    400,
    f"request body is bigger than maximum allowed size {MAX_BODY_BYTES:,} bytes",
    "Send fewer users in one request.",
)
WRONG_CONTENT_TYPE = reject_with_error(
    400, "content type must be application/json", "Send the header Content-Type: application/json."
)
INVALID_JSON = reject_with_message(
    400,
    "Request data is not in valid JSON format.",
    f"Send one JSON object in UTF-8, with at most {MAX_DEPTH} levels.",
)
NO_USERS = reject_with_error(
    400, "users must be defined: bad request", 'Send {"users": [...]} with at least one user.'
)
# Assumed: these two texts are published nowhere.
USERS_NOT_A_LIST = reject_with_error(
    400, "users must be array: bad request", "users is a list, also when there is one user."
)
TOO_MANY_USERS = reject_with_error(
    400,
    f"number of users is bigger than maximum allowed {MAX_USERS_PER_REQUEST:,}: bad request",
    "Split the users over several requests.",
)
NO_SUCH_USER = reject_with_error(
    404,
    "no such user for these identifiers: no data",
    "Send an identifier that a profile owns, or its Profile ID.",
)
NO_VALID_IDENTIFIER = reject_with_error(
    400,
    "no valid identifier: bad request",
    "Send an identifier that the account's identity resolution lists, and no blocked value.",
)
SOLE_IDENTIFIER = reject_with_error(
    400,
    "you cannot delete the sole identifier specified for a user: bad request",
    "Add another identifier first, or delete or anonymize the profile.",
)
SAME_IDENTIFIER_VALUES = reject_with_error(
    400, "identifier values are the same: bad request", "Send the new value in new_identifier."
)
NOT_EXACTLY_ONE_IDENTIFIER = reject_with_error(
    400,
    "there must be exactly 1 entry for both new and old identifiers: bad request",
    "Send one old and one new identifier of the same type.",
)
IDENTIFIER_ALREADY_ASSIGNED = reject_with_error(
    400,
    "new identifier already has a user assigned to it: bad request",
    "Free the value there first, with DELETE /api/user/v1/identity.",
)
# Assumed: that both must be of one type is published, the words are not.
DIFFERENT_IDENTIFIER_TYPES = reject_with_error(
    400,
    "new and old identifiers must have the same type: bad request",
    "Send the new value of the same identifier.",
)


def reject_too_many_requests(seconds: int) -> RequestRejected:
    """The answer to one call too many; *seconds* until there is room again."""
    text = "rejected: too many requests"
    remedy = f"Wait {seconds} s, or send more users in one call."
    return RequestRejected(429, {"error": text}, remedy, {"retry-after": str(seconds)})


def reject_malformed_body(text: str, remedy: str) -> RequestRejected:
    """A refusal of a body in words like the published ones; assumed."""
    return reject_with_error(400, f"{text}: bad request", remedy)
