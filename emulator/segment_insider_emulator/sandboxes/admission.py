"""Which sandboxes there may not be because of those that there are."""

from collections.abc import Collection
from typing import Final

from segment_insider_emulator.capture.database import Engine
from segment_insider_emulator.capture.sandboxes import SandboxRecord, find_leftover_database
from segment_insider_emulator.errors import ConflictError
from segment_insider_emulator.teams import Team
from segment_insider_emulator.workspace import Workspace

DEFAULT_SANDBOX_ID: Final = "default"
MAX_SANDBOXES: Final = 1000  # sandboxes; each costs memory, and on disk open files


def check_quota(team: Team | None, existing: Collection[SandboxRecord]) -> None:
    """Raises: Conflict, when *others*, all but the default one, are as many as there may be."""
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
    """Let two sandboxes have no name in common.

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
