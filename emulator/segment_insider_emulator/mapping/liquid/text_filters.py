"""Liquid filters that change, split and measure text.

Source: liquidjs 10.30, `filters/string.ts`.
"""

import math
import re
from typing import Final

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    WHITE_SPACE,
    count_utf16_units,
    is_truthy,
    split_surrogates,
)
from segment_insider_emulator.mapping.liquid import UnlocatedLiquidError
from segment_insider_emulator.mapping.liquid.runtime import (
    LiquidContext,
    LiquidFilter,
    count_characters_up_to,
    format_output,
    replace_missing_with_default,
    text_filter,
    to_number,
)
from segment_insider_emulator.types import JSON

_SPACE_RUN: Final = re.compile(f"[{WHITE_SPACE}]+")
_CJK_CHARACTER_RANGES: Final = (
    "\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u309f\u30a0-\u30ff\uac00-\ud7af"
)
_CJK_CHARACTER: Final = re.compile(f"[{_CJK_CHARACTER_RANGES}]")
_NON_CJK_WORD: Final = re.compile(f"[^{_CJK_CHARACTER_RANGES}{WHITE_SPACE}]+")


def _append_filter(context: LiquidContext, value: JSON, *arguments: JSON) -> str:
    return "".join(_read_value_and_argument_texts(context, "append", value, arguments))


def _prepend_filter(context: LiquidContext, value: JSON, *arguments: JSON) -> str:
    return "".join(reversed(_read_value_and_argument_texts(context, "prepend", value, arguments)))


def _read_value_and_argument_texts(
    context: LiquidContext, name: str, value: JSON, arguments: tuple[JSON, ...]
) -> list[str]:
    if len(arguments) != 1:
        raise UnlocatedLiquidError(f"{name} expect 2 arguments")
    texts = [format_output(value), format_output(arguments[0])]
    context.count_memory(sum(map(len, texts)))
    return texts


@text_filter
def _downcase_filter(text: str, *_ignored: JSON) -> str:
    return text.lower()


@text_filter
def _upcase_filter(text: str, *_ignored: JSON) -> str:
    return text.upper()


@text_filter
def _capitalize_filter(text: str, *_ignored: JSON) -> str:
    return text[:1].upper() + text[1:].lower()


@text_filter
def _strip_filter(text: str, characters: JSON = MISSING, *_ignored: JSON) -> str:
    return text.strip(_get_stripped_characters(characters))


@text_filter
def _lstrip_filter(text: str, characters: JSON = MISSING, *_ignored: JSON) -> str:
    return text.lstrip(_get_stripped_characters(characters))


@text_filter
def _rstrip_filter(text: str, characters: JSON = MISSING, *_ignored: JSON) -> str:
    return text.rstrip(_get_stripped_characters(characters))


def _get_stripped_characters(characters: JSON) -> str:
    return format_output(characters) if is_truthy(characters) else WHITE_SPACE


@text_filter
def _strip_newlines_filter(text: str, *_ignored: JSON) -> str:
    return text.replace("\r\n", "").replace("\n", "")


@text_filter
def _squish_filter(text: str, *_ignored: JSON) -> str:
    return _SPACE_RUN.sub(" ", text).strip(WHITE_SPACE)


@text_filter
def _normalize_whitespace_filter(text: str, *_ignored: JSON) -> str:
    return _SPACE_RUN.sub(" ", text)


@text_filter
def _remove_filter(text: str, removed: JSON = MISSING, *_ignored: JSON) -> str:
    return text.replace(format_output(removed), "")


@text_filter
def _remove_first_filter(text: str, removed: JSON = MISSING, *_ignored: JSON) -> str:
    return text.replace(format_output(removed), "", 1)


@text_filter
def _remove_last_filter(text: str, removed: JSON = MISSING, *_ignored: JSON) -> str:
    return _replace_last_occurrence(text, format_output(removed), "")


