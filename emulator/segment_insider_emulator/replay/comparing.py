"""What another workspace would make otherwise of the same event."""

import json
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple, TypeAlias

import orjson

from segment_insider_emulator.replay.trial import DeliveryResult
from segment_insider_emulator.types import JSON

ChangeKind: TypeAlias = Literal["differs", "gone", "new"]
WHOLE_REQUEST = "(request)"
_MISSING = object()


class RequestChange(NamedTuple):
    """One field of the request that a subscription makes, lists as "[]"; REQUEST is all of it."""

    subscription: str
    field: str
    kind: ChangeKind


def compare_deliveries(
    before: Sequence[DeliveryResult], after: Sequence[DeliveryResult]
) -> list[RequestChange]:
    """How the requests of one event differ, each field once.

    Requests belong together when the subscriptions that make them have one name.
    """
    changes_found: dict[RequestChange, None] = {}
    unmatched = list(after)
    for old_delivery in before:
        new_delivery = next(
            (one for one in unmatched if one.subscription == old_delivery.subscription), None
        )
        if new_delivery:
            unmatched.remove(new_delivery)
        changes_found |= dict.fromkeys(
            _compare_bodies(
                old_delivery.subscription,
                old_delivery.request_body,
                new_delivery and new_delivery.request_body,
            )
        )
    for added_delivery in unmatched:
        changes_found |= dict.fromkeys(
            _compare_bodies(added_delivery.subscription, None, added_delivery.request_body)
        )
    return list(changes_found)


def _compare_bodies(
    subscription: str, old_body: bytes | None, new_body: bytes | None
) -> Iterator[RequestChange]:
    if old_body == new_body:
        return
    if old_body is None or new_body is None:
        yield RequestChange(subscription, WHOLE_REQUEST, "new" if old_body is None else "gone")
        return
    for field, kind in _changed_fields(_parse_body(old_body), _parse_body(new_body), ""):
        yield RequestChange(subscription, field, kind)


def _changed_fields(old: JSON, new: JSON, path: str) -> Iterator[tuple[str, ChangeKind]]:
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            below = f"{path}.{name}" if path else name
            yield from _changed_fields(old.get(name, _MISSING), new.get(name, _MISSING), below)
    elif isinstance(old, list) and isinstance(new, list):
        for at in range(max(len(old), len(new))):
            mine = old[at] if at < len(old) else _MISSING
            yield from _changed_fields(mine, new[at] if at < len(new) else _MISSING, f"{path}[]")
    elif old is _MISSING or new is _MISSING:
        yield path, "new" if old is _MISSING else "gone"
    elif type(old) is not type(new) or old != new:
        yield path, "differs"


def _parse_body(body: bytes) -> JSON:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # Half of a surrogate pair, which only the slower reader takes.
        return json.loads(body)
