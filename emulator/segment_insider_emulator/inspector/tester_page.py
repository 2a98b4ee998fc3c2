"""Tester page of the inspector: evaluates an event, and edits, applies or exports a mapping."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import NamedTuple

import orjson
from flask import Blueprint, Response, abort, request

from segment_insider_emulator.analysis.lint import lint_document
from segment_insider_emulator.control_api.sandboxes import replace_sandbox_destination
from segment_insider_emulator.delivery.filter_chain import (
    build_change_list,
    build_filter_chain,
    is_stopped_by_function,
)
from segment_insider_emulator.errors import ConflictError, EmulatorError
from segment_insider_emulator.filtering.result import FilterResult
from segment_insider_emulator.filtering.transformations import describe_change
from segment_insider_emulator.inspector.changes_page import (
    redirect_to_change,
    workspace_fingerprint,
)
from segment_insider_emulator.inspector.list_query import get_int_parameter
from segment_insider_emulator.inspector.mapping_description import describe_trigger
from segment_insider_emulator.inspector.rendering import (
    RejectedForm,
    build_rejected_form,
    render_page,
)
from segment_insider_emulator.inspector.tester_view_model import (
    MAX_COMPARED_EVENTS,
    MAX_LISTED_CHANGES,
    RequestComparison,
    build_completions,
    compare_edited_subscription,
    evaluate_event,
    list_mapping_findings,
)
from segment_insider_emulator.inspector.workspace_page import get_current_workspace_document
from segment_insider_emulator.interchange.export_terraform import build_terraform_configuration
from segment_insider_emulator.interchange.export_workspace import (
    build_public_api_requests,
    export_workspace_file,
)
from segment_insider_emulator.json_text import MAX_DEPTH, measure_nesting_depth, parse_json
from segment_insider_emulator.mapping import compile_destination
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.segment.normalise import normalise_call
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace import Workspace
from segment_insider_emulator.workspace.model import build_workspace
from segment_insider_emulator.workspace.validation import WorkspaceFinding

CALL_TYPES = ("track", "identify", "page", "screen", "group", "alias")
EVENT_REMEDY = (
    'Paste a call as an SDK sends it, such as {"type": "track", "event": "Order Completed"}.'
)
MAPPING_REMEDY = 'Write an object, such as {"uuid": {"@path": "$.userId"}}.'
DEFAULT_MESSAGE_ID = "tester"  # for a call without one


@dataclass(frozen=True, slots=True)
class TesterForm:
    """The submitted texts of the Tester page's form, valid or not.

    Args:
        event_json: JSON of a call.
        subscription_number: The subscription that is edited, 1 for the first; None when none is.
        trigger_text, mapping_json: Its trigger, and its mapping as JSON.
    """

    event_json: str = ""
    subscription_number: int | None = None
    trigger_text: str = ""
    mapping_json: str = ""


def build_mapping_edit_form(
    event_json: str, subscription_number: int, subscription: JSONObject
) -> TesterForm:
    """Return the Tester page's form filled with *subscription*, ready to edit."""
    action = ACTIONS[subscription["actionSlug"]]
    mapping = subscription.get("settings", action.default_mapping)
    text = orjson.dumps(mapping, option=orjson.OPT_INDENT_2).decode()
    return TesterForm(
        event_json, subscription_number, str(subscription.get("trigger", action.trigger)), text
    )


def parse_event_text(text: str, now: datetime) -> JSONObject:
    """Parse the event text of the tester into a normalised Segment event.

    Raises: EmulatorError.

    Raises: EmulatorError.

    A captured event has `receivedAt` and is used unchanged.
    """
    call = _parse_json_object(text, "event", EVENT_REMEDY)
    if call.get("type") not in CALL_TYPES:
        raise EmulatorError(
            "the call type is missing or unknown",
            "event.type",
            f"Write one of {', '.join(CALL_TYPES)}.",
        )
    for name in ("context", "properties", "traits"):
        if not isinstance(call.get(name, {}), dict):
            raise EmulatorError("not a JSON object", f"event.{name}", "Write {…}.")
    if "receivedAt" in call:
        return call
    message_id = call.get("messageId")
    return normalise_call(
        call, message_id if isinstance(message_id, str) else DEFAULT_MESSAGE_ID, now
    )


