"""Warnings about accepted data whose effect differs from what the sender expects."""

from typing import Any

import pytest
from account import PURCHASE, RECENT, Account, build_event, parse_body, parse_findings

WRONG_TYPE = "the wrong type and is not stored"


@pytest.mark.parametrize(
    ("attributes", "where", "what"),
    [
        (
            {"idfa": "x"},
            ".idfa",
            "idfa is not an Insider One attribute; it may be ignored",
        ),
        (
            {"phone": "+6598765432"},
            ".phone",
            "phone is not an Insider One attribute; it may be ignored",
        ),
        (
            {"birthday": "1993-03-12"},
            ".birthday",
            "birthday does not have the format Insider One expects: 1993-03-12",
        ),
        (
            {"birthday": "1993-03-12T00:00:00+03:00"},
            ".birthday",
            "birthday does not have the format Insider One expects: 1993-03-12T00:00:00+03:00",
        ),
        (
            {"country": "Germany"},
            ".country",
            "country does not have the format Insider One expects: Germany",
        ),
        (
            {"gender": "female"},
            ".gender",
            "gender does not have the format Insider One expects: female",
        ),
        (
            {"gender": "f"},
            ".gender",
            "gender does not have the format Insider One expects: f",
        ),
        (
            {"lo": "de_DE", "locale": "en_US"},
            ".locale",
            "locale is another name of lo, whose value is stored instead",
        ),
        ({"email_optin": "true"}, ".email_optin", f"email_optin has {WRONG_TYPE}: true"),
        ({"age": "30"}, ".age", f"age has {WRONG_TYPE}: 30"),
        ({"name": None}, ".name", f"name has {WRONG_TYPE}: null"),
        (
            {"phone_number": "12345"},
            ".phone_number",
            "phone_number does not have the format Insider One expects: 12345",
        ),
        (
            {"custom": {"email_optin": True}},
            ".custom.email_optin",
            "default attribute sent under custom, so the default stays empty: email_optin",
        ),
        (
            {"custom": {"Coupon Code": "x", "plan": 1}},
            ".custom.Coupon Code",
            "system names have no capital letters and no spaces: Coupon Code",
        ),
        (
            {"custom": {"address": {"city": "Utrecht"}}},
            ".custom.address",
            'no custom type accepts this value, so it is not stored: {"city": "Utrecht"}',
        ),
        (
            {"custom": {}},
            None,
            "the user has no attribute and no event; Insider One requires at least one",
        ),
    ],
)
def test_an_attribute_without_effect_causes_a_warning(
    attributes: Any, where: str | None, what: str
) -> None:
    user = {"identifiers": {"uuid": "u1"}, "attributes": attributes}
    place = "users.0" if where is None else f"users.0.attributes{where}"
    assert Account().send_and_list_warnings(user) == [(place, what)]


@pytest.mark.parametrize(
    ("sent", "where", "what"),
    [
        (
            build_event("a", currency="euro"),
            "event_params.currency",
            "currency does not have the format Insider One expects: euro",
        ),
        (
            build_event("a", quantity=1.5),
            "event_params.quantity",
            f"quantity has {WRONG_TYPE}: 1.5",
        ),
        (
            build_event("a", taxonomy="Shoes"),
            "event_params.taxonomy",
            f"taxonomy has {WRONG_TYPE}: Shoes",
        ),
        (
            build_event("a", url="/p/1"),
            "event_params.url",
            "url does not have the format Insider One expects: /p/1",
        ),
        (
            build_event("a", tax=3),
            "event_params.tax",
            "tax is not an Insider One parameter; it may be ignored",
        ),
        (
            build_event("a", custom={"color": "red"}),
            "event_params.custom.color",
            "default parameter sent under custom, so the default stays empty: color",
        ),
        (
            build_event("confirmation_page_view", currency="EUR", quantity=1),
            "event_params",
            "confirmation_page_view has no event_group_id, unit_sale_price;"
            " Insider One requires them for purchase",
        ),
        (
            build_event("a", "2026-11-24T10:00:00Z"),
            "timestamp",
            "the timestamp of a is in the future: 2026-11-24T10:00:00Z",
        ),
    ],
)
def test_an_event_without_effect_causes_a_warning(sent: Any, where: str, what: str) -> None:
    user = {"identifiers": {"uuid": "u1"}, "events": [sent]}
    assert Account().send_and_list_warnings(user) == [(f"users.0.events.0.{where}", what)]


