"""The answers of the unification host, with their statuses and bodies.

Source: Insider One, API collection "Upsert User Data" and "Status and Error Codes".
"""

from collections.abc import Mapping, Sequence

import orjson

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider.findings import (
    RequestFinding,
    build_drop_finding,
    build_finding_headers,
)
from segment_insider_emulator.types import JSONObject

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
