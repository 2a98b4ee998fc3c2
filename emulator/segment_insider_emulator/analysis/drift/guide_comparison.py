"""What a subscription is held against: the guide's mapping of its action, and the catalogue's."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    build_context,
)
from segment_insider_emulator.analysis.drift.known_differences import get_difference_id
from segment_insider_emulator.analysis.drift.model import (
    Deviation,
    DeviationEffect,
    DeviationReference,
    WorkspaceEdit,
)
from segment_insider_emulator.analysis.mapping_paths import (
    CONTAINER_FIELDS,
    LITERAL_MARKER,
    MappedValues,
    get_product_mapping,
    is_path_read,
    list_mapped_values,
    list_open_fields,
    list_read_paths,
)
from segment_insider_emulator.analysis.sample_events import build_probe_events
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.loading import read_preset


@cache
def load_guide() -> AnalysisContext:
    """The preset `guide`, which maps everything that the guide documents."""
    return build_context(read_preset("guide"))


def find_guide_subscription(subscription: LocatedSubscription) -> LocatedSubscription | None:
    """The guide's subscription of the same action for the same events; None when it has none."""
    same = [
        each for each in load_guide().subscriptions if each.action_slug == subscription.action_slug
    ]
    if len(same) < 2:
        return next(iter(same), None)
    events = [event for _, event in build_probe_events(load_guide()) if subscription.matches(event)]
    shared = {each.path: sum(map(each.matches, events)) for each in same}
    return max(same, key=lambda each: shared[each.path])


def get_guide_definition(subscription: LocatedSubscription) -> JSONObject:
    """A subscription of the guide's as a workspace file has it."""
    return next(
        each
        for each in load_guide().workspace.destination["subscriptions"]
        if each["name"] == subscription.name
    )


_HOME_PAGE_CALL: JSONObject = {"type": "page", "name": "Home", "properties": {"path": "/"}}
_OTHER_PAGE_CALL: JSONObject = {"type": "page", "name": "Shoes", "properties": {"path": "/shoes"}}


def find_missing_subscriptions(context: AnalysisContext) -> Iterator[Deviation]:
    """Actions of the guide that no subscription has, and page calls that go nowhere."""
    slugs = {each.action_slug for each in context.subscriptions}
    for own in load_guide().subscriptions:
        if own.action_slug not in slugs:
            what = f"no enabled subscription has the action {ACTIONS[own.action_slug].title}"
            yield _missing_subscription_deviation(context, "D25", what, get_guide_definition(own))
            slugs.add(own.action_slug)
    for call, name in ((_HOME_PAGE_CALL, "the home page"), (_OTHER_PAGE_CALL, "other pages")):
        if not any(each.matches(call) for each in context.subscriptions):
            own = next(each for each in load_guide().subscriptions if each.matches(call))
            what = f"page calls of {name} go nowhere; the guide collects the Page spec"
            yield _missing_subscription_deviation(
                context, "D26", what, get_guide_definition(own), call
            )


def _missing_subscription_deviation(
    context: AnalysisContext,
    difference_id: str,
    what: str,
    definition: JSONObject,
    example_event: JSONObject | None = None,
) -> Deviation:
    count = len(context.workspace.destination["subscriptions"])
    change = WorkspaceEdit(("subscriptions", count), definition)
    remedy = f"Add the subscription {definition['name']!r} of the preset guide."
    where = "destination.subscriptions"
    return Deviation(
        difference_id, "", ("guide",), "loses", where, what, remedy, change, example_event
    )


_REFERENCE_NAMES: dict[DeviationReference, str] = {
    "guide": "the guide",
    "catalogue": "the catalogue",
}
# Without these Insider One refuses the event, so that more than a value is lost.
_REQUIRED_CART_PARAMETERS = ("event_group_id", "currency", "unit_sale_price")

# More paths than these are counted.
_MAX_LISTED_PATHS = 6


@dataclass(frozen=True, slots=True)
class _MappingSide:
    """One side of a comparison.

    Args:
        leaves: Each mapped value by field, or by field and key.
        open: Fields that take objects whose keys only the event knows.
    """

    mapped_values: MappedValues
    open_fields: frozenset[str]


