"""Records of how a workspace deviates from its references, and edits that remove deviations."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.lint.payload_rules import suggest_normalised_key
from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.causes import (
    MAX_CAUSE_LENGTH,
    KnownCause,
    find_known_cause,
)
from segment_insider_emulator.workspace.edits import WorkspaceEdit

DeviationEffect: TypeAlias = Literal["loses", "differs", "note"]
DEVIATION_EFFECTS: tuple[DeviationEffect, ...] = ("loses", "differs", "note")
DeviationReference: TypeAlias = Literal["guide", "catalogue", "traffic"]


@dataclass(frozen=True, slots=True)
class Deviation:
    """One way in which a workspace differs from the guide, the catalogue or the traffic.

    Args:
        difference_id: Id of the known difference, e.g. "D16"; "" when there is none.
        subscription_path: E.g. "destination.subscriptions[3]"; "" for the whole workspace.
        references: What the workspace was compared with.
        effect: "loses": data does not arrive; "differs": it arrives differently; "note": how
            Segment or Insider One work.
        path: Path of the line to change.
        example_event: An event that shows the deviation; None to use a sample.
        unread_path: Path of a sent property that no mapping reads, e.g.
            "properties.products[].colour"; "" for other deviations.
        group_text: Text after the number when several such deviations are shown as one, e.g.
            "values are not mapped; the guide maps them"; "" when they are not grouped.
        lint_cause: Name of the cause of a lint finding; "" for other deviations.
        event_count: How many events show the deviation; 0 when it does not come from traffic.
        refusal: Text with which Segment or Insider One refuses the events; "" if they do not.
    """

    difference_id: str
    subscription_path: str
    references: tuple[DeviationReference, ...]
    effect: DeviationEffect
    path: str
    what: str
    remedy: str
    edit: WorkspaceEdit | None = None
    example_event: JSONObject | None = None
    unread_path: str = ""
    group_text: str = ""
    lint_cause: str = ""
    event_count: int = 0
    refusal: str = ""

    @property
    def cause(self) -> str:
        """Return the name of the cause, for `knownCauses` of the workspace file."""
        if self.lint_cause:
            return self.lint_cause
        if self.unread_path:
            return f"unread-property {self.unread_path}"[:MAX_CAUSE_LENGTH]
        place = self.path.removeprefix(self.subscription_path).strip(".")
        event = self.example_event or {}
        name = event.get("event") or event.get("type") or "" if not self.subscription_path else ""
        return " ".join(filter(None, ("drift", place, str(name))))[:MAX_CAUSE_LENGTH]


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value that Insider One would receive differently after an edit; None when absent."""

    path: str
    before: JSON
    after: JSON


@dataclass(frozen=True, slots=True)
class PreviewedDeviation:
    """A deviation with a preview of what its edit would change at Insider One."""

    difference_id: str
    references: tuple[DeviationReference, ...]
    effect: DeviationEffect
    path: str
    what: str
    remedy: str
    edit: WorkspaceEdit | None
    value_changes: tuple[ValueChange, ...]
    group_text: str = ""
    cause: str = ""
    unread_path: str = ""
    event_count: int = 0
    example_event: JSONObject | None = None
    refusal: str = ""

    @property
    def sent_value(self) -> JSON:
        """Return the first value that was sent at `unread_path`; None without one."""
        return find_first_value(self.example_event, self.unread_path)


