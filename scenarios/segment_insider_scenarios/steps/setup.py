"""Who is in the scenario, and with which workspace."""

from copy import deepcopy
from dataclasses import fields

from pytest_bdd import given, then, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.panel import EDITOR_ROLES, INTEGRATION_TYPE
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.validation import suggest_name
from segment_insider_scenarios import step_catalogue
from segment_insider_scenarios.assertions import assert_claim, assert_rows_equal
from segment_insider_scenarios.context import PREPARED_DEVICE, PREPARED_ROLE, ScenarioContext
from segment_insider_scenarios.name_checks import require_known_name, require_text
from segment_insider_scenarios.shopper import Shopper, make_shopper
from segment_insider_scenarios.tables import (
    StepTable,
    format_row,
    nest_dotted_values,
    parse_pairs,
    parse_rows,
)

SHOPPER_FIELDS = [field.name for field in fields(Shopper)]


@given(step_catalogue.StepPattern('the workspace "{workspace}"'))
def uses_workspace(scene: ScenarioContext, workspace: str) -> None:
    """A preset, or a workspace file beside the feature file."""
    scene.use_workspace(workspace)


@given(step_catalogue.StepPattern("{person:w} shops"))
def person_shops(scene: ScenarioContext, person: str) -> None:
    """A shopper who has signed in; anybody whom a Given or a When names is one as well."""
    scene.mark_introduced(person)
    scene.get_person(person)


@given(step_catalogue.StepPattern('{person:w} shops in "{locale}"'))
def person_shops_in_locale(scene: ScenarioContext, person: str, locale: str) -> None:
    """A locale such as de_DE gives a matching name, address and phone number."""
    scene.mark_introduced(person)
    try:
        scene.people[person] = make_shopper(person, locale=locale)
    except AttributeError as error:
        raise EmulatorError(
            f"unknown locale {locale!r}", person, "Give one such as de_DE."
        ) from error


