"""What names of Terraform's configuration stand for, where the files of one folder say so."""

import re
from dataclasses import replace

from segment_insider_emulator.depth import MAX_DEPTH
from segment_insider_emulator.workspace.importing.hcl_parser import HclTooDeep
from segment_insider_emulator.workspace.importing.values import (
    ImportValue,
    JsonEncodedValue,
    TemplateValue,
    UnknownValue,
    encode_json_text,
    replace_encoded_values,
)

# What one folder may stand for: locals that name locals grow faster than their text.
MAX_EVALUATED_VALUES = 500_000
MAX_EVALUATED_CHARACTERS = 5_000_000
_PATH_STEP = re.compile(r'\.([\w-]+)|\[(\d+)\]|\["([^"\\$%]*)"\]')


class HclEvaluationLimitExceeded(ValueError):
    """The configuration stands for more values or longer texts than are read."""


class HclEvaluator:
    """Replaces names by their values.

    Args:
        definitions: Name such as "var.currency", "local.orders" or "segment_source.web" -> value.
    """

    def __init__(self, definitions: dict[str, ImportValue]) -> None:
        self._definitions = definitions
        self._names_in_evaluation: list[str] = []
        self._depth = 0
        self._values_left = MAX_EVALUATED_VALUES
        self._characters_left = MAX_EVALUATED_CHARACTERS

    def evaluate(self, value: ImportValue, where: str) -> ImportValue:
        """Return *value* with JSON, Encoded and Unknown left in it, each Unknown with its place.

        Raises: TooMuch, TooDeep.
        """
        self._values_left -= 1
        if self._values_left < 0:
            raise HclEvaluationLimitExceeded
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise HclTooDeep
        found = self._evaluate_by_kind(value, where)
        self._depth -= 1
        return found

    def _evaluate_by_kind(self, value: ImportValue, where: str) -> ImportValue:
        match value:
            case dict():
                return {key: self.evaluate(child, f"{where}.{key}") for key, child in value.items()}
            case list():
                return [self.evaluate(child, f"{where}[{at}]") for at, child in enumerate(value)]
            case JsonEncodedValue():
                return JsonEncodedValue(
                    replace_encoded_values(self.evaluate(value.value, where), self._encode_json)
                )
            case TemplateValue():
                return self._join_template(value, where)
            case UnknownValue():
                return self._resolve_name(value, where)
        return value

    def _resolve_name(self, unknown: UnknownValue, where: str) -> ImportValue:
        name, steps = _split_name(unknown.text)
        if name not in self._definitions or name in self._names_in_evaluation:
            return replace(unknown, where=where)
        value = self._definitions[name]
        if name.partition(".")[0] not in ("var", "local", "data"):
            # A resource with `count` or `for_each` is named with an index.
            steps = [step for step in steps if isinstance(step, str)]
        for at, step in enumerate(steps):
            if isinstance(value, UnknownValue):
                return self.evaluate(_with_steps(value, steps[at:]), where)
            if not _has_step(value, step):
                return replace(_with_steps(UnknownValue(name), steps), where=where)
            value = value[step]
        self._names_in_evaluation.append(name)
        found = self.evaluate(value, where)
        self._names_in_evaluation.pop()
        return found

    def _join_template(self, template: TemplateValue, where: str) -> str | UnknownValue:
        parts = [self.evaluate(part, where) for part in template.parts]
        texts = [self._text_or_none(part) for part in parts]
        if any(text is None for text in texts):
            return UnknownValue(f'"{template.text}"', where)
        return self._count_characters("".join(text or "" for text in texts))

    def _text_or_none(self, part: ImportValue) -> str | None:
        if isinstance(part, JsonEncodedValue):
            part = self._encode_json(part)
        if isinstance(part, bool):
            return "true" if part else "false"
        if isinstance(part, float) and part.is_integer():
            part = int(part)
        return str(part) if isinstance(part, str | int | float) else None

    def _count_characters(self, text: str) -> str:
        self._characters_left -= len(text)
        if self._characters_left < 0:
            raise HclEvaluationLimitExceeded
        return text

    def _encode_json(self, encoded: JsonEncodedValue) -> str | UnknownValue:
        text = encode_json_text(encoded)
        return self._count_characters(text) if isinstance(text, str) else text


def _split_name(text: str) -> tuple[str, list[str | int]]:
    """A name such as `local.a.b[0]` as what is defined, "local.a", and the steps below it."""
    words = 3 if text.startswith("data.") else 2
    head = re.match(rf"[^\W\d][\w-]*+(?:\.[\w-]++){{{words - 1}}}", text)
    if not head:
        return "", []
    steps: list[str | int] = []
    at = head.end()
    while found := _PATH_STEP.match(text, at):
        name, index, key = found.groups()
        steps.append(int(index) if index else name or key)
        at = found.end()
    return (head[0], steps) if at == len(text) else ("", [])


def _with_steps(unknown: UnknownValue, steps: list[str | int]) -> UnknownValue:
    below = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return UnknownValue(unknown.text + below)


def _has_step(value: ImportValue, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value
