"""Check a new sandbox against the quota and the names of the existing ones."""

import re
import secrets
from collections.abc import Collection
from functools import lru_cache
from typing import Final

import orjson

from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.storage.database import Engine
from segment_insider_emulator.storage.sandboxes import SandboxRecord, find_leftover_database
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.access import Team
from segment_insider_emulator.workspace import Workspace, load_preset
from segment_insider_emulator.workspace.loading import load_workspace_from_document

_ID_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# What a header, a path and the user name of Basic authentication can carry.
_KEY_PATTERN: Final = re.compile(r"[!-.0-9;-~]{1,100}")
_MAX_CACHED_WORKSPACES: Final = 64  # workspaces
WORKSPACE_FIELD: Final = "body.workspace"


def new_sandbox_record(
    *,
    id: str | None,
    workspace: JSONObject | str | None,
    write_key: str | None,
    account: str | None,
    key: str | None,
    created_at: str,
    team: str | None,
) -> SandboxRecord:
    """Return the record of a new sandbox; settings that are None are generated and unique.

    Raises: EmulatorError, naming the first that cannot be had.
    """
    return SandboxRecord(
        id=f"sandbox-{secrets.token_hex(4)}" if id is None else _checked_id(id),
        workspace=workspace,
        write_key=_checked_key(write_key, "writeKey") or f"wk_{secrets.token_hex(8)}",
        account=_checked_key(account, "account") or f"account-{secrets.token_hex(4)}",
        key=_checked_key(key, "key") or secrets.token_hex(16),
        created_at=created_at,
        team=team,
    )


def load_requested_workspace(
    requested: JSONObject | str | None, where: str = WORKSPACE_FIELD
) -> Workspace | None:
    """Load the requested preset or document; None for the emulator's own workspace.

    Raises: EmulatorError, naming the first mistake.
    """
    if requested is None:
        return None
    if isinstance(requested, str):
        return _load_preset(requested, where)
    return _load_document(orjson.dumps(requested), where)


@lru_cache(_MAX_CACHED_WORKSPACES)
def _load_preset(name: str, where: str) -> Workspace:
    return load_preset(name, where)


@lru_cache(_MAX_CACHED_WORKSPACES)
def _load_document(document: bytes, where: str) -> Workspace:
    return load_workspace_from_document(orjson.loads(document), where)


def _checked_id(value: str) -> str:
    if not _ID_PATTERN.fullmatch(value):
        remedy = "Use up to 63 of a-z, 0-9, - and _, and begin with a letter or a digit."
        raise EmulatorError(f"{value[:80]!r} cannot stand in an address", "body.id", remedy)
    return value


def _checked_key(value: str | None, name: str) -> str | None:
    if value is not None and not _KEY_PATTERN.fullmatch(value):
        remedy = "Use up to 100 ASCII characters without blanks, colons and slashes."
        raise EmulatorError(f"this cannot be the {name}", f"body.{name}", remedy)
    return value


DEFAULT_SANDBOX_ID: Final = "default"
MAX_SANDBOXES: Final = 1000  # sandboxes; each costs memory, and on disk open files


def check_quota(team: Team | None, existing: Collection[SandboxRecord]) -> None:
    """Check that one more sandbox is allowed. Raises: ConflictError."""
    remedy = (
        "Delete those that are done with, on the page /team or with "
        "DELETE /emulator/v1/sandboxes/<id>."
    )
    if len(existing) >= MAX_SANDBOXES:
        raise ConflictError(f"there are {MAX_SANDBOXES:,} sandboxes already", "sandboxes", remedy)
    if team and sum(each.team == team.name for each in existing) >= team.sandbox_limit:
        most = "1 sandbox" if team.sandbox_limit == 1 else f"{team.sandbox_limit:,} sandboxes"
        what = f"the team {team.name} has {most} already"
        raise ConflictError(what, "sandboxes", remedy)


def check_unique(
    record: SandboxRecord,
    existing: Collection[SandboxRecord],
    default_workspace: Workspace,
    engine: Engine,
) -> None:
    """Check that no other sandbox has the same id, write key or account.

    Args:
        others: All but the default one.
        default: What the default one has.
        db: Beside which each has its own.
    Raises: Conflict.
    """
    ids = {DEFAULT_SANDBOX_ID, *(each.id for each in existing)}
    if record.id not in ids and (left := find_leftover_database(engine, record.id)):
        what = f"an earlier sandbox {record.id!r} has left a database"
        raise ConflictError(what, left, "Remove it, or name another id.")
    write_keys = {each.write_key for each in default_workspace.sources}
    write_keys |= {each.write_key for each in existing}
    accounts = {default_workspace.account_name, *(each.account for each in existing)}
    for name, value, taken in (
        ("id", record.id, ids),
        ("writeKey", record.write_key, write_keys),
        ("account", record.account, accounts),
    ):
        if value in taken:
            what = f"another sandbox has the {name} {value!r}"
            raise ConflictError(what, f"body.{name}", "Name another, or leave it out.")
