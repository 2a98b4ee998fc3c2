"""Orders that arrive a second time: at another instant each product of them counts again."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.insider import responses
from segment_insider_emulator.insider.account import InsiderAccount
from segment_insider_emulator.insider.callbacks import CallbackHosts
from segment_insider_emulator.insider.identity import (
    IdentityResolver,
    IdentityRules,
    format_identifier,
)
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.profile_changes import (
    build_changes_header,
    build_profile_changes,
    copy_attributes,
)
from segment_insider_emulator.insider.responses import RequestFinding, build_warning, quote_value
from segment_insider_emulator.insider.users import (
    ParsedUser,
    apply_attributes,
    is_from_segment,
    parse_user,
)
from segment_insider_emulator.insider.validation import (
    UPSERT_KEYS,
    UserError,
    build_error_findings,
    build_error_listing,
    find_undocumented_keys,
    validate_user,
)
from segment_insider_emulator.json_text import find_replacement_character
from segment_insider_emulator.storage.profile_unit_of_work import ProfileUnitOfWork
from segment_insider_emulator.storage.records import ProfileEvent
from segment_insider_emulator.types import JSON, HttpResponse, JSONObject

PURCHASE_EVENT_NAME = "confirmation_page_view"


def find_repeated_purchases(
    unit_of_work: ProfileUnitOfWork, saved_events: Mapping[str, list[ProfileEvent]]
) -> dict[int, ProfileEvent]:
    """Find purchases that a profile has already, of the same order and product.

    Args:
        saved: The events just saved, by profile.
    Returns: id() of the event -> the earlier one. Equal instants are no second order: products
        of one call share theirs, and a retry repeats it.
    """
    earlier_purchases: dict[int, ProfileEvent] = {}
    for profile_id, events in saved_events.items():
        purchases = [
            event
            for event in events
            if event.name == PURCHASE_EVENT_NAME and _get_order_line_key(event)[0]
        ]
        stored_purchases = (
            unit_of_work.find_events_by_name(profile_id, PURCHASE_EVENT_NAME) if purchases else []
        )
        for event in purchases:
            matching_purchases = (
                each
                for each in stored_purchases
                if _get_order_line_key(each) == _get_order_line_key(event)
                and each.occurred_at != event.occurred_at
            )
            if first := next(matching_purchases, None):
                earlier_purchases[id(event)] = first
    return earlier_purchases


def _get_order_line_key(event: ProfileEvent) -> tuple[object, object]:
    """The order and the product of a purchase."""
    return event.params.get("event_group_id"), event.params.get("product_id")


log = logging.getLogger(__name__)

UPSERT_PATH = "/api/user/v1/upsert"


@dataclass(frozen=True, slots=True)
class UpsertHandler:
    """The endpoint's work behind its door."""

    account: InsiderAccount

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Take the users of *body* that have no faults, all in one transaction.

        Raises: Refusal, when the request is refused as a whole.
        """
        users_json = require_user_list(body)
        skip_hook, findings = _parse_skip_hook(body)
        findings += find_undocumented_keys(body, UPSERT_KEYS)
        findings += _find_damaged_texts(users_json)
        account = self.account
        callback_url = _parse_callback_url(body, account.callback_hosts, findings)
        users, errors_by_index = parse_users(
            users_json,
            account.identity_rules,
            account.options,
            now,
            skip_hook=skip_hook,
            from_segment=is_from_segment(body),
        )
        error_listings = [build_error_listing(*each) for each in errors_by_index.items()]
        findings += [
            told for each in errors_by_index.items() for told in build_error_findings(*each)
        ]
        change_headers: dict[str, str] = {}
        if users:
            user_findings, change_headers = self._store_users(users, now, skip_hook=skip_hook)
            findings += user_findings
        if callback_url:
            self._send_error_callback(callback_url, users, error_listings)
        log.info("upserted users=%d failed=%d", len(users), len(error_listings))
        return responses.build_response(
            200, responses.build_result_body(len(users), error_listings), findings, **change_headers
        )

    def _store_users(
        self, users: list[ParsedUser], now: datetime, *, skip_hook: bool
    ) -> tuple[list[RequestFinding], dict[str, str]]:
        """Keep *users*; gives what was noticed, and the header that tells what changed."""
        identifier_keys = {
            format_identifier(*each): None for user in users for each in user.identifiers.items()
        }
        profile_ids = [user.insider_id for user in users if user.insider_id]
        account = self.account
        with account.profiles.unit_of_work() as unit_of_work:
            known_profiles = unit_of_work.find_by_identifiers(identifier_keys, profile_ids)
            attributes_before = copy_attributes(known_profiles)
            now_text = format_iso_utc(now)
            resolver = IdentityResolver(
                known_profiles, account.identity_rules, account.generate_profile_id, now_text
            )
            resolved_users = [
                (user.index, _resolve_user(user, resolver, now_text)) for user in users
            ]
            changes = resolver.collect_changes()
            repeated_events = unit_of_work.save_changes(changes)
            repeated_purchases = find_repeated_purchases(unit_of_work, changes.new_events)
            # Inside: a retry of what was kept is a repeated event, which starts no journey.
            profile_changes = build_profile_changes(
                attributes_before, changes, repeated_events, now, skip_hook=skip_hook
            )
            account.on_change(profile_changes)
        findings = [finding for user in users for finding in user.findings]
        findings += _warn_repeated_events(users, repeated_events) + _warn_repeated_purchases(
            users, repeated_purchases
        )
        return findings, build_changes_header(
            profile_changes, changes.added_identifiers, resolved_users
        )

    def _send_error_callback(
        self, callback_url: str, users: list[ParsedUser], error_listings: list[dict[str, list[str]]]
    ) -> None:
        """Post what failed to *address*: refused users, and those that could not be unified."""
        conflicts = [user.conflicts for user in users if user.conflicts]
        if error_listings or conflicts:
            fail = responses.build_result_body(0, [*error_listings, *conflicts])["data"]["fail"]
            self.account.send_callback(callback_url, orjson.dumps({"fail": fail}))


def parse_users(
    users: list[JSON],
    rules: IdentityRules,
    options: InsiderOptions,
    now: datetime,
    *,
    skip_hook: bool,
    from_segment: bool = False,
) -> tuple[list[ParsedUser], dict[int, list[UserError]]]:
    """The users that are taken, and by index why each of the others is refused."""
    parsed_users: list[ParsedUser] = []
    errors_by_index: dict[int, list[UserError]] = {}
    for index, user in enumerate(users):
        # Assumed: a user with one fault loses its valid parts too.
        if found := validate_user(user, options):
            errors_by_index[index] = found
        else:
            parsed_user = parse_user(
                user, index, rules, options, now, skip_hook=skip_hook, from_segment=from_segment
            )
            parsed_users.append(parsed_user)
    return parsed_users, errors_by_index


def _find_damaged_texts(users: list[JSON]) -> Iterator[RequestFinding]:
    """Name a text of each user in which U+FFFD stands for a character that was lost."""
    for index, user in enumerate(users):
        place = find_replacement_character(user)
        if place is not None:
            what = "the text has \ufffd (U+FFFD) in place of a character that was lost"
            where = ".".join(filter(None, ("users", str(index), place)))
            yield build_warning(where, what, "Cut texts between whole characters.")


def require_user_list(body: JSON) -> list[JSON]:
    """The users of a request about many. Raises: Refusal."""
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
    what = f"skip_hook is not a boolean and counts as false: {quote_value(skip_hook)}"
    return False, [build_warning("skip_hook", what, "Send true or false without quotes.")]


def _parse_callback_url(
    body: JSONObject, hosts: CallbackHosts, warnings: list[RequestFinding]
) -> str | None:
    """Where failures are to be told; None, with a warning, for an address that is not called."""
    callback_url = body.get("error_callback_endpoint")
    if callback_url is None:
        return None
    if isinstance(callback_url, str) and hosts.allows_url(callback_url):
        return callback_url
    what = f"this emulator never calls {quote_value(callback_url)}"
    remedy = (
        "Add the host to insider.options.errorCallbackHosts; this machine is for the operator to"
        " list, with --callback-hosts."
    )
    warnings.append(build_warning("error_callback_endpoint", what, remedy))
    return None


def _resolve_user(user: ParsedUser, resolver: IdentityResolver, now: str) -> str:
    """Give *user* to the profile that it is; gives that profile's id."""
    if user.insider_id and not resolver.has_profile(user.insider_id):
        consequence = (
            "its identifiers decide" if user.identifiers else "it makes a new anonymous profile"
        )
        what = f"no profile has this insider_id, so {consequence}"
        user.conflicts[f"{user.where}.insider_id"] = [what]
        remedy = "Send the Profile ID that the user's profile shows, or identifiers."
        user.findings.append(build_warning(f"{user.where}.insider_id", what, remedy))
    request = {"method": "POST", "path": UPSERT_PATH, "where": user.where}
    resolved = resolver.resolve(user.insider_id, user.identifiers, request)
    for identifier_type, note in resolved.notes:
        user.conflicts[f"{user.where}.identifiers.{identifier_type}"] = [note]
        remedy = "Change an identifier with PATCH /api/user/v1/identity, or send the one it has."
        user.findings.append(
            build_warning(f"{user.where}.identifiers.{identifier_type}", note, remedy)
        )
    apply_attributes(user, resolved.profile, now)
    resolver.add_events(resolved.profile, [event for _, event in user.events])
    return resolved.profile.id


def _warn_repeated_events(
    users: list[ParsedUser], repeated_events: list[ProfileEvent]
) -> list[RequestFinding]:
    if not repeated_events:
        return []
    remedy = "Nothing to do for a retry; give different occurrences different timestamps."
    repeated_ids = {id(event) for event in repeated_events}
    return [
        build_warning(
            place, f"the profile has this very {event.sent_as} already; it is kept once", remedy
        )
        for user in users
        for place, event in user.events
        if id(event) in repeated_ids
    ]


def _warn_repeated_purchases(
    users: list[ParsedUser], repeated_purchases: dict[int, ProfileEvent]
) -> list[RequestFinding]:
    """Warn of the events in *doubled*: id of an event -> the purchase that it repeats."""
    if not repeated_purchases:
        return []
    remedy = "Send each order once; a retry keeps the timestamp of the first call."
    return [
        build_warning(
            f"{place}.event_params.event_group_id",
            f"this order was recorded at {repeated_purchases[id(event)].occurred_at} with the same product;"
            " its value counts twice",
            remedy,
        )
        for user in users
        for place, event in user.events
        if id(event) in repeated_purchases
    ]
