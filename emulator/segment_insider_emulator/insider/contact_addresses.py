"""Addresses of Insider One's Contact API: their paths, keys, schemas and rejections.

Source: Insider One, API collection "Unsubscribe" and "Resubscribe" of e-mail, SMS and WhatsApp
users, v1 and v2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hmac import compare_digest
from typing import Final, Literal, TypeAlias

from jsonschema.exceptions import ValidationError

from segment_insider_emulator.insider.account_options import ContactKeys
from segment_insider_emulator.insider.formats import CompiledSchema, load_schema_file
from segment_insider_emulator.insider.profile_json import CHANNEL_ATTRIBUTES
from segment_insider_emulator.insider.responses import RequestRejected, format_value_for_error
from segment_insider_emulator.insider.validation import DocumentedKeys
from segment_insider_emulator.types import JSON, HttpRequest, JSONObject

ContactAction: TypeAlias = Literal["subscribe", "unsubscribe"]
ContactVersion: TypeAlias = Literal["v1", "v2"]
CONTACT_ACTIONS: Final[tuple[ContactAction, ...]] = ("subscribe", "unsubscribe")
CONTACT_VERSIONS: Final[tuple[ContactVersion, ...]] = ("v1", "v2")
CONTACT_BUDGET: Final = "contact"  # of each address; see account_options.DEFAULT_RATE_LIMITS
_OLD_KEYS: Final = ("uploader_email", "is_unsubscribe_group")  # of earlier pages about v2
_TOKEN_NAMES: Final[Mapping[ContactAction, str]] = {
    "subscribe": "Resubscribe",
    "unsubscribe": "Global Unsubscribe",
}
_SCHEMA_FILE = load_schema_file("contact")


@cache
def _compile_schema(name: str) -> CompiledSchema:
    definitions = _SCHEMA_FILE["$defs"]
    return CompiledSchema({**definitions[name], "$defs": definitions})


@dataclass(frozen=True, slots=True)
class ContactAddress:
    """One of the addresses of the Contact API, e.g. /email/v2/unsubscribe."""

    channel: str
    version: ContactVersion
    action: ContactAction

    @property
    def path(self) -> str:
        """Path of the address."""
        return f"/{self.channel}/{self.version}/{self.action}"

    @property
    def address_type(self) -> str:
        """Attribute with the addresses of its channel: email or phone_number."""
        return CHANNEL_ATTRIBUTES[self.channel][0]

    @property
    def schema_name(self) -> str:
        """Name of the schema of its requests, in contact.json and the OpenAPI document."""
        kind = "Email" if self.channel == "email" else "Phone"
        if self.version == "v1":
            return f"Contact{kind}"
        if kind == "Phone":
            return "ContactPhones"
        return f"Contact{self.action.title()}"

    @property
    def documented_keys(self) -> DocumentedKeys:
        """Keys of its requests."""
        keys = tuple(_SCHEMA_FILE["$defs"][self.schema_name]["properties"])
        old_keys = _OLD_KEYS if (self.channel, self.version) == ("email", "v2") else ()
        return DocumentedKeys(
            "request",
            (*keys, *old_keys),
            {},
            {"users": DocumentedKeys("user", ("uuid", "email"), {})} if "users" in keys else {},
        )


CONTACT_ADDRESSES: Final = tuple(
    ContactAddress(channel, version, action)
    for channel in CHANNEL_ATTRIBUTES
    for version in CONTACT_VERSIONS
    for action in CONTACT_ACTIONS
)


@dataclass(frozen=True, slots=True)
class ContactAuthentication:
    """The check of account name and token for one action of the Contact API.

    Args:
        is_unification_key: Whether a token is a key for /api/user/v1, which is a likely mistake.
    """

    account_name: str
    keys: ContactKeys
    action: ContactAction
    is_unification_key: Callable[[str], bool]

    def __call__(self, request: HttpRequest) -> None:
        """Raise RequestRejected unless a request has the account's name and the action's token."""
        if request.headers.get("x-partner-name", "") != self.account_name:
            what = "X-PARTNER-NAME is not the name of this account"
            remedy = "Send the account name as the InOne panel shows it, in lower case."
            raise build_contact_rejection(401, what, remedy)
        token = request.headers.get("x-request-token", "")
        if not compare_digest(token.encode(), getattr(self.keys, self.action).encode()):
            raise build_contact_rejection(401, self._explain_token(token), self._token_remedy)

    @property
    def _token_remedy(self) -> str:
        return f"Send the {_TOKEN_NAMES[self.action]} key of the account in X-REQUEST-TOKEN."

    def _explain_token(self, token: str) -> str:
        other: ContactAction = "subscribe" if self.action == "unsubscribe" else "unsubscribe"
        if not token:
            return "X-REQUEST-TOKEN is missing"
        if compare_digest(token.encode(), getattr(self.keys, other).encode()):
            return f"X-REQUEST-TOKEN is the {_TOKEN_NAMES[other]} key, which does not {self.action}"
        if self.is_unification_key(token):
            return "X-REQUEST-TOKEN is a key for /api/user/v1, which the Contact API does not take"
        return f"X-REQUEST-TOKEN is not the {_TOKEN_NAMES[self.action]} key of this account"


_STATUS_MESSAGES: Final = {
    400: "Bad request",
    401: "Unauthorized",
    405: "Method not allowed",  # assumed: only the other two are published
}


def convert_to_contact_rejection(rejection: RequestRejected) -> RequestRejected:
    """Give the rejection of a request the body that the Contact API answers.

    Source: the published answers; that of 429 is in Insider One's "API Rate Limits".
    """
    body: JSONObject = {"statusMessage": _STATUS_MESSAGES.get(rejection.status, "Error")}
    if rejection.status == 429:
        body = {"message": "Too Many Requests", "status": 429}
    return replace_rejection_body(rejection, body)


def replace_rejection_body(rejection: RequestRejected, body: JSONObject | str) -> RequestRejected:
    """Return the rejection of a request with another body; its findings stay."""
    return RequestRejected(
        rejection.status,
        body,
        rejection.remedy,
        rejection.extra_headers,
        what=str(rejection),
        where=rejection.where,
    )


def build_contact_rejection(
    status: int, what: str, remedy: str, where: str = ""
) -> RequestRejected:
    """Build a rejection, whose body the address of the Contact API fills in."""
    return RequestRejected(status, {}, remedy, what=what, where=where)


def require_valid_body(schema_name: str, body: JSON) -> JSONObject:
    """Return the body of a request. Raises: RequestRejected, with the first error's place."""
    for error in _compile_schema(schema_name).iter_errors(body):
        where = ".".join(map(str, error.absolute_path))
        schema = error.schema if isinstance(error.schema, dict) else {}
        raise build_contact_rejection(
            400, _describe_schema_error(error, where), schema["description"], where
        )
    assert isinstance(body, dict)
    return body


def _describe_schema_error(error: ValidationError, where: str) -> str:
    name, rule = where or "the body", error.validator
    if rule == "required":
        return f"{name} lacks {error.message.partition(' is a ')[0]}"
    if rule == "anyOf":
        return "the body names nobody"
    if rule == "maxItems":
        return f"{name} has more than {error.validator_value} entries"
    if rule == "minItems":
        return f"{name} is empty"
    return f"{name} is not valid: {format_value_for_error(error.instance)}"
