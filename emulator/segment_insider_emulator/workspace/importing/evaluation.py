"""What names of Terraform's configuration stand for, where the files of one folder say so."""

import re
from dataclasses import replace

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.workspace.importing.hcl_parser import TooDeep
from segment_insider_emulator.workspace.importing.values import (
    Encoded,
    Template,
    Unknown,
    Value,
    encoded_text,
    with_encoded_texts,
)

# What one folder may stand for: locals that name locals grow faster than their text.
MAXIMUM_VALUES = 500_000
MAXIMUM_CHARACTERS = 5_000_000
_STEP = re.compile(r'\.([\w-]+)|\[(\d+)\]|\["([^"\\$%]*)"\]')


class TooMuch(ValueError):
    """The configuration stands for more values or longer texts than are read."""


class Evaluation:
    """Replaces names by their values.

    Args:
        definitions: Name such as "var.currency", "local.orders" or "segment_source.web" -> value.
    """

    def __init__(self, definitions: dict[str, Value]) -> None:
        self._definitions = definitions
        self._open: list[str] = []
        self._depth = 0
        self._values = MAXIMUM_VALUES
        self._characters = MAXIMUM_CHARACTERS

    def value(self, value: Value, where: str) -> Value:
        """Return *value* with JSON, Encoded and Unknown left in it, each Unknown with its place.

        Raises: TooMuch, TooDeep.
        """
        self._values -= 1
        if self._values < 0:
            raise TooMuch
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise TooDeep
        found = self._found(value, where)
        self._depth -= 1
        return found

    def _found(self, value: Value, where: str) -> Value:
        match value:
            case dict():
                return {key: self.value(child, f"{where}.{key}") for key, child in value.items()}
            case list():
                return [self.value(child, f"{where}[{at}]") for at, child in enumerate(value)]
            case Encoded():
                return Encoded(with_encoded_texts(self.value(value.value, where), self._text))
            case Template():
                return self._joined(value, where)
            case Unknown():
                return self._named(value, where)
        return value

    def _named(self, unknown: Unknown, where: str) -> Value:
        name, steps = _split(unknown.text)
        if name not in self._definitions or name in self._open:
            return replace(unknown, where=where)
        value = self._definitions[name]
        if name.partition(".")[0] not in ("var", "local", "data"):
            # A resource with `count` or `for_each` is named with an index.
            steps = [step for step in steps if isinstance(step, str)]
        for at, step in enumerate(steps):
            if isinstance(value, Unknown):
                return self.value(_extended(value, steps[at:]), where)
            if not _has(value, step):
                return replace(_extended(Unknown(name), steps), where=where)
            value = value[step]
        self._open.append(name)
        found = self.value(value, where)
        self._open.pop()
        return found

    def _joined(self, template: Template, where: str) -> str | Unknown:
        parts = [self.value(part, where) for part in template.parts]
        texts = [self._as_text(part) for part in parts]
        if any(text is None for text in texts):
            return Unknown(f'"{template.text}"', where)
        return self._counted("".join(text or "" for text in texts))

    def _as_text(self, part: Value) -> str | None:
        if isinstance(part, Encoded):
            part = self._text(part)
        if isinstance(part, bool):
            return "true" if part else "false"
        if isinstance(part, float) and part.is_integer():
            part = int(part)
        return str(part) if isinstance(part, str | int | float) else None

    def _counted(self, text: str) -> str:
        self._characters -= len(text)
        if self._characters < 0:
            raise TooMuch
        return text

    def _text(self, encoded: Encoded) -> str | Unknown:
        text = encoded_text(encoded)
        return self._counted(text) if isinstance(text, str) else text


def _split(text: str) -> tuple[str, list[str | int]]:
    """A name such as `local.a.b[0]` as what is defined, "local.a", and the steps below it."""
    words = 3 if text.startswith("data.") else 2
    head = re.match(rf"[^\W\d][\w-]*+(?:\.[\w-]++){{{words - 1}}}", text)
    if not head:
        return "", []
    steps: list[str | int] = []
    at = head.end()
    while found := _STEP.match(text, at):
        name, index, key = found.groups()
        steps.append(int(index) if index else name or key)
        at = found.end()
    return (head[0], steps) if at == len(text) else ("", [])


def _extended(unknown: Unknown, steps: list[str | int]) -> Unknown:
    below = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return Unknown(unknown.text + below)


def _has(value: Value, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value
