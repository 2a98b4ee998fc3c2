"""What Segment's specs say events carry: the yardstick for what a mapping leaves behind.

Source: Segment's Ecommerce (v2) and Identify specs.
"""

CALLS = ("identify", "track", "page", "screen", "group", "alias")

# What each call has at its root besides what every call has.
_OWN_ROOTS = {
    "identify": {"traits"},
    "track": {"event", "properties"},
    "page": {"name", "category", "properties"},
    "screen": {"name", "category", "properties"},
    "group": {"groupId", "traits"},
    "alias": {"previousId"},
}
_COMMON_ROOTS = {"type", "userId", "anonymousId", "messageId", "timestamp", "originalTimestamp"} | {
    "sentAt", "receivedAt", "context", "integrations", "channel", "version",
}  # fmt: skip
ROOTS = {call: _COMMON_ROOTS | own for call, own in _OWN_ROOTS.items()}

_PRODUCT = "product_id sku category name brand variant price quantity coupon position url image_url"
PRODUCT = tuple(_PRODUCT.split())
_ORDER = "order_id affiliation total revenue shipping tax discount coupon currency products"
_COUPON = "order_id cart_id coupon_id"
_WISHLIST = f"wishlist_id wishlist_name {_PRODUCT}"
_STEP = "checkout_id step shipping_method payment_method"
_SHARED = "product_id sku category name brand variant price url image_url"

ECOMMERCE: dict[str, tuple[str, ...]] = {
    event: tuple(properties.split())
    for event, properties in {
        "Products Searched": "query",
        "Product List Viewed": "list_id category products",
        "Product List Filtered": "list_id category filters sorts products",
        "Promotion Viewed": "promotion_id creative name position",
        "Promotion Clicked": "promotion_id creative name position",
        "Product Clicked": _PRODUCT,
        "Product Viewed": f"{_PRODUCT} currency value",
        "Product Added": f"cart_id {_PRODUCT}",
        "Product Removed": f"cart_id {_PRODUCT}",
        "Cart Viewed": "cart_id products",
        "Checkout Started": "order_id affiliation value revenue shipping tax discount coupon "
        "currency products",
        "Checkout Step Viewed": _STEP,
        "Checkout Step Completed": _STEP,
        "Payment Info Entered": f"order_id {_STEP}",
        "Order Completed": f"checkout_id subtotal {_ORDER}",
        "Order Updated": _ORDER,
        "Order Refunded": "order_id total currency products",
        "Order Cancelled": _ORDER,
        "Coupon Entered": _COUPON,
        "Coupon Applied": f"{_COUPON} coupon_name discount",
        "Coupon Denied": f"{_COUPON} coupon_name reason",
        "Coupon Removed": f"{_COUPON} coupon_name discount",
        "Product Added to Wishlist": _WISHLIST,
        "Product Removed from Wishlist": _WISHLIST,
        "Wishlist Product Added to Cart": f"cart_id {_WISHLIST}",
        "Product Shared": f"share_via share_message recipient {_SHARED}",
        "Cart Shared": "share_via share_message recipient cart_id products",
        "Product Reviewed": "product_id review_id review_body rating",
    }.items()
}
# What events with products say of the whole list, some of it by the names products use.
LIST_LEVEL = {
    name for names in ECOMMERCE.values() if "products" in names for name in names
} - {"products"}  # fmt: skip

# The e-commerce events by name, and the two that Insider One's guide adds to them.
EVENTS = (*ECOMMERCE, "User Registered", "Cart Reviewed")
