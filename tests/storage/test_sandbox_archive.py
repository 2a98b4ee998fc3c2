"""What an export has of a sandbox's tables."""

from importlib import import_module

from segment_insider_emulator.storage.sandboxes import EXPORTED_TABLES
from segment_insider_emulator.storage.schema import metadata

# Keys of the InOne panel, a change that may hold one, what a test runner reported, other sandboxes,
# what processes have in common while they run, and what the database counts by itself.
LEFT_OUT = {
    "integrations",
    "destination_changes",
    "scenario_runs",
    "sandboxes",
    "shared",
    "message_counts",
}


def test_an_export_has_every_table_but_those_that_are_left_out() -> None:
    import_module("segment_insider_emulator.app")  # knows every table
    assert set(EXPORTED_TABLES) == set(metadata.tables) - LEFT_OUT
