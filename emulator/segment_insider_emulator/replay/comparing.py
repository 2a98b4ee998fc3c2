"""What another workspace would make otherwise of the same event."""

import json
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

import orjson

from segment_insider_emulator.replay.trial import Delivered
from segment_insider_emulator.types import JSON

Kind: TypeAlias = Literal["differs", "gone", "new"]
REQUEST = "(request)"
_ABSENT = object()


class Change(NamedTuple):
    """One field of the request that a subscription makes, lists as "[]"; REQUEST is all of it."""

    subscription: str
    field: str
    kind: Kind


def changes(before: Sequence[Delivered], after: Sequence[Delivered]) -> list[Change]:
    """How the requests of one event differ, each field once.

    Requests belong together when the subscriptions that make them have one name.
    """
    found: dict[Change, None] = {}
    rest = list(after)
    for each in before:
        other = next((one for one in rest if one.subscription == each.subscription), None)
        if other:
            rest.remove(other)
        found |= dict.fromkeys(_between(each.subscription, each.body, other and other.body))
    for one in rest:
        found |= dict.fromkeys(_between(one.subscription, None, one.body))
    return list(found)


def _between(subscription: str, old: bytes | None, new: bytes | None) -> Iterator[Change]:
    if old == new:
        return
    if old is None or new is None:
        yield Change(subscription, REQUEST, "new" if old is None else "gone")
        return
    for field, kind in _fields(_json(old), _json(new), ""):
        yield Change(subscription, field, kind)


def _fields(old: JSON, new: JSON, path: str) -> Iterator[tuple[str, Kind]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            below = f"{path}.{name}" if path else name
            yield from _fields(old.get(name, _ABSENT), new.get(name, _ABSENT), below)
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            mine = old[at] if at < len(old) else _ABSENT
            yield from _fields(mine, new[at] if at < len(new) else _ABSENT, f"{path}[]")
    elif old is _ABSENT or new is _ABSENT:
        yield path, "new" if old is _ABSENT else "gone"
    elif type(old) is not type(new) or old != new:
        yield path, "differs"


def _json(body: bytes) -> JSON:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # Half of a surrogate pair, which only the slower reader takes.
        return json.loads(body)
