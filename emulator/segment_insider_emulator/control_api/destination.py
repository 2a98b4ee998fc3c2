"""Control API routes for the destination's settings, its subscriptions and integrations."""

from collections.abc import Sequence
from unicodedata import category

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.control_api.models import (
    DestinationModel,
    IdentifierListModel,
    IntegrationModel,
    IntegrationPageModel,
    SubscriptionModel,
)
from segment_insider_emulator.control_api.openapi import PAGE_PARAMETERS, api_operation
from segment_insider_emulator.control_api.request_parsing import (
    ID_ROUTE,
    NewIdentifierBody,
    NewIntegrationBody,
    NewSubscriptionBody,
    SaveDestinationBody,
    SubscriptionChangeBody,
    check_body_fields,
    parse_page_query,
    read_request_body,
)
from segment_insider_emulator.delivery.destination_overrides import DestinationChange
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.account import EDITOR_ROLES, RoleNotPermitted
from segment_insider_emulator.mapping.catalog import ACTIONS, SETTINGS_FIELDS
from segment_insider_emulator.storage.panel_settings import Integration
from segment_insider_emulator.storage.records import redact_secret
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.json_errors import build_json_error_response
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.edits import WorkspaceEdit, apply_workspace_edit
from segment_insider_emulator.workspace.validation import validate_document

SECRET_SETTING = "ucd_key"
MAX_IDENTIFIERS = 50
MAX_IDENTIFIER_LENGTH = 200
CUSTOM_IDENTIFIERS_FIELD = "custom_identifiers"
PROFILE_ACTION = "updateUserProfile"
ROLE_HEADER = "X-InOne-Role"  # the role of the user: the emulator has roles, but no user accounts

_ROLE_PARAMETER: JSONObject = {ROLE_HEADER: {"enum": list(EDITOR_ROLES)}}

destination_routes = Blueprint("destination", __name__, url_prefix="/emulator/v1/destination")
panel_routes = Blueprint("panel", __name__, url_prefix="/emulator/v1/panel")


@destination_routes.get("", endpoint="destination")
@api_operation()
def get_destination() -> DestinationModel:
    """Return the current destination; its key is redacted."""
    return _build_destination_model(current_services().destination_overrides.current_destination)


@destination_routes.patch("", endpoint="save")
@api_operation(body=SaveDestinationBody, example={"enabled": True})
def save_destination() -> DestinationModel:
    """Save the destination's enabled switch, its settings, or both."""
    body = read_request_body(SaveDestinationBody)
    settings = check_destination_settings(body["settings"]) if "settings" in body else None
    return _build_destination_model(
        current_services().destination_overrides.save_destination_settings(
            enabled=body.get("enabled"), settings=settings
        )
    )


@destination_routes.patch(f"/subscriptions/{ID_ROUTE}", endpoint="change")
@api_operation(body=SubscriptionChangeBody, example={"enabled": False}, errors=(404,))
def change_subscription(id: int) -> SubscriptionModel:
    """Enable or disable a subscription, or change its trigger or mapping; 1 is the first."""
    overrides = current_services().destination_overrides
    _abort_unless_subscription_exists(id)
    changes = read_request_body(SubscriptionChangeBody)
    if "enabled" in changes:
        overrides.set_subscription_enabled(id - 1, changes.pop("enabled"))
    if changes:
        overrides.edit_subscription(id - 1, changes)
    return _build_subscription_model(id, overrides.current_destination["subscriptions"][id - 1])


@destination_routes.post("/subscriptions", endpoint="add")
@api_operation(
    body=NewSubscriptionBody, example={"name": "Songs", "actionSlug": "trackEvent"}, status=201
)
def add_subscription() -> SubscriptionModel:
    """Add a subscription as the last one; missing fields get the action's defaults."""
    overrides = current_services().destination_overrides
    subscriptions = [
        *overrides.current_destination["subscriptions"],
        read_request_body(NewSubscriptionBody),
    ]
    _refuse_invalid_subscriptions(subscriptions)
    title = f"Mapping {subscriptions[-1]['name']} added"
    changed = overrides.replace_subscriptions(subscriptions, title)["subscriptions"]
    return _build_subscription_model(len(changed), changed[-1])


@destination_routes.delete(f"/subscriptions/{ID_ROUTE}", endpoint="remove")
@api_operation(errors=(404,))
def remove_subscription(id: int) -> DestinationModel:
    """Remove a subscription; later ones move up. Returns the destination."""
    overrides = current_services().destination_overrides
    _abort_unless_subscription_exists(id)
    remaining = list(overrides.current_destination["subscriptions"])
    title = f"Mapping {remaining.pop(id - 1)['name']} removed"
    return _build_destination_model(overrides.replace_subscriptions(remaining, title))


