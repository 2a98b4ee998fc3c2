"""Fields that several actions share, with the keys, labels, types and defaults of the catalogue.

Labels stand as published, oddities included: they appear in Segment's validation messages.
"""

from segment_insider_emulator.mapping.fields import ActionField, FieldType
from segment_insider_emulator.types import JSON


def map_path(event_path: str) -> JSON:
    """A mapping that takes the value at *place*, e.g. "traits.email", from the event."""
    return {"@path": f"$.{event_path}"}


def map_first_path(event_path: str, fallback_path: str) -> JSON:
    """A mapping that takes the value at *place* if there is one, else that at *otherwise*."""
    return {
        "@if": {
            "exists": map_path(event_path),
            "then": map_path(event_path),
            "else": map_path(fallback_path),
        }
    }


IDENTIFIER_SWITCH_FIELDS = (
    ActionField(
        "email_as_identifier", "Treat Email as Identifier", "boolean",
        "Whether the e-mail address identifies the user at Insider One.", default=True,
    ),
    ActionField(
        "phone_number_as_identifier", "Treat Phone Number as Identifier", "boolean",
        "Whether the phone number identifies the user at Insider One.", default=True,
    ),
    ActionField(
        "append_arrays", "Append Array Fields", "boolean",
        "Whether lists are added to what the profile has, rather than put in its place.",
        default=False,
    ),
)  # fmt: skip

USER_ID_FIELD = ActionField(
    "uuid", "UUID", description="Your own user id; needed where there is no anonymous id.",
    default=map_path("userId"),
)  # fmt: skip
ANONYMOUS_ID_FIELD = ActionField(
    "segment_anonymous_id", "Anonymous Id",
    description="Segment's anonymous id; needed where there is no user id.",
    default=map_path("anonymousId"),
)  # fmt: skip
CUSTOM_IDENTIFIERS_FIELD = ActionField(
    "custom_identifiers", "Custom Identifiers", "object",
    "Further identifiers, by the names that Identity Resolution lists.",
)  # fmt: skip
EVENT_NAME_FIELD = ActionField(
    "event_name", "Event Name", description="The name of the custom event.", required=True,
    default=map_path("event"),
)  # fmt: skip
TIMESTAMP_FIELD = ActionField(
    "timestamp", "Timestamp", "datetime", "When the event happened.", required=True,
    default=map_path("timestamp"),
)  # fmt: skip

IDENTITY_FIELDS = (
    *IDENTIFIER_SWITCH_FIELDS,
    USER_ID_FIELD,
    ANONYMOUS_ID_FIELD,
    CUSTOM_IDENTIFIERS_FIELD,
)

