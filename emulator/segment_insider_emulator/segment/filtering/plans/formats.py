"""The formats of JSON Schema that a tracking plan's texts are checked for.

Those that are not listed here are not checked, as in Segment's library those it does not know.
"""

import re
from urllib.parse import urlsplit

from jsonschema import FormatChecker

from segment_insider_emulator.segment.times import parse_iso_time
from segment_insider_emulator.types import JSON

FORMAT_CHECKER = FormatChecker(formats=("date", "email", "ipv4", "ipv6", "uuid"))

_DATE_TIME_PATTERN = re.compile(
    r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?", re.ASCII
)


@FORMAT_CHECKER.checks("date-time")
def is_date_time(value: JSON) -> bool:
    """ISO 8601 with its zone; the Go library that the wording comes from takes a date, too."""
    if not isinstance(value, str):
        return True
    return _DATE_TIME_PATTERN.fullmatch(value) is not None and parse_iso_time(value) is not None


@FORMAT_CHECKER.checks("uri", raises=ValueError)
def is_uri(value: JSON) -> bool:
    """An address that says how to read it, e.g. "https://shop.example/p"."""
    return not isinstance(value, str) or bool(urlsplit(value).scheme)
