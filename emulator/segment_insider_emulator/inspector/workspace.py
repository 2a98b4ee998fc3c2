"""The Workspace page: both panels as the guide walks them, and every mapping."""

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.capture.records import redacted
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness.destination import SECRET, checked
from segment_insider_emulator.harness.queries import ID
from segment_insider_emulator.insider.panel import ROLES, TYPE
from segment_insider_emulator.inspector import forms
from segment_insider_emulator.inspector.connection import connection
from segment_insider_emulator.inspector.forms import Mistake, mistake
from segment_insider_emulator.inspector.mapping_words import lines
from segment_insider_emulator.inspector.rendering import render
from segment_insider_emulator.inspector.trigger_words import trigger_words
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject

bp = Blueprint("workspace", __name__, url_prefix="/workspace")

HERE = "inspector.workspace.page"
# The guide names two roles; any other is refused, and this one shows it.
OTHER_ROLE = "Editor"
# The panel offers it; events of Segment come in through a Source alone.
OTHER_TYPE = "Destination"


@bp.get("")
def page() -> str:
    """The set-up step by step, and the mappings."""
    return _page()


@bp.post("/integrations")
def create() -> Response | str:
    """Create an integration in the InOne panel; the page after shows its key once."""
    form = request.form
    try:
        made, key = parts().panel.create(
            form.get("name", ""), form.get("type", ""), form.get("role", "")
        )
    except EmulatorError as error:
        return _page(mistake("integration", error))
    return forms.done(f"Integration {made.name} was saved", HERE, secret=key)


@bp.post(f"/integrations/{ID}/revoke")
def revoke(id: int) -> Response | str:
    """End an integration's key."""
    try:
        revoked = parts().panel.revoke(id, request.form.get("role", ""))
    except EmulatorError as error:
        return _page(mistake("revoke", error))
    return forms.done(f"The key of {revoked.name} was revoked", HERE) if revoked else abort(404)


@bp.post("/destination")
def save() -> Response | str:
    """Save Changes in Segment: a key that is left empty stays as it is."""
    form = request.form
    given = {key: form[key] for key in ("account_name", SECRET) if key in form}
    if not given.get(SECRET):
        given.pop(SECRET, None)
    enabled = form.get("enabled")
    try:
        parts().configuration.set(
            enabled=None if enabled is None else enabled == "true", settings=checked(given)
        )
    except EmulatorError as error:
        return _page(mistake("destination", error))
    return forms.done("Saved in Segment", HERE)


@bp.post(f"/subscriptions/{ID}/switch")
def switch(id: int) -> Response:
    """Enable or disable one mapping; 1 is the first."""
    own = parts().configuration
    if not 1 <= id <= len(own.destination["subscriptions"]):
        abort(404)
    enabled = request.form.get("enabled") == "true"
    own.switch(id - 1, enabled)
    name = own.destination["subscriptions"][id - 1]["name"]
    return forms.done(f"{name} was switched {'on' if enabled else 'off'}", HERE)


@bp.get(f"/subscriptions/{ID}")
def subscription(id: int) -> str:
    """One mapping, field by field."""
    subscriptions = parts().configuration.destination["subscriptions"]
    if not 1 <= id <= len(subscriptions):
        abort(404)
    own = subscriptions[id - 1]
    action = ACTIONS[own["actionSlug"]]
    mapping = own.get("settings", action.default_mapping)
    return render(
        "subscription.html",
        subscription=_shown(id, own),
        action=action,
        mapping=mapping,
        lines=lines(action, mapping),
        is_default="settings" not in own,
    )


def _page(wrong: Mistake | None = None) -> str:
    own = parts()
    destination, settings = own.configuration.destination, own.configuration.destination["settings"]
    return render(
        "workspace.html",
        source=own.workspace,
        destination=destination,
        account_name=settings["account_name"],
        key=redacted(settings[SECRET]),
        integrations=own.panel.integrations(),
        panel=own.panel,
        roles=(*ROLES, OTHER_ROLE),
        types=(TYPE, OTHER_TYPE),
        connection=connection(destination, own.panel, elsewhere=own.config.insider_url is not None),
        subscriptions=[
            _shown(number, each) for number, each in enumerate(destination["subscriptions"], 1)
        ],
        mistake=wrong,
    )


def _shown(number: int, subscription: JSONObject) -> JSONObject:
    action = ACTIONS[subscription["actionSlug"]]
    trigger = subscription.get("trigger", action.trigger)
    return {
        "number": number,
        "name": subscription["name"],
        "action": action.title,
        "slug": action.slug,
        "enabled": subscription["enabled"],
        "trigger": trigger,
        "takes": trigger_words(trigger),
    }
