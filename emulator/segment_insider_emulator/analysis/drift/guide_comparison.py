"""Comparison of subscriptions and mappings with Insider One's guide and the catalogue."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    build_context,
)
from segment_insider_emulator.analysis.drift.deviations import (
    Deviation,
    DeviationEffect,
    DeviationReference,
)
from segment_insider_emulator.analysis.drift.known_differences import get_known_difference_id
from segment_insider_emulator.analysis.mapping_paths import (
    CONTAINER_FIELDS,
    LITERAL_MARKER,
    MappedValues,
    is_path_read,
    list_fields_copying_objects,
    list_mapped_values,
    list_read_paths,
)
from segment_insider_emulator.analysis.sample_events import build_probe_events
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.directives import get_product_mapping, is_directive
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.edits import WorkspaceEdit
from segment_insider_emulator.workspace.loading import read_preset_document


@cache
def load_guide_preset() -> AnalysisContext:
    """Load the preset `guide`, which maps everything that Insider One's guide documents."""
    return build_context(read_preset_document("guide"))


def find_guide_subscription(subscription: LocatedSubscription) -> LocatedSubscription | None:
    """Return the guide's subscription for the same action and events; None without one."""
    candidates = [
        candidate
        for candidate in load_guide_preset().subscriptions
        if candidate.action_slug == subscription.action_slug
    ]
    if len(candidates) < 2:
        return next(iter(candidates), None)
    events = [
        event for _, event in build_probe_events(load_guide_preset()) if subscription.matches(event)
    ]
    shared = {candidate.path: sum(map(candidate.matches, events)) for candidate in candidates}
    return max(candidates, key=lambda candidate: shared[candidate.path])


def get_guide_subscription_definition(subscription: LocatedSubscription) -> JSONObject:
    """Return the definition of a guide subscription, in the form of a workspace file."""
    return next(
        definition
        for definition in load_guide_preset().workspace.destination["subscriptions"]
        if definition["name"] == subscription.name
    )


_HOME_PAGE_CALL: JSONObject = {"type": "page", "name": "Home", "properties": {"path": "/"}}
_OTHER_PAGE_CALL: JSONObject = {"type": "page", "name": "Shoes", "properties": {"path": "/shoes"}}


def find_missing_subscriptions(context: AnalysisContext) -> Iterator[Deviation]:
    """Find guide actions and page calls for which a workspace has no subscription."""
    slugs = {subscription.action_slug for subscription in context.subscriptions}
    for guide_subscription in load_guide_preset().subscriptions:
        if guide_subscription.action_slug not in slugs:
            action = ACTIONS[guide_subscription.action_slug]
            what = f"no enabled subscription has the action {action.title}"
            yield _build_missing_subscription_deviation(
                context, "D25", what, get_guide_subscription_definition(guide_subscription)
            )
            slugs.add(guide_subscription.action_slug)
    for call, name in ((_HOME_PAGE_CALL, "the home page"), (_OTHER_PAGE_CALL, "other pages")):
        if not any(subscription.matches(call) for subscription in context.subscriptions):
            guide_subscription = next(
                subscription
                for subscription in load_guide_preset().subscriptions
                if subscription.matches(call)
            )
            what = f"page calls of {name} are not sent; the guide collects page calls"
            yield _build_missing_subscription_deviation(
                context, "D26", what, get_guide_subscription_definition(guide_subscription), call
            )


def _build_missing_subscription_deviation(
    context: AnalysisContext,
    difference_id: str,
    what: str,
    definition: JSONObject,
    example_event: JSONObject | None = None,
) -> Deviation:
    disabled = _find_disabled_subscription(context, definition["actionSlug"], example_event)
    if disabled:
        edit = WorkspaceEdit(disabled.get_key_path_in_destination("enabled"), True)
        remedy = f"Switch on the subscription {disabled.name!r}."
    else:
        count = len(context.workspace.destination["subscriptions"])
        edit = WorkspaceEdit(("subscriptions", count), definition)
        remedy = f"Add the subscription {definition['name']!r} of the preset guide."
    where = "destination.subscriptions"
    return Deviation(
        difference_id, "", ("guide",), "loses", where, what, remedy, edit, example_event
    )


