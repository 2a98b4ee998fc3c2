"""The command `emulator contract record`: write contract cases, or their "expect"."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from segment_insider_emulator.cli.contract_check import (
    CASE_FILES_ARGUMENT,
    build_no_cases_error,
    find_case_files,
    load_deployed_workspace,
    read_usable_cases,
    write_file_atomically,
)
from segment_insider_emulator.cli.inputs import (
    DEFAULT_WORKSPACE,
    add_workspace_options,
    fetch_running_workspace,
    get_selected_workspace_name,
    is_emulator_url,
    load_workspace,
    read_traffic,
)
from segment_insider_emulator.contract.cases import ContractCase, read_cases, run_case
from segment_insider_emulator.contract.deployed_workspace import DeployedWorkspace
from segment_insider_emulator.contract.recording import (
    CaseRecording,
    format_case_as_json,
    format_cases_as_ndjson,
    parse_normalisation_rules,
    record_cases,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import load_workspace_from_document

_MAX_LISTED_NAMES = 5  # case names in one line


@click.command(epilog="Example: emulator contract record --from http://127.0.0.1:8282 cases.ndjson")
@CASE_FILES_ARGUMENT
@click.option(
    "--from", "source", metavar="SOURCE",
    help="Make cases from traffic: the address of a running emulator, its database, or a file of "
    "events. Set EMULATOR_TOKEN if the emulator has a password.",
)  # fmt: skip
@add_workspace_options("Workspace file or preset.  [the workspace at SOURCE, or guide]")
@click.option(
    "--rule", "rules", multiple=True, metavar="PLACE=WORD",
    help="Replace a value that changes with each run: time, ip, or a word that is numbered.",
)  # fmt: skip
@click.option(
    "--prune", is_flag=True, help="Remove recorded cases that this traffic no longer makes."
)
@click.pass_context
def record_command(
    ctx: click.Context,
    files: tuple[Path, ...],
    source: str | None,
    workspace: str | None,
    preset: str | None,
    rules: tuple[str, ...],
    prune: bool,
) -> None:
    """Write "expect" of each case in the files: what happens now becomes what is expected.

    With --from new cases are made, one for each event and mapping that accepts it: in one file, or
    in one file each if FILE is a folder or has no suffix. Exits 1 and writes nothing when the
    traffic makes no case.
    """
    if source is None:
        if prune:
            raise click.UsageError("--prune needs --from.")
        _update_expectations_in_files(files, load_deployed_workspace(workspace, preset))
        return
    if len(files) != 1:
        remedy = "Name one file, or one folder."
        raise EmulatorError(f"{len(files)} places for one recording", "FILE", remedy)
    recording = _record_traffic(source, workspace, preset, list(rules))
    if not recording.cases:
        click.echo(
            f"{files[0]}: nothing is recorded: {_explain_empty_recording(recording)}", err=True
        )
        ctx.exit(1)
    earlier = _write_cases(files[0], recording.cases, prune=prune)
    click.echo(f"{files[0]}: recorded {len(recording.cases)}", err=True)
    if not (workspace or preset or is_emulator_url(source)):
        notice = f"the cases use the preset {DEFAULT_WORKSPACE}; use --workspace FILE for your own"
        click.echo(f"note: {notice}.", err=True)
    _print_recording_notes(recording, earlier, files[0], prune=prune)


def _record_traffic(
    source: str, workspace: str | None, preset: str | None, rules: list[str]
) -> CaseRecording:
    """Record contract cases from traffic with the named, or the running, workspace."""
    name, parsed_rules = (
        get_selected_workspace_name(workspace, preset),
        parse_normalisation_rules(rules),
    )
    if name or not is_emulator_url(source):
        loaded = load_workspace(workspace, preset)
        events = read_traffic(source, workspace_document=loaded.document, before_functions=True)
        return record_cases(events, loaded, parsed_rules)
    running = load_workspace_from_document(fetch_running_workspace(source), source)
    stopped: Counter[str] = Counter()
    recording = record_cases(
        read_traffic(source, stopped, before_functions=True),
        running,
        parsed_rules,
        has_real_key=False,
    )
    recording.rejection_counts += stopped
    return recording


def _explain_empty_recording(recording: CaseRecording) -> str:
    """Explain why no contract case was recorded from the traffic, and what to do."""
    if recording.rejection_counts:
        return f"{_format_filtered_counts(recording)}."
    if not recording.event_count:
        return "there are no events. Use the app first, or name other traffic."
    return (
        "no mapping accepts these events. Name their workspace with --workspace; "
        "`emulator map --explain` shows which conditions are not met."
    )


def _write_cases(target: Path, cases: Sequence[JSONObject], *, prune: bool) -> list[str]:
    """Write contract cases into one file, or into one file each in a folder.

    Returns: Names of earlier recorded cases that are not among *cases*.
    """
    names = {str(case["name"]) for case in cases}
    if target.suffix and not target.is_dir():
        earlier = [case.name for case in _read_existing_cases(target) if case.name not in names]
        write_file_atomically(target, format_cases_as_ndjson(cases))
        return earlier
    for case in cases:
        write_file_atomically(target / f"{case['name']}.json", format_case_as_json(case))
    old = [
        path
        for path in sorted(target.glob("*.json"))
        if path.stem not in names
        and all("normalised" in case.document for case in _read_existing_cases(path))
    ]
    if prune:
        for path in old:
            path.unlink()
    return [path.stem for path in old]


def _read_existing_cases(file: Path) -> list[ContractCase]:
    if not file.exists():
        return []
    return [case for case in read_cases(file) if isinstance(case, ContractCase)]


def _print_recording_notes(
    recording: CaseRecording, earlier: list[str], target: Path, *, prune: bool
) -> None:
    """Print which events were filtered, which mappings fail and which contract cases are old."""
    if recording.rejection_counts:
        click.echo(f"note: {_format_filtered_counts(recording)}.", err=True)
    failing = [case["name"] for case in recording.cases if _expects_failed_result(case)]
    if failing:
        notice = "in which the mapping fails, so that nothing is sent"
        names = _join_names(failing)
        click.echo(f"note: {_format_case_count(failing)} {notice}: {names}.", err=True)
    if earlier:
        removed = prune or not target.is_dir()
        remedy = "" if removed else " --prune removes them."
        end = "removed" if removed else "still there"
        notice = f"not made by this traffic and {end}: {_join_names(earlier)}."
        click.echo(f"note: {_format_case_count(earlier)} {notice}{remedy}", err=True)


def _expects_failed_result(case: JSONObject) -> bool:
    return any(result["status"] == "failed" for result in case["expect"]["results"])


def _format_filtered_counts(recording: CaseRecording) -> str:
    count = recording.rejection_counts.total()
    reasons = "; ".join(
        f"{reason} ({times})" for reason, times in sorted(recording.rejection_counts.items())
    )
    return f"{count} {'event' if count == 1 else 'events'} filtered before any mapping: {reasons}"


def _format_case_count(names: Sequence[str]) -> str:
    return f"{len(names)} {'case' if len(names) == 1 else 'cases'}"


def _join_names(names: Iterable[str]) -> str:
    all_names = list(names)
    more = len(all_names) - _MAX_LISTED_NAMES
    return ", ".join(all_names[:_MAX_LISTED_NAMES]) + (f" and {more} more" if more > 0 else "")


def _update_expectations_in_files(
    paths: tuple[Path, ...], deployment: DeployedWorkspace | None
) -> None:
    """Update "expect" in all contract cases of the files; write no file that has a mistake."""
    cases_by_file = {file: read_usable_cases(file) for file in find_case_files(paths)}
    all_cases = [case for cases in cases_by_file.values() for case in cases]
    if not all_cases:
        raise build_no_cases_error(paths)
    for file, cases in cases_by_file.items():
        renewed = [_update_case_expectation(case, deployment, all_cases) for case in cases]
        if renewed:
            whole = file.suffix == ".json" and len(renewed) == 1
            write_file_atomically(
                file, format_case_as_json(renewed[0]) if whole else format_cases_as_ndjson(renewed)
            )
        click.echo(f"{file}: recorded {len(renewed)}", err=True)


def _update_case_expectation(
    case: ContractCase, deployment: DeployedWorkspace | None, cases: Sequence[ContractCase]
) -> JSONObject:
    """Return a contract case with what happens now as its "expect".

    Raises: EmulatorError, when its workspace sends nothing for it.
    """
    if deployment is None:
        return {**case.document, "expect": run_case(case)}
    result = deployment.run_case(case, cases)
    if result.updated_case is None:
        what = f"{deployment.name} sends nothing for it ({result.no_request_reason})"
        raise EmulatorError(what, case.where, "Remove the case, or correct the workspace.")
    return result.updated_case
