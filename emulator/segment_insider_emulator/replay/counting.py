"""One part of an archive, tried line by line and counted."""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, Self

from segment_insider_emulator.lines import BadLine, event_of
from segment_insider_emulator.replay.archive import Part
from segment_insider_emulator.replay.comparing import changes
from segment_insider_emulator.replay.figures import SAMPLES, Figures, Place, Row, Sample, Tally
from segment_insider_emulator.replay.orders import worth
from segment_insider_emulator.replay.reading import LONGEST, Damaged, lines
from segment_insider_emulator.replay.reasons import Reason, clipped
from segment_insider_emulator.replay.samples import sample
from segment_insider_emulator.replay.trial import Clocks, Delivered, Trial, Tried
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace

LINE, FILE = "line", "file"  # kinds of what cannot be read


@dataclass(frozen=True, slots=True)
class Job:
    """What all parts are tried with. It goes to other processes as bytes, which are small.

    Args:
        workspaces: The pickled workspace, and the one to compare it with or None.
    """

    workspaces: bytes
    clocks: Clocks

    @classmethod
    def of(cls, workspace: Workspace, against: Workspace | None, clocks: Clocks) -> Self:
        return cls(pickle.dumps((workspace, against)), clocks)


class Counted(NamedTuple):
    """A part and its figures."""

    part: Part
    figures: Figures


def count(job: Job, part: Part) -> Counted:
    """The figures of *part*. What cannot be read of it is counted too."""
    counter = _Counter(*_trials(job), part)
    counter.run()
    return Counted(part, counter.figures)


@lru_cache(maxsize=1)
def _trials(job: Job) -> tuple[Trial, Trial | None]:
    workspace, against = pickle.loads(job.workspaces)
    return Trial(workspace, job.clocks), Trial(against, job.clocks) if against else None


class _Counter:
    def __init__(self, trial: Trial, against: Trial | None, part: Part) -> None:
        self._trial, self._against, self._part = trial, against, part
        self.figures = Figures()
        self._at = {name: table.at for name, table in self.figures.tables.items()}

    def run(self) -> None:
        figures = self.figures
        try:
            for line in lines(self._part):
                figures.lines += 1
                if line is None:
                    self._unread(LINE, f"longer than {LONGEST:,} bytes")
                    continue
                figures.bytes += len(line)
                try:
                    event = event_of(line)
                except BadLine as fault:
                    self._unread(LINE, str(fault).partition(" (")[0])
                    continue
                if event is not None:
                    self._event(event, line)
        except Damaged as damage:
            self._unread(FILE, str(damage))
        figures.settle()

    def _unread(self, kind: str, what: str) -> None:
        tally = self._at["unread"]((kind, clipped(what)))
        tally.count += 1
        self._sample(tally, {})

    def _event(self, event: JSONObject, line: bytes) -> None:
        self.figures.events += 1
        chance = blake2b(line, digest_size=16).digest() if "messageId" not in event else bytes(16)
        tried = self._trial.run(event, len(line), chance)
        called = _called(event)
        self._at["verdicts"]((tried.verdict,)).count += 1
        self._at["events"]((*called, tried.verdict)).count += 1
        self._at["days"]((tried.received_at.date().isoformat(), tried.verdict)).count += 1
        if tried.reason:
            self._reason(called, "", tried.reason, event)
        for note in tried.notes:
            self._reason(called, "", note, event)
        for each in tried.deliveries:
            self._delivery(called, each, event)
        self.figures.losing += tried.loses
        if self._against:
            other = self._against.run(event, len(line), chance)
            self._compare(called, tried, other, event)

    def _delivery(self, called: Row, each: Delivered, event: JSONObject) -> None:
        row = (*called, each.subscription, each.action_slug, each.verdict)
        self._at["deliveries"](row).count += 1
        for name in each.received:
            self._at["received"]((clipped(name),)).count += 1
        for reason in each.reasons:
            self._reason(called, each.subscription, reason, event, each.body)

    def _reason(
        self,
        called: Row,
        subscription: str,
        why: Reason,
        event: JSONObject,
        body: bytes | None = None,
    ) -> None:
        lost = "lost" if why.lost else ""
        row = (*called, subscription, why.verdict, lost, why.where, why.what, why.remedy)
        tally = self._at["reasons"](row)
        tally.count += 1
        if why.lost and (value := worth(event)):
            currency, amount = value
            tally.value[currency] = tally.value.get(currency, 0) + amount
        self._sample(tally, event, users=body)

    def _compare(self, called: Row, before: Tried, after: Tried, event: JSONObject) -> None:
        if before.verdict != after.verdict:
            self._at["turned"]((*called, before.verdict, after.verdict)).count += 1
        found = changes(before.deliveries, after.deliveries)
        self.figures.differing += bool(found)
        for subscription, field, kind in found:
            tally = self._at["changes"]((*called, subscription, clipped(field), kind))
            tally.count += 1
            bodies = (_body(before, subscription), _body(after, subscription))
            self._sample(tally, event, before=bodies[0], after=bodies[1])

    def _sample(self, tally: Tally, event: JSONObject, **bodies: bytes | None) -> None:
        # Lines come in order, so the first seen of a part are the first in it.
        if len(tally.samples) < SAMPLES:
            tally.samples.append(Sample(self._place(), sample(event, **bodies)))

    def _place(self) -> Place:
        return Place(self._part.file, self._part.start, self.figures.lines)


def _called(event: JSONObject) -> tuple[str, str]:
    """Type of the call and, of a track call, its name, as they are counted."""
    kind, name = event.get("type"), event.get("event")
    named = kind == "track" and isinstance(name, str)
    return kind if isinstance(kind, str) else "", clipped(str(name)) if named else ""


def _body(tried: Tried, subscription: str) -> bytes | None:
    found: Iterator[bytes | None] = (
        each.body for each in tried.deliveries if each.subscription == subscription
    )
    return next(found, None)
