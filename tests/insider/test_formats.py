"""Formats of attributes are checked as strictly as Insider One documents them."""

import pytest

from segment_insider_emulator.insider.formats import VALUE_FORMATS


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("rfc3339", "2021-01-17T14:41:21Z", True),
        ("rfc3339", "2021-01-17T14:41:21+03:00", True),
        ("rfc3339", "2021-01-17T14:41:21.123456789Z", True),
        ("rfc3339", "2021-01-17T14:41:21", False),
        ("rfc3339", "2021-01-17 14:41:21Z", False),
        ("rfc3339", "2021-02-30T14:41:21Z", False),
        ("rfc3339", "2021-01-17T14:41:21Z\n", False),
        ("rfc3339", "2021-01-17T14:41:21+0300", False),
        ("rfc3339", "0001-01-01T00:00:00+03:00", False),
        ("rfc3339", "9999-12-31T23:59:59-03:00", False),
        ("rfc3339", "\u0662\u0660\u0662\u0661-01-17T14:41:21Z", False),
        ("rfc3339-z", "1993-03-12T00:00:00Z", True),
        ("rfc3339-z", "1993-03-12T00:00:00+00:00", False),
        ("e164", "+6598765432", True),
        ("e164", "+1234567", True),
        ("e164", "+123456", False),
        ("e164", "+1234567890123456", False),
        ("e164", "6598765432", False),
        ("e164", "+6598765432\n", False),
        ("e164", "+\u0666\u066598765432", False),
        ("email", "a@b.io", True),
        ("email", "sample", False),
        ("url", "https://shop.example/p/1", True),
        ("url", "http://[", False),
        ("iso3166-alpha2", "NL", True),
        ("iso3166-alpha2", "nl", False),
        ("iso4217", "EUR", True),
        ("iso4217", "XXQ", False),
    ],
)
def test_a_value_has_the_format_or_not(name: str, text: str, expected: bool) -> None:
    assert VALUE_FORMATS[name][0](text) is expected
