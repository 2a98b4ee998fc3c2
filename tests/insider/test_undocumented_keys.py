"""Undocumented keys of a request cause a warning with the probable key."""

from typing import Any

import pytest
from account import RECENT, Account, build_event, parse_body, parse_findings

from segment_insider_emulator.types import JSONObject

ADA = {"identifiers": {"uuid": "u1"}, "attributes": {"name": "Ada"}}
UNDOCUMENTED = "is not a documented key of"


def send_and_list_findings(
    account: Account, *users: Any, **additions: Any
) -> list[tuple[str, str, str]]:
    all_findings = parse_findings(account.send(*users, **additions))
    return [(finding["where"], finding["what"], finding["remedy"]) for finding in all_findings]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("additions", "remedy"),
    [
        ({"skiphook": True}, "Write skip_hook."),
        ({"skipHook": True}, "Write skip_hook."),
        ({"error_callback_endpoints": "x"}, "Write error_callback_endpoint."),
        ({"identifiers": {}}, "Move it into each user in users."),
        ({"append": True}, "Move it into each user in users."),
        ({"event_name": "a"}, "Move it into each event in events."),
        (
            {"partner": "mybrand"},
            "Remove it. Documented keys: users, skip_hook, error_callback_endpoint, platform.",
        ),
    ],
)
def test_an_undocumented_key_of_a_request_is_named(additions: JSONObject, remedy: str) -> None:
    (name,) = additions
    expected = (name, f"{name} {UNDOCUMENTED} a request; its value is ignored", remedy)
    assert send_and_list_findings(Account(), ADA, **additions) == [expected]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("additions", "remedy"),
    [
        ({"attribute": {}}, "Write attributes."),
        ({"Attributes": {}}, "Write attributes."),
        ({"event": []}, "Write events."),
        ({"identifier": {}}, "Write identifiers."),
        ({"insiderId": "x"}, "Write insider_id."),
        ({"notAppend": True}, "Write not_append."),
        ({"skip_hook": True}, "Move it into the request, next to users."),
        ({"skiphook": True}, "Write skip_hook, and move it into the request, next to users."),
        ({"custom": {}}, "Move it into attributes."),
        ({"email": "a@b.io"}, "Move it into identifiers, or into attributes."),
        ({"uuid": "u1"}, "Move it into identifiers, or into attributes."),
        ({"age": 7}, "Move it into attributes."),
        ({"event_params": {}}, "Move it into each event in events."),
    ],
)
def test_an_undocumented_key_of_a_user_is_named(additions: JSONObject, remedy: str) -> None:
    (name,) = additions
    expected = (f"users.0.{name}", f"{name} {UNDOCUMENTED} a user; its value is ignored", remedy)
    assert send_and_list_findings(Account(), {**ADA, **additions}) == [expected]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("additions", "remedy"),
    [
        ({"event_param": {}}, "Write event_params."),
        ({"eventParams": {}}, "Write event_params."),
        ({"params": {}}, "Remove it. Documented keys: event_name, timestamp, event_params."),
        ({"custom": {"plan": "x"}}, "Move it into event_params."),
        ({"currency": "EUR"}, "Move it into event_params."),
        ({"curency": "EUR"}, "Write currency, and move it into event_params."),
        ({"attributes": {}}, "Move it into each user in users."),
    ],
)
def test_an_undocumented_key_of_an_event_is_named(additions: JSONObject, remedy: str) -> None:
    (name,) = additions
    user = {"identifiers": {"uuid": "u1"}, "events": [{**build_event("a"), **additions}]}
    expected = (
        f"users.0.events.0.{name}",
        f"{name} {UNDOCUMENTED} an event; its value is ignored",
        remedy,
    )
    assert send_and_list_findings(Account(), user) == [expected]


def test_a_rejected_user_gets_a_suggestion_for_the_wrong_key() -> None:
    response = Account().send({"identifier": {"uuid": "u1"}, "attributes": {"name": "Ada"}})
    assert parse_body(response)["data"]["fail"]["count"] == 1
    suggestions = [
        finding for finding in parse_findings(response) if finding["where"] == "users.0.identifier"
    ]
    assert [finding["remedy"] for finding in suggestions] == ["Write identifiers."]


def test_documented_keys_cause_no_finding() -> None:
    user = {
        **ADA,
        "insider_id": "p1",
        "append": False,
        "not_append": True,
        "events": [{"event_name": "a", "timestamp": RECENT, "event_params": {"custom": {"x": 1}}}],
    }
    account = Account()
    account.send(ADA)
    additions = {"skip_hook": False, "platform": "segment"}
    assert send_and_list_findings(account, user, **additions) == []


@pytest.mark.parametrize(
    ("user", "where"),
    [
        (5, "users.0.type(object)"),
        ({**ADA, "events": 5}, "users.0.events.type(array)"),
        ({**ADA, "events": [5]}, "users.0.events.0.type(object)"),
    ],
)
def test_a_value_of_the_wrong_type_causes_no_finding_about_keys(user: Any, where: str) -> None:
    response = Account().send(user)
    assert list(parse_body(response)["data"]["fail"]["errors"]) == [where]
    assert not [finding for finding in parse_findings(response) if UNDOCUMENTED in finding["what"]]


