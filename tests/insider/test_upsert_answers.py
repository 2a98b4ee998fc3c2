"""Responses of the Upsert endpoint, in the texts of Insider One."""

from typing import Any

import orjson
import pytest
from account import KEYS, PURCHASE, RECENT, Account, build_event, parse_body, parse_findings

from segment_insider_emulator.types import HttpRequest

IDENTIFIERS = {"uuid": "u1"}
NO_IDENTIFIERS = ["either insider_id or idenifiers must be specified"]
USER = {"identifiers": IDENTIFIERS, "attributes": {"name": "Ada"}}


def build_purchase_without(name: str) -> dict[str, Any]:
    return {key: value for key, value in PURCHASE.items() if key != name}


@pytest.mark.documented
def test_accepted_users_are_counted() -> None:
    response = Account().send(USER, {"identifiers": {"uuid": "u2"}, "attributes": {"name": "Bo"}})
    assert (response.status, parse_body(response), response.headers["content-type"]) == (
        200,
        {"data": {"successful": {"count": 2}, "fail": {}}},
        "application/json",
    )
    assert response.headers["x-emulator-verdict"] == "accepted"
    assert parse_findings(response) == []


@pytest.mark.documented
@pytest.mark.parametrize(
    ("user", "errors"),
    [
        pytest.param(
            {
                "identifiers": IDENTIFIERS,
                "events": [build_event("purchase", currency="USD", quantity=1, product_id="p")],
            },
            {
                "users.0.events.0.event_params.*.required": [
                    "event_group_id parameter is required on purchase event",
                    "unit_sale_price parameter is required on purchase event",
                ]
            },
            id="purchase without required parameters",
        ),
        pytest.param(
            {"attributes": {"name": "Ada"}},
            {
                "users.0.identifiers.required": NO_IDENTIFIERS,
                "users.0.insider_id.required": NO_IDENTIFIERS,
            },
            id="neither identifiers nor insider_id",
        ),
        pytest.param(
            {"identifiers": {"email": "sample"}, "attributes": {"name": "Ada"}},
            {r"users.0.identifiers.*.regexp(^.+@.+\..+$)": ["not a valid email address: sample"]},
            id="invalid e-mail address",
        ),
        pytest.param(
            {"identifiers": {"uuid": 12345}, "attributes": {"name": "Ada"}},
            {"users.0.identifiers.*.type(string)": ["uuid must be string: 12345"]},
            id="number as uuid",
        ),
        pytest.param(
            {"identifiers": {"user_id": "7"}, "attributes": {"name": "Ada"}},
            {
                "users.0.identifiers.*.in(defaults_column)": [
                    "key must be one of phone_number(pn), email(em) or uuid"
                ]
            },
            id="unknown default identifier",
        ),
        pytest.param(
            {"identifiers": {"phone_number": "12345"}, "attributes": {"name": "Ada"}},
            {
                r"users.0.identifiers.*.regexp(^\+[1-9]\d{6,14}$)": [
                    "user has an invalid phone number: 12345"
                ]
            },
            id="phone number not in E.164 form",
        ),
        pytest.param(
            {
                "identifiers": IDENTIFIERS,
                "events": [{"event_name": "homepageView", "timestamp": RECENT}],
            },
            {
                "users.0.events.0.event_name.*.regexp(^[a-z0-9][a-zA-Z0-9._-]*$)": [
                    "invalid event name: homepageView"
                ]
            },
            id="event name with a capital",
        ),
        pytest.param(
            {"identifiers": {"email": "sample", "uuid": 5, "crm": "7"}, "events": []},
            {
                r"users.0.identifiers.*.regexp(^.+@.+\..+$)": ["not a valid email address: sample"],
                "users.0.identifiers.*.type(string)": ["uuid must be string: 5"],
                "users.0.identifiers.*.in(defaults_column)": [
                    "key must be one of phone_number(pn), email(em) or uuid"
                ],
            },
            id="three errors of one user count as one",
        ),
    ],
)
def test_a_documented_error_rejects_the_user(user: Any, errors: Any) -> None:
    response = Account().send(user)
    assert (response.status, parse_body(response)) == (
        200,
        {"data": {"successful": {}, "fail": {"count": 1, "errors": errors}}},
    )
    assert response.headers["x-emulator-verdict"] == "dropped"


