"""The Insider One destination in Segment's catalogue: its settings, ten actions and their fields.

An action is data. To add one, add its entry to `_ACTIONS`. Labels are as published, mistakes
included: they appear in Segment's validation messages.
"""

from collections.abc import Callable
from dataclasses import dataclass

from segment_insider_emulator.mapping.fields import ActionField, FieldType
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.upserts import (
    build_custom_event_user,
    build_profile_user,
    make_event_user_builder,
)
from segment_insider_emulator.types import JSON, JSONObject


def build_path_mapping(event_path: str) -> JSON:
    """Return a mapping that takes the value at *event_path*, e.g. "traits.email"."""
    return {"@path": f"$.{event_path}"}


def build_first_path_mapping(event_path: str, fallback_path: str) -> JSON:
    """Return a mapping that takes the value at *event_path*, else at *fallback_path*."""
    return {
        "@if": {
            "exists": build_path_mapping(event_path),
            "then": build_path_mapping(event_path),
            "else": build_path_mapping(fallback_path),
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
        "Whether lists are added to those of the profile, rather than replace them.",
        default=False,
    ),
)  # fmt: skip

USER_ID_FIELD = ActionField(
    "uuid", "UUID", description="Your own user id; required when there is no anonymous id.",
    default=build_path_mapping("userId"),
)  # fmt: skip
ANONYMOUS_ID_FIELD = ActionField(
    "segment_anonymous_id", "Anonymous Id",
    description="Segment's anonymous id; required when there is no user id.",
    default=build_path_mapping("anonymousId"),
)  # fmt: skip
CUSTOM_IDENTIFIERS_FIELD = ActionField(
    "custom_identifiers", "Custom Identifiers", "object",
    "Further identifiers, by their names in Identity Resolution.",
)  # fmt: skip
EVENT_NAME_FIELD = ActionField(
    "event_name", "Event Name", description="The name of the custom event.", required=True,
    default=build_path_mapping("event"),
)  # fmt: skip
TIMESTAMP_FIELD = ActionField(
    "timestamp", "Timestamp", "datetime", "When the event happened.", required=True,
    default=build_path_mapping("timestamp"),
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
    """Create an object field of an action; its default mapping has its properties' defaults."""
    defaults = {property_field.key: property_field.default for property_field in properties}
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
        build_first_path_mapping(f"context.traits.{trait_name}", f"properties.{trait_name}"),
        field_type,
    )


def _create_location_field(key: str, label: str) -> ActionField:
    default = build_first_path_mapping(f"context.location.{key}", f"properties.address.{key}")
    return _create_typed_field(key, label, default)


ATTRIBUTES_FIELD = create_object_field(
    "attributes", "User Properties", "Attributes of the user that the event contains.",
    _create_trait_field("email", "Email"),
    _create_trait_field("phone", "Phone Number"),
    _create_trait_field("age", "Age", field_type="number"),
    _create_trait_field("birthday", "Phone Number"),
    _create_trait_field("name", "User First Name", "first_name"),
    _create_trait_field("gender", "Gender"),
    _create_trait_field("surname", "User Surname", "last_name"),
    _create_typed_field("app_version", "App Version", build_path_mapping("context.app.version")),
    _create_typed_field("idfa", "IDFA", build_path_mapping("context.device.advertisingId")),
    _create_typed_field("model", "Device Model", build_path_mapping("context.device.model")),
    _create_typed_field("last_ip", "Ip Adresses", build_path_mapping("context.ip")),
    _create_location_field("city", "City"),
    _create_location_field("country", "Country"),
    _create_typed_field("carrier", "Carrier", build_path_mapping("context.network.carrier")),
    _create_typed_field("os_version", "OS Version", build_path_mapping("context.os.version")),
    _create_typed_field("platform", "OS Name", build_path_mapping("context.os.name")),
    _create_typed_field("timezone", "Timezone", build_path_mapping("context.timezone")),
    _create_typed_field("locale", "Locale", build_path_mapping("context.locale")),
)  # fmt: skip


def _create_property_field(
    key: str, label: str, property_name: str = "", field_type: FieldType = "string"
) -> ActionField:
    return _create_typed_field(
        key, label, build_path_mapping(f"properties.{property_name or key}"), field_type
    )


def create_event_group_field(mapping: JSON) -> ActionField:
    """Create the action field that groups the events of one cart, checkout or order."""
    return _create_typed_field("event_group_id", "Event Group ID", mapping)


