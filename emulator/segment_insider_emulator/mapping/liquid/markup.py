"""A template cut into text, outputs and tags, with the white space beside `{{-` and `-%}` gone.

Source: liquidjs 10.30, `parser/tokenizer.ts`, `parser/whitespace-ctrl.ts`.
"""

from collections.abc import Iterator
from typing import NamedTuple

from liquid.token import TOKEN_CONTENT, TOKEN_OUTPUT, TOKEN_TAG, Token

from segment_insider_emulator.mapping.liquid.scanner import BLANK_CHARACTERS, TemplateScanner


class SourceSpan(NamedTuple):
    """A stretch of a template; an empty one may end before it begins."""

    begin: int
    end: int


class TemplateToken(Token):
    """A token of the engine that also knows where it ends.

    Its value is a tag's name, or what trimming left of a stretch of text.
    """

    end: int
    content_span: SourceSpan  # a tag's arguments or an output's expression

    @property
    def source_text(self) -> str:
        """The token as it stands in the template."""
        return self.source[self.start_index : self.end]

    @property
    def arguments_text(self) -> str:
        return self.source[slice(*self.content_span)]

    def create_scanner(self) -> TemplateScanner:
        return TemplateScanner(self.source, *self.content_span)


def tokenize_template(source: str) -> list[TemplateToken]:
    """Cut *source*, a template as single UTF-16 units, into its tokens.

    Raises: LiquidError, when a tag, an output or raw text is not closed or a tag has no name.
    """
    return list(_trim_whitespace(list(_iter_tokens(source))))


def tokenize_lines(scanner: TemplateScanner) -> list[TemplateToken]:
    """Cut the lines of a `liquid` tag into tags without delimiters."""
    tokens: list[TemplateToken] = []
    scanner.skip_blanks()
    while not scanner.is_at_end():
        begin = scanner.position
        scanner.skip_past("\n")
        line = SourceSpan(begin, scanner.position)
        tokens.append(_create_tag_token(scanner.source, line, line, "illegal liquid tag syntax"))
        scanner.skip_blanks()
    return tokens


def _iter_tokens(source: str) -> Iterator[TemplateToken]:
    at = 0
    raw: TemplateToken | None = None
    while at < len(source):
        if raw is not None:
            token = _read_raw_text(source, at, raw)
        elif source.startswith("{%", at):
            token = _read_delimited_tag(source, at)
        elif source.startswith("{{", at):
            token = _read_output(source, at)
        else:
            token = _create_content_token(source, at, _find_next_opening(source, at))
        if token.kind == TOKEN_TAG:
            raw = token if token.value == "raw" and raw is None else None
        yield token
        at = token.end


def _find_next_opening(source: str, position: int) -> int:
    found = [place for mark in ("{%", "{{") if (place := source.find(mark, position)) >= 0]
    return min(found, default=len(source))


def _create_token(
    kind: str, value: str, source: str, span: SourceSpan, inner: SourceSpan
) -> TemplateToken:
    markup = TemplateToken(kind, value, span.begin, source)
    markup.end = span.end
    markup.content_span = inner
    return markup


def _create_content_token(source: str, begin: int, end: int) -> TemplateToken:
    return _create_token(
        TOKEN_CONTENT, source[begin:end], source, SourceSpan(begin, end), SourceSpan(begin, end)
    )


def _read_delimited_tag(source: str, begin: int) -> TemplateToken:
    closing = source.find("%}", begin + 1)
    if closing < 0:
        raise _create_unclosed_error("tag", source, begin, begin)
    span = SourceSpan(begin, closing + 2)
    inner = SourceSpan(span.begin + 2, span.end - 2)
    return _create_tag_token(source, span, inner, "illegal tag syntax, tag name expected")


