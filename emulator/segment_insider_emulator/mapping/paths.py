"""Paths into an event, and the templates that print what paths find."""

import re
from collections.abc import Callable
from functools import reduce
from typing import TypeAlias

from segment_insider_emulator.mapping.javascript import MISSING, WHITE_SPACE, member, text_of
from segment_insider_emulator.types import JSON

Resolver: TypeAlias = Callable[[JSON], JSON]

_SEPARATOR = re.compile(r"""\[(?=["'0-9])|\.|(?<=["'0-9])\]+""")
_QUOTES = re.compile("['\"]")


def keys_of(path: str) -> tuple[str, ...]:
    """Split a path: dots and quoted or numbered brackets separate, quotes vanish."""
    if path in ("", "."):
        return ()
    return tuple(_QUOTES.sub("", part) for part in _SEPARATOR.split(path) if part)


def strip_root(path: str) -> str:
    """Remove the first `$.`, wherever it stands."""
    return path.replace("$.", "", 1)


def compile_path(path: str) -> Resolver:
    """A resolver of one path; what is not there gives MISSING, falsy values end the walk."""
    keys = keys_of(path)
    if not keys:
        return lambda event: event
    return _RESOLVERS.get(len(keys), _resolve_any)(*keys)


def _resolve_one(first: str) -> Resolver:
    def resolve(event: JSON) -> JSON:
        return event.get(first, MISSING) if type(event) is dict else member(event, first)

    return resolve


def _resolve_two(first: str, second: str) -> Resolver:
    def resolve(event: JSON) -> JSON:
        parent = event.get(first, MISSING) if type(event) is dict else member(event, first)
        return parent.get(second, MISSING) if type(parent) is dict else member(parent, second)

    return resolve


def _resolve_any(*keys: str) -> Resolver:
    return lambda event: reduce(member, keys, event)


# Nearly every path of a real mapping is one or two keys long; those are worth their own code.
_RESOLVERS: dict[int, Callable[..., Resolver]] = {1: _resolve_one, 2: _resolve_two}


def compile_template(template: str) -> Callable[[JSON], str]:
    """A renderer of `{{path}}` and `{{{path}}}`; neither escapes.

    Text that triple braces put in is rendered once more, because the braces are replaced in two
    passes: first the triple ones, then the double ones.
    """
    double = _compile_pass(2, template)
    if not _cut(3, template)[1]:
        return double
    triple = _compile_pass(3, template)
    return lambda event: _compile_pass(2, triple(event))(event)


def _compile_pass(braces: int, template: str) -> Callable[[JSON], str]:
    texts, paths = _cut(braces, template)
    resolvers = [compile_path(path) for path in paths]

    def render(event: JSON) -> str:
        found = [_printed(resolve(event)) for resolve in resolvers]
        return "".join(part for pair in zip(texts, [*found, ""], strict=True) for part in pair)

    return render


def _cut(braces: int, template: str) -> tuple[list[str], list[str]]:
    """The texts of *template*, and the paths in braces between them.

    A path has no closing brace in it. Braces are sought by hand: a pattern would try again from
    each of a long run of opening ones, which an event may contain.
    """
    opening, closing = "{" * braces, "}" * braces
    texts: list[str] = []
    paths: list[str] = []
    behind = at = 0
    while (start := template.find(opening, at)) >= 0:
        end = template.find("}", start)
        if end < 0:
            break
        at = end + 1
        path = template[start + braces : end]
        if path and template.startswith(closing, end):
            texts.append(template[behind:start])
            paths.append(path.strip(WHITE_SPACE))
            behind = at = end + braces
    return [*texts, template[behind:]], paths


def _printed(value: JSON) -> str:
    return "" if value is None or value is MISSING else text_of(value)


def printed_paths(template: str, event: JSON) -> tuple[str, list[str]]:
    """Render *template* for *event*; the text, and every path that was printed into it."""
    triple = _cut(3, template)[1]
    second = _compile_pass(3, template)(event) if triple else template
    return _compile_pass(2, second)(event), [*triple, *_cut(2, second)[1]]


def template_paths(template: str) -> list[str]:
    """The paths between double or triple braces of *template*."""
    texts, triple = _cut(3, template)
    return [*triple, *(path for text in texts for path in _cut(2, text)[1])]
