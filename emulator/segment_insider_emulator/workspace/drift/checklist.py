"""The known differences between what is documented and what happens, D1 to D42, as a checklist.

Source: Insider One's guide for Segment and API collection beside the published destination.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, TypeAlias

from segment_insider_emulator.workspace.drift.departure import DeviationEffect, DeviationTable

DifferenceState: TypeAlias = Literal["departs", "holds", "in order", "not seen", "always"]


@dataclass(frozen=True, slots=True)
class KnownDifference:
    """One row.

    Args:
        state: "departs" when a table has it as more than a note; "holds" when as a note; "in
            order" when nothing in the workspace has it; "not seen" when only traffic could show it
            and none did; "always" when no mapping changes it.
        departures: How many rows of the tables it has, notes included.
    """

    difference_id: str
    what: str
    state: DifferenceState
    deviation_count: int


def check_known_differences(tables: list[DeviationTable]) -> list[KnownDifference]:
    """Every row with its state."""
    all_of_them = [each for table in tables for each in table.deviations]
    effects = {
        id: [each.effect for each in all_of_them if each.difference_id == id]
        for id in _load_known_differences()
    }
    return [
        KnownDifference(id, what, _difference_state(kind, effects[id]), len(effects[id]))
        for id, (kind, what) in _load_known_differences().items()
    ]


def _difference_state(kind: str, effects: list[DeviationEffect]) -> DifferenceState:
    if effects:
        return "holds" if set(effects) == {"note"} else "departs"
    states: dict[str, DifferenceState] = {"traffic": "not seen", "standing": "always"}
    return states.get(kind, "in order")


@cache
def _load_known_differences() -> dict[str, tuple[str, str]]:
    text = files(__package__).joinpath("checklist.json").read_text("utf-8")
    rows: dict[str, tuple[str, str]] = json.loads(text)
    return rows
