"""Fields that several actions share, with the keys, labels, types and defaults of the catalogue.

Labels stand as published, oddities included: they appear in Segment's validation messages.
"""

from segment_insider_emulator.mapping.fields import Field, Type
from segment_insider_emulator.types import JSON


def path(place: str) -> JSON:
    """A mapping that takes the value at *place*, e.g. "traits.email", from the event."""
    return {"@path": f"$.{place}"}


def first_of(place: str, otherwise: str) -> JSON:
    """A mapping that takes the value at *place* if there is one, else that at *otherwise*."""
    return {"@if": {"exists": path(place), "then": path(place), "else": path(otherwise)}}


IDENTIFIER_SWITCHES = (
    Field(
        "email_as_identifier", "Treat Email as Identifier", "boolean",
        "Whether the e-mail address identifies the user at Insider One.", default=True,
    ),
    Field(
        "phone_number_as_identifier", "Treat Phone Number as Identifier", "boolean",
        "Whether the phone number identifies the user at Insider One.", default=True,
    ),
    Field(
        "append_arrays", "Append Array Fields", "boolean",
        "Whether lists are added to what the profile has, rather than put in its place.",
        default=False,
    ),
)  # fmt: skip

USER_ID = Field(
    "uuid", "UUID", description="Your own user id; needed where there is no anonymous id.",
    default=path("userId"),
)  # fmt: skip
ANONYMOUS_ID = Field(
    "segment_anonymous_id", "Anonymous Id",
    description="Segment's anonymous id; needed where there is no user id.",
    default=path("anonymousId"),
)  # fmt: skip
CUSTOM_IDENTIFIERS = Field(
    "custom_identifiers", "Custom Identifiers", "object",
    "Further identifiers, by the names that Identity Resolution lists.",
)  # fmt: skip
EVENT_NAME = Field(
    "event_name", "Event Name", description="The name of the custom event.", required=True,
    default=path("event"),
)  # fmt: skip
TIMESTAMP = Field(
    "timestamp", "Timestamp", "datetime", "When the event happened.", required=True,
    default=path("timestamp"),
)  # fmt: skip

ENVELOPE = (*IDENTIFIER_SWITCHES, USER_ID, ANONYMOUS_ID, CUSTOM_IDENTIFIERS)

PRODUCTS = Field(
    "products", "Products", "object", "The products of the event; each becomes an event.",
    multiple=True,
    properties=(
        Field("product_id", "Product ID"),
        Field("taxonomy", "Taxonomy"),
        Field("name", "Name"),
        Field("unit_sale_price", "Unit Sale Price", "number"),
        Field("unit_price", "Unit Price", "number"),
        Field("quantity", "Quantity", "integer"),
        Field("url", "Product Url"),
        Field("product_image_url", "Product Image Url"),
    ),
    default={
        "@arrayPath": [
            "$.properties.products",
            {
                "product_id": {"@path": "product_id"},
                "taxonomy": {"@path": "category"},
                "name": {"@path": "name"},
                "variant_id": {"@path": "variant"},
                "unit_sale_price": {"@path": "price"},
                "unit_price": {"@path": "price"},
                "quantity": {"@path": "quantity"},
                "url": {"@path": "url"},
                "product_image_url": {"@path": "image_url"},
            },
        ]
    },
)  # fmt: skip


def object_field(key: str, label: str, description: str, *properties: Field) -> Field:
    """A field that is an object, whose default is made of its properties' defaults."""
    defaults = {each.key: each.default for each in properties}
    return Field(key, label, "object", description, properties=properties, default=defaults)


def _attribute(key: str, label: str, default: JSON, kind: Type = "string") -> Field:
    return Field(key, label, kind, default=default)


def _trait(key: str, label: str, name: str = "", kind: Type = "string") -> Field:
    name = name or key
    return _attribute(key, label, first_of(f"context.traits.{name}", f"properties.{name}"), kind)


def _place(key: str, label: str) -> Field:
    default = first_of(f"context.location.{key}", f"properties.address.{key}")
    return _attribute(key, label, default)


ATTRIBUTES = object_field(
    "attributes", "User Properties", "What the event tells about the user.",
    _trait("email", "Email"),
    _trait("phone", "Phone Number"),
    _trait("age", "Age", kind="number"),
    _trait("birthday", "Phone Number"),
    _trait("name", "User First Name", "first_name"),
    _trait("gender", "Gender"),
    _trait("surname", "User Surname", "last_name"),
    _attribute("app_version", "App Version", path("context.app.version")),
    _attribute("idfa", "IDFA", path("context.device.advertisingId")),
    _attribute("model", "Device Model", path("context.device.model")),
    _attribute("last_ip", "Ip Adresses", path("context.ip")),
    _place("city", "City"),
    _place("country", "Country"),
    _attribute("carrier", "Carrier", path("context.network.carrier")),
    _attribute("os_version", "OS Version", path("context.os.version")),
    _attribute("platform", "OS Name", path("context.os.name")),
    _attribute("timezone", "Timezone", path("context.timezone")),
    _attribute("locale", "Locale", path("context.locale")),
)  # fmt: skip


def _property(key: str, label: str, name: str = "", kind: Type = "string") -> Field:
    return _attribute(key, label, path(f"properties.{name or key}"), kind)


def event_group(mapping: JSON) -> Field:
    """The parameter that groups the events of one cart, checkout or order."""
    return _attribute("event_group_id", "Event Group ID", mapping)


CURRENCY = _property("currency", "Currency")
_TRACK_PARAMETERS = (
    _attribute("url", "Link Url", first_of("properties.url", "context.page.url")),
    CURRENCY,
    _property("product_id", "Product Id"),
    _property("taxonomy", "Product Category", "category"),
    _property("name", "Product Name"),
    _property("variant_id", "Variant Id", "variant", "number"),
    _property("unit_sale_price", "Unit Sale Price", "price", "number"),
    _property("unit_price", "Unit Price", "price", "number"),
    _property("quantity", "Quantity", kind="integer"),
    _property("product_image_url", "Product Image Url", "image_url"),
    event_group(first_of("properties.order_id", "properties.cart_id")),
    _attribute("referrer", "Referrer", first_of("properties.referrer", "context.page.referrer")),
    _attribute("user_agent", "User Agent", path("context.userAgent")),
)


def parameters(*properties: Field) -> Field:
    """The field for event parameters, with these typed ones."""
    return object_field(
        "parameters", "Event Parameters", "What the event tells about itself.", *properties
    )


def _without(*keys: str) -> tuple[Field, ...]:
    return tuple(each for each in _TRACK_PARAMETERS if each.key not in keys)


TRACK_PARAMETERS = parameters(*_TRACK_PARAMETERS)
PRODUCT_PARAMETERS = parameters(*_without("variant_id", "event_group_id", "user_agent"))
LIST_PARAMETERS = parameters(
    *(each for each in _TRACK_PARAMETERS if each.key in ("url", "taxonomy", "referrer"))
)
