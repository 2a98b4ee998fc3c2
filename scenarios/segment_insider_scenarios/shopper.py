"""Shoppers and what they shop for: made with Faker, the same for the same seed."""

import unicodedata
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import TYPE_CHECKING

import phonenumbers

from segment_insider_emulator.types import JSONObject

if TYPE_CHECKING:
    from faker import Faker

DEFAULT_LOCALE = "en_GB"
SHOP_URL = "https://shop.example"
PRODUCT_CATEGORIES = ("Kitchen", "Garden", "Books", "Lighting")
PRODUCT_BRANDS = ("Northwind", "Fabrikam", "Contoso")
DOTLESS_I = "\N{LATIN SMALL LETTER DOTLESS I}"
TURKISH_LETTERS = {*"İşŞğĞ", DOTLESS_I}
TURKISH_CAPITALS = str.maketrans("Iİ", f"{DOTLESS_I}i")
PRODUCT_VARIANTS = ("Blue", "Green", "Sand")


@dataclass(frozen=True, slots=True)
class Shopper:
    """One person with what a shop knows about them.

    Args:
        user_id: None while they have not signed in.
        phone: E.164.
        address: street, city, postalCode, country (ISO 3166-1 alpha-2).
    """

    user_id: str | None
    anonymous_id: str | None
    first_name: str
    last_name: str
    email: str
    phone: str
    address: JSONObject = field(default_factory=dict)

    def to_traits(self) -> JSONObject:
        """Who they are, under the names that Insider One's guide has for Segment traits."""
        return {
            "firstName": self.first_name,
            "lastName": self.last_name,
            "email": self.email,
            "phone": self.phone,
            "address": self.address,
        }

    @property
    def identifiers(self) -> list[str]:
        """What Insider One may know them by, e.g. "uuid:ada", strongest first."""
        ids = {"uuid": self.user_id, "segment_anonymous_id": self.anonymous_id}
        return [f"{name}:{value}" for name, value in ids.items() if value]


def make_shopper(
    name: str | None = None, *, seed: int = 0, locale: str = DEFAULT_LOCALE
) -> Shopper:
    """Make one person.

    Args:
        name: First name; it decides who they are, together with *seed*. None has Faker choose.
        locale: Of Faker, e.g. "de_DE": it gives names, address and the country of the phone.
    """
    fake = _create_faker(locale)
    fake.seed_instance(f"{seed} {name}")
    first_name = name or fake.first_name()
    last_name = fake.last_name()
    country = fake.current_country_code()
    user_id = user_id_from_name(first_name)
    return Shopper(
        user_id=user_id,
        anonymous_id=str(fake.uuid4()),
        first_name=first_name,
        last_name=last_name,
        email=f"{_to_ascii(first_name)}.{_to_ascii(last_name)}@example.com",
        phone=_make_mobile_number(fake.random, country),
        address={
            "street": fake.street_address(),
            "city": fake.city(),
            "postalCode": fake.postcode(),
            "country": country,
        },
    )


def user_id_from_name(first_name: str) -> str:
    """Return the user id of somebody of that name: the name in lower case.

    A name with a letter that Turkish alone has is Turkish: its I loses its dot, and İ keeps it.
    """
    turkish = TURKISH_LETTERS & set(first_name)
    return (first_name.translate(TURKISH_CAPITALS) if turkish else first_name).lower()


def make_products(count: int, *, seed: int = 0, currency: str = "EUR") -> list[JSONObject]:
    """Make *count* products under the names of Segment's e-commerce spec."""
    fake = _create_faker(DEFAULT_LOCALE)
    fake.seed_instance(seed)
    return [_make_product(fake, f"p-{number}", currency) for number in range(1, count + 1)]


@cache
def _create_faker(locale: str) -> "Faker":
    """It takes longer to make one than to seed it anew."""
    # Here, not above: a fifth of what an emulator among tests imports, and not all make people.
    from faker import Faker

    return Faker(locale)


def _make_product(fake: "Faker", product_id: str, currency: str) -> JSONObject:
    return {
        "product_id": product_id,
        "sku": fake.bothify("??-####").upper(),
        "category": fake.random_element(PRODUCT_CATEGORIES),
        "name": f"{fake.color_name()} {fake.word()}",
        "brand": fake.random_element(PRODUCT_BRANDS),
        "variant": fake.random_element(PRODUCT_VARIANTS),
        "price": fake.random_int(200, 9900) / 100,
        "currency": currency,
        "quantity": fake.random_int(1, 3),
        "url": f"{SHOP_URL}/products/{product_id}",
        "image_url": f"{SHOP_URL}/images/{product_id}.jpg",
    }


def _to_ascii(name: str) -> str:
    """*name* for an e-mail address; what has no Latin letters becomes x."""
    dotted = name.replace(DOTLESS_I, "i")  # which is no letter with an accent
    plain = unicodedata.normalize("NFKD", dotted).encode("ascii", "ignore").decode()
    return "".join(filter(str.isalnum, plain)).lower() or "x"


def _make_mobile_number(random: Random, country: str) -> str:
    """A valid mobile number: what Faker calls a phone number is mostly none that can be called."""
    kind = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(country, kind)
    assert example is not None  # there is one for each country that Faker has a locale of
    stem = str(example.national_number)[:-4]
    while True:
        digits = f"{stem}{random.randrange(10_000):04}"
        number = phonenumbers.parse(f"+{example.country_code}{digits}")
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
