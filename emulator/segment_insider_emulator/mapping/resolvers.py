"""Compile paths and templates of mappings to resolvers, which return the value for an event."""

import re
from collections.abc import Callable
from functools import reduce
from typing import Protocol, TypeAlias

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    WHITE_SPACE,
    get_member,
    to_js_string,
)
from segment_insider_emulator.types import JSON

Resolver: TypeAlias = Callable[[JSON], JSON]

_PATH_SEPARATOR = re.compile(r"""\[(?=["'0-9])|\.|(?<=["'0-9])\]+""")
_QUOTE_CHARACTER = re.compile("['\"]")


def split_path(path: str) -> tuple[str, ...]:
    """Split a path into its keys at dots and brackets; quotes are removed."""
    if path in ("", "."):
        return ()
    return tuple(_QUOTE_CHARACTER.sub("", part) for part in _PATH_SEPARATOR.split(path) if part)


def strip_path_prefix(path: str) -> str:
    """Remove the first `$.` of *path*, at any position."""
    return path.replace("$.", "", 1)


def compile_path(path: str) -> Resolver:
    """Return a resolver of one path; a missing key gives MISSING, a falsy value ends it."""
    keys = split_path(path)
    if not keys:
        return lambda event: event
    return _BUILDERS_BY_KEY_COUNT.get(len(keys), _build_many_key_resolver)(*keys)


def _build_one_key_resolver(key: str) -> Resolver:
    def resolve(event: JSON) -> JSON:
        return event.get(key, MISSING) if type(event) is dict else get_member(event, key)

    return resolve


def _build_two_key_resolver(first_key: str, second_key: str) -> Resolver:
    def resolve(event: JSON) -> JSON:
        parent = (
            event.get(first_key, MISSING) if type(event) is dict else get_member(event, first_key)
        )
        return (
            parent.get(second_key, MISSING)
            if type(parent) is dict
            else get_member(parent, second_key)
        )

    return resolve


def _build_many_key_resolver(*keys: str) -> Resolver:
    return lambda event: reduce(get_member, keys, event)


# Nearly all paths have one or two keys; specialised code makes them faster.
_BUILDERS_BY_KEY_COUNT: dict[int, Callable[..., Resolver]] = {
    1: _build_one_key_resolver,
    2: _build_two_key_resolver,
}


def compile_template(template: str) -> Callable[[JSON], str]:
    """Return a renderer of `{{path}}` and `{{{path}}}` in *template*; neither escapes.

    Braces are replaced in two passes, first triple, then double ones; so the text that triple
    braces add is rendered again.
    """
    double = _compile_template_pass(2, template)
    if not _split_template(3, template)[1]:
        return double
    triple = _compile_template_pass(3, template)
    return lambda event: _compile_template_pass(2, triple(event))(event)


def _compile_template_pass(brace_count: int, template: str) -> Callable[[JSON], str]:
    texts, paths = _split_template(brace_count, template)
    resolvers = [compile_path(path) for path in paths]

    def render(event: JSON) -> str:
        values = [_format_value(resolve(event)) for resolve in resolvers]
        return "".join(part for pair in zip(texts, [*values, ""], strict=True) for part in pair)

    return render


def _split_template(brace_count: int, template: str) -> tuple[list[str], list[str]]:
    """Split *template* into its texts and the paths in braces between them.

    A path contains no closing brace. Braces are searched by hand: a regular expression would try
    again from each of a long run of opening braces, which an event may contain.
    """
    opening, closing = "{" * brace_count, "}" * brace_count
    texts: list[str] = []
    paths: list[str] = []
    text_begin = search_from = 0
    while (begin := template.find(opening, search_from)) >= 0:
        end = template.find("}", begin)
        if end < 0:
            break
        search_from = end + 1
        path = template[begin + brace_count : end]
        if path and template.startswith(closing, end):
            texts.append(template[text_begin:begin])
            paths.append(path.strip(WHITE_SPACE))
            text_begin = search_from = end + brace_count
    return [*texts, template[text_begin:]], paths


def _format_value(value: JSON) -> str:
    return "" if value is None or value is MISSING else to_js_string(value)


def render_with_paths(template: str, event: JSON) -> tuple[str, list[str]]:
    """Render *template* for *event*; return the text and every path that was printed."""
    triple = _split_template(3, template)[1]
    second = _compile_template_pass(3, template)(event) if triple else template
    return _compile_template_pass(2, second)(event), [*triple, *_split_template(2, second)[1]]


def find_template_paths(template: str) -> list[str]:
    """Return the paths between double or triple braces of *template*."""
    texts, triple = _split_template(3, template)
    return [*triple, *(path for text in texts for path in _split_template(2, text)[1])]


class DirectiveError(Exception):
    """A directive cannot be applied to this event; the message is Segment's."""


class MappingCompiler(Protocol):
    """Compiler for the mapping inside a directive; see `directives.compile_mapping`."""

    def __call__(self, mapping: JSON, keep_missing: bool = False) -> Resolver: ...


# Arguments: value of the @-key, whether objects keep MISSING values, compiler of inner mappings.
DirectiveCompiler: TypeAlias = Callable[[JSON, bool, MappingCompiler], Resolver]


def resolve_to_missing(event: JSON) -> JSON:
    """Return MISSING for every event."""
    return MISSING


def build_directive_error_resolver(message: str) -> Resolver:
    """Return a resolver that raises DirectiveError with *message* for every event."""
    return build_error_resolver(DirectiveError(message))


def build_error_resolver(error: Exception) -> Resolver:
    """Return a resolver that raises *error* for every event."""

    def resolve(event: JSON) -> JSON:
        # Its traceback would grow with each event, and keep all of them in memory.
        raise error.with_traceback(None)

    return resolve
