"""Where the mappings depart from what captured traffic really contains."""

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.shape import Fault, faults
from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.census import EXPLAINED, Census, Taken, Tally, census
from segment_insider_emulator.workspace.drift.departure import Against, Change, Effect, Found
from segment_insider_emulator.workspace.drift.ids import row_of
from segment_insider_emulator.workspace.drift.leaves import leaves_of, read_by
from segment_insider_emulator.workspace.drift.reference import definition, guide
from segment_insider_emulator.workspace.drift.triggers import SENT_TWICE, narrowed
from segment_insider_emulator.workspace.lint.parameters import kept_key
from segment_insider_emulator.workspace.lint.subject import Placed, Subject
from segment_insider_emulator.workspace.lint.values import LITERAL, sources

_AGAINST: tuple[Against, ...] = ("traffic",)
# Parts of Segment's messages and of Insider One's errors -> row.
_FAILURES = (
    ("Opt-in", "D5"), ("Taxonomy", "D19"), ("Product Category", "D19"), ("Quantity", "D21"),
    ("Variant", "D21"), ("event_name", "D26"), ("Timestamp", "D39"),
)  # fmt: skip
_REFUSALS = (
    ("phone", "D7"), ("event name", "D30"), ("required on", "D41"), ("insider_id", "D11"),
    ("birthday", "D29"), ("country", "D29"),
)  # fmt: skip
# Where the catalogue puts a property of Segment's specs.
_TARGETS = {
    "category": "taxonomy", "price": "unit_price", "image_url": "product_image_url",
    "order_id": "event_group_id",
}  # fmt: skip


def from_traffic(subject: Subject, traffic: Sequence[JSONObject]) -> Iterator[Found]:
    """What the traffic shows; nothing without traffic."""
    if not traffic:
        return
    counted = census(subject, traffic)
    yield from _events(subject, counted)
    for placed in subject.subscriptions:
        taken = counted.taken[placed.where]
        renamed = dict(_renamed(placed, taken))
        yield from (_read_otherwise(placed, taken, *each) for each in renamed.items())
        yield from _unread(placed, taken, set(renamed.values()))
        yield from _dead(placed, taken, set(renamed))
        yield from _failing(placed, taken)
        yield from _refused(placed, taken, subject.workspace.options)


def _events(subject: Subject, counted: Census) -> Iterator[Found]:
    for name, tally in counted.not_taken.items():
        what = f"no subscription takes {name!r}, which came {_times(tally.count)}"
        track = tally.example.get("type") == "track"
        id = "D12" if name == "Cart Reviewed" else "D25" if track else "D26"
        remedy = f"Add a subscription with a trigger for {name!r}."
        where = "destination.subscriptions"
        change = _guides(subject, tally.example)
        yield Found(id, "", _AGAINST, "loses", where, what, remedy, change, tally.example)
    by_place = {each.where: each for each in subject.subscriptions}
    for (kind, name, places), tally in counted.together.items():
        takers = [by_place[each] for each in places]
        names = " and ".join(repr(each.name) for each in takers)
        what = f"{name!r} came {_times(tally.count)} and is sent by {names} each time"
        widest = next((each for each in takers if each.slug == "trackEvent"), takers[-1])
        change = narrowed(widest, name) if kind == "track" else None
        remedy = f"Narrow the trigger of {widest.name!r}."
        found = _found("D24", widest, "differs", "trigger", what, remedy, change, tally)
        yield replace(found, several=SENT_TWICE)


def _guides(subject: Subject, event: JSONObject) -> Change | None:
    """The guide's subscription for *event*, added; None when the guide has none."""
    own = next((each for each in guide().subscriptions if each.takes(event)), None)
    count = len(subject.workspace.destination["subscriptions"])
    return Change(("subscriptions", count), definition(own)) if own else None


def _renamed(placed: Placed, taken: Taken) -> Iterator[tuple[str, str]]:
    """Paths that are read and never came -> the same in another spelling, which came unread."""
    read = {path for mapping in leaves_of(placed.mapping).values() for path in sources(mapping)}
    spelt = {_folded(path): path for path in taken.unread}
    for path in sorted(read - {LITERAL, ""}):
        other = spelt.get(_folded(path))
        if other and other != path and path not in taken.present:
            yield path, other


def _folded(path: str) -> str:
    return re.sub(r"[_\-\s]", "", path).casefold()


def _read_otherwise(placed: Placed, taken: Taken, path: str, came: str) -> Found:
    keys, own = next(
        (keys, mapping)
        for keys, mapping in leaves_of(placed.mapping).items()
        if path in sources(mapping)
    )
    tally = taken.unread[came]
    field = ".".join(keys)
    what = f"{came} came {_seen(tally.count)}, but {field} reads {path}, {_absence(path, taken)}"
    new = {"@path": f"$.{came}"}
    mapping = {"@if": {"exists": new, "then": new, "else": own}}
    change = Change(placed.keys("settings", *keys), mapping) if "[]" not in came else None
    row = row_of(placed.slug, *keys)
    where = ".".join(("settings", *keys))
    found = _found(row, placed, "loses", where, what, f"Read $.{came} as well.", change, tally)
    return replace(found, path=came)


def _unread(placed: Placed, taken: Taken, told: set[str]) -> Iterator[Found]:
    for path, tally in taken.unread.items():
        if path in told:
            continue
        what = f"{path} came {_seen(tally.count)} and no mapping reads it"
        change, remedy = _mapped(placed, path)
        id = _row_of_unread(placed, path)
        where = change.where.removeprefix(f"{placed.where}.") if change else "settings"
        found = _found(id, placed, "loses", where, what, remedy, change, tally)
        yield replace(found, path=path, several="paths came and no mapping reads them")


