"""What one account does differently from the next is an option, and each option does something."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest
from account import PURCHASE, Account, body, event, findings

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


def failed(account: Account, made: Any) -> Any:
    answer = body(account.send({"identifiers": ADA, "events": [made]}))
    return answer["data"]["fail"].get("errors", {})


NAME = "users.0.events.0.event_name.*.regexp(^[a-z0-9][a-zA-Z0-9._-]*$)"
MISSING = {
    "users.0.events.0.event_params.*.required": [
        "quantity parameter is required on confirmation_page_view event"
    ]
}


@pytest.mark.parametrize(
    ("options", "made", "errors"),
    [
        ({}, event("homepageView"), {NAME: ["invalid event name: homepageView"]}),
        ({"event_names": "regexp"}, event("homepageView"), {}),
        (
            {"event_names": "regexp"},
            event("HomepageView"),
            {NAME: ["invalid event name: HomepageView"]},
        ),
        ({"quantity_required": False}, event("purchase", **INCOMPLETE), {}),
        ({}, event("confirmation_page_view", **INCOMPLETE), {}),
        (
            {"confirmation_page_view_required": "drop"},
            event("confirmation_page_view", **INCOMPLETE),
            MISSING,
        ),
        (
            {"confirmation_page_view_required": "drop", "quantity_required": False},
            event("confirmation_page_view", **INCOMPLETE),
            {},
        ),
    ],
)
def test_options_of_event_validation(options: Any, made: Any, errors: Any) -> None:
    assert failed(Account(**options), made) == errors


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
def test_a_wrong_key(options: Any, status: int, message: str) -> None:
    answer = Account(**options).post(b"{}", x_request_token="wrong")
    assert (answer.status, body(answer)) == (status, {"success": False, "message": message})


def test_two_people_who_share_a_phone_become_one_only_where_user_ids_may_be_several() -> None:
    counts = []
    for limits in ({}, {"uuid": 2}):
        account = Account(identifier_limits=limits)
        for uuid in ("u1", "u2"):
            named = {"uuid": uuid, "phone_number": "+6598765432"}
            account.send({"identifiers": named, "attributes": {"age": 36}})
        counts.append(len(account.profiles.list_profiles_with_events()[0]))
    assert counts == [2, 1]


def test_blocked_values_do_not_identify_a_user() -> None:
    account = Account(blocked_values=("guest",))
    for uuid in ("guest", "guest", "null"):
        account.send({"identifiers": {"uuid": uuid}, "attributes": {"age": 36}})
    assert [each.identifiers for each in account.profiles.list_profiles_with_events()[0]] == [
        {},
        {},
        {"uuid": ["null"]},
    ]


DEFINED = {"points": "Number", "tags": "Strings", "born": "Date", "vip": "Boolean", "home": "URL"}
UNDEFINED = "custom attribute plan is not defined in the panel; it"


@pytest.mark.parametrize(
    ("options", "custom", "kept", "told"),
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
def test_custom_attributes_that_the_panel_defines(
    options: Any, custom: Any, kept: Any, told: list[str]
) -> None:
    account = Account(**options)
    answer = account.send({"identifiers": ADA, "attributes": {"custom": custom}})
    assert account.profile("uuid:u1")["attributes"].get("custom") == kept
    assert [each["what"] for each in findings(answer)] == told


def test_custom_parameters_that_the_panel_defines() -> None:
    account = Account(custom_parameters={"tax": "Number"}, undefined_custom="drop")
    account.send({"identifiers": ADA, "events": [event("a", custom={"tax": 1, "revenue": 2})]})
    (kept,) = account.profile("uuid:u1")["events"]
    assert kept["event_params"] == {"custom": {"tax": 1}}


def test_retention_that_the_account_was_given() -> None:
    account = Account(retention_days={"a": 400})
    old = [event("a", "2025-11-23T10:00:00Z"), event("b", "2025-11-23T10:00:00Z")]
    account.send({"identifiers": ADA, "events": old})
    assert [each["event_name"] for each in account.profile("uuid:u1")["events"]] == ["a"]


WORKSPACE = {
    "source": {"name": "Web shop", "writeKey": "wk_demo"},
    "destination": {
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": [],
    },
}


def workspace(folder: Path, options: Any) -> Path:
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
    }
    assert list(document) == list(OPTION_FIELDS)
    read = load_workspace_or_preset(workspace(tmp_path, document)).insider_options
    assert read == parse_account_options(document)
    same = [
        each.name
        for each in fields(read)
        if getattr(read, each.name) == getattr(InsiderAccountOptions(), each.name)
    ]
    assert same == []


def test_a_workspace_without_options_has_the_defaults(tmp_path: Path) -> None:
    assert (
        load_workspace_or_preset(workspace(tmp_path, {})).insider_options == InsiderAccountOptions()
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
def test_an_option_that_cannot_be_meant(
    tmp_path: Path, options: Any, where: str, what: str, remedy: str
) -> None:
    file = workspace(tmp_path, options)
    with pytest.raises(EmulatorError) as refusal:
        load_workspace_or_preset(file)
    assert str(refusal.value) == f"{file}: insider.options.{where}: {what}. {remedy}"