def test_a_misspelled_default_attribute_gets_the_correct_name() -> None:
    user = {"identifiers": {"uuid": "u1"}, "attributes": {"emial": "a@b.io"}}
    what = "emial is not an Insider One attribute; it may be ignored"
    assert send_and_list_findings(Account(), user) == [
        ("users.0.attributes.emial", what, "Write email.")
    ]


@pytest.mark.documented
@pytest.mark.parametrize(
    ("user", "where", "remedy"),
    [
        ({"wholes": ["age"], "whole": ["city"]}, "users.0.wholes", "Write whole."),
        (
            {"attributes": {}, "whole": ["city"]},
            "users.0.attributes",
            "Remove it. Documented keys: identifiers, insider_id, whole, partial, custom.",
        ),
        ({"custom": {"partials": {}}}, "users.0.custom.partials", "Write partial."),
    ],
)
def test_an_undocumented_key_of_a_deletion_is_named(
    user: JSONObject, where: str, remedy: str
) -> None:
    account = Account()
    account.send(ADA)
    sent = {"users": [{"identifiers": {"uuid": "u1"}, **user}]}
    response = account.send_to("POST", "user/v1/attribute/delete", sent)
    assert [(finding["where"], finding["remedy"]) for finding in parse_findings(response)] == [
        (where, remedy)
    ]


UUID = {"identifiers": {"uuid": "u1"}}
PERIOD = {"start_date": 0, "end_date": 2**31, "wanted": [{"event_name": "a"}]}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("method", "path", "sent", "where", "remedy"),
    [
        ("POST", "user/v1/profile", {"attribute": []}, "attribute", "Write attributes."),
        ("POST", "user/v1/profile", {"start_date": 0}, "start_date", "Move it into events."),
        ("POST", "user/v1/profile", {"uuid": "u1"}, "uuid", "Move it into identifiers."),
        (
            "POST",
            "user/v1/profile",
            {"events": {**PERIOD, "params": []}},
            "events.params",
            "Move it into each event in events.wanted.",
        ),
        (
            "POST",
            "user/v1/profile",
            {"events": {**PERIOD, "wanted": [{"event_name": "a", "limitPerSource": 1}]}},
            "events.wanted.0.limitPerSource",
            "Write limit_per_source.",
        ),
        ("DELETE", "user/v1/identity", {"identifier": {}}, "identifier", "Write identifiers."),
        ("POST", "user/v1/anonymize", {"email": "a@b.io"}, "email", "Move it into identifiers."),
        ("POST", "user/v1/delete", {"InsiderId": "p1"}, "InsiderId", "Write insider_id."),
        (
            "POST",
            "user/v1/delete",
            {"users": []},
            "users",
            "Remove it. Documented keys: identifiers, insider_id.",
        ),
    ],
)
def test_an_undocumented_key_of_a_request_about_one_user_is_named(
    method: str, path: str, sent: JSONObject, where: str, remedy: str
) -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"name": "Ada"}})
    additions = {"attributes": ["name"]} if path.endswith("profile") else {}
    response = account.send_to(method, path, {**UUID, **additions, **sent})
    assert response.status == 200
    assert [(finding["where"], finding["remedy"]) for finding in parse_findings(response)] == [
        (where, remedy)
    ]


@pytest.mark.parametrize("path", ["user/v1/profile", "user/v1/delete", "user/v1/anonymize"])
def test_a_rejected_request_names_the_undocumented_key(path: str) -> None:
    response = Account().send_to("POST", path, {"identifier": {"uuid": "u1"}})
    described = [
        (finding["verdict"], finding["where"], finding["remedy"])
        for finding in parse_findings(response)
    ]
    assert described[1:] == [("warning", "identifier", "Write identifiers.")]
    assert described[0][0] == "dropped"


@pytest.mark.parametrize("key", ["newIdentifier", "new_identifer", "identifiers"])
def test_an_undocumented_key_of_an_identifier_change_is_named(key: str) -> None:
    account = Account()
    account.send(ADA)
    sent = {"old_identifier": {"uuid": "u1"}, "new_identifier": {"uuid": "u2"}, key: {}}
    response = account.send_to("PATCH", "user/v1/identity", sent)
    remedies = {"identifiers": "Move it into old_identifier and new_identifier."}
    expected = (key, remedies.get(key, "Write new_identifier."))
    assert [(finding["where"], finding["remedy"]) for finding in parse_findings(response)] == [
        expected
    ]


def test_the_keys_of_the_published_anonymization_sample_cause_no_finding() -> None:
    account = Account()
    account.send(ADA)
    sent = {"partner": "mybrand", "insider_id": "p1", "api_key": "x", "insiderID": "p1"}
    response = account.send_to("POST", "contact/v1/anonymize", sent)
    assert [finding["where"] for finding in parse_findings(response)] == ["insiderID"]
