"""What it costs to share: one process and two on one PostgreSQL server, which has no peer here.

Two processes send to one sandbox, whose writers take turns, and to one each.
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
from benchmark_size import Scale
from http_load import send
from measures import Measure
from server_processes import emulator

ONE = "one process"


class Figures(NamedTuple):
    """Events a second in batches, and single calls a second."""

    batch: float
    single: float


def measures(scale: Scale) -> Iterator[Measure]:
    """The road on PostgreSQL: by one process, and by two behind a load balancer."""
    made = pipeline.calls(scale.batches * pipeline.BATCH + scale.singles)
    one = _figures(1, made, scale, apart=False)
    both = _figures(2, made, scale, apart=False)
    apart = _figures(2, made, scale, apart=True)
    for what, figures in (("one sandbox", both), ("a sandbox each", apart)):
        named = f"two processes, {what}"
        yield Measure(f"{named}: batches", figures.batch, "events/s", ONE, one.batch)
        yield Measure(f"{named}: single calls", figures.single, "requests/s", ONE, one.single)


def _figures(
    processes: int, made: Sequence[dict[str, object]], scale: Scale, *, apart: bool
) -> Figures:
    batched = pipeline.batches(made[: scale.batches * pipeline.BATCH])
    singles = [orjson.dumps(call) for call in made[scale.batches * pipeline.BATCH :]]
    with ExitStack() as running:
        db = running.enter_context(_database())
        urls = [running.enter_context(emulator(db)).url for _ in range(processes)]
        ports = [int(url.rpartition(":")[2]) for url in urls]
        for url in urls:
            requests.post(f"{url}/emulator/v1/sandboxes", json={}, timeout=60).raise_for_status()
        sandboxes = [each["id"] for each in _listed(urls[0])]
        below = [f"/sandboxes/{id}" for id in (sandboxes[1:] if apart else sandboxes[:1] * 2)]
        addresses = list(zip(ports, below, strict=False))
        warm = len(addresses) * pipeline.CONNECTIONS
        _rate(addresses, "/v1/batch", batched[:warm])
        batch = _rate(addresses, "/v1/batch", batched[warm:]) * pipeline.BATCH
        return Figures(batch, _rate(addresses, "/v1/track", singles))


def _rate(addresses: Sequence[tuple[int, str]], path: str, bodies: Sequence[bytes]) -> float:
    """Requests a second, each port having its part of the *bodies*."""

    def sent(number: int) -> float:
        port, below = addresses[number]
        own = bodies[number :: len(addresses)]
        return send(port, below + path, own, pipeline.CONNECTIONS // len(addresses)).seconds

    with ThreadPoolExecutor(len(addresses)) as pool:
        return len(bodies) / max(pool.map(sent, range(len(addresses))))


def _listed(url: str) -> list[dict[str, str]]:
    told = requests.get(f"{url}/emulator/v1/sandboxes", timeout=60).json()
    found: list[dict[str, str]] = told["sandboxes"]
    return found


@contextmanager
def _database() -> Iterator[str]:
    """A server of its own, as the tests have; one commit costs no write to the disk there."""
    sys.path.append(str(Path(__file__).parents[1]))
    from postgres_server import POSTGRES_MISSING, PostgresServer, find_postgres_programs

    found = find_postgres_programs()
    if found is None:
        raise SystemExit(POSTGRES_MISSING)
    server = PostgresServer(found)
    try:
        yield server.url.render_as_string(hide_password=False)
    finally:
        server.remove()
