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


def build_call(kind: str, **changes: Any) -> JSONObject:
    return {"type": kind, "userId": "ada", **changes}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("event", "rejection"),
    [
        pytest.param(build_call("track", event="Debug Ping"), PING_OFF, id="a name that is off"),
        pytest.param(build_call("track", event="debug ping"), None, id="letter case counts"),
        pytest.param(build_call("track", event="Order Completed"), None, id="a name that is on"),
        pytest.param(build_call("track", event="Song Played"), None, id="a name it does not know"),
        pytest.param(build_call("page", name="Debug Ping"), PAGES_OFF, id="all pages"),
        pytest.param(build_call("screen", name="Home"), None, id="screens are not pages"),
        pytest.param(build_call("alias", previousId="a"), None, id="alias"),
        pytest.param(build_call("identify", traits=None), None, id="no traits"),
    ],
)
def test_events_are_switched_off_by_name(event: JSONObject, rejection: Rejection | None) -> None:
    assert apply_source_schema(SCHEMA, event) == FilterResult(event, rejection)


@pytest.mark.documented
@pytest.mark.parametrize(("kind", "trait"), [("identify", "ssn"), ("group", "employees")])
def test_single_traits_are_switched_off(kind: str, trait: str) -> None:
    event = build_call(kind, traits={trait: 1, "name": "Ada"})
    omitted = (OmittedField(f"traits.{trait}", "event_setting"),)
    assert apply_source_schema(SCHEMA, event) == FilterResult(
        build_call(kind, traits={"name": "Ada"}), omitted=omitted
    )
