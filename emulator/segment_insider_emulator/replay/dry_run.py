"""A dry run from its first part to its last, wherever the parts are counted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from segment_insider_emulator.replay.archive import Part
from segment_insider_emulator.replay.counting import Counted
from segment_insider_emulator.replay.ledger import Checkpoint, Ledger

# Counts parts, on one machine or many, and gives them back as they are done.
Counter: TypeAlias = Callable[[Iterable[Part]], Iterator[Counted]]


def dry_run(
    parts: Sequence[Part],
    counter: Counter,
    ledger: Ledger,
    checkpoint: Checkpoint | None,
    on_done: Callable[[Part], None],
) -> None:
    """Count in *ledger* what it lacks of *parts*.

    Args:
        checkpoint: Where the ledger is kept, however the run ends.
        on_done: Told each part that is done, those of an earlier run first.
    """
    for part in parts:
        if ledger.has(part):
            on_done(part)
    missing = [part for part in parts if not ledger.has(part)]
    try:
        for counted in counter(missing):
            ledger.add(counted)
            on_done(counted.part)
            if checkpoint:
                checkpoint.save(ledger)
    finally:
        if checkpoint:
            checkpoint.save(ledger, at_once=True)
