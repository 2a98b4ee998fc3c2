"""Filters between a source and a destination's subscriptions, and warnings about event names.

In Segment's order: the source's schema, tracking plan and transformations; then, for the
destination, whether it is enabled, the person's consent, the event's integrations object, the type
of the event, the destination filters, its insert functions if a trigger matches, and its
transformations. A stage may reject an event or change it.
Source: assembled from Segment's pages; the place of the integrations object is assumed.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from segment_insider_emulator.filtering.event_filters import (
    apply_destination_filters,
    apply_source_schema,
    compile_destination_filters,
)
from segment_insider_emulator.filtering.plan_enforcement import (
    PlanEnforcer,
    parse_violation_controls,
)
from segment_insider_emulator.filtering.result import (
    DESTINATION_STEP,
    FAILED_STEP,
    RETRY_STEP,
    SOURCE_STEP,
    FilterResult,
    FilterStep,
    Rejection,
)
from segment_insider_emulator.filtering.tracking_plan import TrackingPlan
from segment_insider_emulator.filtering.transformations import (
    apply_transformations,
    compile_transformations,
)
from segment_insider_emulator.functions.segment_function import (
    FunctionKind,
    SegmentFunction,
    create_function_runner,
    list_event_changes,
)
from segment_insider_emulator.mapping import Destination
from segment_insider_emulator.mapping.segment_spec import SPEC_EVENT_NAMES
from segment_insider_emulator.mapping.triggers import EmptyGroupError, list_event_names
from segment_insider_emulator.segment.normalise import SenderWarning
from segment_insider_emulator.similar_names import find_similar_name
from segment_insider_emulator.storage.records import Verdict
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.model import (
    ScopedTransformations,
    SegmentOptions,
    Workspace,
    select_transformations,
)

if TYPE_CHECKING:  # few workspaces have functions
    from segment_insider_emulator.functions.runner import FunctionRun, FunctionRunner

# The name in Segment's catalogue; a workspace may use another name for its instance.
CATALOG_NAME = "Insider Cloud Mode (Actions)"
ALL_INTEGRATIONS = "All"
# Segment itself: browsers write it into every event.
SEGMENT_INTEGRATION = "Segment.io"
INTEGRATIONS_OBJECT_CODE = "FILTERED_BY_INTEGRATIONS_OBJECT"
UNSUPPORTED_TYPE_CODE = "UNSUPPORTED_EVENT_TYPE"
CONSENT_CODE = "FILTERED_BY_END_USER_CONSENT"
# Segment sends it whatever people refuse: destinations learn from it what they refuse.
CONSENT_UPDATE_EVENT = "Segment Consent Preference Updated"
SCREEN_NOT_LISTED = "Segment's catalogue lists no Screen for this destination"
FilterStage: TypeAlias = Callable[[JSONObject], FilterResult]
DEFAULT_SEGMENT_OPTIONS = SegmentOptions()
NO_TRANSFORMATIONS = ScopedTransformations()
DESTINATION_DISABLED = Rejection(
    DESTINATION_STEP,
    "disabled",
    "the destination is turned off: turn on Enable Destination in its settings",
)
NO_PREFERENCES_HINT = (
    "context.consent has no categoryPreferences, so it says nothing: write the answers below that "
    'key, such as {"categoryPreferences": {"Advertising": true}}.'
)
_MAX_LISTED_CATEGORIES = 5
MAX_LISTED_CHANGES = 200  # of one event: a list of allowed properties may remove thousands
_VERDICTS: dict[FilterStep, Verdict] = {FAILED_STEP: "failed", RETRY_STEP: "retrying"}
_NEAR_MISS_CACHE_SIZE = 1024
_ANY_EVENT_ACTION = "trackEvent"  # the action that records every event under its own name


def filter_by_consent(categories: tuple[str, ...], event: JSONObject) -> FilterResult:
    """Reject *event* when its consent object does not allow all consent *categories*.

    Args:
        categories: The ids of the destination's consent categories.

    Source: Segment, "Consent in Segment Connections": consent is looked at before integrations;
        every category must be true; an event without the object passes; an object without entries
        passes, but not with an integrations object. (documented) Only `true` is consent, and an
        object without categoryPreferences has no entries. (assumed)
    """
    context = event.get("context")
    consent = context.get("consent") if isinstance(context, dict) else None
    if not isinstance(consent, dict) or event.get("event") == CONSENT_UPDATE_EVENT:
        return FilterResult(event)
    preferences = consent.get("categoryPreferences")
    if preferences is None:
        hints = (NO_PREFERENCES_HINT,) if consent else ()
        if not event.get("integrations"):
            return FilterResult(event, hints=hints)
        detail = "context.consent has no categoryPreferences and the event names integrations"
        return FilterResult(
            event, _reject_for_consent(f"{detail}, so it counts as refused"), hints=hints
        )
    given = preferences if isinstance(preferences, dict) else {}
    missing = [category for category in categories if given.get(category) is not True]
    if not missing:
        return FilterResult(event)
    reasons = " and ".join(
        _describe_missing_consent(category, given) for category in missing[:_MAX_LISTED_CATEGORIES]
    )
    return FilterResult(event, _reject_for_consent(f"context.consent {reasons}"))


def _reject_for_consent(reason: str) -> Rejection:
    return Rejection(DESTINATION_STEP, CONSENT_CODE, reason)


def _describe_missing_consent(category: str, preferences: JSONObject) -> str:
    """Say why there is no consent to a category of the destination."""
    if category not in preferences:
        return f"does not name {category!r}, which counts as refused"
    if preferences[category] is False:
        return f"refuses {category!r}"
    return f"has neither true nor false for {category!r}, which counts as refused"


def filter_by_integrations(event: JSONObject) -> FilterResult:
    """Reject *event* when its integrations object switches the Insider destination off.

    Source: Segment, "Filtering with the Integrations object". Letter case counts; an entry for this
        destination outweighs `All`; options instead of true count as on. (documented) `null` counts
        as absent: the Python SDK sends it for integrations that are not set. (assumed)
    """
    integrations = event.get("integrations")
    if not isinstance(integrations, dict):
        return FilterResult(event)
    hints = tuple(_list_unknown_integration_hints(integrations))
    if not is_destination_switched_off(integrations):
        return FilterResult(event, hints=hints)
    by = CATALOG_NAME if integrations.get(CATALOG_NAME) is False else ALL_INTEGRATIONS
    detail = (
        f"the event's integrations object has {by!r}: false, which switches the destination off"
    )
    return FilterResult(
        event, Rejection(DESTINATION_STEP, INTEGRATIONS_OBJECT_CODE, detail), hints=hints
    )


def is_destination_switched_off(integrations: JSON) -> bool:
    """Return whether an event's integrations object switches the Insider destination off."""
    if not isinstance(integrations, dict):
        return False
    for name in (CATALOG_NAME, ALL_INTEGRATIONS):
        if integrations.get(name) is not None:
            return integrations[name] is False
    return False