@dataclass(frozen=True, slots=True)
class DeviationTable:
    """The deviations of one subscription, or of the whole workspace when *path* is empty.

    Args:
        has_custom_mapping: See `LocatedSubscription.has_custom_mapping`.
        known: Deviations that the workspace file lists under `knownCauses`; not in *deviations*.
    """

    subscription_name: str
    action_slug: str
    path: str
    deviations: list[PreviewedDeviation]
    has_custom_mapping: bool = True
    known: list[PreviewedDeviation] = field(default_factory=list)

    def separate_known(self, known_causes: Sequence[KnownCause]) -> "DeviationTable":
        """Return the table with the deviations that have a known cause under `known`."""
        rows: dict[bool, list[PreviewedDeviation]] = {False: [], True: []}
        for deviation in self.deviations:
            entry = find_known_cause(known_causes, deviation.cause, self.subscription_name)
            rows[entry is not None].append(deviation)
        return replace(self, deviations=rows[False], known=rows[True])

    @property
    def replaces_default_mapping(self) -> bool:
        """Return whether one suggested edit alone would replace the action's default mapping."""
        return not self.has_custom_mapping and any(
            deviation.edit and deviation.edit.edits_mapping for deviation in self.deviations
        )


def merge_deviations(
    traffic_deviations: list[Deviation], mapping_deviations: list[Deviation]
) -> list[Deviation]:
    """Merge deviations about the same value; deviations from traffic keep their counts."""
    by_keys = {deviation.edit.keys: deviation for deviation in mapping_deviations if deviation.edit}
    traffic_keys = {deviation.edit.keys for deviation in traffic_deviations if deviation.edit}
    merged = []
    for deviation in traffic_deviations:
        same_value = by_keys.get(deviation.edit.keys) if deviation.edit else None
        if same_value:
            references = (*deviation.references, *same_value.references)
            deviation = replace(deviation, references=references, edit=same_value.edit)
        merged.append(deviation)
    return merged + [
        deviation
        for deviation in mapping_deviations
        if not (deviation.edit and deviation.edit.keys in traffic_keys)
    ]


def group_deviations_by_subscription(
    context: AnalysisContext, previewed: Sequence[tuple[Deviation, tuple[ValueChange, ...]]]
) -> list[DeviationTable]:
    """Group deviations by subscription, the worst first; the workspace itself comes first."""
    by_path = {subscription.path: subscription for subscription in context.subscriptions}
    tables = [_build_deviation_table("", None, previewed)]
    tables += [
        _build_deviation_table(path, located, previewed) for path, located in by_path.items()
    ]
    return tables


def _build_deviation_table(
    path: str,
    subscription: LocatedSubscription | None,
    previewed: Sequence[tuple[Deviation, tuple[ValueChange, ...]]],
) -> DeviationTable:
    rows = [
        (deviation, value_changes)
        for deviation, value_changes in previewed
        if deviation.subscription_path == path
    ]
    rows.sort(
        key=lambda pair: (
            DEVIATION_EFFECTS.index(pair[0].effect),
            parse_difference_number(pair[0].difference_id),
            pair[0].group_text,
        )
    )
    deviations = [
        PreviewedDeviation(
            deviation.difference_id,
            deviation.references,
            deviation.effect,
            deviation.path,
            deviation.what,
            deviation.remedy,
            deviation.edit,
            value_changes,
            deviation.group_text,
            deviation.cause,
            deviation.unread_path,
            deviation.event_count,
            deviation.example_event,
            deviation.refusal,
        )
        for deviation, value_changes in rows
    ]
    if subscription is None:
        return DeviationTable("", "", path, deviations)
    return DeviationTable(
        subscription.name,
        subscription.action_slug,
        path,
        deviations,
        subscription.has_custom_mapping,
    )


def find_first_value(event: JSON, path: str) -> JSON:
    """Return the first value at a path such as "properties.products[].sku"; None without one."""
    if not path:
        return None
    values = [event]
    for step in path.split("."):
        key = step.removesuffix("[]")
        values = [value[key] for value in values if isinstance(value, dict) and key in value]
        if step != key:
            values = [item for value in values if isinstance(value, list) for item in value]
    return next(iter(values), None)


def parse_difference_number(difference_id: str) -> int:
    """Return 16 for the known difference "D16"; a large number for an id without digits."""
    digits = re.sub(r"\D", "", difference_id)
    return int(digits) if digits else 1000


SENT_TWICE_TEXT = "events are sent by more than one subscription"


