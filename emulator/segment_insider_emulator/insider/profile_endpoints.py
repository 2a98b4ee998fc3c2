"""Handlers of Insider One requests about one profile: read, identifiers, delete, anonymize.

Source: Insider One, API collection "Get User Profiles", "Update Identifiers", "Delete
Identifiers", "Delete User Profile" and "Anonymize". Assumed for reads: the cost; unset attributes
and parameters are omitted; `source` is "web" if the event has none; events are newest first, as
in the published sample; unknown attributes and parameters cannot be read. Assumed for the others:
the response {} to a deletion of identifiers and to anonymize; 404 for a user that does not exist.
"""

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from jsonschema.exceptions import ValidationError

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider import responses
from segment_insider_emulator.insider.account import InsiderAccount, RateLimiter
from segment_insider_emulator.insider.catalog import DEFAULT_ATTRIBUTES, resolve_event_alias
from segment_insider_emulator.insider.formats import CompiledSchema, load_schema_file, parse_rfc3339
from segment_insider_emulator.insider.identity import (
    DEFAULT_IDENTIFIERS,
    IdentityRules,
    format_identifier,
)
from segment_insider_emulator.insider.profile_changes import copy_profile_states, save_with_history
from segment_insider_emulator.insider.responses import (
    NO_SUCH_USER,
    RequestRejected,
    build_json_response,
    build_malformed_body_rejection,
)
from segment_insider_emulator.insider.users import (
    UserReference,
    require_json_object,
    require_profile,
    require_user_reference,
)
from segment_insider_emulator.insider.validation import (
    IDENTIFIER_UPDATE_KEYS,
    PROFILE_ID_KEYS,
    PROFILE_READ_KEYS,
    USER_REFERENCE_KEYS,
    DocumentedKeys,
    warn_undocumented_keys,
)
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

log = logging.getLogger(__name__)

PROFILE_READ_PATH = "/api/user/v1/profile"
IDENTITY_PATH = "/api/user/v1/identity"
PROFILE_DELETE_PATH = "/api/user/v1/delete"
ANONYMIZE_PATH = "/api/user/v1/anonymize"
ANONYMIZE_BY_ID_PATH = "/api/contact/v1/anonymize"
PROFILE_READ_BUDGET = "profile"
_REQUEST_SCHEMA = CompiledSchema(load_schema_file("profile_request"))
_BASE_COST, _EVENT_COST = 1.0, 0.5  # units