def apply_edit_to_subscription(form: TesterForm, subscription: JSONObject) -> JSONObject:
    """Return *subscription* with the trigger and mapping edited in the tester's form.

    Raises: EmulatorError.

    Raises: EmulatorError.
    """
    settings = _parse_json_object(form.mapping_json, "mapping", MAPPING_REMEDY)
    return {**subscription, "trigger": form.trigger_text.strip(), "settings": settings}


def _parse_json_object(text: str, where: str, remedy: str) -> JSONObject:
    try:
        value: JSON = parse_json(text.encode())
    except orjson.JSONDecodeError as error:
        place = f"{where}, line {error.lineno}" if text.strip() else where
        what = error.msg if text.strip() else "the field is empty"
        raise EmulatorError(what, place, remedy) from error
    if not isinstance(value, dict):
        raise EmulatorError("not a JSON object", where, remedy)
    if measure_nesting_depth(value) > MAX_DEPTH:
        raise EmulatorError(f"nested deeper than {MAX_DEPTH} levels", where, "Flatten it.")
    return value


bp = Blueprint("tester", __name__, url_prefix="/workspace/test")

MAX_RECENT_EVENTS = 40


class MappingEditEffect(NamedTuple):
    """The effect of a mapping edited in the tester on captured events and lint findings.

    Args:
        current_comparison: The event at hand, when its request changes.
        other_comparisons: The first captured events with a changed request.
        changed_count, compared_count: How many captured events change, of how many.
        new_findings: What lint says of the edited mapping and did not say of the real one.
    """

    trigger_text: str
    current_comparison: RequestComparison | None
    other_comparisons: Sequence[RequestComparison]
    changed_count: int
    compared_count: int
    new_findings: Sequence[WorkspaceFinding]


@bp.get("")
def show_tester() -> str:
    """Serve the Tester page for the message `message` and the mapping number `subscription`."""
    services = current_services()
    message = services.store.get_message(get_int_parameter("message", 0))
    event = _to_pretty_json(_get_event_before_stages(message)) if message else ""
    subscription_number = get_int_parameter("subscription", 0)
    if subscription_number:
        return _render_tester_page(
            build_mapping_edit_form(
                event, subscription_number, _get_subscription_or_404(services, subscription_number)
            )
        )
    return _render_tester_page(TesterForm(event))


@bp.post("")
def test_submitted_event() -> str:
    """Handle the tester form: evaluate its event with all mappings; send and change nothing."""
    form = _read_tester_form()
    try:
        parse_event_text(form.event_json, current_services().clock())
        _build_edited_subscription(current_services(), form)
    except EmulatorError as error:
        return _render_tester_page(form, build_rejected_form("test", error))
    return _render_tester_page(form)


@bp.post("/check")
def check_edited_mapping() -> JSONObject:
    """Return the lint findings of the mapping in the tester's form, each with its place in it."""
    form = _read_tester_form()
    try:
        subscription = _build_edited_subscription(current_services(), form)
    except EmulatorError as error:
        return {"findings": [{"place": "", "message": str(error), "severity": "error"}]}
    if subscription is None:
        return {"findings": []}
    document = get_current_workspace_document(current_services())
    destination = {**document["destination"], "subscriptions": [subscription]}
    return {"findings": list_mapping_findings({**document, "destination": destination})}


