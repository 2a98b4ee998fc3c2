"""Names that Segment's specs define: call types, root fields, e-commerce events, their properties.

Source: Segment's Ecommerce (v2) and Identify specs.
"""

CALL_TYPES = ("identify", "track", "page", "screen", "group", "alias")

# Root fields of each call type in addition to the common ones.
_CALL_SPECIFIC_ROOTS = {
    "identify": {"traits"},
    "track": {"event", "properties"},
    "page": {"name", "category", "properties"},
    "screen": {"name", "category", "properties"},
    "group": {"groupId", "traits"},
    "alias": {"previousId"},
}
_COMMON_ROOT_FIELDS = {
    *("type", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp"),
    *("sentAt", "receivedAt", "context", "integrations", "channel", "version"),
}
ROOT_FIELDS = {
    call_type: _COMMON_ROOT_FIELDS | fields for call_type, fields in _CALL_SPECIFIC_ROOTS.items()
}

_PRODUCT_PROPERTY_TEXT = (
    "product_id sku category name brand variant price quantity coupon position url image_url"
)
PRODUCT_PROPERTIES = tuple(_PRODUCT_PROPERTY_TEXT.split())
_ORDER_PROPERTY_TEXT = (
    "order_id affiliation total revenue shipping tax discount coupon currency products"
)
_COUPON_PROPERTY_TEXT = "order_id cart_id coupon_id"
_WISHLIST_PROPERTY_TEXT = f"wishlist_id wishlist_name {_PRODUCT_PROPERTY_TEXT}"
_CHECKOUT_STEP_PROPERTY_TEXT = "checkout_id step shipping_method payment_method"
_SHARED_PRODUCT_PROPERTY_TEXT = "product_id sku category name brand variant price url image_url"

ECOMMERCE_EVENT_PROPERTIES: dict[str, tuple[str, ...]] = {
    event: tuple(properties.split())
    for event, properties in {
        "Products Searched": "query",
        "Product List Viewed": "list_id category products",
        "Product List Filtered": "list_id category filters sorts products",
        "Promotion Viewed": "promotion_id creative name position",
        "Promotion Clicked": "promotion_id creative name position",
        "Product Clicked": _PRODUCT_PROPERTY_TEXT,
        "Product Viewed": f"{_PRODUCT_PROPERTY_TEXT} currency value",
        "Product Added": f"cart_id {_PRODUCT_PROPERTY_TEXT}",
        "Product Removed": f"cart_id {_PRODUCT_PROPERTY_TEXT}",
        "Cart Viewed": "cart_id products",
        "Checkout Started": "order_id affiliation value revenue shipping tax discount coupon "
        "currency products",
        "Checkout Step Viewed": _CHECKOUT_STEP_PROPERTY_TEXT,
        "Checkout Step Completed": _CHECKOUT_STEP_PROPERTY_TEXT,
        "Payment Info Entered": f"order_id {_CHECKOUT_STEP_PROPERTY_TEXT}",
        "Order Completed": f"checkout_id subtotal {_ORDER_PROPERTY_TEXT}",
        "Order Updated": _ORDER_PROPERTY_TEXT,
        "Order Refunded": "order_id total currency products",
        "Order Cancelled": _ORDER_PROPERTY_TEXT,
        "Coupon Entered": _COUPON_PROPERTY_TEXT,
        "Coupon Applied": f"{_COUPON_PROPERTY_TEXT} coupon_name discount",
        "Coupon Denied": f"{_COUPON_PROPERTY_TEXT} coupon_name reason",
        "Coupon Removed": f"{_COUPON_PROPERTY_TEXT} coupon_name discount",
        "Product Added to Wishlist": _WISHLIST_PROPERTY_TEXT,
        "Product Removed from Wishlist": _WISHLIST_PROPERTY_TEXT,
        "Wishlist Product Added to Cart": f"cart_id {_WISHLIST_PROPERTY_TEXT}",
        "Product Shared": f"share_via share_message recipient {_SHARED_PRODUCT_PROPERTY_TEXT}",
        "Cart Shared": "share_via share_message recipient cart_id products",
        "Product Reviewed": "product_id review_id review_body rating",
    }.items()
}
# Properties of the whole list in events with products; some have the same names in products.
LIST_LEVEL_PROPERTIES = {
    name for names in ECOMMERCE_EVENT_PROPERTIES.values() if "products" in names for name in names
} - {"products"}  # fmt: skip

# The e-commerce events, and two that Insider One's guide adds.
SPEC_EVENT_NAMES = (*ECOMMERCE_EVENT_PROPERTIES, "User Registered", "Cart Reviewed")
