"""The integrations object switches destinations off, and unknown names in it get a hint."""

import pytest

from segment_insider_emulator.delivery.filter_chain import (
    CATALOG_NAME,
    INTEGRATIONS_OBJECT_CODE,
    filter_by_integrations,
)
from segment_insider_emulator.filtering.result import DESTINATION_STEP, FilterResult, Rejection
from segment_insider_emulator.types import JSON

pytestmark = pytest.mark.documented
REASON = "the event's integrations object has {!r}: false, which switches the destination off"


@pytest.mark.parametrize(
    ("integrations", "by"),
    [
        pytest.param({}, None, id="empty: all on"),
        pytest.param({"All": False}, "All", id="all off"),
        pytest.param({"All": False, CATALOG_NAME: True}, None, id="only this one"),
        pytest.param({"All": False, CATALOG_NAME: {"option": 1}}, None, id="options count as on"),
        pytest.param({"All": True, CATALOG_NAME: False}, CATALOG_NAME, id="all but this one"),
        pytest.param({"Segment.io": False}, None, id="Segment itself is no destination"),
        pytest.param(None, None, id="absent: all on"),
        pytest.param("none", None, id="not an object"),
        pytest.param(
            {"All": False, CATALOG_NAME: None}, "All", id="null", marks=pytest.mark.assumed
        ),
        pytest.param({CATALOG_NAME: "false"}, None, id="text", marks=pytest.mark.assumed),
    ],
)
def test_the_integrations_object_switches_the_destination_off(
    integrations: JSON, by: str | None
) -> None:
    event = {"integrations": integrations}
    rejection = (
        Rejection(DESTINATION_STEP, INTEGRATIONS_OBJECT_CODE, REASON.format(by)) if by else None
    )
    assert filter_by_integrations(event) == FilterResult(event, rejection)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("all", "which has no effect: write 'All'.", id="letter case counts"),
        pytest.param("segment.io", "which has no effect: write 'Segment.io'.", id="Segment's, too"),
        pytest.param(
            CATALOG_NAME.lower(),
            f"which is not a destination: write {CATALOG_NAME!r}.",
            id="and this one's",
        ),
        pytest.param(
            "Actions Insider Cloud Mode",
            f"which is not a destination: write {CATALOG_NAME!r}.",
            id="reversed",
        ),
        pytest.param(
            "Insider Audiences",
            "which is another destination: it has no effect here.",
            id="the sibling",
        ),
        pytest.param(
            "Mixpanel", "which is another destination: it has no effect here.", id="another"
        ),
    ],
)
def test_an_unknown_integration_name_gets_a_hint(name: str, hint: str) -> None:
    event = {"integrations": {name: False}}
    assert filter_by_integrations(event) == FilterResult(
        event, hints=(f"integrations names {name!r}, {hint}",)
    )
