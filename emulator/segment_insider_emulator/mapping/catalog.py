"""The destination as Segment's catalogue has it: its settings and its ten actions.

An action is data. To add one, add its entry to `_ACTIONS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from segment_insider_emulator.mapping.catalog_fields import (
    ANONYMOUS_ID_FIELD,
    ATTRIBUTES_FIELD,
    CURRENCY_FIELD,
    CUSTOM_IDENTIFIERS_FIELD,
    EVENT_NAME_FIELD,
    IDENTIFIER_SWITCH_FIELDS,
    IDENTITY_FIELDS,
    PRODUCT_LIST_PARAMETERS_FIELD,
    PRODUCT_PARAMETERS_FIELD,
    PRODUCTS_FIELD,
    TIMESTAMP_FIELD,
    TRACK_PARAMETERS_FIELD,
    USER_ID_FIELD,
    create_event_group_field,
    create_parameters_field,
    map_first_path,
    map_path,
)
from segment_insider_emulator.mapping.fields import ActionField
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.upserts import (
    build_custom_event_user,
    build_profile_user,
    make_event_user_builder,
)
from segment_insider_emulator.types import JSONObject

DESTINATION_NAME = "Insider Cloud Mode (Actions)"
DESTINATION_SLUG = "actions-insider-cloud"
UPSERT_URL = "https://unification.useinsider.com/api/user/v1/upsert"

SETTINGS_FIELDS = (
    ActionField("account_name", "Account Name", required=True),
    ActionField("ucd_key", "API Key", required=True),
)


@dataclass(frozen=True, slots=True)
class DestinationAction:
    """One action of the destination.

    Args:
        trigger: The trigger that Segment proposes.
        fields: In the catalogue's order, which is the order of validation messages.
        user: Builds the user object of an upsert from the values of the fields.
    """

    slug: str
    title: str
    description: str
    trigger: str
    fields: tuple[ActionField, ...]
    build_user: Callable[[JSONObject], JSONObject]

    @property
    def default_mapping(self) -> JSONObject:
        """The mapping that Segment proposes: every field that has a default."""
        return {each.key: each.default for each in self.fields if each.default is not MISSING}


def _format_track_trigger(event_name: str) -> str:
    return f'type = "track" and event = "{event_name}"'


_PROFILE_FIELDS = (
    *IDENTIFIER_SWITCH_FIELDS,
    ActionField("age", "Age", "number", default=map_path("traits.age")),
    ActionField("birthday", "Birthday", default=map_path("traits.birthday")),
    ActionField("email", "Email", default=map_path("traits.email")),
    ActionField("firstName", "First Name", default=map_path("traits.first_name")),
    ActionField("gender", "Gender", default=map_path("traits.gender")),
    ActionField("lastName", "Last Name", default=map_path("traits.last_name")),
    ActionField(
        "phone", "Phone Number", description="In E.164 form.", default=map_path("traits.phone")
    ),
    USER_ID_FIELD,
    ANONYMOUS_ID_FIELD,
    CUSTOM_IDENTIFIERS_FIELD,
    ActionField("city", "City", default=map_path("traits.address.city")),
    ActionField("country", "Country", default=map_path("traits.address.country")),
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
        "Writes what an identify call tells about the user to the profile.",
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
                CURRENCY_FIELD, create_event_group_field(map_path("properties.cart_id"))
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
                    map_first_path("properties.checkout_id", "properties.order_id")
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
                CURRENCY_FIELD, create_event_group_field(map_path("properties.order_id"))
            ),
            PRODUCTS_FIELD,
            ATTRIBUTES_FIELD,
        ),
        make_event_user_builder("confirmation_page_view"),
    ),
)

ACTIONS: dict[str, DestinationAction] = {action.slug: action for action in _ACTIONS}