@panel_routes.get("/integrations", endpoint="integrations")
@api_operation(query=PAGE_PARAMETERS)
def list_integrations() -> IntegrationPageModel:
    """List the integrations that can send to the account, oldest first; keys are redacted."""
    query = parse_page_query(request.args, ())
    integrations = current_services().insider_panel.list_integrations()
    later = [integration for integration in integrations if integration.id > query.after]
    page = later[: query.limit]
    return IntegrationPageModel(
        integrations=[
            _build_integration_model(integration, integration.key_shown) for integration in page
        ],
        next=page[-1].id if len(later) > query.limit else None,
    )


@panel_routes.post("/integrations", endpoint="create")
@api_operation(
    body=NewIntegrationBody,
    example={"name": "Segment", "type": "Source"},
    headers=_ROLE_PARAMETER,
    status=201,
)
def create_integration() -> IntegrationModel:
    """Create an integration; only this response contains its key."""
    body = read_request_body(NewIntegrationBody, min_fields=2)
    integration, key = current_services().insider_panel.create_integration(
        body["name"], body["type"], _read_request_role()
    )
    return _build_integration_model(integration, key)


@panel_routes.delete(f"/integrations/{ID_ROUTE}", endpoint="revoke")
@api_operation(headers=_ROLE_PARAMETER, errors=(404,))
def revoke_integration(id: int) -> IntegrationModel:
    """Revoke an integration's key; the integration stays in the list."""
    integration = current_services().insider_panel.revoke_integration(id, _read_request_role())
    if integration is None:
        remedy = "List them with GET /emulator/v1/panel/integrations."
        abort(build_json_error_response(404, f"there is no integration {id}", request.path, remedy))
    return _build_integration_model(integration, integration.key_shown)


@panel_routes.get("/identifiers", endpoint="identifiers")
@api_operation()
def list_identifiers() -> IdentifierListModel:
    """List the identifiers that resolve profiles, strongest first."""
    return _build_identifier_list()


@panel_routes.post("/identifiers", endpoint="add_identifier")
@api_operation(
    body=NewIdentifierBody,
    example={"name": "loyalty_id", "path": "traits.loyaltyId"},
    status=201,
)
def create_identifier() -> IdentifierListModel:
    """Add a custom identifier, the weakest; with a path, each mapping sends it."""
    body = read_request_body(NewIdentifierBody)
    add_identifier(current_services(), body["name"], body.get("path", ""))
    return _build_identifier_list()


@panel_routes.delete("/identifiers/<id>", endpoint="remove_identifier")
@api_operation(errors=(404,))
def delete_identifier(id: str) -> IdentifierListModel:
    """Remove an identifier, by its name, so that it finds no profile any more."""
    names = current_services().destination_overrides.current_identifiers
    if id not in names:
        remedy = "List them with GET /emulator/v1/panel/identifiers."
        abort(build_json_error_response(404, f"there is no identifier {id}", request.path, remedy))
    remaining = [name for name in names if name != id]
    replace_identifiers(current_services(), remaining, f"Identifier {id} removed")
    return _build_identifier_list()


def _build_identifier_list() -> IdentifierListModel:
    names = current_services().destination_overrides.current_identifiers
    return IdentifierListModel(identifiers=list(names))


def add_identifier(services: SandboxServices, name: str, path: str = "") -> DestinationChange:
    """Add a custom identifier to a sandbox's account, as the weakest.

    Args:
        path: Path in the event, from which each mapping then sends it, e.g. "traits.loyaltyId";
            "" leaves the mappings unchanged.
    Raises: EmulatorError.
    """
    overrides = services.destination_overrides
    destination = overrides.current_destination
    if path := path.strip().removeprefix("$."):
        destination = _map_custom_identifier(destination, name, path)
    names = [*overrides.current_identifiers, name]
    return replace_identifiers(services, names, f"Identifier {name} added", destination)


def replace_identifiers(
    services: SandboxServices,
    names: Sequence[str],
    title: str,
    destination: JSONObject | None = None,
) -> DestinationChange:
    """Replace the identifiers of a sandbox's account, strongest first, and its *destination*.

    Raises: EmulatorError, when the names are invalid, too many or repeated.
    """
    if len(names) > MAX_IDENTIFIERS or any(len(name) > MAX_IDENTIFIER_LENGTH for name in names):
        remedy = f"Keep {MAX_IDENTIFIERS} of up to {MAX_IDENTIFIER_LENGTH} characters."
        raise EmulatorError("too many identifiers, or a name is too long", "body.name", remedy)
    document = services.workspace.document
    insider = {**document.get("insider", {}), "identifiers": list(names)}
    for finding in validate_document({**document, "insider": insider}):
        raise EmulatorError(finding.what, "body.name", finding.remedy)
    overrides = services.destination_overrides
    destination = destination or overrides.current_destination
    return overrides.replace_destination(destination, title, identifiers=names)


