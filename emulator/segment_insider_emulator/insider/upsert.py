"""Handler of Insider One's upsert: create and update profiles, warn about repeated purchases.

Source: Insider One, API collection "Upsert User Data".
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider import responses
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.error_callbacks import CallbackHosts
from segment_insider_emulator.insider.identity import (
    IdentityResolver,
    IdentityRules,
)
from segment_insider_emulator.insider.profile_changes import (
    build_profile_changes,
    copy_profile_states,
    save_history,
)
from segment_insider_emulator.insider.responses import (
    RequestFinding,
    build_warning,
    format_value_for_error,
    report_profile_changes,
)
from segment_insider_emulator.insider.users import (
    ParsedUser,
    apply_user_attributes,
    is_upsert_from_segment,
    parse_user,
)
from segment_insider_emulator.insider.validation import (
    UPSERT_KEYS,
    UserValidationError,
    build_error_findings,
    build_error_listing,
    validate_user,
    warn_undocumented_keys,
)
from segment_insider_emulator.json_text import find_replacement_character
from segment_insider_emulator.storage.profile_unit_of_work import ProfileUnitOfWork
from segment_insider_emulator.storage.records import ProfileEvent
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

log = logging.getLogger(__name__)

UPSERT_PATH = "/api/user/v1/upsert"
UPSERT_SOURCE = f"POST {UPSERT_PATH}"
PURCHASE_EVENT_NAME = "confirmation_page_view"


@dataclass(frozen=True, slots=True)
class UpsertHandler:
    """Handler of POST upsert of the Insider One API: create and update profiles of many users."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Store the valid users of an upsert body in one transaction and return the response.

        Raises: RequestRejected, when the whole request is rejected.
        """
        users_json = require_user_list(body)
        skip_hook, findings = _parse_skip_hook(body)
        findings += warn_undocumented_keys(body, UPSERT_KEYS)
        findings += _warn_damaged_texts(users_json)
        account = self.account
        callback_url = _parse_callback_url(body, account.callback_hosts, findings)
        users, errors_by_index = parse_users(
            users_json,
            account.identity_rules,
            account.options,
            now,
            skip_hook=skip_hook,
            from_segment=is_upsert_from_segment(body),
        )
        error_listings = []
        for index, errors in errors_by_index.items():
            error_listings.append(build_error_listing(index, errors))
            findings += build_error_findings(index, errors)
        changes: list[JSONObject] | None = None
        if users:
            user_findings, changes = self._store_users(users, now, skip_hook=skip_hook)
            findings += user_findings
        if callback_url:
            self._send_error_callback(callback_url, users, error_listings)
        log.info("upserted users=%d failed=%d", len(users), len(error_listings))
        result = responses.build_users_result_body(len(users), error_listings)
        return responses.build_json_response(200, result, findings, changes)

    def _store_users(
        self, users: list[ParsedUser], now: datetime, *, skip_hook: bool
    ) -> tuple[list[RequestFinding], list[JSONObject]]:
        """Store the users of an upsert; return findings, and the report of the changes."""
        identifier_keys = {
            f"{identifier_type}:{value}": None
            for user in users
            for identifier_type, value in user.identifiers.items()
        }
        profile_ids = [user.insider_id for user in users if user.insider_id]
        account = self.account
        with account.profiles.unit_of_work() as unit_of_work:
            known_profiles = unit_of_work.find_by_identifiers(identifier_keys, profile_ids)
            states_before = copy_profile_states(known_profiles)
            now_text = format_iso_utc(now)
            resolver = IdentityResolver(
                known_profiles, account.identity_rules, account.generate_profile_id, now_text
            )
            resolved_users = [
                (user.index_in_request, _apply_user_to_profile(user, resolver, now_text))
                for user in users
            ]
            changes = resolver.collect_changes()
            repeated_events = unit_of_work.save_changes(changes)
            repeated_purchases = find_repeated_purchases(unit_of_work, changes.new_events)
            # In the same transaction: a retry only repeats stored events and starts no journey.
            profile_changes = build_profile_changes(
                states_before, changes, repeated_events, now, skip_hook=skip_hook
            )
            save_history(unit_of_work, states_before, changes, profile_changes, UPSERT_SOURCE)
            account.on_change(profile_changes)
        findings = [finding for user in users for finding in user.findings]
        findings += _warn_repeated_events(users, repeated_events)
        findings += _warn_repeated_purchases(users, repeated_purchases)
        new_identifiers = changes.added_identifiers
        return findings, report_profile_changes(profile_changes, new_identifiers, resolved_users)

    def _send_error_callback(
        self, callback_url: str, users: list[ParsedUser], error_listings: list[dict[str, list[str]]]
    ) -> None:
        """Send the error callback of an upsert: its rejected users and identity conflicts."""
        conflicts = [user.conflicts for user in users if user.conflicts]
        if error_listings or conflicts:
            fail = responses.build_users_result_body(0, [*error_listings, *conflicts])["data"][
                "fail"
            ]
            self.account.send_callback(callback_url, orjson.dumps({"fail": fail}))


def parse_users(
    users: list[JSON],
    rules: IdentityRules,
    options: InsiderAccountOptions,
    now: datetime,
    *,
    skip_hook: bool,
    from_segment: bool = False,
) -> tuple[list[ParsedUser], dict[int, list[UserValidationError]]]:
    """Parse the valid users of an upsert; return them and the errors of the others by index."""
    parsed_users: list[ParsedUser] = []
    errors_by_index: dict[int, list[UserValidationError]] = {}
    for index, user in enumerate(users):
        # Assumed: one error rejects the whole user, including its valid parts.
        if errors := validate_user(user, options):
            errors_by_index[index] = errors
        else:
            parsed_user = parse_user(
                user, index, rules, options, now, skip_hook=skip_hook, from_segment=from_segment
            )
            parsed_users.append(parsed_user)
    return parsed_users, errors_by_index


def _warn_damaged_texts(users: list[JSON]) -> Iterator[RequestFinding]:
    """Warn about the first text of each upsert user that contains U+FFFD (a lost character)."""
    for index, user in enumerate(users):
        path = find_replacement_character(user)
        if path is not None:
            what = "the text contains \ufffd (U+FFFD), so a character was lost"
            where = ".".join(filter(None, ("users", str(index), path)))
            remedy = "Shorten texts only between whole characters."
            yield build_warning("lost-character", where, what, remedy)


def require_user_list(body: JSON) -> list[JSON]:
    """Return the `users` list of a request body. Raises: RequestRejected, if there is none."""
    users = body.get("users") if isinstance(body, dict) else None
    if users is None or users == []:
        raise responses.NO_USERS
    if not isinstance(users, list):
        raise responses.USERS_NOT_A_LIST
    if len(users) > responses.MAX_USERS_PER_REQUEST:
        raise responses.TOO_MANY_USERS
    return users


def _parse_skip_hook(body: JSONObject) -> tuple[bool, list[RequestFinding]]:
    skip_hook = body.get("skip_hook", False)
    if isinstance(skip_hook, bool):
        return skip_hook, []
    what = f"skip_hook is not a boolean and counts as false: {format_value_for_error(skip_hook)}"
    remedy = "Send true or false without quotes."
    return False, [build_warning("wrong-flag", "skip_hook", what, remedy)]


def _parse_callback_url(
    body: JSONObject, hosts: CallbackHosts, warnings: list[RequestFinding]
) -> str | None:
    """Return the error callback URL of an upsert; None, with a warning, if it is not allowed."""
    callback_url = body.get("error_callback_endpoint")
    if callback_url is None:
        return None
    if isinstance(callback_url, str) and hosts.allows_url(callback_url):
        return callback_url
    what = f"this emulator does not call {format_value_for_error(callback_url)}"
    remedy = (
        "Add the host to insider.options.errorCallbackHosts; to allow this machine, the operator"
        " uses --callback-hosts."
    )
    warnings.append(build_warning("refused-callback", "error_callback_endpoint", what, remedy))
    return None


def _apply_user_to_profile(user: ParsedUser, resolver: IdentityResolver, now: str) -> str:
    """Find or create the profile of an upsert's *user*, write its data there; return its id."""
    if user.insider_id and not resolver.has_profile(user.insider_id):
        consequence = "a new anonymous profile is created"
        if user.identifiers:
            consequence = "the user's identifiers are used"
        what = f"no profile has this insider_id, so {consequence}"
        user.conflicts[f"{user.where}.insider_id"] = [what]
        remedy = "Send the Profile ID that the user's profile shows, or identifiers."
        user.findings.append(
            build_warning("unknown-insider-id", f"{user.where}.insider_id", what, remedy)
        )
    request = {"method": "POST", "path": UPSERT_PATH, "where": user.where}
    resolved = resolver.resolve_user(user.insider_id, user.identifiers, request)
    for identifier_type, note in resolved.notes:
        where = f"{user.where}.identifiers.{identifier_type}"
        user.conflicts[where] = [note]
        remedy = "Change the identifier with PATCH /api/user/v1/identity, or send the stored value."
        user.findings.append(build_warning("identifier-conflict", where, note, remedy))
    apply_user_attributes(user, resolved.profile, now)
    resolver.add_events(resolved.profile, [event for _, event in user.events])
    return resolved.profile.id


