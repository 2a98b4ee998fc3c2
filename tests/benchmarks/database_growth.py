"""Whether an event costs the same and memory stays the same, whatever was captured before; and how
long the pages take to find something then."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import inspector_pages
from benchmark_size import Scale
from database_filler import Filling
from http_load import send
from measures import Goal, Measure
from pipeline import BATCH, CONNECTIONS, batches, calls
from server_processes import Server, emulator

FIRST = 1_000  # messages that went the road, and of which the others are copies
ROUNDS = 8
EVENTS = 500  # of a round


class Cost(NamedTuple):
    """Microseconds of an event, and the server's memory after some thousand."""

    cpu: float
    wall: float
    megabytes: float


def measures(scale: Scale) -> Iterator[Measure]:
    """At each size, the smallest being the peer of the others."""
    made = calls(FIRST + len(scale.captured) * (ROUNDS + 1) * EVENTS)
    with TemporaryDirectory() as folder:
        db = Path(folder) / "growth.db"
        with emulator(db) as server:
            send(server.port, "/v1/batch", batches(made[:FIRST]), CONNECTIONS)
        filling = Filling(db)
        costs: dict[int, Cost] = {}
        for at, size in enumerate(scale.captured):
            held = filling.to(size)
            first = FIRST + at * (ROUNDS + 1) * EVENTS
            with emulator(db) as server:
                costs[held] = _cost(server, batches(made[first:][: (ROUNDS + 1) * EVENTS]))
                found = (
                    list(inspector_pages.lists(server, held)) if size == scale.captured[-1] else []
                )
    yield from _told(costs)
    yield from found


def _cost(server: Server, bodies: list[bytes]) -> Cost:
    """Of the best round: the others had the machine's other work in."""
    each = EVENTS // BATCH
    work = partial(send, server.port, "/v1/batch", connections=CONNECTIONS)
    work(bodies[:each])
    found = []
    for at in range(each, len(bodies), each):
        before = server.cpu
        seconds = work(bodies[at : at + each]).seconds
        found.append(((server.cpu - before) * 1e6 / EVENTS, seconds * 1e6 / EVENTS))
    cpu, wall = (min(column) for column in zip(*found, strict=True))
    return Cost(cpu, wall, server.megabytes)


def _told(costs: dict[int, Cost]) -> Iterator[Measure]:
    smallest = min(costs)
    flat, limit = Goal("at most", 1.2, "ratio"), Goal("at most", 300)
    peer = f"at {smallest:,}"
    for size, cost in costs.items():
        theirs = costs[smallest] if size != smallest else None
        beside = peer if theirs else ""
        goal = flat if theirs else None
        at = f"at {size:,} messages"
        yield Measure(f"an event's CPU, {at}", cost.cpu, "µs", beside, theirs and theirs.cpu, goal)
        yield Measure(f"an event's time, {at}", cost.wall, "µs", beside, theirs and theirs.wall)
        yield Measure(
            f"memory, {at}", cost.megabytes, "MB", beside, theirs and theirs.megabytes, limit
        )
