"""The set-up: the InOne panel on one side, Segment's settings on the other."""

from pytest_bdd import given, then, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.panel import ROLES, TYPE
from segment_insider_emulator.types import JSONObject
from segment_insider_scenarios import parsers
from segment_insider_scenarios.comparison import row_of
from segment_insider_scenarios.naming import expect_known, expect_text
from segment_insider_scenarios.preparation import ROLE
from segment_insider_scenarios.scene import Scene
from segment_insider_scenarios.tables import Table, pairs, rows
from segment_insider_scenarios.verdicts import expect, expect_rows

INTEGRATION_COLUMNS = (
    "Integration Name",
    "Integration Type",
    "Insider One Account Name",
    "Revoked",
)
EDITOR = "Editor"  # the role without PII access, which may not change integrations
# The guide's words -> the name of the setting.
SETTINGS = {"Segment Integration Key": "ucd_key", "Account Name": "account_name"}


@given(parsers.parse('{person:w} has the role "{role}" in InOne'))
def has_role(scene: Scene, person: str, role: str) -> None:
    """Administrator, Editor with PII access, or one that may not change integrations."""
    scene.spelling.expect("role", role, (*ROLES, EDITOR), person)
    scene.roles[person] = role
    scene.preparations.add(ROLE, person)


@given(parsers.parse('{person:w} creates the integration "{name}" of type "{type}"'))
@when(parsers.parse('{person:w} creates the integration "{name}" of type "{type}"'))
def creates_integration(scene: Scene, person: str, name: str, type: str) -> None:
    """In InOne, under External Integrations; Save must succeed."""
    scene.spelling.expect("type", type, [TYPE], person)
    scene.made[name] = scene.emulator.client.create_integration(name, type, _role(scene, person))


@when(parsers.parse('{person:w} tries to create the integration "{name}" of type "{type}"'))
def tries_to_create(scene: Scene, person: str, name: str, type: str) -> None:
    """The same, where InOne may refuse."""
    scene.spelling.expect("type", type, [TYPE], person)
    try:
        creates_integration(scene, person, name, type)
    except EmulatorError as error:
        scene.refused = error.what


@given(parsers.parse('{person:w} revokes the integration "{name}"'))
@when(parsers.parse('{person:w} revokes the integration "{name}"'))
def revokes(scene: Scene, person: str, name: str) -> None:
    """In InOne; its key opens nothing from then on."""
    scene.emulator.client.revoke_integration(_made(scene, name)["id"], _role(scene, person))


@given(parsers.parse('{person:w} enters the key and account name of "{name}" in Segment'))
@when(parsers.parse('{person:w} enters the key and account name of "{name}" in Segment'))
def enters_key(scene: Scene, person: str, name: str) -> None:
    """As InOne showed them, with Save Changes."""
    scene.acting(person)
    made = _made(scene, name)
    settings = {"ucd_key": made["key"], "account_name": made["accountName"]}
    scene.emulator.client.save_destination({"settings": settings})


@given(parsers.parse("{person:w} enters these settings in Segment:"))
@when(parsers.parse("{person:w} enters these settings in Segment:"))
def enters_settings(scene: Scene, person: str, datatable: Table) -> None:
    """Segment Integration Key, Account Name or both, with Save Changes.

    | setting      | value   |
    | Account Name | mybrand |
    """
    scene.acting(person)
    given_values = pairs(datatable, "setting")
    if unknown := given_values.keys() - SETTINGS:
        remedy = f"Known: {', '.join(SETTINGS)}."
        raise EmulatorError(f"Segment has no setting {min(unknown)!r}", person, remedy)
    settings = {SETTINGS[name]: value for name, value in given_values.items()}
    scene.emulator.client.save_destination({"settings": settings})


@given(parsers.parse("{person:w} opens the Enable Destination toggle"))
@when(parsers.parse("{person:w} opens the Enable Destination toggle"))
def opens_toggle(scene: Scene, person: str) -> None:
    """In Segment, with Save Changes."""
    scene.acting(person)
    scene.emulator.client.save_destination({"enabled": True})


@given(parsers.parse("{person:w} closes the Enable Destination toggle"))
@when(parsers.parse("{person:w} closes the Enable Destination toggle"))
def closes_toggle(scene: Scene, person: str) -> None:
    """In Segment, with Save Changes."""
    scene.acting(person)
    scene.emulator.client.save_destination({"enabled": False})


@given(parsers.parse('{person:w} enables the mapping "{name}"'))
@when(parsers.parse('{person:w} enables the mapping "{name}"'))
def enables_mapping(scene: Scene, person: str, name: str) -> None:
    """One that the workspace has; Segment calls it by its action, or by a name of its own."""
    scene.acting(person)
    scene.emulator.client.switch_subscription(_number(scene, name), enabled=True)


@given(parsers.parse('{person:w} disables the mapping "{name}"'))
@when(parsers.parse('{person:w} disables the mapping "{name}"'))
def disables_mapping(scene: Scene, person: str, name: str) -> None:
    """Its events go through others, or nowhere."""
    scene.acting(person)
    scene.emulator.client.switch_subscription(_number(scene, name), enabled=False)


@then(parsers.parse('InOne refuses because "{reason}"'))
def refuses(scene: Scene, reason: str) -> None:
    """The reason may be a part of what it says; its words are ours."""
    expect_text("reason", reason, 'InOne refuses because ""')
    holds = reason in (scene.refused or "")
    found = f"It said: {scene.refused}." if scene.refused else "It did not refuse."
    expect(scene, f'InOne refuses because "{reason}"', holds=holds, found=found)


@then("InOne shows exactly these integrations:")
def shows_integrations(scene: Scene, datatable: Table) -> None:
    """Integration Name, Integration Type, Insider One Account Name; Revoked is true or false.

    | Integration Name | Revoked |
    | Shop             | false   |
    """
    columns = datatable[0]
    shown = [_shown(each) for each in scene.emulator.client.integrations()]
    claim = "InOne shows exactly these integrations"
    expect_known("column", columns, INTEGRATION_COLUMNS, claim)
    received = [row_of(each, columns) for each in shown]
    expected = [row_of(row, columns) for row in rows(datatable)]
    expect_rows(scene, claim, columns, expected, received)


def _shown(integration: JSONObject) -> JSONObject:
    return {
        "Integration Name": integration["name"],
        "Integration Type": integration["type"],
        "Insider One Account Name": integration["accountName"],
        "Revoked": integration["revokedAt"] is not None,
    }


def _role(scene: Scene, person: str) -> str:
    scene.acting(person)
    if person not in scene.roles:
        remedy = f'Say it: Given {person} has the role "Administrator" in InOne.'
        raise EmulatorError(f"nobody knows the role of {person}", "", remedy)
    return scene.roles[person]


def _made(scene: Scene, name: str) -> JSONObject:
    if name not in scene.made:
        known = f"Known: {', '.join(scene.made) or 'none'}."
        raise EmulatorError(f"nobody has created the integration {name!r}", "", known)
    return scene.made[name]


def _number(scene: Scene, name: str) -> int:
    found = {
        each["name"]: each["number"]
        for each in scene.emulator.client.destination()["subscriptions"]
    }
    if name not in found:
        raise EmulatorError(f"there is no mapping {name!r}", "", f"Known: {', '.join(found)}.")
    return int(found[name])
