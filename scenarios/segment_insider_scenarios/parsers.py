"""The words of steps, as pytest-bdd parses them, with quoted texts that may be empty."""

import re
from typing import Any

from pytest_bdd import parsers

_EMPTY_TEXT = re.compile(r'(?<!\S)""(?!\w)')
_NOTHING = "\ue002"  # stands between two quotes that have nothing between them


class parse(parsers.parse):  # in small letters, as pytest-bdd has it
    """Reads a step in which `""` is a text of no characters, as an empty cell of Examples gives."""

    def is_matching(self, name: str) -> bool:
        """Check whether the step is called so."""
        return super().is_matching(_filled(name))

    def parse_arguments(self, name: str) -> dict[str, Any]:
        """Return the values of the step."""
        found = super().parse_arguments(_filled(name))
        return {
            key: value.replace(_NOTHING, "") if isinstance(value, str) else value
            for key, value in found.items()
        }


def _filled(name: str) -> str:
    return _EMPTY_TEXT.sub(f'"{_NOTHING}"', name)
