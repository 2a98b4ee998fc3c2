"""`emulator contract check`: whether what happens is what was recorded."""

from pathlib import Path

import click
import orjson

from emulator.cli.contract.files import FILES, Reader, case_files, replace, usable_cases
from emulator.contract.cases import Case
from emulator.contract.junit import case_of
from emulator.contract.recording import file_text, text_of
from emulator.contract.running import actual, differences, known_reason
from emulator.junit import Case as ReportedCase
from emulator.junit import junit
from emulator.types import JSONObject


@click.command(epilog="Example: emulator contract check --junit report.xml cases.ndjson")
@FILES
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each case.")
@click.option("--junit", "report", type=click.Path(path_type=Path), help="Write JUnit XML there.")
@click.option("--update", is_flag=True, help='Write what happens as "expect" where it differs.')
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    as_json: bool,
    report: Path | None,
    update: bool,
) -> None:
    """Compare what happens with "expect"; exit 1 on a difference that is not a known one.

    With --update such a difference is written into the file, for a review, and exit is 0.
    """
    reader = Reader(files)
    lead = "differs" if update else "FAILED"
    verdicts = [_told(case, as_json, lead) for case in reader]
    counts = {
        name: sum(each["verdict"] == name for each in verdicts)
        for name in ("passed", "failed", "known")
    }
    if report:
        replace(report, junit("emulator contract", map(_reported, verdicts)))
    updated = update and not reader.unusable
    if updated:
        _update(files)
    failed = f"{counts['failed']} {'updated' if updated else 'failed'}"
    click.echo(
        f"{counts['passed']} passed, {failed}, {counts['known']} known differences", err=as_json
    )
    ctx.exit(2 if reader.unusable else 1 if counts["failed"] and not update else 0)


def _told(case: Case, as_json: bool, lead: str) -> JSONObject:
    """The verdict on *case*, which is shown after *lead* where it is a failure."""
    verdict = _verdict(case)
    if as_json:
        click.echo(orjson.dumps(verdict))
    elif verdict["verdict"] != "passed":
        _print_verdict(verdict, lead)
    return verdict


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


def _reported(verdict: JSONObject) -> ReportedCase:
    why = verdict["differences"] if verdict["verdict"] == "failed" else []
    return case_of(verdict["where"], verdict["name"], why)


def _update(files: tuple[Path, ...]) -> None:
    """Rewrite the files with differences; a case that passes, or is known, stays to the byte."""
    for file in case_files(files):
        cases = usable_cases(file)
        renewed = [_renewed(case) for case in cases]
        if any(each is not case.document for each, case in zip(renewed, cases, strict=True)):
            replace(file, file_text(renewed[0]) if file.suffix == ".json" else text_of(renewed))


def _renewed(case: Case) -> JSONObject:
    if _verdict(case)["verdict"] != "failed":
        return case.document
    return {**case.document, "expect": actual(case)}


def _print_verdict(verdict: JSONObject, lead: str) -> None:
    known = verdict["verdict"] == "known"
    click.echo(f"{'known difference' if known else lead}  {verdict['name']}  {verdict['where']}")
    if known:
        click.echo(f"    {verdict['reason']}")
    for difference in verdict["differences"]:
        click.echo(f"    {difference}")