@pytest.mark.assumed
@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("purchase", 730),
        ("confirmation_page_view", 730),
        ("sign_up_confirmation", 365),
        ("item_added_to_cart", 90),
        ("song_played", 90),
    ],
)
def test_an_expired_event_gets_a_200_and_is_not_stored(name: str, days: int) -> None:
    account = Account()
    user = {"identifiers": {"uuid": "u1"}, "events": [build_event(name, **PURCHASE)]}
    account.advance_clock(days=days)
    assert account.send_and_list_warnings(user) == [
        (
            "users.0.events.0.timestamp",
            f"{name} is older than {days} days, so it is not stored: {RECENT}",
        )
    ]
    assert account.get_profile("uuid:u1")["events"] == []
    account.advance_clock(minutes=-1)
    assert account.send_and_list_warnings(user) == []


@pytest.mark.parametrize(
    ("more", "user", "expected"),
    [
        (
            {"skip_hook": "true"},
            {},
            ("skip_hook", "skip_hook is not a boolean and counts as false: true"),
        ),
        (
            {"error_callback_endpoint": "https://shop.example/late"},
            {},
            (
                "error_callback_endpoint",
                "this emulator does not call https://shop.example/late",
            ),
        ),
        ({}, {"append": 1}, ("users.0.append", "append is not a boolean and is ignored: 1")),
        (
            {},
            {"insider_id": "nobody"},
            (
                "users.0.insider_id",
                "no profile has this insider_id, so the user's identifiers are used",
            ),
        ),
    ],
)
def test_an_option_without_effect_causes_a_warning(
    more: Any, user: Any, expected: tuple[str, str]
) -> None:
    user = {"identifiers": {"uuid": "u1"}, "attributes": {"name": "Ada"}, **user}
    assert Account().send_and_list_warnings(user, **more) == [expected]


def test_an_identifier_that_the_account_does_not_list_is_stored_as_an_attribute() -> None:
    account = Account(("uuid",))
    user = {
        "identifiers": {"uuid": "u1", "email": "a@b.io", "custom": {"segment_anonymous_id": "a1"}},
        "attributes": {"name": "Ada"},
    }
    assert account.send_and_list_warnings(user) == [
        (
            f"users.0.identifiers.{name}",
            f"{name} cannot identify a user, it is not in the account's identity resolution",
        )
        for name in ("email", "segment_anonymous_id")
    ]
    profile = account.get_profile("uuid:u1")
    assert profile["identifiers"] == {"uuid": "u1"}
    assert profile["attributes"] == {
        "uuid": "u1",
        "name": "Ada",
        "email": "a@b.io",
        "custom": {"segment_anonymous_id": "a1"},
    }


@pytest.mark.assumed
def test_an_unknown_profile_id_creates_a_new_profile_with_another_id() -> None:
    account = Account()
    user = {"insider_id": "nobody", "attributes": {"name": "Ada"}}
    what = "no profile has this insider_id, so a new anonymous profile is created"
    assert account.send_and_list_warnings(user) == [("users.0.insider_id", what)]
    assert [
        (profile.id, profile.identifiers)
        for profile in account.profiles.list_profiles_with_events()[0]
    ] == [("p1", {})]


@pytest.mark.assumed
@pytest.mark.parametrize("blocked", [{}, {"blocked_values": ("guest",)}], ids=["usual", "own list"])
def test_an_empty_value_never_identifies_a_user(blocked: Any) -> None:
    user = {"identifiers": {"uuid": "", "email": "a@b.io"}, "attributes": {"name": "Ada"}}
    account = Account(**blocked)
    assert account.send_and_list_warnings(user) == [
        ("users.0.identifiers.uuid", "uuid is '', a blocked value; it cannot identify a user")
    ]
    assert account.get_profile("email:a@b.io")["identifiers"] == {"email": "a@b.io"}


