"""Mappings and triggers are described in words."""

from typing import Any

import pytest

from segment_insider_emulator.inspector.mapping_description import (
    describe_mapping,
    describe_trigger,
    describe_value_source,
    join_text_pieces,
)
from segment_insider_emulator.mapping.catalog import ACTIONS

EMAIL = {"@path": "$.traits.email"}
OTHER = {"@path": "$.properties.email"}


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        pytest.param("EUR", '"EUR"', id="a text"),
        pytest.param(True, "true", id="a boolean"),
        pytest.param(EMAIL, "traits.email", id="a path"),
        pytest.param({"@path": "$."}, "the whole event", id="the root"),
        pytest.param({"@template": "{{a}}-{{b}}"}, "the text {{a}}-{{b}}", id="a template"),
        pytest.param({"@literal": 3}, "3", id="a literal"),
        pytest.param(
            {"@if": {"exists": EMAIL, "then": EMAIL, "else": OTHER}},
            "traits.email or else properties.email",
            id="the first that exists",
        ),
        pytest.param(
            {"@if": {"exists": EMAIL, "then": "yes", "else": "no"}},
            'if traits.email has a value: "yes" ; otherwise "no"',
            id="a condition",
        ),
        pytest.param(
            {"@if": {"blank": EMAIL, "then": EMAIL}},
            "if traits.email is not blank: traits.email ; otherwise nothing",
            id="blank takes then when it is not",
        ),
        pytest.param(
            {"@if": {"exists": EMAIL}}, "nothing: it is left out", id="a way to leave out"
        ),
        pytest.param(
            {"@arrayPath": ["$.properties.products", {"id": {"@path": "$.sku"}}]},
            "for each of properties.products : an object of id: sku",
            id="each of a list",
        ),
        pytest.param(
            {"@case": {"operator": "lower", "value": EMAIL}},
            "traits.email in lower case",
            id="case",
        ),
        pytest.param(
            {"@replace": {"pattern": "-", "replacement": "", "value": EMAIL}},
            'traits.email with "-" replaced by ""',
            id="replace",
        ),
        pytest.param(
            {"@json": {"mode": "encode", "value": EMAIL}},
            "traits.email written as JSON text",
            id="JSON",
        ),
        pytest.param(
            {"@flatten": {"separator": ".", "value": EMAIL}},
            'traits.email made flat, keys joined by "."',
            id="flatten",
        ),
        pytest.param(
            {"@merge": {"objects": [EMAIL, OTHER], "direction": "left"}},
            "traits.email merged with properties.email (the first wins)",
            id="merge",
        ),
        pytest.param({"@if": 3}, '{"@if":3}', id="invalid options, unchanged"),
        pytest.param(
            {"@paht": "$.x"}, '{"@paht":"$.x"} of which @paht is no directive', id="no directive"
        ),
        pytest.param([EMAIL, "x"], 'a list of traits.email , "x"', id="a list"),
        pytest.param({}, "{}", id="an empty object"),
    ],
)
def test_a_mapping_is_described_in_words(mapping: Any, words: str) -> None:
    assert join_text_pieces(describe_value_source(mapping)) == words


def test_every_directive_has_a_description() -> None:
    from segment_insider_emulator.inspector.mapping_description import _DIRECTIVE_DESCRIBERS
    from segment_insider_emulator.mapping.directives import DIRECTIVES

    assert _DIRECTIVE_DESCRIBERS.keys() == DIRECTIVES.keys()


def test_fields_are_listed_in_catalogue_order_with_their_members() -> None:
    mapping = {
        "mine": "x",
        "parameters": {"currency": {"@path": "$.properties.currency"}},
        "uuid": {"@path": "$.userId"},
        "products": {"@arrayPath": ["$.properties.products", {"name": {"@path": "$.title"}}]},
    }
    lines = [
        (line.indent_level, line.key, line.label, join_text_pieces(line.description))
        for line in describe_mapping(ACTIONS["cartViewedEvent"], mapping)
    ]
    assert lines == [
        (0, "uuid", "UUID", "userId"),
        (0, "parameters", "Event Parameters", ""),
        (1, "parameters.currency", "Currency", "properties.currency"),
        (0, "products", "Products", "for each of properties.products"),
        (1, "products[].name", "Name", "title"),
        (0, "mine", "mine", '"x"'),
    ]


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        pytest.param('type = "track"', 'type is "track"', id="one condition"),
        pytest.param(
            'type = "track" and (event = "A" or event = "B")',
            'type is "track" and event is one of "A", "B"',
            id="one of several",
        ),
        pytest.param(
            'type = "track" and event != "A" and event != "B" and event != "C"',
            'type is "track" and event is none of "A", "B", "C"',
            id="none of several",
        ),
        pytest.param(
            'type = "page" and (name = "Home" or properties.path = "/")',
            'type is "page" and (name is "Home" or properties.path is "/")',
            id="a group",
        ),
        pytest.param(
            "properties.total > 10 and traits.vip = true and userId != null",
            "properties.total is more than 10 and traits.vip is true and userId exists",
            id="numbers, booleans and presence",
        ),
        pytest.param(
            'match(event, "Order*") and !contains(properties.url, "test")',
            'event starts with "Order" and properties.url does not contain "test"',
            id="functions",
        ),
        pytest.param(
            "type",
            "malformed, so it takes no event (Value token is missing)",
            id="malformed",
        ),
        pytest.param("", "no trigger: it takes no event", id="none"),
        pytest.param(None, "no trigger: it takes no event", id="no text"),
    ],
)
def test_a_trigger_is_described_in_words(trigger: Any, words: str) -> None:
    assert describe_trigger(trigger) == words
