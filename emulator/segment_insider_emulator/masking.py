"""Masking: e-mail addresses, phone numbers and names of people become stable pseudonyms.

A pseudonym is a keyed hash (HMAC) of the value, so that the same value has the same one, and nobody
finds the value without the key. What is masked is decided by the name of a field, as Segment and
Insider One name them, and by the shape of a value, wherever it is in a text. Names have no shape:
those in documents that a request reads are remembered, and masked in all texts.
"""

import hmac
import os
import re
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields, is_dataclass, replace
from hashlib import sha256
from threading import Lock
from typing import Any, Final, TypeVar
from unicodedata import normalize
from urllib.parse import quote, unquote

import orjson

from segment_insider_emulator.types import JSON, JSONObject

R = TypeVar("R")

# Names of fields without signs and in lower case.
NAME_FIELDS: Final = frozenset(
    ("firstname", "lastname", "surname", "fullname", "middlename", "givenname", "familyname",
     "username", "displayname", "nickname", "maidenname")
)  # fmt: skip
EMAIL_FIELDS: Final = frozenset(("email", "emailaddress", "mail", "useremail"))
PHONE_FIELDS: Final = frozenset(
    ("phone", "phonenumber", "mobile", "mobilephone", "mobilenumber", "telephone", "gsm", "msisdn",
     "whatsapp", "whatsappnumber")
)  # fmt: skip
# Products, pages and mappings have a `name`, too: it is a person's only in one of these.
PEOPLE: Final = frozenset(
    ("traits", "attributes", "profile", "user", "users", "contact", "customer", "personal",
     "person", "recipient", "billingaddress", "shippingaddress")
)  # fmt: skip
# Words of Segment and of this emulator that a field of a person may have as a value.
COMMON_WORDS: Final = frozenset(
    ("true", "false", "null", "none", "track", "identify", "page", "screen", "group", "alias",
     "accepted", "warning", "dropped", "rejected", "filtered", "not_subscribed", "disabled",
     "failed", "retrying", "string", "email", "phone", "name", "surname", "firstname", "lastname")
)  # fmt: skip
MAX_NAME_CHARS: Final = 200
MAX_NAMES: Final = 20_000  # that an emulator remembers
MAX_NAMES_OF_WORD: Final = 100  # that begin with the same word
MAX_REVEALED: Final = 20_000  # pseudonyms that a form or link may send back
MAX_DEPTH: Final = 100
MASKED_DOMAIN: Final = "masked.example"
PHONE_PREFIX: Final = "999"  # a country code that no country has
_PHONE_DIGITS: Final = 10
_SYLLABLES: Final = 5
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_AT: Final = "(?:@|%40|&#64;|\\\\u0040)"
# Where an address ends; a long word is read once, not from each of its letters.
_NOT_IN_ADDRESS: Final = r"\s@<>\"'(),:;\[\]{}\\/=&?|#`"
_LABEL: Final = rf"[^{_NOT_IN_ADDRESS}%.]{{1,63}}"
_EMAIL: Final = re.compile(
    rf"(?<![^{_NOT_IN_ADDRESS}])[^{_NOT_IN_ADDRESS}]{{1,320}}?({_AT}){_LABEL}"
    rf"(?:(?:\.{_LABEL}){{1,8}}|(?=…))"
)
_PHONE: Final = re.compile(r"(?<![\w+])(?:\+|%2[Bb]|&#43;|\\u002[Bb])(\d[\d ().-]{5,18}\d)(?!\w)")
_FIELD_IN_TEXT: Final = re.compile(
    r"""(?i)(["'](?:first_?name|last_?name|surname|full_?name|user_?name)["']\s*:\s*)"""
    r"""("[^"\\]{1,200}"|'[^'\\]{1,200}')"""
)
# Of scripts that put no space between words: Thai, Chinese, Japanese, Korean.
_UNSPACED: Final = "\u0e00-\u0e7f\u2e80-\u9fff\uac00-\ud7af"
_WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_NOT_LETTER: Final = re.compile(r"[^a-z]")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d)?)?")
_PSEUDONYM: Final = re.compile(
    rf"(?:[Pp]erson|PERSON)-[A-Za-z]{{{2 * _SYLLABLES}}}(?![A-Za-z])"
    rf"|(?<![A-Za-z])[A-Za-z]{{{2 * _SYLLABLES}}}(?:@|%40){re.escape(MASKED_DOMAIN)}"
    rf"|(?:\+|%2B|(?<!\d)){PHONE_PREFIX}\d{{{_PHONE_DIGITS}}}(?!\d)"
)
_PSEUDONYM_IN_QUERY: Final = re.compile(rf'"?({_PSEUDONYM.pattern})"?')


