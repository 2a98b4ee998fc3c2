"""Gherkin steps that prepare a scenario: workspace, people, both panels, mappings."""

from copy import deepcopy
from dataclasses import fields

from pytest_bdd import given, then, when

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.account import EDITOR_ROLES, INTEGRATION_TYPE
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.documents import parse_document
from segment_insider_emulator.workspace.model import build_consent_settings
from segment_insider_emulator.workspace.validation import suggest_name
from segment_insider_scenarios.assertions import assert_claim_holds, assert_rows_equal
from segment_insider_scenarios.context import PREPARED_DEVICE, PREPARED_ROLE, ScenarioContext
from segment_insider_scenarios.name_checks import require_known_name, require_nonempty_text
from segment_insider_scenarios.shopper import Shopper, make_shopper
from segment_insider_scenarios.step_catalogue import StepPattern
from segment_insider_scenarios.tables import (
    StepTable,
    format_row,
    nest_dotted_values,
    parse_pairs,
    parse_rows,
    split_enumeration,
)

# Segment, "Spec: Common Fields", context.
CONTEXT_FIELDS = (
    *("active", "app", "campaign", "channel", "device", "groupId", "ip", "library", "locale"),
    *("network", "os", "page", "referrer", "screen", "timezone", "traits", "userAgent"),
    *("userAgentData", "consent"),
)
SHOPPER_FIELDS = [field.name for field in fields(Shopper)]


@given(StepPattern('the workspace "{workspace}"'))
def uses_workspace(scene: ScenarioContext, workspace: str) -> None:
    """Use a workspace in the scenario: a preset, or a workspace file in the feature's folder."""
    scene.open_named_workspace(workspace)


@given(StepPattern("{person:p} shops"))
def introduces_shopper(scene: ScenarioContext, person: str) -> None:
    """Introduce a signed-in shopper; a name used in any Given or When is one as well."""
    scene.mark_person_introduced(person)
    scene.get_person(person)


@given(StepPattern('{person:p} shops in "{locale}"'))
def introduces_shopper_in_locale(scene: ScenarioContext, person: str, locale: str) -> None:
    """Introduce a shopper of a locale such as de_DE, with matching name, address and phone."""
    scene.mark_person_introduced(person)
    try:
        scene.people[person] = make_shopper(person, locale=locale)
    except AttributeError as error:
        raise EmulatorError(
            f"unknown locale {locale!r}", person, "Give one such as de_DE."
        ) from error


