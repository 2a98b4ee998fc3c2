"""The emulated Insider One API of an account: authentication, rate limits, routes to handlers."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from itertools import islice
from typing import TypeAlias
from uuid import uuid4

import orjson

from segment_insider_emulator.clock import Clock
from segment_insider_emulator.config import INSIDER_ONE_HOSTS
from segment_insider_emulator.insider import (
    attribute_deletion,
    contact_addresses,
    contact_api,
    other_addresses,
    profile_endpoints,
    responses,
    upsert,
)
from segment_insider_emulator.insider.account import DataRetention, InsiderAccount, RateLimiter
from segment_insider_emulator.insider.account_options import (
    ContactKeys,
    InsiderAccountOptions,
    derive_contact_keys,
)
from segment_insider_emulator.insider.error_callbacks import CallbackHosts, ErrorCallbackSender
from segment_insider_emulator.insider.identity import build_identity_rules
from segment_insider_emulator.insider.profile_changes import ProfileChangeListener
from segment_insider_emulator.insider.responses import MAX_FINDINGS, RequestRejected
from segment_insider_emulator.insider.validation import (
    ATTRIBUTE_DELETION_KEYS,
    IDENTIFIER_UPDATE_KEYS,
    PROFILE_ID_KEYS,
    PROFILE_READ_KEYS,
    UPSERT_KEYS,
    USER_REFERENCE_KEYS,
    DocumentedKeys,
    warn_undocumented_keys,
)
from segment_insider_emulator.insider.web_push import save_web_push
from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth, parse_json
from segment_insider_emulator.shared_state import StateGuardFactory, create_process_local_guard
from segment_insider_emulator.storage.profiles import ProfileStore
from segment_insider_emulator.types import JSON, HttpRequest, HttpResponse

RequestHandler: TypeAlias = Callable[[JSON, datetime], HttpResponse]


@dataclass(frozen=True, slots=True)
class InsiderRoute:
    """The handler of one HTTP method and path of the Insider One API.

    Args:
        rate_budget: Rate limit that each call uses; None when the handler uses its own units.
        documented_keys: The keys of its requests.
        authenticate: Raises RequestRejected; None is the check of the unification API.
        convert_rejection: Gives a rejection the body that this address answers.
    """

    handler: RequestHandler
    rate_budget: str | None
    documented_keys: DocumentedKeys
    authenticate: Callable[[HttpRequest], None] | None = None
    convert_rejection: Callable[[RequestRejected], RequestRejected] = lambda rejection: rejection


class InsiderApi:
    """The emulated Insider One API of one account: takes an HTTP request, returns its response.

    Args:
        account_name, account_key: Required values of X-PARTNER-NAME and X-REQUEST-TOKEN.
        identifier_types: Types of identity resolution, strongest first, e.g. ("uuid", "email").
        options: Further settings of the account.
        contact_keys: Keys for the Contact API; default: those derived from account_key.
        explain_token_rejection: Returns why a token is rejected, None if it is valid; replaces
            the check of account_key, e.g. by the panel's keys.
        generate_profile_id: Returns a new Profile ID.
        on_change: Called with the changes of a request, in the transaction that stores them.
        callback_hosts: Hosts that callbacks may call; default: those of *options*, never this
            machine.
        send_callback: Posts a body to a URL; must return at once.
        guard_factory: Shares the used rate limits with other processes.
    """

    def __init__(
        self,
        account_name: str,
        account_key: str,
        identifier_types: Sequence[str],
        profiles: ProfileStore,
        clock: Clock,
        options: InsiderAccountOptions | None = None,
        *,
        contact_keys: ContactKeys | None = None,
        explain_token_rejection: Callable[[str], str | None] | None = None,
        generate_profile_id: Callable[[], str] = lambda: str(uuid4()),
        on_change: ProfileChangeListener = lambda changes: None,
        callback_hosts: CallbackHosts | None = None,
        send_callback: Callable[[str, bytes], None] | None = None,
        guard_factory: StateGuardFactory = create_process_local_guard,
    ) -> None:
        options = options or InsiderAccountOptions()
        hosts = callback_hosts or CallbackHosts(options.error_callback_hosts)
        self._account = InsiderAccount(
            identity_rules=build_identity_rules(identifier_types, options),
            options=options,
            profiles=profiles,
            generate_profile_id=generate_profile_id,
            on_change=on_change,
            callback_hosts=hosts,
            send_callback=send_callback or ErrorCallbackSender(hosts),
        )
        self._account_name, self._clock, self._options = account_name, clock, options
        self._explain_token_rejection = explain_token_rejection or _build_token_check(account_key)
        self._contact_keys = contact_keys or derive_contact_keys(account_key)
        self._rate_limiter = RateLimiter(_list_rate_limits(options), guard_factory)
        self._data_retention = DataRetention(profiles, options)
        self._routes = self._build_all_routes(self._account)

    def handle_request(self, request: HttpRequest) -> HttpResponse:
        """Handle one request to the Insider One API; also a rejected one gets a response.

        Raises: StorageFault, when the profiles cannot be read or written.
        """
        routes_by_method = self._routes.get(request.path)
        if routes_by_method is None:
            host = request.headers.get("host", "").partition(":")[0].lower()
            rejection = other_addresses.build_not_imitated_rejection(
                request.method, request.path, host if host in INSIDER_ONE_HOSTS else ""
            )
            return rejection.to_http_response()
        if request.method not in routes_by_method:
            return _respond_method_not_allowed(request, routes_by_method)
        route = routes_by_method[request.method]
        body: JSON = None
        try:
            (route.authenticate or self._authenticate_request)(request)
            now = self._clock()
            if route.rate_budget:
                self._rate_limiter.consume_units(route.rate_budget, now)
            self._data_retention.delete_expired_data(now)
            body = _parse_request_body(request)
            return route.handler(body, now)
        except RequestRejected as rejection:
            # An undocumented key is often the cause.
            return route.convert_rejection(rejection).to_http_response(
                [*islice(warn_undocumented_keys(body, route.documented_keys), MAX_FINDINGS)]
            )

    def replace_identifiers(self, identifier_types: Sequence[str]) -> None:
        """Resolve profiles by these types of identifiers from now on, strongest first."""
        rules = build_identity_rules(identifier_types, self._options)
        if rules != self._account.identity_rules:
            self._account = replace(self._account, identity_rules=rules)
            self._routes = self._build_all_routes(self._account)

    def create_dry_run_copy(self) -> "InsiderApi":
        """Copy this Insider One API for a dry run: no rate limit counts, no listener is called.

        The caller must roll back what it writes to the profiles.
        """
        api_copy = copy(self)
        api_copy._rate_limiter = RateLimiter(_list_rate_limits(self._options))
        api_copy._data_retention = DataRetention(self._account.profiles, self._options)
        silent_account = replace(
            self._account, on_change=lambda changes: None, send_callback=lambda address, body: None
        )
        api_copy._routes = api_copy._build_all_routes(silent_account)
        return api_copy

    def save_web_push(self, profile_id: str, token: str | None) -> bool:
        """Store the web push token of a profile's browser, or None for a refused permission.

        Returns: Whether the profile exists.
        """
        return save_web_push(self._account, profile_id, token, self._clock())

    def delete_expired_data(self) -> None:
        """Delete the account's expired events and profiles; call this before you read profiles."""
        self._data_retention.delete_expired_data(self._clock())

    def reset_limits_and_retention(self) -> None:
        """Reset the rate limit counters and forget when expired data was last deleted."""
        self._rate_limiter.reset_counters()
        self._data_retention.forget_last_deletion()

    def _authenticate_request(self, request: HttpRequest) -> None:
        if request.headers.get("x-partner-name", "") != self._account_name:
            raise responses.INVALID_PARTNER
        if reason := self._explain_token_rejection(request.headers.get("x-request-token", "")):
            rejection_by_status = {403: responses.ACCESS_DENIED, 401: responses.TOKEN_REFUSED}
            rejection = rejection_by_status[self._options.auth_failure]
            raise RequestRejected(rejection.status, rejection.body, reason)

    def _build_all_routes(self, account: InsiderAccount) -> dict[str, dict[str, InsiderRoute]]:
        """Return path -> HTTP method -> route of all addresses of *account*."""
        consent = InsiderRoute(
            other_addresses.AppConsentHandler(account, self._account_name),
            None,
            other_addresses.APP_CONSENT_KEYS,
            lambda request: None,  # as published: only the account name in the body is checked
            other_addresses.convert_to_consent_rejection,
        )
        return {
            **_build_routes(account, self._rate_limiter),
            **{
                address.path: {"POST": self._build_contact_route(account, address)}
                for address in contact_addresses.CONTACT_ADDRESSES
            },
            other_addresses.APP_CONSENT_PATH: {"POST": consent},
        }

    def _build_contact_route(
        self, account: InsiderAccount, address: contact_addresses.ContactAddress
    ) -> InsiderRoute:
        authenticate = contact_addresses.ContactAuthentication(
            self._account_name,
            self._contact_keys,
            address.action,
            lambda token: self._explain_token_rejection(token) is None,
        )
        return InsiderRoute(
            contact_api.ContactHandler(account, address),
            address.path,
            address.documented_keys,
            authenticate,
            contact_addresses.convert_to_contact_rejection,
        )


