"""The words of steps, as pytest-bdd parses them, with quoted texts that may be empty."""

import re
from typing import Any

from pytest_bdd import parsers

_EMPTY_QUOTES = re.compile(r'(?<!\S)""(?!\w)')
_EMPTY_MARK = "\ue002"  # stands between two quotes that have nothing between them


class StepPattern(parsers.parse):  # in small letters, as pytest-bdd has it
    """Reads a step in which `""` is a text of no characters, as an empty cell of Examples gives."""

    def is_matching(self, name: str) -> bool:
        """Check whether the step is called so."""
        return super().is_matching(_mark_empty_quotes(name))

    def parse_arguments(self, name: str) -> dict[str, Any]:
        """Return the values of the step."""
        arguments = super().parse_arguments(_mark_empty_quotes(name))
        return {
            key: value.replace(_EMPTY_MARK, "") if isinstance(value, str) else value
            for key, value in arguments.items()
        }


def _mark_empty_quotes(name: str) -> str:
    return _EMPTY_QUOTES.sub(f'"{_EMPTY_MARK}"', name)