@given(StepPattern("{person:p} is known to the shop as:"))
def sets_person_details(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Set details of the person, such as phone and city; an empty value removes the detail.

    | detail | value            |
    | email  | ada@shop.example |
    """
    scene.mark_person_introduced(person)
    values = nest_dotted_values(parse_pairs(datatable, "detail"))
    known = {name: None for name, _ in datatable[1:]} | values
    for name in known:
        if name not in SHOPPER_FIELDS:
            remedy = f"Known: {', '.join(SHOPPER_FIELDS)}."
            raise EmulatorError(f"a shopper has no {name!r}", person, remedy)
    scene.update_person(person, **known)


@given(StepPattern("{person:p} has not signed in"))
def makes_person_anonymous(scene: ScenarioContext, person: str) -> None:
    """Make the person anonymous, known only by the browser's anonymous id."""
    scene.mark_person_introduced(person)
    scene.update_person(person, user_id=None)


@given(StepPattern('{person:p} goes on at the device "{device}"'))
def switches_person_device(scene: ScenarioContext, person: str, device: str) -> None:
    """Switch the person to a device: its name is the anonymous id, no one has signed in there."""
    scene.mark_person_introduced(person)
    scene.preparations.add_preparation(PREPARED_DEVICE, device)
    scene.update_person(person, anonymous_id=device, user_id=None)


@given(StepPattern("the calls of {person:p} have this context:"))
def sets_call_context(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Set what the SDK puts into `context` of the person's next calls; "page.url" is nested.

    | place    | value         |
    | timezone | Europe/London |
    """
    scene.mark_person_introduced(person)
    values = parse_pairs(datatable, "place")
    for place in values:
        name = place.partition(".")[0]
        scene.texts.reject_name_typo("context field", name, CONTEXT_FIELDS, place)
    scene.get_person(person)
    scene.contexts[person] = nest_dotted_values(values)


@given(StepPattern("{person:p} accepts {categories}"))
def accepts_consent_categories(scene: ScenarioContext, person: str, categories: str) -> None:
    """Let the person's next calls carry consent to these categories, such as Advertising."""
    _record_consent(scene, person, categories, f"{person} accepts {categories}", accepted=True)


@given(StepPattern("{person:p} refuses {categories}"))
def refuses_consent_categories(scene: ScenarioContext, person: str, categories: str) -> None:
    """Let the person's next calls refuse these consent categories, such as Advertising."""
    _record_consent(scene, person, categories, f"{person} refuses {categories}", accepted=False)


def _record_consent(
    scene: ScenarioContext, person: str, categories: str, where: str, *, accepted: bool
) -> None:
    """Add answers to the person's consent object, as a consent manager would.

    Raises: EmulatorError, when the workspace has no such category.
    """
    scene.mark_person_introduced(person)
    scene.get_person(person)
    settings = build_consent_settings(scene.emulator.workspace.document)
    if settings is None:
        remedy = "Add first: Given the destination needs consent to Advertising."
        raise EmulatorError("the workspace has no consent categories", where, remedy)
    names = split_enumeration(categories)
    require_known_name("consent category", names, settings["allCategories"], where)
    context = scene.contexts.setdefault(person, {})
    preferences = context.setdefault("consent", {}).setdefault("categoryPreferences", {})
    preferences.update(dict.fromkeys(names, accepted))


@given(StepPattern("the destination needs consent to {categories}"))
def sets_consent_categories(scene: ScenarioContext, categories: str) -> None:
    """Put the destination into consent categories: it gets the calls of people who accept all."""
    document = deepcopy(scene.emulator.workspace.document)
    names = split_enumeration(categories)
    known = document.get("consentSettings", {}).get("allCategories", ())
    where = f"the destination needs consent to {categories}"
    require_known_name("consent category", names, known, where)
    document["destination"]["consentSettings"] = {"categories": names}
    scene.open_changed_workspace(document)


@given(StepPattern('Segment renames the event "{event}" to "{name}"'))
def renames_event(scene: ScenarioContext, event: str, name: str) -> None:
    """Add a transformation of the source that renames a track event for all destinations."""
    condition = _build_event_condition(event)
    _add_transformation(scene, {"name": name, "if": condition, "newEventName": name})


@given(StepPattern('Segment renames these properties of "{event}":'))
def renames_properties(scene: ScenarioContext, event: str, datatable: StepTable) -> None:
    """Add a transformation of the source that renames properties of a track event.

    | property | becomes  |
    | orderNo  | order_id |
    """
    if datatable[0] != ["property", "becomes"]:
        raise EmulatorError("the table has other columns", event, "Head it | property | becomes |.")
    renames = [{"oldName": old, "newName": new} for old, new in datatable[1:]]
    condition = _build_event_condition(event)
    name = f"Rename properties of {event}"
    _add_transformation(scene, {"name": name, "if": condition, "propertyRenames": renames})


@given("Segment has this transformation:")
def adds_transformation(scene: ScenarioContext, docstring: str) -> None:
    """Add a transformation as Segment's Public API has it, in JSON or YAML.

    {"name": "EUR", "if": "type = 'track'",
     "propertyValueTransformations": [
       {"propertyPaths": ["properties.currency"], "propertyValue": "EUR"}]}
    """
    _add_transformation(scene, parse_document(docstring.encode(), "the transformation"))


@given(StepPattern('Segment has the insert function "{name}":'))
def adds_insert_function(scene: ScenarioContext, name: str, docstring: str) -> None:
    """Add an insert function of the destination, in JavaScript. It needs Node.js 20 or later.

    async function onTrack (event) {
      event.properties.tier = 'gold'
      return event
    }
    """
    _add_function(scene, "insert", name, docstring)


@given(StepPattern('Segment has the source function "{name}":'))
def adds_source_function(scene: ScenarioContext, name: str, docstring: str) -> None:
    """Add a source function, in JavaScript, which takes webhooks. It needs Node.js 20 or later.

    async function onRequest (request) {
      const { user } = request.json()
      Segment.track({ event: 'Gift Wrapped', userId: user })
    }
    """
    _add_function(scene, "source", name, docstring)


def _add_function(scene: ScenarioContext, kind: str, name: str, code: str) -> None:
    document = deepcopy(scene.emulator.workspace.document)
    functions = document.setdefault("functions", {}).setdefault(kind, [])
    functions.append({"name": name, "code": code})
    scene.open_changed_workspace(document)


def _build_event_condition(event: str) -> str:
    """Return an FQL condition for a track event. Raises: EmulatorError, for two kinds of quotes."""
    quote = '"' if "'" in event else "'"
    if quote in event:
        remedy = "Write the condition yourself: Given Segment has this transformation."
        raise EmulatorError("no condition can have both kinds of quotes", event, remedy)
    return f"event = {quote}{event}{quote}"


def _add_transformation(scene: ScenarioContext, transformation: JSONObject) -> None:
    document = deepcopy(scene.emulator.workspace.document)
    document.setdefault("transformations", []).append(transformation)
    scene.open_changed_workspace(document)


@given(StepPattern("the calls of {person:p} have no context"))
def clears_call_context(scene: ScenarioContext, person: str) -> None:
    """Remove the context that an earlier step set for the person's calls."""
    scene.mark_person_introduced(person)
    scene.contexts.pop(person, None)


@given(StepPattern('the name "{name}" is correct'))
def confirms_name_spelling(scene: ScenarioContext, name: str) -> None:
    """Confirm a name of your own that differs from another name by one typing error."""
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


@given(StepPattern('{person:p} has the role "{role}" in InOne'))
def sets_person_role(scene: ScenarioContext, person: str, role: str) -> None:
    """Set the person's InOne role: Administrator, Editor with PII access, or any other."""
    scene.texts.reject_name_typo("role", role, (*EDITOR_ROLES, EDITOR_ROLE), person)
    scene.roles[person] = role
    scene.preparations.add_preparation(PREPARED_ROLE, person)


@given(StepPattern('{person:p} creates the integration "{name}" of type "{type}"'))
@when(StepPattern('{person:p} creates the integration "{name}" of type "{type}"'))
def creates_integration(scene: ScenarioContext, person: str, name: str, type: str) -> None:
    """Create an integration in InOne, under External Integrations; saving must succeed."""
    scene.texts.reject_name_typo("type", type, [INTEGRATION_TYPE], person)
    scene.created_integrations[name] = scene.emulator.client.create_integration(
        name, type, _get_actor_role(scene, person)
    )


@when(StepPattern('{person:p} tries to create the integration "{name}" of type "{type}"'))
def tries_to_create_integration(scene: ScenarioContext, person: str, name: str, type: str) -> None:
    """Create an integration in InOne, which may refuse."""
    scene.texts.reject_name_typo("type", type, [INTEGRATION_TYPE], person)
    try:
        creates_integration(scene, person, name, type)
    except EmulatorError as error:
        scene.panel_refusal = error.what


@given(StepPattern('{person:p} revokes the integration "{name}"'))
@when(StepPattern('{person:p} revokes the integration "{name}"'))
def revokes_integration(scene: ScenarioContext, person: str, name: str) -> None:
    """Revoke an integration in InOne; its key is invalid from then on."""
    scene.emulator.client.revoke_integration(
        _find_created_integration(scene, name)["id"], _get_actor_role(scene, person)
    )


@given(StepPattern('{person:p} enters the key and account name of "{name}" in Segment'))
@when(StepPattern('{person:p} enters the key and account name of "{name}" in Segment'))
def enters_integration_key(scene: ScenarioContext, person: str, name: str) -> None:
    """Enter the key and account name that InOne showed in Segment's settings, and save."""
    scene.record_actor(person)
    integration = _find_created_integration(scene, name)
    settings = {"ucd_key": integration["key"], "account_name": integration["accountName"]}
    scene.emulator.client.save_destination({"settings": settings})


@given(StepPattern("{person:p} enters these settings in Segment:"))
@when(StepPattern("{person:p} enters these settings in Segment:"))
def enters_destination_settings(scene: ScenarioContext, person: str, datatable: StepTable) -> None:
    """Enter Segment Integration Key, Account Name or both in Segment's destination, and save.

    | setting      | value   |
    | Account Name | mybrand |
    """
    scene.record_actor(person)
    values = parse_pairs(datatable, "setting")
    if unknown := values.keys() - SETTING_KEYS:
        remedy = f"Known: {', '.join(SETTING_KEYS)}."
        raise EmulatorError(f"Segment has no setting {min(unknown)!r}", person, remedy)
    settings = {SETTING_KEYS[name]: value for name, value in values.items()}
    scene.emulator.client.save_destination({"settings": settings})


@given(StepPattern("{person:p} opens the Enable Destination toggle"))
@when(StepPattern("{person:p} opens the Enable Destination toggle"))
def enables_destination(scene: ScenarioContext, person: str) -> None:
    """Switch the Insider One destination on in Segment, and save the changes."""
    scene.record_actor(person)
    scene.emulator.client.save_destination({"enabled": True})


@given(StepPattern("{person:p} closes the Enable Destination toggle"))
@when(StepPattern("{person:p} closes the Enable Destination toggle"))
def disables_destination(scene: ScenarioContext, person: str) -> None:
    """Switch the Insider One destination off in Segment, and save the changes."""
    scene.record_actor(person)
    scene.emulator.client.save_destination({"enabled": False})


@given(StepPattern('{person:p} enables the mapping "{name}"'))
@when(StepPattern('{person:p} enables the mapping "{name}"'))
def enables_mapping(scene: ScenarioContext, person: str, name: str) -> None:
    """Enable a mapping of the workspace; its name in Segment is its action or a name of its own."""
    scene.record_actor(person)
    scene.emulator.client.set_subscription_enabled(
        _find_subscription_number(scene, name), enabled=True
    )


@given(StepPattern('{person:p} disables the mapping "{name}"'))
@when(StepPattern('{person:p} disables the mapping "{name}"'))
def disables_mapping(scene: ScenarioContext, person: str, name: str) -> None:
    """Disable a mapping of the workspace; only other mappings can send its events."""
    scene.record_actor(person)
    scene.emulator.client.set_subscription_enabled(
        _find_subscription_number(scene, name), enabled=False
    )


@given(StepPattern('{person:w} adds the mapping "{name}" of the action "{action}":'))
@when(StepPattern('{person:w} adds the mapping "{name}" of the action "{action}":'))
def adds_mapping(
    scene: ScenarioContext, person: str, name: str, action: str, docstring: str
) -> None:
    """Add a mapping with this trigger in Segment; its fields are those of the catalogue.

    type = "track" and event = "Song Played"
    """
    scene.record_actor(person)
    slugs = {known.title: known.slug for known in ACTIONS.values()}
    if action not in slugs:
        raise EmulatorError(
            f"there is no action {action!r}", person, suggest_name(action, list(slugs))
        )
    scene.emulator.client.add_subscription(
        {"name": name, "actionSlug": slugs[action], "trigger": docstring.strip()}
    )


@given(StepPattern('{person:w} removes the mapping "{name}"'))
@when(StepPattern('{person:w} removes the mapping "{name}"'))
def removes_mapping(scene: ScenarioContext, person: str, name: str) -> None:
    """Remove a mapping in Segment; only other mappings can send its events."""
    scene.record_actor(person)
    scene.emulator.client.remove_subscription(_find_subscription_number(scene, name))


@given(StepPattern('{person:w} adds the custom identifier "{name}" from "{path}"'))
@when(StepPattern('{person:w} adds the custom identifier "{name}" from "{path}"'))
def adds_custom_identifier(scene: ScenarioContext, person: str, name: str, path: str) -> None:
    """Add an identifier to the account, the weakest; each mapping sends it from this path."""
    scene.record_actor(person)
    scene.emulator.client.add_identifier(name, path)


@given(StepPattern('{person:w} removes the identifier "{name}"'))
@when(StepPattern('{person:w} removes the identifier "{name}"'))
def removes_identifier(scene: ScenarioContext, person: str, name: str) -> None:
    """Remove an identifier of the account, so that it finds no profile any more."""
    scene.record_actor(person)
    scene.emulator.client.remove_identifier(name)


@then(StepPattern('InOne refuses because "{reason}"'))
def inone_refuses_with_reason(scene: ScenarioContext, reason: str) -> None:
    """Check the reason why InOne refused an integration, or a part of the reason."""
    require_nonempty_text("reason", reason, 'InOne refuses because ""')
    holds = reason in (scene.panel_refusal or "")
    actual_text = (
        f"It said: {scene.panel_refusal}." if scene.panel_refusal else "It did not refuse."
    )
    assert_claim_holds(
        scene, f'InOne refuses because "{reason}"', holds=holds, actual_text=actual_text
    )


@then("InOne shows exactly these integrations:")
def check_integrations_in_inone_panel(scene: ScenarioContext, datatable: StepTable) -> None:
    """Check Integration Name, Integration Type, Insider One Account Name and Revoked in InOne.

    | Integration Name | Revoked |
    | Shop             | false   |
    """
    columns = datatable[0]
    integrations = [
        _integration_to_columns(integration)
        for integration in scene.emulator.client.list_integrations()
    ]
    claim = "InOne shows exactly these integrations"
    require_known_name("column", columns, INTEGRATION_COLUMNS, claim)
    received = [format_row(integration, columns) for integration in integrations]
    expected = [format_row(row, columns) for row in parse_rows(datatable)]
    assert_rows_equal(scene, claim, columns, expected, received)


def _integration_to_columns(integration: JSONObject) -> JSONObject:
    return {
        "Integration Name": integration["name"],
        "Integration Type": integration["type"],
        "Insider One Account Name": integration["accountName"],
        "Revoked": integration["revokedAt"] is not None,
    }


def _get_actor_role(scene: ScenarioContext, person: str) -> str:
    scene.record_actor(person)
    if person not in scene.roles:
        remedy = f'Add first: Given {person} has the role "Administrator" in InOne.'
        raise EmulatorError(f"no step sets the role of {person}", "", remedy)
    return scene.roles[person]


def _find_created_integration(scene: ScenarioContext, name: str) -> JSONObject:
    if name not in scene.created_integrations:
        known = f"Known: {', '.join(scene.created_integrations) or 'none'}."
        raise EmulatorError(f"no step has created the integration {name!r}", "", known)
    return scene.created_integrations[name]


def _find_subscription_number(scene: ScenarioContext, name: str) -> int:
    numbers_by_name = {
        subscription["name"]: subscription["number"]
        for subscription in scene.emulator.client.get_destination()["subscriptions"]
    }
    if name not in numbers_by_name:
        raise EmulatorError(
            f"there is no mapping {name!r}", "", f"Known: {', '.join(numbers_by_name)}."
        )
    return int(numbers_by_name[name])


PATH_PREFIX = "$."  # what a value that is read from the call begins with


@given(StepPattern('the mapping "{mapping}" has this trigger:'))
def sets_mapping_trigger(scene: ScenarioContext, mapping: str, docstring: str) -> None:
    """Set the trigger of a mapping in Segment's own language, as the Mappings page shows it.

    type = "track" and event = "Wish Listed"
    """
    document, subscription = _copy_document_and_mapping(scene, mapping)
    subscription["trigger"] = docstring.strip()
    scene.open_changed_workspace(document)


@given(StepPattern('the mapping "{mapping}" has these fields:'))
def sets_mapping_fields(scene: ScenarioContext, mapping: str, datatable: StepTable) -> None:
    """Set fields of a mapping; $.properties.sku reads the call, an empty value removes a field.

    | field      | value               |
    | uuid       | $.properties.member |
    | parameters | {"shop": "web"}     |
    """
    document, subscription = _copy_document_and_mapping(scene, mapping)
    fields: JSONObject = _get_explicit_mapping_fields(subscription)
    values = parse_pairs(datatable, "field")
    for place in [name for name, _ in datatable[1:]]:
        _require_action_field(subscription, place)
        _set_mapping_field(fields, place, values.get(place))
    scene.open_changed_workspace(document)


def _copy_document_and_mapping(
    scene: ScenarioContext, mapping: str
) -> tuple[JSONObject, JSONObject]:
    """Return a copy of the workspace document, and a mapping (subscription) in it.

    Raises: EmulatorError.
    """
    document = deepcopy(scene.emulator.workspace.document)
    known = {
        subscription.get("name", ""): subscription
        for subscription in document["destination"]["subscriptions"]
    }
    if mapping not in known:
        remedy = suggest_name(mapping, list(known))
        raise EmulatorError(f"there is no mapping {mapping!r}", "the workspace", remedy)
    return document, known[mapping]


def _get_explicit_mapping_fields(subscription: JSONObject) -> JSONObject:
    """Return a subscription's mapping fields; first copy the action's defaults if it has none."""
    action = ACTIONS[subscription["actionSlug"]]
    settings: JSONObject = subscription.setdefault("settings", deepcopy(action.default_mapping))
    return settings


def _require_action_field(subscription: JSONObject, place: str) -> None:
    """Check for a step that the subscription's action has the mapping field that the step names.

    Raises: EmulatorError.
    """
    action = ACTIONS[subscription["actionSlug"]]
    known = [field.key for field in action.fields]
    name = place.partition(".")[0]
    if name not in known:
        what = f"the action {action.title!r} has no field {name!r}"
        raise EmulatorError(what, place, suggest_name(name, known))


def _set_mapping_field(fields: JSONObject, place: str, value: JSON) -> None:
    *outer, last = place.split(".")
    at = fields
    for step in outer:
        at = at.setdefault(step, {})
        if not isinstance(at, dict) or any(key.startswith("@") for key in at):
            remedy = f"Give {step} as a whole."
            raise EmulatorError(f"{step} has no nested fields", place, remedy)
    if value is None:
        at.pop(last, None)
    elif isinstance(value, str) and value.startswith(PATH_PREFIX):
        at[last] = {"@path": value}
    else:
        at[last] = value