def build_edit_for_missing_mapping(
    context: AnalysisContext, event: JSONObject
) -> WorkspaceEdit | None:
    """Return an edit after which a mapping takes an event that none takes; None without one.

    A mapping of the workspace that is off is switched on, else the guide's is added.
    """
    for subscription in context.disabled_subscriptions:
        if subscription.matches(event):
            return WorkspaceEdit(subscription.get_key_path_in_destination("enabled"), True)
    for guide_subscription in load_guide_preset().subscriptions:
        if guide_subscription.matches(event):
            count = len(context.workspace.destination["subscriptions"])
            definition = get_guide_subscription_definition(guide_subscription)
            return WorkspaceEdit(("subscriptions", count), definition)
    return None


def _find_disabled_subscription(
    context: AnalysisContext, action_slug: str, event: JSONObject | None
) -> LocatedSubscription | None:
    """Return a subscription that is off and has an action, or would take an event."""
    return next(
        (
            subscription
            for subscription in context.disabled_subscriptions
            if (subscription.matches(event) if event else subscription.action_slug == action_slug)
        ),
        None,
    )


_REFERENCE_NAMES: dict[DeviationReference, str] = {
    "guide": "the guide",
    "catalogue": "the catalogue",
}
# Insider One rejects the whole event when one of these is missing.
_REQUIRED_CART_PARAMETERS = ("event_group_id", "currency", "unit_sale_price")

# Longer lists end in a number.
_MAX_LISTED_PATHS = 6


@dataclass(frozen=True, slots=True)
class _ComparableMapping:
    """The values of one mapping, prepared for the comparison with a reference mapping.

    Args:
        mapped_values: Each mapped value by field, or by field and key.
        open_fields: Fields that copy whole objects, so that any key may be sent.
    """

    mapped_values: MappedValues
    open_fields: frozenset[str]


def compare_mappings_with_guide(context: AnalysisContext) -> Iterator[Deviation]:
    """Yield how each mapping deviates from the mappings of the guide and the catalogue."""
    for subscription in context.subscriptions:
        guide_subscription = find_guide_subscription(subscription)
        catalogue = subscription.subscription.action.default_mapping
        by_guide = _index_deviations_by_path(
            subscription, guide_subscription.mapping if guide_subscription else {}, "guide"
        )
        by_catalogue = _index_deviations_by_path(subscription, catalogue, "catalogue")
        for path, deviation in by_guide.items():
            other = by_catalogue.get(path)
            is_same_edit = other is not None and other.edit == deviation.edit
            yield (
                replace(deviation, references=("guide", "catalogue")) if is_same_edit else deviation
            )
        only_in_catalogue = [
            deviation for path, deviation in by_catalogue.items() if path not in by_guide
        ]
        yield from _iter_catalogue_only_deviations(subscription, only_in_catalogue)
        yield from _find_values_missing_in_catalogue(subscription, catalogue)


def _index_deviations_by_path(
    subscription: LocatedSubscription,
    reference_mapping: JSONObject,
    reference_name: DeviationReference,
) -> dict[str, Deviation]:
    return {
        deviation.path: deviation
        for deviation in _compare_with_reference_mapping(
            subscription, reference_mapping, reference_name
        )
    }


def _iter_catalogue_only_deviations(
    subscription: LocatedSubscription, deviations: list[Deviation]
) -> Iterator[Deviation]:
    """Yield deviations from the catalogue but not from the guide; none of them loses data."""
    unmapped = [
        deviation
        for deviation in deviations
        if deviation.group_text == _format_unmapped_group_text("catalogue")
    ]
    if unmapped:
        row, where = (
            get_known_difference_id(subscription.action_slug, "parameters"),
            subscription.format_field_path(),
        )
        names = ", ".join(deviation.path.removeprefix(f"{where}.") for deviation in unmapped)
        what = f"does not map what the catalogue maps: {names}"
        remedy = "Nothing to do if this is intended."
        yield Deviation(row, subscription.path, ("catalogue",), "differs", where, what, remedy)
    yield from (
        replace(deviation, effect="differs")
        for deviation in deviations
        if deviation not in unmapped
    )