def find_repeated_purchases(
    unit_of_work: ProfileUnitOfWork, saved_events: Mapping[str, list[ProfileEvent]]
) -> dict[int, ProfileEvent]:
    """Find purchases whose order and product the profile already has, at another time.

    Products of one call have the same time, and so has a retry: they do not repeat an order.

    Args:
        saved_events: The events just saved, by Profile ID.
    Returns: id() of the event -> the earlier event.
    """
    earlier_purchases: dict[int, ProfileEvent] = {}
    for profile_id, events in saved_events.items():
        purchases = [
            event
            for event in events
            if event.name == PURCHASE_EVENT_NAME and _get_order_line_key(event)[0]
        ]
        if not purchases:
            continue
        purchases_by_order = {
            order_text: unit_of_work.find_events_by_name(
                profile_id, PURCHASE_EVENT_NAME, order_text
            )
            for order_text in {*map(_format_order_id, purchases)}
        }
        for event in purchases:
            matching_purchases = (
                stored
                for stored in purchases_by_order[_format_order_id(event)]
                if _get_order_line_key(stored) == _get_order_line_key(event)
                and stored.occurred_at != event.occurred_at
            )
            if first := next(matching_purchases, None):
                earlier_purchases[id(event)] = first
    return earlier_purchases


def _get_order_line_key(event: ProfileEvent) -> tuple[object, object]:
    """Return the order id and product id of a purchase event."""
    return event.params.get("event_group_id"), event.params.get("product_id")


