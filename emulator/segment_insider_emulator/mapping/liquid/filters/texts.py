"""Filters that turn text into text, or into its parts.

Source: liquidjs 10.30, `filters/string.ts`.
"""

import math
import re
from typing import Final

from segment_insider_emulator.mapping.javascript import MISSING, WHITE_SPACE, is_truthy, units
from segment_insider_emulator.mapping.liquid.errors import Fault, single_units
from segment_insider_emulator.mapping.liquid.filters.signature import Filter, textual
from segment_insider_emulator.mapping.liquid.scope import Scope
from segment_insider_emulator.mapping.liquid.values import given, number, stringify, walked
from segment_insider_emulator.types import JSON

_SPACES: Final = re.compile(f"[{WHITE_SPACE}]+")
_CJK_RANGES: Final = (
    "\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u309f\u30a0-\u30ff\uac00-\ud7af"
)
_CJK: Final = re.compile(f"[{_CJK_RANGES}]")
_OTHER_WORD: Final = re.compile(f"[^{_CJK_RANGES}{WHITE_SPACE}]+")


def _append(scope: Scope, value: JSON, *arguments: JSON) -> str:
    return "".join(_both(scope, "append", value, arguments))


def _prepend(scope: Scope, value: JSON, *arguments: JSON) -> str:
    return "".join(reversed(_both(scope, "prepend", value, arguments)))


def _both(scope: Scope, name: str, value: JSON, arguments: tuple[JSON, ...]) -> list[str]:
    if len(arguments) != 1:
        raise Fault(f"{name} expect 2 arguments")
    texts = [stringify(value), stringify(arguments[0])]
    scope.use(sum(map(len, texts)))
    return texts


@textual
def _downcase(text: str, *_rest: JSON) -> str:
    return text.lower()


@textual
def _upcase(text: str, *_rest: JSON) -> str:
    return text.upper()


@textual
def _capitalize(text: str, *_rest: JSON) -> str:
    return text[:1].upper() + text[1:].lower()


@textual
def _strip(text: str, characters: JSON = MISSING, *_rest: JSON) -> str:
    return text.strip(_stripped(characters))


@textual
def _lstrip(text: str, characters: JSON = MISSING, *_rest: JSON) -> str:
    return text.lstrip(_stripped(characters))


@textual
def _rstrip(text: str, characters: JSON = MISSING, *_rest: JSON) -> str:
    return text.rstrip(_stripped(characters))


def _stripped(characters: JSON) -> str:
    return stringify(characters) if is_truthy(characters) else WHITE_SPACE


@textual
def _strip_newlines(text: str, *_rest: JSON) -> str:
    return text.replace("\r\n", "").replace("\n", "")


@textual
def _squish(text: str, *_rest: JSON) -> str:
    return _SPACES.sub(" ", text).strip(WHITE_SPACE)


@textual
def _normalize_whitespace(text: str, *_rest: JSON) -> str:
    return _SPACES.sub(" ", text)


@textual
def _remove(text: str, removed: JSON = MISSING, *_rest: JSON) -> str:
    return text.replace(stringify(removed), "")


@textual
def _remove_first(text: str, removed: JSON = MISSING, *_rest: JSON) -> str:
    return text.replace(stringify(removed), "", 1)


@textual
def _remove_last(text: str, removed: JSON = MISSING, *_rest: JSON) -> str:
    return _replaced_last(text, stringify(removed), "")


def _replace(
    scope: Scope, value: JSON, old: JSON = MISSING, new: JSON = MISSING, *_rest: JSON
) -> str:
    text, pattern, replacement = stringify(value), stringify(old), stringify(new)
    count = text.count(pattern) if pattern else units(text) - 1
    scope.use(len(text) + max(count, 0) * (len(replacement) - len(pattern)))
    if not pattern:
        return replacement.join(single_units(text))
    return text.replace(pattern, replacement)


@textual
def _replace_first(text: str, old: JSON = MISSING, new: JSON = MISSING, *_rest: JSON) -> str:
    return text.replace(stringify(old), stringify(new), 1)


@textual
def _replace_last(text: str, old: JSON = MISSING, new: JSON = MISSING, *_rest: JSON) -> str:
    return _replaced_last(text, stringify(old), stringify(new))


def _replaced_last(text: str, old: str, new: str) -> str:
    before, found, after = text.rpartition(old) if old else (text, "here", "")
    return before + new + after if found else text


def _split(scope: Scope, value: JSON, separator: JSON = MISSING, *_rest: JSON) -> list[str]:
    text, between = stringify(value), stringify(separator)
    parts = text.count(between) + 1 if between else len(text)
    scope.use_list(parts)
    scope.use(len(text) - parts)
    pieces = text.split(between) if between else list(single_units(text))
    # Ruby's split drops empty pieces at the end, and liquidjs follows it.
    while pieces and not pieces[-1]:
        pieces.pop()
    return pieces


def _truncate(
    scope: Scope, value: JSON, length: JSON = MISSING, ending: JSON = MISSING, *_rest: JSON
) -> JSON:
    text, tail = stringify(value), stringify(given(ending, "..."))
    scope.use(len(text) + len(tail))
    limit = number(given(length, 50))
    if walked(limit, text) >= len(text):
        return value
    return text[: walked(limit - len(tail), text)] + tail


@textual
def _truncatewords(text: str, words: JSON = MISSING, ending: JSON = MISSING, *_rest: JSON) -> str:
    pieces = _SPACES.split(text.lstrip(WHITE_SPACE))
    limit = number(given(words, 15))
    if math.isnan(limit):
        return ""
    limit = 1 if limit <= 0 else limit
    kept = " ".join(pieces[: int(min(limit, len(pieces)))])
    return kept + stringify(given(ending, "...")) if len(pieces) >= limit else kept


@textual
def _number_of_words(text: str, mode: JSON = MISSING, *_rest: JSON) -> int:
    text = text.strip(WHITE_SPACE)
    if not text:
        return 0
    if mode == "cjk" or (mode == "auto" and _CJK.search(text)):
        return len(_CJK.findall(text)) + len(_OTHER_WORD.findall(text))
    return len(_SPACES.split(text))


FILTERS: Final[dict[str, Filter]] = {
    "append": _append,
    "capitalize": _capitalize,
    "downcase": _downcase,
    "lstrip": _lstrip,
    "normalize_whitespace": _normalize_whitespace,
    "number_of_words": _number_of_words,
    "prepend": _prepend,
    "remove": _remove,
    "remove_first": _remove_first,
    "remove_last": _remove_last,
    "replace": _replace,
    "replace_first": _replace_first,
    "replace_last": _replace_last,
    "rstrip": _rstrip,
    "split": _split,
    "squish": _squish,
    "strip": _strip,
    "strip_newlines": _strip_newlines,
    "truncate": _truncate,
    "truncatewords": _truncatewords,
    "upcase": _upcase,
}
