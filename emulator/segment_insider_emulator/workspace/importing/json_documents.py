"""JSON of people's files, held to what JSON can say."""

import json
import math
from collections.abc import Iterator
from typing import NoReturn

from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.json_text import parse_json_integer, replace_lone_surrogates
from segment_insider_emulator.types import JSON


def parse_json_value(text: str) -> JSON:
    """Return the one value of a *text*. Raises: ValueError, when it is no usable JSON."""
    try:
        value = _STRICT_JSON_DECODER.decode(replace_lone_surrogates(text))
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
    return _check_nesting(value)


def parse_json_documents(text: str) -> Iterator[JSON]:
    """Yield the values of a *text*, which may follow one another. Raises: as parse_value."""
    text = replace_lone_surrogates(text).strip()
    at = 0
    while at < len(text):
        while text[at].isspace():
            at += 1
        try:
            document, at = _STRICT_JSON_DECODER.raw_decode(text, at)
        except RecursionError as error:
            raise ValueError(f"nested deeper than {MAX_DEPTH} levels") from error
        yield _check_nesting(document)


def _check_nesting(value: JSON) -> JSON:
    if nesting_depth(value) > MAX_DEPTH:
        raise JsonTooDeep
    return value


class JsonTooDeep(ValueError):
    """JSON that nests deeper than MAX_DEPTH levels."""


def _parse_finite_number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _parse_integer(text: str) -> int | float:
    number = parse_json_integer(text)
    return _parse_finite_number(text) if isinstance(number, float) else number


def _reject_json_constant(word: str) -> NoReturn:
    raise ValueError(word)


_STRICT_JSON_DECODER = json.JSONDecoder(
    parse_constant=_reject_json_constant, parse_float=_parse_finite_number, parse_int=_parse_integer
)
