"""Control API routes of sandboxes and their workspaces."""

from collections.abc import Mapping

from flask import Blueprint, Response, request

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.control_api import request_parsing
from segment_insider_emulator.control_api.clock import RESET_FIELDS, parse_reset_time
from segment_insider_emulator.control_api.request_parsing import refuse_parameters
from segment_insider_emulator.errors import ConflictError
from segment_insider_emulator.storage.records import redact_secret
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web import sandbox_routing as known
from segment_insider_emulator.web.access import request_base_url
from segment_insider_emulator.web.json_errors import error_response
from segment_insider_emulator.web.sandbox_registry import Sandbox
from segment_insider_emulator.web.sandbox_routing import replace_current_workspace
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.model import redact_document

workspace_routes = Blueprint("workspaces", __name__, url_prefix="/emulator/v1/workspace")


@workspace_routes.get("")
def workspace() -> JSONObject:
    """Return the workspace without later changes; keys are redacted."""
    return redact_document(current_services().workspace.document)


@workspace_routes.get("/current")
def current() -> JSONObject:
    """Return the workspace with later changes of its destination; keys are redacted."""
    return redact_document(current_workspace(current_services()))


def current_workspace(services: SandboxServices) -> JSONObject:
    """Return the workspace with the current destination, keys included."""
    return {
        **services.workspace.document,
        "destination": services.destination_overrides.destination,
    }


@workspace_routes.put("")
def replace() -> JSONObject:
    """Replace the workspace: {"workspace": a preset's name or a document}.

    What was captured stays, and the sandbox's own keys, too; journeys begin afresh. The default
    sandbox has its file again after a restart.
    """
    asked = request_parsing.read_body({"workspace": str | dict})["workspace"]
    with replace_current_workspace(asked, "body.workspace") as services:
        services.journeys.reset()
    return redact_document(services.workspace.document)


sandbox_routes = Blueprint("sandboxes", __name__, url_prefix="/emulator/v1/sandboxes")

SANDBOX_FIELDS: Mapping[str, request_parsing.FieldType] = {
    "id": str,
    "workspace": str | dict,
    "writeKey": str,
    "account": str,
    "key": str,
    "now": str,
}


@sandbox_routes.get("")
def sandboxes() -> JSONObject:
    """List the caller's sandboxes, the default one first; keys are redacted."""
    refuse_parameters(request.args)
    return {"sandboxes": [_sandbox_json(each) for each in known.visible_sandboxes()], "next": None}


@sandbox_routes.post("")
def create() -> tuple[JSONObject, int]:
    """Create a sandbox; only this response contains the key of its account.

    With "now" the clock is frozen at that time.
    """
    order = request_parsing.read_body(SANDBOX_FIELDS, min_fields=0)
    now = parse_reset_time(order)
    created_sandbox = known.create_sandbox(
        id=order.get("id"),
        workspace=order.get("workspace"),
        write_key=order.get("writeKey"),
        account=order.get("account"),
        key=order.get("key"),
    )
    if now:
        created_sandbox.services.clock.reset(now)
    return {**_sandbox_json(created_sandbox), "key": created_sandbox.record.key}, 201


@sandbox_routes.get("/<id>")
def sandbox(id: str) -> JSONObject:
    """Return one sandbox; its key is redacted."""
    return _sandbox_json(known.find_sandbox(id))


@sandbox_routes.post("/<id>/reset")
def reset(id: str) -> JSONObject:
    """Reset a sandbox, see POST /emulator/v1/reset."""
    known.find_sandbox(id).services.reset(
        parse_reset_time(request_parsing.read_body(RESET_FIELDS, min_fields=0))
    )
    return {}


@sandbox_routes.delete("/<id>")
def delete(id: str) -> JSONObject:
    """Delete a sandbox and all its data."""
    known.delete_sandbox(id)
    return {}


@sandbox_routes.errorhandler(ConflictError)
def handle_conflict(error: ConflictError) -> Response:
    """Answer 409 when existing sandboxes do not allow the request."""
    return error_response(409, error.what, error.where, error.remedy)


def _sandbox_json(sandbox: Sandbox) -> JSONObject:
    described, services = sandbox.record, sandbox.services
    return {
        "id": described.id,
        "url": f"{request_base_url()}/sandboxes/{described.id}",
        "writeKey": described.write_key,
        "account": described.account,
        "key": redact_secret(described.key),
        "workspace": services.workspace.source_name,
        "now": format_iso_utc(services.clock()),
        "createdAt": described.created_at,
        "team": described.team,
    }
