"""Options and rate limits of one Insider One account, as set in the workspace file.

Each option decides a point that Insider One's pages leave open or contradict; docs/assumptions.md
lists what is known about each.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

from segment_insider_emulator.types import JSONObject

EventNameRule: TypeAlias = Literal["sample", "regexp"]
Strictness: TypeAlias = Literal["warn", "drop"]
DeletionAnswer: TypeAlias = Literal["envelope", "empty"]
# Types of custom attributes and parameters, as the panel names them.
CustomType: TypeAlias = Literal[
    "String", "Strings", "Number", "Numbers", "Boolean", "Date", "Datetime", "URL"
]

# Calls a minute; "profile" counts quota units instead.
DEFAULT_RATE_LIMITS: Mapping[str, int] = {
    "upsert": 25_000,  # shared with attribute/delete
    "profile": 1_000,
    "identityUpdate": 2_000,
    "identityDelete": 1_000,  # one page says 25,000; the stricter limit is used
    "delete": 10_000,
    "anonymize": 500,  # shared by both addresses
    "contact": 600,  # of each address of the Contact API; published for subscribe of v1
}


@dataclass(frozen=True, slots=True)
class InsiderAccountOptions:
    """The options of one Insider One account; workspace files use the same names in camelCase.

    Args:
        event_names: "sample" rejects capital letters in event names, as a published response
            does; "regexp" applies the published regular expression.
        quantity_required: Reject a `purchase` without quantity.
        confirmation_page_view_required: What to do with a `confirmation_page_view` that lacks
            the parameters required for `purchase`.
        auth_failure: Status of the response to a wrong key.
        attribute_delete_answer: Body of the response to attribute/delete: counts, or {}.
        profile_id_in_reads: Profile reads return `iid` even if the request does not ask for it.
        identifier_limits: Identifier type -> values that one profile may have; the default is 1,
            and any number of `segment_anonymous_id`.
        blocked_values: Identifier values that never identify a profile; the empty text never does.
        custom_attributes, custom_parameters: Definitions of the panel's Attributes and Events
            page, name -> type; None accepts any name and any type.
        undefined_custom: What to do with a custom attribute or parameter that is not defined.
        pii_attributes: What anonymize removes; custom ones as "custom.<name>".
        retention_days: Event name -> days that it is stored, where they differ from the default.
        rates: Calls per minute by name, see DEFAULT_RATE_LIMITS; None is no limit.
        error_callback_hosts: Hosts allowed in error_callback_endpoint.
        contact_opt_ins: Whether the Contact API changes a channel's opt-in, too, or keeps it.
        invalid_contacts: What an invalid address in a list of the Contact API does: refuse the
            request, or skip the address.
    """

    event_names: EventNameRule = "sample"
    quantity_required: bool = True
    confirmation_page_view_required: Strictness = "warn"
    auth_failure: Literal[403, 401] = 403
    attribute_delete_answer: DeletionAnswer = "envelope"
    profile_id_in_reads: bool = False
    identifier_limits: Mapping[str, int] = field(default_factory=dict)
    blocked_values: tuple[str, ...] = ("undefined", "anonymous", "0", "1", "null")
    custom_attributes: Mapping[str, CustomType] | None = None
    custom_parameters: Mapping[str, CustomType] | None = None
    undefined_custom: Strictness = "warn"
    pii_attributes: tuple[str, ...] = (
        *("uuid", "email", "phone_number", "name", "surname", "gender"),
        *("birthday", "age", "country", "city"),
    )
    retention_days: Mapping[str, int] = field(default_factory=dict)
    rates: Mapping[str, int | None] = field(default_factory=dict)
    error_callback_hosts: tuple[str, ...] = ()
    contact_opt_ins: Literal["change", "keep"] = "change"
    invalid_contacts: Literal["refuse", "skip"] = "refuse"

    @property
    def rate_limits(self) -> dict[str, int | None]:
        """Allowed units per minute of each rate limit of the account; None means no limit."""
        return {**DEFAULT_RATE_LIMITS, **self.rates}


def _convert_to_camel_case(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(part.title() for part in others)


# Name in the workspace file -> field of InsiderAccountOptions.
OPTION_FIELDS = {
    _convert_to_camel_case(field.name): field.name for field in fields(InsiderAccountOptions)
}


def parse_account_options(document: JSONObject) -> InsiderAccountOptions:
    """Parse `insider.options` of a workspace file that passed its schema."""
    option_values: dict[str, Any] = {
        OPTION_FIELDS[name]: tuple(value) if isinstance(value, list) else value
        for name, value in document.items()
    }
    return InsiderAccountOptions(**option_values)


@dataclass(frozen=True, slots=True)
class ContactKeys:
    """The keys of one Insider One account for the Contact API.

    Args:
        unsubscribe: The key of type Global Unsubscribe.
        subscribe: The key of type Resubscribe.
    """

    unsubscribe: str
    subscribe: str


def derive_contact_keys(account_key: str) -> ContactKeys:
    """Return the Contact API's keys of an account whose workspace file has none of its own."""
    return ContactKeys(f"{account_key}-unsubscribe", f"{account_key}-resubscribe")
