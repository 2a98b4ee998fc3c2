"""Upsert: users in, profiles created and updated, one answer for all of them.

Source: Insider One, API collection "Upsert User Data".
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from emulator.capture.profile import ProfileEvent
from emulator.capture.profiles import ProfileStore
from emulator.clock import iso
from emulator.http import HttpResponse
from emulator.insider import replies
from emulator.insider.changes import Listener, attributes_of, changed
from emulator.insider.findings import Finding, dropped, quoted, warning
from emulator.insider.identity import Population, Rules, key
from emulator.insider.shape import errors, faults
from emulator.insider.users import User, apply, read_user
from emulator.types import JSON, JSONObject

log = logging.getLogger(__name__)

PATH = "/api/user/v1/upsert"


@dataclass(frozen=True, slots=True)
class Upsert:
    """The endpoint's work behind its door."""

    rules: Rules
    profiles: ProfileStore
    new_id: Callable[[], str]
    on_change: Listener

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Take the users of *body* that have no faults, all in one transaction.

        Raises: Refusal, when the request is refused as a whole.
        """
        given = _users(body)
        skip_hook, findings = _options(body)
        users: list[User] = []
        failed: list[dict[str, list[str]]] = []
        for index, each in enumerate(given):
            # Assumed: a user with one fault loses its valid parts too.
            if found := faults(each):
                failed.append(errors(index, found))
                findings += [
                    dropped(f"users.{index}.{fault.where}".rstrip("."), fault.text, fault.remedy)
                    for fault in found
                ]
            else:
                users.append(read_user(each, index, self.rules, now, skip_hook=skip_hook))
        if users:
            findings += self._keep(users, now, skip_hook=skip_hook)
        log.info("upserted users=%d failed=%d", len(users), len(failed))
        return replies.response(200, replies.outcome(len(users), failed), findings)

    def _keep(self, users: list[User], now: datetime, *, skip_hook: bool) -> list[Finding]:
        wanted = {key(*each): None for user in users for each in user.identifiers.items()}
        ids = [user.insider_id for user in users if user.insider_id]
        with self.profiles.writing() as writing:
            known = writing.find(wanted, ids)
            before = attributes_of(known)
            population = Population(known, self.rules, self.new_id, iso(now))
            for user in users:
                _settle(user, population, iso(now))
            changes = population.changes()
            repeated = writing.save(changes)
        self.on_change(changed(before, changes, repeated, now, skip_hook=skip_hook))
        return [finding for user in users for finding in user.findings] + _repeated(users, repeated)


def _users(body: JSON) -> list[JSON]:
    users = body.get("users") if isinstance(body, dict) else None
    if users is None or users == []:
        raise replies.NO_USERS
    if not isinstance(users, list):
        raise replies.USERS_NOT_A_LIST
    if len(users) > replies.MOST_USERS:
        raise replies.TOO_MANY_USERS
    return users


def _options(body: JSONObject) -> tuple[bool, list[Finding]]:
    told = []
    skip_hook = body.get("skip_hook", False)
    if not isinstance(skip_hook, bool):
        what = f"skip_hook is not a boolean and counts as false: {quoted(skip_hook)}"
        told.append(warning("skip_hook", what, "Send true or false without quotes."))
    if "error_callback_endpoint" in body:
        what = "this emulator has no later failures, so it never calls the endpoint"
        told.append(warning("error_callback_endpoint", what, "Read the answer's fail object."))
    return skip_hook is True, told


def _settle(user: User, population: Population, now: str) -> None:
    if user.insider_id and not population.has(user.insider_id):
        what = "no profile has this insider_id, so one is made with it"
        remedy = "Send the Profile ID that the user's profile shows, or identifiers."
        user.findings.append(warning(f"{user.where}.insider_id", what, remedy))
    settled = population.settle(user.insider_id, user.identifiers)
    for name, note in settled.notes:
        remedy = "Change an identifier with PATCH /api/user/v1/identity, or send the one it has."
        user.findings.append(warning(f"{user.where}.identifiers.{name}", note, remedy))
    apply(user, settled.profile, now)
    population.add(settled.profile, [event for _, event in user.events])


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