def _row_of_unread(placed: Placed, path: str) -> str:
    name = re.split(r"[.\[]", path.removeprefix("properties.").removeprefix("traits."))[0]
    if path.startswith("traits."):
        optin = "optin" in _folded(name)
        return "D3" if optin else row_of(placed.slug, name) or "D38"
    row = row_of(placed.slug, "parameters", _TARGETS.get(name, name))
    # Only carts are refused for the want of it.
    return "D17" if row == "D41" and placed.slug != "cartViewedEvent" else row


def _mapped(placed: Placed, path: str) -> tuple[Change | None, str]:
    """The line that would read *path*; None where the action has no place for it."""
    fields = {field.key for field in placed.subscription.action.fields}
    root, _, rest = path.partition(".")
    products, _, item = rest.partition("products[].")
    key = kept_key((item or rest).replace(".", "_")).replace("[]", "")
    field = {_folded(each): each for each in fields}.get(_folded(rest))
    if root == "traits" and field in fields - placed.mapping.keys():
        keys = placed.keys("settings", field)
        return Change(keys, {"@path": f"$.{path}"}), f"Map it to {field}."
    if root == "traits" and "custom" in fields:
        return _in_object(placed, "custom", key, path)
    if item and not products and "products" in fields:
        shape = ("products", "@arrayPath", 1)
        match placed.mapping.get("products"):
            case {"@arrayPath": [_, dict() as items, *_]} if not is_directive(items):
                keys = placed.keys("settings", *shape, key)
                return Change(keys, {"@path": item}), "Map it for each product."
        return None, "Map it in the shape of products."
    if root == "properties" and "parameters" in fields:
        return _in_object(placed, "parameters", key, path)
    return None, f"{placed.slug} has no field for it; send it with another event, or as a trait."


def _in_object(placed: Placed, field: str, key: str, path: str) -> tuple[Change | None, str]:
    own = placed.mapping.get(field)
    if "[]" in path:
        return None, f"Map it under {field}, as text or as a list of texts."
    if is_directive(own):
        return None, f"Map it under {field}."
    mapping = {"@path": f"$.{path}"}
    if isinstance(own, dict):
        return Change(placed.keys("settings", field, key), mapping), f"Map it under {field}."
    return Change(placed.keys("settings", field), {key: mapping}), f"Map it under {field}."


def _dead(placed: Placed, taken: Taken, told: set[str]) -> Iterator[Found]:
    if not taken.events:
        return
    for keys in leaves_of(placed.mapping):
        read = read_by(placed.mapping, keys) - {""}
        if (
            not read
            or LITERAL in read
            or read & told
            or any(came(path, taken.present) for path in read)
        ):
            continue
        paths = ", ".join(sorted(read))
        absence = _absence("" if read.isdisjoint(taken.empty) else min(read & taken.empty), taken)
        what = f"{'.'.join(keys)} reads {paths}, {absence} in {_counted(taken.events)}"
        needed = placed.slug == "cartViewedEvent" and keys[-1] in ("event_group_id", "currency")
        row = row_of(placed.slug, *keys)
        remedy = "Send it, or read what is sent." if needed else "Nothing to do if it is optional."
        where = ".".join(("settings", *keys))
        effect: Effect = "loses" if needed else "note"
        yield _found(row, placed, effect, where, what, remedy, None, Tally())


def _absence(path: str, taken: Taken) -> str:
    """In which way *path* is not there."""
    return "which came only as null or empty" if path in taken.empty else "which never came"


def came(path: str, present: Set[str]) -> bool:
    """Whether an event had anything at *path*, or below it."""
    return any(each == path or each.startswith((f"{path}.", f"{path}[")) for each in present)


def _failing(placed: Placed, taken: Taken) -> Iterator[Found]:
    for message, tally in taken.failures.items():
        said = " ".join(message.split())
        what = f"Segment refuses {tally.count} of {taken.events} events: {said.rstrip('.')}"
        id = next((row for part, row in _FAILURES if part in message), "")
        remedy = "Send what the field takes, or map something else."
        yield _found(id, placed, "loses", "settings", what, remedy, None, tally)


def _refused(placed: Placed, taken: Taken, options: Options) -> Iterator[Found]:
    """What Insider One answers 200 to and does not take."""
    tallies: dict[tuple[str, str], Tally] = {}
    for user, event in taken.users:
        for fault in dict.fromkeys(map(_general, faults(user, options))):
            tallies.setdefault(fault, Tally()).add(event)
    for (text, remedy), tally in tallies.items():
        what = f"Insider One refuses {tally.count} of {len(taken.users)} users it is sent: {text}"
        id = next((row for part, row in _REFUSALS if part in text), "D32")
        yield _found(id, placed, "loses", "settings", what, remedy, None, tally)


def _general(fault: Fault) -> tuple[str, str]:
    return fault.text.rstrip("."), fault.remedy


def _found(
    id: str,
    placed: Placed,
    effect: Effect,
    below: str,
    what: str,
    remedy: str,
    change: Change | None,
    tally: Tally,
) -> Found:
    where = f"{placed.where}.{below}"
    example = tally.example or None
    return Found(id, placed.where, _AGAINST, effect, where, what, remedy, change, example)


def _seen(count: int) -> str:
    """How often something came among the events that were looked at."""
    return f"{count} times or more" if count >= EXPLAINED else _times(count)


def _counted(events: int) -> str:
    return "1 event" if events == 1 else f"{events} events"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
