"""A dry run from its first part to its last, wherever the parts are counted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from segment_insider_emulator.replay.archive import ArchivePart
from segment_insider_emulator.replay.counting import PartResult
from segment_insider_emulator.replay.ledger import CheckpointFile, CompletedParts

# Counts parts, on one machine or many, and gives them back as they are done.
PartRunner: TypeAlias = Callable[[Iterable[ArchivePart]], Iterator[PartResult]]


def run_dry_run(
    parts: Sequence[ArchivePart],
    run_parts: PartRunner,
    completed: CompletedParts,
    checkpoint: CheckpointFile | None,
    on_done: Callable[[ArchivePart], None],
) -> None:
    """Count in *ledger* what it lacks of *parts*.

    Args:
        checkpoint: Where the ledger is kept, however the run ends.
        on_done: Told each part that is done, those of an earlier run first.
    """
    for part in parts:
        if completed.is_done(part):
            on_done(part)
    missing = [part for part in parts if not completed.is_done(part)]
    try:
        for counted in run_parts(missing):
            completed.add(counted)
            on_done(counted.part)
            if checkpoint:
                checkpoint.save(completed)
    finally:
        if checkpoint:
            checkpoint.save(completed, force=True)