def _list_rate_limits(options: InsiderAccountOptions) -> dict[str, int | None]:
    """List the limits of all budgets; each address of the Contact API has its own."""
    limits = options.rate_limits
    contact_limit = limits[contact_addresses.CONTACT_BUDGET]
    paths = (address.path for address in contact_addresses.CONTACT_ADDRESSES)
    return {**limits, **dict.fromkeys(paths, contact_limit)}


def _build_routes(
    account: InsiderAccount, rate_limiter: RateLimiter
) -> dict[str, dict[str, InsiderRoute]]:
    """Return path -> HTTP method -> route of the Insider One API."""
    return {
        upsert.UPSERT_PATH: {
            "POST": InsiderRoute(upsert.UpsertHandler(account), "upsert", UPSERT_KEYS)
        },
        attribute_deletion.ATTRIBUTE_DELETE_PATH: {
            "POST": InsiderRoute(
                attribute_deletion.DeleteAttributesHandler(account),
                "upsert",
                ATTRIBUTE_DELETION_KEYS,
            )
        },
        profile_endpoints.PROFILE_READ_PATH: {
            "POST": InsiderRoute(
                profile_endpoints.ReadProfileHandler(account, rate_limiter), None, PROFILE_READ_KEYS
            )
        },
        profile_endpoints.IDENTITY_PATH: {
            "PATCH": InsiderRoute(
                profile_endpoints.UpdateIdentifierHandler(account),
                "identityUpdate",
                IDENTIFIER_UPDATE_KEYS,
            ),
            "DELETE": InsiderRoute(
                profile_endpoints.DeleteIdentifiersHandler(account),
                "identityDelete",
                USER_REFERENCE_KEYS,
            ),
        },
        profile_endpoints.PROFILE_DELETE_PATH: {
            "POST": InsiderRoute(
                profile_endpoints.DeleteProfileHandler(account), "delete", USER_REFERENCE_KEYS
            )
        },
        profile_endpoints.ANONYMIZE_PATH: {
            "POST": InsiderRoute(
                profile_endpoints.AnonymizeProfileHandler(account), "anonymize", USER_REFERENCE_KEYS
            )
        },
        profile_endpoints.ANONYMIZE_BY_ID_PATH: {
            "POST": InsiderRoute(
                profile_endpoints.AnonymizeByProfileIdHandler(account), "anonymize", PROFILE_ID_KEYS
            )
        },
    }


