"""Fields taken out of an event by the places that a destination filter names.

Source: Segment, destination filters; recorded from the published evaluator: the path names an
object, or a list of them, and the names below it are keys, not paths.
"""

from collections.abc import Callable
from typing import TypeAlias

from emulator.types import JSON, JSONObject

Fields: TypeAlias = dict[str, list[str]]  # dotted path of an object, "" for the event -> keys


def without(event: JSONObject, fields: Fields) -> tuple[JSONObject, list[str]]:
    """*event* without the named keys, and the places of those that were there."""
    return _thinned(event, fields, lambda key, named: key not in named)


def with_only(event: JSONObject, fields: Fields) -> tuple[JSONObject, list[str]]:
    """*event* with no other keys in the named objects, and the places of those that went.

    Objects that are not named stay as they are.
    """
    return _thinned(event, fields, lambda key, named: key in named)


def _thinned(
    event: JSONObject, fields: Fields, keeps: Callable[[str, list[str]], bool]
) -> tuple[JSONObject, list[str]]:
    removed: dict[str, None] = {}
    for path, named in fields.items():

        def thin(held: JSONObject, path: str = path, named: list[str] = named) -> JSONObject:
            kept = {key: value for key, value in held.items() if keeps(key, named)}
            removed.update(dict.fromkeys(f"{path}.{key}".lstrip(".") for key in held.keys() - kept))
            return kept

        event = _changed(event, path.split(".") if path else [], thin)
    return event, sorted(removed)


def _changed(value: JSON, keys: list[str], change: Callable[[JSONObject], JSONObject]) -> JSON:
    """A copy of *value* with *change* done to each object at *keys*; lists are looked into."""
    if isinstance(value, list):
        return [_changed(each, keys, change) for each in value]
    if not isinstance(value, dict):
        return value
    if not keys:
        return change(value)
    first, *others = keys
    if first not in value:
        return value
    return {**value, first: _changed(value[first], others, change)}
