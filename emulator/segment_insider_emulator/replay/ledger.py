"""The parts that are done, with their figures: in memory, and in a file to go on from."""

import os
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Self

import orjson

from segment_insider_emulator.clock import Stopwatch, iso
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import Part
from segment_insider_emulator.replay.counting import Counted, Job
from segment_insider_emulator.replay.figures import Figures, Place, from_json, to_json
from segment_insider_emulator.segment.times import parse
from segment_insider_emulator.types import JSON, JSONObject

SAVED_EVERY = 5.0  # seconds
_VERSION = 1
_OTHER = "Give another file to --resume, or delete this one to begin afresh."


class Ledger:
    """Figures of the parts that are done, each counted once."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.figures = Figures()
        self._lines: dict[int, dict[int, int]] = {}  # file -> start of a part -> its lines

    def add(self, counted: Counted) -> None:
        """Count a part, unless it was counted."""
        if not self.has(counted.part):
            self._lines.setdefault(counted.part.file, {})[counted.part.start] = (
                counted.figures.lines
            )
            self.figures.add(counted.figures)

    def has(self, part: Part) -> bool:
        """Whether *part* is done."""
        return part.start in self._lines.get(part.file, ())

    def line(self, place: Place) -> int:
        """The number of a line in its file, once all parts before it are done."""
        parts = self._lines[place.file].items()
        return place.line + sum(lines for start, lines in parts if start < place.start)

    def document(self) -> JSONObject:
        """What `read` makes a ledger of."""
        return {
            "now": iso(self.now),
            "done": [[file, list(parts.items())] for file, parts in self._lines.items()],
            "figures": to_json(self.figures),
        }

    @classmethod
    def read(cls, document: JSON) -> Self:
        """The ledger that `document` wrote. Raises: LookupError, TypeError or ValueError."""
        now = parse(document["now"])
        if now is None:
            raise ValueError("no time")
        ledger = cls(now)
        ledger.figures = from_json(document["figures"])
        ledger._lines = {file: dict(parts) for file, parts in document["done"]}
        return ledger


class Checkpoint:
    """A file with a ledger in it, written every few seconds.

    Args:
        work: What the ledger is of, see `work_of`; a file of other work is refused.
    """

    def __init__(self, path: Path, work: str, stopwatch: Stopwatch) -> None:
        self._path, self._work, self._stopwatch = path, work, stopwatch
        self._saved = stopwatch()

    def load(self) -> Ledger | None:
        """The ledger in the file; None when there is no file.

        Raises: EmulatorError, when it cannot be read or is of other work.
        """
        try:
            written = orjson.loads(self._path.read_bytes())
            if (written["version"], written["work"]) != (_VERSION, self._work):
                what = "this was begun with other files, another workspace or other options"
                raise EmulatorError(what, str(self._path), _OTHER)
            return Ledger.read(written)
        except FileNotFoundError:
            return None
        except OSError as error:
            what = f"cannot be read ({error.strerror})"
            raise EmulatorError(what, str(self._path), _OTHER) from None
        except (LookupError, TypeError, ValueError):
            raise EmulatorError("not a file of --resume", str(self._path), _OTHER) from None

    def save(self, ledger: Ledger, *, at_once: bool = False) -> None:
        """Write *ledger* unless that was done a moment ago.

        Raises: EmulatorError, when it cannot be written.
        """
        now = self._stopwatch()
        if not at_once and now - self._saved < SAVED_EVERY:
            return
        self._saved = now
        written = {"version": _VERSION, "work": self._work, **ledger.document()}
        beside = self._path.with_name(f"{self._path.name}.part")
        try:
            beside.write_bytes(orjson.dumps(written))
            os.replace(beside, self._path)
        except OSError as error:
            what = f"cannot be written ({error.strerror})"
            raise EmulatorError(what, str(self._path), "Name a file that can be.") from None


def work_of(job: Job, parts: Sequence[Part]) -> str:
    """A digest of all that decides what the figures will be, but for the time of the dry run."""
    insider = job.clocks.insider
    archive = [[part.name, part.start, part.size] for part in parts]
    digest = blake2b(orjson.dumps([archive, insider and iso(insider)]), digest_size=16)
    digest.update(job.workspaces)
    return digest.hexdigest()
