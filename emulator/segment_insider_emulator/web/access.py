"""Access control: passwords, teams and their tokens."""

import hmac
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from flask import Request, Response, request
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.host_check import (
    AccessDenied,
    HostCheck,
    reject_cross_origin_request,
)
from segment_insider_emulator.workspace.documents import parse_document
from segment_insider_emulator.workspace.validation import format_document_path

if TYPE_CHECKING:
    pass

CALLER_KEY: Final = "emulator.caller"  # in a WSGI environment: the Caller
SANDBOX_ID_KEY = "emulator.sandbox"  # in a WSGI environment: the id in the address
CONTROL_API_PREFIX = "/emulator/"
HEALTH_PATH = "/emulator/v1/health"  # for health checks of containers; shows nothing private
MCP_PATH = "/mcp"  # the tools of agents
METRICS_PATH = "/metrics"
INSPECTOR_BLUEPRINT = "inspector"  # the blueprint of the pages
TOKEN_HASH_PREFIX: Final = "sha256:"
DEFAULT_SANDBOX_LIMIT: Final = 50  # of one team
# Errors of a teams file, by the keyword of its schema.
_TYPE_ERRORS = {
    "object": "no object",
    "array": "no list",
    "string": "no text",
    "integer": "no whole number",
    "boolean": "neither true nor false",
}
_SCHEMA_ERRORS = {
    "additionalProperties": "there is a name in it that is not known",
    "minItems": "the list is empty",
    "maxItems": "the list is too long",
    "pattern": "this is written otherwise than it must be",
    "minimum": "the number is too small",
    "maximum": "the number is too large",
}


class AuthenticationRequired(AccessDenied):
    """Error 401: the request has no valid password or team token."""

    status = 401


@dataclass(frozen=True, slots=True)
class Team:
    """A team of users that shares sandboxes, as configured in the teams file.

    Args:
        token_digests: SHA-256 of each of its tokens; tokens are never stored.
        sandbox_limit: How many sandboxes it may have at the same time.
        owns_default_sandbox: Whether the default sandbox belongs to it.
        sees_pseudonyms: Whether people are masked in all that it sees.
    """

    name: str
    token_digests: tuple[bytes, ...]
    sandbox_limit: int = DEFAULT_SANDBOX_LIMIT
    owns_default_sandbox: bool = False
    sees_pseudonyms: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller of a request: a team's member, or the operator with all rights."""

    team: Team | None = None

    def can_access(self, owner: str | None) -> bool:
        """Return whether this caller may access sandboxes of team *owner* (None: of no team)."""
        return self.team is None or self.team.name == owner


class CallerAuthenticator:
    """Authenticates callers of pages and the control API, by password or team token.

    Args:
        password: The operator's; None gives every caller the operator's access.
    Raises: EmulatorError, when there are teams but no password.
    """

    def __init__(self, password: str | None, teams: Sequence[Team] = ()) -> None:
        if teams and password is None:
            what = "teams need a password for the operator, who has access to all sandboxes"
            raise EmulatorError(what, "--teams", "Set EMULATOR_PASSWORD.")
        self._teams = teams
        self._password_digest = None if password is None else _compute_sha256(password)

    def authenticate(self, secret: str | None) -> Caller | None:
        """Return the caller with this password or token, None if unknown; takes constant time."""
        if self._password_digest is None:
            return Caller()
        digest = _compute_sha256(secret or "")
        matching_teams = [
            team
            for team in self._teams
            for token_digest in team.token_digests
            if hmac.compare_digest(digest, token_digest)
        ]
        if hmac.compare_digest(digest, self._password_digest):
            return Caller()
        return Caller(matching_teams[0]) if matching_teams else None


def create_access_check(
    check_host: HostCheck, authenticator: CallerAuthenticator
) -> Callable[[Request], None]:
    """Create the function that checks each request's access to the emulator.

    Args:
        authenticator: Authenticates callers of pages and the control API.
    """

    def check_access_to_request(request: Request) -> None:
        needs_authentication = _needs_authentication(request)
        host = check_host(request.environ, is_call=not needs_authentication)
        if not needs_authentication:
            return
        reject_cross_origin_request(host)
        if request.path == HEALTH_PATH and SANDBOX_ID_KEY not in request.environ:
            return  # not for a sandbox: strangers must not find out which ids exist
        secret = read_presented_secret()
        caller = authenticator.authenticate(secret)
        if caller is None:
            raise _build_authentication_error(secret)
        request.environ[CALLER_KEY] = caller

    return check_access_to_request


