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
from segment_insider_emulator.workspace.parsing import parse
from segment_insider_emulator.workspace.structure import place

CALLER: Final = "emulator.caller"  # in a WSGI environment: who asks what not everybody may ask
HASH: Final = "sha256:"
SANDBOXES: Final = 50  # of one team, where its file does not say how many

# What a file of teams can do wrong, by the keyword of its schema.
_KINDS = {
    "object": "no object",
    "array": "no list",
    "string": "no text",
    "integer": "no whole number",
    "boolean": "neither true nor false",
}
_FAULTS = {
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
    digests: tuple[bytes, ...]
    sandboxes: int = SANDBOXES
    has_default: bool = False


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: one of a team or, without one, who runs the emulator and sees everything."""

    team: Team | None = None

    def sees(self, owner: str | None) -> bool:
        """Whether what belongs to the team *owner*, None for nobody's, is there for this one."""
        return self.team is None or self.team.name == owner


class Callers:
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
        self._password = None if password is None else _digest(password)

    def who(self, said: str | None) -> Caller | None:
        """Who holds *said*, None when that is nobody. It takes as long whatever was said."""
        if self._password is None:
            return Caller()
        digest = _digest(said or "")
        holders = [team for team in self._teams for own in team.digests if _same(digest, own)]
        if _same(digest, self._password):
            return Caller()
        return Caller(holders[0]) if holders else None


def caller() -> Caller:
    """Who asks the current request, which is for pages or the control API."""
    return cast(Caller, request.environ[CALLER])


def read_teams(path: str | None) -> list[Team]:
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
    document = parse(raw, path, ("file of teams", "Begin with `teams:`."))
    if wrong := best_match(_validator().iter_errors(document)):
        shape = cast(JSONObject, wrong.schema)  # each of the schema's says what to write
        where = f"{path}: {place(*wrong.absolute_path) or 'the file'}"
        raise EmulatorError(_what(wrong), where, shape["description"])
    teams = [_team(each) for each in document["teams"]]
    _refuse_twins(path, "name", [team.name for team in teams])
    _refuse_twins(path, "token", [digest for team in teams for digest in team.digests])
    _refuse_twins(path, "default sandbox", [True for team in teams if team.has_default])
    return teams


def owner_of_default(teams: Iterable[Team]) -> str | None:
    """The team whose the default sandbox is, None when it is nobody's."""
    return next((team.name for team in teams if team.has_default), None)


def _team(told: JSONObject) -> Team:
    digests = tuple(bytes.fromhex(each.removeprefix(HASH)) for each in told["tokens"])
    return Team(told["name"], digests, told.get("sandboxes", SANDBOXES), told.get("default", False))


def _refuse_twins(path: str, what: str, named: Sequence[object]) -> None:
    if len(set(named)) < len(named):
        raise EmulatorError(f"two teams have the same {what}", f"{path}: teams", "Change one.")


def _what(wrong: ValidationError) -> str:
    """The fault without the value that has it, which may be a token."""
    if wrong.validator == "required":
        return wrong.message
    if wrong.validator == "type":
        return f"this is {_KINDS[str(wrong.validator_value)]}"
    return _FAULTS[str(wrong.validator)]


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)


@cache
def _validator() -> Draft202012Validator:
    text = files(__package__).joinpath("teams.schema.json").read_text("utf-8")
    return Draft202012Validator(json.loads(text))
