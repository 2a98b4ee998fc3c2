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
from segment_insider_emulator.segment.filtering.destination_filters import (
    apply_filters,
    compile_filters,
)
from segment_insider_emulator.segment.filtering.passage import (
    DESTINATION_STEP,
    FilterResult,
    Rejection,
)
from segment_insider_emulator.segment.filtering.plans.controls import parse_controls
from segment_insider_emulator.segment.filtering.plans.enforcement import PlanEnforcer
from segment_insider_emulator.segment.filtering.plans.plan import TrackingPlan
from segment_insider_emulator.segment.filtering.source_schema import apply_source_schema
from segment_insider_emulator.segment.options import SegmentOptions
from segment_insider_emulator.types import JSONObject

FilterStage: TypeAlias = Callable[[JSONObject], FilterResult]

DEFAULT_SEGMENT_OPTIONS = SegmentOptions()
DESTINATION_DISABLED = Rejection(
    DESTINATION_STEP,
    "disabled",
    "the destination is turned off: open the Enable Destination toggle in its settings",
)


@dataclass(frozen=True, slots=True)
class FilterChain:
    """The stages on either side of the question whether the destination is enabled.

    Args:
        planned: The event names in the tracking plan.
    """

    source_stages: tuple[FilterStage, ...] = ()
    destination_stages: tuple[FilterStage, ...] = (integrations.filter_by_integrations,)
    tracking_plan_events: frozenset[str] = frozenset()

    def filter_event(self, event: JSONObject, *, enabled: bool) -> FilterResult:
        """Lead *event* through the stages until one stops it; *event* itself stays as it is."""
        result = FilterResult(event)
        for stage in self._stages(enabled):
            result = result.merge(stage(result.event))
            if result.rejection:
                break
        return result

    def _stages(self, enabled: bool) -> Iterator[FilterStage]:
        yield from self.source_stages
        if not enabled:
            yield lambda event: FilterResult(event, DESTINATION_DISABLED)
        yield from self.destination_stages


def compile_filter_chain(
    source: JSONObject,
    destination: JSONObject,
    tracking_plan: TrackingPlan | None = None,
    sample_seed: str = "",
    options: SegmentOptions = DEFAULT_SEGMENT_OPTIONS,
) -> FilterChain:
    """The gate of a workspace.

    Args:
        source: With "schema" and "settings", where it has any.
        destination: With "filters", where it has any.
        seed: Decides who is in the samples that filters take.
    """
    before: list[FilterStage] = []
    if source.get("schema"):
        before.append(partial(apply_source_schema, source["schema"]))
    if tracking_plan is not None:
        controls = parse_controls(source.get("settings", {}))
        before.append(PlanEnforcer(tracking_plan, controls, source.get("id")).enforce)
    filters = compile_filters(destination.get("filters", []))
    after: list[FilterStage] = [integrations.filter_by_integrations]
    if options.screen_calls == "filter":
        after.append(unsupported.filter_unsupported_type)
    if filters:
        after.append(partial(apply_filters, filters, seed=sample_seed))
    names = (
        {rule.key for rule in tracking_plan.rules if rule.kind == "TRACK"} if tracking_plan else ()
    )
    return FilterChain(tuple(before), tuple(after), frozenset(names))


def verdict_for_rejection(rejection: Rejection) -> tuple[Verdict, str]:
    """The verdict of a message that was stopped, and the reason in words."""
    return (
        ("disabled", rejection.detail)
        if rejection is DESTINATION_DISABLED
        else ("filtered", str(rejection))
    )


def filter_report(result: FilterResult) -> JSONObject:
    """What is kept next to a message: {"violations", "filtered_by", "omitted", "hints"}."""
    filtered = result.rejection if result.rejection is not DESTINATION_DISABLED else None
    return {
        "violations": [
            {
                "rule": each.rule,
                "type": each.type,
                "field": each.field,
                "value": each.value,
                "description": each.description,
            }
            for each in result.violations
        ],
        "filtered_by": filtered and asdict(filtered),
        "omitted": [{"field": each.field, "by": each.by} for each in result.omitted],
        "hints": list(result.hints),
    }
