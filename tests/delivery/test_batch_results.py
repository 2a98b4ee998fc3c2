"""The response to a batch is split by user: each event is shown only its own part."""

import orjson
import pytest

from segment_insider_emulator.delivery.results import (
    build_request_body_for_user,
    build_response_for_user,
)
from segment_insider_emulator.types import HttpResponse, JSONObject

ERRORS = {"users.1.identifiers.required": ["either"], "users.10.insider_id.required": ["or"]}
MIXED = {"data": {"successful": {"count": 9}, "fail": {"count": 2, "errors": ERRORS}}}
FINDING = {"verdict": "warning", "where": "users.1.attributes", "what": "w", "remedy": "r"}


def build_response(body: JSONObject, *findings: JSONObject) -> HttpResponse:
    headers = {"x-emulator-findings": orjson.dumps(findings).decode()} if findings else {}
    return HttpResponse(200, orjson.dumps(body), headers)


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        pytest.param(0, {"successful": {"count": 1}, "fail": {}}, id="a user that was taken"),
        pytest.param(
            1,
            {
                "successful": {},
                "fail": {"count": 1, "errors": {"users.0.identifiers.required": ["either"]}},
            },
            id="a user that was not, under the index it has alone",
        ),
        pytest.param(
            10,
            {
                "successful": {},
                "fail": {"count": 1, "errors": {"users.0.insider_id.required": ["or"]}},
            },
            id="an index is a whole number",
        ),
    ],
)
def test_a_user_gets_only_its_own_failures(position: int, expected: JSONObject) -> None:
    assert orjson.loads(build_response_for_user(build_response(MIXED), position).body) == {
        "data": expected
    }


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"data": {"successful": {}, "fail": {"count": 2}}}, id="no errors listed"),
        pytest.param({"error": "x"}, id="another shape"),
    ],
)
def test_failures_without_a_user_index_apply_to_all_users(body: JSONObject) -> None:
    assert build_response_for_user(build_response(body), 1).body == orjson.dumps(body)


def test_a_user_gets_only_its_own_findings() -> None:
    response = build_response(MIXED, FINDING, {**FINDING, "where": "skip_hook"})
    first, second = build_response_for_user(response, 1), build_response_for_user(response, 0)
    reports = first.report, second.report
    assert [report and [finding["where"] for finding in report.findings] for report in reports] == [
        ["users.0.attributes", "skip_hook"],
        ["skip_hook"],
    ]
    assert first.report is not None
    assert first.report.verdict == "warning"


def test_an_error_applies_to_all_users_and_its_body_is_truncated() -> None:
    assert build_response_for_user(HttpResponse(502, b"x" * 9_000), 3) == HttpResponse(
        502, b"x" * 2_000
    )


def test_a_user_gets_only_its_own_part_of_the_request() -> None:
    body = {"users": [{"a": 1}, {"a": 2}], "platform": "segment"}
    assert orjson.loads(build_request_body_for_user(body, 1)) == {
        "users": [{"a": 2}],
        "platform": "segment",
    }
