"""Import page of the inspector: previews presets and uploaded workspaces, and applies them."""

from typing import NamedTuple

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import rendering
from segment_insider_emulator.inspector.mapping_description import describe_trigger
from segment_insider_emulator.inspector.rendering import (
    RejectedForm,
    build_rejected_form,
    render_page,
)
from segment_insider_emulator.inspector.workspace_page import get_current_workspace_document
from segment_insider_emulator.interchange.import_files import read_import_files
from segment_insider_emulator.interchange.import_workspace import (
    ImportedWorkspace,
    build_imported_workspace,
)
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.sandbox_routing import create_sandbox_for_caller
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.workspace.documents import (
    MAX_DOCUMENT_BYTES,
    format_workspace_yaml,
    parse_document,
)
from segment_insider_emulator.workspace.loading import (
    PRESET_NAMES,
    load_workspace_from_document,
    read_preset_document,
)
from segment_insider_emulator.workspace.validation import WorkspaceFinding, validate_document

bp = Blueprint("imports", __name__, url_prefix="/workspace/import")

MAX_UPLOADED_FILES = 10
PRESET_DESCRIPTIONS = {
    "guide": "Maps everything that Insider One's integration guide documents.",
    "segment-defaults": "Segment's catalogue defaults: all ten actions, unchanged.",
}


class WorkspacePreview(NamedTuple):
    """A preview of a workspace on the Import page; *yaml_text* is its file, with all keys."""

    title: str
    yaml_text: str
    subscriptions: list[JSONObject]
    findings: list[WorkspaceFinding]


@bp.before_request
def increase_form_size_limit() -> None:
    """Increase Flask's size limit of form fields to the size of a workspace file."""
    request.max_form_memory_size = MAX_DOCUMENT_BYTES + 100_000


@bp.get("")
def show_import_form() -> str:
    """Serve the Import page: presets and the upload form; `preset` previews one preset."""
    name = request.args.get("preset")
    if name is None:
        return _render_import_page()
    if name not in PRESET_NAMES:
        abort(404)
    preset_document = read_preset_document(name)
    return _render_import_page(
        _build_workspace_preview(f"Preset {name}", ImportedWorkspace(preset_document))
    )


@bp.post("")
def preview_upload() -> str:
    """Handle the upload form: preview the uploaded files, without changing the workspace."""
    try:
        imported = _read_uploaded_files()
    except EmulatorError as error:
        return _render_import_page(rejected_form=build_rejected_form("import", error))
    return _render_import_page(_build_workspace_preview("Imported workspace", imported))


@bp.post("/use")
def replace_mappings() -> Response | str:
    """Handle the import form: replace this sandbox's mappings with those of the workspace file."""
    try:
        workspace = load_workspace_from_document(_parse_submitted_workspace(), "workspace")
        current_services().destination_overrides.replace_subscriptions(
            workspace.destination["subscriptions"]
        )
    except EmulatorError as error:
        return _render_import_page(rejected_form=build_rejected_form("use", error))
    count = len(workspace.destination["subscriptions"])
    notice = f"The mappings were replaced: {count} are active until a reset"
    return rendering.redirect_to_endpoint(notice, "inspector.workspace.show_workspace")


@bp.post("/sandbox")
def create_sandbox_from_file() -> Response | str:
    """Handle the import form: create a sandbox from the workspace file."""
    try:
        sandbox = create_sandbox_for_caller(workspace=_parse_submitted_workspace())
    except EmulatorError as error:
        return _render_import_page(rejected_form=build_rejected_form("use", error))
    notice = f"Sandbox {sandbox.record.id} was created"
    return rendering.redirect_to_endpoint(
        notice, "inspector.settings.show_settings", secret=sandbox.record.key
    )


@bp.post("/file")
def download_workspace_file() -> Response:
    """Serve the previewed workspace as a YAML file to save."""
    headers = {"Content-Disposition": 'attachment; filename="workspace.yaml"'}
    return Response(request.form.get("workspace", ""), mimetype="text/yaml", headers=headers)


def _parse_submitted_workspace() -> JSONObject:
    return parse_document(request.form.get("workspace", "").encode(), "workspace")


def _read_uploaded_files() -> ImportedWorkspace:
    """Read the uploaded workspace file, or an export of Segment's Public API or Terraform."""
    files = [upload for upload in request.files.getlist("files") if upload.filename]
    if not files:
        remedy = "Choose a workspace file, or an export from Segment's Public API or Terraform."
        raise EmulatorError("no file chosen", "files", remedy)
    if len(files) > MAX_UPLOADED_FILES:
        raise EmulatorError(
            f"too many files: {len(files)}", "files", f"At most {MAX_UPLOADED_FILES}."
        )
    contents = [(file.filename or "file", file.read(MAX_DOCUMENT_BYTES + 1)) for file in files]
    for name, raw in contents:
        if len(raw) > MAX_DOCUMENT_BYTES:
            remedy = f"Keep it below {MAX_DOCUMENT_BYTES:,} bytes."
            raise EmulatorError("the file is too large", name, remedy)
    if len(contents) == 1 and (own := _parse_workspace_file(*contents[0])):
        return own
    return build_imported_workspace(read_import_files(contents))


def _parse_workspace_file(name: str, raw: bytes) -> ImportedWorkspace | None:
    """Parse an uploaded workspace file; return None for exports in other formats."""
    try:
        document = parse_document(raw, name)
    except EmulatorError:
        return None
    return (
        ImportedWorkspace(document, validate_document(document))
        if {"source", "destination"} <= document.keys()
        else None
    )


def _build_workspace_preview(title: str, imported: ImportedWorkspace) -> WorkspacePreview:
    """Build the preview of an imported workspace; one with errors is shown as text only."""
    broken = any(finding.severity == "error" for finding in imported.findings)
    subscriptions = [] if broken else imported.document["destination"]["subscriptions"]
    text = format_workspace_yaml(imported.document, imported.skipped_subscriptions)
    return WorkspacePreview(
        title,
        text,
        [_preview_subscription(subscription) for subscription in subscriptions],
        imported.findings,
    )


def _preview_subscription(subscription: JSONObject) -> JSONObject:
    action = ACTIONS[subscription["actionSlug"]]
    return {
        "name": subscription["name"],
        "action": action.title,
        "enabled": subscription.get("enabled", True),
        "takes": describe_trigger(subscription.get("trigger", action.trigger)),
    }


def _render_import_page(
    preview: WorkspacePreview | None = None, rejected_form: RejectedForm | None = None
) -> str:
    services = current_services()
    current = get_current_workspace_document(services)["destination"]["subscriptions"]
    return render_page(
        "imports.html",
        presets={name: PRESET_DESCRIPTIONS[name] for name in PRESET_NAMES},
        shown=preview,
        submitted_workspace=rejected_form.submitted_values.get("workspace", "")
        if rejected_form
        else "",
        current=len(current),
        most=MAX_DOCUMENT_BYTES // 1_000_000,
        rejected_form=rejected_form,
    )
