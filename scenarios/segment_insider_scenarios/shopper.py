"""Shoppers, their products and their calls to Segment; Faker makes people from a seed."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Literal

import orjson

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth, parse_json
from segment_insider_emulator.text_encoding import check_utf8_and_strip_bom
from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from faker import Faker


DEFAULT_LOCALE = "en_GB"
SHOP_URL = "https://shop.example"
PRODUCT_CATEGORIES = ("Kitchen", "Garden", "Books", "Lighting")
PRODUCT_BRANDS = ("Northwind", "Fabrikam", "Contoso")
DOTLESS_I = "\N{LATIN SMALL LETTER DOTLESS I}"
TURKISH_LETTERS = {*"İşŞğĞ", DOTLESS_I}
TURKISH_CAPITALS = str.maketrans("Iİ", f"{DOTLESS_I}i")
# Those that are used, as each takes time to load.
FAKER_PROVIDERS = [
    f"faker.providers.{name}" for name in ("address", "color", "lorem", "misc", "person")
]
PRODUCT_VARIANTS = ("Blue", "Green", "Sand")


@dataclass(frozen=True, slots=True)
class Shopper:
    """A simulated person with the data that a web shop knows.

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
        """Return the shopper's Segment traits, under the names of Insider One's guide."""
        return {
            "firstName": self.first_name,
            "lastName": self.last_name,
            "email": self.email,
            "phone": self.phone,
            "address": self.address,
        }

    @property
    def identifiers(self) -> list[str]:
        """Return the shopper's Insider One identifiers, e.g. "uuid:ada", strongest first."""
        ids = {"uuid": self.user_id, "segment_anonymous_id": self.anonymous_id}
        return [f"{name}:{value}" for name, value in ids.items() if value]


def make_shopper(
    name: str | None = None, *, seed: int = 0, locale: str = DEFAULT_LOCALE
) -> Shopper:
    """Make one simulated shopper.

    Args:
        name: First name; with *seed* it decides who they are. Without it, Faker chooses one.
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
    """Return a shopper's user id for a first name: the name in lower case.

    A name with a Turkish letter follows Turkish rules for I and İ.
    """
    turkish = TURKISH_LETTERS & set(first_name)
    return (first_name.translate(TURKISH_CAPITALS) if turkish else first_name).lower()


def make_products(count: int, *, seed: int = 0, currency: str = "EUR") -> list[JSONObject]:
    """Make simulated products with the property names of Segment's e-commerce spec.

    Args:
        seed: The same seed makes the same products.
        currency: ISO 4217, e.g. "EUR"; the prices are between 2 and 99.
    """
    fake = _create_faker(DEFAULT_LOCALE)
    fake.seed_instance(seed)
    return [_make_product(fake, f"p-{number}", currency) for number in range(1, count + 1)]


@cache
def _create_faker(locale: str) -> "Faker":
    """Return the (cached) Faker instance of a locale."""
    # Imported here because it is slow to import, and not all tests make people.
    from faker import Faker

    return Faker(locale, providers=FAKER_PROVIDERS)


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
    """Return *name* in ASCII letters for an e-mail address, "x" if none are left."""
    dotted = name.replace(DOTLESS_I, "i")  # which is no letter with an accent
    plain = unicodedata.normalize("NFKD", dotted).encode("ascii", "ignore").decode()
    return "".join(filter(str.isalnum, plain)).lower() or "x"


def _make_mobile_number(random: Random, country: str) -> str:
    """Return a valid mobile number of *country* in E.164 format."""
    import phonenumbers  # here, because a test without people does not need its 60 modules

    kind = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(country, kind)
    assert example is not None  # there is one for each country that Faker has a locale of
    stem = str(example.national_number)[:-4]
    while True:
        digits = f"{stem}{random.randrange(10_000):04}"
        number = phonenumbers.parse(f"+{example.country_code}{digits}")
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


CallType = Literal["track", "identify", "page", "screen", "group", "alias"]


@dataclass(frozen=True, slots=True)
class SegmentCall:
    """One call of a shopper to Segment: type, name and body.

    Args:
        name: Of the event, page or screen; the id of a group; what an alias was known as before;
            None for identify and for a page without one.
        body: Properties, or the traits of an identify or a group.
    """

    kind: CallType
    name: str | None
    body: JSONObject


def track_call(name: str, properties: JSONObject | None = None) -> SegmentCall:
    """Build a Segment track call of an event's name and properties."""
    return SegmentCall("track", name, properties or {})


