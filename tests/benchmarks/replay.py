"""Benchmark of a dry run of a large archive: speed and memory.

`python tests/benchmarks/replay.py [EVENTS]`, 5,000,000 unless said, writes an archive of packed
parts to a temporary folder, replays it with all cores, prints what it took and writes replay.json
next to it. `python tests/benchmarks --replay EVENTS` has the same in its table.
"""

import gzip
import json
import os
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from benchmark_size import BenchmarkSize
from measures import Goal, Measure
from sample_events import generate_event_lines
from server_processes import list_processes, read_resident_bytes

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_preset_workspace

HERE = Path(__file__).parent
DEFAULT_EVENT_COUNT = 5_000_000
EVENTS_PER_FILE = 50_000  # events of one file; the same in all of them, but for their ids and days
DAY_COUNT = 31
MISTAKES: tuple[JSONObject, ...] = (
    {"userId": None, "anonymousId": None},
    {"timestamp": "2023-01-01T00:00:00.000Z"},
    {"integrations": {"All": False}},
    {"event": "Ünplanned"},
    {"context": {"traits": {"email": "no-email"}}},
)


def main() -> None:
    measured = _write_and_replay(int(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_EVENT_COUNT)
    for name, value in measured.items():
        print(f"  {name:<28} {value}")  # noqa: T201
    (HERE / "replay.json").write_text(json.dumps(measured, indent=2) + "\n")


def measure_replay(count: int, _scale: BenchmarkSize) -> Iterator[Measure]:
    """Measure a dry run of *count* events."""
    measured = _write_and_replay(count)
    what = f"replay of {count:,}"
    yield Measure(what, measured["events a second"], "events/s")
    cpu, core = measured["CPU microseconds an event"], _measure_core_cpu()
    yield Measure(f"{what}, CPU", cpu, "µs", "core", core, Goal("at most", 4, "ratio"))
    peak = max(measured["peak MB of each process"])
    yield Measure(f"{what}, memory", peak, "MB", goal=Goal("at most", 300))


def _measure_core_cpu() -> float:
    """Return the CPU microseconds of an event in the mapping core, with the same workspace."""
    destination = Destination(load_preset_workspace("guide").destination)
    lines = list(_generate_archive_lines(EVENTS_PER_FILE))
    start = time.process_time()
    for line in lines:
        with suppress(orjson.JSONDecodeError):
            for _ in destination.iter_subscription_outcomes(orjson.loads(line)):
                pass
    return 1e6 * (time.process_time() - start) / len(lines)


def _write_and_replay(count: int) -> JSONObject:
    with TemporaryDirectory() as name:
        folder = Path(name)
        byte_count = _write_archive(folder / "archive", count)
        return {"events": count, "bytes": byte_count, **_run_replay(folder)}


def _write_archive(folder: Path, count: int) -> int:
    """Write an archive of *count* events; return the bytes of its lines."""
    folder.mkdir()
    base = b"\n".join(_generate_archive_lines(min(EVENTS_PER_FILE, count))) + b"\n"
    for number, _ in enumerate(range(0, count, EVENTS_PER_FILE)):
        day = f"2026-03-{number % DAY_COUNT + 1:02}".encode()
        part = base.replace(b"2026-03-14", day).replace(b"benchmark-", b"part-%05d-" % number)
        (folder / f"{number:05}.gz").write_bytes(gzip.compress(part, 1))
    return len(base) * -(-count // EVENTS_PER_FILE)


def _generate_archive_lines(count: int) -> Iterator[bytes]:
    rng = random.Random(7)
    for line in generate_event_lines(count, seed=7):
        yield _add_mistake(line, rng) if rng.random() < 0.08 else line


def _add_mistake(line: bytes, rng: random.Random) -> bytes:
    """Return the line with one of the mistakes that real archives have."""
    event: JSONObject = orjson.loads(line)
    properties = event.get("properties", {})
    mistake = rng.randrange(len(MISTAKES) + 3)
    if mistake < len(MISTAKES):
        event |= MISTAKES[mistake]
    elif mistake == len(MISTAKES):
        return line[: len(line) // 2]
    elif mistake == len(MISTAKES) + 1:
        properties.pop("currency", None)
    else:
        properties["products"] = "none"
    return orjson.dumps(event)


def _run_replay(folder: Path) -> JSONObject:
    report = folder / "report.json"
    command = [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "replay",
        "--json",
        str(folder / "archive"),
    ]
    start, cpu_before = time.perf_counter(), _read_child_cpu_seconds()
    with report.open("wb") as out:
        replay_process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        samples = []
        while replay_process.poll() is None:
            samples.append(
                {
                    process: read_resident_bytes(process) // 1_000_000
                    for process in list_processes(replay_process.pid)
                }
            )
            time.sleep(1)
    seconds = time.perf_counter() - start
    measured = json.loads(report.read_bytes())
    return {
        "cores": os.cpu_count(),
        "seconds": round(seconds, 1),
        "events a second": round(measured["archive"]["events"] / seconds),
        "CPU microseconds an event": round(
            1e6 * (_read_child_cpu_seconds() - cpu_before) / measured["archive"]["events"]
        ),
        "exit code": replay_process.returncode,
        "peak MB of each process": _peak_memory(samples),
        "MB in all, by tenths of time": _sample_tenths(
            [sum(sample.values()) for sample in samples]
        ),
        "verdicts": {row["verdict"]: row["count"] for row in measured["verdicts"]},
        "unread": {row["what"]: row["count"] for row in measured["unread"]},
    }


def _read_child_cpu_seconds() -> float:
    """Return the CPU seconds of ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _peak_memory(samples: list[dict[int, int]]) -> list[int]:
    peak_by_pid: dict[int, int] = {}
    for sample in samples:
        for pid, size in sample.items():
            peak_by_pid[pid] = max(size, peak_by_pid.get(pid, 0))
    return sorted(peak_by_pid.values())


def _sample_tenths(sizes: list[int]) -> list[int]:
    return [sizes[len(sizes) * tenth // 10] for tenth in range(10)] if sizes else []


if __name__ == "__main__":
    main()
