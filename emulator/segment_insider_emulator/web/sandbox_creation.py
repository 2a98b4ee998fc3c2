"""Creation of sandboxes: builds the record, and checks it against quota and existing sandboxes."""

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
from segment_insider_emulator.workspace import Workspace, load_preset_workspace
from segment_insider_emulator.workspace.loading import load_workspace_from_document

DEFAULT_SANDBOX_ID: Final = "default"
MAX_SANDBOXES: Final = 1000  # each needs memory and, with an SQLite file, open files
WORKSPACE_FIELD: Final = "body.workspace"
_ID_PATTERN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
# Characters allowed in a header, in a path and in the user name of Basic authentication.
_KEY_PATTERN: Final = re.compile(r"[!-.0-9;-~]{1,100}")
_MAX_CACHED_WORKSPACES: Final = 64


def build_sandbox_record(
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

    Raises: EmulatorError, naming the first invalid setting.
    """
    return SandboxRecord(
        id=f"sandbox-{secrets.token_hex(4)}" if id is None else _require_valid_sandbox_id(id),
        workspace=workspace,
        write_key=_require_valid_key(write_key, "writeKey") or f"wk_{secrets.token_hex(8)}",
        account=_require_valid_key(account, "account") or f"account-{secrets.token_hex(4)}",
        key=_require_valid_key(key, "key") or secrets.token_hex(16),
        created_at=created_at,
        team=team,
    )


def check_sandbox_quota(team: Team | None, existing: Collection[SandboxRecord]) -> None:
    """Check that the emulator and the team may have one more sandbox. Raises: ConflictError."""
    remedy = (
        "Delete sandboxes that are not needed, on the page /team or with "
        "DELETE /emulator/v1/sandboxes/<id>."
    )
    if len(existing) >= MAX_SANDBOXES:
        raise ConflictError(f"there are {MAX_SANDBOXES:,} sandboxes already", "sandboxes", remedy)
    if team and sum(sandbox.team == team.name for sandbox in existing) >= team.sandbox_limit:
        limit = "1 sandbox" if team.sandbox_limit == 1 else f"{team.sandbox_limit:,} sandboxes"
        what = f"the team {team.name} has {limit} already"
        raise ConflictError(what, "sandboxes", remedy)


def check_sandbox_keys_are_unique(
    record: SandboxRecord,
    existing: Collection[SandboxRecord],
    default_workspace: Workspace,
    engine: Engine,
) -> None:
    """Check that no other sandbox has the same id, write key or Insider One account.

    Args:
        existing: All sandboxes except the default one.
        default_workspace: That of the default sandbox.
        engine: The default sandbox's database; those of other sandboxes are named after it.
    Raises: ConflictError.
    """
    ids = {DEFAULT_SANDBOX_ID, *(sandbox.id for sandbox in existing)}
    if record.id not in ids and (leftover := find_leftover_database(engine, record.id)):
        what = f"a deleted sandbox {record.id!r} has left its database"
        raise ConflictError(what, leftover, "Delete it, or use another id.")
    write_keys = {source.write_key for source in default_workspace.sources}
    write_keys |= {sandbox.write_key for sandbox in existing}
    accounts = {default_workspace.account_name, *(sandbox.account for sandbox in existing)}
    for name, value, taken in (
        ("id", record.id, ids),
        ("writeKey", record.write_key, write_keys),
        ("account", record.account, accounts),
    ):
        if value in taken:
            what = f"another sandbox has the {name} {value!r}"
            raise ConflictError(what, f"body.{name}", "Use another one, or leave it out.")


def load_requested_workspace(
    requested: JSONObject | str | None, where: str = WORKSPACE_FIELD
) -> Workspace | None:
    """Load the preset or document requested for a sandbox; None for the emulator's own workspace.

    Raises: EmulatorError, naming the first mistake.
    """
    if requested is None:
        return None
    if isinstance(requested, str):
        return load_preset_workspace(requested, where)
    return _load_workspace_document(orjson.dumps(requested), where)


@lru_cache(_MAX_CACHED_WORKSPACES)
def _load_workspace_document(document: bytes, where: str) -> Workspace:
    return load_workspace_from_document(orjson.loads(document), where)


def _require_valid_sandbox_id(value: str) -> str:
    if not _ID_PATTERN.fullmatch(value):
        remedy = "Use 1 to 63 of a-z, 0-9, - and _, starting with a letter or digit."
        raise EmulatorError(f"{value[:80]!r} is not a valid sandbox id", "body.id", remedy)
    return value


def _require_valid_key(value: str | None, name: str) -> str | None:
    if value is not None and not _KEY_PATTERN.fullmatch(value):
        remedy = "Use 1 to 100 ASCII characters without spaces, colons and slashes."
        raise EmulatorError(f"this is not a valid {name}", f"body.{name}", remedy)
    return value
