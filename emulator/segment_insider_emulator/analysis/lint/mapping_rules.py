"""Lint rules for mappings: directives, templates, fields and paths."""

import re
from collections.abc import Iterator

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    list_accepted_call_types,
)
from segment_insider_emulator.analysis.mapping_paths import LITERAL_MARKER, list_read_paths
from segment_insider_emulator.mapping.directives import DIRECTIVES, is_directive, list_written_keys
from segment_insider_emulator.mapping.segment_spec import CALL_TYPES, ROOT_FIELDS
from segment_insider_emulator.mapping.validation import ROOT_DIRECTIVE_KEY, find_mapping_errors
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import (
    WorkspaceFinding,
    format_document_path,
    suggest_name,
)

DIRECTIVE_OPTIONS = {
    "@if": ("exists", "blank", "then", "else"),
    "@case": ("operator", "value"),
    "@replace": (
        *("pattern", "replacement", "pattern2", "replacement2"),
        *("value", "ignorecase", "global"),
    ),
    "@json": ("mode", "value"),
    "@flatten": ("separator", "value", "omitArrays"),
    "@merge": ("direction", "objects"),
    "@transform": ("apply", "mapping"),
}
# "{{{path}}" is not a pair: Segment looks for a key that begins with a brace.
_PAIRED_BRACES = re.compile(r"(?<!\{)(?:\{\{\{[^{}]+\}\}\}|\{\{[^{}]+\}\})")
_TEMPLATE_NAME = re.compile(r"\{\{\s*([\w.$\[\]-]+)")


def find_unknown_directive_options(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find options that a mapping directive does not have; Segment ignores them."""
    for where, name, options in _iterate_directives(context):
        known = DIRECTIVE_OPTIONS.get(name)
        if known is None or not isinstance(options, dict) or is_directive(options):
            continue
        for option in options:
            if option not in known:
                what = f"{name} has no option {option!r}, so it is dropped"
                yield WorkspaceFinding(
                    "error", f"{where}.{option}", what, suggest_name(option, list(known))
                )


def find_ineffective_if_directives(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find @if directives without a test or without a result."""
    for where, name, options in _iterate_directives(context):
        if name != "@if" or not isinstance(options, dict):
            continue
        if not {"exists", "blank"} & set(options):
            what = "@if tests nothing, so every event fails"
            yield WorkspaceFinding(
                "error", where, what, 'Add a test, such as exists: {"@path": ...}.'
            )
        # In a @merge, a key without a value removes the value of an earlier object.
        if "then" in options or "@merge" in where:
            continue
        remedy = "Write its value under then."
        if "else" in options:
            what = "@if has no then, so it gives no value when its test is true"
            yield WorkspaceFinding("warning", where, what, remedy)
        else:
            yield WorkspaceFinding(
                "error", where, "@if has no then, so it never gives a value", remedy
            )


def find_unpaired_braces(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find template braces that do not form a pair around a path."""
    for where, name, template in _iterate_directives(context):
        if name != "@template" or not isinstance(template, str):
            continue
        rest = _PAIRED_BRACES.sub("", template)
        if "{{" in rest or ("}}" in rest and "{" not in rest):
            what = f"the braces of {template!r} do not pair, so no value is inserted"
            name_match = _TEMPLATE_NAME.search(rest)
            example = name_match[1] if name_match else "properties.color"
            yield WorkspaceFinding("error", where, what, f"Write {{{{{example}}}}}.")


def find_invalid_liquid(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find Liquid templates with syntax errors."""
    for where, name, template in _iterate_directives(context):
        if name == "@liquid" and isinstance(template, str):
            # The Liquid engine loads slowly, and most mappings do not need it.
            from segment_insider_emulator.mapping.liquid.templates import find_liquid_syntax_error

            if fault := find_liquid_syntax_error(template):
                what = f"this Liquid does not parse, so every event fails: {fault}"
                yield WorkspaceFinding(
                    "error", where, what, "Correct it at this place, or just before it."
                )


def _iterate_directives(context: AnalysisContext) -> Iterator[tuple[str, str, JSON]]:
    """Yield path, name and argument of every directive in a workspace's mappings."""
    for subscription in context.subscriptions:
        for keys, mapping in _iterate_mapping_objects(subscription.mapping, ()):
            for name in (key for key in mapping if key.startswith("@")):
                yield (
                    subscription.format_field_path(format_document_path(*keys, name)),
                    name,
                    mapping[name],
                )


def _iterate_mapping_objects(
    mapping: JSON, keys: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], JSONObject]]:
    """Yield every object in a mapping, outermost first, with the keys that lead to it."""
    if isinstance(mapping, dict):
        yield keys, mapping
        children = list(mapping.items())
    else:
        children = list(enumerate(mapping)) if isinstance(mapping, list) else []
    for key, child in children:
        yield from _iterate_mapping_objects(child, (*keys, key))


# Segment adds these fields to every action that can send batches.
AUTOMATIC_FIELDS = ("enable_batching", "batch_size", "batch_keys", "batch_bytes")
_INVALID_DIRECTIVE_TEXT = " has an invalid directive: "
_MAPPING_FAULT = re.compile(r"/(.*?) (?:should |has an invalid directive: )", re.DOTALL)


