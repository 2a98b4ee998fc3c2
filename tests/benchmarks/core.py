"""How fast the mapping core is, beside the published package and beside the least there is to do.

Run by hand: `python tests/benchmarks/core.py`. Prints a table and writes core.json beside itself.
The package is measured when Node and npm are there; it is installed on first use.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from events import events

from emulator.mapping import Destination
from emulator.mapping.catalog import ACTIONS
from emulator.types import JSONObject

COUNT = 20_000
ROUNDS = 5
HERE = Path(__file__).parent
REFERENCE = HERE / "reference"
# Every action but trackEvent, whose default trigger takes each event a second time.
SUBSCRIPTIONS = [{"name": slug, "actionSlug": slug} for slug in ACTIONS if slug != "trackEvent"]
SETTINGS = {"account_name": "shop", "ucd_key": "key"}
WORKSPACE: JSONObject = {
    "source": {"name": "Benchmark", "writeKey": "wk_benchmark"},
    "destination": {"settings": SETTINGS, "subscriptions": SUBSCRIPTIONS},
}


def main() -> None:
    lines = list(events(COUNT))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "events.ndjson"
        file.write_bytes(b"\n".join(lines))
        rates = {
            "floor: parse and serialise": _rate(lambda: _floor(lines)),
            "core, in process": _rate(lambda: _core(lines)),
            "emulator map, start included": _rate(lambda: _map(file)),
        }
        if _installed():
            rates["package, action alone"] = _package(file, "body")
            rates["package, up to the socket"] = _package(file, "client")
    _print(rates, sum(map(len, lines)) / COUNT)
    (HERE / "core.json").write_text(json.dumps({"events": COUNT, "rates": rates}, indent=2) + "\n")


def _rate(work: Callable[[], None]) -> float:
    """Events a second in the best of some rounds: the others had the machine's other work in."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return COUNT / best


def _floor(lines: list[bytes]) -> None:
    for line in lines:
        orjson.dumps(orjson.loads(line))


def _core(lines: list[bytes]) -> None:
    destination = Destination(WORKSPACE["destination"])
    for line in lines:
        for _ in destination.outcomes(orjson.loads(line)):
            pass


def _map(file: Path) -> None:
    workspace = file.with_name("workspace.json")
    workspace.write_text(json.dumps(WORKSPACE))
    command = [sys.executable, "-m", "emulator", "map", "--workspace", str(workspace), str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _installed() -> bool:
    npm = shutil.which("npm")
    if npm and not (REFERENCE / "node_modules").exists():
        command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        subprocess.run([*command, "--no-package-lock"], cwd=REFERENCE, check=False)
    return (REFERENCE / "node_modules").exists() and shutil.which("node") is not None


def _package(file: Path, reach: str) -> float:
    command = ["node", str(REFERENCE / "measure.cjs"), str(file), reach]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _print(rates: dict[str, float], size: float) -> None:
    package = rates.get("package, up to the socket")
    print(f"{COUNT} events of {size:.0f} bytes, one core, best of {ROUNDS}")  # noqa: T201
    for name, rate in rates.items():
        times = f"{rate / package:6.1f} x package" if package else ""
        share = f"{rate / rates['floor: parse and serialise']:6.1%} of floor"
        print(f"  {name:<30} {rate:>9,.0f} events/s  {times}  {share}")  # noqa: T201


if __name__ == "__main__":
    main()
