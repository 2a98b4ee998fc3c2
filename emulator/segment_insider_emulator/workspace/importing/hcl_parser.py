"""A parser of Terraform's configuration language that reads literals and keeps the rest as text.

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

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.workspace.importing.values import Encoded, Template, Unknown, Value

_BLANK = re.compile(r"(?:[ \t\r]++|#[^\n]*+|//[^\n]*+)*+")
_NAME = re.compile(r"[^\W\d][\w-]*+")
_NUMBER = re.compile(r"\d++(?:\.\d++)?+(?:[eE][-+]?+\d++)?+")
_HEREDOC = re.compile(r"<<(-?)([^\W\d][\w-]*+)[ \t]*+\r?+\n")
_TEXT = re.compile(r'[^"\\$%\n]++')  # in quotes
_TEMPLATE_TEXT = re.compile(r"[^$%]++")  # in a heredoc, or in a text of JSON syntax
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))")
_OTHER = re.compile(r'[^\s"#/<()\[\]{},]++')  # of an expression that is passed over
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
_WORDS = {"true": True, "false": False, "null": None}
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class HclFault(ValueError):
    """The text is not HCL. Its argument is the position."""


class TooDeep(ValueError):
    """The text nests deeper than MAX_DEPTH levels."""


class NoCharacter(ValueError):
    """An escape whose number no character has; the text is the escape."""


@dataclass(slots=True)
class Body:
    """What stands between the braces of a block, or in a whole file."""

    attributes: dict[str, Value] = field(default_factory=dict)
    blocks: list["Block"] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Block:
    """A block, e.g. `resource "segment_source" "web" {…}`."""

    kind: str
    labels: list[str]
    body: Body


def parse_file(text: str) -> Body:
    """Read a whole file. Raises: HclFault, TooDeep, NoCharacter."""
    return _Parser(text).body("")


def parse_template(text: str) -> Value:
    """Read a text of the JSON syntax, in which `${…}` is an expression. Raises: as parse_file."""
    return _Parser(text).template(_TEMPLATE_TEXT, len(text))


class _Parser:
    def __init__(self, text: str, depth: int = 0) -> None:
        self._text = text
        self._at = 0
        self._depth = depth
        self._line_ends = True  # whether a line's end is an expression's

    def _skip_blanks(self, *, lines: bool) -> None:
        """Pass over blanks and comments, and over ends of lines where they mean nothing."""
        while True:
            found = _BLANK.match(self._text, self._at)
            self._at = found.end() if found else self._at
            if self._text.startswith("/*", self._at):
                end = self._text.find("*/", self._at + 2)
                if end < 0:
                    raise HclFault(self._at)
                self._at = end + 2
            elif lines and self._next() == "\n":
                self._at += 1
            else:
                return

    def _next(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self, character: str) -> bool:
        if self._next() == character:
            self._at += 1
            return True
        return False

    def _expect(self, character: str) -> None:
        if not self._take(character):
            raise HclFault(self._at)

    @contextmanager
    def _inside(self, *, line_ends: bool) -> Iterator[None]:
        """One level deeper, where a line's end is the end of an expression or is not."""
        before, self._line_ends = self._line_ends, line_ends
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooDeep
        yield
        self._depth -= 1
        self._line_ends = before

    def body(self, closing: str) -> Body:
        """Everything up to *closing*; "" is the end of the file."""
        found = Body()
        while True:
            self._skip_blanks(lines=True)
            if self._next() == closing:
                self._at += len(closing)
                return found
            self._entry(found)

    def _entry(self, found: Body) -> None:
        name = self._name()
        self._skip_blanks(lines=False)
        if self._take("="):
            self._skip_blanks(lines=False)
            found.attributes[name] = self.value()
            return
        labels = []
        while not self._take("{"):
            labels.append(self._label())
            self._skip_blanks(lines=False)
        with self._inside(line_ends=True):
            found.blocks.append(Block(name, labels, self.body("}")))

    def _label(self) -> str:
        if not self._take('"'):
            return self._name()
        label = self.template(_TEXT, None)
        if not isinstance(label, str):
            raise HclFault(self._at)
        return label

    def _name(self) -> str:
        found = _NAME.match(self._text, self._at)
        if not found:
            raise HclFault(self._at)
        self._at = found.end()
        return found[0]

    def value(self) -> Value:
        """Return one expression: its value where it is a literal, and otherwise its text."""
        start = self._at
        found = self._operand()
        self._skip_blanks(lines=not self._line_ends)
        if self._at_end():
            if self._at == start:
                raise HclFault(start)
            return found
        self._pass_over()
        return Unknown(self._text[start : self._at].strip())

    def _at_end(self) -> bool:
        return self._next() in ("", ",", ")", "]", "}", "\n") or self._text.startswith(
            "~}", self._at
        )

    def _operand(self) -> Value:
        match self._next():
            case '"':
                self._at += 1
                return self.template(_TEXT, None)
            case "[":
                return self._list()
            case "{":
                return self._object()
            case "(":
                return self._parenthesis()
            case "<" if heredoc := _HEREDOC.match(self._text, self._at):
                return self._heredoc(heredoc)
            case "-":
                return self._negative()
        return self._named() if (number := self._number()) is None else number

    def _negative(self) -> Value:
        start = self._at
        self._at += 1
        self._skip_blanks(lines=False)
        number = self._number()
        if number is None or isinstance(number, Unknown):
            return Unknown(self._text[start : self._at])
        return -number

    def _number(self) -> int | float | Unknown | None:
        found = _NUMBER.match(self._text, self._at)
        if not found:
            return None
        self._at = found.end()
        return _number(found[0])

    def _named(self) -> Value:
        """A word of the language, a call, or the name of a value."""
        start = self._at
        name = _NAME.match(self._text, start)
        if not name:
            return Unknown("")
        self._at = name.end()
        if self._next() == "(":
            if name[0] == "jsonencode":
                self._at += 1
                return self._encoded()
            self._pass_over_brackets()
        if name[0] in _WORDS and self._next() not in (".", "["):
            return _WORDS[name[0]]
        self._pass_over_path()
        return Unknown(self._text[start : self._at])

    def _pass_over_path(self) -> None:
        while (after := self._next()) and after in ".[":
            if after == "[":
                self._pass_over_brackets()
                continue
            self._at += 1
            step = _NAME.match(self._text, self._at) or _NUMBER.match(self._text, self._at)
            self._at = step.end() if step else self._at + (self._next() == "*")

    def _encoded(self) -> Encoded:
        with self._inside(line_ends=False):
            self._skip_blanks(lines=True)
            found = self.value()
            self._take(",")
            self._skip_blanks(lines=True)
            self._expect(")")
        return Encoded(found)

    def _parenthesis(self) -> Value:
        self._at += 1
        with self._inside(line_ends=False):
            self._skip_blanks(lines=True)
            found = self.value()
            self._expect(")")
        return found

    def _list(self) -> Value:
        start = self._at
        self._at += 1
        found = []
        with self._inside(line_ends=False):
            self._skip_blanks(lines=True)
            if self._is_loop():
                return self._loop(start)
            while not self._take("]"):
                found.append(self.value())
                if not self._take(",") and self._next() != "]":
                    raise HclFault(self._at)
                self._skip_blanks(lines=True)
        return found

    def _object(self) -> Value:
        start = self._at
        self._at += 1
        found = {}
        with self._inside(line_ends=True):
            self._skip_blanks(lines=True)
            if self._is_loop():
                return self._loop(start)
            while not self._take("}"):
                key, value = self._member()
                found[key] = value
                if not self._take(",") and self._next() not in ("}", "\n"):
                    raise HclFault(self._at)
                self._skip_blanks(lines=True)
        return found

    def _member(self) -> tuple[str, Value]:
        start = self._at
        key = self._key()
        written = self._text[start : self._at]
        self._skip_blanks(lines=False)
        if not self._take("=") and not self._take(":"):
            raise HclFault(self._at)
        self._skip_blanks(lines=False)
        value = self.value()
        if isinstance(key, str):
            return key, value
        return written, Unknown(written, reason=f"only Terraform knows the key {written}")

    def _key(self) -> Value:
        if self._take('"'):
            return self.template(_TEXT, None)
        if self._next() == "(":
            return self._parenthesis()
        if (number := self._number()) is not None:
            return number if isinstance(number, Unknown) else str(number)
        name = self._name()
        if self._next() not in (".", "["):
            return name
        self._pass_over_path()
        return Unknown("")

    def _is_loop(self) -> bool:
        found = _NAME.match(self._text, self._at)
        after = self._text[found.end() : found.end() + 1] if found else ""
        return bool(found and found[0] == "for" and after.isspace())

    def _loop(self, start: int) -> Unknown:
        """A `for` expression, whose opening bracket was read."""
        self._at = start
        self._pass_over_brackets()
        return Unknown(self._text[start : self._at])

    def _pass_over(self) -> None:
        """Go to the end of an expression."""
        while True:
            self._skip_blanks(lines=not self._line_ends)
            if self._at_end():
                return
            if self._next() in _CLOSING:
                self._pass_over_brackets()
            else:
                self._pass_over_word()

    def _pass_over_brackets(self) -> None:
        """Go behind the bracket that closes the next one."""
        expected = []
        while True:
            character = self._next()
            if character in _CLOSING:
                expected.append(_CLOSING[character])
                self._at += 1
            elif character == expected[-1]:
                self._at += 1
                expected.pop()
                if not expected:
                    return
            elif character in ("", ")", "]", "}"):
                raise HclFault(self._at)
            else:
                self._pass_over_word()
            if len(expected) + self._depth > MAX_DEPTH:
                raise TooDeep
            self._skip_blanks(lines=True)

    def _pass_over_word(self) -> None:
        if self._take('"'):
            with self._inside(line_ends=self._line_ends):
                self.template(_TEXT, None)
        elif heredoc := _HEREDOC.match(self._text, self._at):
            self._heredoc(heredoc)
        else:
            found = _OTHER.match(self._text, self._at)
            self._at = found.end() if found else self._at + 1

    def _heredoc(self, opening: re.Match[str]) -> Value:
        closing = re.compile(rf"^[ \t]*+{re.escape(opening[2])}[ \t]*+\r?$", re.MULTILINE)
        found = closing.search(self._text, opening.end())
        if not found:
            raise HclFault(self._at)
        inside = self._text[opening.end() : found.start()]
        self._at = found.end()
        inner = _Parser(_unindented(inside) if opening[1] else inside, self._depth + 1)
        if inner._depth > MAX_DEPTH:
            raise TooDeep
        return inner.template(_TEMPLATE_TEXT, len(inner._text))

    def template(self, plain: re.Pattern[str], end: int | None) -> Value:
        """Return a text and what is put into it, up to *end*; None is up to the closing quote."""
        start, parts = self._at, []
        while self._at != end if end is not None else self._next() != '"':
            parts.append(self._part(plain))
        written = self._text[start : self._at]
        self._at += end is None
        if all(isinstance(part, str) for part in parts):
            return "".join(parts)
        if len(parts) == 1:
            return parts[0]
        return Template(parts, written)

    def _part(self, plain: re.Pattern[str]) -> Value:
        if found := plain.match(self._text, self._at):
            self._at = found.end()
            return found[0]
        marker = self._text[self._at : self._at + 3]
        if marker in ("$${", "%%{"):
            self._at += 3
            return marker[1:]
        if marker[:2] in ("${", "%{"):
            return self._interpolation()
        if marker[:1] in ("$", "%"):
            self._at += 1
            return marker[0]
        escape = _ESCAPE.match(self._text, self._at)
        if not escape:
            raise HclFault(self._at)
        self._at = escape.end()
        return _unescaped(escape)

    def _interpolation(self) -> Value:
        start = self._at
        if self._next() == "%":  # a directive: which of the text stays is not known
            self._at += 1
            self._pass_over_brackets()
            return Unknown(self._text[start : self._at])
        self._at += 2
        self._take("~")
        with self._inside(line_ends=False):
            self._skip_blanks(lines=True)
            found = self.value()
            self._take("~")
            self._expect("}")
        return found


def _number(text: str) -> int | float | Unknown:
    number = float(text)
    if not math.isfinite(number):
        return Unknown(text)
    return int(text.lstrip("0") or "0") if text.isdecimal() and number < 2**63 else number


def _unescaped(match: re.Match[str]) -> str:
    short, long, plain = match.groups()
    if plain:
        return _PLAIN.get(plain, plain)
    number = int(short or long, 16)
    if number > sys.maxunicode or 0xD800 <= number < 0xE000:
        raise NoCharacter(match[0])
    return chr(number)


def _unindented(text: str) -> str:
    """*text* without the blanks that all its lines begin with."""
    lines = text.split("\n")
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines if line.strip()]
    least = min(indents, default=0)
    return "\n".join(line[least:] if line.strip() else "" for line in lines)
