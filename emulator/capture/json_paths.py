"""Paths into captured messages, such as `$.properties.products[0].id`, in Python and in SQL."""

import re
from dataclasses import dataclass

import orjson
from sqlalchemy import ColumnElement, and_, func, or_

from emulator.errors import EmulatorError
from emulator.types import JSON

LONGEST = 400  # characters
EXAMPLE = "Write it like $.properties.cart_id or $.properties.products[0].price."
_STEP = re.compile(r"""\.?([^\s.\[\]"'=]+)|\[(\d{1,6})\]|\["([^"\\]+)"\]""")


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A place in a message: names of members and numbers of list entries.

    Raises: EmulatorError, from `parse`, for what is no path.
    """

    steps: tuple[str | int, ...]

    @classmethod
    def parse(cls, text: str, where: str = "path") -> "JsonPath":
        """Read a path; its `$` may be left out."""
        rest = text.strip().removeprefix("$")
        steps: list[str | int] = []
        while rest and len(text) <= LONGEST:
            found = _STEP.match(rest)
            if found is None:
                break
            name, number, quoted = found.groups()
            steps.append(int(number) if number else name or quoted)
            rest = rest[found.end() :]
        if rest or not steps:
            raise EmulatorError(f"{text[:60]!r} is no path", where, EXAMPLE)
        return cls(tuple(steps))

    def __str__(self) -> str:
        return "$" + "".join(
            f"[{step}]" if isinstance(step, int) else _member(step) for step in self.steps
        )

    def find(self, value: JSON) -> JSON:
        """What *value* has there; None also for nothing."""
        for step in self.steps:
            if isinstance(step, int):
                value = value[step] if isinstance(value, list) and step < len(value) else None
            else:
                value = value.get(step) if isinstance(value, dict) else None
        return value

    @property
    def _sqlite(self) -> str:
        return "$" + "".join(
            f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in self.steps
        )

    def is_in(self, document: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether the JSON text *document* has anything there, null included."""
        found = func.json_type(document, self._sqlite).is_not(None)
        named = [f"{_text(step)}:" for step in self.steps if isinstance(step, str)]
        return and_(_holds_any(document, named[-1:]), found) if named else found

    def equals(self, document: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
        """Whether it has *wanted* there: a JSON value such as 8.5 or true, or a text."""
        text = _text(wanted)
        places = [wanted] if wanted in text else [wanted, text]
        found = document.op("->")(self._sqlite).in_({wanted, text})
        return and_(_holds_any(document, places), found)


def _holds_any(document: ColumnElement[str], texts: list[str]) -> ColumnElement[bool]:
    """Whether one of *texts* stands anywhere in *document*, which is kept without spaces.

    Looking for a text costs less than reading the JSON, and leaves few documents to be read.
    """
    return or_(*(func.instr(document, each) > 0 for each in texts))


def _text(value: str) -> str:
    """*value* as JSON writes it."""
    return orjson.dumps(value).decode()


def _member(name: str) -> str:
    return f".{name}" if re.fullmatch(r"[^\s.\[\]\"'=]+", name) else f'["{name}"]'