@dataclass(frozen=True, slots=True)
class ReadProfileHandler:
    """Handler of POST profile of the Insider One API: return attributes and events of a profile."""

    account: InsiderAccount
    rate_limiter: RateLimiter

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Return the attributes and events of a profile that the request names.

        Raises: RequestRejected, for an unknown user or an exceeded quota.
        """
        reference = require_user_reference(body, self.account.identity_rules)
        for error in _REQUEST_SCHEMA.iter_errors(body):
            raise _build_schema_error_rejection(error)
        event_filters = body.get("events", {}).get("wanted", ())
        event_names = {event_filter["event_name"] for event_filter in event_filters}
        cost = _BASE_COST + _EVENT_COST * len(event_names)
        used_units = self.rate_limiter.consume_units(PROFILE_READ_BUDGET, now, cost)
        profile_id = require_profile(self.account.profiles, reference).id
        profile = self.account.profiles.get_with_events(profile_id)
        if profile is None:  # deleted between the two queries
            raise NO_SUCH_USER
        response_body: JSONObject = {}
        if "attributes" in body:
            response_body["attributes"] = select_requested_attributes(profile, body["attributes"])
        if self.account.options.profile_id_in_reads:
            response_body.setdefault("attributes", {})["iid"] = profile.id
        if "events" in body:
            response_body["events"] = select_requested_events(profile, body["events"])
        if body.get("quota"):
            total = self.account.options.rate_limits[PROFILE_READ_BUDGET]
            response_body["quota"] = {"cost": cost, "used": used_units, "total": total}
        return _build_success_response(body, PROFILE_READ_KEYS, response_body)


def select_requested_attributes(profile: Profile, names: list[str]) -> JSONObject:
    """Select the profile attributes that a request names and that are set, under those names."""
    selected: JSONObject = {}
    for name in names:
        if name in ("*", "custom"):
            selected.update(
                (_convert_to_response_attribute_name(path), value)
                for path, value in profile.attributes.items()
                if path.startswith("custom.") or (name == "*" and "." not in path)
            )
        elif name == "iid":
            selected["iid"] = profile.id
        elif (path := _convert_to_attribute_path(name)) in profile.attributes:
            # Insider One's own connector reads the flag under its short name.
            selected["gdpr" if path == "gdpr_optin" else name] = profile.attributes[path]
    return selected


def select_requested_events(
    profile: Profile, event_request: JSONObject
) -> dict[str, list[JSONObject]]:
    """Select the profile events that a request names: event name -> events, newest first."""
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
        limited_events = _limit_events_per_source(
            matching_events, event_filter.get("limit_per_source")
        )
        params = event_filter.get("params", [])
        if events := [_serialize_requested_event(event, params) for event in limited_events]:
            events_by_name[name] = events
    return events_by_name


def _limit_events_per_source(
    events: Iterator[ProfileEvent], limit: int | None
) -> Iterator[ProfileEvent]:
    counts_by_source: Counter[str] = Counter()
    for event in events:
        counts_by_source[_get_event_source(event)] += 1
        if limit is None or counts_by_source[_get_event_source(event)] <= limit:
            yield event


def _serialize_requested_event(event: ProfileEvent, requested_params: list[str]) -> JSONObject:
    custom_params = event.params.get("custom", {})
    values = {name: value for name, value in event.params.items() if not isinstance(value, dict)}
    values |= {f"c_{name}": value for name, value in custom_params.items()}
    # A request names it `timestamp`, the response `created_date`.
    values["created_date"] = f"{event.occurred_at[:19]}Z"
    param_names = ["created_date" if name == "timestamp" else name for name in requested_params]
    if "*" not in param_names:
        values = {name: values[name] for name in param_names if name in values}
    return {**values, "source": _get_event_source(event)}


def _get_event_source(event: ProfileEvent) -> str:
    return str(event.params.get("source", "web"))


def _get_event_unix_time(event: ProfileEvent) -> float:
    occurred_at = parse_rfc3339(event.occurred_at)
    assert occurred_at is not None  # the store writes valid times only
    return occurred_at.timestamp()


def _convert_to_attribute_path(name: str) -> str:
    if name.startswith("c_"):
        return f"custom.{name.removeprefix('c_')}"
    return "gdpr_optin" if name == "gdpr" else DEFAULT_ATTRIBUTES.aliases.get(name, name)


def _convert_to_response_attribute_name(attribute_path: str) -> str:
    if attribute_path == "gdpr_optin":
        return "gdpr"
    if attribute_path.startswith("custom."):
        return f"c_{attribute_path.removeprefix('custom.')}"
    return attribute_path


def _build_schema_error_rejection(error: ValidationError) -> RequestRejected:
    path, expected = [str(step) for step in error.absolute_path], error.validator_value
    where = ".".join(path)
    if error.validator == "anyOf":
        text = "either attributes or events must be specified"
        return build_malformed_body_rejection(text, "List the attributes or events to return.")
    if error.validator == "required":
        request_object = cast(JSONObject, error.instance)
        name = next(key for key in cast(list[str], expected) if key not in request_object)
        return build_malformed_body_rejection(
            f"{'.'.join([*path, name])} must be defined", f"Send {name}."
        )
    if error.validator == "minimum":
        text = f"{where} must be at least {expected}"
        return build_malformed_body_rejection(text, f"Send {expected} or more.")
    text = f"{where} must be {expected}"
    return build_malformed_body_rejection(text, f"Send {where} as a JSON {expected}.")


@dataclass(frozen=True, slots=True)
class UpdateIdentifierHandler:
    """Handler of PATCH identity of the Insider One API: replace an identifier of a profile."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Replace the old identifier value of a profile by the new one. Raises: RequestRejected."""
        name, old_value, new_value = _parse_identifier_update(body, self.account.identity_rules)
        old_identifier = format_identifier(name, old_value)
        new_identifier = format_identifier(name, new_value)
        with self.account.profiles.unit_of_work() as unit_of_work:
            if unit_of_work.find_by_identifiers([new_identifier]):
                raise responses.IDENTIFIER_ALREADY_ASSIGNED
            profile = require_profile(unit_of_work, UserReference(None, {name: old_value}))
            states_before = copy_profile_states([profile])
            values = profile.identifiers[name]
            values[values.index(old_value)] = new_value
            if name in DEFAULT_IDENTIFIERS:
                profile.set_attribute(name, values[-1], format_iso_utc(now))
            what = f"{name} was changed by PATCH {IDENTITY_PATH}"
            profile.trail.append({"at": format_iso_utc(now), "what": what})
            profile.updated_at = format_iso_utc(now)
            changes = ProfileChanges(
                changed_profiles=[profile],
                removed_identifiers=[old_identifier],
                added_identifiers={new_identifier: profile.id},
            )
            source = f"PATCH {IDENTITY_PATH}"
            profile_changes = save_with_history(unit_of_work, states_before, changes, now, source)
            # A default identifier is an attribute as well, and its update can start journeys.
            self.account.on_change(profile_changes)
        return _build_success_response(body, IDENTIFIER_UPDATE_KEYS)


