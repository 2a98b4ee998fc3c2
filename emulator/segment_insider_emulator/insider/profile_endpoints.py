"""Reading one profile back.

Source: Insider One, API collection "Get User Profiles". Assumed: what a read costs, that unset
attributes and parameters are left out, that `source` is "web" unless the event says otherwise,
that events come newest first, as in the published sample, and that attributes and parameters that
Insider One does not know cannot be read.
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
from segment_insider_emulator.insider.formats import (
    compile_schema,
    load_json_document,
    parse_rfc3339,
)
from segment_insider_emulator.insider.identity import (
    DEFAULT_IDENTIFIERS,
    IdentityRules,
    format_identifier,
)
from segment_insider_emulator.insider.profile_changes import build_profile_changes, copy_attributes
from segment_insider_emulator.insider.responses import (
    NO_SUCH_USER,
    RequestRejected,
    build_response,
    reject_malformed_body,
)
from segment_insider_emulator.insider.users import (
    UserReference,
    require_object,
    require_profile,
    require_user_reference,
)
from segment_insider_emulator.insider.validation import (
    IDENTIFIER_UPDATE_KEYS,
    PROFILE_ID_KEYS,
    PROFILE_READ_KEYS,
    USER_REFERENCE_KEYS,
    find_undocumented_keys,
)
from segment_insider_emulator.storage.records import Profile, ProfileChanges, ProfileEvent
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

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


IDENTITY_PATH = "/api/user/v1/identity"


@dataclass(frozen=True, slots=True)
class UpdateIdentifierHandler:
    """Give a profile a new value of an identifier for the one it has."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal."""
        identifier_type, old_value, new_value = _parse_identifier_update(
            body, self.account.identity_rules
        )
        with self.account.profiles.unit_of_work() as unit_of_work:
            if unit_of_work.find_by_identifiers([format_identifier(identifier_type, new_value)]):
                raise responses.IDENTIFIER_ALREADY_ASSIGNED
            profile = require_profile(
                unit_of_work, UserReference(None, {identifier_type: old_value})
            )
            attributes_before, values = (
                copy_attributes([profile]),
                profile.identifiers[identifier_type],
            )
            values[values.index(old_value)] = new_value
            if identifier_type in DEFAULT_IDENTIFIERS:
                profile.set_attribute(identifier_type, values[-1], format_iso_utc(now))
            profile.trail.append(
                {
                    "at": format_iso_utc(now),
                    "what": f"{identifier_type} was changed by PATCH {IDENTITY_PATH}",
                }
            )
            profile.updated_at = format_iso_utc(now)
            new_identifiers = {format_identifier(identifier_type, new_value): profile.id}
            changes = ProfileChanges(
                changed_profiles=[profile],
                removed_identifiers=[format_identifier(identifier_type, old_value)],
                added_identifiers=new_identifiers,
            )
            unit_of_work.save_changes(changes)
            # A default identifier is an attribute, too, and updates of one start journeys.
            self.account.on_change(
                build_profile_changes(attributes_before, changes, [], now, skip_hook=False)
            )
        return responses.build_response(
            200, {}, [*find_undocumented_keys(body, IDENTIFIER_UPDATE_KEYS)]
        )


@dataclass(frozen=True, slots=True)
class DeleteIdentifiersHandler:
    """Take identifiers from a profile, which keeps at least one."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal."""
        reference = require_user_reference(body, self.account.identity_rules)
        if not reference.identifiers:
            raise responses.NO_VALID_IDENTIFIER
        with self.account.profiles.unit_of_work() as unit_of_work:
            profile = require_profile(unit_of_work, reference)
            removed_identifiers = []
            for identifier_type, value in reference.identifiers.items():
                values = profile.identifiers.get(identifier_type, [])
                if value not in values:
                    # Assumed: what one of two owns is not taken from both.
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
            what = f"{', '.join(reference.identifiers)} was deleted by DELETE {IDENTITY_PATH}"
            profile.trail.append({"at": format_iso_utc(now), "what": what})
            profile.updated_at = format_iso_utc(now)
            unit_of_work.save_changes(
                ProfileChanges(changed_profiles=[profile], removed_identifiers=removed_identifiers)
            )
        return responses.build_response(
            200, {}, [*find_undocumented_keys(body, USER_REFERENCE_KEYS)]
        )


