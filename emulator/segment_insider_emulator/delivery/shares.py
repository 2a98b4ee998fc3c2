"""The part of a batch that is one event's: its user in the request, its errors in the answer."""

import re

import orjson

from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.types import JSON, JSONObject

MAX_BATCH_ERROR_BYTES = 2_000  # bytes of an error page that every delivery of a batch keeps
FINDINGS_HEADER = "x-emulator-findings"
VERDICT_HEADER = "x-emulator-verdict"
CHANGES_HEADER = "x-emulator-changes"
USER_INDEX_PATTERN = re.compile(r"users\.(\d+)(?=\.|$)")


def request_for_user(body: JSONObject, user_index: int) -> str:
    """The body of an upsert with the one user at *position*."""
    user_body = {**body, "users": body["users"][user_index : user_index + 1]}
    return orjson.dumps(user_body).decode()


def response_for_user(response: HttpResponse, user_index: int) -> HttpResponse:
    """*answer* as if the user at *position* had been alone; an error is everybody's."""
    if not 200 <= response.status < 300:
        return HttpResponse(response.status, response.body[:MAX_BATCH_ERROR_BYTES])
    findings_header = _parse_json_or_none(response.headers.get(FINDINGS_HEADER, ""))
    listed = findings_header if isinstance(findings_header, list) else []
    findings = [
        _finding_for_user(each)
        for each in listed
        if _parse_user_index(each["where"]) in (None, user_index)
    ]
    headers = {FINDINGS_HEADER: orjson.dumps(findings).decode()} if findings else {}
    verdicts = {each["verdict"] for each in findings}
    worst = next((each for each in ("dropped", "warning") if each in verdicts), None)
    noticed = {VERDICT_HEADER: worst} if worst else {}
    changed = _parse_json_or_none(response.headers.get(CHANGES_HEADER, ""))
    if isinstance(changed, list):
        changes_for_user = [
            {**each, "users": [0]} for each in changed if user_index in each["users"]
        ]
        noticed[CHANGES_HEADER] = orjson.dumps(changes_for_user).decode()
    return HttpResponse(
        response.status, _body_for_user(response.body, user_index), headers | noticed
    )


def _body_for_user(body: bytes, user_index: int) -> bytes:
    match _parse_json_or_none(body):
        case {"data": {"fail": {"errors": dict(errors)}}} if any(map(_has_user_index, errors)):
            user_errors = {
                USER_INDEX_PATTERN.sub("users.0", name): texts
                for name, texts in errors.items()
                if _parse_user_index(name) == user_index
            }
            return orjson.dumps({"data": _upsert_response_body(user_errors)})
        case {"data": {"fail": {} as fail, "successful": {}}} if not fail:
            return orjson.dumps({"data": _upsert_response_body({})})
    return body  # whose failures these are cannot be told


def _upsert_response_body(errors: JSONObject) -> JSONObject:
    if errors:
        return {"successful": {}, "fail": {"count": 1, "errors": errors}}
    return {"successful": {"count": 1}, "fail": {}}


def _finding_for_user(finding: JSONObject) -> JSONObject:
    return {**finding, "where": USER_INDEX_PATTERN.sub("users.0", finding["where"])}


def _parse_user_index(path: str) -> int | None:
    match = USER_INDEX_PATTERN.match(path)
    return int(match[1]) if match else None


def _has_user_index(path: str) -> bool:
    return _parse_user_index(path) is not None


def _parse_json_or_none(text: str | bytes) -> JSON:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
