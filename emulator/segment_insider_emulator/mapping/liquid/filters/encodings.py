"""Filters that write text for HTML, addresses, base64 and as digests.

Source: liquidjs 10.30, `filters/html.ts`, `url.ts`, `base64.ts`, `crypto.ts`.
"""

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from segment_insider_emulator.mapping.javascript import MISSING, WHITE_SPACE, is_truthy
from segment_insider_emulator.mapping.liquid.errors import Fault, joined_units
from segment_insider_emulator.mapping.liquid.filters.signature import Filter, textual
from segment_insider_emulator.mapping.liquid.values import given, string, stringify
from segment_insider_emulator.types import JSON

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_ESCAPED: Final = re.compile("|".join(_ESCAPES))
_UNESCAPES: Final = {entity: character for character, entity in _ESCAPES.items()}
_ENTITY: Final = re.compile("|".join(_UNESCAPES))
_BLOCKS: Final = {"<script": "</script>", "<style": "</style>", "<!--": "-->", "<": ">"}
_COMPONENT_SAFE: Final = "-_.!~*'()"
_ADDRESS_SAFE: Final = _COMPONENT_SAFE + ";,/?:@&=+$#"
_HALF_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_ESCAPED_BYTES: Final = re.compile("(?:%[0-9A-Fa-f]{2})+")
_BASE64_SPACE: Final = re.compile("[\t\n\f\r ]")
_ACCENTS: Final = {
    "a": "àáâãäå", "ae": "æ", "c": "ç", "e": "èéêë", "i": "ìíîï", "d": "ð", "n": "ñ",
    "o": "òóôõöø", "u": "ùúûü", "y": "ýÿ", "ss": "ß", "oe": "œ", "th": "þ", "SS": "ẞ",
    "OE": "Œ", "TH": "Þ",
}  # fmt: skip
_WITHOUT_ACCENTS: Final = str.maketrans(
    {letter: plain for plain, letters in _ACCENTS.items() for letter in letters}
)


def _escaped(text: str) -> str:
    return _ESCAPED.sub(lambda found: _ESCAPES[found.group()], text)


@textual
def _escape(text: str, *_rest: JSON) -> str:
    return _escaped(text)


@textual
def _escape_once(text: str, *_rest: JSON) -> str:
    return _escaped(_ENTITY.sub(lambda found: _UNESCAPES[found.group()], text))


@textual
def _strip_html(text: str, *_rest: JSON) -> str:
    blocks = dict(_BLOCKS)
    kept: list[str] = []
    at = 0
    while (opening := text.find("<", at)) >= 0:
        kept.append(text[at:opening])
        closed = _behind_block(text, opening, blocks)
        if closed < 0:
            return "".join(kept) + text[opening:]
        at = closed
    return "".join(kept) + text[at:]


def _behind_block(text: str, opening: int, blocks: dict[str, str]) -> int:
    """Where the block at *opening* ends, -1 if nowhere; what never ends leaves *blocks*."""
    for opener, closer in tuple(blocks.items()):
        if text.startswith(opener, opening):
            end = text.find(closer, opening + len(opener))
            if end >= 0:
                return end + len(closer)
            del blocks[opener]
    return -1


def _percent(text: str, safe: str) -> str:
    try:
        return quote(joined_units(text), safe=safe)
    except UnicodeEncodeError:
        raise Fault("URI malformed") from None


@textual
def _url_encode(text: str, *_rest: JSON) -> str:
    return _percent(text, _COMPONENT_SAFE).replace("%20", "+")


@textual
def _url_decode(text: str, *_rest: JSON) -> str:
    if _HALF_ESCAPE.search(text):
        raise Fault("URI malformed")
    return _ESCAPED_BYTES.sub(_decoded, text.replace("+", " "))


def _decoded(escapes: re.Match[str]) -> str:
    try:
        return bytes.fromhex(escapes.group().replace("%", "")).decode()
    except UnicodeDecodeError:
        raise Fault("URI malformed") from None


@textual
def _cgi_escape(text: str, *_rest: JSON) -> str:
    return _percent(text, "-_.~").replace("%20", "+")


@textual
def _uri_escape(text: str, *_rest: JSON) -> str:
    return _percent(text, _ADDRESS_SAFE).replace("%5B", "[").replace("%5D", "]")


def _keeps_category(*categories: str, also: str = "") -> Callable[[str], bool]:
    return lambda character: (
        character in also or unicodedata.category(character).startswith(categories)
    )


_SLUG_KEEPS: Final[dict[str, Callable[[str], bool]]] = {
    "raw": lambda character: character not in WHITE_SPACE,
    "default": _keeps_category("M", "L", "Nd"),
    "pretty": _keeps_category("M", "L", "Nd", also="._~!$&'()+,;=@"),
    "ascii": lambda character: character.isascii() and character.isalnum(),
    "latin": _keeps_category("M", "L", "Nd"),
}


@textual
def _slugify(text: str, mode: JSON = MISSING, cased: JSON = False, *_rest: JSON) -> str:
    name = string(given(mode, "default"))
    if name in _SLUG_KEEPS:
        text = text.translate(_WITHOUT_ACCENTS) if name == "latin" else text
        text = _hyphenated(text, _SLUG_KEEPS[name])
    return text if is_truthy(cased) else text.lower()


def _hyphenated(text: str, keeps: Callable[[str], bool]) -> str:
    """*text* with one hyphen for each run that is not kept, and none at either end."""
    marked = "".join(character if keeps(character) else "\0" for character in text)
    slug = re.sub("\0+", "-", marked)
    return slug.removeprefix("-").removesuffix("-")


def _utf8(text: str) -> bytes:
    return (
        joined_units(text)
        .encode("utf-16-le", "surrogatepass")
        .decode("utf-16-le", "replace")
        .encode()
    )


@textual
def _base64_encode(text: str, *_rest: JSON) -> str:
    return base64.b64encode(_utf8(text)).decode()


@textual
def _base64_decode(text: str, *_rest: JSON) -> str:
    digits = _BASE64_SPACE.sub("", text)
    if len(digits) % 4 == 0:
        digits = re.sub("==?$", "", digits)
    if len(digits) % 4 == 1 or not re.fullmatch("[A-Za-z0-9+/]*", digits):
        raise Fault("invalid base64 provided to base64_decode")
    return base64.b64decode(digits + "=" * (-len(digits) % 4)).decode(errors="replace")


@textual
def _sha256(text: str, *_rest: JSON) -> str:
    return hashlib.sha256(_utf8(text)).hexdigest()


@textual
def _hmac_sha256(text: str, key: JSON = MISSING, *_rest: JSON) -> str:
    return hmac.new(_utf8(stringify(key)), _utf8(text), "sha256").hexdigest()


FILTERS: Final[dict[str, Filter]] = {
    "base64_decode": _base64_decode,
    "base64_encode": _base64_encode,
    "cgi_escape": _cgi_escape,
    "escape": _escape,
    "escape_once": _escape_once,
    "hmac_sha256": _hmac_sha256,
    "sha256": _sha256,
    "slugify": _slugify,
    "strip_html": _strip_html,
    "uri_escape": _uri_escape,
    "url_decode": _url_decode,
    "url_encode": _url_encode,
    "xml_escape": _escape,
}