def compare_mappings(context: AnalysisContext) -> Iterator[Deviation]:
    """Where the mappings depart from the guide's and from the catalogue's."""
    for placed in context.subscriptions:
        guides = find_guide_subscription(placed)
        catalogue = placed.subscription.action.default_mapping
        by_guide = _deviations_by_path(placed, guides.mapping if guides else {}, "guide")
        by_catalogue = _deviations_by_path(placed, catalogue, "catalogue")
        for where, found in by_guide.items():
            other = by_catalogue.get(where)
            both = other is not None and other.edit == found.edit
            yield replace(found, references=("guide", "catalogue")) if both else found
        alone = [each for where, each in by_catalogue.items() if where not in by_guide]
        yield from _catalogue_only_deviations(placed, alone)
        yield from _find_added_values(placed, catalogue)


def _deviations_by_path(
    subscription: LocatedSubscription,
    reference_mapping: JSONObject,
    reference_name: DeviationReference,
) -> dict[str, Deviation]:
    return {
        each.path: each
        for each in _compare_with_reference(subscription, reference_mapping, reference_name)
    }


def _catalogue_only_deviations(
    subscription: LocatedSubscription, deviations: list[Deviation]
) -> Iterator[Deviation]:
    """Departures from the catalogue where the guide is met, or silent: nothing is lost by them."""
    unmapped = [each for each in deviations if each.group_text == _unmapped_group_text("catalogue")]
    if unmapped:
        row, where = (
            get_difference_id(subscription.action_slug, "parameters"),
            subscription.field_path(),
        )
        names = ", ".join(each.path.removeprefix(f"{where}.") for each in unmapped)
        what = f"does not map what the catalogue maps: {names}"
        remedy = "Nothing to do, if it is meant so."
        yield Deviation(row, subscription.path, ("catalogue",), "differs", where, what, remedy)
    yield from (replace(each, effect="differs") for each in deviations if each not in unmapped)


def _compare_with_reference(
    subscription: LocatedSubscription,
    reference_mapping: JSONObject,
    reference_name: DeviationReference,
) -> Iterator[Deviation]:
    own, wanted = _build_side(subscription.mapping), _build_side(reference_mapping)
    absent = [
        field
        for field in CONTAINER_FIELDS
        if field in reference_mapping
        and field not in own.open_fields
        and subscription.mapping.get(field) is None
    ]
    for field in absent:
        yield _unmapped_value_deviation(
            subscription, (field,), reference_mapping[field], reference_name
        )
    for field in sorted(wanted.open_fields - own.open_fields - set(absent)):
        yield _closed_field_deviation(subscription, field, reference_mapping[field], reference_name)
    untold = {*absent, *own.open_fields, *wanted.open_fields}
    for keys, mapping in wanted.mapped_values.items():
        if keys[0] in untold:
            continue
        if keys not in own.mapped_values:
            yield _unmapped_value_deviation(subscription, keys, mapping, reference_name)
        else:
            yield from _changed_value_deviations(
                subscription, keys, own.mapped_values[keys], mapping, reference_name
            )


def _build_side(mapping: JSONObject) -> _MappingSide:
    return _MappingSide(list_mapped_values(mapping), list_open_fields(mapping))


def _closed_field_deviation(
    subscription: LocatedSubscription, field: str, mapping: JSON, reference_name: DeviationReference
) -> Deviation:
    what = f"{field} knows only the keys it names; {_REFERENCE_NAMES[reference_name]} takes every property"
    where = subscription.field_path(field)
    change = WorkspaceEdit(subscription.destination_keys("settings", field), mapping)
    remedy = f"Merge $.properties into {field}."
    row = get_difference_id(subscription.action_slug, field)
    return Deviation(
        row, subscription.path, (reference_name,), "loses", where, what, remedy, change
    )


def _unmapped_value_deviation(
    subscription: LocatedSubscription,
    keys: tuple[str, ...],
    mapping: JSON,
    reference_name: DeviationReference,
) -> Deviation:
    read = list_read_paths(mapping)
    paths = _format_paths(sorted(read - {LITERAL_MARKER}))
    told = f"reads {paths}" if paths else f"has {_format_literal(mapping)}"
    what = f"{'.'.join(keys)} is not mapped; {_REFERENCE_NAMES[reference_name]} {told}"
    effect: DeviationEffect = (
        "differs"
        if read <= {LITERAL_MARKER} or _is_sent_elsewhere(subscription, keys[0], read)
        else "loses"
    )
    return _mapping_deviation(
        subscription,
        keys,
        mapping,
        reference_name,
        effect,
        what,
        _unmapped_group_text(reference_name),
    )


def _unmapped_group_text(reference_name: DeviationReference) -> str:
    return f"values are not mapped; {_REFERENCE_NAMES[reference_name]} maps them"