def _list_unknown_integration_hints(integrations: JSONObject) -> list[str]:
    """List delivery hints about names in an event's integrations object that are unknown."""
    return [
        _describe_unknown_integration(name)
        for name in integrations
        if name not in (CATALOG_NAME, ALL_INTEGRATIONS, SEGMENT_INTEGRATION)
    ]


def _describe_unknown_integration(name: str) -> str:
    folded = name.casefold()
    for known in (ALL_INTEGRATIONS, SEGMENT_INTEGRATION):
        if folded == known.casefold():
            return f"integrations names {name!r}, which has no effect: write {known!r}."
    if "insider" in folded and folded != "insider audiences":
        return f"integrations names {name!r}, which is not a destination: write {CATALOG_NAME!r}."
    # Segment files a name that it does not know under UNKNOWN_INTEGRATION; here, a workspace has
    # one destination, and the names of the others are not known to be wrong.
    return f"integrations names {name!r}, which is another destination: it has no effect here."


def filter_unsupported_type(event: JSONObject) -> FilterResult:
    """Reject *event* when the Insider destination does not support its type.

    Source: Segment, catalogue page of "Insider Cloud Mode (Actions)", June 2026: Page, Alias,
        Group, Identify and Track. Segment publishes nothing about a screen call that a mapping
        matches, so the workspace decides, see SegmentOptions.
    """
    if event.get("type") != "screen":
        return FilterResult(event)
    return FilterResult(
        event, Rejection(DESTINATION_STEP, UNSUPPORTED_TYPE_CODE, SCREEN_NOT_LISTED)
    )


