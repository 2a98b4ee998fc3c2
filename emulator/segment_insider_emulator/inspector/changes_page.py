"""Change pages of the inspector: apply an edit of a mapping, show its effect, and undo it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import takewhile
from secrets import token_hex
from typing import Final, NamedTuple

from flask import Blueprint, Response, request

from segment_insider_emulator.control_api.sandboxes import apply_edits_to_sandbox
from segment_insider_emulator.delivery.destination_overrides import DestinationChange
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.inspector import rendering
from segment_insider_emulator.inspector.list_query import get_int_parameter
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.inspector.sdk_calls import send_call_batch_to_segment
from segment_insider_emulator.inspector.tester_view_model import (
    MAX_COMPARED_EVENTS,
    RequestComparison,
    compare_destinations,
)
from segment_insider_emulator.interchange.export_workspace import fill_subscription_defaults
from segment_insider_emulator.mapping.directives import is_directive
from segment_insider_emulator.segment.validation import IngestError
from segment_insider_emulator.storage.messages import MessageStore
from segment_insider_emulator.storage.records import MessageRecord
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.workspace.edits import MAX_EDITS, WorkspaceEdit, parse_workspace_edit
from segment_insider_emulator.workspace.validation import format_document_path

bp = Blueprint("changes", __name__, url_prefix="/workspace/changes")

CHANGE_ENDPOINT: Final = "inspector.changes.show_change"
MAX_LISTED_EVENTS: Final = 20
MAX_OPEN_EVENTS: Final = 3


class WrittenValue(NamedTuple):
    """One value of the workspace file before and after a change; None if it is absent."""

    path: str
    before: JSON
    after: JSON


class ChangedEvent(NamedTuple):
    """A captured event whose requests a change of mappings changes.

    Args:
        comparisons: Name of the mapping, and its request before and after.
    """

    message: MessageRecord
    comparisons: list[tuple[str, RequestComparison]]


@bp.app_template_global()
def workspace_fingerprint() -> str:
    """Return the fingerprint of the current workspace, which a form with an edit sends back."""
    return current_services().destination_overrides.fingerprint


@bp.app_template_filter()
def edit_verb(edit: WorkspaceEdit) -> str:
    """Return what the button of an edit says."""
    if edit.keys == ("enabled",):
        return "Switch the destination on"
    if edit.adds_subscription:
        return "Add the guide's mapping"
    return "Switch the mapping on" if edit.keys[-1] == "enabled" else "Apply"


@bp.post("")
def apply_edit() -> Response:
    """Handle an Apply button: write its edit into this sandbox's mappings; show the effect."""
    form = request.form
    edits = [parse_workspace_edit(text) for text in form.getlist("edit")[: MAX_EDITS + 1]]
    if len(edits) > MAX_EDITS:
        raise EmulatorError(f"more than {MAX_EDITS} edits", "edit", "Apply fewer at once.")
    change = apply_edits_to_sandbox(current_services(), edits, form.get("seen", ""))
    return redirect_to_change(change, get_message_id(form.get("message", "")))


@bp.get("/<id>")
def show_change(id: str) -> str:
    """Serve the page of one change: what it wrote, and its effect on captured events."""
    services = current_services()
    change = services.destination_overrides.find_change(id)
    captured = _list_captured_events(services.store)
    changed_events = list(_find_changed_events(change, captured))
    return render_page(
        "change.html",
        change=change,
        written=list(_list_written_values(change)),
        changed_events=changed_events[:MAX_LISTED_EVENTS],
        open_count=MAX_OPEN_EVENTS,
        changed_count=len(changed_events),
        resend_count=len(_list_resendable_messages(change, changed_events)),
        compared_count=len(captured),
        message_id=get_int_parameter("message", 0),
        resent=request.args.get("resent", "")[:100],
    )


@bp.post("/<id>/resend")
def resend_changed_events(id: str) -> Response:
    """Handle *Resend all*: send the events that a change changes again, oldest first."""
    services = current_services()
    change = services.destination_overrides.find_change(id)
    captured = _list_captured_events(services.store)
    changed = _list_resendable_messages(change, _find_changed_events(change, captured))
    batch, refused_count = f"resent-{change.id}-{token_hex(4)}", 0
    for number, message in enumerate(reversed(changed), 1):
        call = {**message.sent, "type": message.type, "messageId": f"{batch}-{number}"}
        try:
            send_call_batch_to_segment([call], message.source or "")
        except IngestError:
            refused_count += 1
    count = len(changed) - refused_count
    notice = f"{count} {'event was' if count == 1 else 'events were'} sent again"
    if refused_count:
        notice += f"; Segment refuses {refused_count}"
    return rendering.redirect_to_endpoint(notice, CHANGE_ENDPOINT, id=id, resent=batch)


