"""Parser of `insider.journeys` of a workspace file that passed its JSON Schema."""

import marshal
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import TypeAlias

from segment_insider_emulator.clock import parse_duration
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.catalog import DEFAULT_ATTRIBUTES, resolve_event_alias
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.insider.journey_definition import (
    COMPARISON_OPERATORS,
    AttributeChangeCondition,
    AttributeCondition,
    ChannelElement,
    CheckElement,
    ConditionComparison,
    EventCondition,
    JourneyDefinition,
    JourneyElement,
    JourneyTrigger,
    ReachabilityElement,
    SinceEntryCondition,
    WaitElement,
    is_json_number,
)
from segment_insider_emulator.types import JSON, JSONObject

CHANGE_OPERATORS = ("changes", "changes_to", "changes_from")
_FIELD_GROUPS = ("custom", "unrecognised")


def parse_journey_trigger(document: JSONObject, where: str) -> JourneyTrigger:
    """Parse a journey's trigger: {"events", "parameters"} or {"attribute", one change}.

    Raises: EmulatorError.
    """
    if require_exactly_one_key(("events", "attribute"), document, where) == "events":
        return parse_event_condition(document, where)
    operator = require_exactly_one_key(CHANGE_OPERATORS, document, where)
    value = document[operator]
    if not isinstance(value, str | int | float) or (operator == "changes" and value is not True):
        what = f"{operator} takes {'true' if operator == 'changes' else 'a single value'}"
        remedy = "Architect detects changes of text, numbers and booleans."
        raise EmulatorError(what, f"{where}.{operator}", remedy)
    attribute_path = _resolve_attribute_path(document["attribute"], where)
    if operator == "changes":
        return AttributeChangeCondition(attribute_path, operator)
    return AttributeChangeCondition(attribute_path, operator, value)


def parse_event_condition(document: JSONObject, where: str) -> EventCondition:
    """Parse a journey's event condition: {"events": [name], "parameters": {path: test}}."""
    parameter_tests = {}
    for path, test in document.get("parameters", {}).items():
        _validate_field_path(path, f"{where}.parameters")
        parameter_tests[path] = _parse_parameter_comparison(test, f"{where}.parameters.{path}")
    return EventCondition(tuple(map(resolve_event_alias, document["events"])), parameter_tests)


def parse_check_condition(
    document: JSONObject, where: str
) -> SinceEntryCondition | AttributeCondition:
    """Parse a condition of a journey's check: {"did"}, {"did_not"} or {"attribute", operator}."""
    kind = require_exactly_one_key(("did", "did_not", "attribute"), document, where)
    if kind == "attribute":
        return parse_attribute_condition(document, where)
    event = parse_event_condition(document[kind], f"{where}.{kind}")
    return SinceEntryCondition(event, must_have_happened=kind == "did")


def parse_attribute_condition(document: JSONObject, where: str) -> AttributeCondition:
    """Parse a journey's attribute condition: {"attribute": path, one operator}."""
    operator = require_exactly_one_key(tuple(COMPARISON_OPERATORS), document, where)
    return AttributeCondition(
        _resolve_attribute_path(document["attribute"], where),
        _build_comparison(operator, document[operator], f"{where}.{operator}"),
    )


def require_exactly_one_key(names: Sequence[str], document: JSONObject, where: str) -> str:
    """Return the only one of *names* that is a key of *document*.

    Raises: EmulatorError, for none or several.
    """
    present_names = [name for name in names if name in document]
    if len(present_names) == 1:
        return present_names[0]
    what = "a key is missing"
    if present_names:
        what = f"{' and '.join(present_names)} cannot be combined"
    raise EmulatorError(what, where, f"Write one of {', '.join(names)}.")


def _parse_parameter_comparison(test_document: JSON, where: str) -> ConditionComparison:
    if not isinstance(test_document, dict):
        return _build_comparison("is", test_document, where)
    operators = list(test_document)
    if len(operators) != 1 or operators[0] not in COMPARISON_OPERATORS:
        remedy = f"Write a value, or one of {', '.join(COMPARISON_OPERATORS)} with its value."
        raise EmulatorError("not a condition for a value", where, remedy)
    operator = operators[0]
    return _build_comparison(operator, test_document[operator], f"{where}.{operator}")


def _build_comparison(operator: str, expected_value: JSON, where: str) -> ConditionComparison:
    if operator in ("more_than", "less_than") and not is_json_number(expected_value):
        raise EmulatorError(f"{operator} takes a number", where, "Write it without quotes.")
    if operator == "exists" and not isinstance(expected_value, bool):
        raise EmulatorError("exists takes true or false", where, "Write it without quotes.")
    return ConditionComparison(operator, expected_value)


