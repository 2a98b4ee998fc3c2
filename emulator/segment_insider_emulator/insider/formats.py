"""Formats that Insider One names for values: dates, addresses, codes."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlsplit

from segment_insider_emulator.insider.documents import load_json_document

EMAIL_PATTERN = r"^.+@.+\..+$"  # as published
_RFC3339_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)", re.ASCII
)
# What most addresses are; urlsplit, which knows all others, takes ten times as long.
_SIMPLE_URL_PATTERN = re.compile(r"https?://[a-z0-9.-]+(/[a-zA-Z0-9/._~=&%+,;:?-]*)?")
_E164_PATTERN = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_CODE_LISTS = load_json_document("codes")


def parse_rfc3339(text: str) -> datetime | None:
    """Read an RFC 3339 time as an aware one in UTC; None when it is not one."""
    if not _RFC3339_PATTERN.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    # February 30 has the right form; year 1 with an offset leaves the calendar.
    except (ValueError, OverflowError):
        return None


def is_email(text: str) -> bool:
    """Check whether *text* matches EMAIL_PATTERN, in linear time."""
    # By hand: the expression takes cubic time on a long row of "@.".
    at_position = text.find("@", 1)
    dot_position = text.rfind(".", at_position + 2, len(text) - 1) if at_position > 0 else -1
    return dot_position > 0 and "\n" not in text


def is_e164(text: str) -> bool:
    """The published expression `^\\+[1-9]\\d{6,14}$`."""
    return _E164_PATTERN.fullmatch(text) is not None


def is_url(text: str) -> bool:
    """A full address: scheme and host."""
    if _SIMPLE_URL_PATTERN.fullmatch(text):
        return True
    try:
        url_parts = urlsplit(text)
    except ValueError:
        return False
    return bool(url_parts.scheme and url_parts.netloc)


# Format name of the schemas -> the test, and what to send instead.
VALUE_FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "rfc3339": (
        lambda text: parse_rfc3339(text) is not None,
        "an RFC 3339 time, such as 2021-01-17T14:41:21Z",
    ),
    "rfc3339-z": (
        lambda text: text.endswith("Z") and parse_rfc3339(text) is not None,
        "an RFC 3339 time that ends in Z, such as 1993-03-12T00:00:00Z",
    ),
    "email": (is_email, "a full address, such as jane@example.com"),
    "e164": (is_e164, "E.164, such as +6598765432"),
    "url": (is_url, "a full address, such as https://shop.example/p/1"),
    "iso3166-alpha2": (
        frozenset(_CODE_LISTS["countries"]).__contains__,
        "a two-letter ISO 3166-1 code, such as DE",
    ),
    "gender": (frozenset(("F", "M")).__contains__, "F or M"),
    "iso4217": (
        frozenset(_CODE_LISTS["currencies"]).__contains__,
        "a three-letter ISO 4217 code, such as EUR",
    ),
}
