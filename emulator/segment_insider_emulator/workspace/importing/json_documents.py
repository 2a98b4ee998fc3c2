"""JSON of people's files, held to what JSON can say."""

import json
import math
from collections.abc import Iterator
from typing import NoReturn

from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.json_text import replace_half_characters, whole_number
from segment_insider_emulator.types import JSON


def parse_value(text: str) -> JSON:
    """Return the one value of a *text*. Raises: ValueError, when it is no usable JSON."""
    try:
        value = _DECODER.decode(replace_half_characters(text))
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
    return _not_too_deep(value)


def parse_documents(text: str) -> Iterator[JSON]:
    """Yield the values of a *text*, which may follow one another. Raises: as parse_value."""
    text = replace_half_characters(text).strip()
    at = 0
    while at < len(text):
        while text[at].isspace():
            at += 1
        try:
            document, at = _DECODER.raw_decode(text, at)
        except RecursionError as error:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
        yield _not_too_deep(document)


def _not_too_deep(value: JSON) -> JSON:
    if depth(value) > MAX_DEPTH:
        raise TooDeepJSON
    return value


class TooDeepJSON(ValueError):
    """JSON that nests deeper than MAX_DEPTH levels."""


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _whole(text: str) -> int | float:
    number = whole_number(text)
    return _finite(text) if isinstance(number, float) else number


def _no_number(word: str) -> NoReturn:
    raise ValueError(word)


_DECODER = json.JSONDecoder(parse_constant=_no_number, parse_float=_finite, parse_int=_whole)
