"""Sizes of the benchmarks: full, or quick."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BenchmarkSize:
    """Numbers of events, rounds and messages to measure with.

    Args:
        events: For the mapping core.
        rounds: Of which the best counts: the others had the machine's other work in.
        batches: Of 100 events each.
        singles: Calls of one event.
        scenarios: Of five events each.
        captured: How many messages the database has when growth is measured.
    """

    events: int
    rounds: int
    batches: int
    singles: int
    scenarios: int
    captured: tuple[int, ...]


FULL = BenchmarkSize(20_000, 5, 200, 4_000, 300, (1_000, 10_000, 100_000, 1_000_000))
QUICK = BenchmarkSize(5_000, 2, 60, 1_000, 50, (1_000, 10_000, 100_000))
