"""Shoppers and products are the same for the same seed."""

import phonenumbers
import pytest

from segment_insider_scenarios.shopper import Shopper, make_products, make_shopper
from segment_insider_scenarios.step_catalogue import StepPattern


def test_the_same_seed_gives_the_same_shopper() -> None:
    assert make_shopper("Ada", seed=3) == make_shopper("Ada", seed=3)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(make_shopper("Ada", seed=4), id="by seed"),
        pytest.param(make_shopper("Bob", seed=3), id="by name"),
        pytest.param(make_shopper("Ada", seed=3, locale="de_DE"), id="by locale"),
    ],
)
def test_another_name_or_seed_gives_another_shopper(other: Shopper) -> None:
    ada = make_shopper("Ada", seed=3)
    assert {other.phone, other.last_name, str(other.address)}.isdisjoint(
        {ada.phone, ada.last_name, str(ada.address)}
    )


@pytest.mark.parametrize("locale", ["en_GB", "de_DE", "fr_FR", "ja_JP", "tr_TR", "en_US", "nl_NL"])
def test_a_phone_number_is_in_e164_form(locale: str) -> None:
    phone = make_shopper("Ada", locale=locale).phone
    number = phonenumbers.parse(phone)
    assert phonenumbers.is_valid_number(number)
    assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == phone


@pytest.mark.parametrize(
    ("name", "user_id", "email"),
    [
        ("Ada", "ada", "ada."),
        ("Zoë", "zoë", "zoe."),
        ("洋介", "洋介", "x."),
        ("İpek", "ipek", "ipek."),
        ("I\u015f\u0131l", "\u0131ş\u0131l", "isil."),
        ("IŞIL", "\u0131ş\u0131l", "isil."),
        ("Şükrü", "şükrü", "sukru."),
        ("Ida", "ida", "ida."),
    ],
)
def test_a_name_gives_the_user_id_and_a_valid_email_address(
    name: str, user_id: str, email: str
) -> None:
    shopper = make_shopper(name)
    assert (shopper.first_name, shopper.user_id) == (name, user_id)
    assert shopper.email.startswith(email)
    assert shopper.email.isascii()


def test_a_shopper_is_identified_by_the_user_id_first() -> None:
    shopper = Shopper("u1", "a1", "Ada", "Byron", "ada@shop.example", "+442071838750")
    assert shopper.identifiers == ["uuid:u1", "segment_anonymous_id:a1"]


def test_traits_have_the_names_of_the_guide() -> None:
    shopper = Shopper(
        "u1", None, "Ada", "Byron", "ada@shop.example", "+442071838750", {"city": "Ely"}
    )
    assert shopper.to_traits() == {
        "firstName": "Ada",
        "lastName": "Byron",
        "email": "ada@shop.example",
        "phone": "+442071838750",
        "address": {"city": "Ely"},
    }


def test_products_are_the_same_for_the_same_seed_and_not_for_another() -> None:
    assert make_products(3, seed=1) == make_products(3, seed=1)
    assert make_products(3, seed=1) != make_products(3, seed=2)


def test_products_have_the_property_names_that_the_guide_reads() -> None:
    needed = {"product_id", "category", "name", "price", "currency", "image_url", "url"}
    assert all(needed <= product.keys() for product in make_products(3))


def parse_person(name: str) -> str | None:
    pattern = StepPattern("{person:p} logs in")
    text = f"{name} logs in"
    return pattern.parse_arguments(text)["person"] if pattern.is_matching(text) else None


@pytest.mark.parametrize(
    "name",
    [
        *("Ada", "ada", "kunde-4711", "O'Hara", "O\u2019Hara", "Ayşe-Nur O'Hara", "Ada Lovelace"),
        *("Ali Can", "Et Al", "Ali Can Ece Su", "Ludwig van Beethoven", "van der Berg"),
        *("Umar ibn al Khattab", "Can Can", "Insider One", "Given"),
        *("\u0645\u062d\u0645\u062f \u0639\u0644\u064a", "\u05d3\u05d5\u05d3", "田中 花子"),
        *("\u0928\u092e\u093f\u0924\u093e", "\u0e19\u0e25\u0e34\u0e19"),
    ],
)
def test_a_name_of_several_words_and_any_script_is_a_person(name: str) -> None:
    assert parse_person(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("Ada and Bea", "Then Ada", "Ada quickly", "Ada van", "Ali Can Ece Su Er", "Ada@x.io"),
        *("Ada (test)", 'Ada "Q" Lovelace', "a\u200dda", "Ada\u00a0Bea", "Ada\u202e", "\U0001f469"),
    ],
)
def test_a_text_with_other_signs_is_no_person(name: str) -> None:
    assert parse_person(name) is None


def test_two_spellings_of_an_accent_are_one_person() -> None:
    assert parse_person("Jose\u0301") == parse_person("Jos\u00e9") == "Jos\u00e9"
