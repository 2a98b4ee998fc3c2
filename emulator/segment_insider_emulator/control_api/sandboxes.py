"""Control API routes of sandboxes, their workspaces and the coverage of these."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.clock import format_iso_utc
from segment_insider_emulator.control_api.check_models import (
    CoverageModel,
)
from segment_insider_emulator.control_api.clock import RESET_EXAMPLE, parse_reset_time
from segment_insider_emulator.control_api.destination import (
    MAX_IDENTIFIER_LENGTH,
    MAX_IDENTIFIERS,
)
from segment_insider_emulator.control_api.message_models import (
    EMPTY_FILTER_REPORT,
)
from segment_insider_emulator.control_api.models import (
    ChangeListModel,
    ChangeModel,
    EmptyModel,
    SandboxListModel,
    SandboxModel,
)
from segment_insider_emulator.control_api.openapi import api_operation
from segment_insider_emulator.control_api.request_parsing import (
    NewSandboxBody,
    ReplaceWorkspaceBody,
    ResetBody,
    WorkspaceChangeBody,
    read_request_body,
    refuse_query_parameters,
)
from segment_insider_emulator.delivery.destination_overrides import DestinationChange
from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.insider.journey_runner import serialize_journey
from segment_insider_emulator.storage.records import redact_secret
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web import sandbox_routing
from segment_insider_emulator.web.host_check import (
    get_request_base_url,
)
from segment_insider_emulator.web.json_errors import build_json_error_response
from segment_insider_emulator.web.sandbox_registry import Sandbox
from segment_insider_emulator.web.sandbox_routing import (
    SANDBOX_PATH_PREFIX,
    get_root_path,
    replace_current_workspace,
)
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.edits import (
    IDENTIFIER_KEYS,
    MAX_EDITS,
    WorkspaceEdit,
    apply_workspace_edit,
    describe_edit,
    parse_workspace_edit,
)
from segment_insider_emulator.workspace.model import redact_workspace_document
from segment_insider_emulator.workspace.validation import validate_document

if TYPE_CHECKING:
    from segment_insider_emulator.analysis.coverage_rows import CoverageReport


PRESET_EXAMPLE: JSONObject = {"workspace": "guide"}

CHANGE_EXAMPLE: JSONObject = {
    "edits": [{"keys": ["subscriptions", 0, "settings", "uuid"], "value": {"@path": "$.userId"}}]
}

sandbox_routes = Blueprint("sandboxes", __name__, url_prefix="/emulator/v1/sandboxes")
workspace_routes = Blueprint("workspaces", __name__, url_prefix="/emulator/v1/workspace")


@sandbox_routes.get("", endpoint="sandboxes")
@api_operation()
def list_sandboxes() -> SandboxListModel:
    """List the caller's sandboxes, the default one first; keys are redacted."""
    refuse_query_parameters(request.args)
    models = [
        _build_sandbox_model(sandbox) for sandbox in sandbox_routing.list_accessible_sandboxes()
    ]
    return SandboxListModel(sandboxes=models, next=None)


@sandbox_routes.post("", endpoint="create")
@api_operation(body=NewSandboxBody, example=PRESET_EXAMPLE, status=201, errors=(409,))
def create_sandbox() -> SandboxModel:
    """Create a sandbox; only this response contains the key of its account.

    With "now" the clock is frozen at that time.
    """
    body = read_request_body(NewSandboxBody, min_fields=0)
    now = parse_reset_time(body)
    sandbox = sandbox_routing.create_sandbox_for_caller(
        id=body.get("id"),
        workspace=body.get("workspace"),
        write_key=body.get("writeKey"),
        account=body.get("account"),
        key=body.get("key"),
    )
    if now:
        sandbox.services.clock.reset(now)
    model = _build_sandbox_model(sandbox)
    model.key = sandbox.record.key
    return model


@sandbox_routes.get("/<id>", endpoint="sandbox")
@api_operation(errors=(404,))
def get_sandbox(id: str) -> SandboxModel:
    """Return one sandbox; its key is redacted."""
    return _build_sandbox_model(sandbox_routing.find_accessible_sandbox(id))


@sandbox_routes.post("/<id>/reset", endpoint="reset")
@api_operation(body=ResetBody, example=RESET_EXAMPLE, errors=(404,))
def reset_sandbox(id: str) -> EmptyModel:
    """Reset a sandbox, see POST /emulator/v1/reset."""
    sandbox = sandbox_routing.find_accessible_sandbox(id)
    sandbox.services.reset_sandbox(parse_reset_time(read_request_body(ResetBody, min_fields=0)))
    return EmptyModel()


