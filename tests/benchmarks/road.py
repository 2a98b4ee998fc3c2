"""How fast the whole road is: received, mapped, delivered, validated, kept on disk, answered.

Run by hand: `python tests/benchmarks/road.py`. Prints a table and writes road.json beside itself.
The peer is a fake in plain Node that parses a body and keeps it in memory, in the same run.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from events import events
from load import Load, send

HERE = Path(__file__).parent
BATCHES, BATCH, SINGLES = 200, 100, 4_000
CONNECTIONS = 4


def main() -> None:
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    calls = [_call(line, now) for line in events(BATCHES * BATCH + 2 * SINGLES)]
    batched = [
        orjson.dumps({"batch": calls[at : at + BATCH], "sentAt": now})
        for at in range(0, BATCHES * BATCH, BATCH)
    ]
    singles = [orjson.dumps(call) for call in calls[BATCHES * BATCH :]]
    figures: dict[str, float] = {}
    with _emulator() as (port, ready):
        figures["seconds from start to ready"] = ready
        _measure(figures, "emulator", port, batched, singles)
    if shutil.which("node"):
        with _started(["node", str(HERE / "reference" / "capture.cjs")]) as (port, _):
            _measure(figures, "capture-only fake", port, batched, singles)
    for name, figure in figures.items():
        print(f"  {name:<52} {figure:>12,.2f}")  # noqa: T201
    (HERE / "road.json").write_text(json.dumps(figures, indent=2) + "\n")


def _measure(
    figures: dict[str, float], name: str, port: int, batched: list[bytes], singles: list[bytes]
) -> None:
    path = "/v1/batch"
    send(port, path, batched[:10], CONNECTIONS)  # the first ones compile mappings
    figures[f"{name}: batches of {BATCH}, events/s"] = (
        send(port, path, batched[10:], CONNECTIONS).rate * BATCH
    )
    full = send(port, "/v1/track", singles[:SINGLES], CONNECTIONS)
    figures[f"{name}: single calls, requests/s"] = full.rate
    half: Load = send(port, "/v1/track", singles[SINGLES:], CONNECTIONS, full.rate / 2)
    figures[f"{name}: p99 at half of that, ms"] = half.percentile(0.99) * 1000


def _call(line: bytes, now: str) -> dict[str, object]:
    """A call as an SDK makes it now; what Segment adds to it is left out."""
    event = orjson.loads(line)
    added = ("receivedAt", "originalTimestamp", "channel", "version")
    return {name: value for name, value in event.items() if name not in added} | {
        "timestamp": now,
        "sentAt": now,
    }


@contextmanager
def _emulator() -> Iterator[tuple[int, float]]:
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "emulator", "serve", "--port", "0"]
        with _started([*command, "--db", f"{folder}/road.db"]) as started:
            yield started


@contextmanager
def _started(command: list[str]) -> Iterator[tuple[int, float]]:
    """A server that names its port in its first line; the port, and seconds until it did."""
    start = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"(?::|^)(\d+)\b(?!.*:\d)", line)
        assert found, line
        try:
            yield int(found[1]), time.perf_counter() - start
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
