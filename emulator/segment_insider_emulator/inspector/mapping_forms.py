"""Forms of the Workspace page that add, rename and remove mappings and custom identifiers."""

from typing import Final

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.control_api.destination import add_identifier, replace_identifiers
from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.control_api.sandboxes import replace_sandbox_destination
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector.changes_page import redirect_to_change
from segment_insider_emulator.inspector.rendering import (
    RejectedForm,
    build_rejected_form,
    render_page,
)
from segment_insider_emulator.inspector.workspace_page import render_workspace_page
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.services import current_services

bp = Blueprint("mappings", __name__, url_prefix="/workspace")

MAX_NAME_LENGTH: Final = 200
MAX_MAPPINGS: Final = 500
MAX_SUGGESTED_EVENTS: Final = 200


@bp.get("/mappings/new")
def show_new_mapping_form() -> str:
    """Serve the form that adds a mapping: an action, a name, and the events that it takes."""
    return _render_new_mapping_form()


@bp.post("/mappings")
def add_mapping() -> Response | str:
    """Handle the form that adds a mapping, as the last one, with the mapping of its action."""
    services = current_services()
    destination = services.destination_overrides.current_destination
    try:
        if len(destination["subscriptions"]) >= MAX_MAPPINGS:
            raise EmulatorError(f"there are {MAX_MAPPINGS} mappings", "", "Remove one first.")
        mapping = _read_new_mapping()
        subscriptions = [*destination["subscriptions"], mapping]
        change = replace_sandbox_destination(
            services,
            {**destination, "subscriptions": subscriptions},
            f"Mapping {mapping['name']} added",
        )
    except EmulatorError as error:
        return _render_new_mapping_form(build_rejected_form("mapping", error))
    return redirect_to_change(change)


@bp.post(f"/subscriptions/{ID_ROUTE}/rename")
def rename_mapping(id: int) -> Response | str:
    """Handle the form that gives a mapping, by its number from 1, another name."""
    destination, subscriptions = _get_subscriptions_with(id)
    try:
        name = _read_name("name")
        title = f"{subscriptions[id - 1]['name']} renamed to {name}"
        subscriptions[id - 1] = {**subscriptions[id - 1], "name": name}
        change = replace_sandbox_destination(
            current_services(), {**destination, "subscriptions": subscriptions}, title
        )
    except EmulatorError as error:
        return render_workspace_page(build_rejected_form("mappings", error))
    return redirect_to_change(change)


@bp.post(f"/subscriptions/{ID_ROUTE}/remove")
def remove_mapping(id: int) -> Response | str:
    """Handle the button that removes a mapping, by its number from 1; later ones move up."""
    destination, subscriptions = _get_subscriptions_with(id)
    removed = subscriptions.pop(id - 1)
    try:
        change = replace_sandbox_destination(
            current_services(),
            {**destination, "subscriptions": subscriptions},
            f"Mapping {removed['name']} removed",
            request.form.get("seen"),
        )
    except EmulatorError as error:
        return render_workspace_page(build_rejected_form("mappings", error))
    return redirect_to_change(change)


@bp.post("/identifiers")
def create_identifier() -> Response | str:
    """Handle the form that adds a custom identifier, the weakest, and maps it if it has a path."""
    try:
        name, path = _read_name("name"), request.form.get("path", "")
        change = add_identifier(current_services(), name, path)
    except EmulatorError as error:
        return render_workspace_page(build_rejected_form("identifiers", error))
    return redirect_to_change(change)


@bp.post("/identifiers/<any(remove,raise):act>")
def change_identifier(act: str) -> Response | str:
    """Handle the buttons that remove an identifier, or try it before the one above it."""
    identifiers = list(current_services().destination_overrides.current_identifiers)
    name = request.form.get("name", "")
    if name not in identifiers:
        abort(404)
    index = identifiers.index(name)
    identifiers.remove(name)
    title = f"Identifier {name} removed"
    if act == "raise":
        identifiers.insert(max(index - 1, 0), name)
        title = f"Identifier {name} is stronger"
    try:
        change = replace_identifiers(current_services(), identifiers, title)
    except EmulatorError as error:
        return render_workspace_page(build_rejected_form("identifiers", error))
    return redirect_to_change(change)


def _get_subscriptions_with(number: int) -> tuple[JSONObject, list[JSONObject]]:
    """Return the destination and a copy of its subscriptions; 404 without that number."""
    destination = current_services().destination_overrides.current_destination
    if not 1 <= number <= len(destination["subscriptions"]):
        abort(404)
    return destination, list(destination["subscriptions"])


def _read_name(field: str) -> str:
    name = request.form.get(field, "").strip()
    if not name or len(name) > MAX_NAME_LENGTH:
        what = (
            f"the name is longer than {MAX_NAME_LENGTH} characters" if name else "the name is empty"
        )
        raise EmulatorError(what, field, "Write a short name.")
    return name


def _read_new_mapping() -> JSONObject:
    form = request.form
    action = ACTIONS.get(form.get("action", ""))
    if action is None:
        raise EmulatorError("no action is chosen", "action", "Choose what the mapping sends.")
    name = _read_name("name") if form.get("name", "").strip() else action.title
    trigger = form.get("trigger", "").strip()
    event = form.get("event", "").strip()
    if event and not trigger:
        if '"' in event or "\\" in event:
            what = "a quotation mark or backslash in an event name"
            raise EmulatorError(what, "event", "Write the trigger instead.")
        trigger = f'type = "track" and event = "{event}"'
    mapping = {"name": name, "actionSlug": action.slug, "enabled": True}
    return {**mapping, "trigger": trigger or action.trigger, "settings": action.default_mapping}


def _render_new_mapping_form(rejected_form: RejectedForm | None = None) -> str:
    names, _ = current_services().store.list_latest_messages(MAX_SUGGESTED_EVENTS)
    return render_page(
        "new_mapping.html",
        actions=list(ACTIONS.values()),
        events=list(dict.fromkeys(message.event for message in names if message.event)),
        event=request.args.get("event", ""),
        rejected_form=rejected_form,
    )
