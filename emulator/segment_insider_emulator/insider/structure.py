"""The keys of a request about users, level by level; each that no document names is a warning.

Source: Insider One, API collection "Upsert User Data", "Delete User Attribute", "Get User
Profiles", "Update Identifiers", "Delete Identifiers", "Delete User Profile" and "Anonymize".
`identifiers` is a closed list of its own, see user.json; the names inside `attributes` and
`event_params` of an upsert are read by values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from segment_insider_emulator.insider.findings import Finding, warning
from segment_insider_emulator.insider.values import ATTRIBUTES, PARAMETERS
from segment_insider_emulator.near_misses import near_miss
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class Level:
    """One kind of object in a request.

    Args:
        noun: What people call it.
        keys: The keys that Insider One documents, and `platform`, which Segment sends.
        homes: Key -> where the key belongs, for keys that are often put here by mistake.
        inside: Key -> the objects there, one or a list of them.
    """

    noun: str
    keys: tuple[str, ...]
    homes: Mapping[str, str]
    inside: Mapping[str, "Level"] = field(default_factory=dict)


_REQUEST_KEYS = ("users", "skip_hook", "error_callback_endpoint", "platform")
_USER_KEYS = ("identifiers", "insider_id", "attributes", "events", "append", "not_append")
_EVENT_KEYS = ("event_name", "timestamp", "event_params")
_IN_USER = dict.fromkeys(_USER_KEYS, "each user in users")
_IN_EVENT = dict.fromkeys(_EVENT_KEYS, "each event in events")
_IN_REQUEST = dict.fromkeys(_REQUEST_KEYS, "the request, beside users")
_AS_ATTRIBUTE = dict.fromkeys((*ATTRIBUTES.known, *ATTRIBUTES.aliases, "custom"), "attributes")
_AS_PARAMETER = dict.fromkeys((*PARAMETERS.known, "custom"), "event_params")
_EVENT = Level("event", _EVENT_KEYS, _AS_PARAMETER | _IN_USER | _IN_REQUEST)
_AS_EITHER = dict.fromkeys(("uuid", "email", "phone_number"), "identifiers, or into attributes")
_IN_A_USER = _AS_ATTRIBUTE | _AS_EITHER
_USER = Level("user", _USER_KEYS, _IN_A_USER | _IN_EVENT | _IN_REQUEST, {"events": _EVENT})
UPSERT = Level("request", _REQUEST_KEYS, _IN_EVENT | _IN_USER, {"users": _USER})

_AS_IDENTIFIER = dict.fromkeys(("uuid", "email", "phone_number", "custom"), "identifiers")
_DELETION_KEYS = ("identifiers", "insider_id", "whole", "partial", "custom")
_DELETION_CUSTOM = Level("custom", ("whole", "partial"), {})
_DELETION_USER = Level("user", _DELETION_KEYS, _AS_IDENTIFIER, {"custom": _DELETION_CUSTOM})
_IN_DELETION_USER = dict.fromkeys(_DELETION_KEYS, "each user in users")
DELETION = Level("request", ("users",), _IN_DELETION_USER, {"users": _DELETION_USER})

_ONE_USER_KEYS = ("identifiers", "insider_id")
ONE_USER = Level("request", _ONE_USER_KEYS, _AS_IDENTIFIER)
PROFILE_ID = Level("request", ("insider_id", "partner", "api_key"), {})
_CHANGE_KEYS = ("old_identifier", "new_identifier")
IDENTITY_CHANGE = Level(
    "request",
    _CHANGE_KEYS,
    dict.fromkeys(("identifiers", *_AS_IDENTIFIER), " and ".join(_CHANGE_KEYS)),
)

_WANTED_KEYS = ("event_name", "params", "limit_per_source")
_PERIOD_KEYS = ("start_date", "end_date", "wanted")
_IN_WANTED = dict.fromkeys(_WANTED_KEYS, "each event in events.wanted")
_IN_PERIOD = dict.fromkeys(_PERIOD_KEYS, "events")
_WANTED = Level("wanted event", _WANTED_KEYS, _IN_PERIOD)
_PERIOD = Level("choice of events", _PERIOD_KEYS, _IN_WANTED, {"wanted": _WANTED})
PROFILE_READ = Level(
    "request",
    (*_ONE_USER_KEYS, "attributes", "events", "quota"),
    _AS_IDENTIFIER | _IN_WANTED | _IN_PERIOD,
    {"events": _PERIOD},
)


def undocumented_keys(value: JSON, level: Level, prefix: str = "") -> Iterator[Finding]:
    """Warn of every key of a request that no document names, where *value* is an object."""
    if not isinstance(value, dict):
        return
    yield from _unknown(value, level, prefix)
    for name, inner in level.inside.items():
        held = value.get(name)
        yield from undocumented_keys(held, inner, f"{prefix}{name}.")
        for index, each in enumerate(held if isinstance(held, list) else ()):
            yield from undocumented_keys(each, inner, f"{prefix}{name}.{index}.")


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
