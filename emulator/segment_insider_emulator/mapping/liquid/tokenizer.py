"""The tokenizer of Liquid templates: text, outputs and tags, and a scanner of expressions.

White space next to `{{-` and `-%}` is removed. Positions are indexes of UTF-16 units.
Source: liquidjs 10.30, `parser/tokenizer.ts`, `parser/whitespace-ctrl.ts`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal, NamedTuple, TypeAlias

from segment_insider_emulator.mapping.javascript import join_surrogates, to_json_text
from segment_insider_emulator.mapping.liquid import LiquidError, create_located_error

TokenKind: TypeAlias = Literal["text", "output", "tag"]

BLANK_CHARACTERS: Final = (
    "\t\n\v\f\r \u00a0\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u2028\u2029\u202f\u205f\u3000"
)
# Hyphen and question mark belong to names, so `a-b` is one name, not a subtraction.
_NAME_CHARACTER: Final = rf"[^\x00-,./:->@\[-^`{{-\x7f\u201c\u201d{BLANK_CHARACTERS}]"
_NAME_PATTERN: Final = re.compile(f"{_NAME_CHARACTER}*")
_NUMBER_PATTERN: Final = re.compile(
    rf"[-+]?[0-9]+(?:\.(?!\.)[0-9]*)?(?!\.(?!\.))(?!{_NAME_CHARACTER})"
)
_OPERATOR_PATTERN: Final = re.compile(
    rf"==|!=|>=|<=|>|<|(?:contains|not|and|or)(?!{_NAME_CHARACTER})"
)
_KEYWORD_PATTERN: Final = re.compile(rf"(?:true|false|nil|null|empty|blank)(?!{_NAME_CHARACTER})")
# The last unit is the closing quote, unless it belongs to an escape.
_ESCAPE_PATTERN: Final = re.compile(
    r"\\(?:u([0-9a-fA-F]{0,4})|([0-7]{1,3})|([^u0-7]))|(.)\Z", re.DOTALL
)
_CONTROL_CHARACTERS: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_LONE_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_MAX_SNAPSHOT_UNITS: Final = 32


class TemplateScanner:
    """Scanner of a section of a Liquid template: reads names, numbers and texts at its position.

    Args:
        source: The whole template, as single UTF-16 units.
        position, end: The section to read.
    """

    def __init__(self, source: str, position: int, end: int) -> None:
        self.source = source
        self.position = position
        self.end = end

    def peek_character(self, offset: int = 0) -> str:
        """Return the UTF-16 unit at *offset* from the scanner's position; "" after the end."""
        index = self.position + offset
        return self.source[index] if index < self.end else ""

    def is_at_end(self) -> bool:
        """Return whether the template scanner has nothing left to read."""
        return self.position >= self.end

    def skip_blanks(self) -> None:
        """Move the template scanner past blank characters."""
        while self.position < self.end and self.source[self.position] in BLANK_CHARACTERS:
            self.position += 1

    def skip_character_and_compare(self, expected: str) -> bool:
        """Move the scanner past the next UTF-16 unit; return whether it was *expected*."""
        self.position += 1
        return self.source[self.position - 1 : self.position] == expected

    def read_name(self) -> str:
        """Read a Liquid name after blanks; return "" when there is none."""
        self.skip_blanks()
        return self._read_matching_text(_NAME_PATTERN) or ""

    def read_operator(self) -> str | None:
        """Read a Liquid operator after blanks, e.g. "==" or "contains"; None when there is none."""
        self.skip_blanks()
        return self._read_matching_text(_OPERATOR_PATTERN)

    def read_keyword(self) -> str | None:
        """Read a Liquid keyword: true, false, nil, null, empty or blank; None without one."""
        return self._read_matching_text(_KEYWORD_PATTERN)

    def read_number(self) -> float | None:
        """Read a number of a Liquid expression, e.g. "-1.5"; None when there is none."""
        text = self._read_matching_text(_NUMBER_PATTERN)
        return None if text is None else float(text)

    def read_quoted_text(self) -> str | None:
        """Read a quoted Liquid text and resolve its escapes; an unclosed one runs to the end."""
        text = self.read_quoted_source_text()
        if text is None:
            return None
        return join_surrogates(_ESCAPE_PATTERN.sub(_resolve_escape, text[1:]))

    def read_quoted_source_text(self) -> str | None:
        """Read a quoted Liquid text with its quotes and escapes unchanged."""
        self.skip_blanks()
        quote = self.peek_character()
        if quote not in ("'", '"'):
            return None
        begin = self.position
        self.position += 1
        while self.position < self.end and self.source[self.position] != quote:
            self.position += 2 if self.source[self.position] == "\\" else 1
        self.position = min(self.position + 1, self.end)
        return self.source[begin : self.position]

    def skip_past_character(self, character: str) -> bool:
        """Move the scanner past the next *character* or to the end; return whether it was found."""
        index = self.source.find(character, self.position, self.end)
        self.position = index + 1 if index >= 0 else max(self.position, self.end)
        return index >= 0

    def format_source_excerpt(self, begin: int | None = None) -> str:
        """Return the template text from *begin*, quoted and shortened for an error message."""
        text = self.source[self.position if begin is None else begin : self.end]
        if len(text) > _MAX_SNAPSHOT_UNITS:
            text = text[: _MAX_SNAPSHOT_UNITS - 3] + "..."
        return _LONE_SURROGATE.sub(_escape_surrogate, to_json_text(join_surrogates(text)))

    def create_tokenization_error(self, message: str) -> LiquidError:
        """Return Liquid's TokenizationError at the scanner's position."""
        return create_located_error("TokenizationError", message, self.source, self.position)

    def _read_matching_text(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self.source, self.position, self.end)
        if match is None:
            return None
        self.position = match.end()
        return match.group()


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
    """Begin and end of a section of a Liquid template; an empty one may end before it begins."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class TemplateToken:
    """A text, output or tag of a Liquid template, with its position.

    Args:
        value: The name of a tag, the trimmed content of a text, or "".
        source: The whole template.
        content_span: The arguments of a tag, or the expression of an output.
    """

    kind: TokenKind
    value: str
    source: str
    begin: int
    end: int
    content_span: SourceSpan

    @property
    def source_text(self) -> str:
        """Return the Liquid token as written in the template."""
        return self.source[self.begin : self.end]

    @property
    def arguments_text(self) -> str:
        """Return the arguments of a Liquid tag as written in the template."""
        return self.source[slice(*self.content_span)]

    def is_tag_named(self, *names: str) -> bool:
        """Return whether the Liquid token is a tag with one of *names*."""
        return self.kind == "tag" and self.value in names

    def create_scanner(self) -> TemplateScanner:
        """Return a scanner of the Liquid token's arguments or expression."""
        return TemplateScanner(self.source, *self.content_span)