def current_caller() -> Caller:
    """Return the authenticated caller of the current page or control API request."""
    return cast(Caller, request.environ[CALLER_KEY])


def add_password_challenge(response: Response) -> Response:
    """Add WWW-Authenticate to *response*, so that a browser asks for the password."""
    response.headers["WWW-Authenticate"] = 'Basic realm="emulator", charset="UTF-8"'
    return response


def load_teams(path: str | None) -> list[Team]:
    """Load the teams file at *path*; no teams without a path.

    Raises: EmulatorError, naming the first mistake and never a token.
    """
    if path is None:
        return []
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        what = f"the teams cannot be read ({error.strerror})"
        raise EmulatorError(what, path, "Name a file with --teams.") from error
    document = parse_document(raw, path, ("file of teams", "Begin with `teams:`."))
    if schema_error := best_match(_create_teams_file_validator().iter_errors(document)):
        schema = cast(JSONObject, schema_error.schema)  # its description says what to write
        where = f"{path}: {format_document_path(*schema_error.absolute_path) or 'the file'}"
        raise EmulatorError(_format_redacted_error(schema_error), where, schema["description"])
    teams = [_parse_team(team) for team in document["teams"]]
    _reject_duplicate_team_values(path, "name", [team.name for team in teams])
    _reject_duplicate_team_values(
        path, "token", [digest for team in teams for digest in team.token_digests]
    )
    _reject_duplicate_team_values(
        path, "default sandbox", [True for team in teams if team.owns_default_sandbox]
    )
    return teams


def find_default_sandbox_owner(teams: Iterable[Team]) -> str | None:
    """Return the name of the team that owns the default sandbox; None if no team does."""
    return next((team.name for team in teams if team.owns_default_sandbox), None)


def _parse_team(document: JSONObject) -> Team:
    digests = tuple(
        bytes.fromhex(token.removeprefix(TOKEN_HASH_PREFIX)) for token in document["tokens"]
    )
    return Team(
        document["name"],
        digests,
        document.get("sandboxes", DEFAULT_SANDBOX_LIMIT),
        document.get("default", False),
        document.get("mask", False),
    )


def _reject_duplicate_team_values(path: str, label: str, values: Sequence[object]) -> None:
    if len(set(values)) < len(values):
        raise EmulatorError(f"two teams have the same {label}", f"{path}: teams", "Change one.")


def _format_redacted_error(error: ValidationError) -> str:
    """Describe a schema error of the teams file without the invalid value, which may be a token."""
    if error.validator == "required":
        return error.message
    if error.validator == "type":
        return f"this is {_TYPE_ERRORS[str(error.validator_value)]}"
    return _SCHEMA_ERRORS[str(error.validator)]


def _compute_sha256(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()


@cache
def _create_teams_file_validator() -> Draft202012Validator:
    text = files(__package__).joinpath("teams.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _needs_authentication(request: Request) -> bool:
    """Return whether the request is for a page, the control API or a tool, which are guarded."""
    pages = request.blueprints
    return (
        request.path.startswith(CONTROL_API_PREFIX)
        or request.path in (MCP_PATH, METRICS_PATH)
        or bool(pages and pages[-1] == INSPECTOR_BLUEPRINT)
    )


def _build_authentication_error(secret: str | None) -> AuthenticationRequired:
    what = "this emulator needs a password or a team's token"
    remedy = "Send it with HTTP Basic authentication and any user name, or as a bearer token."
    if secret:
        what = "the password or token is wrong"
        remedy = "Use the token of a team or the emulator's password."
    return AuthenticationRequired(what, request.path, f"{remedy} Our tools read EMULATOR_TOKEN.")


def read_presented_secret() -> str | None:
    """Return the password or team token that the request presents; None if it has none."""
    try:
        authorization = request.authorization
    except ValueError:  # invalid base64
        return None
    if authorization is None:
        return None
    return authorization.token if authorization.type == "bearer" else authorization.password
