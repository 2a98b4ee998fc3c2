"""The command `emulator replay`: replay a Segment archive without sending anything."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from segment_insider_emulator.cli import INTERRUPTED_EXIT_CODE
from segment_insider_emulator.cli.inputs import (
    add_workspace_options,
    get_selected_workspace_name,
    load_workspace,
)
from segment_insider_emulator.clock import parse_iso_time, utc_now
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import (
    ArchivePart,
    find_archive_files,
    split_files_into_parts,
)
from segment_insider_emulator.replay.dry_run import (
    CheckpointFile,
    CompletedArchiveParts,
    DryRunInputs,
    PartRunner,
    compute_job_digest,
    measure_parts_in_processes,
    run_dry_run,
)
from segment_insider_emulator.replay.evaluator import EvaluationClocks
from segment_insider_emulator.replay.report import (
    build_replay_report,
    format_text_report,
    list_loss_reasons,
)
from segment_insider_emulator.replay.report_files import (
    require_pyarrow,
    write_html_report,
    write_parquet_report,
)
from segment_insider_emulator.terminal_output import print_json, print_lines
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import load_workspace_or_preset


@click.command(epilog="Example: emulator replay --html report.html archive/2026-03/")
@click.argument("names", metavar="FILE…", nargs=-1, required=True)
@add_workspace_options()
@click.option("--against", metavar="FILE", help="Compare with another workspace.")
@click.option("--at", metavar="TIME", help="Time for Insider One's clock instead of receivedAt.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole report as JSON.")
@click.option("--html", type=click.Path(path_type=Path), help="Write an HTML page.")
@click.option("--parquet", type=click.Path(path_type=Path), help="Write all figures as Parquet.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    help="Save the progress in this file, or resume from it.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Number of processes.  [one per core]")
@click.option("--scheduler", metavar="URL", help="Use a Dask cluster, e.g. tcp://host:8786.")
@click.pass_context
def replay_command(
    ctx: click.Context,
    names: tuple[str, ...],
    workspace: str | None,
    preset: str | None,
    against: str | None,
    at: str | None,
    as_json: bool,
    html: Path | None,
    parquet: Path | None,
    resume: Path | None,
    workers: int | None,
    scheduler: str | None,
) -> None:
    """Show what Insider One would have received from a Segment archive; send nothing.

    FILE is a file of events, plain or gzip, a folder, a pattern, or an address such as
    s3://bucket/segment-logs/. Exits 1 when something would be lost or, with --against, requests
    would differ; 2 when something cannot be read; else 0.
    """
    get_selected_workspace_name(workspace, preset)
    if workers and scheduler:
        raise click.UsageError("Give --workers or --scheduler, not both.")
    write = _create_report_writer(as_json=as_json, html=html, parquet=parquet)
    # Workers of a cluster may run in another folder.
    files = find_archive_files(map(_make_path_absolute, names) if scheduler else names)
    parts = list(split_files_into_parts(files))
    clocks = EvaluationClocks(utc_now().replace(microsecond=0), _parse_at_option(at))
    other = load_workspace_or_preset(against) if against else None
    job = DryRunInputs.from_workspaces(load_workspace(workspace, preset), other, clocks)
    checkpoint = (
        CheckpointFile(resume, compute_job_digest(job, parts), time.monotonic) if resume else None
    )
    ledger = (checkpoint and checkpoint.load_completed_parts()) or CompletedArchiveParts(clocks.now)
    # A resumed replay keeps the clock that it started with.
    job = replace(job, clocks=replace(clocks, now=ledger.now))
    counter = _create_part_runner(job, workers, scheduler)
    try:
        with _show_part_progress(parts) as on_done:
            run_dry_run(parts, counter, ledger, checkpoint, on_done)
    except KeyboardInterrupt:
        click.echo(
            f"emulator: {_describe_interruption(parts, ledger, is_saved=checkpoint is not None)}",
            err=True,
        )
        ctx.exit(INTERRUPTED_EXIT_CODE)
    document = build_replay_report(ledger, files, has_comparison=other is not None)
    write(document)
    ctx.exit(_get_replay_exit_code(document))


def _make_path_absolute(name: str) -> str:
    return name if "://" in name else os.path.abspath(name)


def _parse_at_option(at: str | None) -> datetime | None:
    if at is None:
        return None
    moment = parse_iso_time(at)
    if moment is None:
        what, remedy = f"{at!r} is not an ISO 8601 time", "Give one such as 2026-03-31T00:00:00Z."
        raise EmulatorError(what, "--at", remedy)
    return moment


def _create_part_runner(
    job: DryRunInputs, workers: int | None, scheduler: str | None
) -> PartRunner:
    if scheduler is None:
        return lambda parts: measure_parts_in_processes(job, parts, workers or os.cpu_count() or 1)
    try:
        from segment_insider_emulator.replay.dask_pool import measure_parts_on_cluster
    except ImportError:
        remedy = "Install the extra: pip install 'segment-insider-emulator[dask]'."
        raise EmulatorError("a cluster needs Dask", "--scheduler", remedy) from None
    return lambda parts: measure_parts_on_cluster(job, parts, scheduler)


@contextmanager
def _show_part_progress(parts: Sequence[ArchivePart]) -> Iterator[Callable[[ArchivePart], None]]:
    """Show a progress bar in a terminal while parts of the archive are processed."""
    if not sys.stderr.isatty():
        yield lambda part: None
        return
    length = sum(part.size for part in parts)
    with click.progressbar(length=length, label="replaying", file=sys.stderr) as bar:
        yield lambda part: bar.update(part.size)


def _describe_interruption(
    parts: Sequence[ArchivePart], ledger: CompletedArchiveParts, *, is_saved: bool
) -> str:
    """Describe how much of a replay was done before an interruption, and whether it is saved."""
    done = sum(part.size for part in parts if ledger.is_part_completed(part))
    if not done:
        return "stopped; nothing is saved yet"
    share = f"stopped at {done * 100 // sum(part.size for part in parts)} %"
    if is_saved:
        return f"{share}; run the same command to continue"
    return f"{share}; nothing is saved without --resume FILE"


def _create_report_writer(
    *, as_json: bool, html: Path | None, parquet: Path | None
) -> Callable[[JSONObject], None]:
    """Return a function that writes the replay report to all requested outputs.

    Problems with the outputs are reported now, not after hours of counting.
    """
    writers: list[Callable[[JSONObject], None]] = []
    for path in filter(None, (html, parquet)):
        if not path.parent.is_dir():
            raise EmulatorError("there is no such folder", str(path), "Create it, or name another.")
    if html:
        writers.append(lambda document: write_html_report(document, html))
    if parquet:
        require_pyarrow()
        writers.append(lambda document: write_parquet_report(document, parquet))
    writers.append(_print_report_json if as_json else _print_report_text)

    def write_report_outputs(document: JSONObject) -> None:
        for write_output in writers:
            write_output(document)

    return write_report_outputs


def _print_report_json(document: JSONObject) -> None:
    print_json(document, indent=True)


def _print_report_text(document: JSONObject) -> None:
    print_lines(format_text_report(document).split("\n"))


def _get_replay_exit_code(document: JSONObject) -> int:
    if document["unread"]:
        for row in document["unread"]:
            places = ", ".join(sample["at"] for sample in row["samples"])
            print_lines([f"emulator: {row['count']:,} x {row['what']}, at {places}"], err=True)
        return 2
    if not document["archive"]["events"]:
        error = EmulatorError("no event found", "FILE", "Name files that have one, a line each.")
        click.echo(f"emulator: {error}", err=True)
        return 2
    comparison = document["comparison"]
    return int(bool(list_loss_reasons(document)) or bool(comparison and comparison["differing"]))
