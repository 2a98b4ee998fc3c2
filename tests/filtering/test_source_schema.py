"""The source's schema switches events and traits off by name."""

from typing import Any

import pytest

from segment_insider_emulator.filtering.event_filters import apply_source_schema
from segment_insider_emulator.filtering.result import (
    SOURCE_STEP,
    FilterResult,
    OmittedField,
    Rejection,
)
from segment_insider_emulator.types import JSONObject

SCHEMA: JSONObject = {
    "track": {"Debug Ping": False, "Order Completed": True},
    "page": False,
    "identify": {"ssn": False},
    "group": {"employees": False},
}
PING_OFF = Rejection(SOURCE_STEP, "event_setting", "the source's schema switches 'Debug Ping' off")
PAGES_OFF = Rejection(SOURCE_STEP, "event_setting", "the source's schema switches page calls off")


def call(kind: str, **changes: Any) -> JSONObject:
    return {"type": kind, "userId": "ada", **changes}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("event", "stop"),
    [
        pytest.param(call("track", event="Debug Ping"), PING_OFF, id="a name that is off"),
        pytest.param(call("track", event="debug ping"), None, id="letter case counts"),
        pytest.param(call("track", event="Order Completed"), None, id="a name that is on"),
        pytest.param(call("track", event="Song Played"), None, id="a name it does not know"),
        pytest.param(call("page", name="Debug Ping"), PAGES_OFF, id="all pages"),
        pytest.param(call("screen", name="Home"), None, id="screens are not pages"),
        pytest.param(call("alias", previousId="a"), None, id="alias"),
        pytest.param(call("identify", traits=None), None, id="no traits"),
    ],
)
def test_events_are_switched_off_by_name(event: JSONObject, stop: Rejection | None) -> None:
    assert apply_source_schema(SCHEMA, event) == FilterResult(event, stop)


@pytest.mark.documented
@pytest.mark.parametrize(("kind", "trait"), [("identify", "ssn"), ("group", "employees")])
def test_traits_are_switched_off_alone(kind: str, trait: str) -> None:
    event = call(kind, traits={trait: 1, "name": "Ada"})
    omitted = (OmittedField(f"traits.{trait}", "event_setting"),)
    assert apply_source_schema(SCHEMA, event) == FilterResult(
        call(kind, traits={"name": "Ada"}), omitted=omitted
    )
