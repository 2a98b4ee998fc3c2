"""Rules on what stands inside a directive: options it does not have, texts it cannot read."""

import re
from collections.abc import Iterator

from segment_insider_emulator.analysis.context import (
    AnalysisContext,
    LocatedSubscription,
    list_accepted_call_types,
)
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    list_read_paths,
    list_written_keys,
)
from segment_insider_emulator.mapping.directives import DIRECTIVES, is_directive
from segment_insider_emulator.mapping.segment_spec import CALL_TYPES, ROOT_FIELDS
from segment_insider_emulator.mapping.validation import ROOT_DIRECTIVE_KEY, find_mapping_errors
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import (
    WorkspaceFinding,
    format_path,
    suggest_name,
)

_DIRECTIVE_OPTIONS = {
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
# Three braces that two close do not pair: Segment looks for a key that begins with a brace.
_PAIRED_BRACES = re.compile(r"(?<!\{)(?:\{\{\{[^{}]+\}\}\}|\{\{[^{}]+\}\})")
_TEMPLATE_NAME = re.compile(r"\{\{\s*([\w.$\[\]-]+)")


def find_unknown_directive_options(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Options that a directive does not have; Segment passes over them."""
    for where, name, options in _iterate_directives(context):
        known = _DIRECTIVE_OPTIONS.get(name)
        if known is None or not isinstance(options, dict) or is_directive(options):
            continue
        for option in options:
            if option not in known:
                what = f"{name} has no option {option!r}, so that it is dropped"
                yield WorkspaceFinding(
                    "error", f"{where}.{option}", what, suggest_name(option, list(known))
                )


def find_ineffective_if_directives(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """An @if that tests nothing fails every event; one that leads nowhere never gives a value."""
    for where, name, options in _iterate_directives(context):
        if name != "@if" or not isinstance(options, dict):
            continue
        if not {"exists", "blank"} & set(options):
            what = "@if tests nothing, so that every event fails"
            yield WorkspaceFinding(
                "error", where, what, 'Say what to test, such as exists: {"@path": ...}.'
            )
        # In a @merge, a key without a value takes away what an earlier object put there.
        if "then" in options or "@merge" in where:
            continue
        remedy = "Say under then what it gives."
        if "else" in options:
            what = "@if has no then, so that it gives nothing where it finds what it tests"
            yield WorkspaceFinding("warning", where, what, remedy)
        else:
            yield WorkspaceFinding(
                "error", where, "@if has no then, so that it never gives a value", remedy
            )


def find_unpaired_braces(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Braces that do not enclose a path, which Segment sends as text or fills with nothing."""
    for where, name, template in _iterate_directives(context):
        if name != "@template" or not isinstance(template, str):
            continue
        rest = _PAIRED_BRACES.sub("", template)
        if "{{" in rest or ("}}" in rest and "{" not in rest):
            what = f"the braces of {template!r} do not pair, so that no value is put in"
            named = _TEMPLATE_NAME.search(rest)
            example = named[1] if named else "properties.color"
            yield WorkspaceFinding("error", where, what, f"Write {{{{{example}}}}}.")


def find_invalid_liquid(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Liquid that does not parse."""
    for where, name, template in _iterate_directives(context):
        if name == "@liquid" and isinstance(template, str):
            # The engine takes a tenth of a second to load, which most mappings need not pay.
            from segment_insider_emulator.mapping.liquid.templates import find_syntax_error

            if fault := find_syntax_error(template):
                what = f"this Liquid does not parse, so that every event fails: {fault}"
                yield WorkspaceFinding("error", where, what, "Correct it there, or before.")


def _iterate_directives(context: AnalysisContext) -> Iterator[tuple[str, str, JSON]]:
    """Each directive of the mappings: its place, its name, and what stands under the name."""
    for placed in context.subscriptions:
        for keys, mapping in _iterate_objects(placed.mapping, ()):
            for name in (key for key in mapping if key.startswith("@")):
                yield placed.field_path(format_path(*keys, name)), name, mapping[name]


def _iterate_objects(
    mapping: JSON, keys: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], JSONObject]]:
    """Every object in *mapping*, outermost first, with the keys that lead to it."""
    if isinstance(mapping, dict):
        yield keys, mapping
        children = list(mapping.items())
    else:
        children = list(enumerate(mapping)) if isinstance(mapping, list) else []
    for key, child in children:
        yield from _iterate_objects(child, (*keys, key))


# Fields that Segment adds to every action that can send batches.
AUTOMATIC_FIELDS = ("enable_batching", "batch_size", "batch_keys", "batch_bytes")
_INVALID_DIRECTIVE_TEXT = " has an invalid directive: "


def find_invalid_directives(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Directives that Segment refuses; every event of the subscription fails."""
    for placed in context.subscriptions:
        for fault in find_mapping_errors(placed.mapping):
            path, is_invalid, name = fault.removesuffix(".").partition(_INVALID_DIRECTIVE_TEXT)
            if is_invalid:
                where = placed.field_path(*filter(None, path.split("/")))
                known = suggest_name(name, list(DIRECTIVES))
                yield WorkspaceFinding("error", where, f"unknown directive {name!r}", known)
            else:
                remedy = "Correct the mapping: as it is, every event fails."
                yield WorkspaceFinding("error", placed.field_path(), fault.rstrip("."), remedy)


def find_unknown_fields(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Fields that the action does not have; Segment drops them without a word."""
    for placed in context.subscriptions:
        known = [field.key for field in placed.subscription.action.fields]
        for key in placed.mapping:
            if key not in (*known, *AUTOMATIC_FIELDS, ROOT_DIRECTIVE_KEY) and not key.startswith(
                "@"
            ):
                what = f"{placed.action_slug} has no field {key!r}, so that it is dropped"
                yield WorkspaceFinding(
                    "error", placed.field_path(key), what, suggest_name(key, known)
                )


def find_unmapped_required_fields(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Fields without which an action sends nothing."""
    for placed in context.subscriptions:
        for field in placed.subscription.action.fields:
            if field.required and field.key not in placed.mapping:
                what = f"{field.key} is required and not mapped, so that every event fails"
                remedy = "Map it, or leave settings out to get the action's own mapping."
                yield WorkspaceFinding("error", placed.field_path(), what, remedy)


def find_paths_without_value(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Values that are read where the call has nothing."""
    for placed in context.subscriptions:
        calls = list_accepted_call_types(placed)
        for where, read in _iterate_field_sources(placed):
            roots = {path.split(".")[0].split("[")[0] for path in read - {LITERAL_MARKER, ""}}
            for root in sorted(roots - set().union(*ROOT_FIELDS.values())):
                known = sorted(set().union(*ROOT_FIELDS.values()))
                yield WorkspaceFinding(
                    "error", where, f"no event has {root!r}", suggest_name(root, known)
                )
            alive = any(root in ROOT_FIELDS[call] for call in calls for root in roots)
            known_roots = roots and roots <= set().union(*ROOT_FIELDS.values())
            if calls and known_roots and not alive and LITERAL_MARKER not in read:
                yield _path_without_value_finding(where, sorted(roots)[0], calls)


def find_calls_without_event_name(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Track Event on calls that have no `event`: Segment refuses each of them."""
    for placed in context.subscriptions:
        unnamed = [call for call in list_accepted_call_types(placed) if call != "track"]
        read = list_read_paths(placed.mapping.get("event_name"))
        if placed.action_slug == "trackEvent" and unnamed and read == {"event"}:
            what = f"{', '.join(unnamed)} calls have no event name, so that each of them fails"
            remedy = "Map event_name to a text, such as other_page_view."
            yield WorkspaceFinding("error", placed.field_path("event_name"), what, remedy)


def find_batched_subscriptions(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Batches behave otherwise than single events."""
    for placed in context.subscriptions:
        if placed.mapping.get("enable_batching") in (True, "true"):
            what = "a batch keeps empty texts, and one event's directive error fails all of it"
            remedy = "Try both, single and batched, or leave batching off."
            yield WorkspaceFinding("note", placed.field_path("enable_batching"), what, remedy)


def _iterate_field_sources(subscription: LocatedSubscription) -> Iterator[tuple[str, set[str]]]:
    """The place and the sources of each field, or of each key of a field with keys."""
    for key, mapping in subscription.mapping.items():
        inner = list_written_keys(mapping)
        for name, value in inner.items():
            yield subscription.field_path(key, name), list_read_paths(value)
        if not inner:
            yield subscription.field_path(key), list_read_paths(mapping)


def _path_without_value_finding(where: str, root: str, call_types: list[str]) -> WorkspaceFinding:
    holders = [call for call in CALL_TYPES if root in ROOT_FIELDS[call]]
    what = f"only {', '.join(holders)} calls have {root}, and the trigger takes {', '.join(call_types)}"
    remedy = "Read $.context.traits." if root == "traits" else "Read another part of the event."
    return WorkspaceFinding("warning", where, what, remedy)
