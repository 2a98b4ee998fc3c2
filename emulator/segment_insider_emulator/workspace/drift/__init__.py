"""`emulator drift`: where a workspace departs from the guide, the catalogue and the traffic."""

from collections.abc import Sequence
from dataclasses import dataclass

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.checklist import Check, checklist
from segment_insider_emulator.workspace.drift.departure import Departure, Table, merged, tabled
from segment_insider_emulator.workspace.drift.mappings import from_mappings
from segment_insider_emulator.workspace.drift.preview import Preview
from segment_insider_emulator.workspace.drift.rules import from_rules
from segment_insider_emulator.workspace.drift.standing import from_standing
from segment_insider_emulator.workspace.drift.traffic import from_traffic
from segment_insider_emulator.workspace.drift.triggers import at_once
from segment_insider_emulator.workspace.drift.whole import from_whole
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.lint.subject import subject_of
from segment_insider_emulator.workspace.structure import faults


@dataclass(frozen=True, slots=True)
class Drift:
    """What was found: a table for the workspace and for each subscription, and the checklist."""

    tables: list[Table]
    checks: list[Check]

    @property
    def departures(self) -> list[Departure]:
        return [each for table in self.tables for each in table.departures]

    @property
    def loses(self) -> bool:
        """Whether any departure loses data."""
        return any(each.effect == "loses" for each in self.departures)


def drift(document: JSONObject, traffic: Sequence[JSONObject] = ()) -> Drift | list[Finding]:
    """Everything in which a workspace departs; the errors of its shape when it has none.

    Args:
        document: A workspace file as read.
        traffic: Captured events, as destinations are handed them.
    """
    wrong = faults(document)
    if wrong:
        return wrong
    subject = subject_of(document)
    found = merged(list(from_traffic(subject, traffic)), list(from_mappings(subject)))
    found += [
        each for each in from_whole(subject) if all(each.change != other.change for other in found)
    ]
    found += from_rules(subject, found)
    found += from_standing(subject)
    found = at_once(subject, found)
    preview = Preview(subject, traffic)
    tables = tabled(subject, [(each, preview.of(each)) for each in found])
    return Drift(tables, checklist(tables))
