"""Segment's default fields cause no warning; from other senders they do."""

import pytest
from account import Account, event

from segment_insider_emulator.insider import users
from segment_insider_emulator.insider.catalog import DEFAULT_ATTRIBUTES
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.upserts import ROOT_ATTRIBUTES
from segment_insider_emulator.types import JSONObject

DEVICE: JSONObject = {"idfa": "x", "last_ip": "203.0.113.7", "timezone": "UTC", "phone": "+905551"}
ADA: JSONObject = {"identifiers": {"uuid": "u1"}}


def test_default_attributes_are_those_of_the_catalogue_that_insider_one_does_not_list() -> None:
    listed = {*DEFAULT_ATTRIBUTES.schemas, *DEFAULT_ATTRIBUTES.aliases}
    assert listed.isdisjoint(users.SEGMENT_DEFAULT_ATTRIBUTES)
    assert ROOT_ATTRIBUTES - listed == users.SEGMENT_DEFAULT_ATTRIBUTES


def test_every_action_maps_the_default_identifiers() -> None:
    for name in users.SEGMENT_DEFAULT_IDENTIFIERS:
        assert all(name in action.default_mapping for action in ACTIONS.values())


@pytest.mark.observed
def test_default_attributes_of_segment_are_stored_separately_without_a_warning() -> None:
    account = Account()
    assert account.warned({**ADA, "attributes": DEVICE}, platform="segment") == []
    assert account.profile("uuid:u1")["attributes"] == {"uuid": "u1", "unrecognised": DEVICE}


def test_the_same_attributes_from_another_sender_cause_a_warning() -> None:
    what = "idfa is not an Insider One attribute; it may be ignored"
    told = [("users.0.attributes", what)]
    for platform in ("n8n", None):
        sent = Account().warned({**ADA, "attributes": {"idfa": "x"}}, platform=platform)
        assert sent == told


@pytest.mark.observed
def test_an_anonymous_id_that_is_not_listed_counts_where_it_is_the_only_identifier() -> None:
    account = Account(("uuid",))
    anonymous = {"custom": {"segment_anonymous_id": "a1"}}
    known = {"identifiers": {"uuid": "u1", **anonymous}, "events": [event("a")]}
    assert account.warned(known, platform="segment") == []
    unknown = {"identifiers": anonymous, "events": [event("a")]}
    assert [where for where, _ in account.warned(unknown, platform="segment")] == [
        "users.0.identifiers.segment_anonymous_id",
        "users.0.identifiers",
    ]


@pytest.mark.observed
def test_another_unlisted_identifier_causes_a_warning() -> None:
    user = {"identifiers": {"uuid": "u1", "custom": {"loyalty": "7"}}, "events": [event("a")]}
    what = "loyalty cannot identify a user, it is not in the account's identity resolution"
    told = [("users.0.identifiers.loyalty", what)]
    assert Account().warned(user, platform="segment") == told


@pytest.mark.assumed
def test_a_parameter_without_a_value_is_ignored_without_a_warning() -> None:
    account = Account()
    sent = event("a", name=None, unit_price=None, custom={"page_name": None, "plan": "x"})
    assert account.warned({**ADA, "events": [sent]}) == []
    (kept,) = account.profile("uuid:u1")["events"]
    assert kept["event_params"] == {"custom": {"plan": "x"}}


@pytest.mark.assumed
def test_a_null_in_a_list_or_for_an_attribute_causes_a_warning() -> None:
    sent = event("a", custom={"product_ids": [None]})
    user = {**ADA, "attributes": {"custom": {"plan": None}}, "events": [sent]}
    assert [where for where, _ in Account().warned(user)] == [
        "users.0.attributes.custom.plan",
        "users.0.events.0.event_params.custom.product_ids",
    ]
