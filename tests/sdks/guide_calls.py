"""The calls of Insider One's guide for Segment, and the events expected from them."""

from typing import Final

from segment_insider_emulator.types import JSONObject

MUG: Final = {
    "product_id": "mug",
    "name": "Mug",
    "category": "Kitchen",
    "price": 8.5,
    "currency": "EUR",
    "quantity": 2,
    "url": "https://shop.example/mug",
    "image_url": "https://shop.example/mug.png",
}
TRAY: Final = {"product_id": "tray", "name": "Tray", "price": 21, "quantity": 1}
TRAITS: Final = {
    "firstName": "Ada",
    "lastName": "Byron",
    "email": "ada@shop.example",
    "phone": "+442071838750",
    "email_optin": True,
    "gdpr_optin": True,
}
SdkCall = tuple[str, str, JSONObject]  # kind of call, name, properties or traits
InsiderEvent = tuple[str, str | None, str | None]  # name, event_group_id, product_id

BASKET: Final = {"currency": "EUR", "products": [MUG, TRAY]}

GUIDE_CALLS: Final[tuple[SdkCall, ...]] = (
    ("identify", "", TRAITS),
    ("page", "Home", {}),
    ("page", "Kitchen", {"path": "/kitchen"}),
    ("track", "User Registered", {}),
    ("track", "Product List Viewed", {"category": "Kitchen", "products": [MUG, TRAY]}),
    ("track", "Product Viewed", MUG),
    ("track", "Product Added", {"cart_id": "c1", **MUG}),
    ("track", "Product Removed", {"cart_id": "c1", **MUG}),
    ("track", "Cart Viewed", {"cart_id": "c1", **BASKET}),
    ("track", "Cart Reviewed", {"cart_id": "c2", **BASKET}),
    ("track", "Checkout Started", {"checkout_id": "k1", "order_id": "o1", **BASKET}),
    ("track", "Checkout Step Viewed", {"checkout_id": "k2", "order_id": "o1", **BASKET}),
    ("track", "Order Completed", {"order_id": "o1", "revenue": 38, **BASKET}),
    ("track", "Giraffe Fed", {"leaves": 3}),
)
# The rest of Segment's e-commerce spec, which the guide has no event of its own for.
OTHER_ECOMMERCE_EVENTS: Final = (
    "Products Searched",
    "Product List Filtered",
    "Promotion Viewed",
    "Promotion Clicked",
    "Product Clicked",
    "Checkout Step Completed",
    "Payment Info Entered",
    "Order Updated",
    "Order Refunded",
    "Order Cancelled",
    "Coupon Entered",
    "Coupon Applied",
    "Coupon Denied",
    "Coupon Removed",
    "Product Added to Wishlist",
    "Product Removed from Wishlist",
    "Wishlist Product Added to Cart",
    "Product Shared",
    "Cart Shared",
    "Product Reviewed",
)
ALL_CALLS: Final = (*GUIDE_CALLS, *(("track", name, {}) for name in OTHER_ECOMMERCE_EVENTS))

# Name of the call -> its Insider One events: name, group, product.
EXPECTED_EVENTS: Final[dict[str, list[InsiderEvent]]] = {
    "": [],
    "Home": [("homepage_view", None, None)],
    "Kitchen": [("other_page_view", None, None)],
    "User Registered": [("sign_up_confirmation", None, None)],
    "Product List Viewed": [("listing_page_view", None, None)],
    "Product Viewed": [("product_detail_page_view", None, "mug")],
    "Product Added": [("item_added_to_cart", None, "mug")],
    "Product Removed": [("item_removed_from_cart", None, "mug")],
    "Cart Viewed": [("cart_page_view", "c1", "mug"), ("cart_page_view", "c1", "tray")],
    "Cart Reviewed": [("cart_page_view", "c2", "mug"), ("cart_page_view", "c2", "tray")],
    "Checkout Started": [("checkout_page_view", "k1", "mug"), ("checkout_page_view", "k1", "tray")],
    "Checkout Step Viewed": [
        ("checkout_page_view", "k2", "mug"),
        ("checkout_page_view", "k2", "tray"),
    ],
    "Order Completed": [
        ("confirmation_page_view", "o1", "mug"),
        ("confirmation_page_view", "o1", "tray"),
    ],
    "Giraffe Fed": [("giraffe_fed", None, None)],
    **{name: [(name.lower().replace(" ", "_"), None, None)] for name in OTHER_ECOMMERCE_EVENTS},
}