CURRENCY_FIELD = _create_property_field("currency", "Currency")
_TRACK_PARAMETER_FIELDS = (
    _create_typed_field(
        "url", "Link Url", build_first_path_mapping("properties.url", "context.page.url")
    ),
    CURRENCY_FIELD,
    _create_property_field("product_id", "Product Id"),
    _create_property_field("taxonomy", "Product Category", "category"),
    _create_property_field("name", "Product Name"),
    _create_property_field("variant_id", "Variant Id", "variant", "number"),
    _create_property_field("unit_sale_price", "Unit Sale Price", "price", "number"),
    _create_property_field("unit_price", "Unit Price", "price", "number"),
    _create_property_field("quantity", "Quantity", field_type="integer"),
    _create_property_field("product_image_url", "Product Image Url", "image_url"),
    create_event_group_field(build_first_path_mapping("properties.order_id", "properties.cart_id")),
    _create_typed_field(
        "referrer",
        "Referrer",
        build_first_path_mapping("properties.referrer", "context.page.referrer"),
    ),
    _create_typed_field("user_agent", "User Agent", build_path_mapping("context.userAgent")),
)


def create_parameters_field(*properties: ActionField) -> ActionField:
    """Create the action field for event parameters, with the given typed properties."""
    return create_object_field(
        "parameters", "Event Parameters", "Parameters of the event.", *properties
    )


def _list_track_parameter_fields_except(*keys: str) -> tuple[ActionField, ...]:
    return tuple(
        parameter_field
        for parameter_field in _TRACK_PARAMETER_FIELDS
        if parameter_field.key not in keys
    )


TRACK_PARAMETERS_FIELD = create_parameters_field(*_TRACK_PARAMETER_FIELDS)
PRODUCT_PARAMETERS_FIELD = create_parameters_field(
    *_list_track_parameter_fields_except("variant_id", "event_group_id", "user_agent")
)
PRODUCT_LIST_PARAMETERS_FIELD = create_parameters_field(
    *(field for field in _TRACK_PARAMETER_FIELDS if field.key in ("url", "taxonomy", "referrer"))
)

DESTINATION_NAME = "Insider Cloud Mode (Actions)"
DESTINATION_SLUG = "actions-insider-cloud"
DESTINATION_METADATA_ID = "643697f531f98a978f414453"
UPSERT_URL = "https://unification.useinsider.com/api/user/v1/upsert"

SETTINGS_FIELDS = (
    ActionField("account_name", "Account Name", required=True),
    ActionField("ucd_key", "API Key", required=True),
)


@dataclass(frozen=True, slots=True)
class DestinationAction:
    """An action of Segment's Insider One destination, with its fields.

    Args:
        trigger: The trigger that Segment proposes.
        fields: In the catalogue's order, which is the order of validation messages.
        build_user: Builds the user object of an upsert from the values of the fields.
    """

    slug: str
    title: str
    description: str
    trigger: str
    fields: tuple[ActionField, ...]
    build_user: Callable[[JSONObject], JSONObject]

    @property
    def default_mapping(self) -> JSONObject:
        """Return the mapping that Segment proposes for the action: all fields with a default."""
        return {field.key: field.default for field in self.fields if field.default is not MISSING}


def _format_track_trigger(event_name: str) -> str:
    return f'type = "track" and event = "{event_name}"'


_PROFILE_FIELDS = (
    *IDENTIFIER_SWITCH_FIELDS,
    ActionField("age", "Age", "number", default=build_path_mapping("traits.age")),
    ActionField("birthday", "Birthday", default=build_path_mapping("traits.birthday")),
    ActionField("email", "Email", default=build_path_mapping("traits.email")),
    ActionField("firstName", "First Name", default=build_path_mapping("traits.first_name")),
    ActionField("gender", "Gender", default=build_path_mapping("traits.gender")),
    ActionField("lastName", "Last Name", default=build_path_mapping("traits.last_name")),
    ActionField(
        "phone",
        "Phone Number",
        description="In E.164 form.",
        default=build_path_mapping("traits.phone"),
    ),
    USER_ID_FIELD,
    ANONYMOUS_ID_FIELD,
    CUSTOM_IDENTIFIERS_FIELD,
    ActionField("city", "City", default=build_path_mapping("traits.address.city")),
    ActionField("country", "Country", default=build_path_mapping("traits.address.country")),
    ActionField("gdprOptin", "GDPR Opt-in", "boolean"),
    ActionField("emailOptin", "Email Opt-in", "boolean"),
    ActionField("smsOptin", "SMS Opt-in", "boolean"),
    ActionField("whatsappOptin", "Whatsapp Opt-in", "boolean"),
    ActionField("language", "Language"),
    ActionField("custom", "Other Properties", "object"),
)