def _build_token_check(account_key: str) -> Callable[[str], str | None]:
    def explain_token_rejection(key: str) -> str | None:
        is_same_key = compare_digest(key.encode(), account_key.encode())
        return None if is_same_key else responses.ACCESS_DENIED.remedy

    return explain_token_rejection


def _respond_method_not_allowed(
    request: HttpRequest, routes_by_method: dict[str, InsiderRoute]
) -> HttpResponse:
    allowed = ", ".join(routes_by_method)
    text = f"{request.path} does not take {request.method}"
    rejection = responses.build_error_rejection(405, text, f"Use {allowed}.")
    route = next(iter(routes_by_method.values()))
    response = route.convert_rejection(rejection).to_http_response()
    return HttpResponse(response.status, response.body, {**response.headers, "allow": allowed})


def _parse_request_body(request: HttpRequest) -> JSON:
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        # If the body is too large as well, report its size first.
        raise _check_body_size(request.body) or responses.WRONG_CONTENT_TYPE
    return parse_limited_json(request.body)


def parse_limited_json(body: bytes) -> JSON:
    """Parse a request body as JSON. Raises: RequestRejected, if it is invalid or too large."""
    if rejection := _check_body_size(body):
        raise rejection
    try:
        value = parse_json(body)
    except orjson.JSONDecodeError:
        raise responses.INVALID_JSON from None
    # Counting brackets is cheap; only a body with many of them needs the exact depth.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and measure_nesting_depth(value) > MAX_DEPTH:
        raise responses.INVALID_JSON
    return value


def _check_body_size(body: bytes) -> RequestRejected | None:
    return responses.BODY_TOO_LARGE if len(body) > responses.MAX_BODY_BYTES else None
