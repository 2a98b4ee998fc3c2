"""The destination as Segment's catalogue has it: its settings and its ten actions.

An action is data. To add one, add its entry to `_ACTIONS`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from segment_insider_emulator.mapping.catalog_fields import (
    ANONYMOUS_ID,
    ATTRIBUTES,
    CURRENCY,
    CUSTOM_IDENTIFIERS,
    ENVELOPE,
    EVENT_NAME,
    IDENTIFIER_SWITCHES,
    LIST_PARAMETERS,
    PRODUCT_PARAMETERS,
    PRODUCTS,
    TIMESTAMP,
    TRACK_PARAMETERS,
    USER_ID,
    event_group,
    first_of,
    parameters,
    path,
)
from segment_insider_emulator.mapping.fields import Field
from segment_insider_emulator.mapping.javascript import MISSING
from segment_insider_emulator.mapping.upserts import event_user, named_event_user, profile_user
from segment_insider_emulator.types import JSONObject

DESTINATION_NAME = "Insider Cloud Mode (Actions)"
DESTINATION_SLUG = "actions-insider-cloud"
UPSERT_URL = "https://unification.useinsider.com/api/user/v1/upsert"

SETTINGS = (
    Field("account_name", "Account Name", required=True),
    Field("ucd_key", "API Key", required=True),
)


@dataclass(frozen=True, slots=True)
class Action:
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
    fields: tuple[Field, ...]
    user: Callable[[JSONObject], JSONObject]

    @property
    def default_mapping(self) -> JSONObject:
        """The mapping that Segment proposes: every field that has a default."""
        return {each.key: each.default for each in self.fields if each.default is not MISSING}


def _track(event: str) -> str:
    return f'type = "track" and event = "{event}"'


_PROFILE_FIELDS = (
    *IDENTIFIER_SWITCHES,
    Field("age", "Age", "number", default=path("traits.age")),
    Field("birthday", "Birthday", default=path("traits.birthday")),
    Field("email", "Email", default=path("traits.email")),
    Field("firstName", "First Name", default=path("traits.first_name")),
    Field("gender", "Gender", default=path("traits.gender")),
    Field("lastName", "Last Name", default=path("traits.last_name")),
    Field("phone", "Phone Number", description="In E.164 form.", default=path("traits.phone")),
    USER_ID,
    ANONYMOUS_ID,
    CUSTOM_IDENTIFIERS,
    Field("city", "City", default=path("traits.address.city")),
    Field("country", "Country", default=path("traits.address.country")),
    Field("gdprOptin", "GDPR Opt-in", "boolean"),
    Field("emailOptin", "Email Opt-in", "boolean"),
    Field("smsOptin", "SMS Opt-in", "boolean"),
    Field("whatsappOptin", "Whatsapp Opt-in", "boolean"),
    Field("language", "Language"),
    Field("custom", "Other Properties", "object"),
)

_ACTIONS = (
    Action(
        "updateUserProfile",
        "Create or Update a User Profile",
        "Writes what an identify call tells about the user to the profile.",
        'type = "identify"',
        _PROFILE_FIELDS,
        profile_user,
    ),
    Action(
        "trackEvent",
        "Track Event",
        "Records any event under its own name.",
        'type = "track"',
        (*ENVELOPE, EVENT_NAME, TIMESTAMP, TRACK_PARAMETERS, PRODUCTS, ATTRIBUTES),
        named_event_user,
    ),
    Action(
        "productListViewedEvent",
        "Product List Viewed Event",
        "Records a listing page view.",
        _track("Product List Viewed"),
        (*ENVELOPE, TIMESTAMP, LIST_PARAMETERS, ATTRIBUTES),
        event_user("listing_page_view"),
    ),
    Action(
        "productViewedEvent",
        "Product Viewed Event",
        "Records a product detail page view.",
        _track("Product Viewed"),
        (*ENVELOPE, TIMESTAMP, PRODUCT_PARAMETERS, ATTRIBUTES),
        event_user("product_detail_page_view"),
    ),
    Action(
        "productAddedEvent",
        "Product Added Event",
        "Records an item added to the cart.",
        _track("Product Added"),
        (*ENVELOPE, TIMESTAMP, PRODUCT_PARAMETERS, ATTRIBUTES),
        event_user("item_added_to_cart"),
    ),
    Action(
        "productRemovedEvent",
        "Product Removed Event",
        "Records an item removed from the cart.",
        _track("Product Removed"),
        (*ENVELOPE, TIMESTAMP, PRODUCT_PARAMETERS, ATTRIBUTES),
        event_user("item_removed_from_cart"),
    ),
    Action(
        "userRegisteredEvent",
        "User Registered Event",
        "Records a sign-up.",
        _track("User Registered"),
        (*ENVELOPE, TIMESTAMP, ATTRIBUTES),
        event_user("sign_up_confirmation"),
    ),
    Action(
        "cartViewedEvent",
        "Cart Viewed Event",
        "Records a cart page view, one event for each product.",
        _track("Cart Viewed"),
        (
            *ENVELOPE,
            TIMESTAMP,
            parameters(CURRENCY, event_group(path("properties.cart_id"))),
            PRODUCTS,
            ATTRIBUTES,
        ),
        event_user("cart_page_view"),
    ),
    Action(
        "checkoutEvent",
        "Checkout Event",
        "Records a checkout page view, one event for each product.",
        'type = "track" and (event = "Checkout Started" or event = "Checkout Step Viewed")',
        (
            *ENVELOPE,
            TIMESTAMP,
            parameters(
                CURRENCY, event_group(first_of("properties.checkout_id", "properties.order_id"))
            ),
            PRODUCTS,
            ATTRIBUTES,
        ),
        event_user("checkout_page_view"),
    ),
    Action(
        "orderCompletedEvent",
        "Order Completed Event",
        "Records a purchase, one event for each product.",
        _track("Order Completed"),
        (
            *ENVELOPE,
            TIMESTAMP,
            parameters(CURRENCY, event_group(path("properties.order_id"))),
            PRODUCTS,
            ATTRIBUTES,
        ),
        event_user("confirmation_page_view"),
    ),
)

ACTIONS: dict[str, Action] = {action.slug: action for action in _ACTIONS}
