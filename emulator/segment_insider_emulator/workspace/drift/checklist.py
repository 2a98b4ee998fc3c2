"""The known differences between what is documented and what happens, D1 to D42, as a checklist.

Source: Insider One's guide for Segment and API collection beside the published destination.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from segment_insider_emulator.workspace.drift.departure import Effect, Table

State: TypeAlias = Literal["departs", "holds", "in order", "not seen", "always"]


@dataclass(frozen=True, slots=True)
class Check:
    """One row.

    Args:
        state: "departs" when a table has it as more than a note; "holds" when as a note; "in
            order" when nothing in the workspace has it; "not seen" when only traffic could show it
            and none did; "always" when no mapping changes it.
        departures: How many rows of the tables it has, notes included.
    """

    id: str
    what: str
    state: State
    departures: int


def checklist(tables: list[Table]) -> list[Check]:
    """Every row with its state."""
    all_of_them = [each for table in tables for each in table.departures]
    effects = {id: [each.effect for each in all_of_them if each.id == id] for id in _rows()}
    return [
        Check(id, what, _state(kind, effects[id]), len(effects[id]))
        for id, (kind, what) in _rows().items()
    ]


def _state(kind: str, effects: list[Effect]) -> State:
    if effects:
        return "holds" if set(effects) == {"note"} else "departs"
    states: dict[str, State] = {"traffic": "not seen", "standing": "always"}
    return states.get(kind, "in order")


@cache
def _rows() -> dict[str, tuple[str, str]]:
    text = files(__package__).joinpath("checklist.json").read_text("utf-8")
    rows: dict[str, tuple[str, str]] = json.loads(text)
    return rows
