"""The InOne panel's External Integrations as addresses of the control API."""

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.answers import fault
from segment_insider_emulator.capture.panel import Integration
from segment_insider_emulator.harness import bodies
from segment_insider_emulator.harness.queries import ID, read
from segment_insider_emulator.insider.panel import NotPermitted
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject

bp = Blueprint("panel", __name__, url_prefix="/emulator/v1/panel")

ROLE = "X-InOne-Role"  # who acts: the emulator has roles, and no accounts to log in to


@bp.get("/integrations")
def integrations() -> JSONObject:
    """Who may send to the account, oldest first; keys are redacted."""
    query = read(request.args, ())
    later = [each for each in parts().panel.integrations() if each.id > query.after]
    page = later[: query.limit]
    following = page[-1].id if len(later) > query.limit else None
    return {"integrations": [_shown(each) for each in page], "next": following}


@bp.post("/integrations")
def create() -> tuple[JSONObject, int]:
    """Save an integration; the only answer that has its key."""
    form = bodies.read({"name": str, "type": str}, required=2)
    made, key = parts().panel.create(form["name"], form["type"], _role())
    return {**_shown(made), "key": key}, 201


@bp.delete(f"/integrations/{ID}")
def revoke(id: int) -> JSONObject:
    """End an integration's key; it stays in the list."""
    revoked = parts().panel.revoke(id, _role())
    if revoked is None:
        remedy = "List them with GET /emulator/v1/panel/integrations."
        abort(fault(404, f"there is no integration {id}", request.path, remedy))
    return _shown(revoked)


@bp.errorhandler(NotPermitted)
def refuse(error: NotPermitted) -> Response:
    """The panel's answer to a role without the right."""
    return fault(403, error.what, ROLE, error.remedy)


def _role() -> str:
    return request.headers.get(ROLE, "")


def _shown(integration: Integration) -> JSONObject:
    return {
        "id": integration.id,
        "name": integration.name,
        "type": integration.type,
        "accountName": parts().panel.account_name,
        "key": integration.key_shown,
        "origin": integration.origin,
        "createdAt": integration.created_at,
        "createdBy": integration.created_by,
        "revokedAt": integration.revoked_at,
    }
