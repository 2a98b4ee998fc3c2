from typing import Any

import pytest

from segment_insider_emulator.segment.validation import find_discard_reason

TRACK = {"type": "track", "event": "Product Viewed", "userId": "ada"}
PAGE = {"type": "page", "anonymousId": "a1"}


def find_discard_code(call: dict[str, Any]) -> str | None:
    discard = find_discard_reason(call)
    return discard.code if discard else None


@pytest.mark.documented
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        pytest.param({"type": "track", "event": "x"}, "no_user_anon_id", id="no id"),
        pytest.param(
            {**TRACK, "userId": None, "anonymousId": None}, "no_user_anon_id", id="null ids"
        ),
        pytest.param({**TRACK, "userId": 7}, "id_not_string", id="a number as id"),
        pytest.param({**TRACK, "userId": ""}, "id_not_string", id="an empty id"),
        pytest.param({**TRACK, "event": None}, "event_not_defined", id="null event"),
        pytest.param({"type": "track", "userId": "ada"}, "event_not_defined", id="no event"),
        pytest.param({**TRACK, "event": 5}, "event_not_string", id="a number as event"),
        pytest.param({**TRACK, "properties": [1]}, "properties_not_object", id="a list"),
        pytest.param(
            {"type": "identify", "userId": "ada", "traits": "vip"}, "traits_not_object", id="text"
        ),
        pytest.param({**PAGE, "name": ["Home"]}, "name_not_string", id="a list as name"),
        pytest.param({**PAGE, "name": ""}, "name_not_string", id="an empty name"),
        pytest.param({**PAGE, "category": 3}, "category_not_string", id="a number as category"),
    ],
)
def test_an_invalid_call_is_discarded_with_segment_s_code(
    call: dict[str, Any], expected: str
) -> None:
    assert find_discard_code(call) == expected


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        pytest.param({**TRACK, "event": ""}, "event_not_defined", id="an empty event"),
        pytest.param({**TRACK, "type": "trakc"}, "bad_request", id="an unknown type"),
        pytest.param({"event": "x", "userId": "ada"}, "bad_request", id="no type in a batch"),
        pytest.param({**TRACK, "type": ["track"]}, "bad_request", id="a list as type"),
        pytest.param({**TRACK, "context": "web"}, "bad_request", id="text as context"),
        pytest.param({**TRACK, "integrations": []}, "bad_request", id="a list as integrations"),
        pytest.param({**TRACK, "messageId": 9}, "id_not_string", id="a number as messageId"),
    ],
)
def test_an_undocumented_mistake_is_discarded(call: dict[str, Any], expected: str) -> None:
    assert find_discard_code(call) == expected


@pytest.mark.observed
@pytest.mark.parametrize(
    "call",
    [
        pytest.param(TRACK, id="a track call"),
        pytest.param({**TRACK, "anonymousId": None}, id="the null ids of the Python SDK"),
        pytest.param({**PAGE, "userId": None}, id="the null user of a browser"),
        pytest.param({**PAGE, "name": None, "category": None}, id="a page without a name"),
        pytest.param({**PAGE, "event": 5}, id="a field that its type does not read"),
        pytest.param({"type": "group", "userId": "ada", "groupId": "acme"}, id="a group call"),
        pytest.param({"type": "alias", "userId": "ada", "previousId": "a1"}, id="an alias call"),
        pytest.param({**TRACK, "messageId": ""}, id="an empty messageId"),
    ],
)
def test_a_valid_call_is_accepted(call: dict[str, Any]) -> None:
    assert find_discard_code(call) is None
