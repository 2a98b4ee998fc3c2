"""A template cut into text, outputs and tags, with the white space beside `{{-` and `-%}` gone.

Source: liquidjs 10.30, `parser/tokenizer.ts`, `parser/whitespace-ctrl.ts`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from liquid.token import TOKEN_CONTENT, TOKEN_OUTPUT, TOKEN_TAG, Token

from segment_insider_emulator.mapping.liquid.scanner import BLANKS, Scanner


class Span(NamedTuple):
    """A stretch of a template; an empty one may end before it begins."""

    begin: int
    end: int


class Markup(Token):
    """A token of the engine that also knows where it ends.

    Its value is a tag's name, or what trimming left of a stretch of text.
    """

    end: int
    inner: Span  # a tag's arguments or an output's expression

    @property
    def text(self) -> str:
        """The token as it stands in the template."""
        return self.source[self.start_index : self.end]

    @property
    def arguments(self) -> str:
        return self.source[slice(*self.inner)]

    def scanner(self) -> Scanner:
        return Scanner(self.source, *self.inner)


def cut(source: str) -> list[Markup]:
    """Cut *source*, a template as single UTF-16 units, into its tokens.

    Raises: LiquidError, when a tag, an output or raw text is not closed or a tag has no name.
    """
    return list(_trimmed(list(_tokens(source))))


def cut_lines(scanner: Scanner) -> list[Markup]:
    """Cut the lines of a `liquid` tag into tags without delimiters."""
    tokens: list[Markup] = []
    scanner.skip_blanks()
    while not scanner.at_end():
        begin = scanner.at
        scanner.step_behind("\n")
        line = Span(begin, scanner.at)
        tokens.append(_tag(scanner.source, line, line, "illegal liquid tag syntax"))
        scanner.skip_blanks()
    return tokens


def _tokens(source: str) -> Iterator[Markup]:
    at = 0
    raw: Markup | None = None
    while at < len(source):
        if raw is not None:
            token = _raw_text(source, at, raw)
        elif source.startswith("{%", at):
            token = _delimited_tag(source, at)
        elif source.startswith("{{", at):
            token = _output(source, at)
        else:
            token = _content(source, at, _next_opening(source, at))
        if token.kind == TOKEN_TAG:
            raw = token if token.value == "raw" and raw is None else None
        yield token
        at = token.end


def _next_opening(source: str, at: int) -> int:
    found = [place for mark in ("{%", "{{") if (place := source.find(mark, at)) >= 0]
    return min(found, default=len(source))


def _markup(kind: str, value: str, source: str, span: Span, inner: Span) -> Markup:
    markup = Markup(kind, value, span.begin, source)
    markup.end = span.end
    markup.inner = inner
    return markup


def _content(source: str, begin: int, end: int) -> Markup:
    return _markup(TOKEN_CONTENT, source[begin:end], source, Span(begin, end), Span(begin, end))


def _delimited_tag(source: str, begin: int) -> Markup:
    closing = source.find("%}", begin + 1)
    if closing < 0:
        raise _not_closed("tag", source, begin, begin)
    span = Span(begin, closing + 2)
    inner = Span(span.begin + 2, span.end - 2)
    return _tag(source, span, inner, "illegal tag syntax, tag name expected")


def _tag(source: str, span: Span, inner: Span, nameless: str) -> Markup:
    scanner = Scanner(source, *_without_dashes(source, inner))
    scanner.skip_blanks()
    name = "#" if source.startswith("#", scanner.at) else scanner.name()
    if not name:
        raise scanner.error(nameless)
    scanner.at += name == "#"
    scanner.skip_blanks()
    return _markup(TOKEN_TAG, name, source, span, Span(scanner.at, scanner.end))


def _output(source: str, begin: int) -> Markup:
    scanner = Scanner(source, begin, len(source))
    while not scanner.at_end():
        # Braces inside quotes close nothing.
        if scanner.quotation() is not None:
            continue
        scanner.at += 1
        if source.startswith("}}", scanner.at - 2):
            inner = _without_dashes(source, Span(begin + 2, scanner.at - 2))
            return _markup(TOKEN_OUTPUT, "", source, Span(begin, scanner.at), inner)
    raise _not_closed("output", source, begin, begin)


def _without_dashes(source: str, inner: Span) -> Span:
    begin, end = inner
    begin, end = begin + (source[begin] == "-"), end - (source[end - 1] == "-")
    while begin < end and source[begin] in BLANKS:
        begin += 1
    while end > begin and source[end - 1] in BLANKS:
        end -= 1
    return Span(begin, end)


def _raw_text(source: str, begin: int, raw: Markup) -> Markup:
    """The text up to `{% endraw %}`, or that tag when it begins right here."""
    scanner = Scanner(source, begin, len(source))
    opening = _step_into_tag(scanner)
    while not scanner.at_end():
        if scanner.name() != "endraw":
            opening = _step_into_tag(scanner)
            continue
        closing, reopening = source.find("%}", scanner.at), source.find("{%", scanner.at)
        if closing >= 0 and not 0 <= reopening < closing:
            ends = begin == opening
            return _delimited_tag(source, begin) if ends else _content(source, begin, opening)
        if reopening < 0:
            break
        scanner.at = reopening + 2
    raise _not_closed("raw", source, raw.start_index, begin)


def _step_into_tag(scanner: Scanner) -> int:
    """Step behind the next `{%` and give its place; without one, step to the end."""
    opening = scanner.source.find("{%", scanner.at)
    scanner.at = opening + 2 if opening >= 0 else scanner.end
    return opening


def _not_closed(what: str, source: str, shown: int, place: int) -> Exception:
    scanner = Scanner(source, place, len(source))
    return scanner.error(f"{what} {scanner.snapshot(shown)} not closed")


def _trimmed(tokens: list[Markup]) -> Iterator[Markup]:
    raw = False
    dashed = False  # the token before ends in a dash
    for place, token in enumerate(tokens):
        if token.kind == TOKEN_CONTENT:
            following = tokens[place + 1 : place + 2]
            yield _trim(token, dashed, not raw and any(map(_opens_with_dash, following)))
            dashed = False
            continue
        raw = token.value == "raw" or (raw and token.value != "endraw")
        dashed = not raw and token.source[token.end - 3] == "-"
        yield token


def _opens_with_dash(token: Markup) -> bool:
    return token.source[token.start_index + 2] == "-"


def _trim(token: Markup, left: bool, right: bool) -> Markup:
    value = token.value.lstrip(BLANKS) if left else token.value
    value = value.rstrip(BLANKS) if right else value
    return _markup(token.kind, value, token.source, Span(token.start_index, token.end), token.inner)
