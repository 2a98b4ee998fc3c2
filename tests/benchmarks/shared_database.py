"""Benchmark of one and of two processes on one PostgreSQL server.

Two processes send to one sandbox, in which writers take turns, and to one each.
"""

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson
import pipeline
import requests
from benchmark_size import BenchmarkSize
from http_load import post_bodies
from measures import Measure
from server_processes import start_emulator

ONE_PROCESS = "one process"


class ProcessFigures(NamedTuple):
    """Events per second in batches, and single calls per second."""

    batch: float
    single: float


def measure_shared_database(scale: BenchmarkSize) -> Iterator[Measure]:
    """Measure one process, then two processes on one PostgreSQL database."""
    calls = pipeline.make_calls(scale.batches * pipeline.BATCH_SIZE + scale.singles)
    one = _measure_processes(1, calls, scale, has_own_sandboxes=False)
    both = _measure_processes(2, calls, scale, has_own_sandboxes=False)
    apart = _measure_processes(2, calls, scale, has_own_sandboxes=True)
    for what, figures in (("one sandbox", both), ("a sandbox each", apart)):
        named = f"two processes, {what}"
        yield Measure(f"{named}: batches", figures.batch, "events/s", ONE_PROCESS, one.batch)
        yield Measure(
            f"{named}: single calls", figures.single, "requests/s", ONE_PROCESS, one.single
        )


def _measure_processes(
    processes: int,
    calls: Sequence[dict[str, object]],
    scale: BenchmarkSize,
    *,
    has_own_sandboxes: bool,
) -> ProcessFigures:
    batched = pipeline.make_batches(calls[: scale.batches * pipeline.BATCH_SIZE])
    singles = [orjson.dumps(call) for call in calls[scale.batches * pipeline.BATCH_SIZE :]]
    with ExitStack() as stack:
        db = stack.enter_context(_start_database())
        urls = [stack.enter_context(start_emulator(db)).url for _ in range(processes)]
        ports = [int(url.rpartition(":")[2]) for url in urls]
        for url in urls:
            requests.post(f"{url}/emulator/v1/sandboxes", json={}, timeout=60).raise_for_status()
        sandboxes = [sandbox["id"] for sandbox in _list_sandboxes(urls[0])]
        below = [
            f"/sandboxes/{id}" for id in (sandboxes[1:] if has_own_sandboxes else sandboxes[:1] * 2)
        ]
        addresses = list(zip(ports, below, strict=False))
        warm = len(addresses) * pipeline.CONNECTION_COUNT
        _measure_rate(addresses, "/v1/batch", batched[:warm])
        batch = _measure_rate(addresses, "/v1/batch", batched[warm:]) * pipeline.BATCH_SIZE
        return ProcessFigures(batch, _measure_rate(addresses, "/v1/track", singles))


def _measure_rate(
    addresses: Sequence[tuple[int, str]], path: str, bodies: Sequence[bytes]
) -> float:
    """Return requests per second; each port gets its part of the *bodies*."""

    def post_part(number: int) -> float:
        port, below = addresses[number]
        own_bodies = bodies[number :: len(addresses)]
        return post_bodies(
            port, below + path, own_bodies, pipeline.CONNECTION_COUNT // len(addresses)
        ).seconds

    with ThreadPoolExecutor(len(addresses)) as pool:
        return len(bodies) / max(pool.map(post_part, range(len(addresses))))


def _list_sandboxes(url: str) -> list[dict[str, str]]:
    response = requests.get(f"{url}/emulator/v1/sandboxes", timeout=60).json()
    sandboxes: list[dict[str, str]] = response["sandboxes"]
    return sandboxes


@contextmanager
def _start_database() -> Iterator[str]:
    """Run a PostgreSQL server without fsync during the block; yield its URL."""
    sys.path.append(str(Path(__file__).parents[1]))
    from postgres_server import POSTGRES_MISSING, PostgresServer, find_postgres_programs

    programs = find_postgres_programs()
    if programs is None:
        raise SystemExit(POSTGRES_MISSING)
    server = PostgresServer(programs)
    try:
        yield server.url.render_as_string(hide_password=False)
    finally:
        server.remove()