@dataclass(frozen=True, slots=True)
class DeleteIdentifiersHandler:
    """Handler of DELETE identity of the Insider One API; a profile's last identifier stays."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Remove the identifiers in the request from their profile. Raises: RequestRejected."""
        reference = require_user_reference(body, self.account.identity_rules)
        if not reference.identifiers:
            raise responses.NO_VALID_IDENTIFIER
        with self.account.profiles.unit_of_work() as unit_of_work:
            profile = require_profile(unit_of_work, reference)
            states_before = copy_profile_states([profile])
            removed_identifiers = []
            for identifier_type, value in reference.identifiers.items():
                values = profile.identifiers.get(identifier_type, [])
                if value not in values:
                    # Assumed: all identifiers must belong to the same profile.
                    raise responses.NO_SUCH_USER
                values.remove(value)
                removed_identifiers.append(format_identifier(identifier_type, value))
                if not values:
                    del profile.identifiers[identifier_type]
                    profile.remove_attribute(identifier_type)
                elif identifier_type in DEFAULT_IDENTIFIERS:
                    profile.set_attribute(identifier_type, values[-1], format_iso_utc(now))
            if not profile.identifiers:
                raise responses.SOLE_IDENTIFIER
            source = f"DELETE {IDENTITY_PATH}"
            what = f"{', '.join(reference.identifiers)} was deleted by {source}"
            profile.trail.append({"at": format_iso_utc(now), "what": what})
            profile.updated_at = format_iso_utc(now)
            save_with_history(
                unit_of_work,
                states_before,
                ProfileChanges([], [profile], removed_identifiers=removed_identifiers),
                now,
                source,
            )
        return _build_success_response(body, USER_REFERENCE_KEYS)


def _parse_identifier_update(body: JSON, rules: IdentityRules) -> tuple[str, str, str]:
    """Return identifier type, old and new value of a PATCH identity. Raises: RequestRejected."""
    request_object = require_json_object(body)
    identifier_objects = [request_object.get(key) for key in ("old_identifier", "new_identifier")]
    for identifiers in identifier_objects:
        if not isinstance(identifiers, dict) or len(_list_identifier_names(identifiers)) != 1:
            raise responses.NOT_EXACTLY_ONE_IDENTIFIER
    (old_type, old_value), (new_type, new_value) = (
        next(iter(require_user_reference({"identifiers": entry}, rules).identifiers.items()))
        for entry in identifier_objects
    )
    if old_type != new_type:
        raise responses.DIFFERENT_IDENTIFIER_TYPES
    if old_value == new_value:
        raise responses.SAME_IDENTIFIER_VALUES
    return old_type, old_value, new_value


