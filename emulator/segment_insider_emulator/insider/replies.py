"""The answers of the unification host, with their statuses and bodies.

Source: Insider One, API collection "Upsert User Data" and "Status and Error Codes".
"""

from collections.abc import Mapping, Sequence

import orjson

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider.findings import Finding, dropped, headers
from segment_insider_emulator.types import JSONObject

LARGEST_BODY = 5_000_000  # bytes
MOST_USERS = 1_000


class Refusal(Exception):
    """A request that is refused as a whole.

    Args:
        status: HTTP status.
        body: JSON object of the answer, in one of the host's two envelopes.
        remedy: What the sender should do, a full sentence.
        more: Further headers of the answer.
    """

    def __init__(
        self, status: int, body: JSONObject, remedy: str, more: Mapping[str, str] | None = None
    ) -> None:
        self.status, self.body, self.remedy, self.more = status, body, remedy, more or {}
        super().__init__(str(body.get("message") or body.get("error")))

    def response(self, warnings: Sequence[Finding] = ()) -> HttpResponse:
        """The answer on the wire; *warnings* are what else was noticed."""
        findings = [dropped("", str(self), self.remedy), *warnings]
        return response(self.status, self.body, findings, **self.more)


def error(status: int, text: str, remedy: str) -> Refusal:
    """A refusal in the envelope {"error": text}."""
    return Refusal(status, {"error": text}, remedy)


def failure(status: int, text: str, remedy: str) -> Refusal:
    """A refusal in the envelope {"success": false, "message": text}."""
    return Refusal(status, {"success": False, "message": text}, remedy)


def outcome(successful: int, errors: Sequence[Mapping[str, list[str]]]) -> JSONObject:
    """The body of a 200: how many users were taken, and the errors of each that was not."""
    listed = {name: texts for each in errors for name, texts in each.items()}
    return {
        "data": {
            "successful": {"count": successful} if successful else {},
            "fail": {"count": len(errors), "errors": listed} if errors else {},
        }
    }


def response(
    status: int, body: JSONObject, findings: Sequence[Finding], **more: str
) -> HttpResponse:
    """An answer on the wire, with what the emulator noticed in its headers."""
    sent = {"content-type": "application/json", **headers(findings), **more}
    return HttpResponse(status, orjson.dumps(body), sent)


INVALID_PARTNER = failure(
    400,
    "Partner is invalid.",
    "Send the account name in X-PARTNER-NAME, in lower case as the InOne panel shows it.",
)
ACCESS_DENIED = failure(
    403,
    "Access Denied. You do not have sufficient access to perform this action.",
    "Send this account's key in X-REQUEST-TOKEN.",
)
TOKEN_REFUSED = failure(
    401,
    "Partner token authentication failed.",
    "Send this account's key in X-REQUEST-TOKEN.",
)
TOO_LARGE = error(
    400,
    f"request body is bigger than maximum allowed size {LARGEST_BODY:,} bytes",
    "Send fewer users in one request.",
)
WRONG_CONTENT_TYPE = error(
    400, "content type must be application/json", "Send the header Content-Type: application/json."
)
INVALID_JSON = failure(
    400,
    "Request data is not in valid JSON format.",
    f"Send one JSON object in UTF-8, with at most {MAX_DEPTH} levels.",
)
NO_USERS = error(
    400, "users must be defined: bad request", 'Send {"users": [...]} with at least one user.'
)
# Assumed: these two texts are published nowhere.
USERS_NOT_A_LIST = error(
    400, "users must be array: bad request", "users is a list, also when there is one user."
)
TOO_MANY_USERS = error(
    400,
    f"number of users is bigger than maximum allowed {MOST_USERS:,}: bad request",
    "Split the users over several requests.",
)
NO_SUCH_USER = error(
    404,
    "no such user for these identifiers: no data",
    "Send an identifier that a profile owns, or its Profile ID.",
)
NO_VALID_IDENTIFIER = error(
    400,
    "no valid identifier: bad request",
    "Send an identifier that the account's identity resolution lists, and no blocked value.",
)
SOLE_IDENTIFIER = error(
    400,
    "you cannot delete the sole identifier specified for a user: bad request",
    "Add another identifier first, or delete or anonymize the profile.",
)
SAME_VALUES = error(
    400, "identifier values are the same: bad request", "Send the new value in new_identifier."
)
NOT_ONE_ENTRY = error(
    400,
    "there must be exactly 1 entry for both new and old identifiers: bad request",
    "Send one old and one new identifier of the same type.",
)
ALREADY_ASSIGNED = error(
    400,
    "new identifier already has a user assigned to it: bad request",
    "Free the value there first, with DELETE /api/user/v1/identity.",
)
# Assumed: that both must be of one type is published, the words are not.
NOT_ONE_TYPE = error(
    400,
    "new and old identifiers must have the same type: bad request",
    "Send the new value of the same identifier.",
)


def too_many(seconds: int) -> Refusal:
    """The answer to one call too many; *seconds* until there is room again."""
    text = "rejected: too many requests"
    remedy = f"Wait {seconds} s, or send more users in one call."
    return Refusal(429, {"error": text}, remedy, {"retry-after": str(seconds)})


def malformed(text: str, remedy: str) -> Refusal:
    """A refusal of a body in words like the published ones; assumed."""
    return error(400, f"{text}: bad request", remedy)
