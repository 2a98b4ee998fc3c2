"""Insider One's unification host: bytes in, bytes out."""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from typing import TypeAlias
from uuid import uuid4

import orjson

from segment_insider_emulator.capture.profiles import ProfileStore
from segment_insider_emulator.clock import Clock
from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.held import Hold, alone
from segment_insider_emulator.http import HttpRequest, HttpResponse
from segment_insider_emulator.insider import (
    deletion,
    identifiers,
    profile_read,
    removal,
    replies,
    upsert,
)
from segment_insider_emulator.insider.account import Account
from segment_insider_emulator.insider.callbacks import CallbackHosts, Callbacks
from segment_insider_emulator.insider.changes import Listener
from segment_insider_emulator.insider.expiry import Expiry
from segment_insider_emulator.insider.identity import rules_of
from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.rates import Rates
from segment_insider_emulator.insider.replies import Refusal
from segment_insider_emulator.insider.structure import (
    DELETION,
    IDENTITY_CHANGE,
    ONE_USER,
    PROFILE_ID,
    PROFILE_READ,
    UPSERT,
    Level,
    undocumented_keys,
)
from segment_insider_emulator.json_text import parse_json
from segment_insider_emulator.types import JSON

Handler: TypeAlias = Callable[[JSON, datetime], HttpResponse]


@dataclass(frozen=True, slots=True)
class Call:
    """What answers one method of one address.

    Args:
        budget: What it is counted in; None where it takes its own units.
        structure: The keys of its requests.
    """

    handler: Handler
    budget: str | None
    structure: Level