def _compare_with_reference_mapping(
    subscription: LocatedSubscription,
    reference_mapping: JSONObject,
    reference_name: DeviationReference,
) -> Iterator[Deviation]:
    actual, expected = (
        _build_comparable_mapping(subscription.mapping),
        _build_comparable_mapping(reference_mapping),
    )
    missing_fields = [
        field
        for field in CONTAINER_FIELDS
        if field in reference_mapping
        and field not in actual.open_fields
        and subscription.mapping.get(field) is None
    ]
    for field in missing_fields:
        yield _build_unmapped_value_deviation(
            subscription, (field,), reference_mapping[field], reference_name
        )
    for field in sorted(expected.open_fields - actual.open_fields - set(missing_fields)):
        yield _build_uncopied_object_deviation(
            subscription, field, reference_mapping[field], reference_name
        )
    skipped_fields = {*missing_fields, *actual.open_fields, *expected.open_fields}
    for keys, mapping in expected.mapped_values.items():
        if keys[0] in skipped_fields:
            continue
        if keys not in actual.mapped_values:
            yield _build_unmapped_value_deviation(subscription, keys, mapping, reference_name)
        else:
            yield from _iter_changed_value_deviations(
                subscription, keys, actual.mapped_values[keys], mapping, reference_name
            )


def _build_comparable_mapping(mapping: JSONObject) -> _ComparableMapping:
    return _ComparableMapping(list_mapped_values(mapping), list_fields_copying_objects(mapping))


def _build_uncopied_object_deviation(
    subscription: LocatedSubscription, field: str, mapping: JSON, reference_name: DeviationReference
) -> Deviation:
    reference = _REFERENCE_NAMES[reference_name]
    what = f"{field} sends only the keys it names; {reference} sends every property"
    where = subscription.format_field_path(field)
    edit = WorkspaceEdit(subscription.get_key_path_in_destination("settings", field), mapping)
    remedy = f"Merge $.properties into {field}."
    row = get_known_difference_id(subscription.action_slug, field)
    return Deviation(row, subscription.path, (reference_name,), "loses", where, what, remedy, edit)


def _build_unmapped_value_deviation(
    subscription: LocatedSubscription,
    keys: tuple[str, ...],
    mapping: JSON,
    reference_name: DeviationReference,
) -> Deviation:
    read_paths = list_read_paths(mapping)
    paths = _join_event_paths(sorted(read_paths - {LITERAL_MARKER}))
    description = f"reads {paths}" if paths else f"has {_format_literal_mapping(mapping)}"
    what = f"{'.'.join(keys)} is not mapped; {_REFERENCE_NAMES[reference_name]} {description}"
    effect: DeviationEffect = (
        "differs"
        if read_paths <= {LITERAL_MARKER} or _is_sent_elsewhere(subscription, keys[0], read_paths)
        else "loses"
    )
    return _build_mapping_deviation(
        subscription,
        keys,
        mapping,
        reference_name,
        effect,
        what,
        _format_unmapped_group_text(reference_name),
    )


def _format_unmapped_group_text(reference_name: DeviationReference) -> str:
    return f"values are not mapped; {_REFERENCE_NAMES[reference_name]} maps them"


def _join_event_paths(paths: list[str]) -> str:
    hidden_count = len(paths) - _MAX_LISTED_PATHS
    return ", ".join(paths[:_MAX_LISTED_PATHS]) + (
        f" and {hidden_count} more" if hidden_count > 0 else ""
    )


def _is_sent_elsewhere(subscription: LocatedSubscription, field: str, read_paths: set[str]) -> bool:
    """Return whether a mapping sends all of *read_paths* under other keys."""
    # Paths in products start at the product.
    mapping = subscription.mapping
    sent_paths = list_read_paths(
        get_product_mapping(mapping.get(field)) if field == "products" else mapping
    )
    return all(is_path_read(sent_paths, path) for path in read_paths - {LITERAL_MARKER})


