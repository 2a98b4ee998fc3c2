"""Segment's default fields cause no warning, but from other senders they do."""

import pytest
from account import Account, build_event

from segment_insider_emulator.insider import users
from segment_insider_emulator.insider.catalog import DEFAULT_ATTRIBUTES
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.upserts import ROOT_ATTRIBUTES
from segment_insider_emulator.types import JSONObject

DEVICE: JSONObject = {"idfa": "x", "last_ip": "203.0.113.7", "timezone": "UTC", "phone": "+905551"}
ADA: JSONObject = {"identifiers": {"uuid": "u1"}}


def test_segment_defaults_are_the_catalogue_attributes_that_insider_one_does_not_list() -> None:
    listed = {*DEFAULT_ATTRIBUTES.schemas, *DEFAULT_ATTRIBUTES.aliases}
    assert listed.isdisjoint(users.SEGMENT_DEFAULT_ATTRIBUTES)
    assert ROOT_ATTRIBUTES - listed == users.SEGMENT_DEFAULT_ATTRIBUTES


def test_every_action_maps_the_default_identifiers() -> None:
    for name in users.SEGMENT_DEFAULT_IDENTIFIERS:
        assert all(name in action.default_mapping for action in ACTIONS.values())


@pytest.mark.observed
def test_default_attributes_of_segment_are_stored_separately_without_a_warning() -> None:
    account = Account()
    assert account.send_and_list_warnings({**ADA, "attributes": DEVICE}, platform="segment") == []
    assert account.get_profile("uuid:u1")["attributes"] == {"uuid": "u1", "unrecognised": DEVICE}


def test_the_same_attributes_from_another_sender_cause_a_warning() -> None:
    what = "idfa is not an Insider One attribute; it may be ignored"
    expected = [("users.0.attributes.idfa", what)]
    for platform in ("n8n", None):
        warnings = Account().send_and_list_warnings(
            {**ADA, "attributes": {"idfa": "x"}}, platform=platform
        )
        assert warnings == expected


@pytest.mark.observed
def test_an_unlisted_anonymous_id_causes_a_warning_only_as_the_only_identifier() -> None:
    account = Account(("uuid",))
    anonymous = {"custom": {"segment_anonymous_id": "a1"}}
    known = {"identifiers": {"uuid": "u1", **anonymous}, "events": [build_event("a")]}
    assert account.send_and_list_warnings(known, platform="segment") == []
    unknown = {"identifiers": anonymous, "events": [build_event("a")]}
    assert [where for where, _ in account.send_and_list_warnings(unknown, platform="segment")] == [
        "users.0.identifiers.segment_anonymous_id",
        "users.0.identifiers",
    ]


@pytest.mark.observed
def test_another_unlisted_identifier_causes_a_warning() -> None:
    user = {"identifiers": {"uuid": "u1", "custom": {"loyalty": "7"}}, "events": [build_event("a")]}
    what = "loyalty cannot identify a user, it is not in the account's identity resolution"
    expected = [("users.0.identifiers.loyalty", what)]
    assert Account().send_and_list_warnings(user, platform="segment") == expected


@pytest.mark.assumed
def test_a_parameter_without_a_value_is_ignored_without_a_warning() -> None:
    account = Account()
    sent = build_event("a", name=None, unit_price=None, custom={"page_name": None, "plan": "x"})
    assert account.send_and_list_warnings({**ADA, "events": [sent]}) == []
    (stored_event,) = account.get_profile("uuid:u1")["events"]
    assert stored_event["event_params"] == {"custom": {"plan": "x"}}


@pytest.mark.assumed
def test_a_null_in_a_list_or_for_an_attribute_causes_a_warning() -> None:
    sent = build_event("a", custom={"product_ids": [None]})
    user = {**ADA, "attributes": {"custom": {"plan": None}}, "events": [sent]}
    assert [where for where, _ in Account().send_and_list_warnings(user)] == [
        "users.0.attributes.custom.plan",
        "users.0.events.0.event_params.custom.product_ids",
    ]
