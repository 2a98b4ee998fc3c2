"""`emulator contract`: run, check or record contract cases."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import click
import orjson

from emulator.contract.cases import Case, read_cases
from emulator.contract.running import actual, differences, known_reason
from emulator.errors import EmulatorError
from emulator.types import JSONObject

FILES = click.argument(
    "files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path)
)


@click.group(epilog="Example: emulator contract check fixtures/conformance/actions.ndjson")
def command() -> None:
    """Contract cases: these events must make these Insider One requests."""


@command.command(epilog="Example: emulator contract run cases.ndjson > actual.ndjson")
@FILES
@click.pass_context
def run(ctx: click.Context, files: tuple[Path, ...]) -> None:
    """Print each case with "actual": what happens."""
    reader = _Reader(files)
    for case in reader:
        _print_line({**case.document, "actual": actual(case)})
    ctx.exit(2 if reader.unusable else 0)


@command.command(epilog="Example: emulator contract record cases.ndjson")
@FILES
@click.pass_context
def record(ctx: click.Context, files: tuple[Path, ...]) -> None:
    """Write "expect" of each case in the files: what happens now is what shall happen."""
    for file in files:
        cases = list(read_cases(file))
        unusable = [case for case in cases if isinstance(case, EmulatorError)]
        if unusable:
            raise unusable[0]
        lines = [
            orjson.dumps({**case.document, "expect": actual(case)})
            for case in cases
            if isinstance(case, Case)
        ]
        _replace(file, b"".join(line + b"\n" for line in lines))
        click.echo(f"{file}: recorded {len(lines)}", err=True)


def _replace(file: Path, content: bytes) -> None:
    """Put *content* in the place of *file* at once: a full disk must not cost anybody's cases."""
    draft = file.with_name(f".{file.name}.new")
    try:
        draft.write_bytes(content)
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        what = f"cannot be written ({error.strerror})"
        raise EmulatorError(
            what, str(file), "Record a copy in a folder you may write to."
        ) from None


@command.command(epilog="Example: emulator contract check --json cases.ndjson")
@FILES
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each case.")
@click.pass_context
def check(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Compare what happens with "expect"; exit 1 on a difference that is not a known one."""
    reader = _Reader(files)
    counts = {"passed": 0, "failed": 0, "known": 0}
    for case in reader:
        verdict = _verdict(case)
        counts[verdict["verdict"]] += 1
        if as_json:
            _print_line(verdict)
        elif verdict["verdict"] != "passed":
            _print_verdict(verdict)
    click.echo(
        f"{counts['passed']} passed, {counts['failed']} failed, "
        f"{counts['known']} known differences",
        err=as_json,
    )
    ctx.exit(2 if reader.unusable else 1 if counts["failed"] else 0)


class _Reader:
    """The usable cases of some files; the others are told on stderr and counted."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self.unusable = 0

    def __iter__(self) -> Iterator[Case]:
        for file in self._files:
            for case in read_cases(file):
                if isinstance(case, Case):
                    yield case
                else:
                    self.unusable += 1
                    click.echo(f"emulator: {case}", err=True)


def _verdict(case: Case) -> JSONObject:
    expected = case.document.get("expect")
    if expected is None:
        return _judged(case, "failed", ["expect: nothing is recorded yet"])
    found = differences(expected, actual(case))
    if not found:
        return _judged(case, "passed", [])
    reason = known_reason(case)
    return _judged(case, "known" if reason else "failed", found, reason)


def _judged(case: Case, verdict: str, found: list[str], reason: str | None = None) -> JSONObject:
    return {
        "where": case.where,
        "name": case.name,
        "verdict": verdict,
        "differences": found,
        "reason": reason,
    }


def _print_verdict(verdict: JSONObject) -> None:
    known = verdict["verdict"] == "known"
    click.echo(
        f"{'known difference' if known else 'FAILED'}  {verdict['name']}  {verdict['where']}"
    )
    if known:
        click.echo(f"    {verdict['reason']}")
    for difference in verdict["differences"]:
        click.echo(f"    {difference}")


def _print_line(document: JSONObject) -> None:
    click.echo(orjson.dumps(document))
