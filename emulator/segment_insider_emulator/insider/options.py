"""What differs from one Insider One account to the next, or may: set in the workspace file.

Each option settles a point on which Insider One's pages contradict each other or are silent;
docs/assumptions.md says for each what is known.
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
    "identityDelete": 1_000,  # one page says 25,000: the stricter one holds
    "delete": 10_000,
    "anonymize": 500,  # shared by both addresses
}


@dataclass(frozen=True, slots=True)
class InsiderOptions:
    """Settings of one account; the names of the workspace file are the same in camelCase.

    Args:
        event_names: "sample" refuses every capital letter, as a published answer does; "regexp"
            takes the published expression at its word.
        quantity_required: A `purchase` without quantity is refused.
        confirmation_page_view_required: What becomes of a `confirmation_page_view` without the
            parameters that `purchase` must have.
        auth_failure: Status of the answer to a wrong key.
        attribute_delete_answer: Body of the answer to attribute/delete: counts, or {}.
        profile_id_in_reads: A profile read tells `iid` although nobody asked for it.
        identifier_limits: Identifier type -> values that one profile may own; 1 where not said,
            any number of `segment_anonymous_id`.
        blocked_values: Identifier values that identify nobody, besides the empty text.
        custom_attributes, custom_parameters: What the panel's Attributes and Events page defines,
            name -> type; None takes any name and any type.
        undefined_custom: What becomes of a custom attribute or parameter that is not defined.
        pii_attributes: What anonymize removes; custom ones as "custom.<name>".
        retention_days: Event name -> days it is kept, where the account has others than usual.
        rates: Calls a minute by name, see RATES; None is no limit.
        error_callback_hosts: Hosts that error_callback_endpoint may name.
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

    def get_rate_limit(self, name: str) -> int | None:
        """How often a minute, see RATES."""
        return self.rates.get(name, DEFAULT_RATE_LIMITS[name])


OPTION_FIELDS = {
    "".join(part.title() if at else part for at, part in enumerate(each.name.split("_"))): each.name
    for each in fields(InsiderOptions)
}


def parse_options(document: JSONObject) -> InsiderOptions:
    """Read `insider.options` of a workspace file that its schema has nothing against."""
    option_values: dict[str, Any] = {
        OPTION_FIELDS[name]: tuple(value) if isinstance(value, list) else value
        for name, value in document.items()
    }
    return InsiderOptions(**option_values)
