"""Liquid filters that encode text: HTML, URL, base64, digests, JSON; and `default`.

Source: liquidjs 10.30, `filters/html.ts`, `url.ts`, `base64.ts`, `crypto.ts`,
`misc.ts`.
"""

import base64
import hashlib
import hmac
import math
import re
import unicodedata
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from segment_insider_emulator.mapping.javascript import (
    MISSING,
    WHITE_SPACE,
    is_number,
    is_truthy,
    iter_entries,
    join_surrogates,
    to_json_text,
)
from segment_insider_emulator.mapping.liquid import UnlocatedLiquidError
from segment_insider_emulator.mapping.liquid.runtime import (
    LiquidContext,
    LiquidFilter,
    LiquidKeyword,
    format_output,
    is_liquid_truthy,
    replace_liquid_keyword,
    replace_missing_with_default,
    text_filter,
    to_string,
)
from segment_insider_emulator.types import JSON

_HTML_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_HTML_SPECIAL_CHARACTER: Final = re.compile("|".join(_HTML_ESCAPES))
_HTML_ENTITIES: Final = {entity: character for character, entity in _HTML_ESCAPES.items()}
_HTML_ENTITY_PATTERN: Final = re.compile("|".join(_HTML_ENTITIES))
_HTML_BLOCK_ENDS: Final = {"<script": "</script>", "<style": "</style>", "<!--": "-->", "<": ">"}
_URL_COMPONENT_SAFE: Final = "-_.!~*'()"
_URL_SAFE: Final = _URL_COMPONENT_SAFE + ";,/?:@&=+$#"
_INCOMPLETE_PERCENT_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_PERCENT_ESCAPES: Final = re.compile("(?:%[0-9A-Fa-f]{2})+")
_BASE64_WHITE_SPACE: Final = re.compile("[\t\n\f\r ]")
_MAX_INDENT: Final = 10
_ACCENTED_LETTERS: Final = {
    "a": "àáâãäå", "ae": "æ", "c": "ç", "e": "èéêë", "i": "ìíîï", "d": "ð", "n": "ñ",
    "o": "òóôõöø", "u": "ùúûü", "y": "ýÿ", "ss": "ß", "oe": "œ", "th": "þ", "SS": "ẞ",
    "OE": "Œ", "TH": "Þ",
}  # fmt: skip
_ACCENT_TRANSLATION: Final = str.maketrans(
    {
        letter: base_letter
        for base_letter, letters in _ACCENTED_LETTERS.items()
        for letter in letters
    }
)


def _escape_html(text: str) -> str:
    return _HTML_SPECIAL_CHARACTER.sub(lambda match: _HTML_ESCAPES[match.group()], text)


@text_filter
def _escape_filter(text: str, *_ignored: JSON) -> str:
    return _escape_html(text)


@text_filter
def _escape_once_filter(text: str, *_ignored: JSON) -> str:
    unescaped = _HTML_ENTITY_PATTERN.sub(lambda match: _HTML_ENTITIES[match.group()], text)
    return _escape_html(unescaped)


@text_filter
def _strip_html_filter(text: str, *_ignored: JSON) -> str:
    blocks = dict(_HTML_BLOCK_ENDS)
    texts: list[str] = []
    position = 0
    while (opening := text.find("<", position)) >= 0:
        texts.append(text[position:opening])
        position = _find_html_block_end(text, opening, blocks)
        if position < 0:
            return "".join(texts) + text[opening:]
    return "".join(texts) + text[position:]


def _find_html_block_end(text: str, opening: int, blocks: dict[str, str]) -> int:
    """Return the end of the HTML block at *opening*; -1 when it is not closed.

    A kind of block that is not closed once is removed from *blocks*, as it cannot be closed later.
    """
    for start_mark, end_mark in tuple(blocks.items()):
        if text.startswith(start_mark, opening):
            end = text.find(end_mark, opening + len(start_mark))
            if end >= 0:
                return end + len(end_mark)
            del blocks[start_mark]
    return -1


