"""Access control: check passwords and tokens, and refuse foreign hosts and web pages."""

import hmac
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final, cast

from flask import Response, request
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.callbacks import CALLBACK_HEADER as CALLBACK_MARK
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.documents import parse_document
from segment_insider_emulator.workspace.validation import format_path

CALLER_KEY: Final = "emulator.caller"  # in a WSGI environment: who asks what not everybody may ask
TOKEN_HASH_PREFIX: Final = "sha256:"
DEFAULT_SANDBOX_LIMIT: Final = 50  # of one team, where its file does not say how many

# What a file of teams can do wrong, by the keyword of its schema.
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


@dataclass(frozen=True, slots=True)
class Team:
    """A team whose members share sandboxes.

    Args:
        digests: SHA-256 of each of its tokens; a token is never kept.
        sandboxes: How many it may have at once.
        has_default: Whether the default sandbox is its, too.
    """

    name: str
    token_digests: tuple[bytes, ...]
    sandbox_limit: int = DEFAULT_SANDBOX_LIMIT
    owns_default_sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """The authenticated caller: a member of a team, or the operator, who can access everything."""

    team: Team | None = None

    def can_access(self, owner: str | None) -> bool:
        """Return whether this caller may access resources of team *owner* (None: unowned)."""
        return self.team is None or self.team.name == owner


class CallerAuthenticator:
    """Authenticates callers by password or team token.

    Args:
        password: Of who runs the emulator; None lets everybody be that.
    Raises: EmulatorError, when there are teams and everybody may see everything.
    """

    def __init__(self, password: str | None, teams: Sequence[Team] = ()) -> None:
        if teams and password is None:
            what = "teams need a password for whoever runs the emulator, who sees all of them"
            raise EmulatorError(what, "--teams", "Set EMULATOR_PASSWORD.")
        self._teams = teams
        self._password_digest = None if password is None else _sha256(password)

    def authenticate(self, secret: str | None) -> Caller | None:
        """Return the caller with this *secret*, None if unknown; takes constant time."""
        if self._password_digest is None:
            return Caller()
        digest = _sha256(secret or "")
        holders = [
            team
            for team in self._teams
            for own in team.token_digests
            if _equal_in_constant_time(digest, own)
        ]
        if _equal_in_constant_time(digest, self._password_digest):
            return Caller()
        return Caller(holders[0]) if holders else None


def current_caller() -> Caller:
    """Return the authenticated caller of the current page or control API request."""
    return cast(Caller, request.environ[CALLER_KEY])


def load_teams(path: str | None) -> list[Team]:
    """Load the teams from the file at *path*; none without a path.

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
    if wrong := best_match(_teams_file_validator().iter_errors(document)):
        shape = cast(JSONObject, wrong.schema)  # each of the schema's says what to write
        where = f"{path}: {format_path(*wrong.absolute_path) or 'the file'}"
        raise EmulatorError(_redacted_error_text(wrong), where, shape["description"])
    teams = [_parse_team(each) for each in document["teams"]]
    _reject_duplicates(path, "name", [team.name for team in teams])
    _reject_duplicates(path, "token", [digest for team in teams for digest in team.token_digests])
    _reject_duplicates(
        path, "default sandbox", [True for team in teams if team.owns_default_sandbox]
    )
    return teams


def find_default_sandbox_owner(teams: Iterable[Team]) -> str | None:
    """Return the name of the team that owns the default sandbox; None if no team does."""
    return next((team.name for team in teams if team.owns_default_sandbox), None)


def _parse_team(document: JSONObject) -> Team:
    digests = tuple(
        bytes.fromhex(each.removeprefix(TOKEN_HASH_PREFIX)) for each in document["tokens"]
    )
    return Team(
        document["name"],
        digests,
        document.get("sandboxes", DEFAULT_SANDBOX_LIMIT),
        document.get("default", False),
    )


def _reject_duplicates(path: str, label: str, values: Sequence[object]) -> None:
    if len(set(values)) < len(values):
        raise EmulatorError(f"two teams have the same {label}", f"{path}: teams", "Change one.")


def _redacted_error_text(error: ValidationError) -> str:
    """Describe a schema error without the invalid value, which may be a token."""
    if error.validator == "required":
        return error.message
    if error.validator == "type":
        return f"this is {_TYPE_ERRORS[str(error.validator_value)]}"
    return _SCHEMA_ERRORS[str(error.validator)]


def _sha256(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()


def _equal_in_constant_time(first: bytes, second: bytes) -> bool:
    return hmac.compare_digest(first, second)


@cache
def _teams_file_validator() -> Draft202012Validator:
    text = files(__package__).joinpath("teams.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


CONTROL_API_PREFIX = "/emulator/"
HEALTH_PATH = "/emulator/v1/health"  # what a container is asked; it tells nothing
SANDBOX_ID_KEY = "emulator.sandbox"  # in a WSGI environment: the id in the address
INSPECTOR_BLUEPRINT = "inspector"  # the blueprint whose pages are for people
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
ALLOWED_FETCH_SITES = (
    "same-origin",
    "none",
)  # Sec-Fetch-Site: asked by our own page, or typed by a person


class AccessDenied(EmulatorError):
    """The caller may not make this request."""

    status = 403


class UntrustedOrigin(AccessDenied):
    """The request has a foreign Host header, or comes from another site's page."""


class CallbackLoop(AccessDenied):
    """The request is an error callback of an emulator."""


