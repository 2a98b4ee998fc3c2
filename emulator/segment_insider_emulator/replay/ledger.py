"""The parts that are done, with their figures: in memory, and in a file to go on from."""

import os
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Self

import orjson

from segment_insider_emulator.clock import Stopwatch, format_iso_utc
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import ArchivePart
from segment_insider_emulator.replay.counting import DryRunJob, PartResult
from segment_insider_emulator.replay.figures import (
    LinePosition,
    ReplayMetrics,
    metrics_from_json,
    metrics_to_json,
)
from segment_insider_emulator.segment.times import parse_iso_time
from segment_insider_emulator.types import JSON, JSONObject

SAVE_INTERVAL_S = 5.0  # seconds
_CHECKPOINT_VERSION = 1
_CHECKPOINT_REMEDY = "Give another file to --resume, or delete this one to begin afresh."


class CompletedParts:
    """Figures of the parts that are done, each counted once."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.metrics = ReplayMetrics()
        self._line_counts: dict[int, dict[int, int]] = {}  # file -> start of a part -> its lines

    def add(self, counted: PartResult) -> None:
        """Count a part, unless it was counted."""
        if not self.is_done(counted.part):
            self._line_counts.setdefault(counted.part.file_index, {})[counted.part.start] = (
                counted.metrics.lines
            )
            self.metrics.add(counted.metrics)

    def is_done(self, part: ArchivePart) -> bool:
        """Whether *part* is done."""
        return part.start in self._line_counts.get(part.file_index, ())

    def line_number(self, position: LinePosition) -> int:
        """The number of a line in its file, once all parts before it are done."""
        parts = self._line_counts[position.file_index].items()
        return position.line_in_part + sum(
            lines for start, lines in parts if start < position.part_start
        )

    def to_json(self) -> JSONObject:
        """What `read` makes a ledger of."""
        return {
            "now": format_iso_utc(self.now),
            "done": [[file, list(parts.items())] for file, parts in self._line_counts.items()],
            "figures": metrics_to_json(self.metrics),
        }

    @classmethod
    def from_json(cls, document: JSON) -> Self:
        """The ledger that `document` wrote. Raises: LookupError, TypeError or ValueError."""
        now = parse_iso_time(document["now"])
        if now is None:
            raise ValueError("no time")
        ledger = cls(now)
        ledger.metrics = metrics_from_json(document["figures"])
        ledger._line_counts = {file: dict(parts) for file, parts in document["done"]}
        return ledger


class CheckpointFile:
    """A file with a ledger in it, written every few seconds.

    Args:
        work: What the ledger is of, see `work_of`; a file of other work is refused.
    """

    def __init__(self, path: Path, job_digest: str, stopwatch: Stopwatch) -> None:
        self._path, self._job_digest, self._stopwatch = path, job_digest, stopwatch
        self._saved_at = stopwatch()

    def load(self) -> CompletedParts | None:
        """The ledger in the file; None when there is no file.

        Raises: EmulatorError, when it cannot be read or is of other work.
        """
        try:
            written = orjson.loads(self._path.read_bytes())
            if (written["version"], written["work"]) != (_CHECKPOINT_VERSION, self._job_digest):
                what = "this was begun with other files, another workspace or other options"
                raise EmulatorError(what, str(self._path), _CHECKPOINT_REMEDY)
            return CompletedParts.from_json(written)
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise EmulatorError(what, str(self._path), _CHECKPOINT_REMEDY) from None
        except (LookupError, TypeError, ValueError):
            raise EmulatorError(
                "not a file of --resume", str(self._path), _CHECKPOINT_REMEDY
            ) from None

    def save(self, completed: CompletedParts, *, force: bool = False) -> None:
        """Write *ledger* unless that was done a moment ago.

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
            raise EmulatorError(what, str(self._path), "Name a file that can be.") from None


def job_digest(job: DryRunJob, parts: Sequence[ArchivePart]) -> str:
    """A digest of all that decides what the figures will be, but for the time of the dry run."""
    insider = job.clocks.insider_now
    archive = [[part.name, part.start, part.size] for part in parts]
    digest = blake2b(orjson.dumps([archive, insider and format_iso_utc(insider)]), digest_size=16)
    digest.update(job.pickled_workspaces)
    return digest.hexdigest()