def _resolve_attribute_path(attribute_name: str, where: str) -> str:
    attribute_path = DEFAULT_ATTRIBUTES.aliases.get(attribute_name, attribute_name)
    _validate_field_path(attribute_path, f"{where}.attribute")
    return attribute_path


def _validate_field_path(field_path: str, where: str) -> None:
    group, dot, _ = field_path.partition(".")
    if dot and group not in _FIELD_GROUPS:
        what = f"{field_path!r} is not a field of a profile"
        raise EmulatorError(what, where, "Write a default name, or custom. and a name.")


StepDocuments: TypeAlias = Sequence[JSONObject]

# Kind of step -> its other keys.
STEP_KEYS_BY_KIND: Mapping[str, tuple[str, ...]] = {
    "wait": (),
    "check": ("matching", "not_matching"),
    "check_reachability": ("reachable", "not_reachable"),
    "channel": ("message",),
}


def parse_journey_steps(
    steps: StepDocuments, parent_path: str, journey_location: str
) -> Iterator[JourneyElement]:
    """Parse a journey's *steps*, with those of all branches, to journey elements.

    Args:
        parent_path: Path of *steps* in the journey, e.g. "steps[1].matching".
        journey_location: Path of the journey in the file, e.g. "insider.journeys[0]".
    Raises: EmulatorError, for an invalid step.
    """
    for index, step in enumerate(steps):
        step_path = f"{parent_path}[{index}]"
        next_step_path = f"{parent_path}[{index + 1}]" if index + 1 < len(steps) else None
        where = f"{journey_location}.{step_path}"
        kind = _get_step_kind(step, where)
        if kind == "wait":
            length = parse_duration(step["wait"], f"{where}.wait")
            yield WaitElement(step_path, length, next_step_path)
        elif kind == "channel":
            message = _require_message_name(step, where)
            yield ChannelElement(step_path, step["channel"], message, next_step_path)
        elif next_step_path:
            what = "no step can follow a check in the same list"
            remedy = "Move the step into a path of the check."
            raise EmulatorError(what, f"{journey_location}.{next_step_path}", remedy)
        else:
            yield from _parse_check_step(kind, step, step_path, journey_location)


def get_path_of_first_step(steps: StepDocuments, parent_path: str) -> str | None:
    """Return the location of the first of a journey's *steps*; None when there are no steps."""
    return f"{parent_path}[0]" if steps else None


def _parse_check_step(
    kind: str, step: JSONObject, step_path: str, journey_location: str
) -> Iterator[JourneyElement]:
    paths = {name: step.get(name, []) for name in STEP_KEYS_BY_KIND[kind]}
    first_paths = {
        name: get_path_of_first_step(path, f"{step_path}.{name}") for name, path in paths.items()
    }
    if kind == "check":
        condition = parse_check_condition(step["check"], f"{journey_location}.{step_path}.check")
        yield CheckElement(step_path, condition, **first_paths)
    else:
        yield ReachabilityElement(step_path, step[kind], **first_paths)
    for name, path in paths.items():
        yield from parse_journey_steps(path, f"{step_path}.{name}", journey_location)


def _get_step_kind(step: JSONObject, where: str) -> str:
    kind = require_exactly_one_key(tuple(STEP_KEYS_BY_KIND), step, where)
    other_keys = STEP_KEYS_BY_KIND[kind]
    for name in step:
        if name != kind and name not in other_keys:
            what = f"{name!r} does not belong to a {kind}"
            remedy = "Write it as a separate step."
            if other_keys:
                remedy = f"Other keys of this step: {' and '.join(other_keys)}."
            raise EmulatorError(what, where, remedy)
    return kind


def _require_message_name(step: JSONObject, where: str) -> str:
    if "message" not in step:
        raise EmulatorError("'message' is missing", where, "Give the message a name.")
    message: str = step["message"]
    return message


PURCHASE_GOAL = "Purchase"
# Documented: every journey tracks purchases and up to ten further goals.
BUILT_IN_GOALS: Mapping[str, JourneyTrigger] = {
    PURCHASE_GOAL: EventCondition(("confirmation_page_view",), {})
}
MAX_CUSTOM_GOALS = 10
# Documented as Architect's default for messages that were seen. Assumed: all messages are seen.
DEFAULT_ATTRIBUTION_WINDOW = timedelta(days=3)


def parse_journeys(documents: Sequence[JSONObject]) -> dict[int, JourneyDefinition]:
    """Parse the journeys of a workspace file: id -> definition. Raises: EmulatorError."""
    return dict(_parse_journeys_cached(marshal.dumps(list(documents), 2)))


