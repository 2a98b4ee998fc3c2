"""Options of an Insider One account: each has an effect."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest
from account import PURCHASE, Account, build_event, parse_body, parse_findings

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.account_options import (
    DEFAULT_RATE_LIMITS,
    OPTION_FIELDS,
    InsiderAccountOptions,
    parse_account_options,
)
from segment_insider_emulator.workspace import load_workspace_or_preset

pytestmark = pytest.mark.assumed
ADA = {"uuid": "u1"}
INCOMPLETE = {key: value for key, value in PURCHASE.items() if key != "quantity"}


def list_errors(account: Account, sent_event: Any) -> Any:
    response = parse_body(account.send({"identifiers": ADA, "events": [sent_event]}))
    return response["data"]["fail"].get("errors", {})


NAME = "users.0.events.0.event_name.*.regexp(^[a-z0-9][a-zA-Z0-9._-]*$)"
MISSING = {
    "users.0.events.0.event_params.*.required": [
        "quantity parameter is required on confirmation_page_view event"
    ]
}


@pytest.mark.parametrize(
    ("options", "sent_event", "errors"),
    [
        ({}, build_event("homepageView"), {NAME: ["invalid event name: homepageView"]}),
        ({"event_names": "regexp"}, build_event("homepageView"), {}),
        (
            {"event_names": "regexp"},
            build_event("HomepageView"),
            {NAME: ["invalid event name: HomepageView"]},
        ),
        ({"quantity_required": False}, build_event("purchase", **INCOMPLETE), {}),
        ({}, build_event("confirmation_page_view", **INCOMPLETE), {}),
        (
            {"confirmation_page_view_required": "drop"},
            build_event("confirmation_page_view", **INCOMPLETE),
            MISSING,
        ),
        (
            {"confirmation_page_view_required": "drop", "quantity_required": False},
            build_event("confirmation_page_view", **INCOMPLETE),
            {},
        ),
    ],
)
def test_options_of_event_validation(options: Any, sent_event: Any, errors: Any) -> None:
    assert list_errors(Account(**options), sent_event) == errors


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (
            {},
            403,
            "Access Denied. You do not have sufficient access to perform this action.",
        ),
        ({"auth_failure": 401}, 401, "Partner token authentication failed."),
    ],
)
def test_the_status_for_a_wrong_key_is_an_option(options: Any, status: int, message: str) -> None:
    response = Account(**options).post(b"{}", x_request_token="wrong")
    assert (response.status, parse_body(response)) == (
        status,
        {"success": False, "message": message},
    )


def test_two_people_who_share_a_phone_become_one_only_if_several_user_ids_are_allowed() -> None:
    profile_counts = []
    for limits in ({}, {"uuid": 2}):
        account = Account(identifier_limits=limits)
        for uuid in ("u1", "u2"):
            identifiers = {"uuid": uuid, "phone_number": "+6598765432"}
            account.send({"identifiers": identifiers, "attributes": {"age": 36}})
        profile_counts.append(len(account.profiles.list_profiles_with_events()[0]))
    assert profile_counts == [2, 1]


def test_blocked_values_do_not_identify_a_user() -> None:
    account = Account(blocked_values=("guest",))
    for uuid in ("guest", "guest", "null"):
        account.send({"identifiers": {"uuid": uuid}, "attributes": {"age": 36}})
    assert [profile.identifiers for profile in account.profiles.list_profiles_with_events()[0]] == [
        {},
        {},
        {"uuid": ["null"]},
    ]


DEFINED = {"points": "Number", "tags": "Strings", "born": "Date", "vip": "Boolean", "home": "URL"}
UNDEFINED = "custom attribute plan is not defined in the panel; it"


@pytest.mark.parametrize(
    ("options", "custom", "stored", "warnings"),
    [
        ({}, {"plan": "pro"}, {"plan": "pro"}, []),
        ({"custom_attributes": DEFINED}, {"points": 7}, {"points": 7}, []),
        (
            {"custom_attributes": DEFINED},
            {"points": "7"},
            None,
            ["points has the wrong type and is not stored: 7"],
        ),
        (
            {"custom_attributes": DEFINED},
            {"tags": ["a", 1]},
            None,
            ['tags has the wrong type and is not stored: ["a", 1]'],
        ),
        (
            {"custom_attributes": DEFINED},
            {"born": "1990-01-01"},
            {"born": "1990-01-01"},
            ["born does not have the format Insider One expects: 1990-01-01"],
        ),
        (
            {"custom_attributes": DEFINED},
            {"plan": "pro"},
            {"plan": "pro"},
            [f"{UNDEFINED} may be ignored"],
        ),
        (
            {"custom_attributes": DEFINED, "undefined_custom": "drop"},
            {"plan": "pro", "vip": True},
            {"vip": True},
            [f"{UNDEFINED} is not stored"],
        ),
    ],
)
def test_custom_attributes_are_checked_as_the_panel_defines_them(
    options: Any, custom: Any, stored: Any, warnings: list[str]
) -> None:
    account = Account(**options)
    response = account.send({"identifiers": ADA, "attributes": {"custom": custom}})
    assert account.get_profile("uuid:u1")["attributes"].get("custom") == stored
    assert [finding["what"] for finding in parse_findings(response)] == warnings


def test_custom_parameters_are_checked_as_the_panel_defines_them() -> None:
    account = Account(custom_parameters={"tax": "Number"}, undefined_custom="drop")
    account.send(
        {"identifiers": ADA, "events": [build_event("a", custom={"tax": 1, "revenue": 2})]}
    )
    (stored_event,) = account.get_profile("uuid:u1")["events"]
    assert stored_event["event_params"] == {"custom": {"tax": 1}}


def test_retention_days_of_the_account_apply() -> None:
    account = Account(retention_days={"a": 400})
    old_events = [
        build_event("a", "2025-11-23T10:00:00Z"),
        build_event("b", "2025-11-23T10:00:00Z"),
    ]
    account.send({"identifiers": ADA, "events": old_events})
    assert [event["event_name"] for event in account.get_profile("uuid:u1")["events"]] == ["a"]


WORKSPACE = {
    "source": {"name": "Web shop", "writeKey": "wk_demo"},
    "destination": {
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": [],
    },
}


def write_workspace(folder: Path, options: Any) -> Path:
    file = folder / "shop.json"
    file.write_bytes(orjson.dumps({**WORKSPACE, "insider": {"options": options}}))
    return file


def test_the_workspace_file_sets_every_option(tmp_path: Path) -> None:
    document = {
        "eventNames": "regexp",
        "quantityRequired": False,
        "confirmationPageViewRequired": "drop",
        "authFailure": 401,
        "attributeDeleteAnswer": "empty",
        "profileIdInReads": True,
        "identifierLimits": {"email": 2},
        "blockedValues": ["guest"],
        "customAttributes": {"points": "Number"},
        "customParameters": {"tax": "Number"},
        "undefinedCustom": "drop",
        "piiAttributes": ["email"],
        "retentionDays": {"a": 400},
        "rates": dict.fromkeys(DEFAULT_RATE_LIMITS) | {"upsert": 10},
        "errorCallbackHosts": ["late.shop.example"],
        "contactOptIns": "keep",
        "invalidContacts": "skip",
    }
    assert list(document) == list(OPTION_FIELDS)
    options = load_workspace_or_preset(write_workspace(tmp_path, document)).insider_options
    assert options == parse_account_options(document)
    unchanged = [
        field.name
        for field in fields(options)
        if getattr(options, field.name) == getattr(InsiderAccountOptions(), field.name)
    ]
    assert unchanged == []


def test_a_workspace_without_options_has_the_defaults(tmp_path: Path) -> None:
    assert (
        load_workspace_or_preset(write_workspace(tmp_path, {})).insider_options
        == InsiderAccountOptions()
    )


@pytest.mark.parametrize(
    ("options", "where", "what", "remedy"),
    [
        (
            {"eventName": "regexp"},
            "eventName",
            "unknown key 'eventName'",
            "Did you mean 'eventNames'?",
        ),
        (
            {"rates": {"upserts": 1}},
            "rates.upserts",
            "unknown key 'upserts'",
            "Did you mean 'upsert'?",
        ),
        (
            {"rates": {"upsert": "many"}},
            "rates.upsert",
            "this is text, not a whole number or null",
            "Give calls a minute, or null for no limit.",
        ),
        (
            {"authFailure": 404},
            "authFailure",
            "this must be one of 403, 401",
            "Give the status that answers a wrong key.",
        ),
        (
            {"identifierLimits": {"email": 0}},
            "identifierLimits.email",
            "this is less than 1",
            "Give a number of values, 1 or more.",
        ),
        (
            {"retentionDays": {"a": 40_000}},
            "retentionDays.a",
            "this is more than 36500",
            "Give a number of days, 1 or more.",
        ),
    ],
)
def test_an_invalid_option_is_refused_with_its_path(
    tmp_path: Path, options: Any, where: str, what: str, remedy: str
) -> None:
    file = write_workspace(tmp_path, options)
    with pytest.raises(EmulatorError) as error:
        load_workspace_or_preset(file)
    assert str(error.value) == f"{file}: insider.options.{where}: {what}. {remedy}"
