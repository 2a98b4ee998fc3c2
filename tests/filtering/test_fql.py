"""FQL conditions of filters: as Segment documents them, without crashes or long running times."""

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.filtering.fql_evaluator import matches_event
from segment_insider_emulator.filtering.fql_parser import (
    FUNCTION_ARGUMENT_COUNTS,
    MAX_STATEMENT_BYTES,
    MAX_STATEMENT_DEPTH,
    FqlSyntaxError,
    parse_fql_statement,
)
from segment_insider_emulator.types import JSONObject

CLICK: JSONObject = {
    "event": "Button Clicked",
    "type": "track",
    "userId": "ada",
    "context": {"library": {"name": "analytics.js", "version": "1.0"}},
    "properties": {
        "features": ["discounts", "dark-mode"],
        "product 1": {"price": "19.99"},
        "price": 10,
        "whole": 1.0,
        "sale": True,
        "nothing": None,
        "kana": "ア",
        "empty": "",
    },
}


def documented(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.documented)


def observed(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.observed)


def assumed(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.assumed)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        documented("event = 'Button Clicked'", True),
        documented('event = "Button Clicked"', True),
        documented("event = 'Screen Tapped'", False),
        documented("event = 'button clicked'", False),
        documented("context.path.path = '/login'", False),
        documented("type = 'identify' or type = 'track'", True),
        documented("event = 'Button Clicked' and type = 'track'", True),
        documented("match( context.library.version, '1.*' )", True),
        documented("match( context.library.version, '2.*' )", False),
        documented("type = 'track' and ( event = 'Click' or match( event, 'Button *' ) )", True),
        documented("!contains( context.library.name, 'js' )", False),
        documented("'dark-mode' in properties.features", True),
        documented("'blink' in properties.features", False),
        documented("!( type in ['track', 'identify'] )", False),
        documented(r"properties.product\ 1.price = '19.99'", True),
        documented("all", True),
        # Types are strict.
        documented("properties.price = 10", True),
        documented("properties.price = '10'", False),
        documented("properties.price != '10'", True),
        documented("properties.whole = 1", True),
        documented("properties.whole = true", False),
        documented("properties.features = ['discounts', 'dark-mode']", True),
        documented("properties.price > 9.5", True),
        documented("properties.price >= 10 and properties.price <= 10", True),
        documented("properties.price < -1", False),
        documented("properties.sale", True),
        documented("properties.absent and properties.sale", False),
        documented("properties.absent or properties.sale", True),
        # A missing field is null.
        documented("properties.absent = null", True),
        documented("properties.nothing = null", True),
        documented("userId != null", True),
        documented("length(properties.absent) < 1", True),
        documented("length(userId) > 0", True),
        documented("typeof(properties.absent) = 'null'", True),
        documented("contains(properties.absent, 'x')", False),
        documented("match(properties.absent, '*')", False),
        documented("lowercase(properties.absent) = null", True),
        # Functions.
        documented("length(properties.kana) = 3", True),
        documented("length(properties.features) = 2", True),
        documented("lowercase(event) = 'button clicked'", True),
        documented("uppercase(event) = 'BUTTON CLICKED'", True),
        documented("snakecase('test string') = 'test_string'", True),
        documented("kebabcase('test string') = 'test-string'", True),
        documented("titlecase('test string') = 'Test String'", True),
        documented("typeof(properties.features) = 'list'", True),
        documented("typeof(properties.sale) = 'bool'", True),
        documented("number('10.5') = 10.5", True),
        documented("string(10.5) = '10.5'", True),
        # Globs.
        documented("match('abcd', 'a*d')", True),
        documented("match('', '*')", True),
        documented("match('abc', 'ab')", False),
        documented("match('abcd', 'a??d')", True),
        documented("match('abcd', '*d')", True),
        documented(r"match('ab*d', 'ab\*d')", True),
        documented(r"match('abxd', 'ab\*d')", False),
        documented("match('abCd', 'ab[cC]d')", True),
        documented("match('abcd', 'ab[a-z]d')", True),
        documented("match('abcd', 'ab[A-Z]d')", False),
        documented("match('a.d', 'a?d') and !match('axd', 'a.d')", True),
        # Segment's evaluator: a value of another type makes it false, and fails nothing.
        observed("event > 5", False),
        observed("event < '2019-01-01'", False),
        observed("properties.sale >= 0", False),
        observed("properties.absent < '2019-01-01'", False),
        observed("properties.absent > 5", False),
        observed("contains(properties.price, '1')", False),
        observed("contains(event, 12)", False),
        observed("match(properties.price, '*')", False),
        observed("match(event, properties.price)", False),
        observed("lowercase(properties.price) = null", True),
        observed("length(properties.price) = 0", False),
        observed("length(properties.price) != 0", True),
        observed("length(properties.price) = length(properties.price)", False),
        observed("event", False),
        observed("event and true", False),
        observed("event or true", True),
        observed("!event", True),
        observed("!properties.absent", True),
        observed("!properties.sale", False),
        observed("lowercase(event)", False),
        observed("lowercase(event) and true", True),
        observed("!length(properties.empty)", True),
        observed("length(context) or false", False),
        observed("event in event", False),
        observed("'x' in properties.absent", False),
        observed("properties.features in [properties.features]", False),
        observed("null in [properties.nothing]", True),
        observed("9007199254740993 = 9007199254740992", True),
        observed("9007199254740993 > 9007199254740992", False),
        observed("context = context", True),
        observed("context.library = properties", False),
        observed("properties.features.0 = 'discounts'", True),
        observed("properties.features.2 = null", True),
        observed("properties.features.00 = null", True),
        observed("typeof(context) = 'object'", True),
        observed("true or false and false", True),
        # Versions.
        observed("semver('2.3.0', '>=', '2.1.0')", True),
        observed("semver('2.10', '>', '2.9.9')", True),
        observed("semver('2', '=', '2.0.0')", True),
        observed("semver('1.2.3-beta', '<=', '1.2.3')", True),
        observed("semver('1.2.3-beta.1', '=', '1.2.3')", False),
        observed("semver('v2', '>', '1')", False),
        observed("semver('2', '==', '2')", False),
        observed("semver(properties.price, '>', '1')", False),
        observed("semver(properties.absent, '>=', '0')", False),
        observed("!semver(properties.absent, '>=', '0')", True),
        # Functions of functions.
        documented("contains(lowercase(event), 'clicked')", True),
        documented("lowercase(type) in ['track']", True),
        documented("properties.price = +10", True),
        # A text ends at its own quote.
        observed(r"event = 'a\\' or true", True),
        # Not documented.
        assumed("bool('false') or bool(properties.empty) or bool(0)", False),
        assumed("number('ten') = null and number(properties.features) = null", True),
        assumed("uppercase(properties.price) = null", True),
    ],
)
def test_a_statement_is_true_or_false_for_an_event(statement: str, expected: bool) -> None:
    assert matches_event(parse_fql_statement(statement), CLICK) is expected


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ('userId = oops"', 'the text that begins at character 14 has no closing "'),
        ("", "it ends where a field or a value is wanted"),
        ("type =", "it ends where a field or a value is wanted"),
        ("type 'x'", "'x' at character 6 stands where the end, `and` or `or` is wanted"),
        ("type = 'a' AND x", "AND at character 12 stands where the end, `and` or `or` is wanted"),
        ("(type = 'a'", "it ends where `)` is wanted"),
        ("['a' 'b']", "'b' at character 6 stands where `,` or `]` is wanted"),
        ("and", "and at character 1 stands where a field or a value is wanted"),
        (
            "size(x) = 1",
            f"unknown function size at character 1; known: {', '.join(FUNCTION_ARGUMENT_COUNTS)}",
        ),
        ("contains(event)", "contains() takes 2 arguments, not 1"),
        ("length()", "length() takes 1 argument, not 0"),
        ("properties.größe", "'ö' at character 14 means nothing; in a path, write \\ before it"),
        ("userId\\", "the statement ends in an escape"),
        ("!" * 60 + "true", f"the statement nests deeper than {MAX_STATEMENT_DEPTH} levels"),
        ("x" * 6000, f"the statement has 6,000 bytes, Segment takes {MAX_STATEMENT_BYTES:,}"),
    ],
)
def test_an_invalid_statement_is_an_error_with_its_position(statement: str, text: str) -> None:
    with pytest.raises(FqlSyntaxError) as error:
        parse_fql_statement(statement)
    assert str(error.value) == text


