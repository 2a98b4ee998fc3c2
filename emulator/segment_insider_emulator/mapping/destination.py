"""One subscription, compiled: trigger, mapping, typed fields and upsert body in one pass."""

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Literal, NamedTuple, TypeAlias

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.catalog import (
    ACTIONS,
    SETTINGS_FIELDS,
    UPSERT_URL,
    DestinationAction,
)
from segment_insider_emulator.mapping.codegen import FieldValueResolver, compile_field_values
from segment_insider_emulator.mapping.directives import compile_mapping
from segment_insider_emulator.mapping.fields import (
    PayloadReader,
    PayloadValidationError,
    compile_payload_reader,
)
from segment_insider_emulator.mapping.javascript import MAX_EXACT_INTEGER, MISSING
from segment_insider_emulator.mapping.liquid import LiquidError
from segment_insider_emulator.mapping.resolvers import DirectiveError, Resolver
from segment_insider_emulator.mapping.triggers import (
    EmptyGroupError,
    EventPredicate,
    TriggerError,
    compile_trigger,
    is_decided_by_name,
    parse_trigger,
)
from segment_insider_emulator.mapping.upserts import build_upsert_body
from segment_insider_emulator.mapping.validation import (
    MappingError,
    NullRootDirectiveError,
    compile_validated,
)
from segment_insider_emulator.types import JSON, JSONObject

_ILLEGAL_HEADER_CHARACTER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")

_SUBSCRIPTION_CACHE_SIZE = 1024  # subscriptions
_MAX_CACHED_DEFINITION_CHARS = 50_000  # characters of one


class InsiderRequest(NamedTuple):
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


class MappingFailure(NamedTuple):
    """Why Segment sends nothing for an event that it should have sent.

    Args:
        code: The status Segment gives it; None for faults that carry none.
        name: The class of the fault; None for a malformed trigger on a single event.
    """

    code: int | None
    name: str | None
    message: str


