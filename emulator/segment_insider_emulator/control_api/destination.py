"""Control API routes for the destination's settings, its subscriptions and integrations."""

from collections.abc import Mapping
from unicodedata import category

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.control_api import request_parsing
from segment_insider_emulator.control_api.request_parsing import ID_ROUTE, parse_page_query
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.panel import RoleNotPermitted
from segment_insider_emulator.mapping.catalog import ACTIONS, SETTINGS_FIELDS
from segment_insider_emulator.storage.panel_settings import Integration
from segment_insider_emulator.storage.records import redact_secret
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.json_errors import error_response
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.workspace.validation import validate_document

destination_routes = Blueprint("destination", __name__, url_prefix="/emulator/v1/destination")

SECRET_SETTING = "ucd_key"
SUBSCRIPTION_FIELDS: Mapping[str, request_parsing.FieldType] = {
    "name": str,
    "actionSlug": str,
    "enabled": bool,
    "trigger": str,
    "settings": dict,
}


@destination_routes.get("")
def destination() -> JSONObject:
    """Return the current destination; its key is redacted."""
    return _destination_json(current_services().destination_overrides.destination)


@destination_routes.patch("")
def save() -> JSONObject:
    """Save the enabled switch, the settings, or both."""
    form = request_parsing.read_body({"enabled": bool, "settings": dict})
    settings = check_settings(form["settings"]) if "settings" in form else None
    return _destination_json(
        current_services().destination_overrides.save_settings(
            enabled=form.get("enabled"), settings=settings
        )
    )


@destination_routes.patch(f"/subscriptions/{ID_ROUTE}")
def change(id: int) -> JSONObject:
    """Enable or disable a subscription, or change its trigger or mapping; 1 is the first."""
    overrides = current_services().destination_overrides
    _abort_unless_subscription_exists(id)
    form = request_parsing.read_body({"enabled": bool, "trigger": str, "settings": dict})
    if "enabled" in form:
        overrides.set_subscription_enabled(id - 1, form.pop("enabled"))
    if form:
        overrides.edit_subscription(id - 1, form)
    return _subscription_json(id, overrides.destination["subscriptions"][id - 1])


@destination_routes.post("/subscriptions")
def add() -> tuple[JSONObject, int]:
    """Add a subscription as the last one; missing fields get the action's defaults."""
    overrides = current_services().destination_overrides
    subscription = request_parsing.read_body(SUBSCRIPTION_FIELDS)
    current_subscriptions = overrides.destination["subscriptions"]
    _refuse_invalid_subscriptions([*current_subscriptions, subscription])
    changed = overrides.replace_subscriptions([*current_subscriptions, subscription])[
        "subscriptions"
    ]
    return _subscription_json(len(changed), changed[-1]), 201


@destination_routes.delete(f"/subscriptions/{ID_ROUTE}")
def remove(id: int) -> JSONObject:
    """Remove a subscription; later ones move up. Returns the destination."""
    overrides = current_services().destination_overrides
    _abort_unless_subscription_exists(id)
    remaining = [
        each for at, each in enumerate(overrides.destination["subscriptions"], 1) if at != id
    ]
    return _destination_json(
        {**overrides.destination, **overrides.replace_subscriptions(remaining)}
    )


def _abort_unless_subscription_exists(id: int) -> None:
    if not 1 <= id <= len(current_services().destination_overrides.destination["subscriptions"]):
        remedy = "List them with GET /emulator/v1/destination."
        abort(error_response(404, f"there is no subscription {id}", request.path, remedy))


def _refuse_invalid_subscriptions(subscriptions: list[JSONObject]) -> None:
    document = current_services().workspace.document
    destination = {**document["destination"], "subscriptions": subscriptions}
    for finding in validate_document({**document, "destination": destination}):
        raise EmulatorError(finding.what, finding.where, finding.remedy)


