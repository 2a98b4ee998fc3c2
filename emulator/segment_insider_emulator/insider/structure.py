"""The keys of a request about users, level by level; each that no document names is a warning.

Source: Insider One, API collection "Upsert User Data", "Delete User Attribute", "Get User
Profiles", "Update Identifiers", "Delete Identifiers", "Delete User Profile" and "Anonymize".
`identifiers` is a closed list of its own, see user.json; the names inside `attributes` and
`event_params` of an upsert are read by values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from segment_insider_emulator.insider.findings import RequestFinding, build_warning
from segment_insider_emulator.insider.values import DEFAULT_ATTRIBUTES, DEFAULT_PARAMETERS
from segment_insider_emulator.near_misses import find_similar_name
from segment_insider_emulator.types import JSON, JSONObject


@dataclass(frozen=True, slots=True)
class DocumentedKeys:
    """One kind of object in a request.

    Args:
        noun: What people call it.
        keys: The keys that Insider One documents, and `platform`, which Segment sends.
        homes: Key -> where the key belongs, for keys that are often put here by mistake.
        inside: Key -> the objects there, one or a list of them.
    """

    object_name: str
    keys: tuple[str, ...]
    key_locations: Mapping[str, str]
    nested_objects: Mapping[str, "DocumentedKeys"] = field(default_factory=dict)


_REQUEST_KEYS = ("users", "skip_hook", "error_callback_endpoint", "platform")
_USER_KEYS = ("identifiers", "insider_id", "attributes", "events", "append", "not_append")
_EVENT_KEYS = ("event_name", "timestamp", "event_params")
_USER_KEY_LOCATIONS = dict.fromkeys(_USER_KEYS, "each user in users")
_EVENT_KEY_LOCATIONS = dict.fromkeys(_EVENT_KEYS, "each event in events")
_REQUEST_KEY_LOCATIONS = dict.fromkeys(_REQUEST_KEYS, "the request, beside users")
_ATTRIBUTE_LOCATIONS = dict.fromkeys(
    (*DEFAULT_ATTRIBUTES.schemas, *DEFAULT_ATTRIBUTES.aliases, "custom"), "attributes"
)
_PARAMETER_LOCATIONS = dict.fromkeys((*DEFAULT_PARAMETERS.schemas, "custom"), "event_params")
_EVENT_OBJECT = DocumentedKeys(
    "event", _EVENT_KEYS, _PARAMETER_LOCATIONS | _USER_KEY_LOCATIONS | _REQUEST_KEY_LOCATIONS
)
_IDENTIFIER_OR_ATTRIBUTE_LOCATIONS = dict.fromkeys(
    ("uuid", "email", "phone_number"), "identifiers, or into attributes"
)
_USER_CONTENT_LOCATIONS = _ATTRIBUTE_LOCATIONS | _IDENTIFIER_OR_ATTRIBUTE_LOCATIONS
_USER_OBJECT = DocumentedKeys(
    "user",
    _USER_KEYS,
    _USER_CONTENT_LOCATIONS | _EVENT_KEY_LOCATIONS | _REQUEST_KEY_LOCATIONS,
    {"events": _EVENT_OBJECT},
)
UPSERT_KEYS = DocumentedKeys(
    "request", _REQUEST_KEYS, _EVENT_KEY_LOCATIONS | _USER_KEY_LOCATIONS, {"users": _USER_OBJECT}
)

_IDENTIFIER_LOCATIONS = dict.fromkeys(("uuid", "email", "phone_number", "custom"), "identifiers")
_DELETION_KEYS = ("identifiers", "insider_id", "whole", "partial", "custom")
_DELETION_CUSTOM_OBJECT = DocumentedKeys("custom", ("whole", "partial"), {})
_DELETION_USER_OBJECT = DocumentedKeys(
    "user", _DELETION_KEYS, _IDENTIFIER_LOCATIONS, {"custom": _DELETION_CUSTOM_OBJECT}
)
_DELETION_KEY_LOCATIONS = dict.fromkeys(_DELETION_KEYS, "each user in users")
ATTRIBUTE_DELETION_KEYS = DocumentedKeys(
    "request", ("users",), _DELETION_KEY_LOCATIONS, {"users": _DELETION_USER_OBJECT}
)

_USER_REFERENCE_KEY_NAMES = ("identifiers", "insider_id")
USER_REFERENCE_KEYS = DocumentedKeys("request", _USER_REFERENCE_KEY_NAMES, _IDENTIFIER_LOCATIONS)
PROFILE_ID_KEYS = DocumentedKeys("request", ("insider_id", "partner", "api_key"), {})
_OLD_AND_NEW_KEYS = ("old_identifier", "new_identifier")
IDENTIFIER_UPDATE_KEYS = DocumentedKeys(
    "request",
    _OLD_AND_NEW_KEYS,
    dict.fromkeys(("identifiers", *_IDENTIFIER_LOCATIONS), " and ".join(_OLD_AND_NEW_KEYS)),
)

_EVENT_FILTER_KEYS = ("event_name", "params", "limit_per_source")
_PERIOD_KEYS = ("start_date", "end_date", "wanted")
_EVENT_FILTER_KEY_LOCATIONS = dict.fromkeys(_EVENT_FILTER_KEYS, "each event in events.wanted")
_PERIOD_KEY_LOCATIONS = dict.fromkeys(_PERIOD_KEYS, "events")
_EVENT_FILTER_OBJECT = DocumentedKeys("wanted event", _EVENT_FILTER_KEYS, _PERIOD_KEY_LOCATIONS)
_PERIOD_OBJECT = DocumentedKeys(
    "choice of events", _PERIOD_KEYS, _EVENT_FILTER_KEY_LOCATIONS, {"wanted": _EVENT_FILTER_OBJECT}
)
PROFILE_READ_KEYS = DocumentedKeys(
    "request",
    (*_USER_REFERENCE_KEY_NAMES, "attributes", "events", "quota"),
    _IDENTIFIER_LOCATIONS | _EVENT_FILTER_KEY_LOCATIONS | _PERIOD_KEY_LOCATIONS,
    {"events": _PERIOD_OBJECT},
)


def find_undocumented_keys(
    value: JSON, documented_keys: DocumentedKeys, prefix: str = ""
) -> Iterator[RequestFinding]:
    """Warn of every key of a request that no document names, where *value* is an object."""
    if not isinstance(value, dict):
        return
    yield from _find_unknown_keys(value, documented_keys, prefix)
    for name, nested_keys in documented_keys.nested_objects.items():
        nested_value = value.get(name)
        yield from find_undocumented_keys(nested_value, nested_keys, f"{prefix}{name}.")
        for index, list_item in enumerate(nested_value if isinstance(nested_value, list) else ()):
            yield from find_undocumented_keys(list_item, nested_keys, f"{prefix}{name}.{index}.")


def _find_unknown_keys(
    request_object: JSONObject, documented_keys: DocumentedKeys, prefix: str
) -> Iterator[RequestFinding]:
    for name in request_object:
        if name not in documented_keys.keys:
            what = f"no document names this key of {_add_article(documented_keys.object_name)}; its value is lost"
            yield build_warning(f"{prefix}{name}", what, _suggest_key_fix(name, documented_keys))


def _suggest_key_fix(name: str, documented_keys: DocumentedKeys) -> str:
    if home := documented_keys.key_locations.get(name):
        return f"Move it into {home}."
    if near := find_similar_name(name, documented_keys.keys):
        return f"Write {near}."
    if misplaced := find_similar_name(name, documented_keys.key_locations):
        return f"Write {misplaced}, and move it into {documented_keys.key_locations[misplaced]}."
    return f"Leave it out. Known: {', '.join(documented_keys.keys)}."


def _add_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aei" else f"a {noun}"