def warn_unsupported_type(event: JSONObject) -> SenderWarning | None:
    """Return a warning if the Insider destination does not support the event's type, else None."""
    if event.get("type") != "screen":
        return None
    return SenderWarning(
        "type", f"{SCREEN_NOT_LISTED}: send a page or track call instead.", SCREEN_NOT_LISTED
    )


def _reject_for_disabled_destination(event: JSONObject) -> FilterResult:
    return FilterResult(event, DESTINATION_DISABLED)


@dataclass(frozen=True, slots=True)
class FilterChain:
    """The stages of a source and its destination before the mappings, in Segment's order.

    Args:
        function_stages: Run only for events that a trigger matches.
        final_stages: Run after the functions.
        tracking_plan_events: The event names in the tracking plan.
    """

    source_stages: tuple[FilterStage, ...] = ()
    destination_stages: tuple[FilterStage, ...] = (filter_by_integrations,)
    function_stages: tuple[FilterStage, ...] = ()
    final_stages: tuple[FilterStage, ...] = ()
    tracking_plan_events: frozenset[str] = frozenset()

    def filter_event(
        self, event: JSONObject, *, enabled: bool, destination: Destination | None = None
    ) -> FilterResult:
        """Run *event* through the stages until one rejects it; *event* stays unchanged.

        Args:
            destination: Its triggers decide whether insert functions run; None: none runs.
        """
        switched_off = () if enabled else (_reject_for_disabled_destination,)
        stages = (*self.source_stages, *switched_off, *self.destination_stages)
        result = _run_stages(stages, event)
        if self.function_stages and destination and not result.rejection:
            return self.run_functions(result, destination)
        return _run_stages(self.final_stages, event, result) if self.final_stages else result

    def run_functions(self, passed: FilterResult, destination: Destination) -> FilterResult:
        """Run the insert functions, and the final stages, on an event that passed the filters.

        Source: Segment, "Insert Functions and Actions destinations": the triggers see the event
            first, and no function can change which mapping fires. (documented) Triggers see what
            the destination's transformations make of it. (assumed)
        """
        event = passed.event
        seen = _run_stages(self.final_stages, event, passed)
        if seen.rejection or not destination.has_match(seen.event):
            return seen
        result = _run_stages(self.function_stages, event, passed)
        is_changed = result.event is not event
        result = _run_stages(self.final_stages, event, result)
        return replace(result, trigger_event=seen.event) if is_changed else result


def _run_stages(
    stages: Iterable[FilterStage], event: JSONObject, earlier: FilterResult | None = None
) -> FilterResult:
    """Run *event*, or the event of the *earlier* result, through stages until one rejects it."""
    result = earlier
    for stage in stages:
        if result and result.rejection:
            break
        result = result.merge_with_later(stage(result.event)) if result else stage(event)
    return result or FilterResult(event)


def run_function_stage(
    runner: "FunctionRunner", function: SegmentFunction, step: FilterStep, event: JSONObject
) -> FilterResult:
    """Run an insert function on *event*, as a stage of the filter chain.

    Args:
        step: Where Segment counts an event that the function drops.
    """
    run = runner.run_on_event(function, event)
    report = (describe_function_run(run),)
    if run.event is None:
        place = {"failed": FAILED_STEP, "retry": RETRY_STEP}.get(run.outcome, step)
        rejection = Rejection(place, str(run.code), str(run.reason))
        return FilterResult(event, rejection, functions=report)
    changes = tuple(islice(list_event_changes(event, run.event, run.function), MAX_LISTED_CHANGES))
    return FilterResult(run.event if changes else event, changes=changes, functions=report)


