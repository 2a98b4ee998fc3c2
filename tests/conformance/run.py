"""Compare the mapping core with the published destination, or two versions of the destination.

Run by hand: `python tests/conformance/run.py --help`. It needs Node; the package is installed into
a cache folder on first use. README.md explains the output.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from changelog import find_changes, format_changes
from comparing import CaseRunner, Progress, RunComparison, compare_runs, find_smallest, run_core
from filtering import PublishedEvaluator, compare_filters, find_smallest_filter
from published import RECORDED_VERSION, PublishedPackage

from segment_insider_emulator.contract.cases import (
    ContractCase,
    find_result_differences,
    read_cases,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject

CASES = Path(__file__).parents[2] / "fixtures" / "conformance"
COUNT = click.option("--cases", "count", default=20_000, show_default=True, help="Number of cases.")
SEED = click.option(
    "--seed", default=0, show_default=True, help="The same seed gives the same cases."
)
VERSION = click.option(
    "--version", default=RECORDED_VERSION, show_default=True, help="Version of the package."
)


class ConformanceGroup(click.Group):
    """Command group that exits with 2 and one line when the package is not available."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except EmulatorError as error:
            click.echo(f"conformance: {error}", err=True)
            ctx.exit(2)


@click.group(cls=ConformanceGroup)
def main() -> None:
    """Compare the mapping core with the published destination."""


@main.command(epilog="Example: python tests/conformance/run.py generated --cases 20000")
@VERSION
@COUNT
@SEED
@click.pass_context
def generated(ctx: click.Context, version: str, count: int, seed: int) -> None:
    """Run generated cases through both; print the smallest difference as a contract case.

    Exits with 1 when a case differs.
    """
    with PublishedPackage(version) as package:
        comparison = _compare_and_report(package.run_case, run_core, count, seed)
        if comparison.differing:
            click.echo("looking for the smallest case…", err=True)
            case = find_smallest(package.run_case, run_core, count, seed) or comparison.differing[0]
            # As ASCII: a value may contain a lone surrogate.
            click.echo(
                json.dumps({**case, "name": "smallest", "about": _describe_difference(case)})
            )
    ctx.exit(int(bool(comparison.differing)))


@main.command(epilog="Example: python tests/conformance/run.py recorded --version 3.387.0")
@VERSION
@click.pass_context
def recorded(ctx: click.Context, version: str) -> None:
    """Run the recorded cases through a version; print the differences as a changelog.

    Exits with 1 when a case differs.
    """
    cases = _read_recorded_cases()
    with PublishedPackage(version) as package, _show_progress(len(cases)) as progress:
        pairs = []
        for done, case in enumerate(cases, start=1):
            pairs.append((case, package.run_case(case)))
            progress(done)
    ctx.exit(
        _print_changes(pairs, f"{version} compared with the cases recorded from {RECORDED_VERSION}")
    )


@main.command(
    "changes", epilog="Example: python tests/conformance/run.py changes --version 3.387.0"
)
@VERSION
@COUNT
@SEED
@click.pass_context
def compare_versions(ctx: click.Context, version: str, count: int, seed: int) -> None:
    """Run generated cases through the recorded and another version; print a changelog."""
    with PublishedPackage(RECORDED_VERSION) as before, PublishedPackage(version) as after:
        comparison = _compare_and_report(before.run_case, after.run_case, count, seed)
        pairs = [(case, after.run_case(case)) for case in comparison.differing]
    ctx.exit(_print_changes(pairs, f"{version} compared with {RECORDED_VERSION}"))


@main.command(epilog="Example: python tests/conformance/run.py filters --cases 20000")
@COUNT
@SEED
@click.option(
    "--record", type=click.Path(dir_okay=False, path_type=Path), help="File to write cases to."
)
@click.pass_context
def filters(ctx: click.Context, count: int, seed: int, record: Path | None) -> None:
    """Run generated destination filters through this project and Segment's evaluator.

    Prints the smallest case that differs, and exits with 1. --record writes one case of each
    condition to a file, one per line, with the result of the evaluator.
    """
    with PublishedEvaluator() as evaluator:
        with _show_progress(count) as progress:
            comparison = compare_filters(evaluator, count, seed, progress)
        counts = ", ".join(
            f"{number:,} {label}" for label, number in sorted(comparison.counts.items())
        )
        pairs = len({json.dumps([case["if"], case["event"]]) for case in comparison.cases})
        of_them = f"{pairs:,} different pairs of a condition and an event, {counts}"
        click.echo(
            f"{len(comparison.cases):,} cases ({of_them}), {len(comparison.differing)} differ",
            err=True,
        )
        if comparison.differing:
            case = find_smallest_filter(evaluator, count, seed) or comparison.differing[0]
            click.echo(json.dumps(case))
    if record:
        # The first case of each condition, without the form that only the evaluator reads.
        distinct = {case["if"]: case for case in reversed(comparison.cases)}
        lines = [
            json.dumps({key: case[key] for key in ("if", "actions", "event", "expect")})
            for case in reversed(distinct.values())
        ]
        record.write_text("".join(f"{line}\n" for line in lines))
    ctx.exit(int(bool(comparison.differing)))


@contextmanager
def _show_progress(length: int) -> Iterator[Progress]:
    """Show a progress bar on stderr; the result takes the number of finished cases."""
    with click.progressbar(length=length, file=sys.stderr) as bar:
        yield lambda done: bar.update(done - bar.pos)


def _compare_and_report(
    expected: CaseRunner, received: CaseRunner, count: int, seed: int
) -> RunComparison:
    with _show_progress(count) as progress:
        comparison = compare_runs(expected, received, count, seed, progress)
    statuses = ", ".join(
        f"{number:,} {status}" for status, number in sorted(comparison.statuses.items())
    )
    click.echo(
        f"{comparison.cases:,} cases ({statuses}), {len(comparison.differing)} differ", err=True
    )
    return comparison


def _read_recorded_cases() -> list[JSONObject]:
    changes = [case for file in sorted(CASES.glob("*.ndjson")) for case in read_cases(file)]
    return [case.document for case in changes if isinstance(case, ContractCase)]


def _describe_difference(case: JSONObject) -> str:
    return "; ".join(find_result_differences(case["expect"], run_core(case)))


def _print_changes(pairs: list[tuple[JSONObject, JSONObject]], title: str) -> int:
    changes = find_changes(pairs)
    click.echo("\n".join(format_changes(changes)), nl=bool(changes))
    click.echo(f"{title}: {len(changes)} changes", err=True)
    return int(bool(changes))


if __name__ == "__main__":
    main()
