"""`insider.journeys` of a workspace file, already of the right shape, to journeys."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from segment_insider_emulator.duration import parse_duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.insider.journeys.causes import (
    parse_attribute_condition,
    parse_journey_trigger,
)
from segment_insider_emulator.insider.journeys.definition import (
    EventCondition,
    JourneyDefinition,
    JourneyTrigger,
)
from segment_insider_emulator.insider.journeys.steps import get_first_step_path, parse_steps
from segment_insider_emulator.types import JSONObject

PURCHASE_GOAL = "Purchase"
# Documented: every journey tracks purchases, and up to ten goals of its own.
BUILT_IN_GOALS: Mapping[str, JourneyTrigger] = {
    PURCHASE_GOAL: EventCondition(("confirmation_page_view",), {})
}
MAX_CUSTOM_GOALS = 10
# Documented as Architect's default for messages that were seen. Assumed: all of them are.
DEFAULT_ATTRIBUTION_WINDOW = timedelta(days=3)


def parse_journeys(documents: Sequence[JSONObject]) -> dict[int, JourneyDefinition]:
    """Journeys by id, in the order of the file. Raises: EmulatorError, for the first mistake."""
    for error in find_journey_errors(documents):
        raise error
    return {
        each["id"]: _parse_journey(each, _format_journey_location(index))
        for index, each in enumerate(documents)
    }


def find_journey_errors(documents: Sequence[JSONObject]) -> Iterator[EmulatorError]:
    """What is wrong with *documents*: the first mistake of each journey."""
    locations_by_id: dict[int, str] = {}
    for index, document in enumerate(documents):
        location = _format_journey_location(index)
        try:
            _parse_journey(document, location)
        except EmulatorError as mistake:
            yield mistake
        if document["id"] in locations_by_id:
            what = f"{locations_by_id[document['id']]} has the id {document['id']} already"
            yield EmulatorError(what, f"{location}.id", "Give each journey an id of its own.")
        locations_by_id.setdefault(document["id"], location)


def _format_journey_location(index: int) -> str:
    return f"insider.journeys[{index}]"


def _parse_journey(document: JSONObject, where: str) -> JourneyDefinition:
    starter, ignored_parameters = _parse_starter(document["starter"], f"{where}.starter")
    steps = document["steps"]
    return JourneyDefinition(
        id=document["id"],
        name=document["name"],
        starter=starter,
        ignored_date_parameters=ignored_parameters,
        segment_conditions=tuple(
            parse_attribute_condition(each, f"{where}.starter.segment[{index}]")
            for index, each in enumerate(document["starter"].get("segment", ()))
        ),
        exits=tuple(
            parse_journey_trigger(each, f"{where}.exits[{index}]")
            for index, each in enumerate(document.get("exits", ()))
        ),
        goals=_parse_goals(document.get("goals", ()), f"{where}.goals"),
        reentry_period=_parse_reentry_period(document["eligibility"], f"{where}.eligibility"),
        attribution_window=_parse_attribution_window(document, f"{where}.attribution"),
        first_step_path=get_first_step_path(steps, "steps"),
        elements={each.step_path: each for each in parse_steps(steps, "steps", where)},
        document=document,
    )


def _parse_starter(
    starter_document: JSONObject, where: str
) -> tuple[JourneyTrigger, tuple[str, ...]]:
    """The starter, and which of its parameters it ignores.

    Documented: parameters of a date type are ignored. Assumed: a value that is an RFC 3339 time
    tells one.
    """
    trigger = parse_journey_trigger(starter_document, where)
    if not isinstance(trigger, EventCondition):
        return trigger, ()
    if "homepage_view" in trigger.event_names and not starter_document.get("segment"):
        remedy = "Add a segment, such as [{attribute: email_optin, is: true}]."
        raise EmulatorError("homepage_view starts a journey only with a segment", where, remedy)
    date_parameters = tuple(
        place
        for place, test in trigger.parameter_tests.items()
        if _is_rfc3339_time(test.expected_value)
    )
    other_tests = {
        place: test
        for place, test in trigger.parameter_tests.items()
        if place not in date_parameters
    }
    return EventCondition(trigger.event_names, other_tests), date_parameters


def _is_rfc3339_time(value: object) -> bool:
    return isinstance(value, str) and parse_rfc3339(value) is not None


def _parse_goals(goal_documents: Sequence[JSONObject], where: str) -> dict[str, JourneyTrigger]:
    if len(goal_documents) > MAX_CUSTOM_GOALS:
        remedy = f"Keep {MAX_CUSTOM_GOALS}."
        raise EmulatorError(f"a journey has {MAX_CUSTOM_GOALS} goals at most", where, remedy)
    goals = dict(BUILT_IN_GOALS)
    for index, goal_document in enumerate(goal_documents):
        if goal_document["name"] in goals:
            what = f"there is a goal {goal_document['name']!r} already"
            remedy = f"Choose another name; {PURCHASE_GOAL} is always there."
            raise EmulatorError(what, f"{where}[{index}].name", remedy)
        goals[goal_document["name"]] = parse_journey_trigger(goal_document, f"{where}[{index}]")
    return goals


def _parse_reentry_period(eligibility: JSONObject, where: str) -> timedelta | None:
    if (eligibility["times"] == "multiple") != ("period" in eligibility):
        remedy = "Write times: once, or times: multiple with a period such as 7 days."
        raise EmulatorError("the period goes with times: multiple", where, remedy)
    return (
        parse_duration(eligibility["period"], f"{where}.period")
        if "period" in eligibility
        else None
    )


def _parse_attribution_window(document: JSONObject, where: str) -> timedelta:
    window_text = document.get("attribution")
    return parse_duration(window_text, where) if window_text else DEFAULT_ATTRIBUTION_WINDOW
