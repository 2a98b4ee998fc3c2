"""The keys of a request about users, level by level; each that no document names is a warning.

Source: Insider One, API collection "Upsert User Data" and "Delete User Attribute". `identifiers`
is a closed list of its own, see user.json; the names inside `attributes` and `event_params` are
read by values.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.insider.findings import Finding, warning
from emulator.insider.values import ATTRIBUTES, PARAMETERS
from emulator.near_misses import near_miss
from emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class Level:
    """One kind of object in a request.

    Args:
        noun: What people call it.
        keys: The keys that Insider One documents, and `platform`, which Segment sends.
        homes: Key -> where the key belongs, for keys that are often put here by mistake.
    """

    noun: str
    keys: tuple[str, ...]
    homes: dict[str, str]


_REQUEST_KEYS = ("users", "skip_hook", "error_callback_endpoint", "platform")
_USER_KEYS = ("identifiers", "insider_id", "attributes", "events", "append", "not_append")
_EVENT_KEYS = ("event_name", "timestamp", "event_params")
_IN_USER = dict.fromkeys(_USER_KEYS, "each user in users")
_IN_EVENT = dict.fromkeys(_EVENT_KEYS, "each event in events")
_IN_REQUEST = dict.fromkeys(_REQUEST_KEYS, "the request, beside users")
_AS_ATTRIBUTE = dict.fromkeys((*ATTRIBUTES.known, *ATTRIBUTES.aliases, "custom"), "attributes")
_AS_PARAMETER = dict.fromkeys((*PARAMETERS.known, "custom"), "event_params")

REQUEST = Level("request", _REQUEST_KEYS, _IN_EVENT | _IN_USER)
USER = Level("user", _USER_KEYS, _AS_ATTRIBUTE | _IN_EVENT | _IN_REQUEST)
EVENT = Level("event", _EVENT_KEYS, _AS_PARAMETER | _IN_USER | _IN_REQUEST)

_DELETION_KEYS = ("identifiers", "insider_id", "whole", "partial", "custom")
DELETION = Level("request", ("users",), dict.fromkeys(_DELETION_KEYS, "each user in users"))
DELETION_USER = Level("user", _DELETION_KEYS, {})
DELETION_CUSTOM = Level("custom", ("whole", "partial"), {})


def undocumented_keys(body: JSONObject) -> Iterator[Finding]:
    """Warn of every key of an upsert's structure that no document names."""
    yield from _unknown(body, REQUEST, "")
    for index, user in enumerate(_list(body.get("users"))):
        if not isinstance(user, dict):
            continue
        yield from _unknown(user, USER, f"users.{index}.")
        for at, event in enumerate(_list(user.get("events"))):
            if isinstance(event, dict):
                yield from _unknown(event, EVENT, f"users.{index}.events.{at}.")


def undocumented_deletion_keys(body: JSONObject) -> Iterator[Finding]:
    """Warn of every key of an attribute/delete that no document names."""
    yield from _unknown(body, DELETION, "")
    for index, user in enumerate(_list(body.get("users"))):
        if isinstance(user, dict):
            yield from _unknown(user, DELETION_USER, f"users.{index}.")
            if isinstance(custom := user.get("custom"), dict):
                yield from _unknown(custom, DELETION_CUSTOM, f"users.{index}.custom.")


def _unknown(given: JSONObject, level: Level, prefix: str) -> Iterator[Finding]:
    for name in given:
        if name not in level.keys:
            what = f"no document names this key of {_with_article(level.noun)}; its value is lost"
            yield warning(f"{prefix}{name}", what, _remedy(name, level))


def _remedy(name: str, level: Level) -> str:
    if home := level.homes.get(name):
        return f"Move it into {home}."
    if near := near_miss(name, level.keys):
        return f"Write {near}."
    if misplaced := near_miss(name, level.homes):
        return f"Write {misplaced}, and move it into {level.homes[misplaced]}."
    return f"Leave it out. Known: {', '.join(level.keys)}."


def _with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aei" else f"a {noun}"


def _list(value: JSON) -> list[JSON]:
    return value if isinstance(value, list) else []
