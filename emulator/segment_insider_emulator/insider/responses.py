"""Responses of the Insider One API: findings, rejections and their headers.

Source of the error texts: Insider One, API collection "Upsert User Data" and "Status and Error
Codes". The findings are the emulator's own, in headers.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Literal

import orjson

from segment_insider_emulator.json_text import MAX_DEPTH
from segment_insider_emulator.types import JSON, EndpointReport, HttpResponse, JSONObject, record

if TYPE_CHECKING:
    # Not at run time: `emulator lint` and `emulator map` need no database.
    from segment_insider_emulator.insider.profile_changes import ProfileChange

CHANGES_HEADER = "x-emulator-changes"
MAX_FINDINGS = 20
MAX_LISTED_CHANGES = 50  # attributes or events of one profile
_MAX_TEXT_CHARS = 240  # a value quoted in a finding may be megabytes long
_SHORT_TYPES = frozenset((type(None), bool, int, float))
_MAX_HEADER_BYTES = 16_000  # clients stop reading at 64 KiB


@record
class RequestFinding:
    """Record of a warning or error about one place in an Insider One request, for its sender.

    Args:
        verdict: "dropped" explains an error; "warning" is accepted but probably not as intended.
        where: Dotted path in the body, e.g. "users.0.attributes.phone"; "" is the whole request.
        what: One sentence.
        remedy: One sentence: what to send instead.
        cause: Rule and place, equal for all findings with the same cause, e.g. "wrong-format
            attributes.birthday".
    """

    verdict: Literal["warning", "dropped"]
    where: str
    what: str
    remedy: str
    cause: str


_FINDING_FIELDS = [field.name for field in fields(RequestFinding)]


def build_warning(
    rule: str, where: str, what: str, remedy: str, *, about: str = ""
) -> RequestFinding:
    """Build a warning: a request value is accepted but does not do what its sender expects.

    Args:
        rule: Name of what is wrong, without values, e.g. "wrong-format".
        about: What the cause is about, when *where* does not say it.
    """
    return RequestFinding("warning", where, what, remedy, _name_cause(rule, about or where))


def build_rejection_finding(rule: str, where: str, what: str, remedy: str) -> RequestFinding:
    """Build a finding that explains why a request or one of its users was rejected."""
    return RequestFinding("dropped", where, what, remedy, _name_cause(rule, where))


_USER_OR_EVENT_PREFIX = re.compile(r"\A(?:users\.\d+(?:\.|\Z))?(?:events\.\d+(?:\.|\Z))?")


def _name_cause(rule: str, place: str) -> str:
    return f"{rule} {_USER_OR_EVENT_PREFIX.sub('', place, count=1)}".strip()


def report_findings(
    findings: Sequence[RequestFinding], changes: list[JSONObject] | None = None
) -> EndpointReport:
    """Build the report of a request: its *findings*, errors first, and changes of profiles."""
    if not findings:
        return EndpointReport("accepted", [], changes)
    unique_findings = sorted(dict.fromkeys(findings), key=lambda finding: finding.verdict)
    listed_findings = [_truncate_finding(finding) for finding in unique_findings[:MAX_FINDINGS]]
    while listed_findings and _measure_ascii_json(listed_findings) > _MAX_HEADER_BYTES:
        listed_findings.pop()
    return EndpointReport(unique_findings[0].verdict, listed_findings, changes)


class ReportedHeaders(Mapping[str, str]):
    """The headers of a response; those of its report are only formatted when they are read."""

    def __init__(self, plain_headers: Mapping[str, str], report: EndpointReport) -> None:
        self._plain_headers, self._report = plain_headers, report

    @cached_property
    def _headers(self) -> dict[str, str]:
        report = self._report
        headers = {
            "content-type": "application/json",
            "x-emulator-verdict": report.verdict or "",
            "x-emulator-findings": encode_ascii_json(report.findings),
            **self._plain_headers,
        }
        if report.changes is not None:
            headers[CHANGES_HEADER] = encode_ascii_json(report.changes)
        return headers

    def __getitem__(self, name: str) -> str:
        return self._headers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._headers)

    def __len__(self) -> int:
        return len(self._headers)


def encode_ascii_json(value: JSON) -> str:
    """Encode *value* as ASCII JSON, for a response header of Insider One's API."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # half of a surrogate pair, or a number beyond 64 bits
        text = ""
    return text if text and text.isascii() else json.dumps(value, separators=(",", ":"))


def _measure_ascii_json(value: JSON) -> int:
    """Return the length of `encode_ascii_json`, by a fast check for most values."""
    try:
        encoded = orjson.dumps(value)
    except orjson.JSONEncodeError:
        return len(encode_ascii_json(value))
    return len(encoded) if encoded.isascii() else len(encode_ascii_json(value))


