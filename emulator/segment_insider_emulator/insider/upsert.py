"""Upsert: users in, profiles created and updated, one answer for all of them.

Source: Insider One, API collection "Upsert User Data".
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import orjson

from segment_insider_emulator.capture.profile import ProfileEvent
from segment_insider_emulator.clock import iso
from segment_insider_emulator.http import HttpResponse
from segment_insider_emulator.insider import replies
from segment_insider_emulator.insider.account import Account
from segment_insider_emulator.insider.callbacks import CallbackHosts
from segment_insider_emulator.insider.changes import attributes_of, changed
from segment_insider_emulator.insider.findings import Finding, quoted, warning
from segment_insider_emulator.insider.identity import Population, Rules, key
from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.orders import doubled_purchases
from segment_insider_emulator.insider.segment_platform import is_from_segment
from segment_insider_emulator.insider.shape import Fault, errors, faults, refusals
from segment_insider_emulator.insider.structure import UPSERT, undocumented_keys
from segment_insider_emulator.insider.telling import header
from segment_insider_emulator.insider.users import User, apply, read_user
from segment_insider_emulator.json_text import damaged_place
from segment_insider_emulator.types import JSON, JSONObject

log = logging.getLogger(__name__)

PATH = "/api/user/v1/upsert"


@dataclass(frozen=True, slots=True)
class Upsert:
    """The endpoint's work behind its door."""

    account: Account

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Take the users of *body* that have no faults, all in one transaction.

        Raises: Refusal, when the request is refused as a whole.
        """
        given = users_of(body)
        skip_hook, findings = _skip_hook(body)
        findings += undocumented_keys(body, UPSERT)
        findings += _damaged_texts(given)
        account = self.account
        address = _callback_address(body, account.callback_hosts, findings)
        users, refused = read_users(
            given,
            account.rules,
            account.options,
            now,
            skip_hook=skip_hook,
            from_segment=is_from_segment(body),
        )
        failed = [errors(*each) for each in refused.items()]
        findings += [told for each in refused.items() for told in refusals(*each)]
        more: dict[str, str] = {}
        if users:
            noticed, more = self._keep(users, now, skip_hook=skip_hook)
            findings += noticed
        if address:
            self._call_back(address, users, failed)
        log.info("upserted users=%d failed=%d", len(users), len(failed))
        return replies.response(200, replies.outcome(len(users), failed), findings, **more)

    def _keep(
        self, users: list[User], now: datetime, *, skip_hook: bool
    ) -> tuple[list[Finding], dict[str, str]]:
        """Keep *users*; gives what was noticed, and the header that tells what changed."""
        wanted = {key(*each): None for user in users for each in user.identifiers.items()}
        ids = [user.insider_id for user in users if user.insider_id]
        account = self.account
        with account.profiles.writing() as writing:
            known = writing.find(wanted, ids)
            before = attributes_of(known)
            at = iso(now)
            population = Population(known, account.rules, account.new_id, at)
            owners = [(user.index, _settle(user, population, at)) for user in users]
            changes = population.changes()
            repeated = writing.save(changes)
            doubled = doubled_purchases(writing, changes.events)
            # Inside: a retry of what was kept is a repeated event, which starts no journey.
            told = changed(before, changes, repeated, now, skip_hook=skip_hook)
            account.on_change(told)
        noticed = [finding for user in users for finding in user.findings]
        noticed += _repeated(users, repeated) + _doubled(users, doubled)
        return noticed, header(told, changes.gained, owners)

    def _call_back(
        self, address: str, users: list[User], failed: list[dict[str, list[str]]]
    ) -> None:
        """Post what failed to *address*: refused users, and those that could not be unified."""
        conflicts = [user.conflicts for user in users if user.conflicts]
        if failed or conflicts:
            fail = replies.outcome(0, [*failed, *conflicts])["data"]["fail"]
            self.account.call_back(address, orjson.dumps({"fail": fail}))


def read_users(
    given: list[JSON],
    rules: Rules,
    options: Options,
    now: datetime,
    *,
    skip_hook: bool,
    from_segment: bool = False,
) -> tuple[list[User], dict[int, list[Fault]]]:
    """The users that are taken, and by index why each of the others is refused."""
    users: list[User] = []
    refused: dict[int, list[Fault]] = {}
    for index, each in enumerate(given):
        # Assumed: a user with one fault loses its valid parts too.
        if found := faults(each, options):
            refused[index] = found
        else:
            user = read_user(
                each, index, rules, options, now, skip_hook=skip_hook, from_segment=from_segment
            )
            users.append(user)
    return users, refused


def _damaged_texts(users: list[JSON]) -> Iterator[Finding]:
    """Name a text of each user in which U+FFFD stands for a character that was lost."""
    for index, user in enumerate(users):
        place = damaged_place(user)
        if place is not None:
            what = "the text has \ufffd (U+FFFD) in place of a character that was lost"
            where = ".".join(filter(None, ("users", str(index), place)))
            yield warning(where, what, "Cut texts between whole characters.")


def users_of(body: JSON) -> list[JSON]:
    """The users of a request about many. Raises: Refusal."""
    users = body.get("users") if isinstance(body, dict) else None
    if users is None or users == []:
        raise replies.NO_USERS
    if not isinstance(users, list):
        raise replies.USERS_NOT_A_LIST
    if len(users) > replies.MOST_USERS:
        raise replies.TOO_MANY_USERS
    return users


def _skip_hook(body: JSONObject) -> tuple[bool, list[Finding]]:
    skip_hook = body.get("skip_hook", False)
    if isinstance(skip_hook, bool):
        return skip_hook, []
    what = f"skip_hook is not a boolean and counts as false: {quoted(skip_hook)}"
    return False, [warning("skip_hook", what, "Send true or false without quotes.")]


def _callback_address(body: JSONObject, hosts: CallbackHosts, told: list[Finding]) -> str | None:
    """Where failures are to be told; None, with a warning, for an address that is not called."""
    address = body.get("error_callback_endpoint")
    if address is None:
        return None
    if isinstance(address, str) and hosts.allows(address):
        return address
    what = f"this emulator never calls {quoted(address)}"
    remedy = (
        "Add the host to insider.options.errorCallbackHosts; this machine is for the operator to"
        " list, with --callback-hosts."
    )
    told.append(warning("error_callback_endpoint", what, remedy))
    return None


def _settle(user: User, population: Population, now: str) -> str:
    """Give *user* to the profile that it is; gives that profile's id."""
    if user.insider_id and not population.has(user.insider_id):
        fate = "its identifiers decide" if user.identifiers else "it makes a new anonymous profile"
        what = f"no profile has this insider_id, so {fate}"
        user.conflicts[f"{user.where}.insider_id"] = [what]
        remedy = "Send the Profile ID that the user's profile shows, or identifiers."
        user.findings.append(warning(f"{user.where}.insider_id", what, remedy))
    request = {"method": "POST", "path": PATH, "where": user.where}
    settled = population.settle(user.insider_id, user.identifiers, request)
    for name, note in settled.notes:
        user.conflicts[f"{user.where}.identifiers.{name}"] = [note]
        remedy = "Change an identifier with PATCH /api/user/v1/identity, or send the one it has."
        user.findings.append(warning(f"{user.where}.identifiers.{name}", note, remedy))
    apply(user, settled.profile, now)
    population.add(settled.profile, [event for _, event in user.events])
    return settled.profile.id


def _repeated(users: list[User], repeated: list[ProfileEvent]) -> list[Finding]:
    if not repeated:
        return []
    remedy = "Nothing to do for a retry; give different occurrences different timestamps."
    copies = {id(event) for event in repeated}
    return [
        warning(
            place, f"the profile has this very {event.sent_as} already; it is kept once", remedy
        )
        for user in users
        for place, event in user.events
        if id(event) in copies
    ]


def _doubled(users: list[User], doubled: dict[int, ProfileEvent]) -> list[Finding]:
    """Warn of the events in *doubled*: id of an event -> the purchase that it repeats."""
    if not doubled:
        return []
    remedy = "Send each order once; a retry keeps the timestamp of the first call."
    return [
        warning(
            f"{place}.event_params.event_group_id",
            f"this order was recorded at {doubled[id(event)].occurred_at} with the same product;"
            " its value counts twice",
            remedy,
        )
        for user in users
        for place, event in user.events
        if id(event) in doubled
    ]
