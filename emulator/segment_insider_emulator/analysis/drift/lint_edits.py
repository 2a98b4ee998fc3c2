"""Edits that solve what lint finds, for the findings that name one change."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final, TypeAlias

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    build_context,
)
from segment_insider_emulator.analysis.drift.deviations import build_trigger_edit_excluding_event
from segment_insider_emulator.analysis.drift.guide_comparison import (
    build_edit_for_missing_mapping,
    find_guide_subscription,
)
from segment_insider_emulator.analysis.lint import (
    LintRule,
    destination_rules,
    mapping_rules,
    payload_rules,
    trigger_rules,
)
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.directives import DIRECTIVES, is_directive
from segment_insider_emulator.mapping.segment_spec import CALL_TYPES
from segment_insider_emulator.mapping.upserts import PROFILE_ATTRIBUTE_NAMES
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.edits import IDENTIFIER_KEYS, EditKeys, WorkspaceEdit
from segment_insider_emulator.workspace.validation import WorkspaceFinding, format_document_path

MAX_INDEXED_VALUES: Final = 20_000  # of one mapping
_SUGGESTED_NAME = re.compile(r"Did you mean '(.*)'\?")


@dataclass(frozen=True, slots=True)
class LintProblem:
    """A finding of lint, with what is needed to solve it.

    Args:
        subscription: The one that the finding is about; None for the whole workspace.
        event_name: The track call that the finding is about; None for others.
    """

    context: AnalysisContext
    rule: LintRule
    finding: WorkspaceFinding
    subscription: LocatedSubscription | None
    event_name: str | None = None

    @property
    def suggested_name(self) -> str | None:
        """Return the known name that the finding suggests; None without one."""
        match = _SUGGESTED_NAME.fullmatch(self.finding.remedy)
        return match[1] if match else None

    def find_keys(self) -> EditKeys | None:
        """Return the keys in the mapping to what the finding is about; None if it is not there."""
        if self.subscription is None:
            return None
        where = self.finding.where.removeprefix(f"{self.subscription.path}.settings.")
        return _index_mapping(self.subscription.mapping).get(where)


_Solver: TypeAlias = Callable[[LintProblem], WorkspaceEdit | None]


def suggest_edit_for_finding(problem: LintProblem) -> WorkspaceEdit | None:
    """Return the edit that solves a finding of lint; None when only a person can decide it."""
    solve = _SOLVERS.get(problem.rule)
    return solve(problem) if solve else None


_last_index: list[tuple[JSONObject, dict[str, EditKeys]]] = []  # many findings of one mapping


def _index_mapping(mapping: JSONObject) -> dict[str, EditKeys]:
    """Return the paths of the values in a mapping -> their keys."""
    for indexed, index in _last_index:
        if indexed is mapping:
            return index
    paths = islice(_iter_keys(mapping, ()), MAX_INDEXED_VALUES)
    index = {format_document_path(*keys): keys for keys in paths}
    _last_index[:] = [(mapping, index)]
    return index


def _iter_keys(mapping: JSON, keys: EditKeys) -> Iterator[EditKeys]:
    if keys:
        yield keys
    members = (
        mapping.items()
        if isinstance(mapping, dict)
        else enumerate(mapping)
        if isinstance(mapping, list)
        else ()
    )
    for key, value in members:
        yield from _iter_keys(value, (*keys, key))


def get_value_at(mapping: JSON, keys: EditKeys) -> JSON:
    """Return the value at *keys* of a mapping; None if there is none."""
    for key in keys:
        if isinstance(mapping, dict):
            mapping = mapping.get(str(key))
        elif isinstance(mapping, list) and isinstance(key, int) and key < len(mapping):
            mapping = mapping[key]
        else:
            return None
    return mapping


def _set_in_mapping(
    subscription: LocatedSubscription, keys: EditKeys, value: JSON, removed_key: str | None = None
) -> WorkspaceEdit:
    path = subscription.get_key_path_in_destination("settings", *keys)
    return WorkspaceEdit(path, value, removed_key)


def _remove_from_mapping(subscription: LocatedSubscription, keys: EditKeys) -> WorkspaceEdit:
    parent = get_value_at(subscription.mapping, keys[:-1])
    remaining = {key: value for key, value in parent.items() if key != keys[-1]}
    return _set_in_mapping(subscription, keys[:-1], remaining)


def _rename_in_mapping(
    subscription: LocatedSubscription, keys: EditKeys, name: str
) -> WorkspaceEdit | None:
    parent = get_value_at(subscription.mapping, keys[:-1])
    if not isinstance(parent, dict) or name in parent or keys[-1] not in parent:
        return None
    return _set_in_mapping(subscription, (*keys[:-1], name), parent[keys[-1]], str(keys[-1]))


def _rename_as_suggested(problem: LintProblem) -> WorkspaceEdit | None:
    keys, name = problem.find_keys(), problem.suggested_name
    if problem.subscription is None or keys is None or name is None:
        return None
    return _rename_in_mapping(problem.subscription, keys, name)


def _switch_on(problem: LintProblem) -> WorkspaceEdit | None:
    if problem.finding.where == "destination.enabled":
        return WorkspaceEdit(("enabled",), True)
    subscriptions = problem.context.workspace.destination["subscriptions"]
    return WorkspaceEdit(("subscriptions", 0, "enabled"), True) if len(subscriptions) == 1 else None


def _use_account_name(problem: LintProblem) -> WorkspaceEdit | None:
    # The key is a secret: no page has it.
    workspace = problem.context.workspace
    if problem.finding.where != "destination.settings.account_name":
        return None
    if workspace.destination["settings"]["account_name"] == workspace.account_name:
        return None
    return WorkspaceEdit(("settings", "account_name"), workspace.account_name)


def _rename_subscription(problem: LintProblem) -> WorkspaceEdit | None:
    subscriptions = problem.context.workspace.destination["subscriptions"]
    names = {subscription["name"] for subscription in subscriptions}
    index = int(re.findall(r"\[(\d+)\]", problem.finding.where)[0])
    name = subscriptions[index]["name"]
    number = next(number for number in range(2, len(names) + 3) if f"{name} {number}" not in names)
    return WorkspaceEdit(("subscriptions", index, "name"), f"{name} {number}")


_TRIGGER_CORRECTIONS: Final[tuple[tuple[str, str], ...]] = (
    (r"\bOR\b(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "or"),
    (r"\bAND\b(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", "and"),
    (r"= '([^'\"]*)'", r'= "\1"'),
    (r"(\"[^\"]*\")(?=[^\s)\"])", r"\1 "),
    (r"!= true\b", "= false"),
    (r"!= false\b", "= true"),
    (r"match\(([\w.$]+), ?\"\*([^*\"]+)\*\"\)", r'contains(\1, "\2")'),
)


def _correct_trigger(problem: LintProblem) -> WorkspaceEdit | None:
    """Return a corrected trigger after which lint has one problem less, and no new one."""
    subscription = problem.subscription
    if subscription is None or len(subscription.subscription.trigger) > MAX_CORRECTED_TRIGGER:
        return None
    trigger = subscription.subscription.trigger
    before = _lint_trigger(problem, trigger)
    for pattern, replacement in _TRIGGER_CORRECTIONS:
        corrected = re.sub(pattern, replacement, trigger)
        if corrected == trigger:
            continue
        after = _lint_trigger(problem, corrected)
        if after < before and problem.finding.what not in after:
            return _set_trigger(subscription, corrected)
    return None


MAX_CORRECTED_TRIGGER: Final = 2000  # characters


def _lint_trigger(problem: LintProblem, trigger: str) -> set[str]:
    """Return what the rule of a problem finds in its subscription alone, with another trigger."""
    document, subscription = problem.context.workspace.document, problem.subscription
    definitions = document["destination"]["subscriptions"]
    edited = [{**definitions[subscription.index], "trigger": trigger}] if subscription else []
    destination = {**document["destination"], "subscriptions": edited}
    context = build_context({**document, "destination": destination})
    return {finding.what for finding in problem.rule(context)}


def _set_trigger(subscription: LocatedSubscription, trigger: str) -> WorkspaceEdit:
    return WorkspaceEdit(subscription.get_key_path_in_destination("trigger"), trigger)


def _respell_event(problem: LintProblem) -> WorkspaceEdit | None:
    names = problem.finding.what.removesuffix("': capitals count").removeprefix("'")
    written, is_named, meant = names.partition("' does not match '")
    if not is_named or problem.subscription is None:
        return None
    trigger = problem.subscription.subscription.trigger
    corrected = trigger.replace(f'"{written}"', f'"{meant}"')
    return _set_trigger(problem.subscription, corrected) if corrected != trigger else None


def _exclude_missing_values(problem: LintProblem) -> WorkspaceEdit | None:
    path, is_named, _ = problem.finding.remedy.removeprefix("Add `and ").partition(" != null` ")
    if not is_named or problem.subscription is None:
        return None
    trigger = problem.subscription.subscription.trigger
    if " or " in trigger:
        return None
    return _set_trigger(problem.subscription, f"{trigger} and {path} != null")


def _exclude_event(problem: LintProblem) -> WorkspaceEdit | None:
    if problem.subscription is None or problem.event_name is None:
        return None
    return build_trigger_edit_excluding_event(problem.subscription, problem.event_name)


def _use_guide_trigger(problem: LintProblem) -> WorkspaceEdit | None:
    if problem.subscription is None:
        return None
    guide = find_guide_subscription(problem.subscription)
    return _set_trigger(problem.subscription, guide.subscription.trigger) if guide else None


def _take_calls(problem: LintProblem) -> WorkspaceEdit | None:
    names = problem.finding.what.removeprefix("no subscription accepts ").removesuffix(" calls")
    for call in CALL_TYPES:
        if call in names.split(", "):
            edit = build_edit_for_missing_mapping(problem.context, {"type": call})
            if edit:
                return edit
    return None


def _correct_option(problem: LintProblem) -> WorkspaceEdit | None:
    """Rename an unknown option of a directive, or remove it, as Segment ignores it anyway."""
    keys = problem.find_keys()
    if problem.subscription is None or not keys:
        return None
    return _rename_as_suggested(problem) or _remove_from_mapping(problem.subscription, keys)


def _correct_directive(problem: LintProblem) -> WorkspaceEdit | None:
    keys = problem.find_keys()
    if problem.subscription is None or not keys or problem.suggested_name not in DIRECTIVES:
        return None
    return _rename_in_mapping(problem.subscription, keys, problem.suggested_name)


def _place_field(problem: LintProblem) -> WorkspaceEdit | None:
    """Rename a field that the action does not have, or move it to where it belongs."""
    keys, subscription = problem.find_keys(), problem.subscription
    if subscription is None or keys is None or len(keys) != 1:
        return None
    return _rename_as_suggested(problem) or move_to_section(subscription, str(keys[0]))


def move_to_section(subscription: LocatedSubscription, field: str) -> WorkspaceEdit | None:
    """Return the edit that moves a mapped field that the action lacks under its free section."""
    fields = {field.key for field in subscription.subscription.action.fields}
    section = next((name for name in ("custom", "parameters", "attributes") if name in fields), "")
    container = subscription.mapping.get(section, {})
    key = payload_rules.suggest_normalised_key(field)
    is_free = isinstance(container, dict) and not is_directive(container) and key not in container
    if not section or not is_free:
        return None
    edit = _set_in_mapping(subscription, (section, key), subscription.mapping[field])
    return replace(edit, removed_keys=subscription.get_key_path_in_destination("settings", field))


def move_out_of_custom(subscription: LocatedSubscription, name: str) -> WorkspaceEdit | None:
    """Return the edit that moves a default attribute from the custom ones to its own field.

    If the field is mapped already, the second value is removed. Event actions have no such
    fields, but for the phone number under its other name.
    """
    if name == "phone_number" and "attributes" in subscription.mapping:
        return _rename_in_mapping(subscription, ("attributes", name), "phone")
    field = next((key for key, value in PROFILE_ATTRIBUTE_NAMES.items() if value == name), None)
    custom = subscription.mapping.get("custom")
    is_written = isinstance(custom, dict) and not is_directive(custom) and name in custom
    if field is None or not is_written:
        return None
    if field in subscription.mapping:
        return _remove_from_mapping(subscription, ("custom", name))
    edit = _set_in_mapping(subscription, (field,), subscription.mapping["custom"][name])
    removed = subscription.get_key_path_in_destination("settings", "custom", name)
    return replace(edit, removed_keys=removed)


def remove_unknown_name(
    subscription: LocatedSubscription, field: str, name: str
) -> WorkspaceEdit | None:
    """Return the edit that no longer sends a name that Insider One does not know.

    Segment sends such a name of its own list always outside of the custom ones.
    """
    container = subscription.mapping.get(field)
    if not isinstance(container, dict) or is_directive(container) or name not in container:
        return None
    return _remove_from_mapping(subscription, (field, name))


def _map_required_field(problem: LintProblem) -> WorkspaceEdit | None:
    if problem.subscription is None:
        return None
    field = problem.finding.what.partition(" ")[0]
    return _map_as_by_default(problem.subscription, field)


def _map_as_by_default(subscription: LocatedSubscription, field: str) -> WorkspaceEdit | None:
    default = ACTIONS[subscription.action_slug].default_mapping
    if field not in default or field in subscription.mapping:
        return None
    return _set_in_mapping(subscription, (field,), default[field])


def _correct_root(problem: LintProblem) -> WorkspaceEdit | None:
    """Correct the misspelled first name of the paths that a field reads."""
    keys, name = problem.find_keys(), problem.suggested_name
    root = problem.finding.what.removeprefix("no event has '").removesuffix("'")
    if problem.subscription is None or keys is None or name is None:
        return None
    value = get_value_at(problem.subscription.mapping, keys)
    corrected = _replace_root(value, root, name)
    return _set_in_mapping(problem.subscription, keys, corrected) if corrected != value else None


def _replace_root(value: JSON, root: str, name: str) -> JSON:
    if isinstance(value, dict):
        return {key: _replace_root(member, root, name) for key, member in value.items()}
    if isinstance(value, list):
        return [_replace_root(item, root, name) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(
        rf"((?:^|\{{\{{ *)(?:\$\.)?){re.escape(root)}(?=[.\[}} ]|$)", rf"\g<1>{name}", value
    )


def _switch_batching_off(problem: LintProblem) -> WorkspaceEdit | None:
    if problem.subscription is None:
        return None
    return _set_in_mapping(problem.subscription, ("enable_batching",), False)


def _send_identifier(problem: LintProblem) -> WorkspaceEdit | None:
    subscription = problem.subscription
    if subscription is None:
        return None
    if problem.finding.remedy.startswith("Map"):
        fields = {field.key for field in subscription.subscription.action.fields}
        is_free = "uuid" in fields and "uuid" not in subscription.mapping
        return _set_in_mapping(subscription, ("uuid",), {"@path": "$.userId"}) if is_free else None
    what = problem.finding.what.removeprefix(repr(subscription.name))
    name, is_named, _ = what.partition(" sends ")[2].partition(", ")
    return list_identifier(problem.context, name) if is_named else None


def _list_sent_identifier(problem: LintProblem) -> WorkspaceEdit | None:
    return list_identifier(problem.context, problem.finding.what.partition(" is sent as an ")[0])


def list_identifier(context: AnalysisContext, name: str) -> WorkspaceEdit:
    """Return the edit that lists an identifier in the account, last or for another spelling."""
    listed = list(context.workspace.identifiers)
    folded = [identifier.casefold() for identifier in listed]
    if name.casefold() in folded:
        listed[folded.index(name.casefold())] = name
        return WorkspaceEdit(IDENTIFIER_KEYS, listed)
    return WorkspaceEdit(IDENTIFIER_KEYS, [*listed, name])


def _respell_identifier(problem: LintProblem) -> WorkspaceEdit | None:
    index = int(re.findall(r"\[(\d+)\]", problem.finding.where)[0])
    identifiers = list(problem.context.workspace.identifiers)
    name = problem.suggested_name
    if name is None or name in identifiers:
        return None
    identifiers[index] = name
    return WorkspaceEdit(IDENTIFIER_KEYS, identifiers)


def _read_both_names(problem: LintProblem) -> WorkspaceEdit | None:
    if problem.subscription is None:
        return None
    field = problem.finding.where.rpartition(".")[2]
    first, second = ({"@path": f"$.traits.{name}"} for name in _NAME_TRAITS[field])
    value = {"@if": {"exists": first, "then": first, "else": second}}
    return _set_in_mapping(problem.subscription, (field,), value)


_NAME_TRAITS: Final = {
    "firstName": ("firstName", "first_name"),
    "lastName": ("lastName", "last_name"),
}
_FIRST_PATH = re.compile(r'Map them, such as (\w+): \{"@path": "(.*)"\}\.')


def _map_first_opt_in(problem: LintProblem) -> WorkspaceEdit | None:
    match = _FIRST_PATH.fullmatch(problem.finding.remedy)
    if match is None or problem.subscription is None:
        return None
    return _set_in_mapping(problem.subscription, (match[1],), {"@path": match[2]})


def _correct_phone(problem: LintProblem) -> WorkspaceEdit | None:
    if problem.subscription is None or not problem.finding.where.endswith(".phone_number"):
        return None
    return _rename_in_mapping(problem.subscription, ("attributes", "phone_number"), "phone")


def _write_key_that_arrives(problem: LintProblem) -> WorkspaceEdit | None:
    subscription = problem.subscription
    if subscription is None:
        return None
    where = problem.finding.where.removeprefix(f"{subscription.path}.settings.")
    field, _, key = where.partition(".")
    places: tuple[EditKeys, ...] = ((field,), (field, "@arrayPath", 1))
    for place in places:
        container = get_value_at(subscription.mapping, place)
        if isinstance(container, dict) and key in container:  # a key that is written: no directive
            name = payload_rules.suggest_normalised_key(key)
            return _rename_in_mapping(subscription, (*place, key), name)
    return None


def _rename_parameter(name: str, problem: LintProblem) -> WorkspaceEdit | None:
    if problem.subscription is None:
        return None
    key = problem.finding.where.rpartition(".")[2]
    return _rename_in_mapping(problem.subscription, ("parameters", key), name.format(key))


_SOLVERS: Final[dict[LintRule, _Solver]] = {
    destination_rules.find_inactive_destination: _switch_on,
    destination_rules.find_wrong_credentials: _use_account_name,
    destination_rules.find_duplicate_subscription_names: _rename_subscription,
    destination_rules.find_duplicate_deliveries: _exclude_event,
    destination_rules.find_unhandled_call_types: _take_calls,
    destination_rules.find_missing_cart_reviewed: _use_guide_trigger,
    trigger_rules.find_misread_triggers: _correct_trigger,
    trigger_rules.find_misspelled_event_names: _respell_event,
    trigger_rules.find_negations_of_missing_values: _exclude_missing_values,
    mapping_rules.find_invalid_directives: _correct_directive,
    mapping_rules.find_unknown_directive_options: _correct_option,
    mapping_rules.find_unknown_fields: _place_field,
    mapping_rules.find_unmapped_required_fields: _map_required_field,
    mapping_rules.find_paths_without_value: _correct_root,
    mapping_rules.find_batched_subscriptions: _switch_batching_off,
    payload_rules.find_subscriptions_without_identifier: _send_identifier,
    payload_rules.find_unconfigured_identifiers: _list_sent_identifier,
    payload_rules.find_unsent_identifiers: _respell_identifier,
    payload_rules.find_unread_name_traits: _read_both_names,
    payload_rules.find_unmapped_opt_ins: _map_first_opt_in,
    payload_rules.find_default_attributes_sent_as_custom: _correct_phone,
    payload_rules.find_keys_that_lose_their_value: _write_key_that_arrives,
    payload_rules.find_overwritten_product_values: partial(_rename_parameter, "order_{}"),
    payload_rules.find_textual_variants: partial(_rename_parameter, "variant"),
}