class AuthenticationRequired(AccessDenied):
    """The request has no valid password or token."""

    status = 401


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach a server bound to *host*."""
    return host in LOOPBACK_HOSTS or host.startswith("127.")


def create_access_check(bound_host: str, authenticator: CallerAuthenticator) -> Callable[[], None]:
    """Create the before-request check for an emulator bound to *bound_host*.

    One that is bound beyond the loopback is meant to be reached by names we cannot know.

    Args:
        callers: Who may ask for pages and the control API.
    Source: the browser lets a page on attacker.example read what that name resolves to.
    """
    guarded = is_loopback(bound_host)
    known = LOOPBACK_HOSTS | {bound_host.lower()}

    def check() -> None:
        if CALLBACK_MARK in request.headers:
            raise CallbackLoop(
                "no emulator takes error callbacks",
                f"{CALLBACK_MARK}: {request.headers[CALLBACK_MARK]}",
                "Name a program of yours as error_callback_endpoint.",
            )
        host = read_host_header()
        if guarded:
            _reject_unknown_host(host, known)
        if not _needs_authentication():
            return
        _reject_cross_origin(host)
        if request.path == HEALTH_PATH and SANDBOX_ID_KEY not in request.environ:
            return  # of the emulator, not of a sandbox, whose id is no stranger's to try
        said = _presented_secret()
        known_caller = authenticator.authenticate(said)
        if known_caller is None:
            raise _authentication_error(said)
        request.environ[CALLER_KEY] = known_caller

    return check


def add_password_challenge(response: Response) -> Response:
    """Add WWW-Authenticate to *response*, so that a browser asks for the password."""
    response.headers["WWW-Authenticate"] = 'Basic realm="emulator", charset="UTF-8"'
    return response


def _needs_authentication() -> bool:
    """Return whether the request is for a page or the control API, which need a password."""
    pages = request.blueprints
    return request.path.startswith(CONTROL_API_PREFIX) or bool(
        pages and pages[-1] == INSPECTOR_BLUEPRINT
    )


def _reject_unknown_host(host: str | None, known_hosts: frozenset[str]) -> None:
    remedy = "Use localhost or 127.0.0.1, or serve with --host 0.0.0.0."
    if host is None:
        raise UntrustedOrigin("the request has no Host header", "Host", remedy)
    if normalise_host_name(host) not in known_hosts:
        what = "this emulator answers only to this machine's own names"
        raise UntrustedOrigin(what, f"Host: {host}", remedy)


def _reject_cross_origin(host: str | None) -> None:
    origin = request.headers.get("Origin")
    own = host.lower() if host else None
    if origin and origin.partition("://")[2].lower() != own:
        raise UntrustedOrigin(
            "only this emulator's own pages may use its control API",
            f"Origin: {origin}",
            "Call it from a program; a browser sends Origin, other clients need not.",
        )
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in ALLOWED_FETCH_SITES and not _is_link_navigation():
        raise UntrustedOrigin(
            "another site's page may link here, and no more",
            f"Sec-Fetch-Site: {site}",
            "Open the address in a tab of its own.",
        )


def _is_link_navigation() -> bool:
    """Return whether a person followed a link from another site."""
    wanted = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
    return request.method == "GET" and wanted == ("navigate", "document")


def _authentication_error(secret: str | None) -> AuthenticationRequired:
    if secret:
        what = "this token is nobody's"
        remedy = "Give that of a team, or the emulator's password; our own tools read "
        return AuthenticationRequired(what, request.path, f"{remedy}EMULATOR_TOKEN.")
    return AuthenticationRequired(
        "this emulator asks for a password, or the token of a team",
        request.path,
        "Give it with HTTP Basic authentication under any user name, or as a bearer token; "
        "our own tools read EMULATOR_TOKEN.",
    )


def _presented_secret() -> str | None:
    """Return the password or token of the current request; None if it has none."""
    try:
        given = request.authorization
    except ValueError:  # Werkzeug decodes it, and not everything is base64
        return None
    if given is None:
        return None
    return given.token if given.type == "bearer" else given.password


_HOST_HEADER_PATTERN = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HOST_REMEDY = "Send a name or an address and perhaps a port, such as localhost:8282."


class InvalidHostHeader(EmulatorError):
    """The Host header is invalid, or missing where it is needed."""

    status = 400


def read_host_header() -> str | None:
    """Return the Host header without a default port; None if it is missing.

    Raises: BadHost, when it is neither a name nor an address.
    """
    header: str = request.environ.get("HTTP_HOST", "")
    if not header:
        return None
    if not _HOST_HEADER_PATTERN.fullmatch(header):
        raise InvalidHostHeader(
            "the Host header is no name with a port",
            f"Host: {ascii(header)[1:-1][:80]}",
            _HOST_REMEDY,
        )
    return header.removesuffix(":").removesuffix(_DEFAULT_PORTS.get(request.scheme, ":"))


def require_host_header() -> str:
    """Return the Host header for URLs of this emulator, e.g. "my_service:8282".

    Raises: BadHost, when there is none: HTTP/1.0 needs none, and then no address is known.
    """
    host = read_host_header()
    if host is None:
        what = "the request has no Host header, so that our own address is not known"
        raise InvalidHostHeader(what, "Host", _HOST_REMEDY)
    return host


def request_base_url() -> str:
    """Return scheme and host, e.g. "http://my_service:8282". Raises: InvalidHostHeader."""
    return f"{request.scheme}://{require_host_header()}"


def normalise_host_name(host: str) -> str:
    """Return the name in *host* in lower case, without port and final dot."""
    return re.sub(r":\d*$", "", host).removesuffix(".").lower()
