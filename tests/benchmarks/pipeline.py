"""How fast the whole road is: received, mapped, delivered, validated, kept on disk, answered.

The peer is a fake in plain Node that parses a body and keeps it in memory.
"""

import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson
from benchmark_size import Scale
from http_load import send
from measures import Goal, Measure
from sample_events import events
from server_processes import FAKE, Server, emulator, started

BATCH = 100
CONNECTIONS = 4
PEER = "fake in Node that only keeps"


class Figures(NamedTuple):
    """What one server does: events and requests a second, CPU microseconds of an event in a batch,
    and milliseconds within which 99 in 100 requests are answered."""

    batch: float
    cpu: float
    single: float
    p99: float


def measures(scale: Scale) -> Iterator[Measure]:
    """The road over HTTP, all cores there are."""
    made = calls(scale.batches * BATCH + 2 * scale.singles)
    batched = batches(made[: scale.batches * BATCH])
    singles = [orjson.dumps(call) for call in made[scale.batches * BATCH :]]
    with TemporaryDirectory() as folder, emulator(Path(folder) / "road.db") as server:
        ready = server.ready
        ours = _figures(server, batched, singles)
    fake = theirs = None
    if shutil.which("node"):
        with started(FAKE) as server:
            fake, theirs = server.ready, _figures(server, batched, singles, ours.single / 2)
    batch, cpu, single, p99 = theirs or (None,) * 4
    half = Goal("at least", 0.5, "ratio")
    yield Measure("batches of 100", ours.batch, "events/s", PEER, batch, half)
    yield Measure("batches of 100, CPU of an event", ours.cpu, "µs", PEER, cpu)
    yield Measure("single calls", ours.single, "requests/s", PEER, single, Goal("at least", 2_500))
    yield Measure(
        "p99 at half of that", ours.p99, "ms", f"{PEER}, as many", p99, Goal("at most", 20)
    )
    yield Measure("start to ready", ready, "s", PEER, fake, Goal("at most", 1))


def calls(count: int) -> list[dict[str, object]]:
    """*count* calls as an SDK makes them now; what Segment adds to an event is left out.

    Their ids are in no order, as those of SDKs: an index of them is written to all over.
    """
    chance = Random(1)
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    added = ("receivedAt", "originalTimestamp", "channel", "version")
    return [
        {name: value for name, value in orjson.loads(line).items() if name not in added}
        | {"timestamp": now, "sentAt": now, "messageId": f"{chance.getrandbits(128):032x}"}
        for line in events(count)
    ]


def batches(made: Sequence[dict[str, object]]) -> list[bytes]:
    """Bodies of `/v1/batch`."""
    return [
        orjson.dumps({"batch": made[at : at + BATCH], "sentAt": made[at]["sentAt"]})
        for at in range(0, len(made), BATCH)
    ]


def _figures(
    server: Server, batched: list[bytes], singles: list[bytes], rate: float | None = None
) -> Figures:
    """What *server* does.

    Args:
        rate: Single calls a second for the percentile; None is half of what it can.
    """
    port = server.port
    send(port, "/v1/batch", batched[:10], CONNECTIONS)  # the first ones compile mappings
    before = server.cpu
    batch = send(port, "/v1/batch", batched[10:], CONNECTIONS).rate * BATCH
    cpu = (server.cpu - before) * 1e6 / (len(batched) - 10) / BATCH
    half = len(singles) // 2
    full = send(port, "/v1/track", singles[:half], CONNECTIONS).rate
    steady = send(port, "/v1/track", singles[half:], CONNECTIONS, rate or full / 2)
    return Figures(batch, cpu, full, steady.percentile(0.99) * 1000)