def _parse_identifier_update(body: JSON, rules: IdentityRules) -> tuple[str, str, str]:
    """Type, old and new value. Raises: Refusal."""
    request_object = require_object(body)
    identifier_objects = [request_object.get(side) for side in ("old_identifier", "new_identifier")]
    if not all(
        isinstance(each, dict) and len(_list_identifier_names(each)) == 1
        for each in identifier_objects
    ):
        raise responses.NOT_EXACTLY_ONE_IDENTIFIER
    parsed_identifiers = [
        require_user_reference({"identifiers": each}, rules).identifiers
        for each in identifier_objects
    ]
    (old_type, old_value), (new_type, new_value) = (
        next(iter(each.items())) for each in parsed_identifiers
    )
    if old_type != new_type:
        raise responses.DIFFERENT_IDENTIFIER_TYPES
    if old_value == new_value:
        raise responses.SAME_IDENTIFIER_VALUES
    return old_type, old_value, new_value


def _list_identifier_names(identifiers: dict[str, JSON]) -> list[str]:
    """Names on both levels."""
    custom_identifiers = identifiers.get("custom", {})
    names = [name for name in identifiers if name != "custom"]
    return [*names, *(custom_identifiers if isinstance(custom_identifiers, dict) else ["custom"])]


log = logging.getLogger(__name__)

PROFILE_DELETE_PATH = "/api/user/v1/delete"
ANONYMIZE_PATH = "/api/user/v1/anonymize"
ANONYMIZE_BY_ID_PATH = "/api/contact/v1/anonymize"


@dataclass(frozen=True, slots=True)
class DeleteProfileHandler:
    """End one profile with its identifiers and events."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when nobody is named or found."""
        reference = require_user_reference(body, self.account.identity_rules)
        with self.account.profiles.unit_of_work() as unit_of_work:
            unit_of_work.save_changes(
                ProfileChanges(deleted_profile_ids=[require_profile(unit_of_work, reference).id])
            )
        log.info("deleted profile")
        return build_response(200, {}, [*find_undocumented_keys(body, USER_REFERENCE_KEYS)])


@dataclass(frozen=True, slots=True)
class AnonymizeProfileHandler:
    """Take everything personal from one profile; its events stay."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when nobody is named or found."""
        anonymize_profile(
            self.account, require_user_reference(body, self.account.identity_rules), now
        )
        return build_response(200, {}, [*find_undocumented_keys(body, USER_REFERENCE_KEYS)])


@dataclass(frozen=True, slots=True)
class AnonymizeByIdHandler:
    """The same by Profile ID; `partner` and `api_key`, which one sample has, say nothing more."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when there is no such profile."""
        insider_id = require_object(body).get("insider_id")
        if not isinstance(insider_id, str) or not insider_id:
            remedy = "Send the Profile ID that the user's profile shows, as text."
            raise reject_malformed_body("insider_id must be specified", remedy)
        anonymize_profile(self.account, UserReference(insider_id, {}), now)
        return build_response(200, {}, [*find_undocumented_keys(body, PROFILE_ID_KEYS)])


def anonymize_profile(account: InsiderAccount, reference: UserReference, now: datetime) -> None:
    """Remove what the account marks as personal, identifiers too, even the last one."""
    with account.profiles.unit_of_work() as unit_of_work:
        profile = require_profile(unit_of_work, reference)
        removed_identifiers = [
            format_identifier(name, value)
            for name in account.options.pii_attributes
            for value in profile.identifiers.pop(name.removeprefix("custom."), ())
        ]
        # Assumed: what nobody recognises may be personal too, such as a phone from an event.
        unrecognised_names = [
            name for name in profile.attributes if name.startswith("unrecognised.")
        ]
        for name in (*account.options.pii_attributes, *unrecognised_names):
            profile.remove_attribute(name)
        _redact_trail(profile, format_iso_utc(now))
        unit_of_work.save_changes(
            ProfileChanges(changed_profiles=[profile], removed_identifiers=removed_identifiers)
        )
    log.info("anonymized profile")


def _redact_trail(profile: Profile, now: str) -> None:
    """Keep that there were merges, but none of the identifiers that led to them."""
    for entry in profile.trail:
        if "merge" in entry:
            merge_record = entry["merge"]
            entry["what"] = f"took in {merge_record['absorbed']}"
            entry["merge"] = {
                name: merge_record[name] for name in ("absorbed", "survivor", "request")
            }
    profile.trail.append({"at": now, "what": "was anonymized"})
    profile.updated_at = now