def _create_tag_token(
    source: str, span: SourceSpan, inner: SourceSpan, error_message: str
) -> TemplateToken:
    scanner = TemplateScanner(source, *_trim_dashes(source, inner))
    scanner.skip_blanks()
    name = "#" if source.startswith("#", scanner.position) else scanner.read_name()
    if not name:
        raise scanner.create_error(error_message)
    scanner.position += name == "#"
    scanner.skip_blanks()
    return _create_token(TOKEN_TAG, name, source, span, SourceSpan(scanner.position, scanner.end))


def _read_output(source: str, begin: int) -> TemplateToken:
    scanner = TemplateScanner(source, begin, len(source))
    while not scanner.is_at_end():
        # Braces inside quotes close nothing.
        if scanner.read_raw_quotation() is not None:
            continue
        scanner.position += 1
        if source.startswith("}}", scanner.position - 2):
            inner = _trim_dashes(source, SourceSpan(begin + 2, scanner.position - 2))
            return _create_token(
                TOKEN_OUTPUT, "", source, SourceSpan(begin, scanner.position), inner
            )
    raise _create_unclosed_error("output", source, begin, begin)


def _trim_dashes(source: str, inner: SourceSpan) -> SourceSpan:
    begin, end = inner
    begin, end = begin + (source[begin] == "-"), end - (source[end - 1] == "-")
    while begin < end and source[begin] in BLANK_CHARACTERS:
        begin += 1
    while end > begin and source[end - 1] in BLANK_CHARACTERS:
        end -= 1
    return SourceSpan(begin, end)


def _read_raw_text(source: str, begin: int, raw_token: TemplateToken) -> TemplateToken:
    """The text up to `{% endraw %}`, or that tag when it begins right here."""
    scanner = TemplateScanner(source, begin, len(source))
    opening = _skip_past_tag_opening(scanner)
    while not scanner.is_at_end():
        if scanner.read_name() != "endraw":
            opening = _skip_past_tag_opening(scanner)
            continue
        closing, reopening = (
            source.find("%}", scanner.position),
            source.find("{%", scanner.position),
        )
        if closing >= 0 and not 0 <= reopening < closing:
            ends = begin == opening
            return (
                _read_delimited_tag(source, begin)
                if ends
                else _create_content_token(source, begin, opening)
            )
        if reopening < 0:
            break
        scanner.position = reopening + 2
    raise _create_unclosed_error("raw", source, raw_token.start_index, begin)


def _skip_past_tag_opening(scanner: TemplateScanner) -> int:
    """Step behind the next `{%` and give its place; without one, step to the end."""
    opening = scanner.source.find("{%", scanner.position)
    scanner.position = opening + 2 if opening >= 0 else scanner.end
    return opening


def _create_unclosed_error(kind: str, source: str, snapshot_begin: int, position: int) -> Exception:
    scanner = TemplateScanner(source, position, len(source))
    return scanner.create_error(f"{kind} {scanner.format_snapshot(snapshot_begin)} not closed")


def _trim_whitespace(tokens: list[TemplateToken]) -> Iterator[TemplateToken]:
    raw = False
    dashed = False  # the token before ends in a dash
    for place, token in enumerate(tokens):
        if token.kind == TOKEN_CONTENT:
            following = tokens[place + 1 : place + 2]
            yield _trim_content_token(
                token, dashed, not raw and any(map(_has_opening_dash, following))
            )
            dashed = False
            continue
        raw = token.value == "raw" or (raw and token.value != "endraw")
        dashed = not raw and token.source[token.end - 3] == "-"
        yield token


def _has_opening_dash(token: TemplateToken) -> bool:
    return token.source[token.start_index + 2] == "-"


def _trim_content_token(token: TemplateToken, trim_left: bool, trim_right: bool) -> TemplateToken:
    value = token.value.lstrip(BLANK_CHARACTERS) if trim_left else token.value
    value = value.rstrip(BLANK_CHARACTERS) if trim_right else value
    return _create_token(
        token.kind,
        value,
        token.source,
        SourceSpan(token.start_index, token.end),
        token.content_span,
    )
