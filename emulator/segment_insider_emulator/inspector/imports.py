"""Presets, and workspaces from elsewhere: looked at, tried in a sandbox, taken over, kept."""

from typing import NamedTuple

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import forms
from segment_insider_emulator.inspector.current import document
from segment_insider_emulator.inspector.forms import Mistake, mistake
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.inspector.trigger_words import trigger_words
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.parts import parts
from segment_insider_emulator.sandboxes import create
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.importing.assembling import Imported, assembled
from segment_insider_emulator.workspace.importing.reading import read_files
from segment_insider_emulator.workspace.importing.writing import yaml_text
from segment_insider_emulator.workspace.loading import PRESETS, from_document, read_preset
from segment_insider_emulator.workspace.parsing import MAXIMUM_BYTES, parse
from segment_insider_emulator.workspace.structure import faults

bp = Blueprint("imports", __name__, url_prefix="/workspace/import")

HERE = "inspector.imports.page"
MOST_FILES = 10
ABOUT = {
    "guide": "Maps everything that Insider One's integration guide documents.",
    "segment-defaults": "What Segment's catalogue sets up untouched: ten actions, each added once.",
}


class Shown(NamedTuple):
    """A workspace that could be used. *text* is its file, in which keys stay as they were read."""

    title: str
    text: str
    subscriptions: list[JSONObject]
    findings: list[Finding]


@bp.before_request
def make_room() -> None:
    """A field may be as large as a workspace file."""
    request.max_form_memory_size = MAXIMUM_BYTES + 100_000


@bp.get("")
def page() -> str:
    """The presets and the form; `preset` shows one of them."""
    name = request.args.get("preset")
    if name is None:
        return _page()
    if name not in PRESETS:
        abort(404)
    found = read_preset(name)
    return _page(_shown(f"The preset {name}", Imported(found)))


@bp.post("")
def read() -> str:
    """Read the files that were uploaded; nothing changes yet."""
    try:
        found = _uploaded()
    except EmulatorError as error:
        return _page(wrong=mistake("import", error))
    return _page(_shown("What was read", found))


@bp.post("/use")
def use() -> Response | str:
    """Put the mappings of a workspace file in the place of this sandbox's."""
    try:
        chosen = from_document(_text(), "workspace")
        parts().configuration.replace(chosen.destination["subscriptions"])
    except EmulatorError as error:
        return _page(wrong=mistake("use", error))
    count = len(chosen.destination["subscriptions"])
    notice = f"This sandbox has {count} other mappings, until a reset"
    return forms.done(notice, "inspector.workspace.page")


@bp.post("/sandbox")
def sandbox() -> Response | str:
    """Create a sandbox of a workspace file."""
    try:
        made = create(workspace=_text())
    except EmulatorError as error:
        return _page(wrong=mistake("use", error))
    notice = f"The sandbox {made.described.id} was created"
    return forms.done(notice, "inspector.settings.page", secret=made.described.key)


@bp.post("/file")
def file() -> Response:
    """A workspace file to keep."""
    headers = {"Content-Disposition": 'attachment; filename="workspace.yaml"'}
    return Response(request.form.get("workspace", ""), mimetype="text/yaml", headers=headers)


def _text() -> JSONObject:
    return parse(request.form.get("workspace", "").encode(), "workspace")


def _uploaded() -> Imported:
    """A workspace file, or what Segment's Public API or Terraform wrote."""
    files = [each for each in request.files.getlist("files") if each.filename]
    if not files:
        remedy = "Choose a workspace file, or what Segment's Public API or Terraform wrote."
        raise EmulatorError("no file was chosen", "files", remedy)
    if len(files) > MOST_FILES:
        raise EmulatorError(f"{len(files)} files are too many", "files", f"At most {MOST_FILES}.")
    read = [(each.filename or "file", each.read(MAXIMUM_BYTES + 1)) for each in files]
    for name, raw in read:
        if len(raw) > MAXIMUM_BYTES:
            remedy = f"Keep it below {MAXIMUM_BYTES:,} bytes."
            raise EmulatorError("the file is too large", name, remedy)
    if len(read) == 1 and (own := _workspace_file(*read[0])):
        return own
    return assembled(read_files(read))


def _workspace_file(name: str, raw: bytes) -> Imported | None:
    """The document in *raw*; None when it is an export, which `assembled` reads."""
    try:
        found = parse(raw, name)
    except EmulatorError:
        return None
    return Imported(found, faults(found)) if {"source", "destination"} <= found.keys() else None


def _shown(title: str, found: Imported) -> Shown:
    """A document with errors is shown as text alone: nothing in it need be what it seems."""
    broken = any(each.severity == "error" for each in found.findings)
    subscriptions = [] if broken else found.document["destination"]["subscriptions"]
    text = yaml_text(found.document, found.left_out)
    return Shown(title, text, [_subscription(each) for each in subscriptions], found.findings)


def _subscription(own: JSONObject) -> JSONObject:
    action = ACTIONS[own["actionSlug"]]
    return {
        "name": own["name"],
        "action": action.title,
        "enabled": own.get("enabled", True),
        "takes": trigger_words(own.get("trigger", action.trigger)),
    }


def _page(shown: Shown | None = None, wrong: Mistake | None = None) -> str:
    own = parts()
    current = document(own)["destination"]["subscriptions"]
    return render(
        "imports.html",
        presets={name: ABOUT[name] for name in PRESETS},
        shown=shown,
        kept=wrong.given.get("workspace", "") if wrong else "",
        current=len(current),
        most=MAXIMUM_BYTES // 1_000_000,
        mistake=wrong,
    )
