"""The compiled destination: its subscriptions build Insider One requests from events."""

import json
import marshal
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
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
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.liquid import LiquidError
from segment_insider_emulator.mapping.triggers import (
    EmptyGroupError,
    EventPredicate,
    TriggerError,
    compile_trigger,
    is_decided_by_type_and_name,
    parse_trigger,
)
from segment_insider_emulator.mapping.upserts import build_upsert_body, encode_upsert_body
from segment_insider_emulator.mapping.validation import (
    DirectiveError,
    MappingError,
    NullRootDirectiveError,
    Resolver,
    compile_validated_mapping,
)
from segment_insider_emulator.types import JSON, JSONObject, record

_ILLEGAL_HEADER_CHARACTER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")

_SUBSCRIPTION_CACHE_SIZE = 1024
_MAX_CACHED_DEFINITION_BYTES = 50_000
_DESTINATION_CACHE_SIZE = 64
_MAX_CACHED_DESTINATION_BYTES = 200_000
_EVENT_NAME_CACHE_SIZE = 1024
_PAYLOAD_VALIDATION_FAILED = "PAYLOAD_VALIDATION_FAILED"


class InsiderRequest(NamedTuple):
    """One request to Insider One. Header names are lower case; *body* is JSON in UTF-8."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> JSON:
        """Return the body of the Insider One request as a JSON value."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            # A lone surrogate, which only the slower parser accepts.
            return json.loads(self.body)


class MappingFailure(NamedTuple):
    """The reason why Segment sends nothing for an event that it should have sent.

    Args:
        code: The status Segment gives it; None for errors without a status.
        name: The class of the error; None for a malformed trigger on a single event.
    """

    code: int | None
    name: str | None
    message: str


MappingResult: TypeAlias = MappingFailure | Literal["delivered", "not_subscribed"]


@record
class BatchResult:
    """Result of mapping a batch of events: at most one request, and one result per event."""

    request: InsiderRequest | None
    results: list[MappingResult]


class _NullContextError(TypeError):
    """The event's context is null; Segment's audience code expects an object."""


class _IllegalHeaderError(TypeError):
    """A setting of the destination has a character that is not allowed in a header."""


# Every error that an event can cause; any other exception is a bug.
MAPPING_ERRORS = (
    PayloadValidationError, MappingError, DirectiveError, LiquidError,
    EmptyGroupError, NullRootDirectiveError, _NullContextError, _IllegalHeaderError,
)  # fmt: skip


