"""The limits of both ends, each with its value here."""

from typing import NamedTuple

from flask import Blueprint, Response, abort, request

from segment_insider_emulator import __version__
from segment_insider_emulator.delivery.planning import MAX_EVENTS_PER_REQUEST, MAX_REQUEST_BYTES
from segment_insider_emulator.delivery.senders import RESPONSE_TIMEOUT_S
from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.insider.options import DEFAULT_RATE_LIMITS, InsiderOptions
from segment_insider_emulator.insider.responses import MAX_BODY_BYTES, MAX_USERS_PER_REQUEST
from segment_insider_emulator.inspector import fault_forms, forms
from segment_insider_emulator.inspector.forms import RejectedForm, reject_form
from segment_insider_emulator.inspector.rendering import render_page, sandbox_pages_path
from segment_insider_emulator.inspector.team_page import (
    build_sandbox_list,
    create_sandbox_from_form,
    delete_sandbox_and_redirect,
)
from segment_insider_emulator.segment.validation import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_EVENT_BYTES,
)
from segment_insider_emulator.web.access import current_caller
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.workspace import PRESET_NAMES

BYTES_PER_KIB = 1024
RATE_LIMIT_TITLES = {
    "upsert": "Upserts and attribute deletions",
    "profile": "Profile reads",
    "identityUpdate": "Changes of identifiers",
    "identityDelete": "Deletions of identifiers",
    "delete": "Deletions of users",
    "anonymize": "Anonymisations",
}


class LimitRow(NamedTuple):
    """One limit: whose, of what, and how much."""

    side: str
    subject: str
    value: str


def list_limits(options: InsiderOptions) -> list[LimitRow]:
    """Segment's, those between, and Insider One's in this account."""
    return [
        LimitRow("Segment", "One call", f"{MAX_EVENT_BYTES // BYTES_PER_KIB} KB"),
        LimitRow(
            "Segment",
            "One batch",
            f"{MAX_BATCH_BYTES // BYTES_PER_KIB} KB, {MAX_BATCH_EVENTS:,} calls",
        ),
        LimitRow(
            "Destination",
            "One batched delivery",
            f"{MAX_EVENTS_PER_REQUEST:,} events, {MAX_REQUEST_BYTES:,} bytes",
        ),
        LimitRow("Destination", "Waits for an answer", f"{RESPONSE_TIMEOUT_S:g} s"),
        LimitRow(
            "Insider One",
            "One request",
            f"{MAX_USERS_PER_REQUEST:,} users, {MAX_BODY_BYTES:,} bytes",
        ),
        *(
            LimitRow(
                "Insider One", RATE_LIMIT_TITLES[name], _format_rate(options.get_rate_limit(name))
            )
            for name in DEFAULT_RATE_LIMITS
        ),
    ]


def _format_rate(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit:,} a minute"


bp = Blueprint("settings", __name__, url_prefix="/settings")

SETTINGS_ENDPOINT = "inspector.settings.show_settings"
MAX_LISTED_DIFFERENCES = 20


@bp.get("")
def show_settings() -> str:
    """Everything that is neither captured nor mapped."""
    return _render_settings_page()


@bp.post("/faults/<side>")
def add_fault(side: str) -> Response | str:
    """Let the next requests of one side meet a fault."""
    services, form = current_services(), request.form
    if side not in fault_forms.FAULT_SIDES:
        abort(404)
    try:
        if side == "segment":
            services.segment_faults.add(fault_forms.parse_segment_fault(form))
        else:
            services.insider_faults.add(fault_forms.parse_delivery_fault(form))
    except EmulatorError as error:
        return _render_settings_page(reject_form(side, error))
    return forms.redirect_to_endpoint("The fault is on", SETTINGS_ENDPOINT)


@bp.post("/faults/<side>/clear")
def clear_faults(side: str) -> Response:
    """Let nothing go wrong any more on one side."""
    services = current_services()
    if side not in fault_forms.FAULT_SIDES:
        abort(404)
    (services.segment_faults if side == "segment" else services.insider_faults).clear()
    return forms.redirect_to_endpoint("Nothing goes wrong any more", SETTINGS_ENDPOINT)


@bp.post("/retry")
def retry_deliveries() -> Response:
    """Deliver what waits and try everything unsettled once, due or not."""
    services = current_services()
    services.queue.drain()
    retried_count = services.pipeline.retries.retry_all()
    return forms.redirect_to_endpoint(
        f"Requests that were tried again: {retried_count}", SETTINGS_ENDPOINT
    )


@bp.post("/sandboxes")
def create_sandbox_view() -> Response | str:
    """Create a sandbox; the page after shows its key once."""
    try:
        return create_sandbox_from_form(SETTINGS_ENDPOINT)
    except EmulatorError as error:
        return _render_settings_page(reject_form("sandboxes", error))


@bp.post("/sandboxes/<id>/delete")
def delete_sandbox_view(id: str) -> Response | str:
    """End a sandbox with all that it holds."""
    try:
        return delete_sandbox_and_redirect(id, SETTINGS_ENDPOINT)
    except ConflictError as error:
        return _render_settings_page(reject_form("sandboxes", error))


def _render_settings_page(rejected_form: RejectedForm | None = None) -> str:
    services = current_services()
    differences, _ = services.differences.list_differences(limit=MAX_LISTED_DIFFERENCES)
    return render_page(
        "settings.html",
        segment_faults=fault_forms.describe_segment_faults(services.segment_faults),
        way_faults=fault_forms.describe_delivery_faults(services.insider_faults),
        presets=fault_forms.FAULT_PRESETS,
        limits=list_limits(services.workspace.insider_options),
        **build_sandbox_list(),
        forms_of="inspector.settings",
        default=DEFAULT_SANDBOX_ID,
        pages=sandbox_pages_path,
        workspaces=PRESET_NAMES,
        storage=services.store.report_storage(),
        names_database=current_caller().team is None,
        config=services.config,
        version=__version__,
        unsettled=len(services.store.upserts.list_pending_ids()),
        waiting=services.store.message_queue.count_queued(),
        pass_through=services.pass_through,
        differences=differences,
        mistake=rejected_form,
    )
