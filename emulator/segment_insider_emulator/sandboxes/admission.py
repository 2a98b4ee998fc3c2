"""Which sandboxes there may not be because of those that there are."""

from collections.abc import Collection
from typing import Final

from segment_insider_emulator.capture.database import Engine
from segment_insider_emulator.capture.sandboxes import Described, left_over
from segment_insider_emulator.errors import Conflict
from segment_insider_emulator.teams import Team
from segment_insider_emulator.workspace import Workspace

DEFAULT: Final = "default"
MOST: Final = 1000  # sandboxes; each costs memory, and on disk open files


def refuse_more(team: Team | None, others: Collection[Described]) -> None:
    """Raises: Conflict, when *others*, all but the default one, are as many as there may be."""
    remedy = (
        "Delete those that are done with, on the page /team or with "
        "DELETE /emulator/v1/sandboxes/<id>."
    )
    if len(others) >= MOST:
        raise Conflict(f"there are {MOST:,} sandboxes already", "sandboxes", remedy)
    if team and sum(each.team == team.name for each in others) >= team.sandboxes:
        most = "1 sandbox" if team.sandboxes == 1 else f"{team.sandboxes:,} sandboxes"
        what = f"the team {team.name} has {most} already"
        raise Conflict(what, "sandboxes", remedy)


def refuse_taken(
    wanted: Described, others: Collection[Described], default: Workspace, db: Engine
) -> None:
    """Let two sandboxes have no name in common.

    Args:
        others: All but the default one.
        default: What the default one has.
        db: Beside which each has its own.
    Raises: Conflict.
    """
    ids = {DEFAULT, *(each.id for each in others)}
    if wanted.id not in ids and (left := left_over(db, wanted.id)):
        what = f"an earlier sandbox {wanted.id!r} has left a database"
        raise Conflict(what, left, "Remove it, or name another id.")
    write_keys = {each.write_key for each in default.sources}
    write_keys |= {each.write_key for each in others}
    accounts = {default.account_name, *(each.account for each in others)}
    for name, value, taken in (
        ("id", wanted.id, ids),
        ("writeKey", wanted.write_key, write_keys),
        ("account", wanted.account, accounts),
    ):
        if value in taken:
            what = f"another sandbox has the {name} {value!r}"
            raise Conflict(what, f"body.{name}", "Name another, or leave it out.")
