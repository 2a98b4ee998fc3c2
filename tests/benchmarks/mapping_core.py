"""Benchmark of the mapping core against the published package and against parsing alone.

The package is measured when Node and npm are there; it is installed on first use.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from benchmark_size import BenchmarkSize
from measures import Goal, Measure
from sample_events import generate_event_lines

from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSONObject

REFERENCE_FOLDER = Path(__file__).parent / "reference"
# Every action but trackEvent: its default trigger matches each event a second time.
SUBSCRIPTIONS = [{"name": slug, "actionSlug": slug} for slug in ACTIONS if slug != "trackEvent"]
SETTINGS = {"account_name": "shop", "ucd_key": "key"}
WORKSPACE: JSONObject = {
    "source": {"name": "Benchmark", "writeKey": "wk_benchmark"},
    "destination": {"settings": SETTINGS, "subscriptions": SUBSCRIPTIONS},
}
START_EVENT_COUNT = 200  # enough to compile the mapping of each action
PARSE_ONLY_PEER = "parse and serialise alone"
PACKAGE_PEER = "published package"


def measure_mapping(scale: BenchmarkSize) -> Iterator[Measure]:
    """Measure mapping in one process on one core."""
    lines = list(generate_event_lines(scale.events))
    size = sum(map(len, lines)) / len(lines)

    def rate(work: Callable[[], None]) -> float:
        return len(lines) / min(_time_work(work) for _ in range(scale.rounds))

    with TemporaryDirectory() as folder:
        file = Path(folder) / "events.ndjson"
        file.write_bytes(b"\n".join(lines))
        floor, core = (
            rate(lambda: _parse_and_serialise(lines)),
            rate(lambda: _map_in_process(lines)),
        )
        command_seconds = min(
            _time_work(lambda: _run_map_command(file)) for _ in range(scale.rounds)
        )
        start_file = file.with_name("start.ndjson")
        start_file.write_bytes(b"\n".join(lines[:START_EVENT_COUNT]))
        start_seconds = min(
            _time_work(lambda: _run_map_command(start_file)) for _ in range(scale.rounds)
        )
        known = _install_package()
        alone, whole = (
            _measure_package(file, reach) if known else None for reach in ("body", "client")
        )
    least = Goal("at least", 0.4, "ratio")
    yield Measure("core", core, "events/s", PARSE_ONLY_PEER, floor, least)
    yield Measure("core", core, "events/s", PACKAGE_PEER, whole, Goal("at least", 15, "ratio"))
    yield Measure("core", core, "events/s", f"{PACKAGE_PEER}, action alone", alone)
    yield Measure("core", core * size / 1e6, "MB/s", PARSE_ONLY_PEER, floor * size / 1e6)
    started = len(lines) / command_seconds
    mapped = (len(lines) - START_EVENT_COUNT) / (command_seconds - start_seconds)
    yield Measure("emulator map, start included", started, "events/s", PACKAGE_PEER, whole)
    what = "emulator map, start taken off"
    yield Measure(what, mapped, "events/s", PACKAGE_PEER, whole, Goal("at least", 10, "ratio"))
    yield Measure(what, mapped, "events/s", "core", core, Goal("at least", 1 / 1.3, "ratio"))


def _time_work(work: Callable[[], None]) -> float:
    """Return the wall time or CPU time of *work*, whichever is less: other work disturbs."""
    start, before = time.perf_counter(), sum(os.times()[:4])
    work()
    return min(time.perf_counter() - start, sum(os.times()[:4]) - before)


def _parse_and_serialise(lines: list[bytes]) -> None:
    for line in lines:
        orjson.dumps(orjson.loads(line))


def _map_in_process(lines: list[bytes]) -> None:
    destination = Destination(WORKSPACE["destination"])
    for line in lines:
        for _ in destination.iter_subscription_outcomes(orjson.loads(line)):
            pass


def _run_map_command(file: Path) -> None:
    workspace = file.with_name("workspace.json")
    workspace.write_text(json.dumps(WORKSPACE))
    command = [
        sys.executable,
        "-m",
        "segment_insider_emulator",
        "map",
        "--workspace",
        str(workspace),
        str(file),
    ]
    subprocess.run(command, check=True, capture_output=True)


def _install_package() -> bool:
    npm = shutil.which("npm")
    if npm and not (REFERENCE_FOLDER / "node_modules").exists():
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([*command, "--no-package-lock"], cwd=REFERENCE_FOLDER, check=False)
    return (REFERENCE_FOLDER / "node_modules").exists() and shutil.which("node") is not None


def _measure_package(file: Path, reach: str) -> float:
    command = ["node", str(REFERENCE_FOLDER / "measure.cjs"), str(file), reach]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
