"""Exported tables."""

from segment_insider_emulator.storage.sandboxes import EXPORTED_TABLES
from segment_insider_emulator.storage.schema import metadata

# Keys of the InOne panel, changes that may have one, reports of test runners, other sandboxes,
# states of running processes, and counts that triggers make.
NOT_EXPORTED = {
    "integrations",
    "destination_changes",
    "scenario_runs",
    "sandboxes",
    "shared",
    "message_counts",
}


def test_every_table_is_exported_or_listed_as_not_exported() -> None:
    assert set(EXPORTED_TABLES) == set(metadata.tables) - NOT_EXPORTED
