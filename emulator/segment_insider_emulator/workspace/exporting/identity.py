"""What Segment calls the destination and its actions in its catalogue.

Source: Segment's published catalogue; slugs and triggers stand in the mapping core.
"""

DESTINATION_METADATA_ID = "643697f531f98a978f414453"

# Slug -> actionId.
ACTION_IDS = {
    "updateUserProfile": "4eDL7bCbqSbFusKgkdfbwT",
    "trackEvent": "jR4ZKLguthvzW1gJJTtVnj",
    "productListViewedEvent": "4AmDqUQnbvrGNrGPxp3XFx",
    "productViewedEvent": "hesicNdpEf2spdcfWygXP1",
    "productAddedEvent": "n6y6Rg2aMws2rrNvsJvUAe",
    "productRemovedEvent": "dExYkQHzmTjt3U21gnKgKh",
    "userRegisteredEvent": "8muY7yrZPk25Fhhvf163FG",
    "cartViewedEvent": "ah446xfUXwiPSrEXyiDiQp",
    "checkoutEvent": "gWAXZgpgGCgNSoYvTw6xnv",
    "orderCompletedEvent": "xjHAWdHAw2SMv7kL1RD7f8",
}
ACTION_SLUGS = {action_id: slug for slug, action_id in ACTION_IDS.items()}