@pytest.mark.documented
def test_backslashes_of_an_error_key_are_doubled_in_the_raw_json() -> None:
    response = Account().send({"identifiers": {"email": "sample"}, "events": []})
    assert b'"users.0.identifiers.*.regexp(^.+@.+\\\\..+$)"' in response.body


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("user", "errors"),
    [
        ({"identifiers": {"custom": {}}, "events": []}, {"identifiers.required": NO_IDENTIFIERS}),
        ({"identifiers": {}, "events": []}, {"identifiers.required": NO_IDENTIFIERS}),
        (
            {"identifiers": IDENTIFIERS},
            {"attributes.required": ["either attributes or events must be specified"]},
        ),
        ("ada", {"type(object)": ["user must be object: ada"]}),
        (
            {"identifiers": "u1", "events": []},
            {"identifiers.type(object)": ["identifiers must be object: u1"]},
        ),
        (
            {"insider_id": 7, "events": []},
            {"insider_id.type(string)": ["insider_id must be string: 7"]},
        ),
        (
            {"identifiers": IDENTIFIERS, "attributes": []},
            {"attributes.type(object)": ["attributes must be object: []"]},
        ),
        (
            {"identifiers": IDENTIFIERS, "events": {}},
            {"events.type(array)": ["events must be array: {}"]},
        ),
        (
            {"identifiers": IDENTIFIERS, "events": [1]},
            {"events.0.type(object)": ["event must be object: 1"]},
        ),
        (
            {"identifiers": IDENTIFIERS, "events": [{}]},
            {
                "events.0.event_name.required": ["event_name is required"],
                "events.0.timestamp.required": ["timestamp is required"],
            },
        ),
        (
            {"identifiers": IDENTIFIERS, "events": [build_event("a", "yesterday")]},
            {"events.0.timestamp.*.datetime(rfc3339)": ["invalid timestamp: yesterday"]},
        ),
        (
            {"identifiers": IDENTIFIERS, "events": [{**build_event("a"), "event_params": []}]},
            {"events.0.event_params.type(object)": ["event_params must be object: []"]},
        ),
        (
            {"identifiers": IDENTIFIERS, "events": [build_event("order_#1")]},
            {
                "events.0.event_name.*.regexp(^[a-z0-9][a-zA-Z0-9._-]*$)": [
                    "invalid event name: order_#1"
                ]
            },
        ),
    ],
)
def test_an_undocumented_error_rejects_the_user_in_similar_words(user: Any, errors: Any) -> None:
    response = parse_body(Account().send(user))["data"]["fail"]
    expected = {f"users.0.{key}": texts for key, texts in errors.items()}
    same_error_keys = {"identifiers.required": "insider_id", "attributes.required": "events"}
    for key, other_key in same_error_keys.items():
        if key in errors:
            expected[f"users.0.{other_key}.required"] = errors[key]
    assert response == {"count": 1, "errors": expected}


def test_an_unknown_identifier_is_named_in_the_findings_only() -> None:
    response = Account().send({"identifiers": {"uuid": "u1", "crm": "7", "erp": "8"}, "events": []})
    places = [finding["where"] for finding in parse_findings(response)]
    assert places == ["users.0.identifiers.crm", "users.0.identifiers.erp"]


@pytest.mark.documented
@pytest.mark.parametrize("name", PURCHASE)
def test_each_required_parameter_of_a_purchase_is_checked(name: str) -> None:
    response = Account().send(
        {
            "identifiers": IDENTIFIERS,
            "events": [build_event("purchase", **build_purchase_without(name))],
        }
    )
    assert parse_body(response)["data"]["fail"]["errors"] == {
        "users.0.events.0.event_params.*.required": [
            f"{name} parameter is required on purchase event"
        ]
    }


@pytest.mark.documented
def test_a_cart_requires_group_currency_and_price() -> None:
    response = Account().send(
        {"identifiers": IDENTIFIERS, "events": [build_event("cart_page_view", quantity=2)]}
    )
    assert parse_body(response)["data"]["fail"]["errors"] == {
        "users.0.events.0.event_params.*.required": [
            f"{name} parameter is required on cart_page_view event"
            for name in ("event_group_id", "currency", "unit_sale_price")
        ]
    }


@pytest.mark.assumed
def test_a_user_with_one_error_is_rejected_as_a_whole_and_the_others_accepted() -> None:
    account = Account()
    partly_invalid = {
        "identifiers": {"uuid": "bad"},
        "attributes": {"name": "Bo"},
        "events": [build_event("a"), build_event("B")],
    }
    response = parse_body(account.send(USER, partly_invalid))
    assert (response["data"]["successful"], response["data"]["fail"]["count"]) == ({"count": 1}, 1)
    assert list(response["data"]["fail"]["errors"]) == [
        "users.1.events.1.event_name.*.regexp(^[a-z0-9][a-zA-Z0-9._-]*$)"
    ]
    assert account.profiles.list_profiles_with_events("uuid:bad") == ([], None)
    assert account.get_profile("uuid:u1")["attributes"] == {"uuid": "u1", "name": "Ada"}


@pytest.mark.assumed
def test_at_most_a_hundred_errors_of_one_user_are_listed() -> None:
    names = [{"event_name": "A", "timestamp": RECENT}] * 200
    fail = parse_body(Account().send({"identifiers": IDENTIFIERS, "events": names}))["data"]["fail"]
    assert (fail["count"], len(fail["errors"])) == (1, 100)