class Endpoint:
    """One account.

    Args:
        account_name, account_key: What X-PARTNER-NAME and X-REQUEST-TOKEN must say.
        identifier_types: Types that identify, strongest first, e.g. ("uuid", "email").
        options: What else differs from account to account.
        refusal: Why a token does not open the account, None when it does: the panel's keys in
            place of account_key.
        new_id: Makes Profile IDs.
        on_change: Told what a request changed, in the transaction that stores it.
        callback_hosts: Where callbacks may go: by default where *options* list, and never to this
            machine.
        call_back: Posts a body to an address, beside the answer.
        hold: Keeps what is used of its limits for all who answer for it.
    """

    def __init__(
        self,
        account_name: str,
        account_key: str,
        identifier_types: Sequence[str],
        profiles: ProfileStore,
        clock: Clock,
        options: Options | None = None,
        *,
        refusal: Callable[[str], str | None] | None = None,
        new_id: Callable[[], str] = lambda: str(uuid4()),
        on_change: Listener = lambda changes: None,
        callback_hosts: CallbackHosts | None = None,
        call_back: Callable[[str, bytes], None] | None = None,
        hold: Hold = alone,
    ) -> None:
        options = options or Options()
        hosts = callback_hosts or CallbackHosts(options.error_callback_hosts)
        self._account = Account(
            rules=rules_of(identifier_types, options),
            options=options,
            profiles=profiles,
            new_id=new_id,
            on_change=on_change,
            callback_hosts=hosts,
            call_back=call_back or Callbacks(hosts),
        )
        self._name, self._clock, self._options = account_name, clock, options
        self._refusal = refusal or _only(account_key)
        self._rates, self._expiry = Rates(options.rate, hold), Expiry(profiles, options)
        self._calls = _calls(self._account, self._rates)

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer one request; a refusal is an answer too.

        Raises: StorageFault, when the profiles cannot be read or written.
        """
        methods = self._calls.get(request.path)
        if methods is None:
            return self._unknown(request).response()
        if request.method not in methods:
            return _wrong_method(request, methods)
        call = methods[request.method]
        body: JSON = None
        try:
            self._admit(request)
            now = self._clock()
            if call.budget:
                self._rates.take(call.budget, now)
            self._expiry.run(now)
            body = _json(request)
            return call.handler(body, now)
        except Refusal as refusal:
            # A key that nobody reads is often why.
            return refusal.response([*undocumented_keys(body, call.structure)])

    def rehearsal(self) -> "Endpoint":
        """The same account, to try requests on: it counts no calls and tells nobody.

        What it writes to the profiles is the caller's to undo.
        """
        twin = copy(self)
        twin._rates = Rates(self._options.rate)
        twin._expiry = Expiry(self._account.profiles, self._options)
        quiet = replace(
            self._account, on_change=lambda changes: None, call_back=lambda address, body: None
        )
        twin._calls = _calls(quiet, twin._rates)
        return twin

    def keep_up(self) -> None:
        """Drop what has become too old by now; whoever looks at profiles does this first."""
        self._expiry.run(self._clock())

    def reset(self) -> None:
        """Forget how often anybody called."""
        self._rates.reset()
        self._expiry.reset()

    def _admit(self, request: HttpRequest) -> None:
        if request.headers.get("x-partner-name", "") != self._name:
            raise replies.INVALID_PARTNER
        if why := self._refusal(request.headers.get("x-request-token", "")):
            refused = {403: replies.ACCESS_DENIED, 401: replies.TOKEN_REFUSED}
            known = refused[self._options.auth_failure]
            raise Refusal(known.status, known.body, why)

    def _unknown(self, request: HttpRequest) -> Refusal:
        text = f"no such endpoint: {request.method} {request.path}"
        return replies.error(404, text, f"This emulator answers {', '.join(self._calls)}.")


def _calls(account: Account, rates: Rates) -> dict[str, dict[str, Call]]:
    """Address -> method -> what answers; the budgets are those of options.RATES."""
    return {
        upsert.PATH: {"POST": Call(upsert.Upsert(account), "upsert", UPSERT)},
        deletion.PATH: {"POST": Call(deletion.DeleteAttributes(account), "upsert", DELETION)},
        profile_read.PATH: {
            "POST": Call(profile_read.ReadProfile(account, rates), None, PROFILE_READ)
        },
        identifiers.PATH: {
            "PATCH": Call(identifiers.UpdateIdentifier(account), "identityUpdate", IDENTITY_CHANGE),
            "DELETE": Call(identifiers.DeleteIdentifiers(account), "identityDelete", ONE_USER),
        },
        removal.DELETE: {"POST": Call(removal.Delete(account), "delete", ONE_USER)},
        removal.ANONYMIZE: {"POST": Call(removal.Anonymize(account), "anonymize", ONE_USER)},
        removal.ANONYMIZE_BY_ID: {
            "POST": Call(removal.AnonymizeById(account), "anonymize", PROFILE_ID)
        },
    }


def _only(account_key: str) -> Callable[[str], str | None]:
    def refusal(key: str) -> str | None:
        same = compare_digest(key.encode(), account_key.encode())
        return None if same else replies.ACCESS_DENIED.remedy

    return refusal


def _wrong_method(request: HttpRequest, methods: dict[str, Call]) -> HttpResponse:
    allowed = ", ".join(methods)
    text = f"{request.path} does not take {request.method}"
    refusal = replies.error(405, text, f"Use {allowed}.")
    answer = refusal.response()
    return HttpResponse(answer.status, answer.body, {**answer.headers, "allow": allowed})


def _json(request: HttpRequest) -> JSON:
    media_type = request.headers.get("content-type", "").partition(";")[0]
    if media_type.strip().lower() != "application/json":
        # Of two reasons to refuse a request, its size is told first.
        raise _too_large(request.body) or replies.WRONG_CONTENT_TYPE
    return read_body(request.body)


def read_body(body: bytes) -> JSON:
    """The JSON value of a request. Raises: Refusal."""
    if refusal := _too_large(body):
        raise refusal
    try:
        value = parse_json(body)
    except orjson.JSONDecodeError:
        raise replies.INVALID_JSON from None
    # Counting bytes is cheaper than walking a body that is not deep.
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and depth(value) > MAX_DEPTH:
        raise replies.INVALID_JSON
    return value


def _too_large(body: bytes) -> Refusal | None:
    return replies.TOO_LARGE if len(body) > replies.LARGEST_BODY else None
