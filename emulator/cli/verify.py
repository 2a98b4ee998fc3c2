"""`emulator verify`: Gherkin scenarios against an emulator of their own."""

from dataclasses import asdict
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

import click
import orjson

from scenarios.requirements import require

if TYPE_CHECKING:
    from scenarios.verifying import Run, ScenarioResult

FEATURES = Path("features")
COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


@click.command(epilog="Example: emulator verify features/purchase.feature")
@click.argument("features", metavar="[FEATURE…]", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON summary at the end.")
@click.pass_context
def command(ctx: click.Context, features: tuple[Path, ...], as_json: bool) -> None:
    """Run the scenarios in files and folders, by default in ./features.

    Exits 0 when all pass, 1 when one fails, 2 when a file cannot be read or there are none.
    """
    require("verify")
    # Here, not above: `emulator verify --help` needs no test runner.
    from scenarios.verifying import verify

    run = verify(features or (FEATURES,), (lambda result: None) if as_json else Teller())
    if as_json:
        click.echo(orjson.dumps(_summary(run)))
    for fault in run.unreadable:
        click.echo(f"emulator: {fault}", err=True)
    click.echo(_counts(run), err=as_json)
    ctx.exit(2 if run.unreadable else 1 if run.count("failed") else 0)


class Teller:
    """Prints results as they come, below the names of their features."""

    def __init__(self) -> None:
        self._feature: str | None = None

    def __call__(self, result: "ScenarioResult") -> None:
        if result.feature != self._feature:
            self._feature = result.feature
            click.echo(f"{result.feature}  ({result.where})")
        verdict = click.style(f"{result.verdict:7}", fg=COLOURS[result.verdict])
        click.echo(f"  {verdict}  {result.scenario}")
        if result.failure:
            click.echo("\n" + indent(result.failure, "    ") + "\n")


def _summary(run: "Run") -> dict[str, object]:
    counts = {verdict: run.count(verdict) for verdict in COLOURS}
    scenarios = [asdict(result) for result in run.results]
    return {**counts, "unreadable": run.unreadable, "scenarios": scenarios}


def _counts(run: "Run") -> str:
    parts = [f"{run.count(verdict)} {verdict}" for verdict in COLOURS if run.count(verdict)]
    number = len(run.results)
    noun = "scenario" if number == 1 else "scenarios"
    return f"{number} {noun}: {', '.join(parts) or 'none run'}"
