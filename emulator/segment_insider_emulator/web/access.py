"""Access control: passwords, teams and their tokens, Host and Origin headers.

A browser would let a page on attacker.example read whatever that name resolves to, also this
machine: so the Host header is checked. Docker's host names may have an underscore, which Werkzeug
refuses: so the Host header is parsed here.
"""

import hmac
import json
import re
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, cast
from urllib.parse import urlsplit

from flask import Request, Response, current_app, request
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from segment_insider_emulator.config import INSIDER_ONE_HOSTS, SEGMENT_HOSTS, Config
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.error_callbacks import CALLBACK_HEADER
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.documents import parse_document
from segment_insider_emulator.workspace.validation import format_document_path

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

CALLER_KEY: Final = "emulator.caller"  # in a WSGI environment: the Caller
SANDBOX_ID_KEY = "emulator.sandbox"  # in a WSGI environment: the id in the address
# In a WSGI environment: the Host header of a proxy that sent X-Forwarded-Host.
CONNECTION_HOST_KEY: Final = "emulator.connection_host"
CONTROL_API_PREFIX = "/emulator/"
HEALTH_PATH = "/emulator/v1/health"  # for health checks of containers; shows nothing private
INSPECTOR_BLUEPRINT = "inspector"  # the blueprint of the pages
PUBLIC_URL_KEY: Final = "EMULATOR_PUBLIC_URL"  # in an app's configuration
SERVICE_HOSTS = frozenset((*SEGMENT_HOSTS, *INSIDER_ONE_HOSTS))
LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]", "::1"})
ALLOWED_FETCH_SITES = (
    "same-origin",
    "none",
)  # Sec-Fetch-Site: from our own page, or typed by a person
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
HOST_HEADER_PATTERN = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?")
_PORT_PATTERN = re.compile(r":\d*$")
_CALLBACK_HEADER_KEY: Final = f"HTTP_{CALLBACK_HEADER.upper().replace('-', '_')}"
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_HOST_REMEDY = "Send a name or an address, with or without a port, such as localhost:8282."


class AccessDenied(EmulatorError):
    """Error 403: the caller may not make the request."""

    status = 403


class UntrustedOrigin(AccessDenied):
    """Error 403: the request has a foreign Host header, or comes from another site's page."""


class CallbackLoop(AccessDenied):
    """Error 403: the request is an error callback that an emulator sent."""


class AuthenticationRequired(AccessDenied):
    """Error 401: the request has no valid password or team token."""

    status = 401


class InvalidHostHeader(EmulatorError):
    """Error 400: the Host header is invalid, or missing where it is needed."""

    status = 400


@dataclass(frozen=True, slots=True)
class Team:
    """A team of users that shares sandboxes, as configured in the teams file.

    Args:
        token_digests: SHA-256 of each of its tokens; tokens are never stored.
        sandbox_limit: How many sandboxes it may have at the same time.
        owns_default_sandbox: Whether the default sandbox belongs to it.
    """

    name: str
    token_digests: tuple[bytes, ...]
    sandbox_limit: int = DEFAULT_SANDBOX_LIMIT
    owns_default_sandbox: bool = False


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
            if _is_equal_in_constant_time(digest, token_digest)
        ]
        if _is_equal_in_constant_time(digest, self._password_digest):
            return Caller()
        return Caller(matching_teams[0]) if matching_teams else None


class HostCheck(Protocol):
    """Callable that checks the host that a request names, and returns its Host header.

    Raises: UntrustedOrigin; CallbackLoop; InvalidHostHeader.
    """

    def __call__(self, environ: "WSGIEnvironment", *, is_call: bool) -> str | None:
        """Check the host of a request; *is_call*: to Segment or Insider One."""


def create_host_check(config: Config) -> HostCheck:
    """Create the function that checks the host of each request to an emulator with *config*.

    If it is not bound to the loopback interface, its host names are not known and not checked.
    Calls to Segment and Insider One may name the hosts that apps use in production: no foreign
    page has these names.
    """
    is_local = is_loopback_host(config.host)
    known_hosts = LOOPBACK_HOSTS | {config.host.lower(), *config.allowed_hosts}
    if config.public_url:
        known_hosts |= {urlsplit(config.public_url).hostname or ""}
    hosts_of_calls = known_hosts | SERVICE_HOSTS

    def check_host(environ: "WSGIEnvironment", *, is_call: bool) -> str | None:
        if _CALLBACK_HEADER_KEY in environ:
            raise CallbackLoop(
                "an emulator does not accept error callbacks",
                f"{CALLBACK_HEADER}: {environ[_CALLBACK_HEADER_KEY]}",
                "Set error_callback_endpoint to an address of your own program.",
            )
        host = read_host_header(environ)
        if is_local:
            # Not X-Forwarded-Host: a page that binds its own name to this machine can send that,
            # when the proxy is on the same machine.
            named_host = environ.get(CONNECTION_HOST_KEY, host)
            _reject_unknown_host(environ, named_host, hosts_of_calls if is_call else known_hosts)
        return host

    return check_host


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
        _reject_cross_origin_request(host)
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


def is_loopback_host(host: str) -> bool:
    """Return whether only this machine can reach a server bound to *host*."""
    return host in LOOPBACK_HOSTS or host.startswith("127.")


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


