"""Mappings that a scenario changes, before anything happens."""

from copy import deepcopy

from pytest_bdd import given

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.finding import suggest_name
from segment_insider_scenarios import parsers
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.tables import StepTable, parse_pairs

PATH_PREFIX = "$."  # what a value that is read from the call begins with


@given(parsers.StepPattern('the mapping "{mapping}" has this trigger:'))
def mapping_has_trigger(scene: ScenarioContext, mapping: str, docstring: str) -> None:
    """Segment's own language, as the Mappings page has it.

    type = "track" and event = "Wish Listed"
    """
    document, subscription = _copy_mapping(scene, mapping)
    subscription["trigger"] = docstring.strip()
    scene.change_workspace(document)


@given(parsers.StepPattern('the mapping "{mapping}" has these fields:'))
def mapping_has_fields(scene: ScenarioContext, mapping: str, datatable: StepTable) -> None:
    """A value that begins with $. is read from the call; an empty value takes the field away.

    | field      | value               |
    | uuid       | $.properties.member |
    | parameters | {"shop": "web"}     |
    """
    document, subscription = _copy_mapping(scene, mapping)
    fields: JSONObject = _explicit_settings(subscription)
    values = parse_pairs(datatable, "field")
    for place in [name for name, _ in datatable[1:]]:
        _require_field(subscription, place)
        _set_field(fields, place, values.get(place))
    scene.change_workspace(document)


def _copy_mapping(scene: ScenarioContext, mapping: str) -> tuple[JSONObject, JSONObject]:
    """A copy of the workspace's document, and the mapping in it. Raises: EmulatorError."""
    document = deepcopy(scene.emulator.workspace.document)
    known = {each.get("name", ""): each for each in document["destination"]["subscriptions"]}
    if mapping not in known:
        remedy = suggest_name(mapping, list(known))
        raise EmulatorError(f"there is no mapping {mapping!r}", "the workspace", remedy)
    return document, known[mapping]


def _explicit_settings(subscription: JSONObject) -> JSONObject:
    """Its fields; where it has none of its own, those that Segment proposes become its own."""
    action = ACTIONS[subscription["actionSlug"]]
    settings: JSONObject = subscription.setdefault("settings", deepcopy(action.default_mapping))
    return settings


def _require_field(subscription: JSONObject, place: str) -> None:
    """Refuse a field that the action does not have. Raises: EmulatorError."""
    action = ACTIONS[subscription["actionSlug"]]
    known = [field.key for field in action.fields]
    name = place.partition(".")[0]
    if name not in known:
        what = f"the action {action.title!r} has no field {name!r}"
        raise EmulatorError(what, place, suggest_name(name, known))


def _set_field(fields: JSONObject, place: str, value: JSON) -> None:
    *outer, last = place.split(".")
    at = fields
    for step in outer:
        at = at.setdefault(step, {})
        if not isinstance(at, dict) or any(key.startswith("@") for key in at):
            remedy = f"Give {step} as a whole."
            raise EmulatorError(f"{step} has no fields inside", place, remedy)
    if value is None:
        at.pop(last, None)
    elif isinstance(value, str) and value.startswith(PATH_PREFIX):
        at[last] = {"@path": value}
    else:
        at[last] = value
