"""Running a contract case through the mapping core, and comparing what came out."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from emulator.contract.cases import Case
from emulator.errors import EmulatorError
from emulator.mapping.subscription import (
    Failure,
    Request,
    Result,
    Subscription,
    compile_subscription,
)
from emulator.types import JSON, JSONObject


def actual(case: Case) -> JSONObject:
    """What happens: {"requests": [...], "results": [one for each event]}.

    Raises: EmulatorError, when the case names an unknown action.
    """
    document = case.document
    try:
        subscription = compile_subscription(
            document["subscription"], document["destination"]["settings"]
        )
    except EmulatorError as error:
        raise EmulatorError(
            error.what, f"{case.where}: subscription.{error.where}", error.remedy
        ) from None
    request, results = _delivered(subscription, document["events"], document.get("batch", False))
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
            yield f"{place}: expected {len(expected)} entries, received {len(received)}"
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
def known_differences() -> dict[str, str]:
    """Recorded cases in which this core departs from the published destination, with the reason."""
    text = files("emulator.contract").joinpath("known_differences.json").read_text("utf-8")
    known: dict[str, str] = json.loads(text)
    return known
