"""Each field of each mapping beside the guide's and the catalogue's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.drift.departure import Against, Change, Effect, Found
from segment_insider_emulator.workspace.drift.ids import row_of
from segment_insider_emulator.workspace.drift.leaves import (
    CONTAINERS,
    Leaves,
    leaves_of,
    open_fields,
)
from segment_insider_emulator.workspace.drift.reference import guides_own
from segment_insider_emulator.workspace.lint.subject import Placed, Subject
from segment_insider_emulator.workspace.lint.values import LITERAL, covers, product_shape, sources

_NAMES: dict[Against, str] = {"guide": "the guide", "catalogue": "the catalogue"}
# Without these Insider One refuses the event, so that more than a value is lost.
_NEEDED = ("event_group_id", "currency", "unit_sale_price")

# More paths than these are counted.
_NAMED = 6


@dataclass(frozen=True, slots=True)
class _Side:
    """One side of a comparison.

    Args:
        leaves: Each mapped value by field, or by field and key.
        open: Fields that take objects whose keys only the event knows.
    """

    leaves: Leaves
    open: frozenset[str]


def from_mappings(subject: Subject) -> Iterator[Found]:
    """Where the mappings depart from the guide's and from the catalogue's."""
    for placed in subject.subscriptions:
        guides = guides_own(placed)
        catalogue = placed.subscription.action.default_mapping
        by_guide = _by_place(placed, guides.mapping if guides else {}, "guide")
        by_catalogue = _by_place(placed, catalogue, "catalogue")
        for where, found in by_guide.items():
            other = by_catalogue.get(where)
            both = other is not None and other.change == found.change
            yield replace(found, against=("guide", "catalogue")) if both else found
        alone = [each for where, each in by_catalogue.items() if where not in by_guide]
        yield from _catalogues(placed, alone)
        yield from _additions(placed, catalogue)


def _by_place(placed: Placed, reference: JSONObject, against: Against) -> dict[str, Found]:
    return {each.where: each for each in _compared(placed, reference, against)}


def _catalogues(placed: Placed, alone: list[Found]) -> Iterator[Found]:
    """Departures from the catalogue where the guide is met, or silent: nothing is lost by them."""
    unmapped = [each for each in alone if each.several == _unmapped("catalogue")]
    if unmapped:
        row, where = row_of(placed.slug, "parameters"), placed.field_place()
        names = ", ".join(each.where.removeprefix(f"{where}.") for each in unmapped)
        what = f"does not map what the catalogue maps: {names}"
        remedy = "Nothing to do, if it is meant so."
        yield Found(row, placed.where, ("catalogue",), "differs", where, what, remedy)
    yield from (replace(each, effect="differs") for each in alone if each not in unmapped)


def _compared(placed: Placed, reference: JSONObject, against: Against) -> Iterator[Found]:
    own, wanted = _side(placed.mapping), _side(reference)
    absent = [
        field
        for field in CONTAINERS
        if field in reference and field not in own.open and placed.mapping.get(field) is None
    ]
    for field in absent:
        yield _missing(placed, (field,), reference[field], against)
    for field in sorted(wanted.open - own.open - set(absent)):
        yield _closed(placed, field, reference[field], against)
    untold = {*absent, *own.open, *wanted.open}
    for keys, mapping in wanted.leaves.items():
        if keys[0] in untold:
            continue
        if keys not in own.leaves:
            yield _missing(placed, keys, mapping, against)
        else:
            yield from _otherwise(placed, keys, own.leaves[keys], mapping, against)


def _side(mapping: JSONObject) -> _Side:
    return _Side(leaves_of(mapping), open_fields(mapping))


def _closed(placed: Placed, field: str, mapping: JSON, against: Against) -> Found:
    what = f"{field} knows only the keys it names; {_NAMES[against]} takes every property"
    where = placed.field_place(field)
    change = Change(placed.keys("settings", field), mapping)
    remedy = f"Merge $.properties into {field}."
    row = row_of(placed.slug, field)
    return Found(row, placed.where, (against,), "loses", where, what, remedy, change)


def _missing(placed: Placed, keys: tuple[str, ...], mapping: JSON, against: Against) -> Found:
    read = sources(mapping)
    paths = _listed(sorted(read - {LITERAL}))
    told = f"reads {paths}" if paths else f"has {_shown(mapping)}"
    what = f"{'.'.join(keys)} is not mapped; {_NAMES[against]} {told}"
    effect: Effect = "differs" if read <= {LITERAL} or _carried(placed, keys[0], read) else "loses"
    return _found(placed, keys, mapping, against, effect, what, _unmapped(against))


def _unmapped(against: Against) -> str:
    return f"values are not mapped; {_NAMES[against]} maps them"


def _listed(paths: list[str]) -> str:
    more = len(paths) - _NAMED
    return ", ".join(paths[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _carried(placed: Placed, field: str, read: set[str]) -> bool:
    """Whether the mapping sends all of this under another name."""
    # Within products, paths begin at the product.
    mapping = placed.mapping
    own = sources(product_shape(mapping.get(field)) if field == "products" else mapping)
    return all(covers(own, path) for path in read - {LITERAL})


def _otherwise(
    placed: Placed, keys: tuple[str, ...], own: JSON, mapping: JSON, against: Against
) -> Iterator[Found]:
    if own == mapping:
        return
    have, want = sources(own), sources(mapping)
    unread = sorted(path for path in want - {LITERAL} if not covers(have, path))
    dotted = ".".join(keys)
    if unread:
        told = _listed(unread)
        what = f"{dotted} does not read {told}; {_NAMES[against]} does"
        # What reads less loses; what reads something else may be meant so.
        effect: Effect = "loses" if have <= want else "differs"
        several = f"values do not read all that {_NAMES[against]} reads"
    elif have <= {LITERAL} and want <= {LITERAL}:
        what = f"{dotted} is {_shown(own)}; {_NAMES[against]} has {_shown(mapping)}"
        effect, several = "differs", f"values are others than {_NAMES[against]} has"
    else:
        return
    yield _found(placed, keys, mapping, against, effect, what, several)


def _found(
    placed: Placed,
    keys: tuple[str, ...],
    mapping: JSON,
    against: Against,
    effect: Effect,
    what: str,
    several: str,
) -> Found:
    row = row_of(placed.slug, *keys)
    if placed.slug == "cartViewedEvent" and keys[-1] in _NEEDED:
        row = "D41"
    return Found(
        row,
        placed.where,
        (against,),
        effect,
        placed.field_place(*keys),
        what,
        "Write the line below, unless it is meant so.",
        _change(placed, keys, mapping),
        several=several,
    )


def _change(placed: Placed, keys: tuple[str, ...], mapping: JSON) -> Change | None:
    """The change of one key; None where a directive stands in the way of it."""
    if len(keys) == 1:
        return Change(placed.keys("settings", keys[0]), mapping)
    field, key = keys
    own = placed.mapping.get(field)
    match own:
        case {"@arrayPath": [_, dict() as shape, *_]} if not is_directive(shape):
            return Change(placed.keys("settings", field, "@arrayPath", 1, key), mapping)
        case dict() if not is_directive(own):
            return Change(placed.keys("settings", field, key), mapping)
        case _:
            return None


def _additions(placed: Placed, catalogue: JSONObject) -> Iterator[Found]:
    known = {field.key for field in placed.subscription.action.fields}
    own = _side({key: each for key, each in placed.mapping.items() if key in known})
    published = _side(catalogue)
    added = [".".join(keys) for keys in own.leaves if keys not in published.leaves]
    added += [f"{field}.*" for field in sorted(own.open - published.open)]
    if added:
        what = f"maps in addition to the catalogue: {', '.join(added)}"
        remedy = "Nothing to do: custom names must exist in the panel first."
        where = placed.field_place()
        row = row_of(placed.slug, "parameters")
        yield Found(row, placed.where, ("catalogue",), "note", where, what, remedy)


def _shown(mapping: JSON) -> str:
    return "true" if mapping is True else "false" if mapping is False else repr(mapping)
