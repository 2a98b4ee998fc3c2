"""Differences between two workspaces: a file, and what runs at Segment or is planned.

Compared is what decides about events. Keys and secrets are not, nor what only the emulator has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from segment_insider_emulator.filtering.transformations import EFFECT_KEYS
from segment_insider_emulator.functions.segment_function import FUNCTION_KINDS
from segment_insider_emulator.interchange.export_workspace import (
    export_filters,
    export_schema_settings,
    export_subscriptions,
    export_tracking_plan,
    export_transformations,
)
from segment_insider_emulator.interchange.function_resources import (
    SECRET_PLACEHOLDER,
    hide_secret_settings,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace

# Members of a list with the same value of the first key that both have are one thing.
IDENTITY_KEYS: Final = ("id", "name", "title", "key", "displayName")
# They name things and decide nothing.
IGNORED_KEYS: Final = frozenset(
    ("id", "sourceId", "destinationId", "functionId", "integrationId", "modelId")
)
CONSENT_PART: Final = "destination.consentSettings"
SECRET_SETTINGS: Final = frozenset(("ucd_key",))


@dataclass(frozen=True, slots=True)
class WorkspaceDifference:
    """Record of one value that differs between two workspaces.

    Args:
        where: E.g. "destination.subscriptions 'Order': settings.products".
        in_file, in_other: The values; None where there is none, see `kind`.
        kind: "changed", "only in the file" or "only in the other".
    """

    where: str
    in_file: JSON
    in_other: JSON
    kind: str


class _Missing:
    """Type of MISSING."""


MISSING: Final = _Missing()


def find_workspace_differences(workspace: Workspace, other: Workspace) -> list[WorkspaceDifference]:
    """Find what differs between a workspace and another version of it, in their order."""
    own_parts, other_parts = _list_deciding_parts(workspace), _list_deciding_parts(other)
    if not other_parts[CONSENT_PART]:
        # No API of Segment has them.
        own_parts[CONSENT_PART] = {}
    return list(_compare("", own_parts, other_parts))


def _simplify_transformation(transformation: JSONObject) -> JSONObject:
    """Return what a transformation does, without parts that are empty or the default."""
    enabled = transformation.get("enabled", True)
    keys = ("name", "destinationMetadataId", "if", *EFFECT_KEYS)
    return {"enabled": enabled} | {
        key: transformation[key] for key in keys if transformation.get(key)
    }


def _list_deciding_parts(workspace: Workspace) -> JSONObject:
    """Return what decides about events, as Segment stores it."""
    destination = workspace.destination
    settings = {
        name: value
        for name, value in destination.get("settings", {}).items()
        if name not in SECRET_SETTINGS
    }
    functions = workspace.document.get("functions", {})
    plan = export_tracking_plan(workspace)
    return {
        "source": {"enabled": workspace.document["source"].get("enabled", True)},
        "source.settings": export_schema_settings(workspace),
        "transformations": [
            _simplify_transformation(entry)
            for entry in export_transformations(workspace, keep_secrets=False)
        ],
        "destination": {"enabled": destination.get("enabled", True), "settings": settings},
        CONSENT_PART: destination.get("consentSettings") or {},
        "destination.subscriptions": export_subscriptions(workspace),
        "destination.filters": export_filters(workspace),
        "functions": {
            kind: [_describe_function(entry) for entry in functions.get(kind, [])]
            for kind in FUNCTION_KINDS
        },
        "trackingPlan.rules": [] if plan is None else [_name_rule(rule) for rule in plan["rules"]],
    }


def _describe_function(entry: JSONObject) -> JSONObject:
    """Return what decides about a function's events: no ids, texts for people and secrets."""
    described = {"enabled": True} | hide_secret_settings(entry, SECRET_PLACEHOLDER)
    return {key: described[key] for key in ("name", "enabled", "code", "settings")}


def _name_rule(rule: JSONObject) -> JSONObject:
    """Give a rule of a tracking plan one key: several versions of an event have one name."""
    key = " ".join(str(rule[name]) for name in ("type", "key", "version") if rule.get(name))
    return {"key": key, "jsonSchema": rule["jsonSchema"]}


def _compare(where: str, ours: Any, theirs: Any) -> Iterator[WorkspaceDifference]:
    """Yield the differences of two values; directives of a mapping are compared as a whole."""
    if ours == theirs and type(ours) is type(theirs):
        return
    if _is_section(ours) and _is_section(theirs):
        for key in dict.fromkeys((*ours, *theirs)):
            if key not in IGNORED_KEYS:
                path = _join_path(where, key)
                yield from _compare(path, ours.get(key, MISSING), theirs.get(key, MISSING))
    elif _is_list_of_things(ours) and _is_list_of_things(theirs):
        for our_thing, their_thing in _pair_things(ours, theirs):
            name = _get_name(their_thing if isinstance(our_thing, _Missing) else our_thing)
            yield from _compare(f"{where} {name!r}:", our_thing, their_thing)
    else:
        yield _create_difference(where.rstrip(":"), ours, theirs)


def _create_difference(where: str, ours: Any, theirs: Any) -> WorkspaceDifference:
    if isinstance(ours, _Missing):
        return WorkspaceDifference(where, None, theirs, "only in the other")
    if isinstance(theirs, _Missing):
        return WorkspaceDifference(where, ours, None, "only in the file")
    return WorkspaceDifference(where, ours, theirs, "changed")


def _is_section(value: Any) -> bool:
    return isinstance(value, dict) and not any(key.startswith("@") for key in value)


def _is_list_of_things(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(member, dict) and any(key in member for key in IDENTITY_KEYS) for member in value
    )


def _pair_things(
    ours: Sequence[JSONObject], theirs: Sequence[JSONObject]
) -> Iterator[tuple[JSONObject | _Missing, JSONObject | _Missing]]:
    """Pair the members of two lists that are the same thing; the others have no partner."""
    partners: dict[int, int] = {}
    for key in IDENTITY_KEYS:
        for at, thing in enumerate(ours):
            if at not in partners and thing.get(key):
                free = (
                    index
                    for index, other in enumerate(theirs)
                    if other.get(key) == thing[key] and index not in partners.values()
                )
                if (found := next(free, None)) is not None:
                    partners[at] = found
    for at, thing in enumerate(ours):
        yield thing, theirs[partners[at]] if at in partners else MISSING
    for index, other in enumerate(theirs):
        if index not in partners.values():
            yield MISSING, other


def _get_name(thing: Any) -> JSON:
    return next(
        (thing[key] for key in (*IDENTITY_KEYS[1:], "id") if thing.get(key)), "without a name"
    )


def _join_path(where: str, key: str) -> str:
    if not where:
        return key
    return f"{where} {key}" if where.endswith(":") else f"{where}.{key}"
