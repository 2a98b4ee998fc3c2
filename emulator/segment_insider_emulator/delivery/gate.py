"""Everything that may stop or change an event before a destination's triggers see it.

In Segment's order: the source's schema and tracking plan; then, for the destination, whether it is
enabled, the event's integrations object, the type of the event, and the destination filters.
Source: assembled from Segment's pages; the place of the integrations object is assumed.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import TypeAlias

from segment_insider_emulator.capture.records import Verdict
from segment_insider_emulator.delivery import integrations, unsupported
from segment_insider_emulator.segment.filtering.destination_filters import apply, compile_filters
from segment_insider_emulator.segment.filtering.passage import DESTINATION, Passage, Stop
from segment_insider_emulator.segment.filtering.plans.controls import read_controls
from segment_insider_emulator.segment.filtering.plans.enforcement import Protocols
from segment_insider_emulator.segment.filtering.plans.plan import Plan
from segment_insider_emulator.segment.filtering.source_schema import screen
from segment_insider_emulator.segment.options import SegmentOptions
from segment_insider_emulator.types import JSONObject

Stage: TypeAlias = Callable[[JSONObject], Passage]

DEFAULTS = SegmentOptions()
OFF = Stop(
    DESTINATION,
    "disabled",
    "the destination is turned off: open the Enable Destination toggle in its settings",
)


@dataclass(frozen=True, slots=True)
class Gate:
    """The stages on either side of the question whether the destination is enabled.

    Args:
        planned: The event names in the tracking plan.
    """

    source: tuple[Stage, ...] = ()
    destination: tuple[Stage, ...] = (integrations.admit,)
    planned: frozenset[str] = frozenset()

    def admit(self, event: JSONObject, *, enabled: bool) -> Passage:
        """Lead *event* through the stages until one stops it; *event* itself stays as it is."""
        passage = Passage(event)
        for stage in self._stages(enabled):
            passage = passage.then(stage(passage.event))
            if passage.stop:
                break
        return passage

    def _stages(self, enabled: bool) -> Iterator[Stage]:
        yield from self.source
        if not enabled:
            yield lambda event: Passage(event, OFF)
        yield from self.destination


def compile_gate(
    source: JSONObject,
    destination: JSONObject,
    plan: Plan | None = None,
    seed: str = "",
    options: SegmentOptions = DEFAULTS,
) -> Gate:
    """The gate of a workspace.

    Args:
        source: With "schema" and "settings", where it has any.
        destination: With "filters", where it has any.
        seed: Decides who is in the samples that filters take.
    """
    before: list[Stage] = []
    if source.get("schema"):
        before.append(partial(screen, source["schema"]))
    if plan is not None:
        controls = read_controls(source.get("settings", {}))
        before.append(Protocols(plan, controls, source.get("id")).enforce)
    filters = compile_filters(destination.get("filters", []))
    after: list[Stage] = [integrations.admit]
    if options.screen_calls == "filter":
        after.append(unsupported.admit)
    if filters:
        after.append(partial(apply, filters, seed=seed))
    names = {rule.key for rule in plan.rules if rule.kind == "TRACK"} if plan else ()
    return Gate(tuple(before), tuple(after), frozenset(names))


def verdict(stop: Stop) -> tuple[Verdict, str]:
    """The verdict of a message that was stopped, and the reason in words."""
    return ("disabled", stop.detail) if stop is OFF else ("filtered", str(stop))


def told(passage: Passage) -> JSONObject:
    """What is kept next to a message: {"violations", "filtered_by", "omitted", "hints"}."""
    filtered = passage.stop if passage.stop is not OFF else None
    return {
        "violations": [
            {
                "rule": each.rule,
                "type": each.type,
                "field": each.field,
                "value": each.value,
                "description": each.description,
            }
            for each in passage.violations
        ],
        "filtered_by": filtered and asdict(filtered),
        "omitted": [{"field": each.field, "by": each.by} for each in passage.omitted],
        "hints": list(passage.hints),
    }