@bp.post("/apply")
def apply_edited_mapping() -> Response | str:
    """Handle the tester's apply button: use the edited mapping in this sandbox."""
    services, submitted = current_services(), _read_tester_form()
    try:
        after = _build_edited_subscription(services, submitted)
    except EmulatorError as error:
        return _render_tester_page(submitted, build_rejected_form("test", error))
    if after is None or submitted.subscription_number is None:
        abort(404)
    destination = services.destination_overrides.current_destination
    subscriptions = list(destination["subscriptions"])
    subscriptions[submitted.subscription_number - 1] = after
    try:
        change = replace_sandbox_destination(
            services,
            {**destination, "subscriptions": subscriptions},
            f"{after['name']} edited",
            request.form.get("seen"),
        )
    except EmulatorError as error:
        return _render_tester_page(submitted, build_rejected_form("test", error))
    return redirect_to_change(change)


@bp.post("/export/<form>")
def export_workspace_with_edit(form: str) -> Response | str:
    """Serve the workspace with the mapping edited in the tester as a file, without its key."""
    services, submitted = current_services(), _read_tester_form()
    if form not in EXPORTERS:
        abort(404)
    try:
        after = _build_edited_subscription(services, submitted)
    except EmulatorError as error:
        return _render_tester_page(submitted, build_rejected_form("test", error))
    return _build_export_response(
        form, get_current_workspace_document(services, submitted.subscription_number or 0, after)
    )


@bp.get("/export/<form>")
def export_current_workspace(form: str) -> Response:
    """Serve the current workspace as a file in the format *form*, without its key."""
    if form not in EXPORTERS:
        abort(404)
    return _build_export_response(form, get_current_workspace_document(current_services()))


def _build_export_response(export_format: str, workspace_document: JSONObject) -> Response:
    # A plan in a separate file was read when the workspace was loaded.
    workspace = replace(
        build_workspace(workspace_document),
        tracking_plan=current_services().workspace.tracking_plan,
    )
    headers = {"Content-Disposition": f'attachment; filename="{EXPORT_FILE_NAMES[export_format]}"'}
    return Response(EXPORTERS[export_format](workspace), mimetype="text/plain", headers=headers)


def _export_as_public_api_responses(workspace: Workspace) -> str:
    return _to_pretty_json({"requests": build_public_api_requests(workspace)})


EXPORTERS: Mapping[str, Callable[[Workspace], str]] = {
    "public-api": _export_as_public_api_responses,
    "terraform": build_terraform_configuration,
    "workspace": export_workspace_file,
}
EXPORT_FILE_NAMES = {
    "public-api": "public-api.json",
    "terraform": "insider.tf",
    "workspace": "workspace.yaml",
}


def _read_tester_form() -> TesterForm:
    """Read the submitted form of the tester; `edit` fills in the current mapping."""
    form = request.form
    event, number_text = form.get("event", ""), form.get("edit") or form.get("subscription", "")
    if not (number_text.isdecimal() and len(number_text) < 7 and int(number_text)):
        return TesterForm(event)
    if form.get("edit"):
        return build_mapping_edit_form(
            event, int(number_text), _get_subscription_or_404(current_services(), int(number_text))
        )
    mapping = form.get("mapping", "")
    return TesterForm(event, int(number_text), form.get("trigger", ""), mapping)


def _get_subscription_or_404(services: SandboxServices, number: int) -> JSONObject:
    subscriptions = services.destination_overrides.current_destination["subscriptions"]
    if not 1 <= number <= len(subscriptions):
        abort(404)
    subscription: JSONObject = subscriptions[number - 1]
    return subscription


def _build_edited_subscription(services: SandboxServices, form: TesterForm) -> JSONObject | None:
    """Return the subscription as edited in the tester; None if no mapping is edited."""
    if form.subscription_number is None:
        return None
    return apply_edit_to_subscription(
        form, _get_subscription_or_404(services, form.subscription_number)
    )


def _get_event_before_stages(message: MessageRecord) -> JSONObject:
    """Return a message's event as it was before transformations and functions changed it."""
    if (message.filtering or {}).get("changes"):
        return {"type": message.type} | message.sent  # a path may have given the type
    return message.normalised or message.sent