@pytest.mark.assumed
def test_a_required_parameter_of_the_wrong_type_is_accepted_but_not_stored() -> None:
    account = Account()
    bought = build_event("purchase", **{**PURCHASE, "unit_sale_price": "8.5"})
    assert account.send_and_list_warnings({"identifiers": {"uuid": "u1"}, "events": [bought]}) == [
        (
            "users.0.events.0.event_params.unit_sale_price",
            f"unit_sale_price has {WRONG_TYPE}: 8.5",
        )
    ]
    (stored_event,) = account.get_profile("uuid:u1")["events"]
    assert stored_event["event_params"] == {
        "event_group_id": "o1",
        "currency": "EUR",
        "quantity": 1,
    }


@pytest.mark.assumed
def test_an_unsubscribed_person_is_not_reachable_even_after_a_new_opt_in() -> None:
    account = Account()
    ada = {"identifiers": {"uuid": "u1", "email": "a@b.io"}}
    unsubscribed = {**ada, "attributes": {"global_unsubscribe": True}}
    what = "Insider One's channels set this attribute; the effect of an upsert is not documented"
    assert account.send_and_list_warnings(unsubscribed) == [
        ("users.0.attributes.global_unsubscribe", what)
    ]
    assert account.send_and_list_warnings({**ada, "attributes": {"email_optin": True}}) == []
    email = account.get_profile("uuid:u1")["reach"]["email"]
    assert (email["reachable"], email["why"]) == (False, ["global_unsubscribe is true"])


@pytest.mark.assumed
def test_identifiers_are_case_sensitive() -> None:
    account = Account()
    for email in ("Ada@b.io", "ada@b.io"):
        account.send({"identifiers": {"email": email}, "attributes": {"name": email}})
    names = {
        profile.attributes["email"]: profile.attributes["name"]
        for profile in account.profiles.list_profiles_with_events()[0]
    }
    assert names == {"Ada@b.io": "Ada@b.io", "ada@b.io": "ada@b.io"}


@pytest.mark.assumed
def test_a_blocked_value_does_not_identify_a_user() -> None:
    account = Account()
    user = {"identifiers": {"uuid": "undefined"}, "attributes": {"name": "Ada"}}
    warnings = [
        (
            "users.0.identifiers.uuid",
            "uuid is 'undefined', a blocked value; it cannot identify a user",
        ),
        (
            "users.0.identifiers",
            "no identifier of this user is usable, so a new anonymous profile is created",
        ),
    ]
    assert account.send_and_list_warnings(user) == warnings
    assert account.send_and_list_warnings(user) == warnings
    assert [profile.id for profile in account.profiles.list_profiles_with_events()[0]] == [
        "p1",
        "p2",
    ]


def test_a_repeated_event_causes_a_warning_and_is_stored_once() -> None:
    account = Account()
    user = {
        "identifiers": {"uuid": "u1"},
        "events": [build_event("a", plan="x"), build_event("a", plan="y")],
    }
    account.send(user)
    warnings = [what for _, what in account.send_and_list_warnings(user) if "already has" in what]
    assert warnings == ["the profile already has this a; it is stored once"] * 2
    assert len(account.get_profile("uuid:u1")["events"]) == 2


def test_a_finding_has_its_verdict_its_place_and_the_remedy() -> None:
    response = Account().send({"identifiers": {"phone_number": "12345"}, "events": []})
    assert response.headers["x-emulator-findings"].isascii()
    assert parse_findings(response) == [
        {
            "verdict": "dropped",
            "where": "users.0.identifiers.phone_number",
            "what": "user has an invalid phone number: 12345",
            "remedy": "Send E.164: a plus sign, the country code and 7 to 15 digits in all,"
            " such as +6598765432.",
            "cause": "refused-value identifiers.phone_number",
        }
    ]


def test_findings_fit_into_a_header_with_the_worst_first() -> None:
    users = [
        {"identifiers": {"uuid": "u1"}, "attributes": {"custom": {f"x{n}": {}}}} for n in range(30)
    ]
    users.append({"identifiers": {"email": "é\n" * 100_000}, "events": []})
    response = Account().send(*users)
    listed = parse_findings(response)
    assert parse_body(response)["data"]["successful"] == {"count": 30}
    assert response.headers["x-emulator-verdict"] == "dropped"
    assert (len(listed), listed[0]["verdict"], len(listed[0]["what"])) == (20, "dropped", 240)
    assert len(response.headers["x-emulator-findings"]) < 16_000
    assert "\n" not in response.headers["x-emulator-findings"]
