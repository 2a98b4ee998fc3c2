"""What a sandbox is asked to be, checked, and made up where nothing is asked."""

import re
import secrets
from functools import lru_cache
from typing import Final

import orjson

from segment_insider_emulator.capture.sandboxes import Described
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace, preset
from segment_insider_emulator.workspace.loading import from_document

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# What a header, a path and the user name of Basic authentication can carry.
_KEY: Final = re.compile(r"[!-.0-9;-~]{1,100}")
_REMEMBERED: Final = 64  # workspaces
BODY: Final = "body.workspace"


def described(
    *,
    id: str | None,
    workspace: JSONObject | str | None,
    write_key: str | None,
    account: str | None,
    key: str | None,
    created_at: str,
    team: str | None,
) -> Described:
    """The sandbox that is asked for; what is None is made up, and nobody else has it.

    Raises: EmulatorError, naming the first that cannot be had.
    """
    return Described(
        id=f"sandbox-{secrets.token_hex(4)}" if id is None else _id(id),
        workspace=workspace,
        write_key=_key(write_key, "writeKey") or f"wk_{secrets.token_hex(8)}",
        account=_key(account, "account") or f"account-{secrets.token_hex(4)}",
        key=_key(key, "key") or secrets.token_hex(16),
        created_at=created_at,
        team=team,
    )


def workspace_of(asked: JSONObject | str | None, where: str = BODY) -> Workspace | None:
    """A preset, the workspace of a document, or None for the emulator's own.

    Raises: EmulatorError, naming the first mistake.
    """
    if asked is None:
        return None
    if isinstance(asked, str):
        return _of_preset(asked, where)
    return _of_document(orjson.dumps(asked), where)


@lru_cache(_REMEMBERED)
def _of_preset(name: str, where: str) -> Workspace:
    return preset(name, where)


@lru_cache(_REMEMBERED)
def _of_document(document: bytes, where: str) -> Workspace:
    return from_document(orjson.loads(document), where)


def _id(given: str) -> str:
    if not _ID.fullmatch(given):
        remedy = "Use up to 63 of a-z, 0-9, - and _, and begin with a letter or a digit."
        raise EmulatorError(f"{given[:80]!r} cannot stand in an address", "body.id", remedy)
    return given


def _key(given: str | None, name: str) -> str | None:
    if given is not None and not _KEY.fullmatch(given):
        remedy = "Use up to 100 ASCII characters without blanks, colons and slashes."
        raise EmulatorError(f"this cannot be the {name}", f"body.{name}", remedy)
    return given
