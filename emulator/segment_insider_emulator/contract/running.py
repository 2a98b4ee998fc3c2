"""Running a contract case through the mapping core, and comparing what came out."""

import json
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files

import orjson

from segment_insider_emulator.contract.cases import Case
from segment_insider_emulator.mapping.subscription import Failure, Request, Result, Subscription
from segment_insider_emulator.types import JSON, JSONObject


def actual(case: Case) -> JSONObject:
    """What happens: {"requests": [...], "results": [one for each event]}."""
    document = case.document
    return happened(case.subscription, document["events"], document.get("batch", False))


def happened(subscription: Subscription, events: list[JSONObject], batched: bool) -> JSONObject:
    """Return what *subscription* makes of *events*, as `actual` has it; unbatched, they are one."""
    request, results = _delivered(subscription, events, batched)
    return {
        "requests": [_request(request)] if request else [],
        "results": [_result(result) for result in results],
    }


def _delivered(
    subscription: Subscription, events: list[JSONObject], batched: bool
) -> tuple[Request | None, list[Result]]:
    if batched:
        batch = subscription.deliver_batch(events)
        return batch.request, batch.results
    outcome = subscription.deliver(events[0])
    if isinstance(outcome, Request):
        return outcome, ["delivered"]
    return None, ["not_subscribed" if outcome is None else outcome]


def _request(request: Request) -> JSONObject:
    return {
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
        "json": request.json,
    }


def _result(result: Result) -> JSONObject:
    if isinstance(result, Failure):
        return {
            "status": "failed",
            "code": result.code,
            "name": result.name,
            "message": result.message,
        }
    return {"status": result}


def differences(expected: JSONObject, received: JSONObject) -> list[str]:
    """Where *received* departs from *expected*, one line for each place.

    Messages of JavaScript's own engine are not compared; that there is such a failure is.
    """
    places = [
        *value_differences(expected["requests"], received["requests"], "requests"),
        *value_differences(
            [_comparable(each) for each in expected["results"]],
            [_comparable(each) for each in received["results"]],
            "results",
        ),
    ]
    return places


def _comparable(result: JSONObject) -> JSONObject:
    message = str(result.get("message"))
    if result.get("name") == "TypeError" or message.startswith(_ENGINE_MESSAGE):
        return {**result, "message": "(of the JavaScript engine)"}
    return result


_ENGINE_MESSAGE = "Invalid subscription : Cannot read"


def value_differences(expected: JSON, received: JSON, place: str) -> Iterator[str]:
    """Where the JSON value *received* departs from *expected*, one line for each place."""
    if isinstance(expected, dict) and isinstance(received, dict):
        for key in {**expected, **received}:
            yield from _member_differences(expected, received, key, f"{place}.{key}")
    elif isinstance(expected, list) and isinstance(received, list):
        if len(expected) != len(received):
            extra = _shown(received[len(expected) :]) if len(received) > len(expected) else ""
            more = f", among them {extra}" if extra else ""
            yield f"{place}: expected {len(expected)} entries, received {len(received)}{more}"
        for at, (each, other) in enumerate(zip(expected, received, strict=False)):
            yield from value_differences(each, other, f"{place}[{at}]")
    elif not _same(expected, received):
        yield f"{place}: expected {_shown(expected)}, received {_shown(received)}"


def _member_differences(
    expected: JSONObject, received: JSONObject, key: str, place: str
) -> Iterator[str]:
    if key not in received:
        yield f"{place}: expected {_shown(expected[key])}, received nothing"
    elif key not in expected:
        yield f"{place}: expected nothing, received {_shown(received[key])}"
    else:
        yield from value_differences(expected[key], received[key], place)


def _same(expected: JSON, received: JSON) -> bool:
    """Numbers are compared as IEEE doubles; true is not 1."""
    numbers = [
        float(each) if isinstance(each, int | float) and not isinstance(each, bool) else None
        for each in (expected, received)
    ]
    if None in numbers:
        return type(expected) is type(received) and bool(expected == received)
    return numbers[0] == numbers[1]


def _shown(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"


@cache
def known_differences() -> dict[str, dict[str, str]]:
    """Recorded cases in which this core departs from the published destination, by name.

    Each has the "reason" and the "digest" of the case, so that no other case can pass by its name.
    """
    text = files(__package__).joinpath("known_differences.json").read_text("utf-8")
    known: dict[str, dict[str, str]] = json.loads(text)
    return known


def known_reason(case: Case) -> str | None:
    """Why this very case is known to differ; None when it is not."""
    known = known_differences().get(case.name, {})
    return known.get("reason") if known.get("digest") == digest(case) else None


def digest(case: Case) -> str:
    """A fingerprint of what a case gives to the core."""
    given = {key: case.document[key] for key in ("destination", "subscription", "events")}
    return sha256(orjson.dumps(given, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
