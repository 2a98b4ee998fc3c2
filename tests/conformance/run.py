"""Compares the mapping core with the published destination, or two versions of that.

Run by hand: `python tests/conformance/run.py --help`. Node is needed; the package is installed into
a cache folder on first use. README.md says how to read what it prints.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from changelog import changes, told
from comparing import Comparison, Progress, Road, compare, core, smallest
from filtering import Evaluator, compare_filters, smallest_filter
from published import RECORDED, Published

from segment_insider_emulator.contract.cases import (
    ContractCase,
    find_result_differences,
    read_cases,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject

CASES = Path(__file__).parents[2] / "fixtures" / "conformance"
COUNT = click.option("--cases", "count", default=20_000, show_default=True, help="How many cases.")
SEED = click.option("--seed", default=0, show_default=True, help="The same seed, the same cases.")
VERSION = click.option("--version", default=RECORDED, show_default=True, help="Of the package.")


class Group(click.Group):
    """Ends in exit code 2 and one line when the package cannot be had."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except EmulatorError as error:
            click.echo(f"conformance: {error}", err=True)
            ctx.exit(2)


@click.group(cls=Group)
def main() -> None:
    """The mapping core beside the published destination."""


@main.command(epilog="Example: python tests/conformance/run.py generated --cases 20000")
@VERSION
@COUNT
@SEED
@click.pass_context
def generated(ctx: click.Context, version: str, count: int, seed: int) -> None:
    """Generated cases through both; prints the smallest that differs as a contract case.

    Exits 1 when one differs.
    """
    with Published(version) as package:
        run = _compared(package.outcome, core, count, seed)
        if run.differing:
            click.echo("looking for the smallest case…", err=True)
            case = smallest(package.outcome, core, count, seed) or run.differing[0]
            # As ASCII: a value may be half a surrogate pair, cut out of a text.
            click.echo(json.dumps({**case, "name": "smallest", "about": _about(case)}))
    ctx.exit(int(bool(run.differing)))


@main.command(epilog="Example: python tests/conformance/run.py recorded --version 3.387.0")
@VERSION
@click.pass_context
def recorded(ctx: click.Context, version: str) -> None:
    """The recorded cases through a version; prints what it does otherwise, as a changelog.

    Exits 1 when it does anything otherwise.
    """
    cases = _recorded()
    with Published(version) as package, _progress(len(cases)) as progress:
        pairs = []
        for done, case in enumerate(cases, start=1):
            pairs.append((case, package.outcome(case)))
            progress(done)
    ctx.exit(_tell(pairs, f"{version} beside what was recorded from {RECORDED}"))


@main.command(
    "changes", epilog="Example: python tests/conformance/run.py changes --version 3.387.0"
)
@VERSION
@COUNT
@SEED
@click.pass_context
def between(ctx: click.Context, version: str, count: int, seed: int) -> None:
    """Generated cases through the recorded version and another one, as a changelog."""
    with Published(RECORDED) as before, Published(version) as after:
        run = _compared(before.outcome, after.outcome, count, seed)
        pairs = [(case, after.outcome(case)) for case in run.differing]
    ctx.exit(_tell(pairs, f"{version} beside {RECORDED}"))


@main.command(epilog="Example: python tests/conformance/run.py filters --cases 20000")
@COUNT
@SEED
@click.option("--record", type=click.Path(dir_okay=False, path_type=Path), help="Cases to write.")
@click.pass_context
def filters(ctx: click.Context, count: int, seed: int, record: Path | None) -> None:
    """Generated destination filters through this project and Segment's own evaluator.

    Prints the smallest case that differs, and exits 1 when one does. --record writes a case of
    each condition, with what the evaluator says, to a file, one a line.
    """
    with Evaluator() as evaluator:
        with _progress(count) as progress:
            run = compare_filters(evaluator, count, seed, progress)
        counts = ", ".join(f"{number:,} {what}" for what, number in sorted(run.counts.items()))
        pairs = len({json.dumps([case["if"], case["event"]]) for case in run.cases})
        of_them = f"{pairs:,} different pairs of a condition and an event, {counts}"
        click.echo(f"{len(run.cases):,} cases ({of_them}), {len(run.differing)} differ", err=True)
        if run.differing:
            case = smallest_filter(evaluator, count, seed) or run.differing[0]
            click.echo(json.dumps(case))
    if record:
        # The first of each condition; its form for the evaluator is of no use without that.
        distinct = {case["if"]: case for case in reversed(run.cases)}
        lines = [
            json.dumps({key: case[key] for key in ("if", "actions", "event", "expect")})
            for case in reversed(distinct.values())
        ]
        record.write_text("".join(f"{line}\n" for line in lines))
    ctx.exit(int(bool(run.differing)))


@contextmanager
def _progress(length: int) -> Iterator[Progress]:
    """A bar on stderr; call it with how many cases are done."""
    with click.progressbar(length=length, file=sys.stderr) as bar:
        yield lambda done: bar.update(done - bar.pos)


def _compared(expected: Road, received: Road, count: int, seed: int) -> Comparison:
    with _progress(count) as progress:
        run = compare(expected, received, count, seed, progress)
    statuses = ", ".join(f"{number:,} {status}" for status, number in sorted(run.statuses.items()))
    click.echo(f"{run.cases:,} cases ({statuses}), {len(run.differing)} differ", err=True)
    return run


def _recorded() -> list[JSONObject]:
    found = [case for file in sorted(CASES.glob("*.ndjson")) for case in read_cases(file)]
    return [case.document for case in found if isinstance(case, ContractCase)]


def _about(case: JSONObject) -> str:
    return "; ".join(find_result_differences(case["expect"], core(case)))


def _tell(pairs: list[tuple[JSONObject, JSONObject]], title: str) -> int:
    found = changes(pairs)
    click.echo("\n".join(told(found)), nl=bool(found))
    click.echo(f"{title}: {len(found)} changes", err=True)
    return int(bool(found))


if __name__ == "__main__":
    main()
