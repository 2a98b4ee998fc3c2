"""Benchmark of the HTTP pipeline: receive, map, deliver, validate, store and answer.

The peer is a fake in plain Node that parses a body and keeps it in memory.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NamedTuple

import orjson
from benchmark_size import BenchmarkSize
from http_load import post_bodies
from measures import Goal, Measure
from sample_events import generate_event_lines
from server_processes import FAKE_SERVER_COMMAND, ServerProcess, start_emulator, start_server
from werkzeug.test import EnvironBuilder

from segment_insider_emulator.app import create_app
from segment_insider_emulator.config import Config
from segment_insider_emulator.workspace import load_preset_workspace

BATCH_SIZE = 100
CONNECTION_COUNT = 4
PEER_NAME = "fake in Node that only keeps"


class ServerFigures(NamedTuple):
    """What one server does: events and requests a second, CPU microseconds of an event in a batch
    and of a single call, and milliseconds within which 99 in 100 requests are answered."""

    batch: float
    cpu: float
    single: float
    single_cpu: float
    p99: float


def measure_pipeline(scale: BenchmarkSize) -> Iterator[Measure]:
    """Measure the pipeline over HTTP with all cores."""
    calls = make_calls(scale.batches * BATCH_SIZE + 2 * scale.singles)
    batched = make_batches(calls[: scale.batches * BATCH_SIZE])
    singles = [orjson.dumps(call) for call in calls[scale.batches * BATCH_SIZE :]]
    with TemporaryDirectory() as folder, start_emulator(Path(folder) / "pipeline.db") as server:
        ready = server.startup_seconds
        emulator_figures = _measure_server(server, batched, singles)
    fake = peer_figures = None
    if shutil.which("node"):
        with start_server(FAKE_SERVER_COMMAND) as server:
            fake, peer_figures = (
                server.startup_seconds,
                _measure_server(server, batched, singles, emulator_figures.single / 2),
            )
    counted = calls[: 10 * BATCH_SIZE]
    batch, cpu, single, single_cpu, p99 = peer_figures or (None,) * 5
    half = Goal("at least", 0.5, "ratio")
    yield Measure("batches of 100", emulator_figures.batch, "events/s", PEER_NAME, batch, half)
    yield Measure("batches of 100, CPU of an event", emulator_figures.cpu, "µs", PEER_NAME, cpu)
    yield Measure(
        "single calls",
        emulator_figures.single,
        "requests/s",
        PEER_NAME,
        single,
        Goal("at least", 2_500),
    )
    yield Measure(
        "single calls, CPU of one", emulator_figures.single_cpu, "µs", PEER_NAME, single_cpu
    )
    for name, path, bodies in (
        ("batches of 100, Python calls of an event", "/v1/batch", make_batches(counted)),
        ("single calls, Python calls of one", "/v1/track", list(map(orjson.dumps, counted))),
    ):
        yield Measure(name, _count_python_calls(path, bodies) / len(counted), "")
    yield Measure(
        "p99 at half of that",
        emulator_figures.p99,
        "ms",
        f"{PEER_NAME}, as many",
        p99,
        Goal("at most", 20),
    )
    yield Measure("start to ready", ready, "s", PEER_NAME, fake, Goal("at most", 0.5))


def _count_python_calls(path: str, bodies: Sequence[bytes]) -> int:
    """Count the calls of Python functions for some requests, without server: no machine matters."""
    with TemporaryDirectory() as folder:
        config = Config(db=str(Path(folder) / "calls.db"))
        app = create_app(config, load_preset_workspace("guide"), pages=False)
        headers = [("Authorization", "Basic d2tfZGVtbzo=")]
        environs = [
            EnvironBuilder(path=path, method="POST", data=body, headers=headers).get_environ()
            for body in bodies
        ]
        # The first one compiles mappings and statements.
        b"".join(app(environs[0], lambda *_: lambda _: None))
        count = 0

        def count_call(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event == "call"

        sys.setprofile(count_call)
        try:
            for environ in environs[1:]:
                b"".join(app(environ, lambda *_: lambda _: None))
        finally:
            sys.setprofile(None)
        app.extensions["emulator"].close()
    return count * len(bodies) // (len(bodies) - 1)


def make_calls(count: int) -> list[dict[str, object]]:
    """Make *count* calls as an SDK does now, without the fields that Segment adds.

    Their ids are in no order, as those of SDKs: an index of them is written to all over.
    """
    rng = Random(1)
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    added = ("receivedAt", "originalTimestamp", "channel", "version")
    return [
        {name: value for name, value in orjson.loads(line).items() if name not in added}
        | {"timestamp": now, "sentAt": now, "messageId": f"{rng.getrandbits(128):032x}"}
        for line in generate_event_lines(count)
    ]


def make_batches(calls: Sequence[dict[str, object]]) -> list[bytes]:
    """Return bodies of `/v1/batch`."""
    return [
        orjson.dumps({"batch": calls[at : at + BATCH_SIZE], "sentAt": calls[at]["sentAt"]})
        for at in range(0, len(calls), BATCH_SIZE)
    ]


def _measure_server(
    server: ServerProcess, batched: list[bytes], singles: list[bytes], rate: float | None = None
) -> ServerFigures:
    """Measure batches and single calls of one server.

    Args:
        rate: Single calls a second for the percentile; None is half of what it can.
    """
    port = server.port
    post_bodies(
        port, "/v1/batch", batched[:10], CONNECTION_COUNT
    )  # the first ones compile mappings
    before = server.cpu_seconds
    batch = (
        post_bodies(port, "/v1/batch", batched[10:], CONNECTION_COUNT).requests_per_second
        * BATCH_SIZE
    )
    cpu = (server.cpu_seconds - before) * 1e6 / (len(batched) - 10) / BATCH_SIZE
    half = len(singles) // 2
    before = server.cpu_seconds
    full = post_bodies(port, "/v1/track", singles[:half], CONNECTION_COUNT).requests_per_second
    single_cpu = (server.cpu_seconds - before) * 1e6 / half
    steady = post_bodies(port, "/v1/track", singles[half:], CONNECTION_COUNT, rate or full / 2)
    return ServerFigures(batch, cpu, full, single_cpu, steady.percentile(0.99) * 1000)
