"""Reading a template left to right: blanks, names, numbers, quoted texts, and what an error says.

Positions are indexes of UTF-16 units. Source: liquidjs 10.30, `parser/tokenizer.ts`.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from liquid.token import TOKEN_CONTENT, TOKEN_OUTPUT, TOKEN_TAG, Token

from segment_insider_emulator.mapping.javascript import to_json_text
from segment_insider_emulator.mapping.liquid import (
    LiquidError,
    create_located_error,
    join_surrogates,
)

BLANK_CHARACTERS: Final = (
    "\t\n\v\f\r \u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
# Hyphen and question mark belong to names, so `a-b` is one name and no subtraction.
_NAME_CHARACTER: Final = rf"[^\x00-,./:->@\[-^`{{-\x7f\u201c\u201d{BLANK_CHARACTERS}]"
_NAME_PATTERN: Final = re.compile(f"{_NAME_CHARACTER}*")
_NUMBER_PATTERN: Final = re.compile(
    rf"[-+]?[0-9]+(?:\.(?!\.)[0-9]*)?(?!\.(?!\.))(?!{_NAME_CHARACTER})"
)
_OPERATOR_PATTERN: Final = re.compile(
    rf"==|!=|>=|<=|>|<|(?:contains|not|and|or)(?!{_NAME_CHARACTER})"
)
_KEYWORD_PATTERN: Final = re.compile(rf"(?:true|false|nil|null|empty|blank)(?!{_NAME_CHARACTER})")
# The last unit is the closing quote, unless an escape has taken it.
_ESCAPE_PATTERN: Final = re.compile(
    r"\\(?:u([0-9a-fA-F]{0,4})|([0-7]{1,3})|([^u0-7]))|(.)\Z", re.DOTALL
)
_CONTROL_CHARACTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_SNAPSHOT_UNITS: Final = 32


class TemplateScanner:
    """A place in a stretch of a template, and the readers that move it.

    Args:
        source: The whole template, as single UTF-16 units.
        at, end: The stretch to read.
    """

    def __init__(self, source: str, position: int, end: int) -> None:
        self.source = source
        self.position = position
        self.end = end

    def peek(self, offset: int = 0) -> str:
        """The unit *ahead* of this place; empty behind the end."""
        place = self.position + offset
        return self.source[place] if place < self.end else ""

    def is_at_end(self) -> bool:
        return self.position >= self.end

    def skip_blanks(self) -> None:
        while self.position < self.end and self.source[self.position] in BLANK_CHARACTERS:
            self.position += 1

    def take_expected(self, expected: str) -> bool:
        """Step over the next unit, whatever it is, and say whether it was *expected*."""
        self.position += 1
        return self.source[self.position - 1 : self.position] == expected

    def read_name(self) -> str:
        """The name that begins after blanks, perhaps empty."""
        self.skip_blanks()
        return self._read_pattern(_NAME_PATTERN) or ""

    def read_operator(self) -> str | None:
        self.skip_blanks()
        return self._read_pattern(_OPERATOR_PATTERN)

    def read_keyword(self) -> str | None:
        """One of the words true, false, nil, null, empty and blank."""
        return self._read_pattern(_KEYWORD_PATTERN)

    def read_number(self) -> float | None:
        text = self._read_pattern(_NUMBER_PATTERN)
        return None if text is None else float(text)

    def read_quoted_text(self) -> str | None:
        """A text in quotes with its escapes resolved; one that is not closed runs to the end."""
        text = self.read_raw_quotation()
        if text is None:
            return None
        return join_surrogates(_ESCAPE_PATTERN.sub(_resolve_escape, text[1:]))

    def read_raw_quotation(self) -> str | None:
        """A text in quotes as it stands."""
        self.skip_blanks()
        quote = self.peek()
        if quote not in ("'", '"'):
            return None
        begin = self.position
        self.position += 1
        while self.position < self.end and self.source[self.position] != quote:
            self.position += 2 if self.source[self.position] == "\\" else 1
        self.position = min(self.position + 1, self.end)
        return self.source[begin : self.position]

    def skip_past(self, character: str) -> bool:
        """Step behind the next *unit*, or to the end when there is none."""
        found = self.source.find(character, self.position, self.end)
        self.position = found + 1 if found >= 0 else max(self.position, self.end)
        return found >= 0

    def format_snapshot(self, begin: int | None = None) -> str:
        """What stands here, quoted and shortened for an error message."""
        text = self.source[self.position if begin is None else begin : self.end]
        if len(text) > _MAX_SNAPSHOT_UNITS:
            text = text[: _MAX_SNAPSHOT_UNITS - 3] + "..."
        return _LONE_SURROGATE.sub(_escape_surrogate, to_json_text(join_surrogates(text)))

    def create_error(self, message: str, index: int | None = None) -> LiquidError:
        place = self.position if index is None else index
        return create_located_error("TokenizationError", message, self.source, place)

    def _read_pattern(self, pattern: re.Pattern[str]) -> str | None:
        found = pattern.match(self.source, self.position, self.end)
        if found is None:
            return None
        self.position = found.end()
        return found.group()


def _resolve_escape(escape: re.Match[str]) -> str:
    hexadecimal, octal, other, closing = escape.groups()
    if closing is not None:
        return ""
    if hexadecimal is not None:
        return chr(int(hexadecimal or "0", 16))
    return chr(int(octal, 8)) if octal else _CONTROL_CHARACTERS.get(other, other)


def _escape_surrogate(surrogate: re.Match[str]) -> str:
    return f"\\u{ord(surrogate.group()):x}"


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