PRODUCTS_FIELD = ActionField(
    "products", "Products", "object", "The products of the event; each becomes an event.",
    multiple=True,
    properties=(
        ActionField("product_id", "Product ID"),
        ActionField("taxonomy", "Taxonomy"),
        ActionField("name", "Name"),
        ActionField("unit_sale_price", "Unit Sale Price", "number"),
        ActionField("unit_price", "Unit Price", "number"),
        ActionField("quantity", "Quantity", "integer"),
        ActionField("url", "Product Url"),
        ActionField("product_image_url", "Product Image Url"),
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


def create_object_field(
    key: str, label: str, description: str, *properties: ActionField
) -> ActionField:
    """A field that is an object, whose default is made of its properties' defaults."""
    defaults = {each.key: each.default for each in properties}
    return ActionField(key, label, "object", description, properties=properties, default=defaults)


def _create_typed_field(
    key: str, label: str, default: JSON, field_type: FieldType = "string"
) -> ActionField:
    return ActionField(key, label, field_type, default=default)


def _create_trait_field(
    key: str, label: str, trait_name: str = "", field_type: FieldType = "string"
) -> ActionField:
    trait_name = trait_name or key
    return _create_typed_field(
        key,
        label,
        map_first_path(f"context.traits.{trait_name}", f"properties.{trait_name}"),
        field_type,
    )


def _create_location_field(key: str, label: str) -> ActionField:
    default = map_first_path(f"context.location.{key}", f"properties.address.{key}")
    return _create_typed_field(key, label, default)


ATTRIBUTES_FIELD = create_object_field(
    "attributes", "User Properties", "What the event tells about the user.",
    _create_trait_field("email", "Email"),
    _create_trait_field("phone", "Phone Number"),
    _create_trait_field("age", "Age", field_type="number"),
    _create_trait_field("birthday", "Phone Number"),
    _create_trait_field("name", "User First Name", "first_name"),
    _create_trait_field("gender", "Gender"),
    _create_trait_field("surname", "User Surname", "last_name"),
    _create_typed_field("app_version", "App Version", map_path("context.app.version")),
    _create_typed_field("idfa", "IDFA", map_path("context.device.advertisingId")),
    _create_typed_field("model", "Device Model", map_path("context.device.model")),
    _create_typed_field("last_ip", "Ip Adresses", map_path("context.ip")),
    _create_location_field("city", "City"),
    _create_location_field("country", "Country"),
    _create_typed_field("carrier", "Carrier", map_path("context.network.carrier")),
    _create_typed_field("os_version", "OS Version", map_path("context.os.version")),
    _create_typed_field("platform", "OS Name", map_path("context.os.name")),
    _create_typed_field("timezone", "Timezone", map_path("context.timezone")),
    _create_typed_field("locale", "Locale", map_path("context.locale")),
)  # fmt: skip


def _create_property_field(
    key: str, label: str, property_name: str = "", field_type: FieldType = "string"
) -> ActionField:
    return _create_typed_field(
        key, label, map_path(f"properties.{property_name or key}"), field_type
    )


def create_event_group_field(mapping: JSON) -> ActionField:
    """The parameter that groups the events of one cart, checkout or order."""
    return _create_typed_field("event_group_id", "Event Group ID", mapping)


CURRENCY_FIELD = _create_property_field("currency", "Currency")
_TRACK_PARAMETER_FIELDS = (
    _create_typed_field("url", "Link Url", map_first_path("properties.url", "context.page.url")),
    CURRENCY_FIELD,
    _create_property_field("product_id", "Product Id"),
    _create_property_field("taxonomy", "Product Category", "category"),
    _create_property_field("name", "Product Name"),
    _create_property_field("variant_id", "Variant Id", "variant", "number"),
    _create_property_field("unit_sale_price", "Unit Sale Price", "price", "number"),
    _create_property_field("unit_price", "Unit Price", "price", "number"),
    _create_property_field("quantity", "Quantity", field_type="integer"),
    _create_property_field("product_image_url", "Product Image Url", "image_url"),
    create_event_group_field(map_first_path("properties.order_id", "properties.cart_id")),
    _create_typed_field(
        "referrer", "Referrer", map_first_path("properties.referrer", "context.page.referrer")
    ),
    _create_typed_field("user_agent", "User Agent", map_path("context.userAgent")),
)


def create_parameters_field(*properties: ActionField) -> ActionField:
    """The field for event parameters, with these typed ones."""
    return create_object_field(
        "parameters", "Event Parameters", "What the event tells about itself.", *properties
    )


def _list_track_parameters_except(*keys: str) -> tuple[ActionField, ...]:
    return tuple(each for each in _TRACK_PARAMETER_FIELDS if each.key not in keys)


TRACK_PARAMETERS_FIELD = create_parameters_field(*_TRACK_PARAMETER_FIELDS)
PRODUCT_PARAMETERS_FIELD = create_parameters_field(
    *_list_track_parameters_except("variant_id", "event_group_id", "user_agent")
)
PRODUCT_LIST_PARAMETERS_FIELD = create_parameters_field(
    *(each for each in _TRACK_PARAMETER_FIELDS if each.key in ("url", "taxonomy", "referrer"))
)