ACCESS_DENIED = {
    "success": False,
    "message": "Access Denied. You do not have sufficient access to perform this action.",
}
INVALID_JSON = {"success": False, "message": "Request data is not in valid JSON format."}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("sent", "headers", "status", "check_responds"),
    [
        (b"{}", {}, 400, {"error": "users must be defined: bad request"}),
        (
            b" " * 5_000_001,
            {},
            400,
            {"error": "request body is bigger than maximum allowed size 5,000,000 bytes"},
        ),
        (
            b"{}",
            {"content_type": "text/plain"},
            400,
            {"error": "content type must be application/json"},
        ),
        (b"{", {}, 400, INVALID_JSON),
        (b"", {}, 400, INVALID_JSON),
        (
            b"{}",
            {"x_partner_name": "other"},
            400,
            {"success": False, "message": "Partner is invalid."},
        ),
        (
            b"{}",
            {"x_partner_name": "MyBrand"},
            400,
            {"success": False, "message": "Partner is invalid."},
        ),
        (b"{}", {"x_request_token": "wrong"}, 403, ACCESS_DENIED),
        (b"{}", {"x_request_token": ""}, 403, ACCESS_DENIED),
    ],
)
def test_a_request_is_refused_with_a_documented_text(
    sent: bytes, headers: Any, status: int, check_responds: Any
) -> None:
    response = Account().post(sent, **headers)
    assert (response.status, parse_body(response)) == (status, check_responds)
    assert [finding["what"] for finding in parse_findings(response)] == [
        check_responds.get("error") or check_responds["message"]
    ]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"users": []}, "users must be defined: bad request"),
        ({"users": None}, "users must be defined: bad request"),
        ([], "users must be defined: bad request"),
        ({"users": {}}, "users must be array: bad request"),
        (
            {"users": [USER] * 1001},
            "number of users is bigger than maximum allowed 1,000: bad request",
        ),
    ],
)
def test_a_request_is_refused_with_an_undocumented_text(sent: Any, text: str) -> None:
    response = Account().post(orjson.dumps(sent))
    assert (response.status, parse_body(response)) == (400, {"error": text})


def test_a_body_of_more_than_100_levels_is_refused_and_one_of_100_is_read() -> None:
    def build_nested_body(levels: int) -> bytes:
        return b"[" * levels + b"]" * levels

    assert parse_body(Account().post(build_nested_body(100))) == {
        "error": "users must be defined: bad request"
    }
    assert parse_body(Account().post(build_nested_body(101))) == INVALID_JSON
    assert parse_body(Account().post(build_nested_body(100_000))) == INVALID_JSON


@pytest.mark.documented
def test_a_thousand_users_and_a_content_type_with_a_charset_are_accepted() -> None:
    users = [{"identifiers": {"uuid": f"u{n}"}, "attributes": {"age": n}} for n in range(1000)]
    sent = orjson.dumps({"users": users, "platform": "segment"})
    response = Account().post(sent, content_type="application/json; charset=utf-8")
    assert parse_body(response) == {"data": {"successful": {"count": 1000}, "fail": {}}}


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("POST", "/api/user/v1/nowhere", 404, None),
        ("POST", "/api/user/v1/upsert/", 404, None),
        ("GET", "/api/user/v1/upsert", 405, "POST"),
    ],
)
def test_unknown_addresses_and_methods_are_refused(
    method: str, path: str, status: int, allow: str | None
) -> None:
    response = Account().endpoint.handle_request(HttpRequest(method, path, KEYS))
    assert (response.status, response.headers.get("allow")) == (status, allow)
    assert list(parse_body(response)) == ["error"]


@pytest.mark.observed
def test_the_cart_of_the_destination_is_accepted_and_stored() -> None:
    account = Account()
    products = [
        {
            "custom": {},
            "product_id": "P1",
            "taxonomy": ["Shoes"],
            "unit_sale_price": 10,
            "unit_price": 10,
            "quantity": 2,
            "currency": "EUR",
            "event_group_id": "C9",
        },
        {
            "custom": {},
            "product_id": "P2",
            "unit_sale_price": 5,
            "unit_price": 5,
            "currency": "EUR",
            "event_group_id": "C9",
        },
    ]
    user = {
        "identifiers": {"uuid": "u1", "custom": {"segment_anonymous_id": "a1"}, "email": "x@y.io"},
        "attributes": {"custom": {}, "email": "x@y.io"},
        "events": [
            build_event("cart_page_view", "2026-11-23T09:00:00.000Z", **product)
            for product in products
        ],
        "not_append": True,
    }
    assert account.send_and_list_warnings(user, platform="segment") == []
    profile = account.get_profile("segment_anonymous_id:a1")
    assert profile["identifiers"] == {
        "uuid": "u1",
        "email": "x@y.io",
        "custom": {"segment_anonymous_id": "a1"},
    }
    assert profile["attributes"] == {"uuid": "u1", "email": "x@y.io"}
    assert [event["event_params"] for event in profile["events"]] == [
        {key: value for key, value in product.items() if key != "custom"} for product in products
    ]
