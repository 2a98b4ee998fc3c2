"""The control API's workspace: what a sandbox was made of, and another in its place."""

from flask import Blueprint

from segment_insider_emulator.harness import bodies
from segment_insider_emulator.parts import SandboxServices, current_services
from segment_insider_emulator.sandboxes import replace_current_workspace
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import redact_document

workspace_routes = Blueprint("workspaces", __name__, url_prefix="/emulator/v1/workspace")


@workspace_routes.get("")
def workspace() -> JSONObject:
    """The document, without what was changed of it since; keys are redacted."""
    return redact_document(current_services().workspace.document)


@workspace_routes.get("/current")
def current() -> JSONObject:
    """The document with what was changed of its destination since; keys are redacted."""
    return redact_document(current_workspace(current_services()))


def current_workspace(services: SandboxServices) -> JSONObject:
    """The document of a sandbox with its destination as it is now, keys included."""
    return {
        **services.workspace.document,
        "destination": services.destination_overrides.destination,
    }


@workspace_routes.put("")
def replace() -> JSONObject:
    """Use another workspace from now on: {"workspace": a preset's name or a document}.

    What was captured stays, and the sandbox's own keys, too; journeys begin afresh. The default
    sandbox has its file again after a restart.
    """
    asked = bodies.read_body({"workspace": str | dict})["workspace"]
    with replace_current_workspace(asked, "body.workspace") as services:
        services.journeys.reset()
    return redact_document(services.workspace.document)