class _RememberedNames:
    """Names of people that were read, to be found in texts; above MAX_NAMES, they start anew."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.clear()

    def clear(self) -> None:
        """Forget all names."""
        # By their first word: where the name begins before it, the name, whether it is a part.
        self.by_word: dict[str, tuple[tuple[int, str, bool], ...]] = {}
        self.known: set[str] = set()

    def add(self, value: str) -> None:
        """Remember a name, in the ways in which mappings and scenarios write it."""
        with self._lock:
            if len(self.known) >= MAX_NAMES:
                self.clear()
            self.known.add(value)
            for spelling in dict.fromkeys((value, value.title(), value.upper())):
                self._add_spelling(spelling)
            self._add_spelling("_".join(_WORD.findall(value.lower())), is_part=True)

    def _add_spelling(self, name: str, *, is_part: bool = False) -> None:
        """Remember one spelling; *is_part*: only as a part of an event name, as in "saw_ada"."""
        if word := _WORD.search(name):
            entries = (*self.by_word.get(word[0], ()), (word.start(), name, is_part))
            newest = entries[-MAX_NAMES_OF_WORD:]
            self.by_word[word[0]] = tuple(sorted(newest, key=lambda entry: -len(entry[1])))


class Pseudonyms:
    """The pseudonyms of one key.

    Args:
        key: Secret, hexadecimal; "" makes a random one at first use.
    """

    def __init__(self, key: str = "") -> None:
        self._key = key
        self._lock = Lock()
        self._values: OrderedDict[str, str] = OrderedDict()  # pseudonym -> value
        self.names = _RememberedNames()

    def export_state(self) -> JSONObject:
        """Return the key, to be stored with the database."""
        return {"key": self._key}

    def load_state(self, state: JSONObject) -> None:
        """Use a stored key; without one, the key in use stays."""
        self._key = state["key"] or self._key

    def create_key_if_missing(self) -> None:
        """Make a random key unless there is one."""
        self._key = self._key or os.urandom(32).hex()

    def mask_name(self, value: str) -> str:
        """Return the pseudonym of a name, such as "Person-bakidomute"; it has the same case."""
        word = f"Person-{self._spell(value)}"
        if len(value) > 1 and value.isupper():
            word = word.upper()
        elif value.islower():
            word = word.lower()
        return self._remember(word, value)

    def mask_email(self, value: str) -> str:
        """Return the pseudonym of an e-mail address, such as "bakidomute@masked.example"."""
        local = self._spell(value)
        if value != value.lower():
            local = local.capitalize()
        return self._remember(f"{local}@{MASKED_DOMAIN}", value)

    def mask_phone(self, value: str) -> str:
        """Return the pseudonym of a phone number, such as "+9990123456789"."""
        digits = re.sub(r"\D", "", value)
        number = self._hash(digits) % 10**_PHONE_DIGITS
        plus = "+" if value.lstrip().startswith("+") else ""
        return self._remember(f"{plus}{PHONE_PREFIX}{number:0{_PHONE_DIGITS}}", value)

    def find_value(self, pseudonym: str) -> str | None:
        """Return the value of a pseudonym that this process gave out lately; None if unknown."""
        return self._values.get(pseudonym)

    def _remember(self, pseudonym: str, value: str) -> str:
        with self._lock:
            self._values.setdefault(pseudonym, value)
            self._values.move_to_end(pseudonym)
            if len(self._values) > MAX_REVEALED:
                self._values.popitem(last=False)
        return pseudonym

    def _hash(self, value: str) -> int:
        # An event name has the words of a name with "_" between them.
        text = normalize("NFKC", value).strip().casefold().replace("_", " ")
        digest = hmac.digest(self._key.encode(), text.encode("utf-8", "surrogatepass"), sha256)
        return int.from_bytes(digest[:16], "big")

    def _spell(self, value: str) -> str:
        number, letters = self._hash(value), ""
        for _ in range(_SYLLABLES):
            number, consonant = divmod(number, len(_CONSONANTS))
            number, vowel = divmod(number, len(_VOWELS))
            letters += _CONSONANTS[consonant] + _VOWELS[vowel]
        return letters


@dataclass(slots=True)
class Masking:
    """Masks the texts and documents of one request, report or command.

    Args:
        pseudonyms: Of the emulator's key.
        vocabulary: Words in lower case that are no names in texts, such as those of the workspace.
    """

    pseudonyms: Pseudonyms
    vocabulary: Collection[str] = ()
    _pseudonym_by_name: dict[str, str] = field(default_factory=dict)

    def learn(self, document: JSON, parent: str = "", depth: int = 0) -> None:
        """Remember the names of people in *document*, so that they are masked in each text."""
        if isinstance(document, str) and document[:1] in ("{", "["):
            document = _parse_json(document)
        if depth > MAX_DEPTH:
            return
        if isinstance(document, dict):
            for key, value in document.items():
                if kind := _find_kind(key, parent):
                    self._learn_values(value, kind)
                self.learn(value, _simplify(key), depth + 1)
        elif isinstance(document, list):
            for value in document:
                self.learn(value, parent, depth + 1)
            self._learn_table(document)

    def _learn_table(self, rows: list[JSON]) -> None:
        """Remember the names in the rows of a scenario's table, whose names are above or before."""
        if not rows or not all(isinstance(row, list) and row for row in rows):
            return
        owner = "attributes" if rows[0][0] in ("attribute", "trait") else ""
        for row in rows:
            if isinstance(row[0], str) and (kind := _find_kind(row[0], owner)):
                self._learn_values(row[1:], kind)
        for column, name in enumerate(rows[0]):
            if isinstance(name, str) and (kind := _find_kind(name, "")):
                self._learn_values([row[column] for row in rows[1:] if len(row) > column], kind)

    def mask_document(self, document: JSON) -> Any:
        """Return a copy of a JSON document with all people in it masked."""
        self.learn(document)
        return self._mask_value(document, "", 0)

    def mask_record(self, record: R) -> R:
        """Return a copy of a dataclass, such as the result of a scenario, with people masked."""
        self.learn(orjson.loads(orjson.dumps(record, default=str)))
        masked: R = self._mask_member(record)
        return masked

    def _mask_member(self, value: Any) -> Any:
        if is_dataclass(value) and not isinstance(value, type):
            members = {entry.name: getattr(value, entry.name) for entry in fields(value)}
            return replace(value, **{key: self._mask_member(members[key]) for key in members})
        if isinstance(value, dict):
            return self.mask_document(value)
        if isinstance(value, list):
            return [self._mask_member(member) for member in value]
        return self.mask_text(value) if isinstance(value, str) else value

    def mask_text(self, text: str) -> str:
        """Return a text with e-mail addresses, phone numbers and remembered names masked."""
        if text[:1] in ("{", "[") and (document := _parse_json(text)) is not None:
            masked = self.mask_document(document)
            indent = orjson.OPT_INDENT_2 if "\n" in text else None
            return text if masked == document else orjson.dumps(masked, option=indent).decode()
        if "%" in text and text[:1] in ("/", "?", "h"):
            return "".join(self._mask_url_part(part) for part in re.split(r"([/?&=#])", text))
        return self._mask_names(self.mask_shapes(text))

    def mask_shapes(self, text: str) -> str:
        """Return a text with e-mail addresses and phone numbers masked, but not names."""
        text = _EMAIL.sub(self._replace_email, text)
        text = _PHONE.sub(self._replace_phone, text)
        return _FIELD_IN_TEXT.sub(self._replace_field, text)

    def reveal(self, text: str, encode: Callable[[str], str] = str) -> str:
        """Return a text that a form or link sent with the values of known pseudonyms in it."""

        def find(match: re.Match[str]) -> str:
            value = self.pseudonyms.find_value(unquote(match[0]))
            if value is None:
                return match[0]
            self._learn_values(value, "name")
            return encode(value)

        return _PSEUDONYM.sub(find, text)

    def reveal_query(self, text: str) -> str:
        """Return a query for messages with the values of known pseudonyms in it, in quotes."""

        def find(match: re.Match[str]) -> str:
            value = self.reveal(match[1])
            if value == match[1]:
                return match[0]
            escaped = value.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{escaped}"'

        return _PSEUDONYM_IN_QUERY.sub(find, text)

    def _learn_values(self, value: JSON, kind: str) -> None:
        if isinstance(value, list):
            for member in value[:MAX_NAMES]:
                self._learn_values(member, kind)
        elif isinstance(value, int) and not isinstance(value, bool) and kind == "phone":
            self._learn_values(str(value), kind)
        elif isinstance(value, str) and _is_personal(value):
            is_known = value in self.pseudonyms.names.known or value.lower() in self.vocabulary
            is_shape = _EMAIL.fullmatch(value) or _PHONE.fullmatch(value)
            if not (is_known or is_shape or len(value) > MAX_NAME_CHARS):
                self.pseudonyms.names.add(value)

    def _mask_names(self, text: str) -> str:
        names = self.pseudonyms.names
        if text in names.known:
            return self._mask_of_kind(text, "name")
        parts, end = [], 0
        for word in _WORD.finditer(text):
            entries = names.by_word.get(word[0], ()) if word.start() >= end else ()
            for offset, name, is_part in entries:
                start = word.start() - offset
                if len(name) > 1 and start >= end and _stands_alone(text, start, name, is_part):
                    parts += [text[end:start], self._mask_known_name(name)]
                    end = start + len(name)
                    break
        return "".join([*parts, text[end:]]) if parts else text

    def _mask_known_name(self, name: str) -> str:
        if name not in self._pseudonym_by_name:
            self._pseudonym_by_name[name] = self._mask_of_kind(name, "name")
        return self._pseudonym_by_name[name]

    def _mask_value(self, value: JSON, parent: str, depth: int) -> Any:
        if isinstance(value, dict):
            return {
                self.mask_shapes(key): self._mask_of_field(member, key, parent, depth)
                for key, member in value.items()
            }
        if isinstance(value, list):
            return [self._mask_value(member, parent, depth + 1) for member in value]
        return self.mask_text(value) if isinstance(value, str) else value

    def _mask_of_field(self, value: JSON, key: str, parent: str, depth: int) -> Any:
        kind = _find_kind(key, parent)
        if depth > MAX_DEPTH or kind is None or isinstance(value, dict):
            return self._mask_value(value, _simplify(key), depth + 1)
        if isinstance(value, list):
            return [self._mask_of_field(member, key, parent, depth + 1) for member in value]
        if isinstance(value, str):
            return self._mask_of_kind(value, kind) if _is_personal(value) else value
        if isinstance(value, int) and not isinstance(value, bool) and kind == "phone":
            digits = str(value)
            return int(self.pseudonyms.mask_phone(digits)) if _is_personal(digits) else value
        return value

    def _mask_of_kind(self, value: str, kind: str) -> str:
        if _EMAIL.fullmatch(value):
            return self.pseudonyms.mask_email(value)
        digits = sum(character.isdigit() for character in value)
        if digits >= 5 and (kind == "phone" or not any(map(str.isalpha, value))):
            return self.pseudonyms.mask_phone(value)
        return self.pseudonyms.mask_name(value)

    def _mask_url_part(self, part: str) -> str:
        plain = unquote(part.replace("+", " "))
        masked = self._mask_names(self.mask_shapes(plain))
        return part if masked == plain else quote(masked, safe="")

    def _replace_email(self, match: re.Match[str]) -> str:
        sign = match[1]
        value = match[0].replace(sign, "@")
        value = unquote(value) if sign == "%40" else value
        if value.endswith(f"@{MASKED_DOMAIN}"):
            return match[0]
        return self.pseudonyms.mask_email(value).replace("@", sign)

    def _replace_phone(self, match: re.Match[str]) -> str:
        sign = match[0][: -len(match[1])]
        digits = sum(character.isdigit() for character in match[1])
        if not 7 <= digits <= 15 or match[1].startswith(PHONE_PREFIX):
            return match[0]
        return sign + self.pseudonyms.mask_phone(f"+{match[1]}").removeprefix("+")

    def _replace_field(self, match: re.Match[str]) -> str:
        field_name, quoted = match.groups()
        sign, value = quoted[0], quoted[1:-1]
        masked = self._mask_of_kind(value, "name") if _is_personal(value) else value
        return f"{field_name}{sign}{masked}{sign}"