def page_call(name: str, properties: JSONObject | None = None) -> SegmentCall:
    """Build a Segment page call of a page's name and properties."""
    return SegmentCall("page", name, properties or {})


def screen_call(name: str) -> SegmentCall:
    """Build a Segment screen call, as mobile apps send it."""
    return SegmentCall("screen", name, {})


def group_call(group_id: str, traits: JSONObject | None = None) -> SegmentCall:
    """Build a Segment group call: the shopper belongs to a company or club."""
    return SegmentCall("group", group_id, traits or {})


def alias_call(previous_id: str) -> SegmentCall:
    """Build a Segment alias call: *previous_id* is the shopper's earlier id."""
    return SegmentCall("alias", previous_id, {})


def identify_call(traits: JSONObject | None = None) -> SegmentCall:
    """Build a Segment identify call of traits."""
    return SegmentCall("identify", None, traits or {})


def product_list_viewed_call(category: str | list[str], products: list[JSONObject]) -> SegmentCall:
    """Build a track call for the Segment event Product List Viewed."""
    return track_call("Product List Viewed", {"category": category, "products": products})


def product_viewed_call(product: JSONObject) -> SegmentCall:
    """Build a track call for the Segment event Product Viewed."""
    return track_call("Product Viewed", product)


def product_added_call(product: JSONObject, cart_id: str) -> SegmentCall:
    """Build a track call for the Segment event Product Added."""
    return track_call("Product Added", {"cart_id": cart_id, **product})


def product_removed_call(product: JSONObject, cart_id: str) -> SegmentCall:
    """Build a track call for the Segment event Product Removed."""
    return track_call("Product Removed", {"cart_id": cart_id, **product})


def cart_viewed_call(products: list[JSONObject], cart_id: str, currency: str) -> SegmentCall:
    """Build a track call for the Segment event Cart Viewed."""
    properties = {"cart_id": cart_id, "currency": currency, "products": products}
    return track_call("Cart Viewed", properties)


def checkout_started_call(
    products: list[JSONObject], checkout_id: str, currency: str
) -> SegmentCall:
    """Build a track call for the Segment event Checkout Started."""
    properties = {"checkout_id": checkout_id, "currency": currency, "products": products}
    return track_call("Checkout Started", properties)


def order_completed_call(
    products: list[JSONObject], order_id: str, currency: str, details: JSONObject | None = None
) -> SegmentCall:
    """Build a track call for Order Completed; *details* are properties such as revenue."""
    order = {"order_id": order_id, "currency": currency, "products": products}
    return track_call("Order Completed", order | (details or {}))


CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")
MAX_FILE_BYTES = 5_000_000  # bytes of a file
CALL_FORMAT_HINT = f"Each call is an object with a type: {', '.join(CALL_TYPES)}."


def read_call_file(path: Path) -> Iterator[tuple[str, JSONObject]]:
    """Yield location and JSON of each Segment call in a file, such as "shop.ndjson:3".

    Raises: EmulatorError, when the file cannot be read, or a call has no type.
    """
    for where, call in _parse_call_documents(path):
        if not isinstance(call, dict) or call.get("type") not in CALL_TYPES:
            raise EmulatorError("this is not a call", where, CALL_FORMAT_HINT)
        if measure_nesting_depth(call) > MAX_DEPTH:
            raise EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, CALL_FORMAT_HINT)
        yield where, call


def _parse_call_documents(path: Path) -> Iterator[tuple[str, JSON]]:
    content = _read_file_bytes(path)
    if content.lstrip().startswith(b"["):
        for number, call in enumerate(_parse_json_text(content, path.name), start=1):
            yield f"{path.name}[{number}]", call
        return
    for number, line in enumerate(content.split(b"\n"), start=1):
        if line.strip():
            where = f"{path.name}:{number}"
            yield where, _parse_json_text(line, where)


def _read_file_bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        what = f"the file cannot be read ({error.strerror})"
        remedy = "Name a file in the folder of the feature file."
        raise EmulatorError(what, str(path), remedy) from error
    if len(content) > MAX_FILE_BYTES:
        remedy = f"Keep it below {MAX_FILE_BYTES:,} bytes."
        raise EmulatorError(f"{len(content):,} bytes are too many", path.name, remedy)
    return check_utf8_and_strip_bom(content, path.name)


def _parse_json_text(text: bytes, where: str) -> JSON:
    try:
        return parse_json(text)
    except orjson.JSONDecodeError as error:
        raise EmulatorError(f"not JSON ({error})", where, CALL_FORMAT_HINT) from error