def compile_insert_functions(
    runner: "FunctionRunner | None", destination: Destination
) -> Callable[[JSONObject], FilterResult] | None:
    """Return what runs the insert functions alone on events that passed all filters.

    Returns: None, when the workspace has no enabled insert function.
    """
    stages = _list_function_stages(runner, "insert", DESTINATION_STEP)
    if not stages:
        return None
    chain = FilterChain(function_stages=tuple(stages))
    return lambda event: chain.run_functions(FilterResult(event), destination)


def describe_function_run(run: "FunctionRun") -> JSONObject:
    """Describe a run of a function, as stored with the message."""
    return {
        "function": run.function,
        "handler": run.handler,
        "outcome": run.outcome,
        "code": run.code,
        "reason": run.reason,
        "logs": list(run.logs),
        "durationMs": run.duration_ms,
    }


def build_filter_chain(
    workspace: Workspace, sample_seed: str = "", function_runner: "FunctionRunner | None" = None
) -> FilterChain:
    """Build the filter chain of a workspace, with everything that it configures.

    Args:
        function_runner: None for one whose functions may call all hosts that the workspace lists.
    """
    return compile_filter_chain(
        workspace.document.get("source", {}),
        workspace.destination,
        workspace.tracking_plan,
        sample_seed,
        workspace.segment_options,
        select_transformations(workspace.document),
        function_runner or create_function_runner(workspace.functions),
    )


def compile_filter_chain(
    source: JSONObject,
    destination: JSONObject,
    tracking_plan: TrackingPlan | None = None,
    sample_seed: str = "",
    options: SegmentOptions = DEFAULT_SEGMENT_OPTIONS,
    transformations: ScopedTransformations = NO_TRANSFORMATIONS,
    function_runner: "FunctionRunner | None" = None,
) -> FilterChain:
    """Build the filter chain of a workspace's source and destination.

    Args:
        source: With "schema" and "settings", where it has any.
        destination: With "filters" and "consentSettings", where it has any.
        sample_seed: Decides which events are in the samples of the filters.
        function_runner: Runs the functions of the workspace; None without any.
    """
    before = _list_function_stages(function_runner, "sourceInsert", SOURCE_STEP)
    if source.get("schema"):
        before.append(partial(apply_source_schema, source["schema"]))
    if tracking_plan is not None:
        controls = parse_violation_controls(source.get("settings", {}))
        before.append(PlanEnforcer(tracking_plan, controls, source.get("id")).enforce_plan)
    if compiled := compile_transformations(transformations.of_source):
        before.append(partial(apply_transformations, compiled))
    filters = compile_destination_filters(destination.get("filters", []))
    after: list[FilterStage] = [filter_by_integrations]
    if categories := destination.get("consentSettings", {}).get("categories"):
        after.insert(0, partial(filter_by_consent, tuple(categories)))
    if options.screen_calls == "filter":
        after.append(filter_unsupported_type)
    if filters:
        after.append(partial(apply_destination_filters, filters, seed=sample_seed))
    last: list[FilterStage] = []
    if compiled := compile_transformations(transformations.of_destination, DESTINATION_STEP):
        last.append(partial(apply_transformations, compiled))
    names = (
        {rule.key for rule in tracking_plan.rules if rule.kind == "TRACK"} if tracking_plan else ()
    )
    functions = _list_function_stages(function_runner, "insert", DESTINATION_STEP)
    return FilterChain(tuple(before), tuple(after), tuple(functions), tuple(last), frozenset(names))


def _list_function_stages(
    runner: "FunctionRunner | None", kind: FunctionKind, step: FilterStep
) -> list[FilterStage]:
    if runner is None:
        return []
    enabled = runner.functions.list_enabled(kind)
    return [partial(run_function_stage, runner, function, step) for function in enabled]