def _find_kind(key: str, parent: str) -> str | None:
    """Return what a field has of a person: "name", "email" or "phone"; None for others."""
    *path, last = key.split(".")[-2:]
    name = _simplify(last)
    if name in NAME_FIELDS:
        return "name"
    if name in EMAIL_FIELDS:
        return "email"
    if name in PHONE_FIELDS:
        return "phone"
    owner = _simplify(path[0]) if path else parent
    return "name" if name == "name" and owner in PEOPLE else None


def _simplify(key: str) -> str:
    return _NOT_LETTER.sub("", key.lower())


def _is_personal(value: str) -> bool:
    """Return whether the value of a person's field is data, not a word, a path or a time."""
    text = value.strip()
    return not (
        not text
        or text.casefold() in COMMON_WORDS
        or text.startswith(("$.", "{{", "{", "[", "…"))
        or _TIME.fullmatch(text)
        or _PSEUDONYM.fullmatch(text)
    )


def _stands_alone(text: str, start: int, name: str, is_part: bool) -> bool:
    """Return whether *name* is in *text* at *start*, and no part of a longer word.

    Args:
        is_part: Whether it has to be a part of an event name.
    """
    if not text.startswith(name, start):
        return False
    before, after = text[start - 1 : start], text[start + len(name) :][:1]
    if is_part and "_" not in (before, after) and "_" not in name:
        return False
    return not (
        (_joins_words(name[0]) and before.isalnum()) or (_joins_words(name[-1]) and after.isalnum())
    )


def _joins_words(character: str) -> bool:
    """Return whether *character* is a letter or digit of a script with spaces between words."""
    return character.isalnum() and not re.match(f"[{_UNSPACED}]", character)


def _parse_json(text: str) -> JSON:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
