"""Benchmark of event cost and memory with a growing database."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmark_size import BenchmarkSize
from database_filler import DatabaseFiller
from http_load import post_bodies
from measures import Goal, Measure
from pipeline import BATCH_SIZE, CONNECTION_COUNT, make_batches, make_calls
from server_processes import ServerProcess, start_emulator

ORIGINAL_MESSAGE_COUNT = 1_000  # sent over HTTP; the other messages are copies of them
ROUND_COUNT = 8
EVENTS_PER_ROUND = 500  # of a round


class EventCost(NamedTuple):
    """CPU and wall time of an event in microseconds, and the server's memory."""

    cpu: float
    wall: float
    megabytes: float


def measure_growth(scale: BenchmarkSize) -> Iterator[Measure]:
    """Measure each database size; the smallest one is the peer of the others."""
    calls = make_calls(
        ORIGINAL_MESSAGE_COUNT + len(scale.captured) * (ROUND_COUNT + 1) * EVENTS_PER_ROUND
    )
    with TemporaryDirectory() as folder:
        db = Path(folder) / "growth.db"
        with start_emulator(db) as server:
            post_bodies(
                server.port,
                "/v1/batch",
                make_batches(calls[:ORIGINAL_MESSAGE_COUNT]),
                CONNECTION_COUNT,
            )
        filling = DatabaseFiller(db)
        costs: dict[int, EventCost] = {}
        for at, size in enumerate(scale.captured):
            message_count = filling.fill_to(size)
            first = ORIGINAL_MESSAGE_COUNT + at * (ROUND_COUNT + 1) * EVENTS_PER_ROUND
            with start_emulator(db) as server:
                costs[message_count] = _measure_event_cost(
                    server, make_batches(calls[first:][: (ROUND_COUNT + 1) * EVENTS_PER_ROUND])
                )
    yield from _compare_costs(costs)


def _measure_event_cost(server: ServerProcess, bodies: list[bytes]) -> EventCost:
    """Return the cost in the best round: other work disturbs the others."""
    batch_count = EVENTS_PER_ROUND // BATCH_SIZE
    work = partial(post_bodies, server.port, "/v1/batch", connections=CONNECTION_COUNT)
    work(bodies[:batch_count])
    costs = []
    for at in range(batch_count, len(bodies), batch_count):
        before = server.cpu_seconds
        seconds = work(bodies[at : at + batch_count]).seconds
        costs.append(
            (
                (server.cpu_seconds - before) * 1e6 / EVENTS_PER_ROUND,
                seconds * 1e6 / EVENTS_PER_ROUND,
            )
        )
    cpu, wall = (min(column) for column in zip(*costs, strict=True))
    return EventCost(cpu, wall, server.memory_mb)


def _compare_costs(costs: dict[int, EventCost]) -> Iterator[Measure]:
    smallest = min(costs)
    flat, limit = Goal("at most", 1.2, "ratio"), Goal("at most", 300)
    peer = f"at {smallest:,}"
    for size, cost in costs.items():
        smallest_cost = costs[smallest] if size != smallest else None
        peer_name = peer if smallest_cost else ""
        goal = flat if smallest_cost else None
        at = f"at {size:,} messages"
        yield Measure(
            f"an event's CPU, {at}",
            cost.cpu,
            "µs",
            peer_name,
            smallest_cost and smallest_cost.cpu,
            goal,
        )
        yield Measure(
            f"an event's time, {at}",
            cost.wall,
            "µs",
            peer_name,
            smallest_cost and smallest_cost.wall,
        )
        yield Measure(
            f"memory, {at}",
            cost.megabytes,
            "MB",
            peer_name,
            smallest_cost and smallest_cost.megabytes,
            limit,
        )