_ACTIONS = (
    DestinationAction(
        "updateUserProfile",
        "Create or Update a User Profile",
        "Writes the traits of an identify call to the profile.",
        'type = "identify"',
        _PROFILE_FIELDS,
        build_profile_user,
    ),
    DestinationAction(
        "trackEvent",
        "Track Event",
        "Records any event under its own name.",
        'type = "track"',
        (
            *IDENTITY_FIELDS,
            EVENT_NAME_FIELD,
            TIMESTAMP_FIELD,
            TRACK_PARAMETERS_FIELD,
            PRODUCTS_FIELD,
            ATTRIBUTES_FIELD,
        ),
        build_custom_event_user,
    ),
    DestinationAction(
        "productListViewedEvent",
        "Product List Viewed Event",
        "Records a listing page view.",
        _format_track_trigger("Product List Viewed"),
        (*IDENTITY_FIELDS, TIMESTAMP_FIELD, PRODUCT_LIST_PARAMETERS_FIELD, ATTRIBUTES_FIELD),
        make_event_user_builder("listing_page_view"),
    ),
    DestinationAction(
        "productViewedEvent",
        "Product Viewed Event",
        "Records a product detail page view.",
        _format_track_trigger("Product Viewed"),
        (*IDENTITY_FIELDS, TIMESTAMP_FIELD, PRODUCT_PARAMETERS_FIELD, ATTRIBUTES_FIELD),
        make_event_user_builder("product_detail_page_view"),
    ),
    DestinationAction(
        "productAddedEvent",
        "Product Added Event",
        "Records an item added to the cart.",
        _format_track_trigger("Product Added"),
        (*IDENTITY_FIELDS, TIMESTAMP_FIELD, PRODUCT_PARAMETERS_FIELD, ATTRIBUTES_FIELD),
        make_event_user_builder("item_added_to_cart"),
    ),
    DestinationAction(
        "productRemovedEvent",
        "Product Removed Event",
        "Records an item removed from the cart.",
        _format_track_trigger("Product Removed"),
        (*IDENTITY_FIELDS, TIMESTAMP_FIELD, PRODUCT_PARAMETERS_FIELD, ATTRIBUTES_FIELD),
        make_event_user_builder("item_removed_from_cart"),
    ),
    DestinationAction(
        "userRegisteredEvent",
        "User Registered Event",
        "Records a sign-up.",
        _format_track_trigger("User Registered"),
        (*IDENTITY_FIELDS, TIMESTAMP_FIELD, ATTRIBUTES_FIELD),
        make_event_user_builder("sign_up_confirmation"),
    ),
    DestinationAction(
        "cartViewedEvent",
        "Cart Viewed Event",
        "Records a cart page view, one event for each product.",
        _format_track_trigger("Cart Viewed"),
        (
            *IDENTITY_FIELDS,
            TIMESTAMP_FIELD,
            create_parameters_field(
                CURRENCY_FIELD, create_event_group_field(build_path_mapping("properties.cart_id"))
            ),
            PRODUCTS_FIELD,
            ATTRIBUTES_FIELD,
        ),
        make_event_user_builder("cart_page_view"),
    ),
    DestinationAction(
        "checkoutEvent",
        "Checkout Event",
        "Records a checkout page view, one event for each product.",
        'type = "track" and (event = "Checkout Started" or event = "Checkout Step Viewed")',
        (
            *IDENTITY_FIELDS,
            TIMESTAMP_FIELD,
            create_parameters_field(
                CURRENCY_FIELD,
                create_event_group_field(
                    build_first_path_mapping("properties.checkout_id", "properties.order_id")
                ),
            ),
            PRODUCTS_FIELD,
            ATTRIBUTES_FIELD,
        ),
        make_event_user_builder("checkout_page_view"),
    ),
    DestinationAction(
        "orderCompletedEvent",
        "Order Completed Event",
        "Records a purchase, one event for each product.",
        _format_track_trigger("Order Completed"),
        (
            *IDENTITY_FIELDS,
            TIMESTAMP_FIELD,
            create_parameters_field(
                CURRENCY_FIELD, create_event_group_field(build_path_mapping("properties.order_id"))
            ),
            PRODUCTS_FIELD,
            ATTRIBUTES_FIELD,
        ),
        make_event_user_builder("confirmation_page_view"),
    ),
)

ACTIONS: dict[str, DestinationAction] = {action.slug: action for action in _ACTIONS}