@record
class Subscription:
    """A compiled subscription: trigger, mapping, typed fields and upsert body.

    Args:
        matches: Whether the trigger matches an event; raises EmptyGroupError.
        is_decided_by_type_and_name: Whether the trigger depends only on an event's type and name.
    """

    name: str
    action: DestinationAction
    mapping: JSONObject
    trigger: str
    matches: EventPredicate
    is_decided_by_type_and_name: bool
    _settings_error: str | None
    _trigger_error: str | None
    _resolve_mapping: Resolver
    _resolve_field_values: FieldValueResolver
    _read_batched_payload: PayloadReader
    _headers: dict[str, str]
    _header_error: str | None

    @property
    def action_slug(self) -> str:
        """Return the slug of the subscription's action."""
        return self.action.slug

    def build_request(
        self, event: JSONObject, trigger_event: JSONObject | None = None
    ) -> InsiderRequest | MappingFailure | None:
        """Build the Insider One request for one event; None when the trigger does not match.

        Args:
            trigger_event: The event that the trigger sees, if an insert function changed it.
        """
        if self._settings_error is not None:
            return MappingFailure(400, "AggregateAjvError", self._settings_error)
        if self._trigger_error is not None:
            return MappingFailure(None, None, self._trigger_error)
        try:
            is_match = self.matches(event if trigger_event is None else trigger_event)
            return self.build_request_for_match(event) if is_match else None
        except MAPPING_ERRORS as error:
            return _create_mapping_failure(error)

    def is_match_or_failure(self, event: JSONObject) -> bool:
        """Return whether the trigger matches one event, or settings or trigger are invalid."""
        if self._settings_error is not None or self._trigger_error is not None:
            return True
        try:
            return self.matches(event)
        except MAPPING_ERRORS:
            return True

    def build_request_for_match(self, event: JSONObject) -> InsiderRequest | MappingFailure:
        """Build the Insider One request for one event that is known to match the trigger."""
        try:
            return self._create_upsert_request([event], [self.resolve_field_values(event)])
        except MAPPING_ERRORS as error:
            return _create_mapping_failure(error)

    def resolve_field_values(self, event: JSONObject) -> JSONObject:
        """Return the cleaned, coerced values of the action's fields for one event.

        Raises: One of MAPPING_ERRORS.
        """
        return self._resolve_field_values(event)

    def build_batch_request(
        self, events: list[JSONObject], trigger_events: list[JSONObject] | None = None
    ) -> BatchResult:
        """Build one Insider One request for a batch of events.

        Args:
            trigger_events: The events that the trigger sees; None for the same events.
        """
        if self._settings_error is not None:
            return _create_failed_batch_result(
                events, MappingFailure(400, "AggregateAjvError", self._settings_error)
            )
        if self._trigger_error is not None:
            return _create_failed_batch_result(
                events, MappingFailure(400, _PAYLOAD_VALIDATION_FAILED, self._trigger_error)
            )
        try:
            return self._build_batch_of_matching_events(events, trigger_events or events)
        except MAPPING_ERRORS as error:
            return _create_failed_batch_result(events, _create_mapping_failure(error))

    def _build_batch_of_matching_events(
        self, events: list[JSONObject], trigger_events: list[JSONObject]
    ) -> BatchResult:
        results: list[MappingResult] = ["not_subscribed"] * len(events)
        matching_events = {
            index: events[index] for index, seen in enumerate(trigger_events) if self.matches(seen)
        }
        payloads = {index: self._resolve_mapping(event) for index, event in matching_events.items()}
        values = []
        for index, payload in payloads.items():
            try:
                values.append(self._read_batched_payload(payload))
                results[index] = "delivered"
            except PayloadValidationError as error:
                results[index] = MappingFailure(400, _PAYLOAD_VALIDATION_FAILED, str(error))
        request = (
            self._create_upsert_request(list(matching_events.values()), values) if values else None
        )
        return BatchResult(request, results)

    def _create_upsert_request(
        self, events: list[JSONObject], values: list[JSONObject]
    ) -> InsiderRequest:
        for event in events:
            context = event.get("context", MISSING)
            if isinstance(context, dict):
                context = context.get("personas", MISSING)
            if context is None:
                raise _NullContextError(
                    "Cannot read the audience: the context of the event is null"
                )
        if self._header_error is not None:
            raise _IllegalHeaderError(self._header_error)
        body = build_upsert_body([self.action.build_user(user_values) for user_values in values])
        return InsiderRequest("POST", UPSERT_URL, self._headers, encode_upsert_body(body))


class SubscriptionOutcome(NamedTuple):
    """Outcome of one subscription that matches an event: a request, or a failure."""

    subscription: Subscription
    request: InsiderRequest | None = None
    failure: MappingFailure | None = None


