"""One subscription, compiled: trigger, mapping, typed fields and upsert body in one pass."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal, NamedTuple, TypeAlias

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.catalog import ACTIONS, SETTINGS, UPSERT_URL, Action
from segment_insider_emulator.mapping.compiling import DirectiveError
from segment_insider_emulator.mapping.directives import compile_mapping
from segment_insider_emulator.mapping.fields import PayloadError, Reader, compile_fields
from segment_insider_emulator.mapping.javascript import LARGEST_EXACT, MISSING
from segment_insider_emulator.mapping.liquid.errors import LiquidError
from segment_insider_emulator.mapping.paths import Resolver
from segment_insider_emulator.mapping.root import NullRootError, compile_checked
from segment_insider_emulator.mapping.triggers import (
    BrokenGroupError,
    Predicate,
    TriggerError,
    compile_trigger,
    decided_by_name,
    parse,
)
from segment_insider_emulator.mapping.upserts import upsert_body
from segment_insider_emulator.mapping.validation import MappingError
from segment_insider_emulator.mapping.values import Values, compile_values
from segment_insider_emulator.types import JSON, JSONObject

_ILLEGAL_IN_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")

_REMEMBERED = 1024  # subscriptions
_LARGEST_REMEMBERED = 50_000  # characters of one


class Request(NamedTuple):
    """One request to Insider One. Header names are lower case; *body* is JSON in UTF-8."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> JSON:
        """The body as a JSON value."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            # Half of a surrogate pair, which only the slower reader takes.
            return json.loads(self.body)


class Failure(NamedTuple):
    """Why Segment sends nothing for an event that it should have sent.

    Args:
        code: The status Segment gives it; None for faults that carry none.
        name: The class of the fault; None for a malformed trigger on a single event.
    """

    code: int | None
    name: str | None
    message: str


Result: TypeAlias = Failure | Literal["delivered", "not_subscribed"]


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch of events makes: at most one request, and one result for each event."""

    request: Request | None
    results: list[Result]


class _ContextError(TypeError):
    """The event's context is null where Segment's audience code looks into it."""


class _HeaderError(TypeError):
    """A setting of the destination cannot stand in a header."""


