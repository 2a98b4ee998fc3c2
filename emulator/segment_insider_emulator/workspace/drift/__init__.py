"""`emulator drift`: where a workspace departs from the guide, the catalogue and the traffic."""

from collections.abc import Sequence
from dataclasses import dataclass

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.drift.checklist import (
    KnownDifference,
    check_known_differences,
)
from segment_insider_emulator.workspace.drift.departure import (
    DeviationTable,
    PreviewedDeviation,
    group_by_subscription,
    merge_deviations,
)
from segment_insider_emulator.workspace.drift.mappings import compare_mappings
from segment_insider_emulator.workspace.drift.preview import EditPreview
from segment_insider_emulator.workspace.drift.rules import convert_lint_findings
from segment_insider_emulator.workspace.drift.standing import find_platform_notes
from segment_insider_emulator.workspace.drift.traffic import compare_with_traffic
from segment_insider_emulator.workspace.drift.triggers import combine_trigger_edits
from segment_insider_emulator.workspace.drift.whole import find_missing_subscriptions
from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.lint.subject import build_context
from segment_insider_emulator.workspace.structure import validate_document


@dataclass(frozen=True, slots=True)
class DriftReport:
    """What was found: a table for the workspace and for each subscription, and the checklist."""

    tables: list[DeviationTable]
    known_differences: list[KnownDifference]

    @property
    def deviations(self) -> list[PreviewedDeviation]:
        return [each for table in self.tables for each in table.deviations]

    @property
    def loses_data(self) -> bool:
        """Whether any departure loses data."""
        return any(each.effect == "loses" for each in self.deviations)


def find_drift(
    document: JSONObject, traffic: Sequence[JSONObject] = ()
) -> DriftReport | list[WorkspaceFinding]:
    """Everything in which a workspace departs; the errors of its shape when it has none.

    Args:
        document: A workspace file as read.
        traffic: Captured events, as destinations are handed them.
    """
    wrong = validate_document(document)
    if wrong:
        return wrong
    subject = build_context(document)
    found = merge_deviations(
        list(compare_with_traffic(subject, traffic)), list(compare_mappings(subject))
    )
    found += [
        each
        for each in find_missing_subscriptions(subject)
        if all(each.edit != other.edit for other in found)
    ]
    found += convert_lint_findings(subject, found)
    found += find_platform_notes(subject)
    found = combine_trigger_edits(subject, found)
    preview = EditPreview(subject, traffic)
    tables = group_by_subscription(
        subject, [(each, preview.list_value_changes(each)) for each in found]
    )
    return DriftReport(tables, check_known_differences(tables))