def find_invalid_directives(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find invalid directives, which make every event of the subscription fail."""
    for subscription in context.subscriptions:
        faults = find_mapping_errors(subscription.mapping)
        places = _list_fault_places(subscription.mapping) if faults else {}
        for fault in faults:
            match = _MAPPING_FAULT.match(fault)
            path = match[1] if match else ""
            _, is_invalid, name = fault.removesuffix(".").partition(_INVALID_DIRECTIVE_TEXT)
            if is_invalid:
                path = f"{path}/{name}" if path else name
            where = format_document_path(
                subscription.format_field_path(),
                *places.get(path, places.get(f"@merge/{path}", ())),
            )
            if is_invalid:
                known = suggest_name(name, list(DIRECTIVES))
                yield WorkspaceFinding("error", where, f"unknown directive {name!r}", known)
            else:
                remedy = "Correct the mapping; until then every event fails."
                yield WorkspaceFinding("error", where, fault.rstrip("."), remedy)


def _list_fault_places(mapping: JSONObject) -> dict[str, tuple[str | int, ...]]:
    """Return the paths in Segment's texts about a mapping -> the keys to what they are about.

    Segment leaves indexes out, and begins again within each object of a @merge.
    """
    places: dict[str, tuple[str | int, ...]] = {}
    for keys, members in _iterate_mapping_objects(mapping, ()):
        for member in members:
            names = [key for key in (*keys, member) if isinstance(key, str)]
            places.setdefault("/".join(names), (*keys, member))
            if "@merge" in names[:-2]:
                merge = len(names) - names[::-1].index("@merge")
                places.setdefault("/".join(("@merge", *names[merge + 1 :])), (*keys, member))
    return places


def find_unknown_fields(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find mapped fields that the action does not have; Segment drops them silently."""
    for subscription in context.subscriptions:
        known = [field.key for field in subscription.subscription.action.fields]
        for key in subscription.mapping:
            if key not in (*known, *AUTOMATIC_FIELDS, ROOT_DIRECTIVE_KEY) and not key.startswith(
                "@"
            ):
                what = f"{subscription.action_slug} has no field {key!r}, so it is dropped"
                yield WorkspaceFinding(
                    "error", subscription.format_field_path(key), what, suggest_name(key, known)
                )


def find_unmapped_required_fields(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find required fields of an action without a mapping."""
    for subscription in context.subscriptions:
        for field in subscription.subscription.action.fields:
            if field.required and field.key not in subscription.mapping:
                what = f"{field.key} is required and not mapped, so every event fails"
                remedy = "Map it, or leave settings out to get the action's own mapping."
                yield WorkspaceFinding("error", subscription.format_field_path(), what, remedy)


def find_paths_without_value(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find mapped paths that never have a value in the accepted call types."""
    for subscription in context.subscriptions:
        calls = list_accepted_call_types(subscription)
        for where, read_paths in _iterate_event_paths_by_field(subscription):
            roots = {path.split(".")[0].split("[")[0] for path in read_paths - {LITERAL_MARKER, ""}}
            for root in sorted(roots - set().union(*ROOT_FIELDS.values())):
                known = sorted(set().union(*ROOT_FIELDS.values()))
                yield WorkspaceFinding(
                    "error", where, f"no event has {root!r}", suggest_name(root, known)
                )
            has_value = any(root in ROOT_FIELDS[call] for call in calls for root in roots)
            known_roots = roots and roots <= set().union(*ROOT_FIELDS.values())
            if calls and known_roots and not has_value and LITERAL_MARKER not in read_paths:
                yield _build_path_without_value_finding(where, sorted(roots)[0], calls)


def find_calls_without_event_name(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find Track Event subscriptions that accept calls without an event name."""
    for subscription in context.subscriptions:
        call_types = [call for call in list_accepted_call_types(subscription) if call != "track"]
        read_paths = list_read_paths(subscription.mapping.get("event_name"))
        if subscription.action_slug == "trackEvent" and call_types and read_paths == {"event"}:
            what = f"{', '.join(call_types)} calls have no event name, so each of them fails"
            remedy = "Map event_name to a text, such as other_page_view."
            yield WorkspaceFinding(
                "error", subscription.format_field_path("event_name"), what, remedy
            )


def find_batched_subscriptions(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find subscriptions with batching, which behaves differently from single events."""
    for subscription in context.subscriptions:
        if subscription.mapping.get("enable_batching") in (True, "true"):
            what = "a batch keeps empty texts, and one event's directive error fails all of it"
            remedy = "Try both, single and batched, or leave batching off."
            yield WorkspaceFinding(
                "note", subscription.format_field_path("enable_batching"), what, remedy
            )


def _iterate_event_paths_by_field(
    subscription: LocatedSubscription,
) -> Iterator[tuple[str, set[str]]]:
    """Yield each mapped field or key with the event paths that its mapping reads."""
    for key, mapping in subscription.mapping.items():
        inner = list_written_keys(mapping)
        for name, value in inner.items():
            yield subscription.format_field_path(key, name), list_read_paths(value)
        if not inner:
            yield subscription.format_field_path(key), list_read_paths(mapping)


def _build_path_without_value_finding(
    where: str, root: str, call_types: list[str]
) -> WorkspaceFinding:
    possible_types = [call for call in CALL_TYPES if root in ROOT_FIELDS[call]]
    accepted = ", ".join(call_types)
    what = f"only {', '.join(possible_types)} calls have {root}, but the trigger accepts {accepted}"
    remedy = "Read $.context.traits." if root == "traits" else "Read another part of the event."
    return WorkspaceFinding("warning", where, what, remedy)