class Destination:
    """A compiled Insider One destination with its settings and enabled subscriptions.

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
        self._select_candidates_cached = lru_cache(_EVENT_NAME_CACHE_SIZE)(
            self._preselect_by_type_and_name
        )

    def iter_subscription_outcomes(
        self, event: JSONObject, trigger_event: JSONObject | None = None
    ) -> Iterator[SubscriptionOutcome]:
        """Yield the outcome of each subscription that matches *event*, in order.

        Args:
            trigger_event: The event that triggers see, if an insert function changed it.
        """
        for subscription in self.preselect_subscriptions(trigger_event or event):
            if outcome := evaluate_subscription(subscription, event, trigger_event):
                yield outcome

    def has_match(self, event: JSONObject) -> bool:
        """Return whether a subscription matches *event*, or fails on it."""
        return any(
            subscription.is_decided_by_type_and_name or subscription.is_match_or_failure(event)
            for subscription in self.preselect_subscriptions(event)
        )

    def preselect_subscriptions(self, event: JSONObject) -> tuple[Subscription, ...]:
        """Return the subscriptions that may match *event*, judged only by its type and name."""
        event_type, event_name = event.get("type"), event.get("event")
        try:
            return self._select_candidates_cached(event_type, event_name)
        except TypeError:  # a name that is a list or an object cannot be cached
            return self._preselect_by_type_and_name(event_type, event_name)

    def _preselect_by_type_and_name(
        self, event_type: JSON, event_name: JSON
    ) -> tuple[Subscription, ...]:
        """Return the subscriptions that may match an event of this type and name."""
        type_and_name = {"type": event_type, "event": event_name}
        return tuple(
            subscription
            for subscription in self.subscriptions
            if not subscription.is_decided_by_type_and_name or subscription.matches(type_and_name)
        )


def compile_destination(document: JSONObject) -> Destination:
    """Compile a destination; equal ones are compiled once, since many sandboxes have the same.

    Raises: EmulatorError, as `Destination`.
    """
    marshalled = marshal.dumps(document, 2)
    if len(marshalled) > _MAX_CACHED_DESTINATION_BYTES:
        return Destination(document)
    return _compile_destination_cached(marshalled)


@lru_cache(_DESTINATION_CACHE_SIZE)
def _compile_destination_cached(marshalled: bytes) -> Destination:
    return Destination(marshal.loads(marshalled))


def evaluate_subscription(
    subscription: Subscription, event: JSONObject, trigger_event: JSONObject | None = None
) -> SubscriptionOutcome | None:
    """Evaluate a preselected subscription for *event*; None when its trigger does not match."""
    if subscription.is_decided_by_type_and_name:
        result: InsiderRequest | MappingFailure | None = subscription.build_request_for_match(event)
    else:
        result = subscription.build_request(event, trigger_event)
    if isinstance(result, InsiderRequest):
        return SubscriptionOutcome(subscription, result)
    return None if result is None else SubscriptionOutcome(subscription, None, result)


def compile_subscription(definition: JSONObject, settings: JSONObject) -> Subscription:
    """Compile a subscription that has the shape of Segment's Public API.

    Args:
        definition: Has "actionSlug"; may have "name", "trigger" and "settings" (the mapping) in
            place of the action's own.
        settings: The destination's settings.
    Raises: EmulatorError, when the action is not in the catalogue.
    """
    headers, settings_error = _build_request_headers(settings)
    compiled = _get_compiled_subscription(definition)
    return replace(
        compiled,
        is_decided_by_type_and_name=compiled.is_decided_by_type_and_name and settings_error is None,
        _settings_error=settings_error,
        _headers=headers,
        _header_error=_find_header_error(headers),
    )


def _create_failed_batch_result(events: list[JSONObject], failure: MappingFailure) -> BatchResult:
    return BatchResult(None, [failure] * len(events))


def _create_mapping_failure(error: Exception) -> MappingFailure:
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


def _get_compiled_subscription(definition: JSONObject) -> Subscription:
    """Return *definition* compiled without settings; equal definitions are compiled once."""
    # Version 2 gives equal values equal bytes, four times as fast as JSON.
    marshalled = marshal.dumps(definition, 2)
    if len(marshalled) > _MAX_CACHED_DEFINITION_BYTES:
        return _compile_definition(definition)
    return _compile_definition_cached(marshalled)


@lru_cache(_SUBSCRIPTION_CACHE_SIZE)
def _compile_definition_cached(marshalled: bytes) -> Subscription:
    return _compile_definition(marshal.loads(marshalled))


def _compile_definition(definition: JSONObject) -> Subscription:
    action = ACTIONS.get(definition["actionSlug"])
    if action is None:
        known = ", ".join(ACTIONS)
        raise EmulatorError(
            f"unknown action {definition['actionSlug']!r}", "actionSlug", f"Known: {known}."
        )
    trigger = definition.get("trigger", action.trigger)
    mapping = definition.get("settings", action.default_mapping)
    predicate, is_decided, trigger_error = _compile_trigger_or_report(trigger)
    resolve_mapping = _compile_on_first_use(
        lambda: compile_validated_mapping(mapping, compile_mapping)
    )
    resolve_field_values = _compile_on_first_use(
        lambda: compile_field_values(mapping, action.fields, resolve_mapping, compile_mapping)
    )
    return Subscription(
        definition.get("name", action.title),
        action,
        mapping,
        trigger,
        predicate,
        is_decided,
        None,
        trigger_error,
        resolve_mapping,
        resolve_field_values,
        compile_payload_reader(action.fields),
        {},
        None,
    )


def _compile_on_first_use(
    compile_function: Callable[[], Callable[[JSON], JSON]],
) -> Callable[[JSON], JSON]:
    """Delay the compilation of a mapping to its first event: many subscriptions never get one."""
    get_compiled = cache(compile_function)
    return lambda event: get_compiled()(event)


def _compile_trigger_or_report(trigger: JSON) -> tuple[EventPredicate, bool, str | None]:
    if not trigger or not isinstance(trigger, str):
        return _match_no_event, False, "Failed to validate subscription"
    try:
        return compile_trigger(trigger), is_decided_by_type_and_name(parse_trigger(trigger)), None
    except TriggerError as error:
        return _match_no_event, False, f"Invalid subscription : {error}"


def _match_no_event(event: JSONObject) -> bool:
    return False


def _build_request_headers(settings: JSONObject) -> tuple[dict[str, str], str | None]:
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
    """Return what is wrong with the request headers, without their values: one is a secret."""
    illegal_names = [
        name for name, value in headers.items() if _ILLEGAL_HEADER_CHARACTER.search(value)
    ]
    return (
        f"{' and '.join(illegal_names)}: not a legal HTTP header value" if illegal_names else None
    )
