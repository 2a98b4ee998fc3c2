"""Dry run of an archive through a workspace: local processes, metrics and checkpoints."""

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Self, TypeAlias

import orjson

from segment_insider_emulator.clock import Stopwatch, format_iso_utc, parse_iso_time
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.json_text import InvalidEventLine, parse_event_line
from segment_insider_emulator.replay.archive import (
    MAX_LINE_BYTES,
    ArchivePart,
    DamagedArchiveFileError,
    read_archive_lines,
)
from segment_insider_emulator.replay.evaluator import (
    DeliveryResult,
    EvaluationClocks,
    EventEvaluator,
    EventReason,
    EventResult,
    compare_deliveries,
    shorten_text,
)
from segment_insider_emulator.replay.metrics import (
    MAX_SAMPLES,
    LinePosition,
    LineSample,
    ReplayMetrics,
    RowKey,
    RowTally,
    compute_order_value,
    format_event_sample,
    metrics_from_json,
    metrics_to_json,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace

UNREADABLE_LINE, UNREADABLE_FILE = "line", "file"  # kinds of what cannot be read
SAVE_INTERVAL_S = 5.0  # seconds
_PARTS_AHEAD_PER_PROCESS = 2  # parts submitted per process, so that no process waits
_CHECKPOINT_VERSION = 1
_CHECKPOINT_REMEDY = "Choose another file for --resume, or delete this one to start again."


@dataclass(frozen=True, slots=True)
class DryRunInputs:
    """Input of a dry run for its worker processes: pickled workspaces, and clocks.

    Args:
        pickled_workspaces: The pickled workspace, and the one to compare it with or None.
    """

    pickled_workspaces: bytes
    clocks: EvaluationClocks

    @classmethod
    def from_workspaces(
        cls, workspace: Workspace, comparison_workspace: Workspace | None, clocks: EvaluationClocks
    ) -> Self:
        """Pickle the workspace of a dry run and the one to compare it with, if any."""
        return cls(pickle.dumps((workspace, comparison_workspace)), clocks)


class ArchivePartResult(NamedTuple):
    """Result of the dry run of one archive part: the part and its metrics."""

    part: ArchivePart
    metrics: ReplayMetrics


def measure_archive_part(job: DryRunInputs, part: ArchivePart) -> ArchivePartResult:
    """Dry-run an archive part; return its metrics, including its unreadable lines."""
    counter = _ArchivePartCounter(*_load_evaluators(job), part)
    counter.count_lines_and_events()
    return ArchivePartResult(part, counter.metrics)


@lru_cache(maxsize=1)
def _load_evaluators(job: DryRunInputs) -> tuple[EventEvaluator, EventEvaluator | None]:
    workspace, against = pickle.loads(job.pickled_workspaces)
    return EventEvaluator(workspace, job.clocks), EventEvaluator(
        against, job.clocks
    ) if against else None


class _ArchivePartCounter:
    def __init__(
        self,
        evaluator: EventEvaluator,
        comparison_evaluator: EventEvaluator | None,
        part: ArchivePart,
    ) -> None:
        self._evaluator, self._comparison_evaluator, self._part = (
            evaluator,
            comparison_evaluator,
            part,
        )
        self.metrics = ReplayMetrics()
        self._tally_getters = {name: table.get_tally for name, table in self.metrics.tables.items()}

    def count_lines_and_events(self) -> None:
        figures = self.metrics
        try:
            for line in read_archive_lines(self._part):
                figures.lines += 1
                if line is None:
                    self._count_unreadable_input(
                        UNREADABLE_LINE, f"longer than {MAX_LINE_BYTES:,} bytes"
                    )
                    continue
                figures.bytes += len(line)
                try:
                    event = parse_event_line(line)
                except InvalidEventLine as fault:
                    self._count_unreadable_input(UNREADABLE_LINE, str(fault).partition(" (")[0])
                    continue
                if event is not None:
                    self._count_event(event, line)
        except DamagedArchiveFileError as damage:
            self._count_unreadable_input(UNREADABLE_FILE, str(damage))
        figures.drop_excess_rows()

    def _count_unreadable_input(self, kind: str, what: str) -> None:
        tally = self._tally_getters["unread"]((kind, shorten_text(what)))
        tally.count += 1
        self._add_line_sample(tally, {})

    def _count_event(self, event: JSONObject, line: bytes) -> None:
        self.metrics.events += 1
        chance = blake2b(line, digest_size=16).digest() if "messageId" not in event else bytes(16)
        result = self._evaluator.evaluate_call(event, line, chance)
        event_key = _get_event_row_key(event)
        self._tally_getters["verdicts"]((result.verdict,)).count += 1
        self._tally_getters["events"]((*event_key, result.verdict)).count += 1
        self._tally_getters["days"](
            (result.received_at.date().isoformat(), result.verdict)
        ).count += 1
        if result.reason:
            self._count_event_reason(event_key, "", result.reason, event)
        for note in result.warnings:
            self._count_event_reason(event_key, "", note, event)
        for delivery in result.deliveries:
            self._count_delivery(event_key, delivery, event)
        self.metrics.losing += result.has_loss
        if self._comparison_evaluator:
            other = self._comparison_evaluator.evaluate_call(event, line, chance)
            self._count_request_changes(event_key, result, other, event)

    def _count_delivery(
        self, event_key: RowKey, delivery: DeliveryResult, event: JSONObject
    ) -> None:
        row = (*event_key, delivery.subscription, delivery.action_slug, delivery.verdict)
        self._tally_getters["deliveries"](row).count += 1
        for name in delivery.stored_events:
            self._tally_getters["received"]((shorten_text(name),)).count += 1
        for reason in delivery.reasons:
            self._count_event_reason(
                event_key, delivery.subscription, reason, event, delivery.request_body
            )

    def _count_event_reason(
        self,
        event_key: RowKey,
        subscription: str,
        reason: EventReason,
        event: JSONObject,
        body: bytes | None = None,
    ) -> None:
        lost = "lost" if reason.lost else ""
        row = (
            *event_key,
            subscription,
            reason.verdict,
            lost,
            reason.where,
            reason.what,
            reason.remedy,
        )
        tally = self._tally_getters["reasons"](row)
        tally.count += 1
        if reason.lost and (value := compute_order_value(event)):
            currency, amount = value
            tally.order_value[currency] = tally.order_value.get(currency, 0) + amount
        self._add_line_sample(tally, event, users=body)

    def _count_request_changes(
        self, event_key: RowKey, before: EventResult, after: EventResult, event: JSONObject
    ) -> None:
        if before.verdict != after.verdict:
            self._tally_getters["turned"]((*event_key, before.verdict, after.verdict)).count += 1
        request_changes = compare_deliveries(before.deliveries, after.deliveries)
        self.metrics.differing += bool(request_changes)
        for subscription, field, kind in request_changes:
            tally = self._tally_getters["changes"](
                (*event_key, subscription, shorten_text(field), kind)
            )
            tally.count += 1
            bodies = (
                _find_request_body(before, subscription),
                _find_request_body(after, subscription),
            )
            self._add_line_sample(tally, event, before=bodies[0], after=bodies[1])

    def _add_line_sample(self, tally: RowTally, event: JSONObject, **bodies: bytes | None) -> None:
        # Lines come in order, so the first seen of a part are the first in it.
        if len(tally.samples) < MAX_SAMPLES:
            tally.samples.append(
                LineSample(self._get_current_line_position(), format_event_sample(event, **bodies))
            )

    def _get_current_line_position(self) -> LinePosition:
        return LinePosition(self._part.file_index, self._part.start, self.metrics.lines)


def _get_event_row_key(event: JSONObject) -> tuple[str, str]:
    """Return the type of a call and, for track calls, the event name."""
    kind, name = event.get("type"), event.get("event")
    is_named = kind == "track" and isinstance(name, str)
    return kind if isinstance(kind, str) else "", shorten_text(str(name)) if is_named else ""


def _find_request_body(result: EventResult, subscription: str) -> bytes | None:
    bodies: Iterator[bytes | None] = (
        delivery.request_body
        for delivery in result.deliveries
        if delivery.subscription == subscription
    )
    return next(bodies, None)


def measure_parts_in_processes(
    job: DryRunInputs, parts: Iterable[ArchivePart], workers: int
) -> Iterator[ArchivePartResult]:
    """Dry-run archive parts in local processes and yield their metrics as they finish.

    Args:
        workers: Processes; 1 counts in this one.
    Raises: EmulatorError, when a process dies.
    """
    if workers == 1:
        yield from (measure_archive_part(job, part) for part in parts)
        return
    earlier_children = set(multiprocessing.active_children())
    # A forked process would share locks and signals with a process that may have threads.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _ignore_keyboard_interrupts)
    try:
        yield from _measure_parts_with_pool(
            pool, job, iter(parts), workers * _PARTS_AHEAD_PER_PROCESS
        )
    except BrokenProcessPool:
        remedy = (
            "It may have run out of memory: use fewer --workers. "
            "--resume continues where it stopped."
        )
        raise EmulatorError("a worker process was killed", "", remedy) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in set(multiprocessing.active_children()) - earlier_children:
            child.terminate()


def _measure_parts_with_pool(
    pool: ProcessPoolExecutor, job: DryRunInputs, parts: Iterator[ArchivePart], max_pending: int
) -> Iterator[ArchivePartResult]:
    waiting: set[Future[ArchivePartResult]] = {
        pool.submit(measure_archive_part, job, part) for part in islice(parts, max_pending)
    }
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield future.result()
        waiting |= {
            pool.submit(measure_archive_part, job, part) for part in islice(parts, len(done))
        }


def _ignore_keyboard_interrupts() -> None:
    # Ctrl-C reaches the whole process group; the main process ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class CompletedArchiveParts:
    """Metrics of the completed archive parts of a dry run; each part counts once."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.metrics = ReplayMetrics()
        self._line_counts: dict[int, dict[int, int]] = {}  # file -> start of a part -> its lines

    def add_part_result(self, part_result: ArchivePartResult) -> None:
        """Add the dry-run result of an archive part unless it was added before."""
        if not self.is_part_completed(part_result.part):
            self._line_counts.setdefault(part_result.part.file_index, {})[
                part_result.part.start
            ] = part_result.metrics.lines
            self.metrics.add_metrics(part_result.metrics)

    def is_part_completed(self, part: ArchivePart) -> bool:
        """Return whether the dry run of an archive part is completed."""
        return part.start in self._line_counts.get(part.file_index, ())

    def compute_line_number_in_file(self, position: LinePosition) -> int:
        """Return a line's number in its archive file, once all earlier parts are completed."""
        parts = self._line_counts[position.file_index].items()
        return position.line_in_part + sum(
            lines for start, lines in parts if start < position.part_start
        )

    def to_json(self) -> JSONObject:
        """Return the completed archive parts as JSON for a checkpoint."""
        return {
            "now": format_iso_utc(self.now),
            "done": [[file, list(parts.items())] for file, parts in self._line_counts.items()],
            "figures": metrics_to_json(self.metrics),
        }

    @classmethod
    def from_json(cls, document: JSON) -> Self:
        """Build completed archive parts from the JSON of a checkpoint.

        Raises: LookupError, TypeError or ValueError.

        Raises: LookupError, TypeError or ValueError.
        """
        now = parse_iso_time(document["now"])
        if now is None:
            raise ValueError("no time")
        ledger = cls(now)
        ledger.metrics = metrics_from_json(document["figures"])
        ledger._line_counts = {file: dict(parts) for file, parts in document["done"]}
        return ledger


class CheckpointFile:
    """A dry run's checkpoint file with its completed parts, written every few seconds.

    Args:
        job_digest: Digest of the job, see `compute_job_digest`; a file of another job is refused.
    """

    def __init__(self, path: Path, job_digest: str, stopwatch: Stopwatch) -> None:
        self._path, self._job_digest, self._stopwatch = path, job_digest, stopwatch
        self._saved_at = stopwatch()

    def load_completed_parts(self) -> CompletedArchiveParts | None:
        """Load the completed archive parts from the checkpoint; None when the file does not exist.

        Raises: EmulatorError, when it cannot be read or is of other work.
        """
        try:
            written = orjson.loads(self._path.read_bytes())
            if (written["version"], written["work"]) != (_CHECKPOINT_VERSION, self._job_digest):
                what = "this checkpoint is of other files, another workspace or other options"
                raise EmulatorError(what, str(self._path), _CHECKPOINT_REMEDY)
            return CompletedArchiveParts.from_json(written)
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise EmulatorError(what, str(self._path), _CHECKPOINT_REMEDY) from None
        except (LookupError, TypeError, ValueError):
            raise EmulatorError(
                "not a checkpoint of --resume", str(self._path), _CHECKPOINT_REMEDY
            ) from None

    def save_completed_parts(
        self, completed: CompletedArchiveParts, *, force: bool = False
    ) -> None:
        """Write the checkpoint of a dry run, at most every few seconds unless *force* is set.

        Raises: EmulatorError, when it cannot be written.
        """
        now = self._stopwatch()
        if not force and now - self._saved_at < SAVE_INTERVAL_S:
            return
        self._saved_at = now
        written = {"version": _CHECKPOINT_VERSION, "work": self._job_digest, **completed.to_json()}
        temporary_path = self._path.with_name(f"{self._path.name}.part")
        try:
            temporary_path.write_bytes(orjson.dumps(written))
            os.replace(temporary_path, self._path)
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            raise EmulatorError(what, str(self._path), "Choose another file.") from None


def compute_job_digest(job: DryRunInputs, parts: Sequence[ArchivePart]) -> str:
    """Return a digest of all that determines the metrics of a dry run, except the current time."""
    insider = job.clocks.insider_now
    archive = [[part.name, part.start, part.size] for part in parts]
    digest = blake2b(orjson.dumps([archive, insider and format_iso_utc(insider)]), digest_size=16)
    digest.update(job.pickled_workspaces)
    return digest.hexdigest()


# Counts parts, on one machine or many, and gives them back as they are done.
PartRunner: TypeAlias = Callable[[Iterable[ArchivePart]], Iterator[ArchivePartResult]]


def run_dry_run(
    parts: Sequence[ArchivePart],
    run_parts: PartRunner,
    completed: CompletedArchiveParts,
    checkpoint: CheckpointFile | None,
    on_done: Callable[[ArchivePart], None],
) -> None:
    """Dry-run all archive parts that *completed* does not contain yet.

    Args:
        checkpoint: Where completed parts are saved, also when the run fails.
        on_done: Called with each completed part, first with those of an earlier run.
    """
    for part in parts:
        if completed.is_part_completed(part):
            on_done(part)
    missing = [part for part in parts if not completed.is_part_completed(part)]
    try:
        for part_result in run_parts(missing):
            completed.add_part_result(part_result)
            on_done(part_result.part)
            if checkpoint:
                checkpoint.save_completed_parts(completed)
    finally:
        if checkpoint:
            checkpoint.save_completed_parts(completed, force=True)