def build_trigger_edit_excluding_event(
    subscription: LocatedSubscription, event_name: str
) -> WorkspaceEdit | None:
    """Return an edit that excludes a track call from a trigger; None if `and` cannot do that."""
    trigger = subscription.subscription.trigger
    if " or " in trigger or '"' in event_name:
        return None
    return WorkspaceEdit(
        subscription.get_key_path_in_destination("trigger"),
        f'{trigger} and event != "{event_name}"',
    )


def combine_trigger_edits(
    context: AnalysisContext, deviations: Sequence[Deviation]
) -> list[Deviation]:
    """Combine all trigger edits of one subscription into one edit.

    Two edits of one trigger could not both be applied.
    """
    triggers = {
        subscription.trigger_path: subscription.subscription.trigger
        for subscription in context.subscriptions
    }
    added_conditions: dict[str, list[str]] = {}
    for deviation in deviations:
        if deviation.difference_id == "D24" and deviation.edit:
            condition = str(deviation.edit.value).removeprefix(triggers[deviation.edit.path])
            added_conditions.setdefault(deviation.edit.path, []).append(condition)
    combined = {
        path: triggers[path] + "".join(dict.fromkeys(added_conditions[path]))
        for path in added_conditions
    }
    return [
        replace(deviation, edit=replace(deviation.edit, value=combined[deviation.edit.path]))
        if deviation.difference_id == "D24" and deviation.edit
        else deviation
        for deviation in deviations
    ]


def fold_path_spelling(path: str) -> str:
    """Return a path without separators and capital letters, to compare spellings."""
    return re.sub(r"[_\-\s]", "", path).casefold()


def suggest_mapping_edit(
    subscription: LocatedSubscription, path: str
) -> tuple[WorkspaceEdit | None, str]:
    """Return an edit and a remedy that map an event's path; no edit without a suitable field."""
    fields = {field.key for field in subscription.subscription.action.fields}
    root, _, rest = path.partition(".")
    products, _, item = rest.partition("products[].")
    key = suggest_normalised_key((item or rest).replace(".", "_")).replace("[]", "")
    field = {fold_path_spelling(name): name for name in fields}.get(fold_path_spelling(rest))
    if root == "traits" and field in fields - subscription.mapping.keys():
        keys = subscription.get_key_path_in_destination("settings", field)
        return WorkspaceEdit(keys, {"@path": f"$.{path}"}), f"Map it to {field}."
    if root == "traits" and "custom" in fields:
        return _suggest_edit_in_object_field(subscription, "custom", key, path)
    if item and not products and "products" in fields:
        shape = ("products", "@arrayPath", 1)
        match subscription.mapping.get("products"):
            case {"@arrayPath": [_, dict() as items, *_]} if not is_directive(items):
                keys = subscription.get_key_path_in_destination("settings", *shape, key)
                return WorkspaceEdit(keys, {"@path": item}), "Map it for each product."
        return None, "Map it in the shape of products."
    if root == "properties" and "parameters" in fields:
        return _suggest_edit_in_object_field(subscription, "parameters", key, path)
    return (
        None,
        f"{subscription.action_slug} has no such field; send it with another event or as a trait.",
    )


def _suggest_edit_in_object_field(
    subscription: LocatedSubscription, field: str, key: str, path: str
) -> tuple[WorkspaceEdit | None, str]:
    container = subscription.mapping.get(field)
    if "[]" in path:
        return None, f"Map it under {field}, as text or as a list of texts."
    if is_directive(container):
        return None, f"Map it under {field}."
    mapping = {"@path": f"$.{path}"}
    if isinstance(container, dict):
        return WorkspaceEdit(
            subscription.get_key_path_in_destination("settings", field, key), mapping
        ), f"Map it under {field}."
    return WorkspaceEdit(
        subscription.get_key_path_in_destination("settings", field), {key: mapping}
    ), f"Map it under {field}."