def _list_identifier_names(identifiers: dict[str, JSON]) -> list[str]:
    """List the names of a request's identifiers, at the root and under `custom`."""
    custom_identifiers = identifiers.get("custom", {})
    names = [name for name in identifiers if name != "custom"]
    return [*names, *(custom_identifiers if isinstance(custom_identifiers, dict) else ["custom"])]


@dataclass(frozen=True, slots=True)
class DeleteProfileHandler:
    """Handler of POST delete of the Insider One API: delete a profile with all its data."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Delete the profile that the request names. Raises: RequestRejected, if there is none."""
        reference = require_user_reference(body, self.account.identity_rules)
        with self.account.profiles.unit_of_work() as unit_of_work:
            profile_id = require_profile(unit_of_work, reference).id
            unit_of_work.save_changes(ProfileChanges(deleted_profile_ids=[profile_id]))
        log.info("deleted profile")
        return _build_success_response(body, USER_REFERENCE_KEYS)


@dataclass(frozen=True, slots=True)
class AnonymizeProfileHandler:
    """Handler of POST anonymize of the Insider One API: delete a profile's personal data."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Anonymize the profile that the request names. Raises: RequestRejected, if none."""
        reference = require_user_reference(body, self.account.identity_rules)
        anonymize_profile(self.account, reference, now)
        return _build_success_response(body, USER_REFERENCE_KEYS)


@dataclass(frozen=True, slots=True)
class AnonymizeByProfileIdHandler:
    """Handler of POST contact/v1/anonymize: anonymize a profile by its Profile ID.

    One published sample also has `partner` and `api_key`; they are ignored.
    """

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Anonymize the profile with the Profile ID in the request. Raises: RequestRejected."""
        insider_id = require_json_object(body).get("insider_id")
        if not isinstance(insider_id, str) or not insider_id:
            remedy = "Send the Profile ID that the user's profile shows, as text."
            raise build_malformed_body_rejection("insider_id must be specified", remedy)
        anonymize_profile(self.account, UserReference(insider_id, {}), now)
        return _build_success_response(body, PROFILE_ID_KEYS)


def anonymize_profile(account: InsiderAccount, reference: UserReference, now: datetime) -> None:
    """Delete all attributes and identifiers of a profile that the account marks as personal."""
    with account.profiles.unit_of_work() as unit_of_work:
        profile = require_profile(unit_of_work, reference)
        removed_identifiers = [
            format_identifier(name, value)
            for name in account.options.pii_attributes
            for value in profile.identifiers.pop(name.removeprefix("custom."), ())
        ]
        # Assumed: an unrecognised attribute may be personal as well, e.g. a phone from an event.
        unrecognised_names = [
            name for name in profile.attributes if name.startswith("unrecognised.")
        ]
        for name in (*account.options.pii_attributes, *unrecognised_names):
            profile.remove_attribute(name)
        _redact_merge_history(profile, format_iso_utc(now))
        changes = ProfileChanges(
            changed_profiles=[profile], removed_identifiers=removed_identifiers
        )
        # The history has the personal data that must go.
        unit_of_work.delete_histories([profile.id])
        states = copy_profile_states([profile])
        note = "Personal data and the earlier history were deleted."
        save_with_history(unit_of_work, states, changes, now, "anonymize", note=note)
    log.info("anonymized profile")


def _redact_merge_history(profile: Profile, now: str) -> None:
    """Remove identifiers from a profile's merge history, but keep that there were merges."""
    for entry in profile.trail:
        if "merge" in entry:
            merge_record = entry["merge"]
            entry["what"] = f"merged with {merge_record['absorbed']}"
            entry["merge"] = {
                name: merge_record[name] for name in ("absorbed", "survivor", "request")
            }
    profile.trail.append({"at": now, "what": "was anonymized"})
    profile.updated_at = now


def _build_success_response(
    body: JSON, documented_keys: DocumentedKeys, response_body: JSONObject | None = None
) -> HttpResponse:
    return build_json_response(
        200, response_body or {}, [*warn_undocumented_keys(body, documented_keys)]
    )
