"""Text replacement with JavaScript's rules, for the `@replace` directive."""

import re
from collections.abc import Callable
from typing import TypeAlias

TextReplacer: TypeAlias = Callable[[str], str]

_REPLACEMENT_REFERENCE = re.compile(r"\$([$&`'])")


def compile_text_replacer(
    pattern: str, replacement: str, *, ignore_case: bool, replace_all: bool
) -> TextReplacer:
    """Replace literal *pattern*; `$$`, `$&`, `` $` `` and `$'` in *replacement* are references."""
    fold = _fold_case if ignore_case else str
    wanted = fold(pattern)

    def replace(text: str) -> str:
        folded = fold(text)
        done: list[str] = []
        behind = 0
        at = folded.find(wanted)
        while at >= 0:
            end = at + len(pattern)
            done += text[behind:at], _expand_references(replacement, text, at, end)
            behind = end
            at = folded.find(wanted, end) if replace_all else -1
        return "".join([*done, text[behind:]])

    return replace


def _expand_references(replacement: str, text: str, start: int, end: int) -> str:
    if "$" not in replacement:
        return replacement
    meanings = {"$": "$", "&": text[start:end], "`": text[:start], "'": text[end:]}
    return _REPLACEMENT_REFERENCE.sub(lambda reference: meanings[reference[1]], replacement)


def _fold_case(text: str) -> str:
    """One character for one: JavaScript compares upper-case forms, if they are single and
    do not turn a character outside ASCII into one inside it."""
    return "".join(map(_fold_character_case, text))


def _fold_character_case(char: str) -> str:
    upper = char.upper()
    if len(upper) > 1 or ord(char) > 0xFFFF or (ord(char) > 127 and ord(upper) < 128):
        return char
    return upper
