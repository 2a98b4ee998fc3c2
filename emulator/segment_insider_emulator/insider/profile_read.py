"""Reading one profile back.

Source: Insider One, API collection "Get User Profiles". Assumed: what a read costs, that unset
attributes and parameters are left out, that `source` is "web" unless the event says otherwise,
that events come newest first, as in the published sample, and that attributes and parameters that
Insider One does not know cannot be read.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from jsonschema.exceptions import ValidationError

from segment_insider_emulator.capture.profile import Profile, ProfileEvent
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.catalog import resolve_event_alias
from segment_insider_emulator.insider.documents import load_json_document
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.insider.naming import require_profile, require_user_reference
from segment_insider_emulator.insider.rates import RateLimiter
from segment_insider_emulator.insider.replies import (
    NO_SUCH_USER,
    RequestRejected,
    build_response,
    reject_malformed_body,
)
from segment_insider_emulator.insider.schema import compile_schema
from segment_insider_emulator.insider.structure import PROFILE_READ_KEYS, find_undocumented_keys
from segment_insider_emulator.insider.values import DEFAULT_ATTRIBUTES
from segment_insider_emulator.types import JSON, JSONObject

PROFILE_READ_PATH = "/api/user/v1/profile"
PROFILE_READ_BUDGET = "profile"
_REQUEST_SCHEMA = compile_schema(load_json_document("profile_request"))
_BASE_COST, _EVENT_COST = 1.0, 0.5  # units


@dataclass(frozen=True, slots=True)
class ReadProfileHandler:
    """Tell attributes and events of one profile."""

    account: InsiderAccount
    rate_limiter: RateLimiter

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when nobody is named or found, or the quota is used up."""
        reference = require_user_reference(body, self.account.identity_rules)
        for error in _REQUEST_SCHEMA.iter_errors(body):
            raise _reject_schema_error(error)
        event_filters = body.get("events", {}).get("wanted", ())
        cost = _BASE_COST + _EVENT_COST * len({each["event_name"] for each in event_filters})
        used_units = self.rate_limiter.consume(PROFILE_READ_BUDGET, now, cost)
        profile = self.account.profiles.get_with_events(
            require_profile(self.account.profiles, reference).id
        )
        if profile is None:  # it ended between the two looks
            raise NO_SUCH_USER
        response_body: JSONObject = {}
        if "attributes" in body:
            response_body["attributes"] = select_attributes(profile, body["attributes"])
        if self.account.options.profile_id_in_reads:
            response_body.setdefault("attributes", {})["iid"] = profile.id
        if "events" in body:
            response_body["events"] = select_events(profile, body["events"])
        if body.get("quota"):
            total = self.account.options.get_rate_limit(PROFILE_READ_BUDGET)
            response_body["quota"] = {"cost": cost, "used": used_units, "total": total}
        return build_response(
            200, response_body, [*find_undocumented_keys(body, PROFILE_READ_KEYS)]
        )


def select_attributes(profile: Profile, names: list[str]) -> JSONObject:
    """Those of *names* that are set, under the names asked for."""
    selected: JSONObject = {}
    for name in names:
        if name in ("*", "custom"):
            selected.update(
                (_convert_to_response_name(place), value)
                for place, value in profile.attributes.items()
                if place.startswith("custom.") or (name == "*" and "." not in place)
            )
        elif name == "iid":
            selected["iid"] = profile.id
        elif (place := _convert_to_attribute_path(name)) in profile.attributes:
            # Insider One's own connector reads the flag back under its short name.
            selected["gdpr" if place == "gdpr_optin" else name] = profile.attributes[place]
    return selected


def select_events(profile: Profile, event_request: JSONObject) -> dict[str, list[JSONObject]]:
    """Event name as asked for -> occurrences in the asked time, newest first."""
    events_by_name: dict[str, list[JSONObject]] = {}
    since, until = event_request["start_date"], event_request["end_date"]
    newest_events = sorted(profile.events, key=lambda event: event.occurred_at, reverse=True)
    for event_filter in event_request["wanted"]:
        name = event_filter["event_name"]
        matching_events = (
            event
            for event in newest_events
            if event.name == resolve_event_alias(name)
            and since <= _get_event_unix_time(event) <= until
        )
        limited_events = _limit_per_source(matching_events, event_filter.get("limit_per_source"))
        if listed := [
            _serialize_requested_event(event, event_filter.get("params", []))
            for event in limited_events
        ]:
            events_by_name[name] = listed
    return events_by_name


def _limit_per_source(events: Iterator[ProfileEvent], limit: int | None) -> Iterator[ProfileEvent]:
    counts_by_source: Counter[str] = Counter()
    for event in events:
        counts_by_source[_get_event_source(event)] += 1
        if limit is None or counts_by_source[_get_event_source(event)] <= limit:
            yield event


def _serialize_requested_event(event: ProfileEvent, requested_params: list[str]) -> JSONObject:
    custom_params = event.params.get("custom", {})
    values = {name: value for name, value in event.params.items() if not isinstance(value, dict)}
    values |= {f"c_{name}": value for name, value in custom_params.items()}
    # Asked for as `timestamp`, told as `created_date`.
    values["created_date"] = f"{event.occurred_at[:19]}Z"
    param_names = ["created_date" if name == "timestamp" else name for name in requested_params]
    selected_values = (
        values if "*" in param_names else {n: values[n] for n in param_names if n in values}
    )
    return {**selected_values, "source": _get_event_source(event)}


def _get_event_source(event: ProfileEvent) -> str:
    return str(event.params.get("source", "web"))


def _get_event_unix_time(event: ProfileEvent) -> float:
    occurred_at = parse_rfc3339(event.occurred_at)
    assert occurred_at is not None  # the store writes no other
    return occurred_at.timestamp()


def _convert_to_attribute_path(name: str) -> str:
    if name.startswith("c_"):
        return f"custom.{name.removeprefix('c_')}"
    return "gdpr_optin" if name == "gdpr" else DEFAULT_ATTRIBUTES.aliases.get(name, name)


def _convert_to_response_name(attribute_path: str) -> str:
    if attribute_path == "gdpr_optin":
        return "gdpr"
    return (
        f"c_{attribute_path.removeprefix('custom.')}"
        if attribute_path.startswith("custom.")
        else attribute_path
    )


def _reject_schema_error(error: ValidationError) -> RequestRejected:
    path, expected = [str(step) for step in error.absolute_path], error.validator_value
    where = ".".join(path)
    if error.validator == "anyOf":
        text = "either attributes or events must be specified"
        return reject_malformed_body(text, "List the attributes or events to be told.")
    if error.validator == "required":
        request_object = cast(JSONObject, error.instance)
        name = next(each for each in cast(list[str], expected) if each not in request_object)
        return reject_malformed_body(f"{'.'.join([*path, name])} must be defined", f"Send {name}.")
    if error.validator == "minimum":
        return reject_malformed_body(
            f"{where} must be at least {expected}", f"Send {expected} or more."
        )
    return reject_malformed_body(
        f"{where} must be {expected}", f"Send {where} as a JSON {expected}."
    )