# Everything an event can run into on its way; any other exception is a bug.
FAULTS = (
    PayloadError, MappingError, DirectiveError, LiquidError,
    BrokenGroupError, NullRootError, _ContextError, _HeaderError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscription:
    """One configured mapping, ready to deliver.

    Args:
        matches: Whether the trigger takes an event; raises BrokenGroupError.
        decided_by_name: Whether an event's type and name alone decide that.
    """

    name: str
    action: Action
    mapping: JSONObject
    trigger: str
    matches: Predicate
    decided_by_name: bool
    _settings_fault: str | None
    _trigger_fault: str | None
    _resolve: Resolver
    _values: Values
    _read_batched: Reader
    _headers: dict[str, str]
    _header_fault: str | None

    @property
    def action_slug(self) -> str:
        return self.action.slug

    def deliver(self, event: JSONObject) -> Request | Failure | None:
        """Deliver one event; None when the trigger does not match it."""
        if self._settings_fault is not None:
            return Failure(400, "AggregateAjvError", self._settings_fault)
        if self._trigger_fault is not None:
            return Failure(None, None, self._trigger_fault)
        try:
            return self.deliver_matching(event) if self.matches(event) else None
        except FAULTS as fault:
            return _failure(fault)

    def deliver_matching(self, event: JSONObject) -> Request | Failure:
        """Deliver one event that the trigger is known to match."""
        try:
            return self._request([event], [self.values(event)])
        except FAULTS as fault:
            return _failure(fault)

    def values(self, event: JSONObject) -> JSONObject:
        """The values of the action's fields for one event, cleaned and coerced.

        Raises: One of FAULTS.
        """
        return self._values(event)

    def deliver_batch(self, events: list[JSONObject]) -> Batch:
        """Deliver events in one request."""
        if self._settings_fault is not None:
            return _all_failed(events, Failure(400, "AggregateAjvError", self._settings_fault))
        if self._trigger_fault is not None:
            return _all_failed(events, Failure(400, _INVALID, self._trigger_fault))
        try:
            return self._deliver_matching(events)
        except FAULTS as fault:
            return _all_failed(events, _failure(fault))

    def _deliver_matching(self, events: list[JSONObject]) -> Batch:
        results: list[Result] = ["not_subscribed"] * len(events)
        matching = {at: event for at, event in enumerate(events) if self.matches(event)}
        payloads = {at: self._resolve(event) for at, event in matching.items()}
        values = []
        for at, payload in payloads.items():
            try:
                values.append(self._read_batched(payload))
                results[at] = "delivered"
            except PayloadError as fault:
                results[at] = Failure(400, _INVALID, str(fault))
        request = self._request(list(matching.values()), values) if values else None
        return Batch(request, results)

    def _request(self, events: list[JSONObject], values: list[JSONObject]) -> Request:
        for event in events:
            context = event.get("context", MISSING)
            if isinstance(context, dict):
                context = context.get("personas", MISSING)
            if context is None:
                raise _ContextError("Cannot read the audience of an event whose context is null")
        if self._header_fault is not None:
            raise _HeaderError(self._header_fault)
        body = upsert_body([self.action.user(each) for each in values])
        return Request("POST", UPSERT_URL, self._headers, _encoded(body))


_INVALID = "PAYLOAD_VALIDATION_FAILED"


def _all_failed(events: list[JSONObject], failure: Failure) -> Batch:
    return Batch(None, [failure] * len(events))


def _failure(fault: Exception) -> Failure:
    message = str(fault)
    if isinstance(fault, PayloadError):
        return Failure(400, "AggregateAjvError", message)
    if isinstance(fault, MappingError):
        aggregate = fault.aggregate
        return Failure(None if aggregate else 400, fault.name, message)
    if isinstance(fault, LiquidError):
        return Failure(None, fault.name, message)
    return Failure(None, "Error" if isinstance(fault, DirectiveError) else "TypeError", message)


def _encoded(body: JSON) -> bytes:
    try:
        return orjson.dumps(body, default=_null_in_list, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        # Half of a surrogate pair, cut out of a text, which only an escape can carry; or an integer
        # beyond 2^53, of which JavaScript keeps what a double can hold.
        return json.dumps(_as_doubles(body), default=_null_in_list).encode()


def _as_doubles(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _as_doubles(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_as_doubles(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    is_large = isinstance(value, int) and abs(value) > LARGEST_EXACT
    return int(float(value)) if is_large else value


def _null_in_list(value: object) -> None:
    """Values that are missing in a list are sent as null."""


def compile_subscription(definition: JSONObject, settings: JSONObject) -> Subscription:
    """Compile a subscription in the shape of Segment's Public API.

    Args:
        definition: With "actionSlug", and "name", "trigger" and "settings" (the mapping) where
            they are not the action's own.
        settings: The destination's settings.
    Raises: EmulatorError, when the action is not in the catalogue.
    """
    headers, settings_fault = _headers(settings)
    compiled = _compiled(definition)
    return replace(
        compiled,
        decided_by_name=compiled.decided_by_name and settings_fault is None,
        _settings_fault=settings_fault,
        _headers=headers,
        _header_fault=_header_fault(headers),
    )


def _compiled(definition: JSONObject) -> Subscription:
    """*definition* compiled, with no settings; once for all destinations that have the same."""
    same = json.dumps(definition)
    remembered = len(same) <= _LARGEST_REMEMBERED
    return _remembered(same) if remembered else _compile(definition)


@lru_cache(_REMEMBERED)
def _remembered(definition: str) -> Subscription:
    return _compile(json.loads(definition))


def _compile(definition: JSONObject) -> Subscription:
    action = ACTIONS.get(definition["actionSlug"])
    if action is None:
        known = ", ".join(ACTIONS)
        raise EmulatorError(
            f"unknown action {definition['actionSlug']!r}", "actionSlug", f"Known: {known}."
        )
    trigger = definition.get("trigger", action.trigger)
    mapping = definition.get("settings", action.default_mapping)
    matches, decided, trigger_fault = _compile_trigger(trigger)
    resolve = _on_first_use(lambda: compile_checked(mapping, compile_mapping))
    values = _on_first_use(lambda: compile_values(mapping, action.fields, resolve, compile_mapping))
    return Subscription(
        definition.get("name", action.title),
        action,
        mapping,
        trigger,
        matches,
        decided,
        None,
        trigger_fault,
        resolve,
        values,
        compile_fields(action.fields),
        {},
        None,
    )


def _on_first_use(compile_it: Callable[[], Callable[[JSON], JSON]]) -> Callable[[JSON], JSON]:
    """Put off what takes milliseconds until an event needs it: many subscriptions meet none."""
    compiled = cache(compile_it)
    return lambda event: compiled()(event)


def _compile_trigger(trigger: JSON) -> tuple[Predicate, bool, str | None]:
    if not trigger or not isinstance(trigger, str):
        return _never, False, "Failed to validate subscription"
    try:
        return compile_trigger(trigger), decided_by_name(parse(trigger)), None
    except TriggerError as error:
        return _never, False, f"Invalid subscription : {error}"


def _never(event: JSONObject) -> bool:
    return False


def _headers(settings: JSONObject) -> tuple[dict[str, str], str | None]:
    try:
        values = _settings_reader()(settings)
    except PayloadError as error:
        return {}, str(error)
    return {
        "x-partner-name": values["account_name"],
        "x-request-token": values["ucd_key"],
        "x-platform-name": "segment",
        "content-type": "application/json",
        "user-agent": "Segment (Actions)",
    }, None


@cache
def _settings_reader() -> Reader:
    return compile_fields(SETTINGS, clean=False)


def _header_fault(headers: dict[str, str]) -> str | None:
    """What is wrong with the headers, without their values: one of them is a secret."""
    illegal = [name for name, value in headers.items() if _ILLEGAL_IN_HEADER.search(value)]
    return f"{' and '.join(illegal)}: not a legal HTTP header value" if illegal else None
