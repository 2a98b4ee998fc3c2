"""What fails a whole user: schema errors in Insider One's words, and rules a schema cannot say."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import cast

from jsonschema.exceptions import ValidationError

from segment_insider_emulator.insider.catalog import required
from segment_insider_emulator.insider.documents import document
from segment_insider_emulator.insider.findings import Finding, dropped, quoted
from segment_insider_emulator.insider.options import EventNames, Options
from segment_insider_emulator.insider.schema import Check, matches, validator
from segment_insider_emulator.types import JSON, JSONObject

# Assumed: a body of 5 MB can hold a million faults, and nobody reads an answer of 80 MB.
MOST = 100
PUBLISHED_EVENT_NAME = "^[a-z0-9][a-zA-Z0-9._-]*$"
NOBODY = "either insider_id or idenifiers must be specified"  # spelled as Insider One spells it


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of a user: key below `users.<index>.`, text, the place at fault and a remedy."""

    key: str
    text: str
    where: str
    remedy: str


def faults(user: JSON, options: Options) -> list[Fault]:
    """Why *user* is refused as a whole, in the order found; nothing when it is taken."""
    found = _schema_faults(_user(options.event_names), user)
    if isinstance(user, dict):
        found = chain(found, _nobody(user), _nothing(user), _missing_parameters(user, options))
    return list(dict.fromkeys(islice(found, MOST)))


def naming_faults(user: JSON) -> list[Fault]:
    """Why *user* names nobody, whatever else it says: faults of identifiers and insider_id."""
    found = _schema_faults(_naming(), user)
    if isinstance(user, dict):
        found = chain(found, _nobody(user))
    return list(dict.fromkeys(islice(found, MOST)))


def deletion_faults(user: JSON) -> list[Fault]:
    """Why *user* of attribute/delete is refused as a whole."""
    found = iter(naming_faults(user))
    if isinstance(user, dict):
        found = chain(found, map(_plain_fault, _deletion().iter_errors(user)))
    return list(dict.fromkeys(islice(found, MOST)))


def errors(index: int, found: list[Fault]) -> dict[str, list[str]]:
    """*found* as the answer lists it; equal texts under one key are given once."""
    listed: dict[str, list[str]] = {}
    for fault in found:
        texts = listed.setdefault(f"users.{index}.{fault.key}", [])
        if fault.text not in texts:
            texts.append(fault.text)
    return listed


def refusals(index: int, found: list[Fault]) -> list[Finding]:
    """*found* for people, each with its place in the request."""
    return [
        dropped(f"users.{index}.{fault.where}".rstrip("."), fault.text, fault.remedy)
        for fault in found
    ]


@cache
def _user(event_names: EventNames) -> Check:
    return validator(user_schema(event_names))


def user_schema(event_names: EventNames) -> JSONObject:
    """The schema of one user of an upsert, with the expression that event names must match."""
    schema = deepcopy(document("user"))
    if event_names == "regexp":
        name = schema["properties"]["events"]["items"]["properties"]["event_name"]
        name["pattern"] = PUBLISHED_EVENT_NAME
    return schema


def takes_event_name(name: str, event_names: EventNames) -> bool:
    """Whether an event may have this *name*."""
    events = user_schema(event_names)["properties"]["events"]
    return matches(events["items"]["properties"]["event_name"]["pattern"], name)


@cache
def _naming() -> Check:
    schema = document("user")
    named = {name: schema["properties"][name] for name in ("identifiers", "insider_id")}
    return validator({**schema, "properties": named})


@cache
def _deletion() -> Check:
    return validator(document("deletion"))


def _schema_faults(check: Check, user: JSON) -> Iterator[Fault]:
    return (fault for error in check.iter_errors(user) for fault in _faults(error))


def _plain_fault(error: ValidationError) -> Fault:
    """A fault in words like the published ones; assumed."""
    path = [str(step) for step in error.absolute_path]
    rule, wanted = str(error.validator), error.validator_value
    if rule == "anyOf":
        names = [name for each in cast(list[JSONObject], wanted) for name in each["required"]]
        text = f"at least one of {', '.join(names)} must be specified"
        return Fault("attributes.required", text, ".".join(path), "Name what is to be deleted.")
    where, text = ".".join(path), f"{path[-1]} must be {wanted}: {quoted(error.instance)}"
    return Fault(f"{where}.{rule}({wanted})", text, where, f"Send {where} as a JSON {wanted}.")


def _faults(error: ValidationError) -> Iterator[Fault]:
    schema = cast(JSONObject, error.schema)
    rule = schema["x-errors"][error.validator]
    path = [str(step) for step in error.absolute_path]
    event = next((step for step in path if step.isdecimal()), "")
    key, text = rule["key"].replace("#", event), rule["text"]
    names = _names(error)
    if not names:
        text = text.replace("{value}", quoted(error.instance))
        yield Fault(key, text, ".".join(path), rule["remedy"])
    for name in names:
        where = ".".join([*path, name])
        yield Fault(
            key.replace("{name}", name), text.replace("{name}", name), where, rule["remedy"]
        )


def _names(error: ValidationError) -> list[str]:
    """The keys that an error about an object's keys is about.

    The validator reports each missing key apart without saying which; equal faults unite.
    """
    schema, given = cast(JSONObject, error.schema), error.instance
    if error.validator == "required":
        return [name for name in schema["required"] if name not in cast(JSONObject, given)]
    if error.validator == "additionalProperties":
        return [name for name in cast(JSONObject, given) if name not in schema["properties"]]
    return []


def _nobody(user: JSONObject) -> Iterator[Fault]:
    identifiers = user.get("identifiers", {})
    # Assumed: an object with nothing but an empty `custom` in it names nobody either.
    named = not isinstance(identifiers, dict) or any(
        value != {} or name != "custom" for name, value in identifiers.items()
    )
    if not named and "insider_id" not in user:
        for place in ("identifiers", "insider_id"):
            remedy = "Name the user: uuid, email, phone_number, a custom identifier or insider_id."
            yield Fault(f"{place}.required", NOBODY, place, remedy)


def _nothing(user: JSONObject) -> Iterator[Fault]:
    if "attributes" not in user and "events" not in user:
        # Assumed: the rule is published, its error is not.
        text = "either attributes or events must be specified"
        for place in ("attributes", "events"):
            remedy = "Send at least one attribute or one event."
            yield Fault(f"{place}.required", text, place, remedy)


def _missing_parameters(user: JSONObject, options: Options) -> Iterator[Fault]:
    events = user.get("events")
    for at, event in enumerate(events if isinstance(events, list) else ()):
        if not isinstance(event, dict) or not isinstance(event.get("event_name"), str):
            continue
        name = event["event_name"]
        for parameter in missing_parameters(event, required(name, options)):
            yield Fault(
                f"events.{at}.event_params.*.required",
                f"{parameter} parameter is required on {name} event",
                f"events.{at}.event_params.{parameter}",
                f"Send {parameter} at the root of event_params; under custom it does not count.",
            )


def missing_parameters(event: JSONObject, wanted: tuple[str, ...]) -> list[str]:
    """Those of *wanted* that the event does not carry at the root of its parameters."""
    params = event.get("event_params")
    given = params if isinstance(params, dict) else {}
    return [parameter for parameter in wanted if given.get(parameter) is None]
