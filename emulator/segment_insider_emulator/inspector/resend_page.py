"""Edit and resend: a captured call in an editor, with what an edit changes before it is sent."""

from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import uuid4

import orjson
from flask import Blueprint, abort, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Redirect

from segment_insider_emulator.control_api.deliveries import dry_run_call
from segment_insider_emulator.control_api.request_parsing import ID_ROUTE
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import copy_as
from segment_insider_emulator.inspector.mapping_failures import (
    FailureCause,
    describe_failure_causes,
)
from segment_insider_emulator.inspector.message_comparison import (
    ValueComparison,
    compare_messages,
    compare_values,
)
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.inspector.sdk_calls import send_call_to_segment
from segment_insider_emulator.json_text import (
    MAX_DEPTH,
    mask_text,
    measure_nesting_depth,
    parse_json,
)
from segment_insider_emulator.mapping.destination import compile_subscription
from segment_insider_emulator.mapping.rejected_values import find_rejected_values
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.web.services import SandboxServices, current_services

CALL_REMEDY: Final = (
    'Write one JSON object, such as {"type": "track", "event": "Song Played", "userId": "ada"}.'
)

bp = Blueprint("resend", __name__)


class ResendPreview(NamedTuple):
    """What an edited call would lead to.

    Args:
        call_changes: The call as captured and as edited.
        outcome: The record of a dry run of the edited call.
        requests: The requests that differ from those of the captured message.
        failure_causes: Why mappings would fail.
    """

    call_changes: ValueComparison
    outcome: MessageRecord
    requests: list[ValueComparison]
    failure_causes: list[FailureCause]


@bp.get(f"/messages/{ID_ROUTE}/edit")
def show_resend_form(id: int) -> str:
    """Serve the page with a form to edit a captured message and send it again."""
    message = _get_message_or_404(id)
    text = orjson.dumps(copy_as.remove_message_id(message), option=orjson.OPT_INDENT_2).decode()
    return _render_form(message, text)


@bp.post(f"/messages/{ID_ROUTE}/edit")
def resend_message(id: int) -> str | Redirect:
    """Handle the resend form: send the edited call as an SDK would, then show the new message.

    With `preview`, show what it would lead to.
    """
    message, text = _get_message_or_404(id), request.form.get("call", "")
    if "preview" in request.form:
        return _render_form(message, text)
    try:
        sent = _send_call(_parse_call(text))
    except EmulatorError as error:
        return _render_form(message, text, error)
    return redirect(url_for("inspector.event.show_message", id=sent), 303)


@bp.post(f"/messages/{ID_ROUTE}/edit/check")
def check_edited_call(id: int) -> JSONObject:
    """Return the findings of the edited call with their places in it, and what it leads to."""
    message, text = _get_message_or_404(id), request.form.get("call", "")
    try:
        preview = _build_preview(current_services(), message, _parse_call(text))
    except EmulatorError as error:
        finding = {"place": "", "message": f"{error.what}. {error.remedy}", "severity": "error"}
        return {"findings": [finding], "preview": None}
    return {
        "findings": list(_iter_findings(preview)),
        "preview": render_template(
            "inspector/_edit_preview.html", message=message, preview=preview
        ),
    }


def _render_form(message: MessageRecord, text: str, error: EmulatorError | None = None) -> str:
    preview = None
    try:
        preview = _build_preview(current_services(), message, _parse_call(text))
    except EmulatorError as refusal:
        error = error or refusal
    return render_page("edit.html", message=message, text=text, fault=error, preview=preview)


def _get_message_or_404(id: int) -> MessageRecord:
    return current_services().store.get_message(id) or abort(404)


def _build_preview(
    services: SandboxServices, message: MessageRecord, call: JSONObject
) -> ResendPreview:
    """Compare the captured *message* with a dry run of the edited *call*.

    Raises: EmulatorError, when Segment refuses the call.
    """
    outcome = dry_run_call(services, call)
    _, *requests = compare_messages(message, outcome)  # without their events
    return ResendPreview(
        compare_values("Call", copy_as.remove_message_id(message), call),
        outcome,
        [comparison for comparison in requests if comparison.content_differences],
        _find_failure_causes(services, outcome),
    )


def _find_failure_causes(services: SandboxServices, outcome: MessageRecord) -> list[FailureCause]:
    failed = {row.subscription for row in outcome.deliveries if row.verdict == "failed"}
    if not failed:
        return []
    destination = services.destination_overrides.current_destination
    return [
        cause
        for definition in destination["subscriptions"]
        if definition["name"] in failed
        for cause in describe_failure_causes(
            find_rejected_values(
                compile_subscription(definition, destination["settings"]), outcome.normalised
            )
        )
    ]


def _iter_findings(preview: ResendPreview) -> Iterator[JSONObject]:
    for cause in preview.failure_causes:
        for path in cause.paths or ("",):
            yield {
                "place": path,
                "message": mask_text(f"{path or 'The mapping'} {cause.what}. {cause.remedy}"),
                "severity": "error",
            }
    if preview.outcome.verdict == "rejected":
        message = mask_text(f"Segment would reject it: {preview.outcome.reason}")
        yield {"place": "", "message": message, "severity": "error"}


def _parse_call(text: str) -> JSONObject:
    try:
        call = parse_json(text.encode())
    except orjson.JSONDecodeError as error:
        what = f"Invalid JSON in line {error.lineno}, column {error.colno}: {error.msg}"
        raise EmulatorError(
            what if text.strip() else "The call is empty", "", CALL_REMEDY
        ) from None
    if not isinstance(call, dict):
        raise EmulatorError("Not a Segment call", "", CALL_REMEDY)
    if measure_nesting_depth(call) > MAX_DEPTH:
        remedy = "Write it with fewer objects in objects."
        raise EmulatorError(f"The call is deeper than {MAX_DEPTH} levels", "", remedy)
    return call


def _send_call(call: JSONObject) -> int:
    """Send a call to Segment's API and return the id of the new message.

    Raises: IngestError, when Segment refuses it.
    """
    message_id = call.get("messageId")
    if not isinstance(message_id, str) or not message_id:
        message_id = f"resent-{uuid4()}"
    send_call_to_segment({**call, "messageId": message_id})
    messages, _ = current_services().store.list_messages({"messageId": message_id}, limit=1000)
    return messages[-1].id
