"""The InOne panel's External Integrations as addresses of the control API."""

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.answers import error_response
from segment_insider_emulator.capture.panel import Integration
from segment_insider_emulator.harness import bodies
from segment_insider_emulator.harness.queries import ID_ROUTE, parse_page_query
from segment_insider_emulator.insider.panel import RoleNotPermitted
from segment_insider_emulator.parts import current_services
from segment_insider_emulator.types import JSONObject

panel_routes = Blueprint("panel", __name__, url_prefix="/emulator/v1/panel")

ROLE_HEADER = "X-InOne-Role"  # who acts: the emulator has roles, and no accounts to log in to


@panel_routes.get("/integrations")
def integrations() -> JSONObject:
    """Who may send to the account, oldest first; keys are redacted."""
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
    """Save an integration; the only answer that has its key."""
    form = bodies.read_body({"name": str, "type": str}, min_fields=2)
    integration, key = current_services().insider_panel.create_integration(
        form["name"], form["type"], _request_role()
    )
    return {**_integration_json(integration), "key": key}, 201


@panel_routes.delete(f"/integrations/{ID_ROUTE}")
def revoke(id: int) -> JSONObject:
    """End an integration's key; it stays in the list."""
    revoked = current_services().insider_panel.revoke_integration(id, _request_role())
    if revoked is None:
        remedy = "List them with GET /emulator/v1/panel/integrations."
        abort(error_response(404, f"there is no integration {id}", request.path, remedy))
    return _integration_json(revoked)


@panel_routes.errorhandler(RoleNotPermitted)
def handle_not_permitted(error: RoleNotPermitted) -> Response:
    """The panel's answer to a role without the right."""
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