def format_value_for_error(value: JSON) -> str:
    """Format a request value for an error text: text unchanged, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _truncate_finding(finding: RequestFinding) -> dict[str, str]:
    return {name: _truncate_text(getattr(finding, name)) for name in _FINDING_FIELDS}


def _truncate_text(text: str) -> str:
    return text if len(text) <= _MAX_TEXT_CHARS else text[: _MAX_TEXT_CHARS - 1] + "…"


MAX_BODY_BYTES = 5_000_000
MAX_USERS_PER_REQUEST = 1_000


class RequestRejected(Exception):
    """Exception that rejects a whole Insider One request, with status and body of the response.

    Args:
        status: HTTP status.
        body: JSON object of the response, in one of the API's error formats; a text is sent as
            plain text.
        remedy: What the sender should do, a full sentence.
        extra_headers: Further headers of the response.
        what: What is wrong, for the sender; default: the error text in *body*.
        where: Dotted place in the request's body; "" is the whole request.
    """

    def __init__(
        self,
        status: int,
        body: JSONObject | str,
        remedy: str,
        extra_headers: Mapping[str, str] | None = None,
        *,
        what: str = "",
        where: str = "",
    ) -> None:
        self.status, self.body, self.remedy, self.where = status, body, remedy, where
        self.extra_headers = extra_headers or {}
        texts = body if isinstance(body, dict) else {}
        super().__init__(what or str(texts.get("message") or texts.get("error")))

    def to_http_response(self, warnings: Sequence[RequestFinding] = ()) -> HttpResponse:
        """Convert the rejection to an HTTP response that also lists *warnings*."""
        refusal = build_rejection_finding("refused-request", self.where, str(self), self.remedy)
        findings = [refusal, *warnings]
        if isinstance(self.body, str):
            return build_text_response(self.status, self.body, findings)
        return build_json_response(self.status, self.body, findings, None, **self.extra_headers)


def build_error_rejection(status: int, text: str, remedy: str) -> RequestRejected:
    """Build the exception that rejects a request with the body {"error": text}."""
    return RequestRejected(status, {"error": text}, remedy)


def build_message_rejection(status: int, text: str, remedy: str) -> RequestRejected:
    """Build the exception that rejects a request with {"success": false, "message": text}."""
    return RequestRejected(status, {"success": False, "message": text}, remedy)


def build_users_result_body(
    successful: int, errors: Sequence[Mapping[str, list[str]]]
) -> JSONObject:
    """Build the body of an Insider One 200: count of accepted users, errors of the others."""
    errors_by_key = {key: texts for listing in errors for key, texts in listing.items()}
    return {
        "data": {
            "successful": {"count": successful} if successful else {},
            "fail": {"count": len(errors), "errors": errors_by_key} if errors else {},
        }
    }


def build_json_response(
    status: int,
    body: JSONObject,
    findings: Sequence[RequestFinding],
    changes: list[JSONObject] | None = None,
    **extra_headers: str,
) -> HttpResponse:
    """Build a JSON response of the Insider One API with its report in the headers.

    Args:
        changes: Of profiles, see `report_profile_changes`.
    """
    report = report_findings(findings, changes)
    headers = ReportedHeaders(extra_headers, report)
    return HttpResponse(status, orjson.dumps(body), headers, report)


def build_text_response(status: int, text: str, findings: Sequence[RequestFinding]) -> HttpResponse:
    """Build a response in plain text with its report in the headers."""
    report = report_findings(findings)
    headers = ReportedHeaders({"content-type": "text/plain; charset=utf-8"}, report)
    return HttpResponse(status, text.encode(), headers, report)


def report_profile_changes(
    changes: "Sequence[ProfileChange]",
    new_identifiers: Mapping[str, str],
    resolved_users: Sequence[tuple[int, str]],
) -> list[JSONObject]:
    """Report the changed profiles of a request, for a response header of the Insider One API.

    Returns: [{"profile", "number", "created", "absorbed", "identifiers", "attributes", "events",
        "users"}]. `attributes` is path -> [old, new]; `users` are the positions in the request of
        the users with this profile. Long values are truncated, and changes that make the header
        too long are omitted.

    Args:
        new_identifiers: Identifier such as "uuid:u1" -> id of the profile that now has it.
        resolved_users: (position in the request, Profile ID) of each user.
    """
    reported: list[JSONObject] = []
    length = 0
    for change in changes:
        serialized = _serialize_profile_change(change, new_identifiers, resolved_users)
        length += _measure_ascii_json(serialized) + 1
        if length > _MAX_HEADER_BYTES:
            break
        reported.append(serialized)
    return reported


def _serialize_profile_change(
    change: "ProfileChange",
    new_identifiers: Mapping[str, str],
    resolved_users: Sequence[tuple[int, str]],
) -> JSONObject:
    profile_id, absorbed_ids = change.profile_id, change.absorbed_profile_ids
    profile_identifiers = [name for name, owner in new_identifiers.items() if owner == profile_id]
    attributes = {}
    for path, (old, new) in islice(change.attribute_changes.items(), MAX_LISTED_CHANGES):
        # Most values are short, and a call for each of them takes longer than all the rest.
        if not (type(old) in _SHORT_TYPES or (type(old) is str and len(old) <= _MAX_TEXT_CHARS)):
            old = old and _truncate_long_value(old)
        if not (type(new) in _SHORT_TYPES or (type(new) is str and len(new) <= _MAX_TEXT_CHARS)):
            new = _truncate_long_value(new)
        attributes[path if len(path) <= _MAX_TEXT_CHARS else _truncate_text(path)] = [old, new]
    return {
        "profile": profile_id,
        "number": change.number,
        "created": change.is_new_profile,
        "absorbed": list(absorbed_ids[:MAX_LISTED_CHANGES]),
        "identifiers": [
            identifier if len(identifier) <= _MAX_TEXT_CHARS else _truncate_text(identifier)
            for identifier in profile_identifiers[:MAX_LISTED_CHANGES]
        ],
        "attributes": attributes,
        "events": [_truncate_text(event.sent_as) for event in change.events[:MAX_LISTED_CHANGES]],
        "users": [
            index
            for index, resolved_id in resolved_users
            if resolved_id == profile_id or resolved_id in absorbed_ids
        ],
    }


def _truncate_long_value(value: JSON) -> JSON:
    """Return an attribute value for the changes header, truncated if its text is long."""
    if isinstance(value, str):
        return _truncate_text(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _MAX_TEXT_CHARS else _truncate_text(text)


INVALID_PARTNER = build_message_rejection(
    400,
    "Partner is invalid.",
    "Send the account name in X-PARTNER-NAME, in lower case as the InOne panel shows it.",
)
ACCESS_DENIED = build_message_rejection(
    403,
    "Access Denied. You do not have sufficient access to perform this action.",
    "Send this account's key in X-REQUEST-TOKEN.",
)
TOKEN_REFUSED = build_message_rejection(
    401,
    "Partner token authentication failed.",
    "Send this account's key in X-REQUEST-TOKEN.",
)
BODY_TOO_LARGE = build_error_rejection(
    400,
    f"request body is bigger than maximum allowed size {MAX_BODY_BYTES:,} bytes",
    "Send fewer users in one request.",
)
WRONG_CONTENT_TYPE = build_error_rejection(
    400, "content type must be application/json", "Send the header Content-Type: application/json."
)
INVALID_JSON = build_message_rejection(
    400,
    "Request data is not in valid JSON format.",
    f"Send one JSON object in UTF-8, with at most {MAX_DEPTH} levels.",
)
NO_USERS = build_error_rejection(
    400, "users must be defined: bad request", 'Send {"users": [...]} with at least one user.'
)
# Assumed: these two texts are not published.
USERS_NOT_A_LIST = build_error_rejection(
    400, "users must be array: bad request", "Send users as a list, also for one user."
)
TOO_MANY_USERS = build_error_rejection(
    400,
    f"number of users is bigger than maximum allowed {MAX_USERS_PER_REQUEST:,}: bad request",
    "Split the users over several requests.",
)
NO_SUCH_USER = build_error_rejection(
    404,
    "no such user for these identifiers: no data",
    "Send an identifier that a profile has, or its Profile ID.",
)
NO_VALID_IDENTIFIER = build_error_rejection(
    400,
    "no valid identifier: bad request",
    "Send an identifier of the account's identity resolution, without a blocked value.",
)
SOLE_IDENTIFIER = build_error_rejection(
    400,
    "you cannot delete the sole identifier specified for a user: bad request",
    "Add another identifier first, or delete or anonymize the profile.",
)
SAME_IDENTIFIER_VALUES = build_error_rejection(
    400, "identifier values are the same: bad request", "Send the new value in new_identifier."
)
NOT_EXACTLY_ONE_IDENTIFIER = build_error_rejection(
    400,
    "there must be exactly 1 entry for both new and old identifiers: bad request",
    "Send one old and one new identifier of the same type.",
)
IDENTIFIER_ALREADY_ASSIGNED = build_error_rejection(
    400,
    "new identifier already has a user assigned to it: bad request",
    "Delete the value from the other user first, with DELETE /api/user/v1/identity.",
)
# Assumed: the rule is published, its error text is not.
DIFFERENT_IDENTIFIER_TYPES = build_error_rejection(
    400,
    "new and old identifiers must have the same type: bad request",
    "Send the new value of the same identifier.",
)


def build_rate_limit_rejection(seconds: int) -> RequestRejected:
    """Build the 429 rejection of a request; *seconds* until the rate limit resets."""
    text = "rejected: too many requests"
    remedy = f"Wait {seconds} s, or send more users in one call."
    return RequestRejected(429, {"error": text}, remedy, {"retry-after": str(seconds)})


def build_malformed_body_rejection(text: str, remedy: str) -> RequestRejected:
    """Build the 400 rejection of a malformed request body; the wording is assumed."""
    return build_error_rejection(400, f"{text}: bad request", remedy)
