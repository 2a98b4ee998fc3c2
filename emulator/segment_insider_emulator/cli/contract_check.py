"""The commands `emulator contract check`, `run`, `events` and `schema`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict
from itertools import chain
from pathlib import Path

import click

from segment_insider_emulator.cli.ci_reports import (
    annotate_places,
    print_annotations,
    stop_github_commands,
)
from segment_insider_emulator.cli.inputs import (
    add_workspace_options,
    get_selected_workspace_name,
    load_workspace,
    read_numbered_events,
)
from segment_insider_emulator.config import Config
from segment_insider_emulator.contract.cases import ContractCase, read_cases, run_case
from segment_insider_emulator.contract.checks import (
    CaseVerdict,
    EventCheckResult,
    build_junit_case,
    build_uncovered_junit_case,
    check_account_and_coverage,
    check_case,
    check_deployed_case,
    check_producer_events,
)
from segment_insider_emulator.contract.deployed_workspace import DeployedWorkspace
from segment_insider_emulator.contract.junit_xml import JUnitCase as ReportedCase
from segment_insider_emulator.contract.junit_xml import render_junit_xml
from segment_insider_emulator.contract.recording import format_case_as_json, format_cases_as_ndjson
from segment_insider_emulator.contract.request_schema import build_request_schema
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.terminal_output import (
    format_known_cause_count,
    print_json,
    print_lines,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace

CASE_FILES_ARGUMENT = click.argument(
    "files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path)
)


class ContractCaseReader:
    """Iterator over the usable contract cases of files; prints and counts unusable ones."""

    def __init__(self, files: tuple[Path, ...]) -> None:
        self._files = files
        self.unusable_count = 0
        self._usable_count = 0

    def __iter__(self) -> Iterator[ContractCase]:
        for file in find_case_files(self._files):
            for case in read_cases(file):
                if isinstance(case, ContractCase):
                    self._usable_count += 1
                    yield case
                else:
                    self.unusable_count += 1
                    print_lines([f"emulator: {case}"], err=True)

    def require_cases(self) -> None:
        """Raise an error if the files had no contract case.

        Raises: EmulatorError.
        """
        if not (self._usable_count or self.unusable_count):
            raise build_no_cases_error(self._files)


def build_no_cases_error(files: Sequence[Path]) -> EmulatorError:
    """Return the error for files and folders without a contract case."""
    remedy = "Name an .ndjson or .json file of cases, or a folder of such files."
    return EmulatorError("no contract cases found", ", ".join(map(str, files)), remedy)


def load_deployed_workspace(workspace: str | None, preset: str | None) -> DeployedWorkspace | None:
    """Load the workspace that a contract command's options name; None when they name none.

    Raises: UsageError; EmulatorError.
    """
    name = get_selected_workspace_name(workspace, preset)
    return DeployedWorkspace(load_workspace(workspace, preset), name) if name else None


def find_case_files(paths: tuple[Path, ...]) -> Iterator[Path]:
    """Yield the given files and the contract case files in the given folders, sorted."""
    for path in paths:
        if path.is_dir():
            files = (file.relative_to(path) for file in path.rglob("*"))
            names = sorted(file for file in files if file.suffix in (".json", ".ndjson"))
            yield from (path / name for name in names if not _is_hidden_path(name))
        else:
            yield path


def _is_hidden_path(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def read_usable_cases(file: Path) -> list[ContractCase]:
    """Return all contract cases of a file; raise an error when one cannot be used.

    Raises: EmulatorError, when one cannot be used.
    """
    cases = []
    for case in read_cases(file):
        if isinstance(case, EmulatorError):
            raise case
        cases.append(case)
    return cases


def write_file_atomically(file: Path, content: bytes) -> None:
    """Write a file as a whole or not at all, so that a full disk loses no data.

    Raises: EmulatorError, when it cannot be written.
    """
    draft = file.with_name(f".{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(content)
        draft.replace(file)
    except OSError as error:
        with suppress(OSError):
            draft.unlink()
        what = f"cannot be written ({error.strerror})"
        remedy = "Name a file in a folder you may write to."
        raise EmulatorError(what, str(file), remedy) from None


@click.command(epilog="Example: emulator contract check --workspace shop.yaml cases/")
@CASE_FILES_ARGUMENT
@add_workspace_options("Run this workspace's own mappings.  [the copies in the cases]")
@click.option("--strict", is_flag=True, help="With a workspace: fail mappings that no case covers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each case.")
@click.option(
    "--junit", "report", type=click.Path(path_type=Path), help="Write JUnit XML to this file."
)
@click.option("--update", is_flag=True, help="Write the new results into the cases that differ.")
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
    """Compare what happens now with "expect"; exit 1 on an unknown difference.

    With a workspace each case runs through its mapping there, and a mapping that has changed since
    the recording fails, too. Without a workspace the copy of the mapping in the case runs. With
    --update the differences are written into the files for a review, and the exit code is 0.
    """
    deployment = load_deployed_workspace(workspace, preset)
    if strict and deployment is None:
        raise click.UsageError("--strict needs --workspace or --preset.")
    reader = ContractCaseReader(files)
    verdicts = _check_cases(reader, deployment, strict=strict)
    with stop_github_commands(is_active=not as_json):
        for verdict in verdicts:
            if as_json:
                print_json(verdict.to_json())
            elif verdict.verdict in ("failed", "known"):
                _print_case_verdict(verdict, "differs" if update else "FAILED")
    if report:
        write_file_atomically(
            report,
            render_junit_xml("emulator contract", map(_convert_verdict_to_junit_case, verdicts)),
        )
    failed = sum(verdict.verdict == "failed" for verdict in verdicts)
    updated = _update_case_files(files, verdicts) if update and not reader.unusable_count else 0
    click.echo(_format_check_summary(verdicts, failed, updated if update else None), err=as_json)
    if failed > updated:
        print_annotations(annotate_places(_list_case_failures(verdicts)))
    _print_untested_mappings_and_advice(verdicts, deployment, failed - updated)
    ctx.exit(2 if reader.unusable_count else 1 if failed > updated else 0)


def _list_case_failures(
    verdicts: Iterable[CaseVerdict],
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield place, name and differences of each failed contract case."""
    for verdict in verdicts:
        if verdict.verdict == "failed":
            yield verdict.where, verdict.name, verdict.differences