@pytest.mark.observed
@pytest.mark.parametrize(
    ("text", "pattern", "expected"),
    [
        ("abc", "ab[^c]", False),
        ("abc", "ab[^b-d]", False),
        ("abc", "ab[^e-g]", True),
        ("^", "[a^]", True),
        ("]", r"[\]a]", True),
        ("-", r"[\-x]", True),
        ("-", r"[x\-]", True),
        ("b", r"[a-\c]", True),
        ("[", "[[]", True),
        ("a*b", r"[a]\*[b]", True),
        ("m", "[^z-a]", True),
        ("m", "[z-a]", False),
        ("é", "[a-ü]*", True),
        ("a☺b", "a?b", True),
        ("ab/c", "a*", True),
        ("a|b", "a[|&~]b", True),
        # Malformed ones match nothing, whatever is before the error.
        ("-", "[-]", False),
        ("x", "[x-]", False),
        ("x", "[-x]", False),
        ("a", "[a-b-c]", False),
        ("]", "[]a]", False),
        ("a", "[^]", False),
        ("a", "a[", False),
        ("ab", "a[b", False),
        ("abc", "*[", False),
        ("a", "a\\", False),
        ("", "[", False),
    ],
)
def test_a_glob_matches_as_in_segment_s_evaluator(text: str, pattern: str, expected: bool) -> None:
    assert (
        matches_event(parse_fql_statement(f"match(event, '{pattern}')"), {"event": text})
        is expected
    )


