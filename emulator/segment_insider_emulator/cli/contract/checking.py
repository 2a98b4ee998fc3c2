"""`emulator contract check`: whether what happens is what was recorded."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from segment_insider_emulator.cli.contract.files import (
    CASE_FILES_ARGUMENT,
    CaseReader,
    find_case_files,
    load_deployment,
    read_usable_cases,
    write_file_atomically,
)
from segment_insider_emulator.cli.terminal import print_json, print_lines
from segment_insider_emulator.cli.workspace_options import add_workspace_options
from segment_insider_emulator.contract.deployment import DeployedWorkspace
from segment_insider_emulator.contract.junit import build_junit_case, build_uncovered_junit_case
from segment_insider_emulator.contract.recording import case_to_json_file, cases_to_ndjson
from segment_insider_emulator.contract.verdicts import (
    CaseVerdict,
    check_case,
    check_deployed_case,
    check_deployed_workspace,
)
from segment_insider_emulator.junit import JUnitCase as ReportedCase
from segment_insider_emulator.junit import render_junit_xml


@click.command(epilog="Example: emulator contract check --workspace shop.yaml cases/")
@CASE_FILES_ARGUMENT
@add_workspace_options("Run this workspace's own mappings.  [the copies in the cases]")
@click.option("--strict", is_flag=True, help="With a workspace: fail mappings that no case covers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each case.")
@click.option("--junit", "report", type=click.Path(path_type=Path), help="Write JUnit XML there.")
@click.option("--update", is_flag=True, help="Write what happens into the cases that differ.")
@click.pass_context
def check_command(
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
    deployment = load_deployment(workspace, preset)
    if strict and deployment is None:
        raise click.UsageError("--strict goes with --workspace or --preset.")
    reader = CaseReader(files)
    verdicts = _judge_cases(reader, deployment, strict=strict)
    for verdict in verdicts:
        if as_json:
            print_json(verdict.to_json())
        elif verdict.verdict in ("failed", "known"):
            _print_case_verdict(verdict, "differs" if update else "FAILED")
    if report:
        write_file_atomically(
            report, render_junit_xml("emulator contract", map(_to_junit_case, verdicts))
        )
    failed = sum(verdict.verdict == "failed" for verdict in verdicts)
    updated = _update_case_files(files, verdicts) if update and not reader.unusable_count else 0
    click.echo(_format_check_summary(verdicts, failed, updated if update else None), err=as_json)
    _print_advice(verdicts, deployment, failed - updated)
    ctx.exit(2 if reader.unusable_count else 1 if failed > updated else 0)


def _judge_cases(
    reader: CaseReader, deployment: DeployedWorkspace | None, *, strict: bool
) -> list[CaseVerdict]:
    cases = list(reader)
    reader.require_cases()
    if deployment is None:
        return [check_case(case) for case in cases]
    return [
        *(check_deployed_case(case, deployment, cases) for case in cases),
        *check_deployed_workspace(deployment, cases, strict=strict),
    ]


def _to_junit_case(verdict: CaseVerdict) -> ReportedCase:
    if verdict.verdict == "uncovered":
        return build_uncovered_junit_case(verdict.where, verdict.name, verdict.differences[0])
    why = verdict.differences if verdict.verdict == "failed" else []
    return build_junit_case(verdict.where, verdict.name, why)


def _update_case_files(files: tuple[Path, ...], verdicts: Sequence[CaseVerdict]) -> int:
    """Rewrite the files with differences; a case that passes, or is known, stays to the byte.

    Returns: How many failures this ends.
    """
    # A case says what account it was recorded with, so that all are written when that is another.
    every = any(verdict.is_about_account for verdict in verdicts)
    failed = [each for each in verdicts if each.verdict == "failed"]
    renewals = {
        verdict.where: verdict.updated_case
        for verdict in (verdicts if every else failed)
        if verdict.updated_case
    }
    for file in find_case_files(files):
        cases = read_usable_cases(file)
        renewed = [renewals.get(case.where, case.document) for case in cases]
        if any(each is not case.document for each, case in zip(renewed, cases, strict=True)):
            write_file_atomically(
                file,
                case_to_json_file(renewed[0])
                if file.suffix == ".json"
                else cases_to_ndjson(renewed),
            )
    return sum(bool(each.updated_case) or each.is_about_account for each in failed)


def _print_case_verdict(verdict: CaseVerdict, failure_label: str) -> None:
    known = verdict.verdict == "known"
    print_lines(
        [f"{'known difference' if known else failure_label}  {verdict.name}  {verdict.where}"]
    )
    if known:
        print_lines([f"    {verdict.known_reason}"])
    for difference in verdict.differences:
        print_lines([f"    {difference}"])


def _format_check_summary(verdicts: Sequence[CaseVerdict], failed: int, updated: int | None) -> str:
    counts = Counter(verdict.verdict for verdict in verdicts)
    ends = f"{failed} failed"
    if updated is not None:
        left = failed - updated
        ends = f"{updated} updated" + (f", {left} failed" if left else "")
    return f"{counts['passed']} passed, {ends}, {counts['known']} known differences"


def _print_advice(
    verdicts: Sequence[CaseVerdict], deployment: DeployedWorkspace | None, remaining_failures: int
) -> None:
    """Say on stderr what is not covered, and what to do about failures."""
    if deployment is None:
        return
    uncovered = [each.name for each in verdicts if each.verdict == "uncovered"]
    if uncovered:
        names = ", ".join(uncovered)
        remedy = "Record their traffic; --strict fails them."
        print_lines([f"note: {deployment.name}: no case covers {names}. {remedy}"], err=True)
    if remaining_failures:
        remedy = "Correct it, or accept the change with --update."
        click.echo(f"emulator: {deployment.name} is not as it was recorded. {remedy}", err=True)
