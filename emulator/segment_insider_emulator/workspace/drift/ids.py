"""Which row of the checklist a part of a mapping belongs to."""

from collections.abc import Iterator

# Attributes that say what a person uses.
DEVICE_ATTRIBUTES = (
    "app_version", "idfa", "model", "last_ip", "carrier", "os_version", "platform", "timezone",
    "locale",
)  # fmt: skip


def _iterate_mapping_paths() -> Iterator[tuple[str, str]]:
    """Place in a mapping -> row, for all actions that have no row of their own for it."""
    for id, places in {
        "D1": "firstName lastName age birthday gender attributes.name attributes.surname "
        "attributes.age attributes.birthday attributes.gender attributes",
        "D2": "city country attributes.city attributes.country",
        "D3": "gdprOptin emailOptin smsOptin whatsappOptin",
        "D6": "attributes.phone",
        "D7": "phone",
        "D8": "email_as_identifier phone_number_as_identifier email attributes.email",
        "D10": "segment_anonymous_id custom_identifiers",
        "D11": "uuid",
        "D17": "parameters products",
        "D19": "parameters.taxonomy products.taxonomy",
        "D20": "parameters.unit_price parameters.unit_sale_price products.unit_price "
        "products.unit_sale_price",
        "D21": "parameters.quantity products.quantity parameters.variant parameters.variant_id "
        "products.variant products.variant_id",
        "D22": "parameters.url products.url",
        "D27": "append_arrays",
        "D28": " ".join(f"attributes.{name}" for name in DEVICE_ATTRIBUTES) + " language",
        "D30": "event_name",
        "D38": "custom",
        "D39": "timestamp",
        "D41": "parameters.event_group_id parameters.currency",
    }.items():
        yield from ((place, id) for place in places.split())


_DIFFERENCE_BY_PATH = dict(_iterate_mapping_paths())
_ORDER_PARAMETERS = [
    "tax",
    "affiliation",
    "revenue",
    "shipping",
    "discount",
    "coupon",
    "checkout_id",
]
_DIFFERENCE_BY_ACTION = {
    "orderCompletedEvent": {f"parameters.{name}": "D16" for name in _ORDER_PARAMETERS},
    "productAddedEvent": {"parameters.cart_id": "D13"},
    "productRemovedEvent": {"parameters.cart_id": "D13"},
}


def get_difference_id(action_slug: str, *keys: str) -> str:
    """The row for a place in the mapping of an action, e.g. ("parameters", "tax")."""
    dotted = ".".join(keys)
    own = _DIFFERENCE_BY_ACTION.get(action_slug, {})
    return (
        own.get(dotted) or _DIFFERENCE_BY_PATH.get(dotted) or _DIFFERENCE_BY_PATH.get(keys[0], "")
    )
