"""Upsert bodies: how the values of an action's fields become a user of an Insider One upsert.

A value that is MISSING, or was never there, is left out. The body of a single event and of a
batch is the same list of users.
Source: behaviour recorded from the published destination, 3.497.0.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

from segment_insider_emulator.mapping.javascript import MISSING, WHITE_SPACE, to_js_string
from segment_insider_emulator.types import JSONObject

UPSERT_PLATFORM = "segment"

# Where a name stands on its own; every other name goes under "custom".
ROOT_ATTRIBUTES = frozenset(
    [
        "email",
        "phone",
        "age",
        "birthday",
        "name",
        "gender",
        "surname",
        "city",
        "country",
        "app_version",
        "idfa",
        "model",
        "last_ip",
        "carrier",
        "os_version",
        "platform",
        "timezone",
        "locale",
    ]
)
ROOT_PARAMETERS = frozenset(
    [
        "campaign_id",
        "campaign_name",
        "url",
        "product_id",
        "user_agent",
        "taxonomy",
        "name",
        "variant_id",
        "unit_sale_price",
        "unit_price",
        "quantity",
        "product_image_url",
        "event_group_id",
        "referrer",
        "currency",
    ]
)
PROFILE_ATTRIBUTE_NAMES = {
    "age": "age",
    "birthday": "birthday",
    "email": "email",
    "firstName": "name",
    "gender": "gender",
    "lastName": "surname",
    "phone": "phone_number",
    "city": "city",
    "country": "country",
    "gdprOptin": "gdpr_optin",
    "emailOptin": "email_optin",
    "smsOptin": "sms_optin",
    "whatsappOptin": "whatsapp_optin",
    "language": "language",
    "custom": "custom",
}

UserBuilder: TypeAlias = Callable[[JSONObject], JSONObject]


def build_upsert_body(users: list[JSONObject]) -> JSONObject:
    """The body of one upsert request."""
    return {"users": users, "platform": UPSERT_PLATFORM}


@lru_cache(maxsize=16_384)
def normalise_name(name: str) -> str:
    """The name under which Insider One is sent an event, attribute or parameter."""
    return name.lower().strip(WHITE_SPACE).replace(" ", "_")


def build_profile_user(values: JSONObject) -> JSONObject:
    """The user of a profile update: identifiers and attributes, no events."""
    attributes = {
        sent: values[key] for key, sent in PROFILE_ATTRIBUTE_NAMES.items() if key in values
    }
    if "language" in attributes:
        attributes["language"] = attributes["language"].replace("-", "_", 1)
    identifiers = _build_identifiers(values)
    if values.get("email_as_identifier") and "email" in values:
        identifiers["email"] = values["email"]
    if values.get("phone_number_as_identifier") and "phone" in values:
        identifiers["phone_number"] = values["phone"]
    return {
        "identifiers": identifiers,
        "attributes": attributes,
        "not_append": not values.get("append_arrays"),
    }


def make_event_user_builder(event_name: str) -> UserBuilder:
    """A builder of users with events of this name, one for each product."""
    return lambda values: _build_event_user(values, event_name)


def build_custom_event_user(values: JSONObject) -> JSONObject:
    """The user with events named after the Segment event."""
    return _build_event_user(values, normalise_name(values["event_name"]))


def _build_event_user(values: JSONObject, event_name: str) -> JSONObject:
    attributes = values.get("attributes", {})
    identifiers = _build_identifiers(values)
    if values.get("email_as_identifier") and attributes.get("email"):
        identifiers["email"] = attributes["email"]
    if values.get("phone_number_as_identifier") and attributes.get("phone"):
        identifiers["phone_number"] = attributes["phone"]
    parameters = values.get("parameters", {})
    # No list is one event without a product; an empty list is no event at all.
    products = values.get("products", [{}])
    timestamp = to_js_string(values["timestamp"])
    return {
        "identifiers": identifiers,
        "attributes": _build_attributes(attributes),
        "events": [
            {
                "event_name": event_name,
                "timestamp": timestamp,
                "event_params": _build_event_params(product, parameters),
            }
            for product in products
        ],
        "not_append": not values.get("append_arrays"),
    }


def _build_identifiers(values: JSONObject) -> JSONObject:
    custom: JSONObject = {}
    if "segment_anonymous_id" in values:
        custom["segment_anonymous_id"] = values["segment_anonymous_id"]
    if "custom_identifiers" in values:
        custom.update(values["custom_identifiers"])
    identifiers: JSONObject = {"uuid": values["uuid"]} if "uuid" in values else {}
    identifiers["custom"] = custom
    return identifiers


def _build_attributes(values: JSONObject) -> JSONObject:
    attributes: JSONObject = {"custom": {}}
    _add_normalised_values(values, attributes, ROOT_ATTRIBUTES)
    if "locale" in attributes:
        attributes["locale"] = attributes["locale"].replace("-", "_")
    return attributes


def _build_event_params(product: JSONObject, parameters: JSONObject) -> JSONObject:
    event_params: JSONObject = {"custom": {}}
    _add_normalised_values(product, event_params, ROOT_PARAMETERS)
    # The event's parameters come last and win over the product's, even when they have no value.
    _add_normalised_values(parameters, event_params, ROOT_PARAMETERS)
    return event_params


def _add_normalised_values(
    values: JSONObject, target: JSONObject, root_names: frozenset[str]
) -> None:
    """Put each value under its normalised name, at the root of *target* or under "custom".

    The value is looked up under the normalised name too: a key that changes loses its value.
    """
    custom = target["custom"]
    for key, value in values.items():
        name = key if key in root_names else normalise_name(key)  # those are normal already
        if name != key:
            value = values.get(name, MISSING)
        if name in root_names:
            if name == "taxonomy":
                target[name] = [value]
            elif value is MISSING:
                target.pop(name, None)
            else:
                target[name] = value
        elif value is MISSING:
            custom.pop(name, None)
        else:
            custom[name] = value