def _check_cases(
    reader: ContractCaseReader, deployment: DeployedWorkspace | None, *, strict: bool
) -> list[CaseVerdict]:
    cases = list(reader)
    reader.require_cases()
    if deployment is None:
        return [check_case(case) for case in cases]
    return [
        *(check_deployed_case(case, deployment, cases) for case in cases),
        *check_account_and_coverage(deployment, cases, strict=strict),
    ]


def _convert_verdict_to_junit_case(verdict: CaseVerdict) -> ReportedCase:
    if verdict.verdict == "uncovered":
        return build_uncovered_junit_case(verdict.where, verdict.name, verdict.differences[0])
    why = verdict.differences if verdict.verdict == "failed" else []
    return build_junit_case(verdict.where, verdict.name, why)


def _update_case_files(files: tuple[Path, ...], verdicts: Sequence[CaseVerdict]) -> int:
    """Rewrite the contract cases that differ; leave passing and known cases byte for byte.

    Returns: The number of failures that are corrected.
    """
    # Every case names the account it was recorded with, so another account changes all of them.
    account_changed = any(verdict.is_about_account for verdict in verdicts)
    failed = [verdict for verdict in verdicts if verdict.verdict == "failed"]
    renewals = {
        verdict.where: verdict.updated_case
        for verdict in (verdicts if account_changed else failed)
        if verdict.updated_case
    }
    for file in find_case_files(files):
        cases = read_usable_cases(file)
        renewed = [renewals.get(case.where, case.document) for case in cases]
        if any(new is not case.document for new, case in zip(renewed, cases, strict=True)):
            write_file_atomically(
                file,
                format_case_as_json(renewed[0])
                if file.suffix == ".json"
                else format_cases_as_ndjson(renewed),
            )
    return sum(bool(verdict.updated_case) or verdict.is_about_account for verdict in failed)


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
        remaining = failed - updated
        ends = f"{updated} updated" + (f", {remaining} failed" if remaining else "")
    return f"{counts['passed']} passed, {ends}, {counts['known']} known differences"


