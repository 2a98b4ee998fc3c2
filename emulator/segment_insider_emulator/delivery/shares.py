"""The part of a batch that is one event's: its user in the request, its errors in the answer."""

import re

import orjson

from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.types import JSON, JSONObject

LONGEST_ERROR = 2_000  # bytes of an error page that every delivery of a batch keeps
FINDINGS = "x-emulator-findings"
VERDICT = "x-emulator-verdict"
CHANGES = "x-emulator-changes"
INDEX = re.compile(r"users\.(\d+)(?=\.|$)")


def user_of(body: JSONObject, position: int) -> str:
    """The body of an upsert with the one user at *position*."""
    own = {**body, "users": body["users"][position : position + 1]}
    return orjson.dumps(own).decode()


def answer_of(answer: HttpResponse, position: int) -> HttpResponse:
    """*answer* as if the user at *position* had been alone; an error is everybody's."""
    if not 200 <= answer.status < 300:
        return HttpResponse(answer.status, answer.body[:LONGEST_ERROR])
    told = _json(answer.headers.get(FINDINGS, ""))
    listed = told if isinstance(told, list) else []
    findings = [_alone(each) for each in listed if _index(each["where"]) in (None, position)]
    headers = {FINDINGS: orjson.dumps(findings).decode()} if findings else {}
    verdicts = {each["verdict"] for each in findings}
    worst = next((each for each in ("dropped", "warning") if each in verdicts), None)
    noticed = {VERDICT: worst} if worst else {}
    changed = _json(answer.headers.get(CHANGES, ""))
    if isinstance(changed, list):
        own = [{**each, "users": [0]} for each in changed if position in each["users"]]
        noticed[CHANGES] = orjson.dumps(own).decode()
    return HttpResponse(answer.status, _outcome(answer.body, position), headers | noticed)


def _outcome(body: bytes, position: int) -> bytes:
    match _json(body):
        case {"data": {"fail": {"errors": dict(errors)}}} if any(map(_index_known, errors)):
            own = {
                INDEX.sub("users.0", name): texts
                for name, texts in errors.items()
                if _index(name) == position
            }
            return orjson.dumps({"data": _counts(own)})
        case {"data": {"fail": {} as fail, "successful": {}}} if not fail:
            return orjson.dumps({"data": _counts({})})
    return body  # whose failures these are cannot be told


def _counts(errors: JSONObject) -> JSONObject:
    if errors:
        return {"successful": {}, "fail": {"count": 1, "errors": errors}}
    return {"successful": {"count": 1}, "fail": {}}


def _alone(finding: JSONObject) -> JSONObject:
    return {**finding, "where": INDEX.sub("users.0", finding["where"])}


def _index(place: str) -> int | None:
    found = INDEX.match(place)
    return int(found[1]) if found else None


def _index_known(place: str) -> bool:
    return _index(place) is not None


def _json(text: str | bytes) -> JSON:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
