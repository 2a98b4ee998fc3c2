"""Parser of HCL, Terraform's language: reads literals, keeps other expressions as text.

It reads each character once: its time grows with the length of the text.

Why not python-hcl2, which is built on Lark (compared with 8.1.4): it refuses whole files of valid
configuration, such as names with letters beyond ASCII and `${~ … ~}`. It takes more than ten
seconds for the million characters that are read here; this parser takes less than one. It gives
each expression as one text, so that `jsonencode({…})`, templates, heredocs, escapes and numbers
would still be read here. The tests use it as a second reader of what an export writes.
Source: HashiCorp, HCL native syntax specification; Terraform, "Strings and templates".
"""

import math
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from segment_insider_emulator.interchange.import_resources import (
    ImportValue,
    JsonEncodeCall,
    TemplateValue,
    UnknownValue,
)
from segment_insider_emulator.json_text import MAX_DEPTH

_BLANK_OR_COMMENT = re.compile(r"(?:[ \t\r]++|#[^\n]*+|//[^\n]*+)*+")
_NAME = re.compile(r"[^\W\d][\w-]*+")
_NUMBER = re.compile(r"\d++(?:\.\d++)?+(?:[eE][-+]?+\d++)?+")
_HEREDOC = re.compile(r"<<(-?)([^\W\d][\w-]*+)[ \t]*+\r?+\n")
_QUOTED_TEXT = re.compile(r'[^"\\$%\n]++')  # in quotes
_TEMPLATE_TEXT = re.compile(r"[^$%]++")  # in a heredoc, or in a string of the JSON syntax
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_SKIPPED_TEXT = re.compile(r'[^\s"#/<()\[\]{},]++')  # in an expression that is skipped
_SIMPLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_LITERAL_WORDS = {"true": True, "false": False, "null": None}
_CLOSING_BRACKETS = {"(": ")", "[": "]", "{": "}"}


class HclSyntaxError(ValueError):
    """The text is not valid HCL; the argument is the position of the error."""


class HclTooDeep(ValueError):
    """The HCL text is nested deeper than MAX_DEPTH levels."""


class InvalidHclEscape(ValueError):
    """A Unicode escape in HCL text encodes no character; the argument is the escape."""