@sandbox_routes.delete("/<id>", endpoint="delete")
@api_operation(errors=(404, 409))
def delete_sandbox(id: str) -> EmptyModel:
    """Delete a sandbox and all its data."""
    sandbox_routing.delete_accessible_sandbox(id)
    return EmptyModel()


@sandbox_routes.errorhandler(ConflictError)
@workspace_routes.errorhandler(ConflictError)
def handle_sandbox_conflict(error: ConflictError) -> Response:
    """Answer 409 when existing sandboxes or later changes do not allow the request."""
    return build_json_error_response(409, error.what, error.where, error.remedy)


@workspace_routes.get("", endpoint="workspace")
@api_operation()
def get_loaded_workspace() -> JSONObject:
    """Return the workspace as it was loaded, without later changes; keys are redacted."""
    return redact_workspace_document(current_services().workspace.document)


@workspace_routes.get("/current", endpoint="current")
@api_operation()
def get_current_workspace() -> JSONObject:
    """Control API view: return the workspace as changed since the start; keys are redacted."""
    return redact_workspace_document(build_current_workspace_document(current_services()))


@workspace_routes.put("", endpoint="replace")
@api_operation(body=ReplaceWorkspaceBody, example=PRESET_EXAMPLE)
def replace_workspace() -> JSONObject:
    """Replace the sandbox's workspace: {"workspace": a preset's name or a document}.

    Stored data and the sandbox's own keys stay; journeys start anew. After a restart the default
    sandbox has its file again.
    """
    requested = read_request_body(ReplaceWorkspaceBody)["workspace"]
    with replace_current_workspace(requested, "body.workspace") as services:
        services.journeys.delete_all_runs()
    return redact_workspace_document(services.workspace.document)


@workspace_routes.get("/changes", endpoint="changes")
@api_operation()
def list_changes() -> ChangeListModel:
    """List the changes of the destination since the workspace was loaded, oldest first."""
    changes = current_services().destination_overrides.changes
    return ChangeListModel(changes=[_build_change_model(change) for change in changes])


@workspace_routes.post("/changes", endpoint="change")
@api_operation(body=WorkspaceChangeBody, example=CHANGE_EXAMPLE, status=201, errors=(409,))
def change_workspace() -> ChangeModel:
    """Change values of the destination, as *Apply* of the pages does; all of them, or none."""
    edits = read_request_body(WorkspaceChangeBody)["edits"]
    if len(edits) > MAX_EDITS:
        raise EmulatorError(f"more than {MAX_EDITS} edits", "body.edits", "Send several changes.")
    change = apply_edits_to_sandbox(current_services(), [_parse_edit(edit) for edit in edits], None)
    return _build_change_model(change)


def _parse_edit(edit: JSON) -> WorkspaceEdit:
    members = edit if isinstance(edit, dict) else {}
    text = orjson.dumps({"removedKey": None, **members}).decode()
    try:
        return parse_workspace_edit(text)
    except EmulatorError as error:
        remedy = f"Send an edit such as {orjson.dumps(CHANGE_EXAMPLE['edits'][0]).decode()}."
        raise EmulatorError(error.what, "body.edits", remedy) from error


@workspace_routes.post("/changes/<id>/undo", endpoint="undo")
@api_operation(errors=(409,))
def undo_change(id: str) -> ChangeModel:
    """Undo the newest change: the destination is exactly as before it."""
    return _build_change_model(current_services().destination_overrides.undo_change(id))


def build_current_workspace_document(services: SandboxServices) -> JSONObject:
    """Return the workspace document with all changes since its load, keys included."""
    document, overrides = services.workspace.document, services.destination_overrides
    current = {**document, "destination": overrides.current_destination}
    if overrides.current_identifiers != services.workspace.identifiers:
        identifiers = list(overrides.current_identifiers)
        current["insider"] = {**document.get("insider", {}), "identifiers": identifiers}
    known_causes = [entry.to_json() for entry in services.known_causes.list_all()]
    return {**current, "knownCauses": known_causes} if known_causes else current


