"""Settings page of the inspector: faults, retries, sandboxes, limits, storage, configuration."""

from collections.abc import Mapping
from typing import NamedTuple

from flask import Blueprint, Response, abort, request

from segment_insider_emulator import __version__
from segment_insider_emulator.control_api.request_parsing import check_fault_json
from segment_insider_emulator.delivery import fault_injection as on_way
from segment_insider_emulator.delivery.fault_injection import FaultInjector as WayFaults
from segment_insider_emulator.delivery.fault_injection import InjectedFault as WayFault
from segment_insider_emulator.delivery.planning import MAX_EVENTS_PER_REQUEST, MAX_REQUEST_BYTES
from segment_insider_emulator.delivery.senders import RESPONSE_TIMEOUT_S
from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.insider.account_options import (
    DEFAULT_RATE_LIMITS,
    InsiderAccountOptions,
)
from segment_insider_emulator.insider.responses import MAX_BODY_BYTES, MAX_USERS_PER_REQUEST
from segment_insider_emulator.inspector import rendering
from segment_insider_emulator.inspector.rendering import (
    RejectedForm,
    build_rejected_form,
    get_sandbox_pages_path,
    render_page,
)
from segment_insider_emulator.inspector.team_page import (
    build_sandbox_list_context,
    create_sandbox_from_form,
    delete_sandbox_and_redirect,
)
from segment_insider_emulator.segment import faults as at_source
from segment_insider_emulator.segment.faults import SegmentFault as SourceFault
from segment_insider_emulator.segment.faults import SegmentFaultQueue as SourceFaults
from segment_insider_emulator.segment.validation import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_EVENT_BYTES,
)
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.access import current_caller
from segment_insider_emulator.web.sandbox_creation import DEFAULT_SANDBOX_ID
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.workspace import PRESET_NAMES

FAULT_SIDES = ("segment", "insider")
ONE_PERCENT = 0.01


class FaultPreset(NamedTuple):
    """A common fault offered as a button of the Settings page: its text and form values."""

    title: str
    side: str
    form_values: Mapping[str, str]


FAULT_PRESETS = (
    FaultPreset("503 once", "segment", {"status": "503", "times": "1"}),
    FaultPreset(
        "429, retry after 2 s", "segment", {"status": "429", "retryAfter": "2", "times": "1"}
    ),
    FaultPreset("Close the connection", "segment", {"drop": "true", "times": "1"}),
    FaultPreset("500 once", "insider", {"status": "500", "times": "1"}),
    FaultPreset("429 three times", "insider", {"status": "429", "times": "3"}),
    FaultPreset("No response once", "insider", {"timeout": "true", "times": "1"}),
    FaultPreset("10 % fail", "insider", {"status": "503", "percent": "10"}),
)


def parse_segment_fault(form: Mapping[str, str]) -> SourceFault:
    """Parse the fault form into a fault of Segment's API.

    Raises: EmulatorError.

    Raises: EmulatorError.
    """
    asked = _parse_fault_fields(form, ("status", "retryAfter", "times"), ("drop", "taken"))
    return at_source.fault_from_json(
        check_fault_json(asked, at_source.SEGMENT_FAULT_VALIDATOR, at_source.SEGMENT_FAULT_REMEDY)
    )


def parse_delivery_fault(form: Mapping[str, str]) -> WayFault:
    """Parse the fault form into a fault of deliveries to Insider One.

    Raises: EmulatorError.

    Raises: EmulatorError.
    """
    numbers = ("status", "delayMs", "rateLimit", "times")
    asked = _parse_fault_fields(form, numbers, ("timeout", "drop", "taken"))
    if percent := form.get("percent", "").strip():
        asked["share"] = _parse_whole_number_field(percent, "percent") * ONE_PERCENT
    return on_way.parse_insider_fault(
        check_fault_json(asked, on_way.INSIDER_FAULT_VALIDATOR, on_way.INSIDER_FAULT_REMEDY)
    )


def describe_segment_faults(faults: SourceFaults) -> list[str]:
    """Describe each active fault of Segment's API in a sentence, in order of occurrence."""
    return [
        _describe_segment_fault(at_source.fault_to_json(fault))
        for fault in faults.list_queued_faults()
    ]


def describe_delivery_faults(faults: WayFaults) -> list[str]:
    """Describe each active fault of deliveries to Insider One in a sentence."""
    return [_describe_delivery_fault(fault) for fault in faults.list_active_faults()]


def _parse_fault_fields(
    form: Mapping[str, str], number_names: tuple[str, ...], switch_names: tuple[str, ...]
) -> JSONObject:
    asked: JSONObject = {}
    for name in number_names:
        if text := form.get(name, "").strip():
            asked[name] = _parse_whole_number_field(text, name)
    for name in switch_names:
        if form.get(name):
            asked[name] = True
    return asked


