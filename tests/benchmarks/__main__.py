"""Benchmarks of the emulator and its peers: `python tests/benchmarks`.

Prints a table, writes the same as JSON, and exits 1 when a goal is not reached.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import click

sys.path.insert(0, str(Path(__file__).parent))  # `python -m tests.benchmarks` leaves it out

import database_growth
import inspector_pages
import machine_info
import mapping_core
import pipeline
import replay
import scenario_loop
import shared_database
import suite_time
from benchmark_size import FULL, QUICK, BenchmarkSize
from measures import Measure, build_json_report, format_table

PARTS: dict[str, Callable[[BenchmarkSize], Iterator[Measure]]] = {
    "core": mapping_core.measure_mapping,
    "pipeline": pipeline.measure_pipeline,
    "scenarios": scenario_loop.measure_scenarios,
    "growth": database_growth.measure_growth,
    "pages": inspector_pages.measure_pages,
}
# They need a PostgreSQL server or many minutes, so they run only where they are named.
NAMED_PARTS = {
    "shared-database": shared_database.measure_shared_database,
    "tests": suite_time.measure_tests,
}


@click.command(epilog="Example: python tests/benchmarks --quick core pipeline")
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS, *NAMED_PARTS]))
@click.option("--quick", is_flag=True, help="Less of everything: some minutes.")
@click.option("--replay", "lines", metavar="EVENTS", type=int, help="Replay an archive, too.")
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(__file__).with_name("figures.json"),
    help="Where the figures go.  [tests/benchmarks/figures.json]",
)
def main(parts: tuple[str, ...], quick: bool, lines: int | None, file: Path) -> None:
    """Measure PARTS, or all of them, one after the other."""
    # Users run compiled files, so the benchmark does too.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    chosen = {name: (PARTS | NAMED_PARTS)[name] for name in parts or PARTS}
    if lines:
        chosen["replay"] = partial(replay.measure_replay, lines)
    environment = machine_info.describe_machine()
    measures: list[Measure] = []
    for name, measure_part in chosen.items():
        click.echo(f"{name}, load average {os.getloadavg()[0]:.1f}", err=True)
        measures += measure_part(QUICK if quick else FULL)
    environment["loadAverageAtTheEnd"] = os.getloadavg()
    click.echo(format_table(measures))
    file.write_text(json.dumps(build_json_report(measures, environment), indent=2) + "\n")
    click.echo(f"written to {file}", err=True)
    sys.exit(1 if any(measure.is_goal_met is False for measure in measures) else 0)


if __name__ == "__main__":
    main()
