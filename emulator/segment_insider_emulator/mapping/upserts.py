"""Insider One upserts: users and body, built from the values of an action's fields.

A value that is MISSING or absent is left out. The body of a single event and of a batch is the
same list of users.
Source: behaviour recorded from the published destination, 3.497.0.
"""

import json
import math
from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import orjson

from segment_insider_emulator.mapping.javascript import (
    MAX_EXACT_INTEGER,
    MISSING,
    WHITE_SPACE,
    to_js_string,
)
from segment_insider_emulator.types import JSON, JSONObject

UPSERT_PLATFORM = "segment"

# Names at the root of attributes and parameters; every other name goes under "custom".
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
    """Return the body of one upsert request to Insider One."""
    return {"users": users, "platform": UPSERT_PLATFORM}


@lru_cache(maxsize=16_384)
def normalise_name(name: str) -> str:
    """Return the name that Insider One receives for an event, attribute or parameter."""
    return name.lower().strip(WHITE_SPACE).replace(" ", "_")


def build_profile_user(values: JSONObject) -> JSONObject:
    """Build the Insider One user of a profile update: identifiers and attributes, no events."""
    attributes = {
        attribute_name: values[key]
        for key, attribute_name in PROFILE_ATTRIBUTE_NAMES.items()
        if key in values
    }
    if "language" in attributes:
        attributes["language"] = attributes["language"].replace("-", "_", 1)
    identifiers = _build_user_identifiers(values)
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
    """Return a builder of Insider One users with events of a fixed name, one per product."""
    return lambda values: _build_event_user(values, event_name)


def build_custom_event_user(values: JSONObject) -> JSONObject:
    """Build the Insider One user with events that have the name of the Segment event."""
    return _build_event_user(values, normalise_name(values["event_name"]))


def encode_upsert_body(body: JSON) -> bytes:
    """Return *body* as JSON in UTF-8, with numbers as JavaScript writes them."""
    try:
        return orjson.dumps(body, default=_encode_missing_as_null, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        # A lone surrogate, which only an escape can express; or an integer beyond 2^53, which
        # JavaScript rounds to a double.
        return json.dumps(_round_large_integers(body), default=_encode_missing_as_null).encode()


def _round_large_integers(value: JSON) -> JSON:
    if isinstance(value, dict):
        return {key: _round_large_integers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_round_large_integers(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    is_large = isinstance(value, int) and abs(value) > MAX_EXACT_INTEGER
    return int(float(value)) if is_large else value


def _encode_missing_as_null(value: object) -> None:
    """Encode a MISSING value in a list as null."""


def _build_event_user(values: JSONObject, event_name: str) -> JSONObject:
    attributes = values.get("attributes", {})
    identifiers = _build_user_identifiers(values)
    if values.get("email_as_identifier") and attributes.get("email"):
        identifiers["email"] = attributes["email"]
    if values.get("phone_number_as_identifier") and attributes.get("phone"):
        identifiers["phone_number"] = attributes["phone"]
    parameters = values.get("parameters", {})
    # No list is one event without a product; an empty list is no event at all.
    products = values.get("products", [{}])
    timestamp = values["timestamp"]
    if not isinstance(timestamp, str):
        timestamp = to_js_string(timestamp)
    return {
        "identifiers": identifiers,
        "attributes": _build_user_attributes(attributes),
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


def _build_user_identifiers(values: JSONObject) -> JSONObject:
    custom: JSONObject = {}
    if "segment_anonymous_id" in values:
        custom["segment_anonymous_id"] = values["segment_anonymous_id"]
    if "custom_identifiers" in values:
        custom.update(values["custom_identifiers"])
    identifiers: JSONObject = {"uuid": values["uuid"]} if "uuid" in values else {}
    identifiers["custom"] = custom
    return identifiers


def _build_user_attributes(values: JSONObject) -> JSONObject:
    attributes: JSONObject = {"custom": {}}
    _add_values(values, attributes, ROOT_ATTRIBUTES)
    if "locale" in attributes:
        attributes["locale"] = attributes["locale"].replace("-", "_")
    return attributes


def _build_event_params(product: JSONObject, parameters: JSONObject) -> JSONObject:
    event_params: JSONObject = {"custom": {}}
    _add_values(product, event_params, ROOT_PARAMETERS)
    # The event's parameters override the product's, even when they have no value.
    _add_values(parameters, event_params, ROOT_PARAMETERS)
    return event_params


def _add_values(values: JSONObject, target: JSONObject, root_names: frozenset[str]) -> None:
    """Add each value under its normalised name, at the root of *target* or under "custom"."""
    if not values.keys() <= root_names:
        _add_normalised_values(values, target, root_names)
        return
    target.update(values)  # as in most events, no name changes
    if "taxonomy" in values:
        target["taxonomy"] = [values["taxonomy"]]


def _add_normalised_values(
    values: JSONObject, target: JSONObject, root_names: frozenset[str]
) -> None:
    """Add values of which some are custom or have a name that changes.

    The value is also read by its normalised name, so a key that changes loses its value.
    """
    custom = target["custom"]
    for key, value in values.items():
        name = key if key in root_names else normalise_name(key)  # root names need no change
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