def get_verdict_for_rejection(rejection: Rejection) -> tuple[Verdict, str]:
    """Return the verdict and reason of a message that a filter rejected."""
    if rejection is DESTINATION_DISABLED:
        return "disabled", rejection.detail
    return _VERDICTS.get(rejection.step, "filtered"), str(rejection)


def build_filter_report(result: FilterResult) -> JSONObject:
    """Return a message's filter report: {"violations", "filtered_by", "omitted", "hints"}.

    An event that was changed has "changes", too, one that a function took has "functions", and
    "trigger_event" if the function changed it.
    """
    filtered = result.rejection if result.rejection is not DESTINATION_DISABLED else None
    changes = {"changes": build_change_list(result)} if result.changes else {}
    functions = {"functions": list(result.functions)} if result.functions else {}
    seen = {"trigger_event": result.trigger_event} if result.trigger_event else {}
    return {
        "violations": [
            {
                "rule": violation.rule,
                "type": violation.type,
                "field": violation.field,
                "value": violation.value,
                "description": violation.description,
            }
            for violation in result.violations
        ],
        "filtered_by": filtered and asdict(filtered),
        "omitted": [{"field": omission.field, "by": omission.by} for omission in result.omitted],
        "hints": list(result.hints),
        **changes,
        **functions,
        **seen,
    }


@lru_cache(_NEAR_MISS_CACHE_SIZE)
def _find_similar_name_cached(name: str, known_names: tuple[str, ...]) -> str | None:
    return find_similar_name(name, known_names)


def is_stopped_by_function(result: FilterResult) -> bool:
    """Return whether a function dropped or failed a rejected event, and no other stage."""
    return bool(result.functions) and result.functions[-1]["outcome"] != "passed"


def build_change_list(result: FilterResult) -> list[JSONObject]:
    """Return what changed in an event as JSON; the first changes when there are very many."""
    return list(map(asdict, result.changes[:MAX_LISTED_CHANGES]))


class EventNameChecker:
    """Checks event names against those in triggers, Segment's spec and the tracking plan.

    A name that is almost a known one may be a misspelling: then another mapping takes the event, or
    none. A name in a trigger or in the tracking plan is not a misspelling.

    Args:
        tracking_plan_events: Event names in the tracking plan.
    """

    def __init__(
        self, destination: Destination, tracking_plan_events: Collection[str] = ()
    ) -> None:
        trigger_names = (
            name
            for subscription in destination.subscriptions
            for name in list_event_names(subscription.trigger)
        )
        self._known_names = (*dict.fromkeys((*trigger_names, *SPEC_EVENT_NAMES)),)
        self._tracking_plan_events = frozenset(tracking_plan_events)
        self._destination = destination

    def find_event_warnings(self, event: JSONObject) -> list[SenderWarning]:
        """Return the sender warnings about the name and type of *event*."""
        misspelled = self.warn_misspelled_event_name(event)
        unsupported = warn_unsupported_type(event)
        return list(filter(None, (misspelled, unsupported)))

    def warn_misspelled_event_name(self, event: JSONObject) -> SenderWarning | None:
        """Return a warning when the name of *event* is a likely misspelling, else None."""
        name = event.get("event")
        if (
            event.get("type") != "track"
            or not isinstance(name, str)
            or name in self._tracking_plan_events
        ):
            return None
        near = _find_similar_name_cached(name, self._known_names)
        if near is None or self._has_specific_subscription(event):
            return None
        general = f"the name is not {near!r}, and Segment compares every letter of it"
        what = f"event {name!r} is not {near!r}, and Segment compares every letter of a name."
        remedy = "Send that name, or name this one in a trigger if it is meant."
        return SenderWarning("event", f"{what} {remedy}", general)

    def _has_specific_subscription(self, event: JSONObject) -> bool:
        """Return whether another subscription than the catch-all Track Event matches *event*."""
        for subscription in self._destination.preselect_subscriptions(event):
            try:
                if subscription.action_slug != _ANY_EVENT_ACTION and subscription.matches(event):
                    return True
            except EmptyGroupError:
                continue
        return False
