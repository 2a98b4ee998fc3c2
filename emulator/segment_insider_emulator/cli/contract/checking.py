"""`emulator contract check`: whether what happens is what was recorded."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from segment_insider_emulator.cli.contract.files import (
    FILES,
    Reader,
    case_files,
    deployment_of,
    replace,
    usable_cases,
)
from segment_insider_emulator.cli.terminal import tell, tell_json
from segment_insider_emulator.cli.workspace_options import workspace_options
from segment_insider_emulator.contract.deployment import Deployment
from segment_insider_emulator.contract.junit import case_of, uncovered_case
from segment_insider_emulator.contract.recording import file_text, text_of
from segment_insider_emulator.contract.verdicts import (
    Verdict,
    judge,
    judge_deployed,
    judge_workspace,
)
from segment_insider_emulator.junit import Case as ReportedCase
from segment_insider_emulator.junit import junit


@click.command(epilog="Example: emulator contract check --workspace shop.yaml cases/")
@FILES
@workspace_options("Run this workspace's own mappings.  [the copies in the cases]")
@click.option("--strict", is_flag=True, help="With a workspace: fail mappings that no case covers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each case.")
@click.option("--junit", "report", type=click.Path(path_type=Path), help="Write JUnit XML there.")
@click.option("--update", is_flag=True, help="Write what happens into the cases that differ.")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    workspace: str | None,
    preset: str | None,
    strict: bool,
    as_json: bool,
    report: Path | None,
    update: bool,
) -> None:
    """Compare what happens with "expect"; exit 1 on a difference that is not a known one.

    With a workspace each case runs through the mapping that it names there; a mapping that is not
    as it was recorded fails, too. Without one the copy of the mapping in the case runs. With
    --update differences are written into the files, for a review, and exit is 0.
    """
    deployment = deployment_of(workspace, preset)
    if strict and deployment is None:
        raise click.UsageError("--strict goes with --workspace or --preset.")
    reader = Reader(files)
    verdicts = _verdicts(reader, deployment, strict=strict)
    for verdict in verdicts:
        if as_json:
            tell_json(verdict.document())
        elif verdict.verdict in ("failed", "known"):
            _print(verdict, "differs" if update else "FAILED")
    if report:
        replace(report, junit("emulator contract", map(_reported, verdicts)))
    failed = sum(verdict.verdict == "failed" for verdict in verdicts)
    updated = _update(files, verdicts) if update and not reader.unusable else 0
    click.echo(_summary(verdicts, failed, updated if update else None), err=as_json)
    _advise(verdicts, deployment, failed - updated)
    ctx.exit(2 if reader.unusable else 1 if failed > updated else 0)


def _verdicts(reader: Reader, deployment: Deployment | None, *, strict: bool) -> list[Verdict]:
    cases = list(reader)
    reader.expect_cases()
    if deployment is None:
        return [judge(case) for case in cases]
    return [
        *(judge_deployed(case, deployment, cases) for case in cases),
        *judge_workspace(deployment, cases, strict=strict),
    ]


def _reported(verdict: Verdict) -> ReportedCase:
    if verdict.verdict == "uncovered":
        return uncovered_case(verdict.where, verdict.name, verdict.differences[0])
    why = verdict.differences if verdict.verdict == "failed" else []
    return case_of(verdict.where, verdict.name, why)


def _update(files: tuple[Path, ...], verdicts: Sequence[Verdict]) -> int:
    """Rewrite the files with differences; a case that passes, or is known, stays to the byte.

    Returns: How many failures this ends.
    """
    # A case says what account it was recorded with, so that all are written when that is another.
    every = any(verdict.concerns_account for verdict in verdicts)
    failed = [each for each in verdicts if each.verdict == "failed"]
    renewals = {
        verdict.where: verdict.renewed
        for verdict in (verdicts if every else failed)
        if verdict.renewed
    }
    for file in case_files(files):
        cases = usable_cases(file)
        renewed = [renewals.get(case.where, case.document) for case in cases]
        if any(each is not case.document for each, case in zip(renewed, cases, strict=True)):
            replace(file, file_text(renewed[0]) if file.suffix == ".json" else text_of(renewed))
    return sum(bool(each.renewed) or each.concerns_account for each in failed)


def _print(verdict: Verdict, lead: str) -> None:
    known = verdict.verdict == "known"
    tell([f"{'known difference' if known else lead}  {verdict.name}  {verdict.where}"])
    if known:
        tell([f"    {verdict.reason}"])
    for difference in verdict.differences:
        tell([f"    {difference}"])


def _summary(verdicts: Sequence[Verdict], failed: int, updated: int | None) -> str:
    counts = Counter(verdict.verdict for verdict in verdicts)
    ends = f"{failed} failed"
    if updated is not None:
        left = failed - updated
        ends = f"{updated} updated" + (f", {left} failed" if left else "")
    return f"{counts['passed']} passed, {ends}, {counts['known']} known differences"


def _advise(verdicts: Sequence[Verdict], deployment: Deployment | None, left: int) -> None:
    """Say on stderr what is not covered, and what to do about failures."""
    if deployment is None:
        return
    uncovered = [each.name for each in verdicts if each.verdict == "uncovered"]
    if uncovered:
        names = ", ".join(uncovered)
        remedy = "Record their traffic; --strict fails them."
        tell([f"note: {deployment.name}: no case covers {names}. {remedy}"], err=True)
    if left:
        remedy = "Correct it, or accept the change with --update."
        click.echo(f"emulator: {deployment.name} is not as it was recorded. {remedy}", err=True)
