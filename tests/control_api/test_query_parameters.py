"""Query parameters are checked strictly: a misspelt filter is an error."""

from collections.abc import Mapping

import pytest

from segment_insider_emulator.control_api.request_parsing import PageQuery, parse_page_query
from segment_insider_emulator.errors import EmulatorError

FILTERS = ("event", "verdict")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        pytest.param({}, PageQuery({}, 0, 100), id="nothing: the first hundred"),
        pytest.param({"event": "A", "after": "7"}, PageQuery({"event": "A"}, 7, 100), id="page on"),
        pytest.param({"event": "", "limit": ""}, PageQuery({}, 0, 100), id="empty does not count"),
        pytest.param({"limit": "1000"}, PageQuery({}, 0, 1000), id="largest page"),
    ],
)
def test_query_parameters_are_parsed(args: Mapping[str, str], expected: PageQuery) -> None:
    assert parse_page_query(args, FILTERS) == expected


@pytest.mark.parametrize(
    ("args", "message"),
    [
        pytest.param(
            {"evnt": "A"},
            "query: unknown parameter 'evnt'. Known: event, verdict, after, limit.",
            id="unknown parameter",
        ),
        pytest.param(
            {"verdict": "lost"},
            "verdict: unknown verdict 'lost'. Known: accepted, warning, dropped, rejected, "
            "filtered, not_subscribed, disabled, failed, retrying.",
            id="unknown verdict",
        ),
        pytest.param(
            {"limit": "0"},
            "limit: '0' cannot be used. Give a whole number from 1 to 1000.",
            id="limit out of range",
        ),
        pytest.param(
            {"after": "last"},
            "after: 'last' cannot be used. Give a whole number from 0 to 9223372036854775807.",
            id="cursor that is no number",
        ),
    ],
)
def test_an_invalid_query_parameter_is_named(args: Mapping[str, str], message: str) -> None:
    with pytest.raises(EmulatorError) as refused:
        parse_page_query(args, FILTERS)
    assert str(refused.value) == message