def tokenize_template(source: str) -> list[TemplateToken]:
    """Split a Liquid template, given as single UTF-16 units, into tokens.

    Raises: LiquidError, when a tag, an output or raw text is not closed or a tag has no name.
    """
    return list(_trim_whitespace_around_dashes(list(_iter_template_tokens(source))))


def tokenize_liquid_tag_lines(scanner: TemplateScanner) -> list[TemplateToken]:
    """Split the lines of a `liquid` tag into tags without delimiters."""
    tokens: list[TemplateToken] = []
    scanner.skip_blanks()
    while not scanner.is_at_end():
        begin = scanner.position
        scanner.skip_past_character("\n")
        line = SourceSpan(begin, scanner.position)
        tokens.append(_create_tag_token(scanner.source, line, line, "illegal liquid tag syntax"))
        scanner.skip_blanks()
    return tokens


def _iter_template_tokens(source: str) -> Iterator[TemplateToken]:
    position = 0
    raw_tag: TemplateToken | None = None
    while position < len(source):
        if raw_tag is not None:
            token = _read_raw_text(source, position, raw_tag)
        elif source.startswith("{%", position):
            token = _read_tag_token(source, position)
        elif source.startswith("{{", position):
            token = _read_output_token(source, position)
        else:
            token = _create_text_token(
                source, position, _find_next_opening_delimiter(source, position)
            )
        if token.kind == "tag":
            raw_tag = token if token.value == "raw" and raw_tag is None else None
        yield token
        position = token.end


def _find_next_opening_delimiter(source: str, position: int) -> int:
    openings = [source.find(delimiter, position) for delimiter in ("{%", "{{")]
    return min((opening for opening in openings if opening >= 0), default=len(source))


def _create_text_token(source: str, begin: int, end: int) -> TemplateToken:
    return TemplateToken("text", source[begin:end], source, begin, end, SourceSpan(begin, end))