def _replace_filter(
    context: LiquidContext,
    value: JSON,
    old: JSON = MISSING,
    new: JSON = MISSING,
    *_ignored: JSON,
) -> str:
    text, pattern, replacement = format_output(value), format_output(old), format_output(new)
    count = text.count(pattern) if pattern else count_utf16_units(text) - 1
    context.count_memory(len(text) + max(count, 0) * (len(replacement) - len(pattern)))
    if not pattern:
        return replacement.join(split_surrogates(text))
    return text.replace(pattern, replacement)


@text_filter
def _replace_first_filter(
    text: str, old: JSON = MISSING, new: JSON = MISSING, *_ignored: JSON
) -> str:
    return text.replace(format_output(old), format_output(new), 1)


@text_filter
def _replace_last_filter(
    text: str, old: JSON = MISSING, new: JSON = MISSING, *_ignored: JSON
) -> str:
    return _replace_last_occurrence(text, format_output(old), format_output(new))


def _replace_last_occurrence(text: str, old: str, new: str) -> str:
    if not old:
        return text + new
    before, separator, after = text.rpartition(old)
    return before + new + after if separator else text


def _split_filter(
    context: LiquidContext, value: JSON, separator: JSON = MISSING, *_ignored: JSON
) -> list[str]:
    text, separator_text = format_output(value), format_output(separator)
    piece_count = text.count(separator_text) + 1 if separator_text else len(text)
    context.count_list_memory(piece_count)
    context.count_memory(len(text) - piece_count)
    pieces = text.split(separator_text) if separator_text else list(split_surrogates(text))
    # Ruby's split drops empty pieces at the end, and so does liquidjs.
    while pieces and not pieces[-1]:
        pieces.pop()
    return pieces


def _truncate_filter(
    context: LiquidContext,
    value: JSON,
    length: JSON = MISSING,
    ending: JSON = MISSING,
    *_ignored: JSON,
) -> JSON:
    text, ending_text = (
        format_output(value),
        format_output(replace_missing_with_default(ending, "...")),
    )
    context.count_memory(len(text) + len(ending_text))
    limit = to_number(replace_missing_with_default(length, 50))
    if count_characters_up_to(limit, text) >= len(text):
        return value
    return text[: count_characters_up_to(limit - len(ending_text), text)] + ending_text


@text_filter
def _truncatewords_filter(
    text: str, words: JSON = MISSING, ending: JSON = MISSING, *_ignored: JSON
) -> str:
    all_words = _SPACE_RUN.split(text.lstrip(WHITE_SPACE))
    limit = to_number(replace_missing_with_default(words, 15))
    if math.isnan(limit):
        return ""
    limit = 1 if limit <= 0 else limit
    first_words = " ".join(all_words[: int(min(limit, len(all_words)))])
    if len(all_words) < limit:
        return first_words
    return first_words + format_output(replace_missing_with_default(ending, "..."))


@text_filter
def _number_of_words_filter(text: str, mode: JSON = MISSING, *_ignored: JSON) -> int:
    text = text.strip(WHITE_SPACE)
    if not text:
        return 0
    if mode == "cjk" or (mode == "auto" and _CJK_CHARACTER.search(text)):
        return len(_CJK_CHARACTER.findall(text)) + len(_NON_CJK_WORD.findall(text))
    return len(_SPACE_RUN.split(text))


TEXT_FILTERS: Final[dict[str, LiquidFilter]] = {
    "append": _append_filter,
    "capitalize": _capitalize_filter,
    "downcase": _downcase_filter,
    "lstrip": _lstrip_filter,
    "normalize_whitespace": _normalize_whitespace_filter,
    "number_of_words": _number_of_words_filter,
    "prepend": _prepend_filter,
    "remove": _remove_filter,
    "remove_first": _remove_first_filter,
    "remove_last": _remove_last_filter,
    "replace": _replace_filter,
    "replace_first": _replace_first_filter,
    "replace_last": _replace_last_filter,
    "rstrip": _rstrip_filter,
    "split": _split_filter,
    "squish": _squish_filter,
    "strip": _strip_filter,
    "strip_newlines": _strip_newlines_filter,
    "truncate": _truncate_filter,
    "truncatewords": _truncatewords_filter,
    "upcase": _upcase_filter,
}