def _percent_encode(text: str, safe: str) -> str:
    try:
        return quote(join_surrogates(text), safe=safe)
    except UnicodeEncodeError:
        raise UnlocatedLiquidError("URI malformed") from None


@text_filter
def _url_encode_filter(text: str, *_ignored: JSON) -> str:
    return _percent_encode(text, _URL_COMPONENT_SAFE).replace("%20", "+")


@text_filter
def _url_decode_filter(text: str, *_ignored: JSON) -> str:
    if _INCOMPLETE_PERCENT_ESCAPE.search(text):
        raise UnlocatedLiquidError("URI malformed")
    return _PERCENT_ESCAPES.sub(_decode_percent_escapes, text.replace("+", " "))


def _decode_percent_escapes(escapes: re.Match[str]) -> str:
    try:
        return bytes.fromhex(escapes.group().replace("%", "")).decode()
    except UnicodeDecodeError:
        raise UnlocatedLiquidError("URI malformed") from None


@text_filter
def _cgi_escape_filter(text: str, *_ignored: JSON) -> str:
    return _percent_encode(text, "-_.~").replace("%20", "+")


@text_filter
def _uri_escape_filter(text: str, *_ignored: JSON) -> str:
    return _percent_encode(text, _URL_SAFE).replace("%5B", "[").replace("%5D", "]")


def _make_unicode_category_predicate(
    *categories: str, extra_characters: str = ""
) -> Callable[[str], bool]:
    return lambda character: (
        character in extra_characters or unicodedata.category(character).startswith(categories)
    )


_SLUG_CHARACTER_TESTS: Final[dict[str, Callable[[str], bool]]] = {
    "raw": lambda character: character not in WHITE_SPACE,
    "default": _make_unicode_category_predicate("M", "L", "Nd"),
    "pretty": _make_unicode_category_predicate("M", "L", "Nd", extra_characters="._~!$&'()+,;=@"),
    "ascii": lambda character: character.isascii() and character.isalnum(),
    "latin": _make_unicode_category_predicate("M", "L", "Nd"),
}


@text_filter
def _slugify_filter(text: str, mode: JSON = MISSING, cased: JSON = False, *_ignored: JSON) -> str:
    name = to_string(replace_missing_with_default(mode, "default"))
    if name in _SLUG_CHARACTER_TESTS:
        text = text.translate(_ACCENT_TRANSLATION) if name == "latin" else text
        text = _replace_runs_with_hyphens(text, _SLUG_CHARACTER_TESTS[name])
    return text if is_truthy(cased) else text.lower()


def _replace_runs_with_hyphens(text: str, is_slug_character: Callable[[str], bool]) -> str:
    """Replace each run of non-slug characters by a hyphen; remove one hyphen at either end."""
    marked = "".join(character if is_slug_character(character) else "\0" for character in text)
    slug = re.sub("\0+", "-", marked)
    return slug.removeprefix("-").removesuffix("-")


def _encode_utf8(text: str) -> bytes:
    return (
        join_surrogates(text)
        .encode("utf-16-le", "surrogatepass")
        .decode("utf-16-le", "replace")
        .encode()
    )


@text_filter
def _base64_encode_filter(text: str, *_ignored: JSON) -> str:
    return base64.b64encode(_encode_utf8(text)).decode()


@text_filter
def _base64_decode_filter(text: str, *_ignored: JSON) -> str:
    digits = _BASE64_WHITE_SPACE.sub("", text)
    if len(digits) % 4 == 0:
        digits = re.sub("==?$", "", digits)
    if len(digits) % 4 == 1 or not re.fullmatch("[A-Za-z0-9+/]*", digits):
        raise UnlocatedLiquidError("invalid base64 provided to base64_decode")
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode(errors="replace")