def _read_tag_token(source: str, begin: int) -> TemplateToken:
    closing = source.find("%}", begin + 1)
    if closing < 0:
        raise _create_unclosed_error("tag", source, begin, begin)
    span, content = SourceSpan(begin, closing + 2), SourceSpan(begin + 2, closing)
    return _create_tag_token(source, span, content, "illegal tag syntax, tag name expected")


def _create_tag_token(
    source: str, span: SourceSpan, content: SourceSpan, error_message: str
) -> TemplateToken:
    scanner = TemplateScanner(source, *_trim_dashes_and_blanks(source, content))
    scanner.skip_blanks()
    name = "#" if source.startswith("#", scanner.position) else scanner.read_name()
    if not name:
        raise scanner.create_tokenization_error(error_message)
    scanner.position += name == "#"
    scanner.skip_blanks()
    return TemplateToken("tag", name, source, *span, SourceSpan(scanner.position, scanner.end))


def _read_output_token(source: str, begin: int) -> TemplateToken:
    scanner = TemplateScanner(source, begin, len(source))
    while not scanner.is_at_end():
        # Braces inside quotes do not close the output.
        if scanner.read_quoted_source_text() is not None:
            continue
        scanner.position += 1
        if source.startswith("}}", scanner.position - 2):
            expression = _trim_dashes_and_blanks(
                source, SourceSpan(begin + 2, scanner.position - 2)
            )
            return TemplateToken("output", "", source, begin, scanner.position, expression)
    raise _create_unclosed_error("output", source, begin, begin)


def _trim_dashes_and_blanks(source: str, content: SourceSpan) -> SourceSpan:
    begin, end = content
    begin, end = begin + (source[begin] == "-"), end - (source[end - 1] == "-")
    while begin < end and source[begin] in BLANK_CHARACTERS:
        begin += 1
    while end > begin and source[end - 1] in BLANK_CHARACTERS:
        end -= 1
    return SourceSpan(begin, end)


def _read_raw_text(source: str, begin: int, raw_tag: TemplateToken) -> TemplateToken:
    """Read the Liquid text up to `{% endraw %}`, or that tag if it begins here."""
    scanner = TemplateScanner(source, begin, len(source))
    opening = _skip_past_tag_opening(scanner)
    while not scanner.is_at_end():
        if scanner.read_name() != "endraw":
            opening = _skip_past_tag_opening(scanner)
            continue
        closing = source.find("%}", scanner.position)
        next_opening = source.find("{%", scanner.position)
        if closing >= 0 and not 0 <= next_opening < closing:
            if begin == opening:
                return _read_tag_token(source, begin)
            return _create_text_token(source, begin, opening)
        if next_opening < 0:
            break
        scanner.position = next_opening + 2
    raise _create_unclosed_error("raw", source, raw_tag.begin, begin)


def _skip_past_tag_opening(scanner: TemplateScanner) -> int:
    """Move the scanner past the next `{%` and return its position; without one, to the end."""
    opening = scanner.source.find("{%", scanner.position)
    scanner.position = opening + 2 if opening >= 0 else scanner.end
    return opening


def _create_unclosed_error(kind: str, source: str, snapshot_begin: int, position: int) -> Exception:
    scanner = TemplateScanner(source, position, len(source))
    return scanner.create_tokenization_error(
        f"{kind} {scanner.format_source_excerpt(snapshot_begin)} not closed"
    )


def _trim_whitespace_around_dashes(tokens: list[TemplateToken]) -> Iterator[TemplateToken]:
    is_raw = False
    follows_dash = False
    for index, token in enumerate(tokens):
        if token.kind == "text":
            next_tokens = tokens[index + 1 : index + 2]
            precedes_dash = not is_raw and any(map(_has_opening_dash, next_tokens))
            yield _trim_text_token(token, trim_left=follows_dash, trim_right=precedes_dash)
            follows_dash = False
            continue
        is_raw = token.value == "raw" or (is_raw and token.value != "endraw")
        follows_dash = not is_raw and token.source[token.end - 3] == "-"
        yield token


def _has_opening_dash(token: TemplateToken) -> bool:
    return token.source[token.begin + 2] == "-"


def _trim_text_token(token: TemplateToken, *, trim_left: bool, trim_right: bool) -> TemplateToken:
    value = token.value.lstrip(BLANK_CHARACTERS) if trim_left else token.value
    value = value.rstrip(BLANK_CHARACTERS) if trim_right else value
    return replace(token, value=value)
