"""`emulator contract record`: cases written from what happens."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from segment_insider_emulator.cli.captured import captured
from segment_insider_emulator.cli.contract.files import (
    FILES,
    case_files,
    deployment_of,
    no_cases,
    replace,
    usable_cases,
)
from segment_insider_emulator.cli.running import is_address, running_workspace
from segment_insider_emulator.cli.workspace_options import (
    DEFAULT,
    load_workspace,
    workspace_name,
    workspace_options,
)
from segment_insider_emulator.contract.cases import Case, read_cases
from segment_insider_emulator.contract.deployment import Deployment
from segment_insider_emulator.contract.normalising import read_rules
from segment_insider_emulator.contract.recording import Recording, file_text, record, text_of
from segment_insider_emulator.contract.running import actual
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.loading import from_document

_MOST_NAMES = 5  # of cases that one line names


@click.command(epilog="Example: emulator contract record --from http://127.0.0.1:8282 cases.ndjson")
@FILES
@click.option(
    "--from", "source", metavar="SOURCE",
    help="Make the cases of traffic: the address of a running emulator, its database, or a file "
    "of events. EMULATOR_TOKEN opens an emulator that asks for it.",
)  # fmt: skip
@workspace_options("Workspace file or preset.  [the one that runs at SOURCE, or guide]")
@click.option(
    "--rule", "rules", multiple=True, metavar="PLACE=WORD",
    help="What changes each run at a place of the event: time, ip, or a word that is numbered.",
)  # fmt: skip
@click.option("--prune", is_flag=True, help="Remove recorded cases that the traffic does not make.")
@click.pass_context
def command(
    ctx: click.Context,
    files: tuple[Path, ...],
    source: str | None,
    workspace: str | None,
    preset: str | None,
    rules: tuple[str, ...],
    prune: bool,
) -> None:
    """Write "expect" of each case in the files: what happens now is what shall happen.

    With --from the cases themselves are made, one for each event and mapping that takes it, in a
    file of lines or, where FILE is a folder or has no suffix, in a file each. Exits 1, and writes
    nothing, when the traffic makes no case.
    """
    if source is None:
        if prune:
            raise click.UsageError("--prune goes with --from.")
        _renew(files, deployment_of(workspace, preset))
        return
    if len(files) != 1:
        remedy = "Name one file, or one folder."
        raise EmulatorError(f"{len(files)} places for one recording", "FILE", remedy)
    recording = _recorded(source, workspace, preset, list(rules))
    if not recording.cases:
        click.echo(f"{files[0]}: nothing is recorded: {_empty(recording)}", err=True)
        ctx.exit(1)
    earlier = _write(files[0], recording.cases, prune=prune)
    click.echo(f"{files[0]}: recorded {len(recording.cases)}", err=True)
    if not (workspace or preset or is_address(source)):
        told = f"they are of the preset {DEFAULT}; --workspace FILE makes those of your own"
        click.echo(f"note: {told}.", err=True)
    _tell(recording, earlier, files[0], prune=prune)


def _recorded(
    source: str, workspace: str | None, preset: str | None, rules: list[str]
) -> Recording:
    """What *source* makes in the named workspace, or in the one that runs there."""
    name, read = workspace_name(workspace, preset), read_rules(rules)
    if name or not is_address(source):
        return record(captured(source), load_workspace(workspace, preset), read)
    running = from_document(running_workspace(source), source)
    stopped: Counter[str] = Counter()
    recording = record(captured(source, stopped), running, read, has_key=False)
    recording.stopped += stopped
    return recording


def _empty(recording: Recording) -> str:
    """Say why there is no case, and what to do."""
    if recording.stopped:
        return f"{_stopped(recording)}."
    if not recording.events:
        return "no event came. Use the app first, or name other traffic."
    return (
        "no mapping takes what came. Name their workspace with --workspace; "
        "`emulator map --explain` says which conditions do not hold."
    )


def _write(target: Path, cases: Sequence[JSONObject], *, prune: bool) -> list[str]:
    """Write *cases* to a file, or to a file each in a folder.

    Returns: Names of earlier cases that were recorded, too, and are not among these.
    """
    names = {str(case["name"]) for case in cases}
    if target.suffix and not target.is_dir():
        earlier = [case.name for case in _usable(target) if case.name not in names]
        replace(target, text_of(cases))
        return earlier
    for case in cases:
        replace(target / f"{case['name']}.json", file_text(case))
    old = [
        path
        for path in sorted(target.glob("*.json"))
        if path.stem not in names and all("normalised" in case.document for case in _usable(path))
    ]
    if prune:
        for path in old:
            path.unlink()
    return [path.stem for path in old]


def _usable(file: Path) -> list[Case]:
    if not file.exists():
        return []
    return [case for case in read_cases(file) if isinstance(case, Case)]


def _tell(recording: Recording, earlier: list[str], target: Path, *, prune: bool) -> None:
    """Say on stderr what a reader of the cases alone would not see."""
    if recording.stopped:
        click.echo(f"note: {_stopped(recording)}.", err=True)
    failing = [case["name"] for case in recording.cases if _fails(case)]
    if failing:
        told = "in which the mapping fails, so that nothing is sent"
        click.echo(f"note: {_counted(failing)} {told}: {_listed(failing)}.", err=True)
    if earlier:
        removed = prune or not target.is_dir()
        remedy = "" if removed else " --prune removes them."
        end = "removed" if removed else "still there"
        told = f"not made by this traffic and {end}: {_listed(earlier)}."
        click.echo(f"note: {_counted(earlier)} {told}{remedy}", err=True)


def _fails(case: JSONObject) -> bool:
    return any(result["status"] == "failed" for result in case["expect"]["results"])


def _stopped(recording: Recording) -> str:
    count = recording.stopped.total()
    reasons = "; ".join(
        f"{reason} ({times})" for reason, times in sorted(recording.stopped.items())
    )
    return f"{count} {'event' if count == 1 else 'events'} stopped before any mapping: {reasons}"


def _counted(names: Sequence[str]) -> str:
    return f"{len(names)} {'case' if len(names) == 1 else 'cases'}"


def _listed(names: Iterable[str]) -> str:
    listed = list(names)
    more = len(listed) - _MOST_NAMES
    return ", ".join(listed[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _renew(paths: tuple[Path, ...], deployment: Deployment | None) -> None:
    """Write what happens into all cases of the files, or into none of a file with a mistake."""
    read = {file: usable_cases(file) for file in case_files(paths)}
    every = [case for cases in read.values() for case in cases]
    if not every:
        raise no_cases(paths)
    for file, cases in read.items():
        renewed = [_renewed(case, deployment, every) for case in cases]
        if renewed:
            whole = file.suffix == ".json" and len(renewed) == 1
            replace(file, file_text(renewed[0]) if whole else text_of(renewed))
        click.echo(f"{file}: recorded {len(renewed)}", err=True)


def _renewed(case: Case, deployment: Deployment | None, cases: Sequence[Case]) -> JSONObject:
    """*case* with what happens. Raises: EmulatorError, when its workspace sends nothing for it."""
    if deployment is None:
        return {**case.document, "expect": actual(case)}
    result = deployment.run(case, cases)
    if result.renewed is None:
        what = f"{deployment.name} makes nothing of it ({result.reason})"
        raise EmulatorError(what, case.where, "Take the case out, or correct the workspace.")
    return result.renewed