MappingResult: TypeAlias = MappingFailure | Literal["delivered", "not_subscribed"]


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a batch of events makes: at most one request, and one result for each event."""

    request: InsiderRequest | None
    results: list[MappingResult]


class _NullContextError(TypeError):
    """The event's context is null where Segment's audience code looks into it."""


class _IllegalHeaderError(TypeError):
    """A setting of the destination cannot stand in a header."""


# Everything an event can run into on its way; any other exception is a bug.
MAPPING_ERRORS = (
    PayloadValidationError, MappingError, DirectiveError, LiquidError,
    EmptyGroupError, NullRootDirectiveError, _NullContextError, _IllegalHeaderError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Subscription:
    """One configured mapping, ready to deliver.

    Args:
        matches: Whether the trigger takes an event; raises BrokenGroupError.
        decided_by_name: Whether an event's type and name alone decide that.
    """

    name: str
    action: DestinationAction
    mapping: JSONObject
    trigger: str
    matches: EventPredicate
    is_decided_by_name: bool
    _settings_error: str | None
    _trigger_error: str | None
    _resolve_mapping: Resolver
    _resolve_field_values: FieldValueResolver
    _read_batched_payload: PayloadReader
    _headers: dict[str, str]
    _header_error: str | None

    @property
    def action_slug(self) -> str:
        return self.action.slug

    def build_request(self, event: JSONObject) -> InsiderRequest | MappingFailure | None:
        """Deliver one event; None when the trigger does not match it."""
        if self._settings_error is not None:
            return MappingFailure(400, "AggregateAjvError", self._settings_error)
        if self._trigger_error is not None:
            return MappingFailure(None, None, self._trigger_error)
        try:
            return self.build_request_for_match(event) if self.matches(event) else None
        except MAPPING_ERRORS as fault:
            return _create_failure(fault)

    def build_request_for_match(self, event: JSONObject) -> InsiderRequest | MappingFailure:
        """Deliver one event that the trigger is known to match."""
        try:
            return self._create_request([event], [self.resolve_field_values(event)])
        except MAPPING_ERRORS as fault:
            return _create_failure(fault)

    def resolve_field_values(self, event: JSONObject) -> JSONObject:
        """The values of the action's fields for one event, cleaned and coerced.

        Raises: One of FAULTS.
        """
        return self._resolve_field_values(event)

    def build_batch_request(self, events: list[JSONObject]) -> BatchResult:
        """Deliver events in one request."""
        if self._settings_error is not None:
            return _fail_all_events(
                events, MappingFailure(400, "AggregateAjvError", self._settings_error)
            )
        if self._trigger_error is not None:
            return _fail_all_events(
                events, MappingFailure(400, _PAYLOAD_VALIDATION_FAILED, self._trigger_error)
            )
        try:
            return self._build_batch_of_matches(events)
        except MAPPING_ERRORS as fault:
            return _fail_all_events(events, _create_failure(fault))

    def _build_batch_of_matches(self, events: list[JSONObject]) -> BatchResult:
        results: list[MappingResult] = ["not_subscribed"] * len(events)
        matching = {at: event for at, event in enumerate(events) if self.matches(event)}
        payloads = {at: self._resolve_mapping(event) for at, event in matching.items()}
        values = []
        for at, payload in payloads.items():
            try:
                values.append(self._read_batched_payload(payload))
                results[at] = "delivered"
            except PayloadValidationError as fault:
                results[at] = MappingFailure(400, _PAYLOAD_VALIDATION_FAILED, str(fault))
        request = self._create_request(list(matching.values()), values) if values else None
        return BatchResult(request, results)

    def _create_request(self, events: list[JSONObject], values: list[JSONObject]) -> InsiderRequest:
        for event in events:
            context = event.get("context", MISSING)
            if isinstance(context, dict):
                context = context.get("personas", MISSING)
            if context is None:
                raise _NullContextError(
                    "Cannot read the audience of an event whose context is null"
                )
        if self._header_error is not None:
            raise _IllegalHeaderError(self._header_error)
        body = build_upsert_body([self.action.build_user(each) for each in values])
        return InsiderRequest("POST", UPSERT_URL, self._headers, _encode_body(body))


_PAYLOAD_VALIDATION_FAILED = "PAYLOAD_VALIDATION_FAILED"


def _fail_all_events(events: list[JSONObject], failure: MappingFailure) -> BatchResult:
    return BatchResult(None, [failure] * len(events))


def _create_failure(error: Exception) -> MappingFailure:
    message = str(error)
    if isinstance(error, PayloadValidationError):
        return MappingFailure(400, "AggregateAjvError", message)
    if isinstance(error, MappingError):
        aggregate = error.is_aggregate
        return MappingFailure(None if aggregate else 400, error.error_name, message)
    if isinstance(error, LiquidError):
        return MappingFailure(None, error.error_name, message)
    return MappingFailure(
        None, "Error" if isinstance(error, DirectiveError) else "TypeError", message
    )


def _encode_body(body: JSON) -> bytes:
    try:
        return orjson.dumps(body, default=_encode_missing_as_null, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        # Half of a surrogate pair, cut out of a text, which only an escape can carry; or an integer
        # beyond 2^53, of which JavaScript keeps what a double can hold.
        return json.dumps(_round_large_integers(body), default=_encode_missing_as_null).encode()


def _round_large_integers(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _round_large_integers(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_round_large_integers(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    is_large = isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER
    return int(float(value)) if is_large else value


def _encode_missing_as_null(value: object) -> None:
    """Values that are missing in a list are sent as null."""


def compile_subscription(definition: JSONObject, settings: JSONObject) -> Subscription:
    """Compile a subscription in the shape of Segment's Public API.

    Args:
        definition: With "actionSlug", and "name", "trigger" and "settings" (the mapping) where
            they are not the action's own.
        settings: The destination's settings.
    Raises: EmulatorError, when the action is not in the catalogue.
    """
    headers, settings_fault = _build_headers(settings)
    compiled = _get_compiled_subscription(definition)
    return replace(
        compiled,
        is_decided_by_name=compiled.is_decided_by_name and settings_fault is None,
        _settings_error=settings_fault,
        _headers=headers,
        _header_error=_find_header_error(headers),
    )


def _get_compiled_subscription(definition: JSONObject) -> Subscription:
    """*definition* compiled, with no settings; once for all destinations that have the same."""
    same = json.dumps(definition)
    remembered = len(same) <= _MAX_CACHED_DEFINITION_CHARS
    return _compile_definition_cached(same) if remembered else _compile_definition(definition)


@lru_cache(_SUBSCRIPTION_CACHE_SIZE)
def _compile_definition_cached(definition: str) -> Subscription:
    return _compile_definition(json.loads(definition))


def _compile_definition(definition: JSONObject) -> Subscription:
    action = ACTIONS.get(definition["actionSlug"])
    if action is None:
        known = ", ".join(ACTIONS)
        raise EmulatorError(
            f"unknown action {definition['actionSlug']!r}", "actionSlug", f"Known: {known}."
        )
    trigger = definition.get("trigger", action.trigger)
    mapping = definition.get("settings", action.default_mapping)
    matches, decided, trigger_fault = _compile_trigger_or_report(trigger)
    resolve = _compile_on_first_use(lambda: compile_validated(mapping, compile_mapping))
    values = _compile_on_first_use(
        lambda: compile_field_values(mapping, action.fields, resolve, compile_mapping)
    )
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
        compile_payload_reader(action.fields),
        {},
        None,
    )


def _compile_on_first_use(
    compile_function: Callable[[], Callable[[JSON], JSON]],
) -> Callable[[JSON], JSON]:
    """Put off what takes milliseconds until an event needs it: many subscriptions meet none."""
    compiled = cache(compile_function)
    return lambda event: compiled()(event)


def _compile_trigger_or_report(trigger: JSON) -> tuple[EventPredicate, bool, str | None]:
    if not trigger or not isinstance(trigger, str):
        return _match_nothing, False, "Failed to validate subscription"
    try:
        return compile_trigger(trigger), is_decided_by_name(parse_trigger(trigger)), None
    except TriggerError as error:
        return _match_nothing, False, f"Invalid subscription : {error}"


def _match_nothing(event: JSONObject) -> bool:
    return False


def _build_headers(settings: JSONObject) -> tuple[dict[str, str], str | None]:
    try:
        values = _get_settings_reader()(settings)
    except PayloadValidationError as error:
        return {}, str(error)
    return {
        "x-partner-name": values["account_name"],
        "x-request-token": values["ucd_key"],
        "x-platform-name": "segment",
        "content-type": "application/json",
        "user-agent": "Segment (Actions)",
    }, None


@cache
def _get_settings_reader() -> PayloadReader:
    return compile_payload_reader(SETTINGS_FIELDS, clean=False)


def _find_header_error(headers: dict[str, str]) -> str | None:
    """What is wrong with the headers, without their values: one of them is a secret."""
    illegal = [name for name, value in headers.items() if _ILLEGAL_HEADER_CHARACTER.search(value)]
    return f"{' and '.join(illegal)}: not a legal HTTP header value" if illegal else None


_EVENT_NAME_CACHE_SIZE = 1024


class SubscriptionOutcome(NamedTuple):
    """What one subscription makes of an event it takes: a request, or the reason for none."""

    subscription: Subscription
    request: InsiderRequest | None = None
    failure: MappingFailure | None = None


class Destination:
    """A destination with its settings and enabled subscriptions.

    Args:
        document: In the shape of Segment's Public API: "name", "enabled", "settings" and
            "subscriptions", each with "name", "actionSlug", "enabled", "trigger" and "settings".
    Raises: EmulatorError, when a subscription names an action that is not in the catalogue.
    """

    def __init__(self, document: JSONObject) -> None:
        self.enabled: bool = document.get("enabled", True)
        self.settings: JSONObject = document.get("settings", {})
        self.subscriptions = tuple(
            compile_subscription(subscription, self.settings)
            for subscription in document.get("subscriptions", [])
            if subscription.get("enabled", True)
        )
        self._select_candidates_cached = lru_cache(_EVENT_NAME_CACHE_SIZE)(self._select_candidates)

    def iter_outcomes(self, event: JSONObject) -> Iterator[SubscriptionOutcome]:
        """The outcomes of the subscriptions that take *event*, in their order."""
        for subscription in self.find_candidates(event):
            if found := evaluate_subscription(subscription, event):
                yield found

    def find_candidates(self, event: JSONObject) -> tuple[Subscription, ...]:
        """The subscriptions whose trigger takes *event*, or needs all of it to decide."""
        kind, name = event.get("type"), event.get("event")
        try:
            return self._select_candidates_cached(kind, name)
        except TypeError:  # a name that is a list or an object cannot be remembered
            return self._select_candidates(kind, name)

    def _select_candidates(self, event_type: JSON, event_name: JSON) -> tuple[Subscription, ...]:
        """The subscriptions that this type and name decide for, or cannot decide."""
        named = {"type": event_type, "event": event_name}
        return tuple(
            subscription
            for subscription in self.subscriptions
            if not subscription.is_decided_by_name or subscription.matches(named)
        )


def evaluate_subscription(
    subscription: Subscription, event: JSONObject
) -> SubscriptionOutcome | None:
    """What one of an event's candidates makes of it; None when it does not take it."""
    deliver = (
        subscription.build_request_for_match
        if subscription.is_decided_by_name
        else subscription.build_request
    )
    result = deliver(event)
    if isinstance(result, InsiderRequest):
        return SubscriptionOutcome(subscription, result)
    return None if result is None else SubscriptionOutcome(subscription, None, result)
