"""Rules on what stands inside a directive: options it does not have, texts it cannot read."""

import re
from collections.abc import Iterator

from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import WorkspaceFinding, suggest_name
from segment_insider_emulator.workspace.lint.subject import AnalysisContext
from segment_insider_emulator.workspace.structure import format_path

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