@pytest.mark.parametrize(
    "pattern", ["*a" * 2000 + "b", "*" * 4000 + "b", "[ab]*" * 800 + "c", "?*" * 2000 + "b"]
)
def test_a_glob_of_many_stars_fails_in_limited_time(pattern: str) -> None:
    started = time.process_time()
    assert not matches_event(
        parse_fql_statement(f"match(event, '{pattern}')"), {"event": "a" * 30_000}
    )
    assert time.process_time() - started < 30


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.dictionaries(st.sampled_from(["a", "event", "properties"]), VALUES)
WORDS = st.sampled_from(
    [
        *"!=><()[],\\",
        *("a", "event", "properties.x", "'b'", '"c"', "1", "-2.5", "true", "null", "all"),
        *("and", "or", "in", "!=", "<=", "'*a'", "'['"),
        *(f"{name}(" for name in FUNCTION_ARGUMENT_COUNTS),
    ]
)


@given(st.text() | st.lists(WORDS).map(" ".join), EVENTS)
def test_every_text_is_a_statement_or_a_syntax_error(text: str, event: JSONObject) -> None:
    with suppress(FqlSyntaxError):
        assert isinstance(matches_event(parse_fql_statement(text), event), bool)


ATOMS = st.sampled_from(
    ["a", "event", "properties.x", "'b'", "1", "-2.5", "true", "null", "[1, 'b']"]
)


def combine_statements(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    operators = st.sampled_from(["and", "or", "=", "!=", ">", "<", "in"])
    unary = st.sampled_from(
        [
            "!({})",
            "length({})",
            "match({0}, {0})",
            "semver({0}, '=', {0})",
            "typeof({})",
            "string({})",
            "lowercase({})",
        ]
    )
    return st.builds("({}) {} ({})".format, inner, operators, inner) | st.builds(
        str.format, unary, inner
    )


@given(st.recursive(ATOMS, combine_statements, max_leaves=6), EVENTS)
def test_every_well_formed_statement_is_parsed(text: str, event: JSONObject) -> None:
    assert isinstance(matches_event(parse_fql_statement(text), event), bool)