def _print_untested_mappings_and_advice(
    verdicts: Sequence[CaseVerdict], deployment: DeployedWorkspace | None, remaining_failures: int
) -> None:
    """Print which mappings have no contract case, and what to do about failures."""
    if deployment is None:
        return
    uncovered = [verdict.name for verdict in verdicts if verdict.verdict == "uncovered"]
    if uncovered:
        names = ", ".join(uncovered)
        remedy = "Record their traffic; with --strict they fail."
        print_lines([f"note: {deployment.name}: no case covers {names}. {remedy}"], err=True)
    if remaining_failures:
        remedy = "Correct it, or accept the change with --update."
        click.echo(
            f"emulator: {deployment.name} has changed since the recording. {remedy}", err=True
        )


@click.command(epilog="Example: emulator contract run cases.ndjson > actual.ndjson")
@CASE_FILES_ARGUMENT
@add_workspace_options("Run this workspace's own mappings.  [the copies in the cases]")
@click.pass_context
def run_command(
    ctx: click.Context, files: tuple[Path, ...], workspace: str | None, preset: str | None
) -> None:
    """Print each case with "actual": what happens now.

    With a workspace "actual" is the result of its own mapping, and "workspace" says whether that
    mapping has changed since the recording.
    """
    deployment = load_deployed_workspace(workspace, preset)
    reader = ContractCaseReader(files)
    cases = list(reader)
    reader.require_cases()
    for case in cases:
        if deployment is None:
            happened: JSONObject = {"actual": run_case(case)}
        else:
            result = deployment.run_case(case, cases)
            compared = {"mapping": result.mapping_state, "differences": result.mapping_differences}
            happened = {"actual": result.actual_result, "workspace": compared}
        print_json({**case.document, **happened})
    ctx.exit(2 if reader.unusable_count else 0)


@click.command(epilog="Example: emulator contract schema --workspace shop.yaml > requests.json")
@add_workspace_options()
def schema_command(workspace: str | None, preset: str | None) -> None:
    """Print one JSON Schema of all bodies that the workspace can send to Insider One."""
    document = build_request_schema(load_workspace(workspace, preset))
    print_json(document, indent=True)


@click.command(epilog="Example: emulator contract events --workspace shop.yaml events.ndjson")
@CASE_FILES_ARGUMENT
@add_workspace_options()
@click.option("--strict", is_flag=True, help="Fail warnings, and events that no mapping accepts.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON line for each event.")
@click.option(
    "--junit", "report", type=click.Path(path_type=Path), help="Write JUnit XML to this file."
)
@click.pass_context
def events_command(
    ctx: click.Context,
    files: tuple[Path, ...],
    workspace: str | None,
    preset: str | None,
    strict: bool,
    as_json: bool,
    report: Path | None,
) -> None:
    """Check events, one a line, against the tracking plan, the mappings and Insider One's rules.

    Exits 1 when an event is filtered or fails, or does not do what its sender expects.
    """
    events = list(chain.from_iterable(map(read_numbered_events, files)))
    if not events:
        remedy = "Name a file of events, one JSON object a line."
        raise EmulatorError("no event found", ", ".join(map(str, files)), remedy)
    cases, problems, known_causes = [], [], set()
    with stop_github_commands(is_active=not as_json):
        for result in _check_events_in_new_emulator(events, load_workspace(workspace, preset)):
            holds = result.is_accepted(strict=strict)
            if as_json:
                print_json({**asdict(result), "satisfies": holds})
            elif not holds:
                _print_event_verdict(result)
            why = [] if holds else result.problems or [result.verdict]
            problems += [(result.where, result.name, why)] if why else []
            cases.append(build_junit_case(result.where, result.name, why))
            known_causes.update(result.known_causes)
    print_annotations(annotate_places(problems))
    if report:
        write_file_atomically(report, render_junit_xml("emulator contract events", cases))
    failed = len(problems)
    summary = f"{len(cases) - failed} passed, {failed} failed"
    click.echo(summary + format_known_cause_count(len(known_causes)), err=as_json)
    ctx.exit(1 if failed else 0)


def _check_events_in_new_emulator(
    events: list[tuple[str, JSONObject]], workspace: Workspace
) -> Iterator[EventCheckResult]:
    # Imported here because the other commands need no web framework.
    from segment_insider_emulator.app import create_app

    app = create_app(Config(db=":memory:"), workspace)
    with closing(app.extensions["sandboxes"]):
        yield from check_producer_events(events, app.test_client(), workspace.write_key)


def _print_event_verdict(result: EventCheckResult) -> None:
    print_lines([f"FAILED  {result.name}: {result.verdict}  {result.where}"])
    for why in result.problems:
        print_lines([f"    {why}"])