@bp.post("/<id>/undo")
def undo_change(id: str) -> Response:
    """Handle the Undo button of a change: the mappings are exactly as before it."""
    change = current_services().destination_overrides.undo_change(id)
    notice = f"Undone: {change.title}"
    message_id = get_message_id(request.form.get("message", ""))
    if message_id:
        return rendering.redirect_to_endpoint(notice, "inspector.event.show_message", id=message_id)
    return rendering.redirect_to_endpoint(notice, "inspector.workspace.show_workspace")


def get_message_id(text: str) -> int | None:
    """Return the id of a message that a form sends back; None if it has none."""
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None


def redirect_to_change(change: DestinationChange, message_id: int | None = None) -> Response:
    """Redirect to the page of a change; it leads back to the message *message_id*."""
    return rendering.redirect_to_endpoint(
        "Applied to this sandbox until the next reset",
        CHANGE_ENDPOINT,
        id=change.id,
        message=message_id,
    )


def _list_captured_events(store: MessageStore) -> list[MessageRecord]:
    """Return the latest messages that Segment accepted, newest first."""
    messages, _ = store.list_latest_messages(MAX_COMPARED_EVENTS)
    return [message for message in messages if message.normalised]


def _find_changed_events(
    change: DestinationChange, messages: Sequence[MessageRecord]
) -> Iterator[ChangedEvent]:
    """Yield each message, newest first, with all its requests that the change changes."""
    events = [message.normalised or {} for message in messages]
    by_event: dict[int, list[tuple[str, RequestComparison]]] = {}
    for index, name, comparison in compare_destinations(change.before, change.after, events):
        by_event.setdefault(index, []).append((name, comparison))
    for index in sorted(by_event, key=lambda index: -messages[index].id):
        yield ChangedEvent(messages[index], by_event[index])


def _list_resendable_messages(
    change: DestinationChange, events: Iterable[ChangedEvent]
) -> list[MessageRecord]:
    """Return the messages of changed events that are not such messages, sent again."""
    again = f"resent-{change.id}-"
    return [event.message for event in events if not event.message.message_id.startswith(again)]


def _list_written_values(change: DestinationChange) -> Iterator[WrittenValue]:
    yield from _compare_documents(
        _write_out_defaults(change.before), _write_out_defaults(change.after)
    )
    before, after = list(change.identifiers_before), list(change.identifiers_after)
    if before != after:
        yield WrittenValue("insider.identifiers", before, after)


def _write_out_defaults(destination: JSONObject) -> JSONObject:
    """Leave out the settings, which have a key; write the mappings out that are defaults."""
    subscriptions = [fill_subscription_defaults(entry) for entry in destination["subscriptions"]]
    shown = {key: value for key, value in destination.items() if key != "settings"}
    return {**shown, "subscriptions": subscriptions}


def _compare_documents(
    before: JSON, after: JSON, keys: tuple[str | int, ...] = ("destination",)
) -> Iterator[WrittenValue]:
    """Yield the smallest parts of two documents that differ; a directive is one part."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and not _is_one_part(before, after):
        for name in {**before, **after}:
            yield from _compare_documents(before.get(name), after.get(name), (*keys, name))
    elif isinstance(before, list) and isinstance(after, list):
        yield from _compare_lists(before, after, keys)
    else:
        yield WrittenValue(format_document_path(*keys), before, after)


def _is_one_part(before: JSONObject, after: JSONObject) -> bool:
    # Every product of a list has the same shape, so its members are values of their own.
    is_shape = "@arrayPath" in before and "@arrayPath" in after
    return (is_directive(before) or is_directive(after)) and not is_shape


def _compare_lists(
    before: list[JSON], after: list[JSON], keys: tuple[str | int, ...]
) -> Iterator[WrittenValue]:
    """Yield items that were added to a list, or removed from it, and else those that differ."""
    same_count = len(
        list(takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    )
    removed_count, added_count = max(len(before) - len(after), 0), max(len(after) - len(before), 0)
    old = before[:same_count] + before[same_count + removed_count :]
    new = after[:same_count] + after[same_count + added_count :]
    for index in range(same_count, same_count + removed_count):
        yield WrittenValue(format_document_path(*keys, index), before[index], None)
    for index in range(same_count, same_count + added_count):
        yield WrittenValue(format_document_path(*keys, index), None, after[index])
    for index, pair in enumerate(zip(old, new, strict=True)):
        yield from _compare_documents(*pair, (*keys, index))