def check_settings(settings_json: JSONObject) -> JSONObject:
    """Return the settings when Segment's form accepts them. Raises: EmulatorError.

    Raises: EmulatorError.
    """
    settings = request_parsing.check_fields(
        settings_json, {field.key: str for field in SETTINGS_FIELDS}, "body.settings"
    )
    for field in SETTINGS_FIELDS:
        if wrong := _describe_invalid_setting(settings.get(field.key)):
            remedy = "Copy it from the InOne panel."
            raise EmulatorError(f"{field.label} {wrong}", f"body.settings.{field.key}", remedy)
    return settings


def _describe_invalid_setting(value: str | None) -> str | None:
    """Return what is wrong with a setting, without repeating its value: it may be a key."""
    if value is None:
        return None
    if not value:
        return "is empty"  # Segment's form lets neither be. (observed in the destination's source)
    # Assumed: a header carries either, and HTTP has no way to write these in one.
    if value != value.strip() or any(category(each) == "Cc" for each in value):
        return "has blanks around it, or control characters in it"
    return None


def _destination_json(destination: JSONObject) -> JSONObject:
    settings = {field.key: destination["settings"][field.key] for field in SETTINGS_FIELDS}
    return {
        "name": destination.get("name"),
        "enabled": destination["enabled"],
        "settings": {**settings, SECRET_SETTING: redact_secret(settings[SECRET_SETTING])},
        "subscriptions": [
            _subscription_json(number, each)
            for number, each in enumerate(destination["subscriptions"], 1)
        ],
    }


def _subscription_json(number: int, subscription: JSONObject) -> JSONObject:
    return {
        "number": number,
        "name": subscription["name"],
        "actionSlug": subscription["actionSlug"],
        "enabled": subscription["enabled"],
        "trigger": subscription.get("trigger", ACTIONS[subscription["actionSlug"]].trigger),
    }


panel_routes = Blueprint("panel", __name__, url_prefix="/emulator/v1/panel")

ROLE_HEADER = "X-InOne-Role"  # who acts: the emulator has roles, and no accounts to log in to


@panel_routes.get("/integrations")
def integrations() -> JSONObject:
    """List the integrations that can send to the account, oldest first; keys are redacted."""
    query = parse_page_query(request.args, ())
    later = [
        each
        for each in current_services().insider_panel.list_integrations()
        if each.id > query.after
    ]
    page = later[: query.limit]
    following = page[-1].id if len(later) > query.limit else None
    return {"integrations": [_integration_json(each) for each in page], "next": following}


@panel_routes.post("/integrations")
def create() -> tuple[JSONObject, int]:
    """Create an integration; only this response contains its key."""
    form = request_parsing.read_body({"name": str, "type": str}, min_fields=2)
    integration, key = current_services().insider_panel.create_integration(
        form["name"], form["type"], _request_role()
    )
    return {**_integration_json(integration), "key": key}, 201


@panel_routes.delete(f"/integrations/{ID_ROUTE}")
def revoke(id: int) -> JSONObject:
    """Revoke an integration's key; the integration stays in the list."""
    revoked = current_services().insider_panel.revoke_integration(id, _request_role())
    if revoked is None:
        remedy = "List them with GET /emulator/v1/panel/integrations."
        abort(error_response(404, f"there is no integration {id}", request.path, remedy))
    return _integration_json(revoked)


@panel_routes.errorhandler(RoleNotPermitted)
def handle_not_permitted(error: RoleNotPermitted) -> Response:
    """Answer 403 when the role lacks the permission."""
    return error_response(403, error.what, ROLE_HEADER, error.remedy)


def _request_role() -> str:
    return request.headers.get(ROLE_HEADER, "")


def _integration_json(integration: Integration) -> JSONObject:
    return {
        "id": integration.id,
        "name": integration.name,
        "type": integration.type,
        "accountName": current_services().insider_panel.account_name,
        "key": integration.key_shown,
        "origin": integration.origin,
        "createdAt": integration.created_at,
        "createdBy": integration.created_by,
        "revokedAt": integration.revoked_at,
    }