def _format_order_id(event: ProfileEvent) -> str:
    """Format a purchase's order id as in the stored JSON; "" if equal ids differ as JSON: 1, 1.0.

    The database then reads the purchases of one order, not all of a profile.
    """
    order_id = event.params.get("event_group_id")
    return orjson.dumps(order_id).decode() if isinstance(order_id, str) else ""


def _warn_repeated_events(
    users: list[ParsedUser], repeated_events: list[ProfileEvent]
) -> list[RequestFinding]:
    if not repeated_events:
        return []
    remedy = "A retry is fine; send a different timestamp for a different event."
    repeated_ids = {id(event) for event in repeated_events}
    return [
        build_warning(
            "repeated-event",
            path,
            f"the profile already has this {event.sent_as}; it is stored once",
            remedy,
        )
        for user in users
        for path, event in user.events
        if id(event) in repeated_ids
    ]


def _warn_repeated_purchases(
    users: list[ParsedUser], repeated_purchases: dict[int, ProfileEvent]
) -> list[RequestFinding]:
    """Warn the sender about purchases that repeat an earlier order: id(event) -> earlier one."""
    if not repeated_purchases:
        return []
    remedy = "Send each order once; a retry has the timestamp of the first call."
    findings = []
    for user in users:
        for path, event in user.events:
            if earlier := repeated_purchases.get(id(event)):
                what = (
                    f"this order was recorded at {earlier.occurred_at} with the same product;"
                    " its value counts twice"
                )
                where = f"{path}.event_params.event_group_id"
                findings.append(build_warning("repeated-purchase", where, what, remedy))
    return findings
