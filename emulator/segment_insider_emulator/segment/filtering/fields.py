"""Fields taken out of an event by the places that a destination filter names.

Source: Segment, destination filters; `@segment/tsub` 2.0.1, `transformers.ts`: the path names an
object, or a list of them at its end, and the names below it are keys, not paths. A number in the
path names one item of a list.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

from segment_insider_emulator.segment.filtering.fql.evaluation import is_list_index
from segment_insider_emulator.types import JSON, JSONObject

FieldsByPath: TypeAlias = dict[str, list[str]]  # dotted path of an object, "" for the event -> keys


def drop_fields(event: JSONObject, fields: FieldsByPath) -> tuple[JSONObject, list[str]]:
    """*event* without the named keys, and the places of those that were there."""
    return _filter_fields(event, fields, lambda key, named: key not in named)


def allow_only_fields(event: JSONObject, fields: FieldsByPath) -> tuple[JSONObject, list[str]]:
    """*event* with no other keys in the named objects, and the places of those that went.

    Objects that are not named stay as they are.
    """
    return _filter_fields(event, fields, lambda key, named: key in named)


def _filter_fields(
    event: JSONObject, fields: FieldsByPath, should_keep: Callable[[str, list[str]], bool]
) -> tuple[JSONObject, list[str]]:
    removed: dict[str, None] = {}
    for path, named in fields.items():

        def thin(holder: JSON, path: str = path, named: list[str] = named) -> JSON:
            remaining = {
                key: value for key, value in _list_entries(holder) if should_keep(key, named)
            }
            gone = [key for key, _ in _list_entries(holder) if key not in remaining]
            removed.update(dict.fromkeys(f"{path}.{key}".lstrip(".") for key in gone))
            if isinstance(holder, list):
                return [remaining.get(str(index)) for index in range(len(holder))]
            return remaining if isinstance(holder, dict) else holder

        event = _replace_at_path(event, path.split(".") if path else [], thin)
    return event, sorted(removed)


def _list_entries(container: JSON) -> Iterable[tuple[str, JSON]]:
    """The keys and values of an object; of a list inside a list, its indexes and items."""
    if isinstance(container, list):
        return ((str(index), item) for index, item in enumerate(container))
    return container.items() if isinstance(container, dict) else ()


def _replace_at_path(value: JSON, keys: list[str], transform: Callable[[JSON], JSON]) -> JSON:
    """A copy of *value* with *change* done at *keys*: to an object, or to each item of a list."""
    if not keys:
        return [transform(item) for item in value] if isinstance(value, list) else transform(value)
    first, *others = keys
    if isinstance(value, dict) and first in value:
        return {**value, first: _replace_at_path(value[first], others, transform)}
    if isinstance(value, list) and is_list_index(first, value):
        index = int(first)
        return [
            *value[:index],
            _replace_at_path(value[index], others, transform),
            *value[index + 1 :],
        ]
    return value
