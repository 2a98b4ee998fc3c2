"""The set-up: the InOne panel on one side, Segment's settings on the other."""

from pytest_bdd import given, then, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.panel import EDITOR_ROLES, INTEGRATION_TYPE
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.comparison import format_row
from segment_insider_scenarios.naming import require_known_name, require_text
from segment_insider_scenarios.preparation import PREPARED_ROLE
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.tables import StepTable, parse_pairs, parse_rows
from segment_insider_scenarios.verdicts import assert_claim, assert_rows_equal

INTEGRATION_COLUMNS = (
    "Integration Name",
    "Integration Type",
    "Insider One Account Name",
    "Revoked",
)
EDITOR_ROLE = "Editor"  # the role without PII access, which may not change integrations
# The guide's words -> the name of the setting.
SETTING_KEYS = {"Segment Integration Key": "ucd_key", "Account Name": "account_name"}


@given(parsers.StepPattern('{person:w} has the role "{role}" in InOne'))
def has_role(scene: ScenarioContext, person: str, role: str) -> None:
    """Administrator, Editor with PII access, or one that may not change integrations."""
    scene.texts.reject_typo("role", role, (*EDITOR_ROLES, EDITOR_ROLE), person)
    scene.roles[person] = role
    scene.preparations.add(PREPARED_ROLE, person)


@given(parsers.StepPattern('{person:w} creates the integration "{name}" of type "{type}"'))
@when(parsers.StepPattern('{person:w} creates the integration "{name}" of type "{type}"'))
def creates_integration(scene: ScenarioContext, person: str, name: str, type: str) -> None:
    """In InOne, under External Integrations; Save must succeed."""
    scene.texts.reject_typo("type", type, [INTEGRATION_TYPE], person)
    scene.created_integrations[name] = scene.emulator.client.create_integration(
        name, type, _role_of_actor(scene, person)
    )


@when(parsers.StepPattern('{person:w} tries to create the integration "{name}" of type "{type}"'))
def tries_to_create_integration(scene: ScenarioContext, person: str, name: str, type: str) -> None:
    """The same, where InOne may refuse."""
    scene.texts.reject_typo("type", type, [INTEGRATION_TYPE], person)
    try:
        creates_integration(scene, person, name, type)
    except EmulatorError as error:
        scene.panel_refusal = error.what


@given(parsers.StepPattern('{person:w} revokes the integration "{name}"'))
@when(parsers.StepPattern('{person:w} revokes the integration "{name}"'))
def revokes_integration(scene: ScenarioContext, person: str, name: str) -> None:
    """In InOne; its key opens nothing from then on."""
    scene.emulator.client.revoke_integration(
        _find_created_integration(scene, name)["id"], _role_of_actor(scene, person)
    )


@given(parsers.StepPattern('{person:w} enters the key and account name of "{name}" in Segment'))
@when(parsers.StepPattern('{person:w} enters the key and account name of "{name}" in Segment'))
def enters_integration_key(scene: ScenarioContext, person: str, name: str) -> None:
    """As InOne showed them, with Save Changes."""
    scene.resolve_actor(person)
    integration = _find_created_integration(scene, name)
    settings = {"ucd_key": integration["key"], "account_name": integration["accountName"]}
    scene.emulator.client.save_destination({"settings": settings})


@given(parsers.StepPattern("{person:w} enters these settings in Segment:"))
@when(parsers.StepPattern("{person:w} enters these settings in Segment:"))
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


@given(parsers.StepPattern("{person:w} opens the Enable Destination toggle"))
@when(parsers.StepPattern("{person:w} opens the Enable Destination toggle"))
def enables_destination(scene: ScenarioContext, person: str) -> None:
    """In Segment, with Save Changes."""
    scene.resolve_actor(person)
    scene.emulator.client.save_destination({"enabled": True})


@given(parsers.StepPattern("{person:w} closes the Enable Destination toggle"))
@when(parsers.StepPattern("{person:w} closes the Enable Destination toggle"))
def disables_destination(scene: ScenarioContext, person: str) -> None:
    """In Segment, with Save Changes."""
    scene.resolve_actor(person)
    scene.emulator.client.save_destination({"enabled": False})


@given(parsers.StepPattern('{person:w} enables the mapping "{name}"'))
@when(parsers.StepPattern('{person:w} enables the mapping "{name}"'))
def enables_mapping(scene: ScenarioContext, person: str, name: str) -> None:
    """One that the workspace has; Segment calls it by its action, or by a name of its own."""
    scene.resolve_actor(person)
    scene.emulator.client.set_subscription_enabled(_subscription_number(scene, name), enabled=True)


@given(parsers.StepPattern('{person:w} disables the mapping "{name}"'))
@when(parsers.StepPattern('{person:w} disables the mapping "{name}"'))
def disables_mapping(scene: ScenarioContext, person: str, name: str) -> None:
    """Its events go through others, or nowhere."""
    scene.resolve_actor(person)
    scene.emulator.client.set_subscription_enabled(_subscription_number(scene, name), enabled=False)


@then(parsers.StepPattern('InOne refuses because "{reason}"'))
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
