"""Fuzz targets, one per parser of untrusted text; each raises only on an error."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import document_targets
from gherkin.parser import Parser
from gherkin.pickles.compiler import Compiler

from segment_insider_emulator.clock import parse_duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.filtering.fql_evaluator import matches_event
from segment_insider_emulator.filtering.fql_parser import FqlSyntaxError, parse_fql_statement
from segment_insider_emulator.filtering.plan_schema import UnsupportedPattern, matches_re2_pattern
from segment_insider_emulator.mapping.codegen import compile_path, compile_path_template
from segment_insider_emulator.mapping.date_parser import parse_date_ms
from segment_insider_emulator.mapping.liquid import LiquidError
from segment_insider_emulator.mapping.liquid.templates import compile_liquid_template
from segment_insider_emulator.mapping.triggers import EmptyGroupError, TriggerError, compile_trigger
from segment_insider_emulator.mapping.validation import NullRootDirectiveError
from segment_insider_emulator.segment.ingest import decode_request_body, parse_messages
from segment_insider_emulator.segment.validation import IngestError
from segment_insider_emulator.storage.json_conditions import JsonPath
from segment_insider_emulator.storage.query_language import QueryError, parse_query
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios.feature_parser import FeatureFileError, parse_feature
from segment_insider_scenarios.step_catalogue import find_matching_steps
from segment_insider_scenarios.tables import parse_pairs, parse_records

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
EVENT: JSONObject = {
    "type": "track",
    "event": "Order Completed",
    "userId": "ada",
    "properties": {"total": 21.5, "products": [{"name": "Mug", "price": 8.5}, None], "a.b": "c"},
    "context": {"page": {"url": "https://shop.example/?q=1"}, "traits": {"email": "a@b.io"}},
}


def read_trigger(text: str) -> None:
    """Compile the trigger of a subscription."""
    with suppress(TriggerError, EmptyGroupError):
        compile_trigger(text)(EVENT)


def read_filtering(text: str) -> None:
    """Parse the statement of a destination filter."""
    with suppress(FqlSyntaxError):
        matches_event(parse_fql_statement(text), EVENT)


def read_path(text: str) -> None:
    """Compile a path of a mapping."""
    with suppress(NullRootDirectiveError):
        compile_path(text)(EVENT)


def read_template(text: str) -> None:
    """Compile a template of a mapping."""
    with suppress(NullRootDirectiveError):
        compile_path_template(text)(EVENT)


def read_liquid(text: str) -> None:
    """Compile a Liquid template of a mapping."""
    with suppress(LiquidError):
        compile_liquid_template(text)(EVENT)


def read_date(text: str) -> None:
    """Parse a date."""
    parse_date_ms(text)


def read_pattern(text: str) -> None:
    """Match a regular expression of a tracking plan."""
    with suppress(UnsupportedPattern):
        matches_re2_pattern(text, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!")


def read_body(text: str) -> None:
    """Parse the body of a Segment request."""
    for kind in ("batch", "track"):
        with suppress(IngestError):
            call = decode_request_body(text.encode(errors="replace"), None, kind)
            parse_messages(
                call, kind=kind, authorization=None, received_at=NOW, new_id=lambda: "m1"
            )


def read_length(text: str) -> None:
    """Parse a duration."""
    with suppress(EmulatorError):
        parse_duration(text, "length")


def read_place(text: str) -> None:
    """Parse a JSON path into a captured message."""
    with suppress(EmulatorError):
        JsonPath.parse(text).find_value(EVENT)


def read_query(text: str) -> None:
    """Parse a query of message searches."""
    with suppress(QueryError):
        parse_query(text)


def read_table(text: str) -> None:
    """Parse a table below a step."""
    cells = [line.split("|") for line in text.split("\n")]
    even = [line for line in cells if len(line) == len(cells[0])]
    with suppress(EmulatorError):
        parse_records(even)
    with suppress(EmulatorError):
        parse_pairs(even, even[0][0])


def read_step(text: str) -> None:
    """Match a step of a feature."""
    find_matching_steps(text)


def read_feature(text: str) -> None:
    """Parse a feature file, render its scenarios and compile its pickles."""
    for written in (text, f"Feature: F\n{text}", f"Feature: F\n  Scenario: A\n{text}"):
        with suppress(FeatureFileError):
            feature = parse_feature(written, Path("w.feature"), "w.feature")
            for value in feature.scenarios.values():
                rows = [row for examples in value.examples for row in examples.as_contexts()]
                for row in rows or [{}]:
                    value.render(row)
            Compiler().compile({**Parser().parse(written), "uri": "w.feature"})


TARGETS: Mapping[str, Callable[[str], None]] = {
    **{
        each.__name__.removeprefix("read_"): each
        for each in (
            read_trigger, read_filtering, read_path, read_template, read_liquid, read_date,
            read_pattern, read_body, read_length, read_place, read_query, read_table, read_step,
            read_feature,
        )
    },
    **document_targets.TARGETS,
}  # fmt: skip
# What such texts are made of: random letters alone seldom get past the first token.
WORDS: Mapping[str, tuple[str, ...]] = {
    **document_targets.WORDS,
    "length": ("45", "1.5", " ", "minutes", "day", "and", ",", "P", "T", "M", "W", "999999999"),
    "place": ("$", ".", "[", "]", '["', '"]', "properties", "products", "0", "999999", "'", "="),
    "query": (
        "event", "properties.", "insider", "[]", "[0]", '["', '"]', ":", "=", "!=", "~", ">", "<",
        '"', "\\", "(", ")", " and ", " or ", " not ", " ", "20", "1..2", "since:", "10m", "has:",
        "verdict:", "dropped", ",", "a",
    ),
    "table": ("|", "\n", "a", "a.b", "a.0", "a.0.b", ".", "1", "true", "[1]", "{", '"', "null"),
    "feature": (
        "Feature: F", "\n", "\n  Scenario: A\n", "\n  Scenario Outline: <a>\n", "<a>", "<b>", "\\<",
        "\n  Background:\n", "\n  Rule: R\n", "\n    Examples:\n", "\n      | a |", "|", ":", "*",
        "\n      | 1 | 2 |", "\n    Given Ada shops", "\n    When Ada signs in", "@tag ", "```",
        "\n    Then Insider One knows nobody", "\n    * Ada shops", "\n    And Ada signs in", "当",
        "\n    given Ada shops", '\n      """\n', "# language: tr\n", "# a remark", "Senaryo: S",
        "\n    Whn Ada shops", "\ufeff", "Özellik: F",
    ),
    "step": (
        "Ada ", '"', "completes order ", "adds ", " to the cart", "Insider One ", "receives ",
        "exactly ", "these events for ", ":", "the workspace ", "after ", "45 minutes", " with ",
        "status ", "503", " and ", "is known to the shop as", "fails ", "times ", "journey ",
    ),
    "trigger": (
        "type", "event", "properties.total", "context.page.url", "traits.a", "=", "!=", "<", ">=",
        "contains", "contains()", "match()", "(", ")", " and ", " or ", "!", '"track"', "null", "5",
        "true", "-1.5", '"', "\\", ", ", "is_null",
    ),
    "filtering": (
        "type", "event", "properties.total", "context.page", "=", "!=", "<", "in", "(", ")", "[",
        "]", " and ", " or ", "!", "'a'", '"track"', "null", "5", "match(", "contains(", "length(",
        "lowercase(", "typeof(", ", ", "*", "\\", "\\u0000", "1e5",
    ),
    "path": ("$", ".", "[", "]", "'", '"', "properties", "products", "0", "-1", "\\", "*", "$."),
    "template": ("{{", "}}", "{{{", "}}}", "properties.total", " ", ".", "$", "&", "#", "/", "!"),
    "liquid": (
        "{{", "}}", "{%", "%}", "-", " if ", " else ", " endif ", " for ", " in ", " endfor ",
        " assign ", " case ", " when ", " unless ", " properties.total ", "products", "x", "|",
        "date:", "times:", "split:", "truncate:", "'%Y'", "(1..9999999)", "1", "-1", '"', "=",
        "append:", " capture ", "sort", "[", "]", " cycle ", "raw", "limit:", "99999999999",
    ),
    "date": (
        "2026", "-", "/", ":", "T", "Z", "+", "12", "Jan", "March", "GMT", "(", ")", ".", "pm",
        "000000", "99999", " ", ",", "1",
    ),
    "pattern": ("(", ")", "[", "]", "{", "}", "*", "+", "?", "|", "a", "\\", "^", "$", "(?P<", "1"),
    "body": (
        "{", "}", "[", "]", ":", ",", '"batch"', '"type"', '"track"', '"userId"', '"event"',
        '"timestamp"', '"sentAt"', '"context"', '"integrations"', "null", "true", "1e999", "-0",
        '"2026-11-23T10:00:00Z"', '"0000-00-00"', '"\\ud800"', "99999999999999999999", '"writeKey"',
    ),
}  # fmt: skip