def _iter_changed_value_deviations(
    subscription: LocatedSubscription,
    keys: tuple[str, ...],
    actual_mapping: JSON,
    reference_mapping: JSON,
    reference_name: DeviationReference,
) -> Iterator[Deviation]:
    if actual_mapping == reference_mapping:
        return
    actual_paths, expected_paths = (
        list_read_paths(actual_mapping),
        list_read_paths(reference_mapping),
    )
    unread = sorted(
        path for path in expected_paths - {LITERAL_MARKER} if not is_path_read(actual_paths, path)
    )
    dotted = ".".join(keys)
    if unread:
        path_text = _join_event_paths(unread)
        what = f"{dotted} does not read {path_text}; {_REFERENCE_NAMES[reference_name]} does"
        # A mapping that reads less loses data; one that reads other paths may be intended.
        effect: DeviationEffect = "loses" if actual_paths <= expected_paths else "differs"
        group_text = f"values do not read all that {_REFERENCE_NAMES[reference_name]} reads"
    elif actual_paths <= {LITERAL_MARKER} and expected_paths <= {LITERAL_MARKER}:
        reference, expected = (
            _REFERENCE_NAMES[reference_name],
            _format_literal_mapping(reference_mapping),
        )
        what = f"{dotted} is {_format_literal_mapping(actual_mapping)}; {reference} has {expected}"
        effect, group_text = (
            "differs",
            f"values differ from {_REFERENCE_NAMES[reference_name]}",
        )
    else:
        return
    yield _build_mapping_deviation(
        subscription, keys, reference_mapping, reference_name, effect, what, group_text
    )


def _build_mapping_deviation(
    subscription: LocatedSubscription,
    keys: tuple[str, ...],
    mapping: JSON,
    reference_name: DeviationReference,
    effect: DeviationEffect,
    what: str,
    group_text: str,
) -> Deviation:
    row = get_known_difference_id(subscription.action_slug, *keys)
    if subscription.action_slug == "cartViewedEvent" and keys[-1] in _REQUIRED_CART_PARAMETERS:
        row = "D41"
    return Deviation(
        row,
        subscription.path,
        (reference_name,),
        effect,
        subscription.format_field_path(*keys),
        what,
        "Write the line below, unless this is intended.",
        _build_mapping_edit(subscription, keys, mapping),
        group_text=group_text,
    )


def _build_mapping_edit(
    subscription: LocatedSubscription, keys: tuple[str, ...], mapping: JSON
) -> WorkspaceEdit | None:
    """Return an edit that sets one key of a mapping; None where a directive prevents it."""
    if len(keys) == 1:
        return WorkspaceEdit(subscription.get_key_path_in_destination("settings", keys[0]), mapping)
    field, key = keys
    container = subscription.mapping.get(field)
    match container:
        case {"@arrayPath": [_, dict() as shape, *_]} if not is_directive(shape):
            return WorkspaceEdit(
                subscription.get_key_path_in_destination("settings", field, "@arrayPath", 1, key),
                mapping,
            )
        case dict() if not is_directive(container):
            return WorkspaceEdit(
                subscription.get_key_path_in_destination("settings", field, key), mapping
            )
        case _:
            return None


def _find_values_missing_in_catalogue(
    subscription: LocatedSubscription, catalogue_mapping: JSONObject
) -> Iterator[Deviation]:
    known = {field.key for field in subscription.subscription.action.fields}
    actual = _build_comparable_mapping(
        {key: value for key, value in subscription.mapping.items() if key in known}
    )
    published = _build_comparable_mapping(catalogue_mapping)
    added_keys = [
        ".".join(keys) for keys in actual.mapped_values if keys not in published.mapped_values
    ]
    added_keys += [f"{field}.*" for field in sorted(actual.open_fields - published.open_fields)]
    if added_keys:
        what = f"maps in addition to the catalogue: {', '.join(added_keys)}"
        remedy = "Nothing to do: custom names must exist in the panel first."
        where = subscription.format_field_path()
        row = get_known_difference_id(subscription.action_slug, "parameters")
        yield Deviation(row, subscription.path, ("catalogue",), "note", where, what, remedy)


def _format_literal_mapping(mapping: JSON) -> str:
    return "true" if mapping is True else "false" if mapping is False else repr(mapping)