def _parse_whole_number_field(text: str, where: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise EmulatorError(f"{text[:40]!r} is not a whole number", where, "Use digits only.")
    return int(text)


def _describe_segment_fault(fault: JSONObject) -> str:
    what = "closes the connection" if fault["drop"] else f"returns {fault['status']}"
    if fault["retryAfter"] is not None:
        what += f", retry after {fault['retryAfter']} s"
    return (
        f"{what}{_describe_fault_processing(fault)}, {_describe_fault_repeat_count(fault['times'])}"
    )


def _describe_delivery_fault(fault: JSONObject) -> str:
    what = []
    if fault["rateLimit"] is not None:
        what.append(f"takes {fault['rateLimit']} requests a minute, the others are answered 429")
    if fault["timeout"]:
        what.append("does not respond")
    elif fault["drop"]:
        what.append("closes the connection")
    elif fault["status"] is not None:
        what.append(f"returns {fault['status']}")
    if fault["delayMs"]:
        what.append(f"after {fault['delayMs']} ms")
    share = f", {fault['share']:.0%} of them" if fault["share"] < 1 else ""
    return (
        f"{' '.join(what)}{_describe_fault_processing(fault)}{share}, "
        f"{_describe_fault_repeat_count(fault['times'])}"
    )


def _describe_fault_processing(fault: JSONObject) -> str:
    return ", after processing the request" if fault["taken"] else ""


def _describe_fault_repeat_count(times: JSON) -> str:
    if times is None:
        return "until it is cleared"
    return "once" if times == 1 else f"{times} times"


BYTES_PER_KIB = 1024
RATE_LIMIT_TITLES = {
    "upsert": "Upserts and attribute deletions",
    "profile": "Profile reads",
    "identityUpdate": "Changes of identifiers",
    "identityDelete": "Deletions of identifiers",
    "delete": "Deletions of users",
    "anonymize": "Anonymisations",
    "contact": "Contact API, each address",
}


class LimitRow(NamedTuple):
    """One row of the limits table on the Settings page: side, subject and value."""

    side: str
    subject: str
    value: str


def list_account_limits(options: InsiderAccountOptions) -> list[LimitRow]:
    """Return all limits of Segment and Insider One, with the values of this account."""
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
        LimitRow("Destination", "Response timeout", f"{RESPONSE_TIMEOUT_S:g} s"),
        LimitRow(
            "Insider One",
            "One request",
            f"{MAX_USERS_PER_REQUEST:,} users, {MAX_BODY_BYTES:,} bytes",
        ),
        *(
            LimitRow(
                "Insider One",
                RATE_LIMIT_TITLES[name],
                _format_rate_limit(options.rate_limits[name]),
            )
            for name in DEFAULT_RATE_LIMITS
        ),
    ]


def _format_rate_limit(limit: int | None) -> str:
    return "no limit" if limit is None else f"{limit:,} a minute"


bp = Blueprint("settings", __name__, url_prefix="/settings")

SETTINGS_ENDPOINT = "inspector.settings.show_settings"
MAX_LISTED_DIFFERENCES = 20


@bp.get("")
def show_settings() -> str:
    """Serve the Settings page."""
    return _render_settings_page()


@bp.post("/faults/<side>")
def add_fault(side: str) -> Response | str:
    """Handle the fault form: add a fault for the next requests of Segment or Insider One."""
    services, form = current_services(), request.form
    if side not in FAULT_SIDES:
        abort(404)
    try:
        if side == "segment":
            services.segment_faults.add_fault(parse_segment_fault(form))
        else:
            services.insider_faults.add_fault(parse_delivery_fault(form))
    except EmulatorError as error:
        return _render_settings_page(build_rejected_form(side, error))
    return rendering.redirect_to_endpoint("The fault was added", SETTINGS_ENDPOINT)


@bp.post("/faults/<side>/clear")
def clear_faults(side: str) -> Response:
    """Handle the clear button: remove all faults of Segment or Insider One."""
    services = current_services()
    if side not in FAULT_SIDES:
        abort(404)
    (services.segment_faults if side == "segment" else services.insider_faults).clear_faults()
    return rendering.redirect_to_endpoint("All faults were removed", SETTINGS_ENDPOINT)


@bp.post("/retry")
def retry_deliveries() -> Response:
    """Handle the retry button: deliver queued messages and retry pending deliveries now."""
    services = current_services()
    services.queue.wait_until_drained()
    retried_count = services.pipeline.retries.retry_all_upserts()
    return rendering.redirect_to_endpoint(f"Retried requests: {retried_count}", SETTINGS_ENDPOINT)


@bp.post("/sandboxes")
def create_sandbox_view() -> Response | str:
    """Handle the form on the Settings page that creates a sandbox; show its key once."""
    try:
        return create_sandbox_from_form(SETTINGS_ENDPOINT)
    except EmulatorError as error:
        return _render_settings_page(build_rejected_form("sandboxes", error))


@bp.post("/sandboxes/<id>/delete")
def delete_sandbox_view(id: str) -> Response | str:
    """Handle the button on the Settings page that deletes a sandbox and all its data."""
    try:
        return delete_sandbox_and_redirect(id, SETTINGS_ENDPOINT)
    except ConflictError as error:
        return _render_settings_page(build_rejected_form("sandboxes", error))


def _render_settings_page(rejected_form: RejectedForm | None = None) -> str:
    services = current_services()
    differences, _ = services.differences.list_differences(limit=MAX_LISTED_DIFFERENCES)
    return render_page(
        "settings.html",
        segment_faults=describe_segment_faults(services.segment_faults),
        way_faults=describe_delivery_faults(services.insider_faults),
        presets=FAULT_PRESETS,
        limits=list_account_limits(services.workspace.insider_options),
        **build_sandbox_list_context(),
        forms_of="inspector.settings",
        default=DEFAULT_SANDBOX_ID,
        pages=get_sandbox_pages_path,
        workspaces=PRESET_NAMES,
        storage=services.store.build_storage_report(),
        names_database=current_caller().team is None,
        config=services.config,
        version=__version__,
        unsettled=len(services.store.upserts.list_pending_upsert_ids()),
        waiting=services.store.message_queue.count_queued_messages(),
        pass_through=services.pass_through,
        differences=differences,
        rejected_form=rejected_form,
    )
