"""Runs of Segment functions, and what an error of a function means for the event."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Final, Literal, TypeAlias
from weakref import finalize

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.functions.engine import (
    ENGINES,
    MAX_MEMORY_MB,
    STOPPED_CRASH,
    STOPPED_TIMEOUT,
    EngineAnswer,
    EngineProcess,
    EngineUnavailable,
    Fetch,
)
from segment_insider_emulator.functions.segment_function import (
    BATCH_HANDLER,
    HANDLERS,
    REQUEST_HANDLER,
    SegmentFunction,
    WorkspaceFunctions,
)
from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth, parse_json
from segment_insider_emulator.types import JSON, JSONObject, record

# What follows from a run: the event goes on, ends here, fails for good, or runs again later.
RunOutcome: TypeAlias = Literal["passed", "filtered", "failed", "retry"]
MAX_CONSECUTIVE_STOPS: Final = 2  # then a function that hangs or crashes is not started for a while
SUSPENSION_RUNS: Final = 20  # runs that are skipped then
ENGINE_MISSING_CODE: Final = "FUNCTION_NOT_RUN"
# Segment's names of what its runtime has; here, a workspace names files for them.
RUNTIME_LIBRARIES = {
    "_": "lodash",
    "moment": "moment-timezone",
    "uuidv5": "uuidv5",
    "jsonwebtoken": "jsonwebtoken",
    "libphonenumberjslib": "libphonenumber-js",
    "cryptojslib": "crypto-js",
    "xml2js": "xml2js",
    "AWS": "aws-sdk",
    "FormData": "form-data",
    "https": "https",
}


@record
class FunctionRun:
    """What a function did with an event or a request.

    Args:
        function: Its title, e.g. "insert function 'Add tier'".
        handler: E.g. "onTrack"; "" when the code did not load.
        event: What it returned; None when the event does not pass.
        code: Segment's code of the reason; None when the event passes.
        reason: Why the event does not pass: a sentence without its full stop.
        logs: [{"level", "text"}] of the console.
        sent: Calls of a source function.
        duration_ms: Of the run, in milliseconds.
    """

    function: str
    handler: str
    outcome: RunOutcome
    event: JSONObject | None = None
    code: str | None = None
    reason: str | None = None
    logs: tuple[JSONObject, ...] = ()
    sent: tuple[JSONObject, ...] = ()
    duration_ms: float = 0.0


# Error class -> outcome, Segment's code, Segment's name of the error type.
# Source: Segment, "Destination insert functions", error types; "Delivery Overview", discard
# reasons. (documented) The code of an event that a function drops is not published. (assumed)
UNSUPPORTED: tuple[RunOutcome, str, str] = (
    "filtered",
    "UNSUPPORTED_EVENT_TYPE",
    "Unsupported Event Type",
)
FILTERED: tuple[RunOutcome, str, str] = (
    "filtered",
    "FILTERED_BY_INSERT_FUNCTION",
    "Filtered at insert function",
)
REJECTED: tuple[RunOutcome, str, str] = ("failed", "MESSAGE_REJECTED", "Message Rejected")
RETRIED: tuple[RunOutcome, str, str] = ("retry", "RETRY_ERROR", "Retry")
TIMED_OUT: tuple[RunOutcome, str, str] = ("retry", "FUNCTION_TIMEOUT", "Function timeout")
BAD_REQUEST: tuple[RunOutcome, str, str] = ("failed", "BAD_REQUEST", "Bad Request")
NOT_EXECUTED: tuple[RunOutcome, str, str] = ("failed", "INVOKE_ERROR", "Function execution error")
NOT_RUN: tuple[RunOutcome, str, str] = ("failed", ENGINE_MISSING_CODE, "Function not run")
ERROR_MEANINGS = {
    "EventNotSupported": UNSUPPORTED,
    "DropEvent": FILTERED,
    "InvalidEventPayload": REJECTED,
    "ValidationError": REJECTED,
    "RetryError": RETRIED,
}
_RUNNER_NUMBERS = count(1)


class FunctionRunner:
    """Runs the functions of one sandbox; each has variables of its own, which others never see.

    Args:
        fetch: Sends the requests of fetch(); None refuses them.
    """

    def __init__(self, functions: WorkspaceFunctions, fetch: Fetch | None = None) -> None:
        self.functions = functions
        self._libraries = [
            {"global": library.global_name, "name": library.global_name, "code": library.code}
            for library in functions.libraries
        ]
        self._fetch = fetch
        self._fingerprint = functions.fingerprint()
        self._number = next(_RUNNER_NUMBERS)
        # Context -> generation of the engine that knows it, and its handlers or load error.
        self._loaded: dict[str, tuple[int, EngineAnswer]] = {}
        self._stops: dict[str, int] = {}

    def create_fresh(self) -> "FunctionRunner":
        """Return a runner of the same functions, whose variables and caches are empty."""
        return FunctionRunner(self.functions, self._fetch)

    def run_on_event(self, function: SegmentFunction, event: JSONObject) -> FunctionRun:
        """Run an insert function on one event.

        Source: Segment calls onBatch for batches of events at high volume only, and the handler
            of the type otherwise. Here, onBatch gets a batch of one event if its type has no
            handler. (assumed)
        """
        return self._run(function, _list_event_handlers(event), event)

    def run_on_request(self, function: SegmentFunction, request: JSONObject) -> FunctionRun:
        """Run a source function on a request: {"url", "headers": [[name, value]], "body"}."""
        return self._run(function, [REQUEST_HANDLER], request)

    def list_handlers(self, function: SegmentFunction) -> list[str]:
        """Return the handlers that a function's code defines.

        Raises: FunctionCodeError, when the code does not load; EngineUnavailable.
        """
        engine = self._get_engine()
        with engine.lock_calls():
            result = self._load_if_needed(engine, function).result
        if result["kind"] != "loaded":
            raise FunctionCodeError(_describe_load_error(result), result.get("line"))
        handlers: list[str] = result["handlers"]
        return handlers

    def _run(
        self, function: SegmentFunction, handlers: list[str], payload: JSONObject
    ) -> FunctionRun:
        context = self._name_context(function)
        if self._is_suspended(context):
            what = "it is not started again for now, because it hung or crashed repeatedly"
            return _end_run(function, "", TIMED_OUT, what)
        try:
            engine = self._get_engine()
            with engine.lock_calls():
                loaded = self._load_if_needed(engine, function)
                if loaded.result["kind"] != "loaded":
                    self._note_stop(context, loaded)
                    run = _end_run(
                        function, "", *_explain_failed_load(loaded.result, self.functions)
                    )
                    return _add_details(run, loaded)
                known = loaded.result["handlers"]
                handler = next((name for name in handlers if name in known), None)
                if handler is None:
                    what = f"it has no {handlers[0]}"
                    if function.kind != "source":
                        what += ", so Segment stops events of this type"
                    return _end_run(function, handlers[0], UNSUPPORTED, what)
                answer = engine.call(
                    context,
                    handler,
                    _encode([payload] if handler == BATCH_HANDLER else payload),
                    _encode(function.settings),
                    self.functions.timeout_s,
                )
        except EngineUnavailable as error:
            return _end_run(function, "", NOT_RUN, f"{error.what} ({error.where}). {error.remedy}")
        self._note_stop(context, answer)
        return _add_details(_judge(function, handler, answer.result, self.functions), answer)

    def _get_engine(self) -> EngineProcess:
        return ENGINES.get_engine(self._fingerprint, self._fetch)

    def _name_context(self, function: SegmentFunction) -> str:
        return f"{self._number}.{function.kind}.{function.position}"

    def _load_if_needed(self, engine: EngineProcess, function: SegmentFunction) -> EngineAnswer:
        context = self._name_context(function)
        known = self._loaded.get(context)
        if known and engine.is_running(known[0]):
            return known[1]
        answer = engine.load(context, function.code, self._libraries, self.functions.timeout_s)
        if known is None:
            finalize(self, engine.forget, context)
        if answer.result["kind"] not in (STOPPED_TIMEOUT, STOPPED_CRASH):
            self._loaded[context] = engine.generation, answer
        return answer

    def _note_stop(self, context: str, answer: EngineAnswer) -> None:
        if answer.result["kind"] in (STOPPED_TIMEOUT, STOPPED_CRASH):
            self._stops[context] = self._stops.get(context, 0) + 1
        else:
            self._stops.pop(context, None)

    def _is_suspended(self, context: str) -> bool:
        """Return whether a function that hung or crashed repeatedly must not start just now."""
        stops = self._stops.get(context, 0)
        if stops < MAX_CONSECUTIVE_STOPS:
            return False
        if stops >= MAX_CONSECUTIVE_STOPS + SUSPENSION_RUNS:
            self._stops[context] = MAX_CONSECUTIVE_STOPS - 1
            return False
        self._stops[context] = stops + 1
        return True


class FunctionCodeError(EmulatorError):
    """Error: the code of a function does not load. *line* is its line, if it is known."""

    def __init__(self, what: str, line: int | None) -> None:
        super().__init__(what)
        self.line = line


def _list_event_handlers(event: JSONObject) -> list[str]:
    type_name = event.get("type")
    handler = HANDLERS.get(type_name) if isinstance(type_name, str) else None
    return [handler or f"handler for {type_name!r}", BATCH_HANDLER]


def _encode(value: JSON) -> str:
    return orjson.dumps(value).decode()


def _end_run(
    function: SegmentFunction, handler: str, meaning: tuple[RunOutcome, str, str], what: str
) -> FunctionRun:
    outcome, code, name = meaning
    reason = f"{name}: {function.title}: {what}"
    return FunctionRun(function.title, handler, outcome, None, code, reason)


def _add_details(run: FunctionRun, answer: EngineAnswer) -> FunctionRun:
    duration_ms = round(answer.duration_ms, 1)
    logs = tuple(
        {"level": line["level"], "text": _drop_lone_surrogates(line["text"])}
        for line in answer.logs
    )
    sent = tuple(_parse_sent_calls(answer.sent))
    run = replace(run, logs=logs, sent=sent, duration_ms=duration_ms)
    return replace(run, reason=_drop_lone_surrogates(run.reason)) if run.reason else run


def _parse_sent_calls(texts: list[str]) -> Iterator[JSONObject]:
    for text in texts:
        with suppress(orjson.JSONDecodeError):  # nested deeper than a parser goes
            yield parse_json(text.encode(errors="replace"))


def _drop_lone_surrogates(text: str) -> str:
    """Return *text* as a database can store it: half a character becomes a question mark."""
    return text.encode(errors="replace").decode()


def _judge(
    function: SegmentFunction, handler: str, result: JSONObject, functions: WorkspaceFunctions
) -> FunctionRun:
    """Return what follows for the event from the result of a run."""
    kind = result["kind"]
    if kind == "error":
        return _judge_error(function, handler, result)
    if kind in ("returned", "nothing"):
        return _judge_value(function, handler, result.get("value"))
    meaning, what = {
        STOPPED_TIMEOUT: (TIMED_OUT, f"did not end within {functions.timeout_s:g} seconds"),
        "unsettled": (TIMED_OUT, "waits for a promise that never settles"),
        "too_large": (NOT_EXECUTED, "returned too much"),
        "sent_too_much": (
            NOT_EXECUTED,
            "sent more than 1,000 calls or 1,000,000 characters: the rest is lost",
        ),
    }.get(kind, (NOT_EXECUTED, f"did not end: {_CRASHED}"))
    return _end_run(function, handler, meaning, f"{handler} {what}")


def _judge_value(function: SegmentFunction, handler: str, value: JSON) -> FunctionRun:
    """Return what follows for the event from the value that a handler returned.

    Source: Segment, "Destination insert functions": to pass an event on, a handler returns it.
        (documented) What a value does that is no object is not documented. (assumed)
    """
    if handler == REQUEST_HANDLER:
        return FunctionRun(function.title, handler, "passed")
    if handler == BATCH_HANDLER and isinstance(value, list):
        value = value[0] if value else None
    if value is None:
        what = f"{handler} returned no event: `return event` passes it on"
        return _end_run(function, handler, FILTERED, what)
    if not isinstance(value, dict):
        what = f"{handler} returned {_describe_type(value)} in place of the event"
        return _end_run(function, handler, BAD_REQUEST, what)
    if measure_nesting_depth(value) > MAX_DEPTH:
        what = f"{handler} returned an event nested deeper than {MAX_DEPTH} levels"
        return _end_run(function, handler, BAD_REQUEST, what)
    return FunctionRun(function.title, handler, "passed", value)


_CRASHED = f"it used more than {MAX_MEMORY_MB} MB of memory, or crashed the engine"


def _judge_error(function: SegmentFunction, handler: str, error: JSONObject) -> FunctionRun:
    name, message, line = error["name"], error["message"], error.get("line")
    place = f" at line {line}" if line else ""
    thrown = f"{handler} threw {name}{place}: {message}" if message else f"{handler} threw {name}"
    return _end_run(
        function,
        handler,
        ERROR_MEANINGS.get(name, BAD_REQUEST),
        (thrown + suggest_library(message)).rstrip("."),
    )


def suggest_library(message: str) -> str:
    """Return advice when an error message names a library of Segment's runtime, else ""."""
    name = message.partition(" ")[0]
    if not message.endswith("is not defined") or name not in RUNTIME_LIBRARIES:
        return ""
    return (
        f". Segment's runtime has {RUNTIME_LIBRARIES[name]} as {name}: name its file under "
        "functions.libraries"
    )


def _explain_failed_load(
    result: JSONObject, functions: WorkspaceFunctions
) -> tuple[tuple[RunOutcome, str, str], str]:
    if result["kind"] == STOPPED_TIMEOUT:
        what = f"its code did not end within {functions.timeout_s:g} seconds"
        return TIMED_OUT, what
    return NOT_EXECUTED, _describe_load_error(result)


def _describe_load_error(result: JSONObject) -> str:
    if result["kind"] != "error":
        return f"the code does not load: {_CRASHED}"
    place = f" at line {result['line']}" if result.get("line") else ""
    message = f"{result['message']}{suggest_library(result['message'])}"
    return f"the code does not load: {result['name']}{place}: {message}"


def _describe_type(value: JSON) -> str:
    if isinstance(value, bool):
        return "true or false"
    names: dict[type, str] = {str: "text", list: "a list"}
    return names.get(type(value), "a number")
