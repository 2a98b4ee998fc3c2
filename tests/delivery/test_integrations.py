"""The integrations object switches destinations off."""

import pytest

from emulator.delivery.integrations import NAME, switched_off
from emulator.types import JSON

pytestmark = pytest.mark.documented


@pytest.mark.parametrize(
    ("integrations", "expected"),
    [
        pytest.param(None, False, id="absent: all on"),
        pytest.param({}, False, id="empty: all on"),
        pytest.param({"All": False}, True, id="all off"),
        pytest.param({"All": False, NAME: True}, False, id="only this one"),
        pytest.param({"All": False, NAME: {"option": 1}}, False, id="options count as on"),
        pytest.param({NAME: False}, True, id="all but this one"),
        pytest.param({NAME.lower(): False}, False, id="letter case counts"),
        pytest.param({"Segment.io": False}, False, id="another one off"),
        pytest.param("none", False, id="not an object"),
    ],
)
def test_switched_off(integrations: JSON, expected: bool) -> None:
    assert switched_off(integrations) is expected
