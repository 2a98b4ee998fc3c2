"""Teams of a shared emulator: who holds a token of theirs sees their sandboxes and no others."""

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final, cast

from flask import request
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.parsing import parse_document
from segment_insider_emulator.workspace.structure import format_path

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
    """People who see the same sandboxes.

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
    """Who asks: one of a team or, without one, who runs the emulator and sees everything."""

    team: Team | None = None

    def can_access(self, owner: str | None) -> bool:
        """Whether what belongs to the team *owner*, None for nobody's, is there for this one."""
        return self.team is None or self.team.name == owner


class CallerAuthenticator:
    """Tells callers by what they hold.

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
        """Who holds *said*, None when that is nobody. It takes as long whatever was said."""
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
    """Who asks the current request, which is for pages or the control API."""
    return cast(Caller, request.environ[CALLER_KEY])


def load_teams(path: str | None) -> list[Team]:
    """The teams of the file at *path*; none without one.

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
    """The team whose the default sandbox is, None when it is nobody's."""
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
    """The fault without the value that has it, which may be a token."""
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