@lru_cache(64)  # many sandboxes have the same
def _parse_journeys_cached(marshalled: bytes) -> Mapping[int, JourneyDefinition]:
    documents = marshal.loads(marshalled)
    for error in find_journey_errors(documents):
        raise error
    return {
        document["id"]: _parse_journey(document, _format_journey_location(index))
        for index, document in enumerate(documents)
    }


def find_journey_errors(documents: Sequence[JSONObject]) -> Iterator[EmulatorError]:
    """Find the first error of each journey in *documents* of a workspace file."""
    locations_by_id: dict[int, str] = {}
    for index, document in enumerate(documents):
        location = _format_journey_location(index)
        try:
            _parse_journey(document, location)
        except EmulatorError as error:
            yield error
        if document["id"] in locations_by_id:
            what = f"{locations_by_id[document['id']]} already has the id {document['id']}"
            yield EmulatorError(what, f"{location}.id", "Give each journey a different id.")
        locations_by_id.setdefault(document["id"], location)


def _format_journey_location(index: int) -> str:
    return f"insider.journeys[{index}]"


def _parse_journey(document: JSONObject, where: str) -> JourneyDefinition:
    starter, ignored_parameters = _parse_journey_starter(document["starter"], f"{where}.starter")
    steps = document["steps"]
    return JourneyDefinition(
        id=document["id"],
        name=document["name"],
        starter=starter,
        ignored_date_parameters=ignored_parameters,
        segment_conditions=tuple(
            parse_attribute_condition(condition, f"{where}.starter.segment[{index}]")
            for index, condition in enumerate(document["starter"].get("segment", ()))
        ),
        exits=tuple(
            parse_journey_trigger(trigger, f"{where}.exits[{index}]")
            for index, trigger in enumerate(document.get("exits", ()))
        ),
        goals=_parse_journey_goals(document.get("goals", ()), f"{where}.goals"),
        reentry_period=_parse_reentry_period(document["eligibility"], f"{where}.eligibility"),
        attribution_window=_parse_attribution_window(document, f"{where}.attribution"),
        first_step_path=get_path_of_first_step(steps, "steps"),
        elements={
            element.step_path: element for element in parse_journey_steps(steps, "steps", where)
        },
        document=document,
    )


def _parse_journey_starter(
    starter_document: JSONObject, where: str
) -> tuple[JourneyTrigger, tuple[str, ...]]:
    """Parse a journey's starter; return its trigger and the date parameters that it ignores.

    Documented: parameters of a date type are ignored. Assumed: a parameter is a date if its value
    is an RFC 3339 time.
    """
    trigger = parse_journey_trigger(starter_document, where)
    if not isinstance(trigger, EventCondition):
        return trigger, ()
    if "homepage_view" in trigger.event_names and not starter_document.get("segment"):
        remedy = "Add a segment, such as [{attribute: email_optin, is: true}]."
        raise EmulatorError("homepage_view starts a journey only with a segment", where, remedy)
    date_parameters = tuple(
        path
        for path, test in trigger.parameter_tests.items()
        if _is_rfc3339_time(test.expected_value)
    )
    other_tests = {
        path: test for path, test in trigger.parameter_tests.items() if path not in date_parameters
    }
    return EventCondition(trigger.event_names, other_tests), date_parameters


def _is_rfc3339_time(value: object) -> bool:
    return isinstance(value, str) and parse_rfc3339(value) is not None


def _parse_journey_goals(
    goal_documents: Sequence[JSONObject], where: str
) -> dict[str, JourneyTrigger]:
    if len(goal_documents) > MAX_CUSTOM_GOALS:
        remedy = f"Keep {MAX_CUSTOM_GOALS}."
        raise EmulatorError(f"a journey has at most {MAX_CUSTOM_GOALS} goals", where, remedy)
    goals = dict(BUILT_IN_GOALS)
    for index, goal_document in enumerate(goal_documents):
        name = goal_document["name"]
        if name in goals:
            what = f"the goal {name!r} already exists"
            remedy = f"Choose another name; {PURCHASE_GOAL} always exists."
            raise EmulatorError(what, f"{where}[{index}].name", remedy)
        goals[name] = parse_journey_trigger(goal_document, f"{where}[{index}]")
    return goals


def _parse_reentry_period(eligibility: JSONObject, where: str) -> timedelta | None:
    if (eligibility["times"] == "multiple") != ("period" in eligibility):
        remedy = "Write times: once, or times: multiple with a period such as 7 days."
        raise EmulatorError("times: multiple and period must be used together", where, remedy)
    if "period" not in eligibility:
        return None
    return parse_duration(eligibility["period"], f"{where}.period")


def _parse_attribution_window(document: JSONObject, where: str) -> timedelta:
    window_text = document.get("attribution")
    return parse_duration(window_text, where) if window_text else DEFAULT_ATTRIBUTION_WINDOW