@given(step_catalogue.StepPattern("{person:w} is known to the shop as:"))
def person_has_details(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """A table of detail and value; an empty value takes the detail away.

    | detail | value            |
    | email  | ada@shop.example |
    """
    scene.mark_introduced(person)
    values = nest_dotted_values(parse_pairs(datatable, "detail"))
    known = {name: None for name, _ in datatable[1:]} | values
    for name in known:
        if name not in SHOPPER_FIELDS:
            remedy = f"Known: {', '.join(SHOPPER_FIELDS)}."
            raise EmulatorError(f"a shopper has no {name!r}", person, remedy)
    scene.update_person(person, **known)


@given(step_catalogue.StepPattern("{person:w} has not signed in"))
def person_has_not_signed_in(scene: ScenarioContext, person: str) -> None:
    """Known by their browser's anonymous id alone."""
    scene.mark_introduced(person)
    scene.update_person(person, user_id=None)


@given(step_catalogue.StepPattern('{person:w} goes on at the device "{device}"'))
def person_uses_device(scene: ScenarioContext, person: str, device: str) -> None:
    """It has an anonymous id of its own, which is its name, and nobody has signed in there yet."""
    scene.mark_introduced(person)
    scene.preparations.add(PREPARED_DEVICE, device)
    scene.update_person(person, anonymous_id=device, user_id=None)


@given(step_catalogue.StepPattern('the name "{name}" is correct'))
def name_is_correct(scene: ScenarioContext, name: str) -> None:
    """A name of your own that is one typing error away from a known name, or from another one."""
    if not scene.texts.contains_name(name, feature=not scene.preparations.current_step):
        remedy = "Write it as the other step has it, or remove this step."
        raise EmulatorError(f"no other step has the name {name!r}", "", remedy)


INTEGRATION_COLUMNS = (
    "Integration Name",
    "Integration Type",
    "Insider One Account Name",
    "Revoked",
)
EDITOR_ROLE = "Editor"  # the role without PII access, which may not change integrations
# The guide's words -> the name of the setting.
SETTING_KEYS = {"Segment Integration Key": "ucd_key", "Account Name": "account_name"}


@given(step_catalogue.StepPattern('{person:w} has the role "{role}" in InOne'))
def has_role(scene: ScenarioContext, person: str, role: str) -> None:
    """Administrator, Editor with PII access, or one that may not change integrations."""
    scene.texts.reject_typo("role", role, (*EDITOR_ROLES, EDITOR_ROLE), person)
    scene.roles[person] = role
    scene.preparations.add(PREPARED_ROLE, person)


@given(step_catalogue.StepPattern('{person:w} creates the integration "{name}" of type "{type}"'))
@when(step_catalogue.StepPattern('{person:w} creates the integration "{name}" of type "{type}"'))
def creates_integration(scene: ScenarioContext, person: str, name: str, type: str) -> None:
    """In InOne, under External Integrations; Save must succeed."""
    scene.texts.reject_typo("type", type, [INTEGRATION_TYPE], person)
    scene.created_integrations[name] = scene.emulator.client.create_integration(
        name, type, _role_of_actor(scene, person)
    )


@when(
    step_catalogue.StepPattern(
        '{person:w} tries to create the integration "{name}" of type "{type}"'
    )
)
def tries_to_create_integration(scene: ScenarioContext, person: str, name: str, type: str) -> None:
    """The same, where InOne may refuse."""
    scene.texts.reject_typo("type", type, [INTEGRATION_TYPE], person)
    try:
        creates_integration(scene, person, name, type)
    except EmulatorError as error:
        scene.panel_refusal = error.what


@given(step_catalogue.StepPattern('{person:w} revokes the integration "{name}"'))
@when(step_catalogue.StepPattern('{person:w} revokes the integration "{name}"'))
def revokes_integration(scene: ScenarioContext, person: str, name: str) -> None:
    """In InOne; its key opens nothing from then on."""
    scene.emulator.client.revoke_integration(
        _find_created_integration(scene, name)["id"], _role_of_actor(scene, person)
    )


@given(
    step_catalogue.StepPattern('{person:w} enters the key and account name of "{name}" in Segment')
)
@when(
    step_catalogue.StepPattern('{person:w} enters the key and account name of "{name}" in Segment')
)
def enters_integration_key(scene: ScenarioContext, person: str, name: str) -> None:
    """As InOne showed them, with Save Changes."""
    scene.resolve_actor(person)
    integration = _find_created_integration(scene, name)
    settings = {"ucd_key": integration["key"], "account_name": integration["accountName"]}
    scene.emulator.client.save_destination({"settings": settings})


@given(step_catalogue.StepPattern("{person:w} enters these settings in Segment:"))
@when(step_catalogue.StepPattern("{person:w} enters these settings in Segment:"))
def enters_destination_settings(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Segment Integration Key, Account Name or both, with Save Changes.

    | setting      | value   |
    | Account Name | mybrand |
    """
    scene.resolve_actor(person)
    values = parse_pairs(datatable, "setting")
    if unknown := values.keys() - SETTING_KEYS:
        remedy = f"Known: {', '.join(SETTING_KEYS)}."
        raise EmulatorError(f"Segment has no setting {min(unknown)!r}", person, remedy)
    settings = {SETTING_KEYS[name]: value for name, value in values.items()}
    scene.emulator.client.save_destination({"settings": settings})


@given(step_catalogue.StepPattern("{person:w} opens the Enable Destination toggle"))
@when(step_catalogue.StepPattern("{person:w} opens the Enable Destination toggle"))
def enables_destination(scene: ScenarioContext, person: str) -> None:
    """In Segment, with Save Changes."""
    scene.resolve_actor(person)
    scene.emulator.client.save_destination({"enabled": True})


@given(step_catalogue.StepPattern("{person:w} closes the Enable Destination toggle"))
@when(step_catalogue.StepPattern("{person:w} closes the Enable Destination toggle"))
def disables_destination(scene: ScenarioContext, person: str) -> None:
    """In Segment, with Save Changes."""
    scene.resolve_actor(person)
    scene.emulator.client.save_destination({"enabled": False})


@given(step_catalogue.StepPattern('{person:w} enables the mapping "{name}"'))
@when(step_catalogue.StepPattern('{person:w} enables the mapping "{name}"'))
def enables_mapping(scene: ScenarioContext, person: str, name: str) -> None:
    """One that the workspace has; Segment calls it by its action, or by a name of its own."""
    scene.resolve_actor(person)
    scene.emulator.client.set_subscription_enabled(_subscription_number(scene, name), enabled=True)


@given(step_catalogue.StepPattern('{person:w} disables the mapping "{name}"'))
@when(step_catalogue.StepPattern('{person:w} disables the mapping "{name}"'))
def disables_mapping(scene: ScenarioContext, person: str, name: str) -> None:
    """Its events go through others, or nowhere."""
    scene.resolve_actor(person)
    scene.emulator.client.set_subscription_enabled(_subscription_number(scene, name), enabled=False)


@then(step_catalogue.StepPattern('InOne refuses because "{reason}"'))
def inone_refuses(scene: ScenarioContext, reason: str) -> None:
    """The reason may be a part of what it says; its words are ours."""
    require_text("reason", reason, 'InOne refuses because ""')
    holds = reason in (scene.panel_refusal or "")
    actual_text = (
        f"It said: {scene.panel_refusal}." if scene.panel_refusal else "It did not refuse."
    )
    assert_claim(scene, f'InOne refuses because "{reason}"', holds=holds, actual_text=actual_text)


@then("InOne shows exactly these integrations:")
def inone_shows_integrations(scene: ScenarioContext, datatable: StepTable) -> None:
    """Integration Name, Integration Type, Insider One Account Name; Revoked is true or false.

    | Integration Name | Revoked |
    | Shop             | false   |
    """
    columns = datatable[0]
    integrations = [
        _integration_columns(each) for each in scene.emulator.client.list_integrations()
    ]
    claim = "InOne shows exactly these integrations"
    require_known_name("column", columns, INTEGRATION_COLUMNS, claim)
    received = [format_row(each, columns) for each in integrations]
    expected = [format_row(row, columns) for row in parse_rows(datatable)]
    assert_rows_equal(scene, claim, columns, expected, received)


def _integration_columns(integration: JSONObject) -> JSONObject:
    return {
        "Integration Name": integration["name"],
        "Integration Type": integration["type"],
        "Insider One Account Name": integration["accountName"],
        "Revoked": integration["revokedAt"] is not None,
    }


def _role_of_actor(scene: ScenarioContext, person: str) -> str:
    scene.resolve_actor(person)
    if person not in scene.roles:
        remedy = f'Say it: Given {person} has the role "Administrator" in InOne.'
        raise EmulatorError(f"nobody knows the role of {person}", "", remedy)
    return scene.roles[person]


def _find_created_integration(scene: ScenarioContext, name: str) -> JSONObject:
    if name not in scene.created_integrations:
        known = f"Known: {', '.join(scene.created_integrations) or 'none'}."
        raise EmulatorError(f"nobody has created the integration {name!r}", "", known)
    return scene.created_integrations[name]


def _subscription_number(scene: ScenarioContext, name: str) -> int:
    numbers_by_name = {
        each["name"]: each["number"]
        for each in scene.emulator.client.get_destination()["subscriptions"]
    }
    if name not in numbers_by_name:
        raise EmulatorError(
            f"there is no mapping {name!r}", "", f"Known: {', '.join(numbers_by_name)}."
        )
    return int(numbers_by_name[name])


PATH_PREFIX = "$."  # what a value that is read from the call begins with


@given(step_catalogue.StepPattern('the mapping "{mapping}" has this trigger:'))
def mapping_has_trigger(scene: ScenarioContext, mapping: str, docstring: str) -> None:
    """Segment's own language, as the Mappings page has it.

    type = "track" and event = "Wish Listed"
    """
    document, subscription = _copy_mapping(scene, mapping)
    subscription["trigger"] = docstring.strip()
    scene.change_workspace(document)


@given(step_catalogue.StepPattern('the mapping "{mapping}" has these fields:'))
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