@dataclass(slots=True)
class HclBody:
    """The attributes and blocks of an HCL file or of an HCL block."""

    attributes: dict[str, ImportValue] = field(default_factory=dict)
    blocks: list["HclBlock"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HclBlock:
    """An HCL block, e.g. `resource "segment_source" "web" {…}`."""

    kind: str
    labels: list[str]
    body: HclBody


def parse_hcl_file(text: str) -> HclBody:
    """Parse a whole .tf file. Raises: HclSyntaxError, HclTooDeep, InvalidHclEscape."""
    return _HclParser(text).parse_body("")


def parse_hcl_template(text: str) -> ImportValue:
    """Parse a string of the JSON syntax with its `${…}` parts. Raises: as parse_hcl_file."""
    return _HclParser(text).parse_template(_TEMPLATE_TEXT, len(text))


class _HclParser:
    def __init__(self, text: str, depth: int = 0) -> None:
        self._text = text
        self._position = 0
        self._depth = depth
        self._line_ends = True  # whether a line end ends an expression

    def _skip_blanks_and_comments(self, *, lines: bool) -> None:
        """Skip blanks and comments of HCL text, and line ends when *lines* is true."""
        while True:
            match = _BLANK_OR_COMMENT.match(self._text, self._position)
            self._position = match.end() if match else self._position
            if self._text.startswith("/*", self._position):
                end = self._text.find("*/", self._position + 2)
                if end < 0:
                    raise HclSyntaxError(self._position)
                self._position = end + 2
            elif lines and self._peek_character() == "\n":
                self._position += 1
            else:
                return

    def _peek_character(self) -> str:
        return self._text[self._position : self._position + 1]

    def _accept_character(self, character: str) -> bool:
        if self._peek_character() == character:
            self._position += 1
            return True
        return False

    def _expect_character(self, character: str) -> None:
        if not self._accept_character(character):
            raise HclSyntaxError(self._position)

    @contextmanager
    def _enter_nesting_level(self, *, line_ends: bool) -> Iterator[None]:
        """Enter one nesting level of HCL text; *line_ends*: a line end ends an expression."""
        outer, self._line_ends = self._line_ends, line_ends
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise HclTooDeep
        yield
        self._depth -= 1
        self._line_ends = outer

    def parse_body(self, closing: str) -> HclBody:
        """Parse HCL attributes and blocks up to *closing*; "" is the end of the file."""
        body = HclBody()
        while True:
            self._skip_blanks_and_comments(lines=True)
            if self._peek_character() == closing:
                self._position += len(closing)
                return body
            self._parse_attribute_or_block(body)

    def _parse_attribute_or_block(self, body: HclBody) -> None:
        name = self._parse_identifier()
        self._skip_blanks_and_comments(lines=False)
        if self._accept_character("="):
            self._skip_blanks_and_comments(lines=False)
            body.attributes[name] = self.parse_value()
            return
        labels = []
        while not self._accept_character("{"):
            labels.append(self._parse_label())
            self._skip_blanks_and_comments(lines=False)
        with self._enter_nesting_level(line_ends=True):
            body.blocks.append(HclBlock(name, labels, self.parse_body("}")))

    def _parse_label(self) -> str:
        if not self._accept_character('"'):
            return self._parse_identifier()
        label = self.parse_template(_QUOTED_TEXT, None)
        if not isinstance(label, str):
            raise HclSyntaxError(self._position)
        return label

    def _parse_identifier(self) -> str:
        match = _NAME.match(self._text, self._position)
        if not match:
            raise HclSyntaxError(self._position)
        self._position = match.end()
        return match[0]

    def parse_value(self) -> ImportValue:
        """Parse one HCL expression: return a literal's value, otherwise an UnknownValue."""
        start = self._position
        value = self._parse_operand()
        self._skip_blanks_and_comments(lines=not self._line_ends)
        if self._is_expression_end():
            if self._position == start:
                raise HclSyntaxError(start)
            return value
        self._skip_expression()
        return UnknownValue(self._text[start : self._position].strip())

    def _is_expression_end(self) -> bool:
        return self._peek_character() in ("", ",", ")", "]", "}", "\n") or self._text.startswith(
            "~}", self._position
        )

    def _parse_operand(self) -> ImportValue:
        match self._peek_character():
            case '"':
                self._position += 1
                return self.parse_template(_QUOTED_TEXT, None)
            case "[":
                return self._parse_list()
            case "{":
                return self._parse_object()
            case "(":
                return self._parse_parenthesis()
            case "<" if heredoc := _HEREDOC.match(self._text, self._position):
                return self._parse_heredoc(heredoc)
            case "-":
                return self._parse_negative_number()
        return (
            self._parse_keyword_call_or_reference()
            if (number := self._parse_number()) is None
            else number
        )

    def _parse_negative_number(self) -> ImportValue:
        start = self._position
        self._position += 1
        self._skip_blanks_and_comments(lines=False)
        number = self._parse_number()
        if number is None or isinstance(number, UnknownValue):
            return UnknownValue(self._text[start : self._position])
        return -number

    def _parse_number(self) -> int | float | UnknownValue | None:
        match = _NUMBER.match(self._text, self._position)
        if not match:
            return None
        self._position = match.end()
        return _convert_hcl_number(match[0])

    def _parse_keyword_call_or_reference(self) -> ImportValue:
        """Parse an HCL keyword such as true, a function call, or a reference."""
        start = self._position
        name = _NAME.match(self._text, start)
        if not name:
            return UnknownValue("")
        self._position = name.end()
        if self._peek_character() == "(":
            if name[0] == "jsonencode":
                self._position += 1
                return self._parse_jsonencode()
            self._skip_brackets()
        if name[0] in _LITERAL_WORDS and self._peek_character() not in (".", "["):
            return _LITERAL_WORDS[name[0]]
        self._skip_reference_path()
        return UnknownValue(self._text[start : self._position])

    def _skip_reference_path(self) -> None:
        while (next_character := self._peek_character()) and next_character in ".[":
            if next_character == "[":
                self._skip_brackets()
                continue
            self._position += 1
            step = _NAME.match(self._text, self._position) or _NUMBER.match(
                self._text, self._position
            )
            self._position = (
                step.end() if step else self._position + (self._peek_character() == "*")
            )

    def _parse_jsonencode(self) -> JsonEncodeCall:
        with self._enter_nesting_level(line_ends=False):
            self._skip_blanks_and_comments(lines=True)
            value = self.parse_value()
            self._accept_character(",")
            self._skip_blanks_and_comments(lines=True)
            self._expect_character(")")
        return JsonEncodeCall(value)

    def _parse_parenthesis(self) -> ImportValue:
        self._position += 1
        with self._enter_nesting_level(line_ends=False):
            self._skip_blanks_and_comments(lines=True)
            value = self.parse_value()
            self._expect_character(")")
        return value

    def _parse_list(self) -> ImportValue:
        start = self._position
        self._position += 1
        items = []
        with self._enter_nesting_level(line_ends=False):
            self._skip_blanks_and_comments(lines=True)
            if self._is_for_expression():
                return self._skip_for_expression(start)
            while not self._accept_character("]"):
                items.append(self.parse_value())
                if not self._accept_character(",") and self._peek_character() != "]":
                    raise HclSyntaxError(self._position)
                self._skip_blanks_and_comments(lines=True)
        return items

    def _parse_object(self) -> ImportValue:
        start = self._position
        self._position += 1
        members = {}
        with self._enter_nesting_level(line_ends=True):
            self._skip_blanks_and_comments(lines=True)
            if self._is_for_expression():
                return self._skip_for_expression(start)
            while not self._accept_character("}"):
                key, value = self._parse_object_member()
                members[key] = value
                if not self._accept_character(",") and self._peek_character() not in ("}", "\n"):
                    raise HclSyntaxError(self._position)
                self._skip_blanks_and_comments(lines=True)
        return members

    def _parse_object_member(self) -> tuple[str, ImportValue]:
        start = self._position
        key = self._parse_object_key()
        written = self._text[start : self._position]
        self._skip_blanks_and_comments(lines=False)
        if not self._accept_character("=") and not self._accept_character(":"):
            raise HclSyntaxError(self._position)
        self._skip_blanks_and_comments(lines=False)
        value = self.parse_value()
        if isinstance(key, str):
            return key, value
        return written, UnknownValue(written, reason=f"only Terraform knows the key {written}")

    def _parse_object_key(self) -> ImportValue:
        if self._accept_character('"'):
            return self.parse_template(_QUOTED_TEXT, None)
        if self._peek_character() == "(":
            return self._parse_parenthesis()
        if (number := self._parse_number()) is not None:
            return number if isinstance(number, UnknownValue) else str(number)
        name = self._parse_identifier()
        if self._peek_character() not in (".", "["):
            return name
        self._skip_reference_path()
        return UnknownValue("")

    def _is_for_expression(self) -> bool:
        match = _NAME.match(self._text, self._position)
        next_character = self._text[match.end() : match.end() + 1] if match else ""
        return bool(match and match[0] == "for" and next_character.isspace())

    def _skip_for_expression(self, start: int) -> UnknownValue:
        """Skip an HCL `for` expression after its opening bracket."""
        self._position = start
        self._skip_brackets()
        return UnknownValue(self._text[start : self._position])

    def _skip_expression(self) -> None:
        """Skip to the end of an HCL expression."""
        while True:
            self._skip_blanks_and_comments(lines=not self._line_ends)
            if self._is_expression_end():
                return
            if self._peek_character() in _CLOSING_BRACKETS:
                self._skip_brackets()
            else:
                self._skip_word()

    def _skip_brackets(self) -> None:
        """Skip to the end of the HCL bracket pair that opens here."""
        expected = []
        while True:
            character = self._peek_character()
            if character in _CLOSING_BRACKETS:
                expected.append(_CLOSING_BRACKETS[character])
                self._position += 1
            elif character == expected[-1]:
                self._position += 1
                expected.pop()
                if not expected:
                    return
            elif character in ("", ")", "]", "}"):
                raise HclSyntaxError(self._position)
            else:
                self._skip_word()
            if len(expected) + self._depth > MAX_DEPTH:
                raise HclTooDeep
            self._skip_blanks_and_comments(lines=True)

    def _skip_word(self) -> None:
        if self._accept_character('"'):
            with self._enter_nesting_level(line_ends=self._line_ends):
                self.parse_template(_QUOTED_TEXT, None)
        elif heredoc := _HEREDOC.match(self._text, self._position):
            self._parse_heredoc(heredoc)
        else:
            match = _SKIPPED_TEXT.match(self._text, self._position)
            self._position = match.end() if match else self._position + 1

    def _parse_heredoc(self, opening: re.Match[str]) -> ImportValue:
        closing = re.compile(rf"^[ \t]*+{re.escape(opening[2])}[ \t]*+\r?$", re.MULTILINE)
        end = closing.search(self._text, opening.end())
        if not end:
            raise HclSyntaxError(self._position)
        content = self._text[opening.end() : end.start()]
        self._position = end.end()
        inner = _HclParser(
            _remove_common_indent(content) if opening[1] else content, self._depth + 1
        )
        if inner._depth > MAX_DEPTH:
            raise HclTooDeep
        return inner.parse_template(_TEMPLATE_TEXT, len(inner._text))

    def parse_template(self, plain_text: re.Pattern[str], end: int | None) -> ImportValue:
        """Parse an HCL template up to *end*, or up to the closing quote when *end* is None."""
        start, parts = self._position, []
        while self._position != end if end is not None else self._peek_character() != '"':
            parts.append(self._parse_text_or_interpolation(plain_text))
        written = self._text[start : self._position]
        self._position += end is None
        if all(isinstance(part, str) for part in parts):
            return "".join(parts)
        if len(parts) == 1:
            return parts[0]
        return TemplateValue(parts, written)

    def _parse_text_or_interpolation(self, plain_text: re.Pattern[str]) -> ImportValue:
        if match := plain_text.match(self._text, self._position):
            self._position = match.end()
            return match[0]
        marker = self._text[self._position : self._position + 3]
        if marker in ("$${", "%%{"):
            self._position += 3
            return marker[1:]
        if marker[:2] in ("${", "%{"):
            return self._parse_interpolation()
        if marker[:1] in ("$", "%"):
            self._position += 1
            return marker[0]
        escape = _ESCAPE.match(self._text, self._position)
        if not escape:
            raise HclSyntaxError(self._position)
        self._position = escape.end()
        return _decode_hcl_escape(escape)

    def _parse_interpolation(self) -> ImportValue:
        start = self._position
        if self._peek_character() == "%":  # a template directive: the resulting text is unknown
            self._position += 1
            self._skip_brackets()
            return UnknownValue(self._text[start : self._position])
        self._position += 2
        self._accept_character("~")
        with self._enter_nesting_level(line_ends=False):
            self._skip_blanks_and_comments(lines=True)
            value = self.parse_value()
            self._accept_character("~")
            self._expect_character("}")
        return value


def _convert_hcl_number(text: str) -> int | float | UnknownValue:
    number = float(text)
    if not math.isfinite(number):
        return UnknownValue(text)
    return int(text.lstrip("0") or "0") if text.isdecimal() and number < 2**63 else number


def _decode_hcl_escape(match: re.Match[str]) -> str:
    short, long, plain = match.groups()
    if plain:
        return _SIMPLE_ESCAPES.get(plain, plain)
    number = int(short or long, 16)
    if number > sys.maxunicode or 0xD800 <= number < 0xE000:
        raise InvalidHclEscape(match[0])
    return chr(number)


def _remove_common_indent(text: str) -> str:
    """Remove the indentation that all lines of a heredoc share."""
    lines = text.split("\n")
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
    least = min(indents, default=0)
    return "\n".join(line[least:] if line.strip() else "" for line in lines)
