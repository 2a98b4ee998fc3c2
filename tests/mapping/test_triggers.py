from typing import Any

import pytest

from segment_insider_emulator.mapping.triggers import (
    EmptyGroupError,
    TriggerCondition,
    TriggerError,
    TriggerGroup,
    compile_trigger,
    parse_trigger,
)

EVENT: dict[str, Any] = {
    "type": "track",
    "event": "Order Completed",
    "userId": "u1",
    "properties": {"total": 99.5, "vip": True, "coupon": None, "note": "gift wrap", "zero": 0},
    "traits": {"plan": "pro"},
    "context": {"page": {"path": "/cart"}},
}


@pytest.mark.parametrize(
    ("trigger", "matches"),
    [
        pytest.param('type = "track" and event = "Order Completed"', True, id="both are true"),
        pytest.param('type = "track" and event = "Cart Viewed"', False, id="one is false"),
        pytest.param('event = "order completed"', False, id="case matters"),
        pytest.param("properties.total > 99", True, id="number greater"),
        pytest.param('properties.total > "99"', True, id="a literal in quotes is made a number"),
        pytest.param("properties.note > 1", False, id="text is never greater"),
        pytest.param("properties.vip = true", True, id="boolean"),
        pytest.param("properties.vip != true", True, id="not true matches true"),
        pytest.param('properties.absent != "x"', True, id="not equal matches missing values"),
        pytest.param("properties.absent != 3", False, id="number not equal does not"),
        pytest.param("properties.coupon = null", True, id="null counts as missing"),
        pytest.param("properties.absent = null", True, id="missing equals null"),
        pytest.param("properties.zero != null", True, id="zero exists"),
        pytest.param('contains(properties.note, "gift")', True, id="contains"),
        pytest.param('!contains(properties.note, "gift")', False, id="negated contains"),
        pytest.param('!contains(properties.absent, "x")', False, id="negation needs a value"),
        pytest.param('match(event, "Order*")', True, id="match a beginning"),
        pytest.param('match(event, "*Completed")', True, id="match an end"),
        pytest.param('match(event, "xOrder Completed")', True, id="no wildcard drops a character"),
        pytest.param('context.page.path = "/cart"', True, id="nested path"),
        pytest.param("type = 'track'", False, id="single quotes belong to the text"),
        pytest.param('type = "track" AND event = "X"', False, id="AND in capitals is skipped"),
        pytest.param(
            'event = "X" and type = "track" or userId = "u1"',
            True,
            id="the last and or or applies to all",
        ),
        pytest.param(
            'type = "track" and !(event = "Order Completed")',
            True,
            id="not before a group does nothing",
        ),
        pytest.param('anonymousId = "a" and type = "track"', True, id="unknown names are skipped"),
    ],
)
@pytest.mark.observed
def test_trigger(trigger: str, matches: bool) -> None:
    assert compile_trigger(trigger)(EVENT) is matches


@pytest.mark.parametrize(
    "trigger",
    [
        pytest.param("", id="empty"),
        pytest.param("hello world", id="words"),
        pytest.param('type = "track', id="unterminated text"),
        pytest.param('type!="track"', id="no blank after the operator"),
        pytest.param('((type = "track"))', id="groups two deep"),
        pytest.param('anonymousId = "a"', id="only unknown names"),
        pytest.param("properties.list[0] = 1", id="an index"),
        pytest.param("properties.total = 1.2.3", id="two decimal points"),
    ],
)
@pytest.mark.observed
def test_malformed_trigger(trigger: str) -> None:
    with pytest.raises(TriggerError):
        parse_trigger(trigger)


def test_empty_parentheses_fail_during_evaluation() -> None:
    matches = compile_trigger('type = "track" and ()')

    assert matches({"type": "page"}) is False
    with pytest.raises(EmptyGroupError):
        matches({"type": "track"})


def test_parsed_conditions() -> None:
    assert parse_trigger('type = "track" and (properties.a = 1 or event = "x")') == TriggerGroup(
        "and",
        (
            TriggerCondition("type", (), "=", "track"),
            TriggerGroup(
                "or",
                (
                    TriggerCondition("properties", ("a",), "number_equals", 1.0),
                    TriggerCondition("event", (), "=", "x"),
                ),
            ),
        ),
    )
