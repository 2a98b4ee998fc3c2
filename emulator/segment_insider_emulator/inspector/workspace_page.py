"""Workspace pages of the inspector: setup of Segment and Insider One, mappings, coverage."""

import json
from typing import Literal, NamedTuple, TypeAlias

from flask import Blueprint, Response, abort, request

from segment_insider_emulator.analysis.coverage_document import (
    build_coverage_document,
    format_coverage_page,
)
from segment_insider_emulator.analysis.coverage_rows import COVERAGE_STATES, CoverageState
from segment_insider_emulator.control_api.destination import (
    SECRET_SETTING,
    check_destination_settings,
)
from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.control_api.sandboxes import (
    MAX_COVERED_MESSAGES,
    build_current_workspace_document,
    find_current_coverage,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.account import (
    EDITOR_ROLES,
    INTEGRATION_TYPE,
    IntegrationPanel,
)
from segment_insider_emulator.insider.account_options import derive_contact_keys
from segment_insider_emulator.inspector import rendering
from segment_insider_emulator.inspector.mapping_description import (
    describe_mapping,
    describe_trigger,
)
from segment_insider_emulator.inspector.rendering import (
    RejectedForm,
    build_rejected_form,
    render_page,
)
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.storage.records import redact_secret
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace import Workspace


def get_current_workspace_document(
    services: SandboxServices, edited_number: int = 0, edited_subscription: JSONObject | None = None
) -> JSONObject:
    """Return the sandbox's current workspace document, optionally with one edited subscription."""
    document = build_current_workspace_document(services)
    if edited_subscription is None:
        return document
    subscriptions = list(document["destination"]["subscriptions"])
    subscriptions[edited_number - 1] = edited_subscription
    return {**document, "destination": {**document["destination"], "subscriptions": subscriptions}}


class ContactKeyRow(NamedTuple):
    """One key of the Contact API on the Workspace page.

    Args:
        suffix: What follows the account's key in it; None for a key of the workspace file.
    """

    type: str
    key_shown: str
    suffix: str | None


ConnectionState: TypeAlias = Literal["accepted", "disabled", "failed"]


class ConnectionCheckResult(NamedTuple):
    """Inspector's check of the destination's connection: what the next event meets, and why."""

    state: ConnectionState
    explanation: str


def check_destination_connection(
    destination: JSONObject, panel: IntegrationPanel, *, uses_real_account: bool
) -> ConnectionCheckResult:
    """Check Segment's destination settings against Insider One's integrations.

    Args:
        uses_real_account: Whether a real account responds; its panel is not visible here.
    """
    settings = destination["settings"]
    if not destination["enabled"]:
        return ConnectionCheckResult(
            "disabled",
            "The destination is disabled (Enable Destination is off), so nothing is sent.",
        )
    if not any(subscription["enabled"] for subscription in destination["subscriptions"]):
        return ConnectionCheckResult("disabled", "All mappings are disabled, so nothing is sent.")
    if uses_real_account:
        return ConnectionCheckResult(
            "accepted", "A real account checks the key and the account name."
        )
    if settings["account_name"] != panel.account_name:
        what = f"Insider One will refuse the account name: its panel shows {panel.account_name}."
        return ConnectionCheckResult("failed", what)
    if refusal := panel.explain_key_rejection(settings["ucd_key"]):
        return ConnectionCheckResult("failed", f"Insider One will refuse the key. {refusal}")
    return ConnectionCheckResult("accepted", "Ready: the next event will reach Insider One.")


bp = Blueprint("workspace", __name__, url_prefix="/workspace")

WORKSPACE_ENDPOINT = "inspector.workspace.show_workspace"
# The guide names two roles. This other role shows how a refusal looks.
UNSUPPORTED_ROLE = "Editor"
# The panel offers this type, but only a Source receives events from Segment.
UNSUPPORTED_TYPE = "Destination"


@bp.get("")
def show_workspace() -> str:
    """Serve the Workspace page: the setup steps and the mappings."""
    return render_workspace_page()


@bp.post("/integrations")
def create_integration() -> Response | str:
    """Handle the form that creates an integration in the InOne panel; show its key once."""
    form = request.form
    try:
        integration, key = current_services().insider_panel.create_integration(
            form.get("name", ""), form.get("type", ""), form.get("role", "")
        )
    except EmulatorError as error:
        return render_workspace_page(build_rejected_form("integration", error))
    return rendering.redirect_to_endpoint(
        f"Integration {integration.name} was saved", WORKSPACE_ENDPOINT, secret=key
    )


@bp.post(f"/integrations/{ID_ROUTE}/revoke")
def revoke_integration(id: int) -> Response | str:
    """Handle the button that revokes the key of an InOne integration."""
    try:
        revoked = current_services().insider_panel.revoke_integration(
            id, request.form.get("role", "")
        )
    except EmulatorError as error:
        return render_workspace_page(build_rejected_form("revoke", error))
    return (
        rendering.redirect_to_endpoint(f"The key of {revoked.name} was revoked", WORKSPACE_ENDPOINT)
        if revoked
        else abort(404)
    )


@bp.post("/destination")
def save_destination_settings() -> Response | str:
    """Handle the form of Segment's destination settings; an empty key field keeps the key."""
    form = request.form
    changes = {key: form[key] for key in ("account_name", SECRET_SETTING) if key in form}
    if not changes.get(SECRET_SETTING):
        changes.pop(SECRET_SETTING, None)
    enabled = form.get("enabled")
    try:
        current_services().destination_overrides.save_destination_settings(
            enabled=None if enabled is None else enabled == "true",
            settings=check_destination_settings(changes),
        )
    except EmulatorError as error:
        return render_workspace_page(build_rejected_form("destination", error))
    return rendering.redirect_to_endpoint("Saved in Segment", WORKSPACE_ENDPOINT)


@bp.post(f"/subscriptions/{ID_ROUTE}/switch")
def set_subscription_enabled(id: int) -> Response:
    """Handle the switch that enables or disables a mapping, by its number from 1."""
    overrides = current_services().destination_overrides
    if not 1 <= id <= len(overrides.current_destination["subscriptions"]):
        abort(404)
    enabled = request.form.get("enabled") == "true"
    overrides.set_subscription_enabled(id - 1, enabled)
    name = overrides.current_destination["subscriptions"][id - 1]["name"]
    return rendering.redirect_to_endpoint(
        f"{name} was switched {'on' if enabled else 'off'}", WORKSPACE_ENDPOINT
    )


@bp.get(f"/subscriptions/{ID_ROUTE}")
def show_subscription(id: int) -> str:
    """Serve the page of one mapping, field by field."""
    subscriptions = current_services().destination_overrides.current_destination["subscriptions"]
    if not 1 <= id <= len(subscriptions):
        abort(404)
    subscription = subscriptions[id - 1]
    action = ACTIONS[subscription["actionSlug"]]
    mapping = subscription.get("settings", action.default_mapping)
    return render_page(
        "subscription.html",
        subscription=_summarise_subscription(id, subscription),
        action=action,
        mapping=mapping,
        lines=describe_mapping(action, mapping),
        is_default="settings" not in subscription,
    )


def render_workspace_page(rejected_form: RejectedForm | None = None) -> str:
    """Render the Workspace page; *rejected_form* is shown with its error."""
    services = current_services()
    destination, settings = (
        services.destination_overrides.current_destination,
        services.destination_overrides.current_destination["settings"],
    )
    return render_page(
        "workspace.html",
        source=services.workspace,
        destination=destination,
        account_name=settings["account_name"],
        key=redact_secret(settings[SECRET_SETTING]),
        integrations=services.insider_panel.list_integrations(),
        panel=services.insider_panel,
        contact_keys=_list_contact_keys(services.workspace),
        identifiers=services.destination_overrides.current_identifiers,
        changes=services.destination_overrides.changes,
        were_changes_reset=services.destination_overrides.were_changes_reset,
        roles=(*EDITOR_ROLES, UNSUPPORTED_ROLE),
        types=(INTEGRATION_TYPE, UNSUPPORTED_TYPE),
        connection=check_destination_connection(
            destination,
            services.insider_panel,
            uses_real_account=services.config.insider_url is not None,
        ),
        subscriptions=[
            _summarise_subscription(number, subscription)
            for number, subscription in enumerate(destination["subscriptions"], 1)
        ],
        rejected_form=rejected_form,
    )


def _list_contact_keys(workspace: Workspace) -> list[ContactKeyRow]:
    """List the keys of the Contact API, as the panel's list of API keys does; they are redacted."""
    keys, derived = workspace.contact_keys, derive_contact_keys(workspace.account_key)
    return [
        ContactKeyRow(
            title,
            redact_secret(key),
            key.removeprefix(workspace.account_key) if key == derived_key else None,
        )
        for title, key, derived_key in (
            ("Global Unsubscribe", keys.unsubscribe, derived.unsubscribe),
            ("Resubscribe", keys.subscribe, derived.subscribe),
        )
    ]


def _summarise_subscription(number: int, subscription: JSONObject) -> JSONObject:
    action = ACTIONS[subscription["actionSlug"]]
    trigger = subscription.get("trigger", action.trigger)
    return {
        "number": number,
        "name": subscription["name"],
        "action": action.title,
        "slug": action.slug,
        "enabled": subscription["enabled"],
        "trigger": trigger,
        "takes": describe_trigger(trigger),
    }


coverage_bp = Blueprint("coverage", __name__, url_prefix="/coverage")

# State -> the message verdict whose icon and colour it uses.
STATE_SIGNS: dict[CoverageState, str] = {
    "seen and losing something": "failed",
    "never seen": "not_subscribed",
    "seen and right": "accepted",
}


@coverage_bp.get("")
def show_coverage() -> str:
    """Serve the Coverage page: a board of events, attributes, identifiers and opt-ins."""
    report = find_current_coverage(current_services())
    groups = [
        # What loses something comes first.
        (group, sorted(rows, key=lambda row: COVERAGE_STATES.index(row.state)))
        for group, rows in report.list_groups()
    ]
    return render_page(
        "coverage.html",
        report=report,
        groups=groups,
        signs=STATE_SIGNS,
        max_messages=MAX_COVERED_MESSAGES,
    )


MEDIA_TYPES = {"html": "text/html", "json": "application/json"}


@coverage_bp.get("/coverage.<any(html, json):format>")
def download_coverage(format: Literal["html", "json"]) -> Response:
    """Serve the coverage report as a file to keep or to send to others."""
    report = find_current_coverage(current_services())
    if format == "html":
        named = [(current_services().workspace.source_name, report)]
        text = format_coverage_page(named, rendering.get_current_sandbox_url())
    else:
        text = json.dumps(build_coverage_document(report), indent=2, ensure_ascii=False)
    # A captured text may have half a surrogate pair, which is no UTF-8.
    body = text.encode(errors="replace")
    headers = {"Content-Disposition": f'attachment; filename="coverage.{format}"'}
    return Response(body, content_type=f"{MEDIA_TYPES[format]}; charset=utf-8", headers=headers)
