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
from segment_insider_emulator.insider.account import Account
from segment_insider_emulator.insider.catalog import stored_name
from segment_insider_emulator.insider.documents import document
from segment_insider_emulator.insider.formats import instant
from segment_insider_emulator.insider.naming import one_named, present
from segment_insider_emulator.insider.rates import Rates
from segment_insider_emulator.insider.replies import NO_SUCH_USER, Refusal, malformed, response
from segment_insider_emulator.insider.schema import validator
from segment_insider_emulator.insider.structure import PROFILE_READ, undocumented_keys
from segment_insider_emulator.insider.values import ATTRIBUTES
from segment_insider_emulator.types import JSON, JSONObject

PATH = "/api/user/v1/profile"
BUDGET = "profile"
_REQUEST = validator(document("profile_request"))
_BASE_COST, _EVENT_COST = 1.0, 0.5  # units


@dataclass(frozen=True, slots=True)
class ReadProfile:
    """Tell attributes and events of one profile."""

    account: Account
    rates: Rates

    def __call__(self, body: JSON, now: datetime) -> HttpResponse:
        """Raises: Refusal, when nobody is named or found, or the quota is used up."""
        meant = one_named(body, self.account.rules)
        for error in _REQUEST.iter_errors(body):
            raise _malformed(error)
        wanted = body.get("events", {}).get("wanted", ())
        cost = _BASE_COST + _EVENT_COST * len({each["event_name"] for each in wanted})
        used = self.rates.take(BUDGET, now, cost)
        profile = self.account.profiles.get(present(self.account.profiles, meant).id)
        if profile is None:  # it ended between the two looks
            raise NO_SUCH_USER
        answer: JSONObject = {}
        if "attributes" in body:
            answer["attributes"] = attributes(profile, body["attributes"])
        if self.account.options.profile_id_in_reads:
            answer.setdefault("attributes", {})["iid"] = profile.id
        if "events" in body:
            answer["events"] = events(profile, body["events"])
        if body.get("quota"):
            total = self.account.options.rate(BUDGET)
            answer["quota"] = {"cost": cost, "used": used, "total": total}
        return response(200, answer, [*undocumented_keys(body, PROFILE_READ)])


def attributes(profile: Profile, names: list[str]) -> JSONObject:
    """Those of *names* that are set, under the names asked for."""
    told: JSONObject = {}
    for name in names:
        if name in ("*", "custom"):
            told.update(
                (_read_name(place), value)
                for place, value in profile.attributes.items()
                if place.startswith("custom.") or (name == "*" and "." not in place)
            )
        elif name == "iid":
            told["iid"] = profile.id
        elif (place := _place(name)) in profile.attributes:
            # Insider One's own connector reads the flag back under its short name.
            told["gdpr" if place == "gdpr_optin" else name] = profile.attributes[place]
    return told


def events(profile: Profile, asked: JSONObject) -> dict[str, list[JSONObject]]:
    """Event name as asked for -> occurrences in the asked time, newest first."""
    told: dict[str, list[JSONObject]] = {}
    since, until = asked["start_date"], asked["end_date"]
    newest = sorted(profile.events, key=lambda event: event.occurred_at, reverse=True)
    for wanted in asked["wanted"]:
        name = wanted["event_name"]
        made = (
            event
            for event in newest
            if event.name == stored_name(name) and since <= _seconds(event) <= until
        )
        chosen = _limited(made, wanted.get("limit_per_source"))
        if listed := [_event(event, wanted.get("params", [])) for event in chosen]:
            told[name] = listed
    return told


def _limited(made: Iterator[ProfileEvent], limit: int | None) -> Iterator[ProfileEvent]:
    counted: Counter[str] = Counter()
    for event in made:
        counted[_source(event)] += 1
        if limit is None or counted[_source(event)] <= limit:
            yield event


def _event(event: ProfileEvent, params: list[str]) -> JSONObject:
    custom = event.params.get("custom", {})
    values = {name: value for name, value in event.params.items() if not isinstance(value, dict)}
    values |= {f"c_{name}": value for name, value in custom.items()}
    # Asked for as `timestamp`, told as `created_date`.
    values["created_date"] = f"{event.occurred_at[:19]}Z"
    wanted = ["created_date" if name == "timestamp" else name for name in params]
    shown = values if "*" in wanted else {n: values[n] for n in wanted if n in values}
    return {**shown, "source": _source(event)}


def _source(event: ProfileEvent) -> str:
    return str(event.params.get("source", "web"))


def _seconds(event: ProfileEvent) -> float:
    moment = instant(event.occurred_at)
    assert moment is not None  # the store writes no other
    return moment.timestamp()


def _place(name: str) -> str:
    if name.startswith("c_"):
        return f"custom.{name.removeprefix('c_')}"
    return "gdpr_optin" if name == "gdpr" else ATTRIBUTES.aliases.get(name, name)


def _read_name(place: str) -> str:
    if place == "gdpr_optin":
        return "gdpr"
    return f"c_{place.removeprefix('custom.')}" if place.startswith("custom.") else place


def _malformed(error: ValidationError) -> Refusal:
    path, wanted = [str(step) for step in error.absolute_path], error.validator_value
    where = ".".join(path)
    if error.validator == "anyOf":
        text = "either attributes or events must be specified"
        return malformed(text, "List the attributes or events to be told.")
    if error.validator == "required":
        given = cast(JSONObject, error.instance)
        name = next(each for each in cast(list[str], wanted) if each not in given)
        return malformed(f"{'.'.join([*path, name])} must be defined", f"Send {name}.")
    if error.validator == "minimum":
        return malformed(f"{where} must be at least {wanted}", f"Send {wanted} or more.")
    return malformed(f"{where} must be {wanted}", f"Send {where} as a JSON {wanted}.")