def apply_edits_to_sandbox(
    services: SandboxServices, edits: Sequence[WorkspaceEdit], seen_fingerprint: str | None
) -> DestinationChange:
    """Apply edits to a sandbox's current destination, as one change.

    Raises: ConflictError, when the workspace has changed since it was seen; EmulatorError, when
        there are no edits, or they make it invalid.
    """
    if not edits:
        raise EmulatorError("there is no edit to apply", "edit", "Load the page again.")
    destination = services.destination_overrides.current_destination
    title = describe_edit(edits[0], destination)
    if len(edits) > 1:
        title += f", and {len(edits) - 1} more"
    identifiers: JSON = None
    for edit in edits:
        if edit.keys == IDENTIFIER_KEYS:
            identifiers = edit.value
        else:
            destination = apply_workspace_edit(destination, edit)
    return replace_sandbox_destination(
        services, destination, title, seen_fingerprint, identifiers=identifiers
    )


def replace_sandbox_destination(
    services: SandboxServices,
    destination: JSONObject,
    title: str,
    seen_fingerprint: str | None = None,
    *,
    identifiers: JSON = None,
) -> DestinationChange:
    """Replace a sandbox's destination, and its account's identifiers, by edited ones.

    Args:
        identifiers: Strongest first; None when they stay.
    Raises: ConflictError, when the workspace has changed since it was seen; EmulatorError, when
        the new one is invalid.
    """
    document = {**build_current_workspace_document(services), "destination": destination}
    if identifiers is not None:
        document["insider"] = {**document.get("insider", {}), "identifiers": identifiers}
    for finding in validate_document(document):
        raise EmulatorError(finding.what, finding.where, finding.remedy)
    too_long = any(len(name) > MAX_IDENTIFIER_LENGTH for name in identifiers or ())
    if too_long or len(identifiers or ()) > MAX_IDENTIFIERS:
        remedy = f"Keep {MAX_IDENTIFIERS} of up to {MAX_IDENTIFIER_LENGTH} characters."
        what = "too many identifiers, or a name is too long"
        raise EmulatorError(what, "insider.identifiers", remedy)
    return services.destination_overrides.replace_destination(
        destination, title, seen_fingerprint, identifiers=identifiers
    )


def _build_change_model(change: DestinationChange) -> ChangeModel:
    return ChangeModel(id=change.id, title=change.title, at=change.at, is_newest=change.is_newest)


def _build_sandbox_model(sandbox: Sandbox) -> SandboxModel:
    record, services = sandbox.record, sandbox.services
    return SandboxModel(
        id=record.id,
        url=f"{get_request_base_url()}{get_root_path()}{SANDBOX_PATH_PREFIX}{record.id}",
        write_key=record.write_key,
        account=record.account,
        key=redact_secret(record.key),
        workspace=services.workspace.source_name,
        now=format_iso_utc(services.clock()),
        created_at=record.created_at,
        team=record.team,
    )


coverage_routes = Blueprint("coverage", __name__, url_prefix="/emulator/v1/coverage")

MAX_COVERED_MESSAGES = 1000  # the newest; `emulator coverage` reads all


@coverage_routes.get("", endpoint="report")
@api_operation()
def get_coverage() -> CoverageModel:
    """Return what of the current workspace and of the guide the newest 1000 messages have used."""
    # The analysis is imported when it is asked for: most emulators inside tests never do.
    from segment_insider_emulator.analysis.coverage_document import build_coverage_document

    refuse_query_parameters(request.args)
    document = build_coverage_document(find_current_coverage(current_services()))
    return msgspec.convert(document, CoverageModel)


def find_current_coverage(services: SandboxServices) -> "CoverageReport":
    """Compare the newest messages of a sandbox with its current workspace and the guide.

    Raises: EmulatorError, when the workspace was changed to an invalid one.
    """
    from segment_insider_emulator.analysis.context import build_context
    from segment_insider_emulator.analysis.coverage import CoverageOptions, find_coverage
    from segment_insider_emulator.analysis.coverage_rows import (
        TrafficMessage,
        count_journey_arrivals,
        describe_violation,
    )

    document = build_current_workspace_document(services)
    for finding in validate_document(document):
        raise EmulatorError(finding.what, finding.where, finding.remedy)
    newest, _ = services.store.list_latest_messages(MAX_COVERED_MESSAGES)
    traffic = [
        TrafficMessage(
            message.normalised or {},
            message.id,
            message.verdict,
            message.reason or "",
            violations=tuple(
                describe_violation(violation["field"], violation["description"])
                for violation in (message.filtering or EMPTY_FILTER_REPORT)["violations"]
            ),
        )
        for message in reversed(newest)
    ]
    journeys = services.journeys
    arrivals = count_journey_arrivals(
        serialize_journey(journey, journeys.run_store.count_run_outcomes(journey.id))
        for journey in journeys.definitions.values()
    )
    options = CoverageOptions(services.workspace.tracking_plan, arrivals)
    return find_coverage(build_context(document), traffic, options)