def _map_custom_identifier(destination: JSONObject, name: str, path: str) -> JSONObject:
    """Return *destination* with a custom identifier in each mapping that can send one.

    Only identify calls have `traits`; the mappings of other calls read them in the context.
    """
    for index, subscription in enumerate(destination["subscriptions"]):
        action = ACTIONS[subscription["actionSlug"]]
        is_event = action.slug != PROFILE_ACTION and path.startswith("traits.")
        mapping = {"@path": f"$.context.{path}" if is_event else f"$.{path}"}
        if any(field.key == CUSTOM_IDENTIFIERS_FIELD for field in action.fields):
            keys = ("subscriptions", index, "settings", CUSTOM_IDENTIFIERS_FIELD, name)
            destination = apply_workspace_edit(destination, WorkspaceEdit(keys, mapping))
    return destination


@panel_routes.errorhandler(RoleNotPermitted)
def handle_role_not_permitted(error: RoleNotPermitted) -> Response:
    """Error handler: answer 403 when the role of the InOne panel lacks the permission."""
    return build_json_error_response(403, error.what, ROLE_HEADER, error.remedy)


def _abort_unless_subscription_exists(id: int) -> None:
    if (
        not 1
        <= id
        <= len(current_services().destination_overrides.current_destination["subscriptions"])
    ):
        remedy = "List them with GET /emulator/v1/destination."
        abort(
            build_json_error_response(404, f"there is no subscription {id}", request.path, remedy)
        )


def _refuse_invalid_subscriptions(subscriptions: list[JSONObject]) -> None:
    document = current_services().workspace.document
    destination = {**document["destination"], "subscriptions": subscriptions}
    for finding in validate_document({**document, "destination": destination}):
        raise EmulatorError(finding.what, finding.where, finding.remedy)


def check_destination_settings(settings_json: JSONObject) -> JSONObject:
    """Return the destination's settings when Segment's form accepts them, else raise an error.

    Raises: EmulatorError.
    """
    settings = check_body_fields(
        settings_json, {field.key: (str,) for field in SETTINGS_FIELDS}, "body.settings"
    )
    for field in SETTINGS_FIELDS:
        if wrong := _describe_invalid_setting(settings.get(field.key)):
            remedy = "Copy it from the InOne panel."
            raise EmulatorError(f"{field.label} {wrong}", f"body.settings.{field.key}", remedy)
    return settings


def _describe_invalid_setting(value: str | None) -> str | None:
    """Return what is wrong with a destination setting, without its value: it may be a key."""
    if value is None:
        return None
    if not value:
        return "is empty"  # Segment's form lets neither be. (observed in the destination's source)
    # Assumed: both settings are sent in headers, where HTTP does not allow these characters.
    if value != value.strip() or any(category(character) == "Cc" for character in value):
        return "has spaces around it or control characters in it"
    return None


def _build_destination_model(destination: JSONObject) -> DestinationModel:
    settings = {field.key: destination["settings"][field.key] for field in SETTINGS_FIELDS}
    return DestinationModel(
        name=destination.get("name"),
        enabled=destination["enabled"],
        settings={**settings, SECRET_SETTING: redact_secret(settings[SECRET_SETTING])},
        subscriptions=[
            _build_subscription_model(number, subscription)
            for number, subscription in enumerate(destination["subscriptions"], 1)
        ],
    )


def _build_subscription_model(number: int, subscription: JSONObject) -> SubscriptionModel:
    action_slug = subscription["actionSlug"]
    return SubscriptionModel(
        number=number,
        name=subscription["name"],
        action_slug=action_slug,
        enabled=subscription["enabled"],
        trigger=subscription.get("trigger", ACTIONS[action_slug].trigger),
    )


def _build_integration_model(integration: Integration, key: str) -> IntegrationModel:
    return IntegrationModel(
        id=integration.id,
        name=integration.name,
        type=integration.type,
        account_name=current_services().insider_panel.account_name,
        key=key,
        origin=integration.origin,
        created_at=integration.created_at,
        created_by=integration.created_by,
        revoked_at=integration.revoked_at,
    )


def _read_request_role() -> str:
    return request.headers.get(ROLE_HEADER, "")
