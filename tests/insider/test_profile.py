"""Attributes and events of a profile after upserts, and the channels that reach it."""

from typing import Any

import pytest
from account import PURCHASE, RECENT, Account, build_event

from segment_insider_emulator.insider.profile_json import check_reachability
from segment_insider_emulator.insider.web_push import WEB_PUSH_REASON


@pytest.mark.documented
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, ["a", "b", "c"]),
        ({"not_append": False}, ["a", "b", "c"]),
        ({"not_append": True}, ["b", "c"]),
        ({"append": False}, ["b", "c"]),
        ({"append": True, "not_append": True}, ["a", "b", "c"]),
        ({"append": False, "not_append": False}, ["b", "c"]),
    ],
)
def test_list_attributes_grow_by_default(flags: Any, expected: list[str]) -> None:
    account = Account()
    for tags in (["a", "b"], ["b", "c"]):
        attributes = {"custom": {"tags": tags}}
        account.send({"identifiers": {"uuid": "u1"}, "attributes": attributes, **flags})
    assert account.get_profile("uuid:u1")["attributes"]["custom"] == {"tags": expected}


def test_attributes_are_stored_by_their_path() -> None:
    account = Account()
    attributes = {
        "locale": "en_US",
        "list_id": [1],
        "idfa": "x",
        "age": "thirty",
        "custom": {"plan": "pro"},
    }
    account.send({"identifiers": {"uuid": "u1"}, "attributes": attributes})
    assert account.get_profile("uuid:u1")["attributes"] == {
        "uuid": "u1",
        "lo": "en_US",
        "static_segment_id": [1],
        "unrecognised": {"idfa": "x"},
        "custom": {"plan": "pro"},
    }


@pytest.mark.documented
def test_an_attribute_cannot_change_an_identifier() -> None:
    account = Account()
    account.send({"identifiers": {"uuid": "u1", "email": "a@b.io"}, "attributes": {"age": 1}})
    warnings = account.send_and_list_warnings(
        {"identifiers": {"uuid": "u1"}, "attributes": {"email": "new@b.io"}}
    )
    assert warnings == [
        (
            "users.0.attributes.email",
            "email already identifies this profile; an upsert cannot change it",
        )
    ]
    assert account.get_profile("uuid:u1")["attributes"]["email"] == "a@b.io"


@pytest.mark.assumed
def test_both_names_of_a_purchase_are_one_stored_event() -> None:
    account = Account()
    user = {
        "identifiers": {"uuid": "u1"},
        "events": [build_event("purchase", custom={"tax": 1}, **PURCHASE)],
    }
    account.send(user, skip_hook=True)
    assert account.get_profile("uuid:u1")["events"] == [
        {
            "event_name": "confirmation_page_view",
            "display_name": "Purchase (Confirmation Page View)",
            "sent_as": "purchase",
            "timestamp": RECENT,
            "event_params": {**PURCHASE, "custom": {"tax": 1}},
            "received_at": "2026-11-23T10:00:00.000Z",
            "skip_hook": True,
        }
    ]


FULL = {
    "email": "a@b.io",
    "phone_number": "+6598765432",
    "email_optin": True,
    "sms_optin": True,
    "whatsapp_optin": True,
    "gdpr_optin": True,
}


@pytest.mark.documented
@pytest.mark.parametrize(
    ("change", "email", "sms", "whatsapp"),
    [
        ({}, [], [], []),
        ({"gdpr_optin": None}, [], [], []),
        (
            {"gdpr_optin": False},
            ["gdpr_optin is false"],
            ["gdpr_optin is false"],
            ["gdpr_optin is false"],
        ),
        ({"email": None}, ["no email"], [], []),
        ({"email_optin": None}, ["email_optin is absent"], [], []),
        ({"email_optin": False}, ["email_optin is false"], [], []),
        ({"global_unsubscribe": True}, ["global_unsubscribe is true"], [], []),
        ({"phone_number": None}, [], ["no phone_number"], ["no phone_number"]),
        (
            {"phone_number": "123"},
            [],
            ["phone_number is not in E.164 format"],
            ["phone_number is not in E.164 format"],
        ),
        ({"email": "ada"}, ["email is not an e-mail address"], [], []),
        ({"sms_optin": False}, [], ["sms_optin is false"], []),
        ({"sms_opt_out_user": True}, [], ["sms_opt_out_user is true"], []),
        ({"whatsapp_optin": None}, [], [], ["whatsapp_optin is absent"]),
        ({"wa_opt_out_user": True}, [], [], ["wa_opt_out_user is true"]),
        ({"email": None, "email_optin": False}, ["no email", "email_optin is false"], [], []),
    ],
)
def test_each_channel_has_the_reasons_why_it_is_not_reachable(
    change: Any, email: list[str], sms: list[str], whatsapp: list[str]
) -> None:
    gdpr = [reason for reason in email if reason == "gdpr_optin is false"]
    reasons = {
        "email": email,
        "sms": sms,
        "whatsapp": whatsapp,
        "web_push": [WEB_PUSH_REASON, *gdpr],
    }
    results = check_reachability({**FULL, **change})
    assert {channel: result["why"] for channel, result in results.items()} == reasons
    assert all(result["reachable"] is not bool(result["why"]) for result in results.values())


@pytest.mark.documented
def test_a_missing_gdpr_optin_reaches_but_is_noted() -> None:
    attributes = {key: value for key, value in FULL.items() if key != "gdpr_optin"}
    assert check_reachability(attributes)["email"] == {
        "reachable": True,
        "why": [],
        "notes": ["gdpr_optin was never sent; it counts as allowed, but the guide requires it"],
    }
