"""Contract cases: read from files, run in the mapping core, and compared with their result."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import (
    MAX_DEPTH,
    describe_json_differences,
    measure_nesting_depth,
    parse_json,
)
from segment_insider_emulator.mapping.destination import (
    InsiderRequest,
    MappingFailure,
    MappingResult,
    Subscription,
    compile_subscription,
)
from segment_insider_emulator.text_encoding import check_utf8_and_strip_bom
from segment_insider_emulator.types import JSONObject

_CASE_REMEDY = "A case has name, destination, subscription and events; docs/contract.md shows one."


@dataclass(frozen=True, slots=True)
class ContractCase:
    """A contract case and its location, e.g. "cart.ndjson:12"."""

    where: str
    document: JSONObject
    subscription: Subscription

    @property
    def name(self) -> str:
        name: str = self.document["name"]
        return name

    @property
    def events_before_functions(self) -> list[JSONObject]:
        """The events as the insert functions get them, and as triggers see them."""
        events: list[JSONObject] = self.document.get("received") or self.document["events"]
        return events


def read_cases(path: Path) -> Iterator[ContractCase | EmulatorError]:
    """Read the contract cases of a file; an invalid case is yielded as an EmulatorError.

    Raises: EmulatorError, when the file cannot be read at all.
    """
    try:
        content = check_utf8_and_strip_bom(path.read_bytes(), str(path))
    except OSError as error:
        raise EmulatorError(
            f"cannot be read ({error.strerror})", str(path), "Name a file of contract cases."
        ) from None
    whole = _is_single_case_file(content)
    # Only line feeds end a line; texts may contain other line separators.
    lines = [content] if whole else content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _parse_case(line, str(path) if whole else f"{path}:{number}")


def compile_case(document: JSONObject, where: str) -> ContractCase:
    """Compile a validated document of a contract case.

    Raises: EmulatorError, when it names an unknown action.
    """
    settings = document["destination"]["settings"]
    return ContractCase(where, document, compile_subscription(document["subscription"], settings))


def _is_single_case_file(content: bytes) -> bool:
    """Return whether a contract file has one case, not one per line."""
    if b"\n" not in content.strip():
        return False
    try:
        parse_json(content)
    except orjson.JSONDecodeError:
        return False
    return True


def _parse_case(text: bytes, where: str) -> ContractCase | EmulatorError:
    try:
        document = parse_json(text)
    except orjson.JSONDecodeError as error:
        return EmulatorError(f"invalid JSON ({error})", where, "Correct or remove the line.")
    if measure_nesting_depth(document) > MAX_DEPTH:
        return EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, _CASE_REMEDY)
    fault = best_match(_get_case_validator().iter_errors(document))
    if fault:
        place = ".".join(map(str, fault.absolute_path)) or "the case"
        return EmulatorError(f"{place}: {fault.message}", where, _CASE_REMEDY)
    try:
        return compile_case(document, where)
    except EmulatorError as error:
        place = f"{where}: subscription.{error.where}"
        return EmulatorError(error.what, place, error.remedy)


@cache
def _get_case_validator() -> Draft202012Validator:
    schema = files(__package__).joinpath("case.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(schema))


def run_case(case: ContractCase) -> JSONObject:
    """Run a contract case and return {"requests": [...], "results": [one for each event]}."""
    document = case.document
    return run_case_events(
        case.subscription,
        document["events"],
        document.get("batch", False),
        case.events_before_functions,
    )


def run_case_events(
    subscription: Subscription,
    events: list[JSONObject],
    is_batched: bool,
    trigger_events: list[JSONObject] | None = None,
) -> JSONObject:
    """Map a contract case's events with a subscription; without batching there is one event.

    Args:
        trigger_events: The events that the trigger sees; None for the same events.
    """
    request, results = _build_request_and_results(
        subscription, events, is_batched, trigger_events or events
    )
    return {
        "requests": [_request_to_json(request)] if request else [],
        "results": [_result_to_json(result) for result in results],
    }


def _build_request_and_results(
    subscription: Subscription,
    events: list[JSONObject],
    is_batched: bool,
    trigger_events: list[JSONObject],
) -> tuple[InsiderRequest | None, list[MappingResult]]:
    if is_batched:
        batch = subscription.build_batch_request(events, trigger_events)
        return batch.request, batch.results
    outcome = subscription.build_request(events[0], trigger_events[0])
    if isinstance(outcome, InsiderRequest):
        return outcome, ["delivered"]
    return None, ["not_subscribed" if outcome is None else outcome]


def _request_to_json(request: InsiderRequest) -> JSONObject:
    return {
        "method": request.method,
        "url": request.url,
        "headers": request.headers,
        "json": request.json,
    }


def _result_to_json(result: MappingResult) -> JSONObject:
    if isinstance(result, MappingFailure):
        return {
            "status": "failed",
            "code": result.code,
            "name": result.name,
            "message": result.message,
        }
    return {"status": result}


def find_result_differences(expected: JSONObject, actual: JSONObject) -> list[str]:
    """Return a line for each difference between a contract case's expected and actual result.

    Messages of JavaScript's own engine are not compared; that there is such a failure is.
    """
    places = [
        *describe_json_differences(expected["requests"], actual["requests"], "requests"),
        *describe_json_differences(
            [_mask_javascript_error_message(result) for result in expected["results"]],
            [_mask_javascript_error_message(result) for result in actual["results"]],
            "results",
        ),
    ]
    return places


def _mask_javascript_error_message(result: JSONObject) -> JSONObject:
    message = str(result.get("message"))
    if result.get("name") == "TypeError" or message.startswith(_ENGINE_MESSAGE_PREFIX):
        return {**result, "message": "(of the JavaScript engine)"}
    return result


_ENGINE_MESSAGE_PREFIX = "Invalid subscription : Cannot read"


@cache
def load_known_differences() -> dict[str, dict[str, str]]:
    """Return the contract cases with a known difference to the published destination, by name.

    Each has the "reason" and the "digest" of the case, so that no other case can pass by its name.
    """
    text = files(__package__).joinpath("known_differences.json").read_text("utf-8")
    known: dict[str, dict[str, str]] = json.loads(text)
    return known


def find_known_difference_reason(case: ContractCase) -> str | None:
    """Return why a contract case differs from the published destination; None if unknown."""
    known = load_known_differences().get(case.name, {})
    return known.get("reason") if known.get("digest") == hash_case_input(case) else None


def hash_case_input(case: ContractCase) -> str:
    """Return a hash of a contract case's input: destination, subscription and events."""
    case_input = {key: case.document[key] for key in ("destination", "subscription", "events")}
    return sha256(orjson.dumps(case_input, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