def _run_stages(services: SandboxServices, event: JSONObject | None) -> FilterResult | None:
    """Run the tester's event through all stages before the mappings, as if the destination is on.

    Functions run without what they remember.
    """
    if event is None:
        return None
    runner = services.function_runner.create_fresh() if services.function_runner else None
    destination = compile_destination(services.destination_overrides.current_destination)
    chain = build_filter_chain(services.workspace, services.config.seed, runner)
    return chain.filter_event(event, enabled=True, destination=destination)


def _render_tester_page(form: TesterForm, rejected_form: RejectedForm | None = None) -> str:
    services = current_services()
    recent, _ = services.store.list_latest_messages(MAX_COMPARED_EVENTS)
    trial = edit = passed = None
    if not rejected_form:
        event, after = (
            _parse_tester_form_event(services, form),
            _build_edited_subscription(services, form),
        )
        whole = get_current_workspace_document(services, form.subscription_number or 0, after)
        passed = _run_stages(services, event)
        trigger_event = passed.trigger_event if passed else None
        event = passed.event if passed else event
        trial = (
            evaluate_event(whole, event, services.workspace.insider_options, trigger_event)
            if event and not (passed and is_stopped_by_function(passed))
            else None
        )
        edit = (
            _build_mapping_edit_effect(services, form.subscription_number, after, event, recent)
            if after and form.subscription_number
            else None
        )
    return render_page(
        "tester.html",
        form=form,
        completions=_build_completions(services, form.subscription_number, recent),
        trial=trial,
        passed=passed,
        stage_changes=[
            (change["by"], describe_change(change))
            for change in (build_change_list(passed) if passed else ())
        ],
        edit=edit,
        recent=[message for message in recent if message.normalised][:MAX_RECENT_EVENTS],
        names=[
            subscription["name"]
            for subscription in services.destination_overrides.current_destination["subscriptions"]
        ],
        seen=_get_seen_fingerprint(rejected_form),
        rejected_form=rejected_form,
    )


def _build_completions(
    services: SandboxServices, number: int | None, recent: Sequence[MessageRecord]
) -> JSONObject | None:
    """Return what the editor of a mapping completes; None when none is edited."""
    if number is None:
        return None
    action = ACTIONS[_get_subscription_or_404(services, number)["actionSlug"]]
    return build_completions(action, [message.normalised for message in recent])


def _get_seen_fingerprint(rejected_form: RejectedForm | None) -> str:
    """Return the fingerprint of the workspace that the edit starts from."""
    submitted = request.form.get("seen")
    is_stale = rejected_form is not None and isinstance(rejected_form.error, ConflictError)
    # After the refusal, a second click applies the edit all the same.
    return submitted if submitted and not is_stale else workspace_fingerprint()


def _parse_tester_form_event(services: SandboxServices, form: TesterForm) -> JSONObject | None:
    return parse_event_text(form.event_json, services.clock()) if form.event_json else None


def _build_mapping_edit_effect(
    services: SandboxServices,
    number: int,
    edited_subscription: JSONObject,
    event: JSONObject | None,
    recent: Sequence[MessageRecord],
) -> MappingEditEffect:
    before, settings = (
        _get_subscription_or_404(services, number),
        services.destination_overrides.current_destination["settings"],
    )
    here = next(
        compare_edited_subscription(
            before, edited_subscription, settings, [event] if event else []
        ),
        None,
    )
    events = [message.normalised for message in recent if message.normalised]
    changed = list(compare_edited_subscription(before, edited_subscription, settings, events))
    return MappingEditEffect(
        describe_trigger(edited_subscription["trigger"]),
        here,
        list(islice(changed, MAX_LISTED_CHANGES)),
        len(changed),
        len(events),
        _find_new_lint_findings(services, number, edited_subscription),
    )


def _find_new_lint_findings(
    services: SandboxServices, number: int, edited_subscription: JSONObject
) -> list[WorkspaceFinding]:
    """Return the lint findings that the edited mapping has and the current one lacks."""
    known = set(lint_document(get_current_workspace_document(services)))
    return [
        finding
        for finding in lint_document(
            get_current_workspace_document(services, number, edited_subscription)
        )
        if finding not in known
    ]


def _to_pretty_json(value: JSONObject) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
