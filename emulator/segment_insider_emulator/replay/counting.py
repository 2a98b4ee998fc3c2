"""One part of an archive, tried line by line and counted."""

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple, Self

from segment_insider_emulator.lines import InvalidLine, parse_event_line
from segment_insider_emulator.replay.archive import ArchivePart
from segment_insider_emulator.replay.comparing import compare_deliveries
from segment_insider_emulator.replay.figures import (
    MAX_SAMPLES,
    LinePosition,
    LineSample,
    ReplayMetrics,
    RowKey,
    RowTally,
)
from segment_insider_emulator.replay.orders import order_value
from segment_insider_emulator.replay.reading import MAX_LINE_BYTES, DamagedFile, read_lines
from segment_insider_emulator.replay.reasons import EventReason, shorten_text
from segment_insider_emulator.replay.samples import format_sample
from segment_insider_emulator.replay.trial import (
    DeliveryResult,
    EvaluationClocks,
    EventEvaluator,
    EventResult,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace import Workspace

UNREADABLE_LINE, UNREADABLE_FILE = "line", "file"  # kinds of what cannot be read


@dataclass(frozen=True, slots=True)
class DryRunJob:
    """What all parts are tried with. It goes to other processes as bytes, which are small.

    Args:
        workspaces: The pickled workspace, and the one to compare it with or None.
    """

    pickled_workspaces: bytes
    clocks: EvaluationClocks

    @classmethod
    def from_workspaces(
        cls, workspace: Workspace, comparison_workspace: Workspace | None, clocks: EvaluationClocks
    ) -> Self:
        return cls(pickle.dumps((workspace, comparison_workspace)), clocks)


class PartResult(NamedTuple):
    """A part and its figures."""

    part: ArchivePart
    metrics: ReplayMetrics


def measure_part(job: DryRunJob, part: ArchivePart) -> PartResult:
    """The figures of *part*. What cannot be read of it is counted too."""
    counter = _PartCounter(*_load_evaluators(job), part)
    counter.count_lines()
    return PartResult(part, counter.metrics)


@lru_cache(maxsize=1)
def _load_evaluators(job: DryRunJob) -> tuple[EventEvaluator, EventEvaluator | None]:
    workspace, against = pickle.loads(job.pickled_workspaces)
    return EventEvaluator(workspace, job.clocks), EventEvaluator(
        against, job.clocks
    ) if against else None


class _PartCounter:
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

    def count_lines(self) -> None:
        figures = self.metrics
        try:
            for line in read_lines(self._part):
                figures.lines += 1
                if line is None:
                    self._count_unreadable(UNREADABLE_LINE, f"longer than {MAX_LINE_BYTES:,} bytes")
                    continue
                figures.bytes += len(line)
                try:
                    event = parse_event_line(line)
                except InvalidLine as fault:
                    self._count_unreadable(UNREADABLE_LINE, str(fault).partition(" (")[0])
                    continue
                if event is not None:
                    self._count_event(event, line)
        except DamagedFile as damage:
            self._count_unreadable(UNREADABLE_FILE, str(damage))
        figures.drop_excess_rows()

    def _count_unreadable(self, kind: str, what: str) -> None:
        tally = self._tally_getters["unread"]((kind, shorten_text(what)))
        tally.count += 1
        self._add_sample(tally, {})

    def _count_event(self, event: JSONObject, line: bytes) -> None:
        self.metrics.events += 1
        chance = blake2b(line, digest_size=16).digest() if "messageId" not in event else bytes(16)
        result = self._evaluator.evaluate(event, len(line), chance)
        event_key = _event_key(event)
        self._tally_getters["verdicts"]((result.verdict,)).count += 1
        self._tally_getters["events"]((*event_key, result.verdict)).count += 1
        self._tally_getters["days"](
            (result.received_at.date().isoformat(), result.verdict)
        ).count += 1
        if result.reason:
            self._count_reason(event_key, "", result.reason, event)
        for note in result.warnings:
            self._count_reason(event_key, "", note, event)
        for delivery in result.deliveries:
            self._count_delivery(event_key, delivery, event)
        self.metrics.losing += result.has_loss
        if self._comparison_evaluator:
            other = self._comparison_evaluator.evaluate(event, len(line), chance)
            self._count_changes(event_key, result, other, event)

    def _count_delivery(
        self, event_key: RowKey, delivery: DeliveryResult, event: JSONObject
    ) -> None:
        row = (*event_key, delivery.subscription, delivery.action_slug, delivery.verdict)
        self._tally_getters["deliveries"](row).count += 1
        for name in delivery.stored_events:
            self._tally_getters["received"]((shorten_text(name),)).count += 1
        for reason in delivery.reasons:
            self._count_reason(
                event_key, delivery.subscription, reason, event, delivery.request_body
            )

    def _count_reason(
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
        if reason.lost and (value := order_value(event)):
            currency, amount = value
            tally.order_value[currency] = tally.order_value.get(currency, 0) + amount
        self._add_sample(tally, event, users=body)

    def _count_changes(
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
            bodies = (_request_body(before, subscription), _request_body(after, subscription))
            self._add_sample(tally, event, before=bodies[0], after=bodies[1])

    def _add_sample(self, tally: RowTally, event: JSONObject, **bodies: bytes | None) -> None:
        # Lines come in order, so the first seen of a part are the first in it.
        if len(tally.samples) < MAX_SAMPLES:
            tally.samples.append(LineSample(self._line_position(), format_sample(event, **bodies)))

    def _line_position(self) -> LinePosition:
        return LinePosition(self._part.file_index, self._part.start, self.metrics.lines)


def _event_key(event: JSONObject) -> tuple[str, str]:
    """Type of the call and, of a track call, its name, as they are counted."""
    kind, name = event.get("type"), event.get("event")
    named = kind == "track" and isinstance(name, str)
    return kind if isinstance(kind, str) else "", shorten_text(str(name)) if named else ""


def _request_body(result: EventResult, subscription: str) -> bytes | None:
    bodies: Iterator[bytes | None] = (
        each.request_body for each in result.deliveries if each.subscription == subscription
    )
    return next(bodies, None)