@text_filter
def _sha256_filter(text: str, *_ignored: JSON) -> str:
    return hashlib.sha256(_encode_utf8(text)).hexdigest()


@text_filter
def _hmac_sha256_filter(text: str, key: JSON = MISSING, *_ignored: JSON) -> str:
    return hmac.new(_encode_utf8(format_output(key)), _encode_utf8(text), "sha256").hexdigest()


def _default_filter(
    _context: LiquidContext, value: JSON, fallback: JSON = MISSING, *options: JSON
) -> JSON:
    value = replace_liquid_keyword(value)
    if isinstance(value, str | list):
        return value or fallback
    if value is False and is_truthy(_read_keyword_options(options).get("allow_false", MISSING)):
        return False
    return value if is_liquid_truthy(value) else fallback


def _read_keyword_options(options: tuple[JSON, ...]) -> dict[str, JSON]:
    for option in options:
        if not isinstance(option, list):
            raise UnlocatedLiquidError(f"Iterator value {to_string(option)} is not an entry object")
    return {to_string(option[0]): option[1] for option in options}


def _json_filter(context: LiquidContext, value: JSON, space: JSON = 0, *_ignored: JSON) -> JSON:
    context.count_memory(_count_memory_units(value))
    if value is MISSING:
        return MISSING
    value, indent = _replace_keywords_with_objects(value), _get_json_indent(space)
    return _format_indented_json(value, indent, "\n") if indent else to_json_text(value)


def _replace_keywords_with_objects(value: JSON) -> JSON:
    """Replace the Liquid keywords nil, empty and blank by {}, which they are in liquidjs."""
    if isinstance(value, LiquidKeyword):
        return {}
    return (
        [_replace_keywords_with_objects(item) for item in value]
        if isinstance(value, list)
        else value
    )


def _count_memory_units(value: JSON) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return len(value) + sum(map(_count_memory_units, value))
    return 2 + sum(map(_count_memory_units, value.values())) if isinstance(value, dict) else 1


def _get_json_indent(space: JSON) -> str:
    if is_number(space):
        width = 0 if math.isnan(space) else min(max(space, 0), _MAX_INDENT)
        return " " * int(width)
    return space[:_MAX_INDENT] if isinstance(space, str) else ""


def _format_indented_json(value: JSON, indent: str, line_start: str) -> str:
    """Return for a Liquid filter what JavaScript's `JSON.stringify(value, null, indent)` returns.

    Args:
        line_start: Line feed and indent of the line with the closing bracket.
    """
    inner_start = line_start + indent
    if isinstance(value, list) and value:
        items = (_format_indented_json(item, indent, inner_start) for item in value)
        return f"[{inner_start}{f',{inner_start}'.join(items)}{line_start}]"
    if isinstance(value, dict) and value:
        members = (
            f"{to_json_text(key)}: {_format_indented_json(member, indent, inner_start)}"
            for key, member in iter_entries(value)
        )
        return f"{{{inner_start}{f',{inner_start}'.join(members)}{line_start}}}"
    return to_json_text(value)


def _raw_filter(_context: LiquidContext, value: JSON, *_ignored: JSON) -> JSON:
    return value


ENCODING_FILTERS: Final[dict[str, LiquidFilter]] = {
    "base64_decode": _base64_decode_filter,
    "base64_encode": _base64_encode_filter,
    "cgi_escape": _cgi_escape_filter,
    "default": _default_filter,
    "escape": _escape_filter,
    "escape_once": _escape_once_filter,
    "hmac_sha256": _hmac_sha256_filter,
    "inspect": _json_filter,
    "json": _json_filter,
    "jsonify": _json_filter,
    "raw": _raw_filter,
    "sha256": _sha256_filter,
    "slugify": _slugify_filter,
    "strip_html": _strip_html_filter,
    "uri_escape": _uri_escape_filter,
    "url_decode": _url_decode_filter,
    "url_encode": _url_encode_filter,
    "xml_escape": _escape_filter,
}