def read_host_header(environ: "WSGIEnvironment") -> str | None:
    """Return a request's Host header without a default port; None if it is missing.

    Raises: InvalidHostHeader, when it is neither a name nor an address.
    """
    header: str = environ.get("HTTP_HOST", "")
    if not header:
        return None
    if not HOST_HEADER_PATTERN.fullmatch(header):
        raise InvalidHostHeader(
            "the Host header is not a name with a port",
            f"Host: {ascii(header)[1:-1][:80]}",
            _HOST_REMEDY,
        )
    return header.removesuffix(":").removesuffix(
        _DEFAULT_PORTS.get(environ["wsgi.url_scheme"], ":")
    )


def require_host_header() -> str:
    """Return the request's Host header, for URLs of this emulator, e.g. "my_service:8282".

    Raises: InvalidHostHeader, when there is none: HTTP/1.0 needs none, so no address is known.
    """
    host = read_host_header(request.environ)
    if host is None:
        what = "the request has no Host header, so this emulator's address is not known"
        raise InvalidHostHeader(what, "Host", _HOST_REMEDY)
    return host


def get_request_base_url() -> str:
    """Return the scheme and host of the emulator's address, e.g. "http://shop:8282".

    They are those of the public address if one is set, else the request's. If the request names a
    host of Segment, the app finds the emulator under that name: then it is that host, and https if
    there is no port, because what leads such a call here may have changed its scheme.

    Raises: InvalidHostHeader.
    """
    public_url: str | None = current_app.config.get(PUBLIC_URL_KEY)
    host = request.environ.get("HTTP_HOST", "")
    if normalise_host_name(host) in SERVICE_HOSTS:
        return f"{request.scheme if ':' in host else 'https'}://{require_host_header()}"
    if public_url is None:
        return f"{request.scheme}://{require_host_header()}"
    parts = urlsplit(public_url)
    return f"{parts.scheme}://{parts.netloc}"


def normalise_host_name(host: str) -> str:
    """Return the host name of a Host header in lower case, without port and final dot."""
    return _PORT_PATTERN.sub("", host).removesuffix(".").lower()


def _parse_team(document: JSONObject) -> Team:
    digests = tuple(
        bytes.fromhex(token.removeprefix(TOKEN_HASH_PREFIX)) for token in document["tokens"]
    )
    return Team(
        document["name"],
        digests,
        document.get("sandboxes", DEFAULT_SANDBOX_LIMIT),
        document.get("default", False),
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


def _is_equal_in_constant_time(first: bytes, second: bytes) -> bool:
    return hmac.compare_digest(first, second)


@cache
def _create_teams_file_validator() -> Draft202012Validator:
    text = files(__package__).joinpath("teams.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))


def _needs_authentication(request: Request) -> bool:
    """Return whether the request is for a page or the control API, which need authentication."""
    pages = request.blueprints
    return request.path.startswith(CONTROL_API_PREFIX) or bool(
        pages and pages[-1] == INSPECTOR_BLUEPRINT
    )


def _reject_unknown_host(
    environ: "WSGIEnvironment", host: str | None, known_hosts: Set[str]
) -> None:
    if host is not None and normalise_host_name(host) in known_hosts:
        return
    remedy = "Use localhost or 127.0.0.1, or serve with --allowed-hosts NAME."
    if CONNECTION_HOST_KEY in environ:
        remedy = (
            "Let the proxy send Host: localhost, and the name in X-Forwarded-Host, or serve with "
            "--allowed-hosts NAME."
        )
    if host is None:
        raise UntrustedOrigin("the request has no Host header", "Host", remedy)
    what = "this emulator accepts only host names of this machine"
    raise UntrustedOrigin(what, f"Host: {host}", remedy)


def _reject_cross_origin_request(host: str | None) -> None:
    origin = request.headers.get("Origin")
    own_host = host.lower() if host else None
    if origin and origin.partition("://")[2].lower() != own_host:
        raise UntrustedOrigin(
            "pages of other sites may not use the control API",
            f"Origin: {origin}",
            "Call it from a program that sends no Origin header.",
        )
    site = request.headers.get("Sec-Fetch-Site", "none")
    if site not in ALLOWED_FETCH_SITES and not _is_link_navigation():
        raise UntrustedOrigin(
            "pages of other sites may only link to this page",
            f"Sec-Fetch-Site: {site}",
            "Open the address in a new tab.",
        )


def _is_link_navigation() -> bool:
    """Return whether the browser made this request because a person followed a link elsewhere."""
    fetch_headers = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest"))
    return request.method == "GET" and fetch_headers == ("navigate", "document")


def _build_authentication_error(secret: str | None) -> AuthenticationRequired:
    if secret:
        what = "the password or token is wrong"
        remedy = (
            "Use the token of a team or the emulator's password. Our tools read EMULATOR_TOKEN."
        )
        return AuthenticationRequired(what, request.path, remedy)
    return AuthenticationRequired(
        "this emulator needs a password or a team's token",
        request.path,
        "Send it with HTTP Basic authentication and any user name, or as a bearer token. "
        "Our tools read EMULATOR_TOKEN.",
    )


def read_presented_secret() -> str | None:
    """Return the password or team token that the request presents; None if it has none."""
    try:
        authorization = request.authorization
    except ValueError:  # invalid base64
        return None
    if authorization is None:
        return None
    return authorization.token if authorization.type == "bearer" else authorization.password