def _format_paths(paths: list[str]) -> str:
    more = len(paths) - _MAX_LISTED_PATHS
    return ", ".join(paths[:_MAX_LISTED_PATHS]) + (f" and {more} more" if more > 0 else "")


def _is_sent_elsewhere(subscription: LocatedSubscription, field: str, read_paths: set[str]) -> bool:
    """Whether the mapping sends all of this under another name."""
    # Within products, paths begin at the product.
    mapping = subscription.mapping
    own = list_read_paths(
        get_product_mapping(mapping.get(field)) if field == "products" else mapping
    )
    return all(is_path_read(own, path) for path in read_paths - {LITERAL_MARKER})


def _changed_value_deviations(
    subscription: LocatedSubscription,
    keys: tuple[str, ...],
    actual_mapping: JSON,
    reference_mapping: JSON,
    reference_name: DeviationReference,
) -> Iterator[Deviation]:
    if actual_mapping == reference_mapping:
        return
    have, want = list_read_paths(actual_mapping), list_read_paths(reference_mapping)
    unread = sorted(path for path in want - {LITERAL_MARKER} if not is_path_read(have, path))
    dotted = ".".join(keys)
    if unread:
        told = _format_paths(unread)
        what = f"{dotted} does not read {told}; {_REFERENCE_NAMES[reference_name]} does"
        # What reads less loses; what reads something else may be meant so.
        effect: DeviationEffect = "loses" if have <= want else "differs"
        several = f"values do not read all that {_REFERENCE_NAMES[reference_name]} reads"
    elif have <= {LITERAL_MARKER} and want <= {LITERAL_MARKER}:
        what = f"{dotted} is {_format_literal(actual_mapping)}; {_REFERENCE_NAMES[reference_name]} has {_format_literal(reference_mapping)}"
        effect, several = (
            "differs",
            f"values are others than {_REFERENCE_NAMES[reference_name]} has",
        )
    else:
        return
    yield _mapping_deviation(
        subscription, keys, reference_mapping, reference_name, effect, what, several
    )


def _mapping_deviation(
    subscription: LocatedSubscription,
    keys: tuple[str, ...],
    mapping: JSON,
    reference_name: DeviationReference,
    effect: DeviationEffect,
    what: str,
    group_text: str,
) -> Deviation:
    row = get_difference_id(subscription.action_slug, *keys)
    if subscription.action_slug == "cartViewedEvent" and keys[-1] in _REQUIRED_CART_PARAMETERS:
        row = "D41"
    return Deviation(
        row,
        subscription.path,
        (reference_name,),
        effect,
        subscription.field_path(*keys),
        what,
        "Write the line below, unless it is meant so.",
        _mapping_edit(subscription, keys, mapping),
        group_text=group_text,
    )


def _mapping_edit(
    subscription: LocatedSubscription, keys: tuple[str, ...], mapping: JSON
) -> WorkspaceEdit | None:
    """The change of one key; None where a directive stands in the way of it."""
    if len(keys) == 1:
        return WorkspaceEdit(subscription.destination_keys("settings", keys[0]), mapping)
    field, key = keys
    own = subscription.mapping.get(field)
    match own:
        case {"@arrayPath": [_, dict() as shape, *_]} if not is_directive(shape):
            return WorkspaceEdit(
                subscription.destination_keys("settings", field, "@arrayPath", 1, key), mapping
            )
        case dict() if not is_directive(own):
            return WorkspaceEdit(subscription.destination_keys("settings", field, key), mapping)
        case _:
            return None


def _find_added_values(
    subscription: LocatedSubscription, catalogue_mapping: JSONObject
) -> Iterator[Deviation]:
    known = {field.key for field in subscription.subscription.action.fields}
    own = _build_side({key: each for key, each in subscription.mapping.items() if key in known})
    published = _build_side(catalogue_mapping)
    added = [".".join(keys) for keys in own.mapped_values if keys not in published.mapped_values]
    added += [f"{field}.*" for field in sorted(own.open_fields - published.open_fields)]
    if added:
        what = f"maps in addition to the catalogue: {', '.join(added)}"
        remedy = "Nothing to do: custom names must exist in the panel first."
        where = subscription.field_path()
        row = get_difference_id(subscription.action_slug, "parameters")
        yield Deviation(row, subscription.path, ("catalogue",), "note", where, what, remedy)


def _format_literal(mapping: JSON) -> str:
    return "true" if mapping is True else "false" if mapping is False else repr(mapping)
