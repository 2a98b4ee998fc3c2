"""Causes and Checks pages of the inspector: what is wrong in messages and in each mapping."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from flask import Blueprint, Response, request

from segment_insider_emulator.analysis.drift import DriftReport, find_drift
from segment_insider_emulator.analysis.drift.deviations import (
    DEVIATION_EFFECTS,
    DeviationEffect,
    DeviationTable,
    PreviewedDeviation,
)
from segment_insider_emulator.control_api.causes import (
    Cause,
    CauseReport,
    find_causes,
    quote_for_query,
)
from segment_insider_emulator.inspector import rendering
from segment_insider_emulator.inspector.cause_edits import CauseEditor
from segment_insider_emulator.inspector.json_tree import redact_secrets
from segment_insider_emulator.inspector.rendering import render_page
from segment_insider_emulator.inspector.workspace_page import get_current_workspace_document
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.services import current_services
from segment_insider_emulator.workspace.causes import remove_values
from segment_insider_emulator.workspace.edits import MAX_EDITS, WorkspaceEdit

causes_bp = Blueprint("causes", __name__, url_prefix="/causes")
checks_bp = Blueprint("checks", __name__, url_prefix="/workspace/checks")

CAUSES_ENDPOINT: Final = "inspector.causes.show_causes"
CHECKS_ENDPOINT: Final = "inspector.checks.show_checks"
MAX_TRAFFIC_EVENTS: Final = 200  # captured events to compare with
TRAFFIC_TIME_S: Final = 0.1  # to compare events and to search for causes, each
THOROUGH_TIME_S: Final = 2.0
MAX_MARKED_AT_ONCE: Final = 500
NOTES_ONLY: Final = 2  # severity of a board
_SIMPLE_PATH = re.compile(r"[\w$-]+(?:\[\])?(?:\.[\w$-]+(?:\[\])?)*")


class DeviationGroup(NamedTuple):
    """Deviations of one mapping that are shown as one row.

    Args:
        text: After their number; "" for a single deviation.
        query: Finds captured messages that show a single deviation; "" without one.
    """

    effect: DeviationEffect
    text: str
    deviations: list[PreviewedDeviation]
    query: str = ""

    @property
    def edits(self) -> list[WorkspaceEdit]:
        """Return the suggested edits of the deviations, each once."""
        edits = {
            deviation.edit.json_text: deviation.edit
            for deviation in self.deviations
            if deviation.edit
        }
        return list(edits.values())[:MAX_EDITS]

    @property
    def causes(self) -> list[str]:
        """Return the names of the causes of the deviations."""
        return list(dict.fromkeys(deviation.cause for deviation in self.deviations))


class MappingBoard(NamedTuple):
    """What is wrong with one mapping, or with the workspace itself when *name* is empty.

    Args:
        number: Of the subscription, from 1; 0 for the workspace.
        event_count: How many of the latest captured events the mapping took.
        causes: New causes of problems of captured messages, each with the edits that solve it.
        groups: Deviations from the guide, the catalogue and the traffic; known ones left out.
        replaces_default_mapping: Whether one written line would replace the default mapping.
    """

    name: str
    number: int
    event_count: int
    causes: list[tuple[Cause, Sequence[WorkspaceEdit]]]
    groups: list[DeviationGroup]
    replaces_default_mapping: bool

    def count_groups(self, effect: DeviationEffect) -> int:
        """Return how many rows have an effect."""
        return sum(group.effect == effect for group in self.groups)

    @property
    def severity(self) -> int:
        """Return 0 when something is lost or wrong in messages, 1 for differences, else 2."""
        if self.causes or self.count_groups("loses"):
            return 0
        return 1 if self.count_groups("differs") else NOTES_ONLY


@causes_bp.get("")
def show_causes() -> str:
    """Serve the Causes page: problems of captured messages by cause, the worst first."""
    services = current_services()
    report, editor = find_causes(services), CauseEditor(services)
    return render_page(
        "causes.html",
        report=report,
        list_edits=lambda causes: _list_edits(editor, causes),
        new_causes=_merge_mappings(cause for cause in report.causes if not cause.known),
        known_causes=_merge_mappings(cause for cause in report.causes if cause.known),
        other_known_causes=_list_known_causes_without_messages(report.causes),
    )


def _merge_mappings(causes: Iterable[Cause]) -> list[list[Cause]]:
    """Group causes that several mappings have, in the order of the first of each."""
    groups: dict[str, list[Cause]] = {}
    for cause in causes:
        groups.setdefault(cause.newest.cause, []).append(cause)
    return list(groups.values())


@causes_bp.post("/known")
def mark_causes() -> Response:
    """Handle the buttons that mark causes as known, or as new again."""
    form, known_causes = request.form, current_services().known_causes
    names = list(zip(form.getlist("cause"), form.getlist("mapping"), strict=False))
    is_known = form.get("known") == "true"
    for cause, mapping in names[:MAX_MARKED_AT_ONCE]:
        if is_known:
            known_causes.mark(cause, mapping, form.get("note", "").strip())
        else:
            known_causes.unmark(cause, mapping)
    count = len(names[:MAX_MARKED_AT_ONCE])
    number = "1 cause is" if count == 1 else f"{count} causes are"
    endpoint = CHECKS_ENDPOINT if form.get("page") == "checks" else CAUSES_ENDPOINT
    notice = f"{number} known now" if is_known else f"{number} new again"
    return rendering.redirect_to_endpoint(notice, endpoint)


def _list_edits(editor: CauseEditor, causes: Iterable[Cause]) -> list[WorkspaceEdit]:
    """Return the edits that solve one cause in all its mappings, each once."""
    edits = {
        edit.json_text: edit
        for cause in causes
        for edit in editor.list_edits(
            cause.newest.cause, cause.newest.mapping, cause.newest_message_id
        )
    }
    return list(edits.values())[:MAX_EDITS]


def _list_known_causes_without_messages(causes: Iterable[Cause]) -> list[object]:
    """Return the entries of known causes that no captured message has."""
    seen = {cause.known for cause in causes if cause.known}
    return [entry for entry in current_services().known_causes.list_all() if entry not in seen]


@checks_bp.get("")
def show_checks() -> str:
    """Serve the Checks page: for each mapping, what is wrong.

    `notes` adds harmless rows, `more` takes more time for more messages.
    """
    services = current_services()
    time_budget_s = THOROUGH_TIME_S if "more" in request.args else TRAFFIC_TIME_S
    document = get_current_workspace_document(services)
    recent, deliveries = services.store.list_latest_messages(MAX_TRAFFIC_EVENTS)
    traffic = [message.normalised for message in recent if message.normalised]
    drift = find_drift(document, traffic, time_budget_s=time_budget_s)
    report = CauseReport()
    boards: list[MappingBoard] = []
    with_notes = "notes" in request.args
    known_count = 0
    if isinstance(drift, DriftReport):
        report = find_causes(services, time_budget_s=time_budget_s)
        event_counts = Counter(delivery.subscription for delivery in deliveries)
        editor = CauseEditor(services)
        known_count = drift.known_count
        boards = [
            _build_board(number, table, event_counts, report.causes, editor)
            for number, table in enumerate(drift.tables)
        ]
        boards.sort(key=lambda board: board.severity)
    return render_page(
        "checks.html",
        findings=() if isinstance(drift, DriftReport) else drift,
        drift=drift if isinstance(drift, DriftReport) else None,
        boards=[
            board
            for board in boards
            if board.severity < NOTES_ONLY or board.event_count or (with_notes and board.groups)
        ],
        note_count=sum(board.count_groups("note") for board in boards),
        known_count=known_count,
        get_sent_value=get_sent_value,
        traffic_count=len(traffic),
        compared_count=drift.compared_event_count if isinstance(drift, DriftReport) else 0,
        searched_since=report.searched_since,
        is_thorough="more" in request.args,
        notes=with_notes,
    )


def get_sent_value(deviation: PreviewedDeviation) -> JSON:
    """Return the value that was sent where a deviation is, redacted under names of secrets."""
    name = deviation.unread_path.rpartition(".")[2].removesuffix("[]")
    redacted: JSONObject = redact_secrets({name: deviation.sent_value})
    return redacted[name]


def _build_board(
    number: int,
    table: DeviationTable,
    event_counts: Counter[str],
    causes: Sequence[Cause],
    editor: CauseEditor,
) -> MappingBoard:
    name = table.subscription_name
    own_causes = [cause for cause in causes if cause.newest.mapping == name]
    deviations = [row for row in table.deviations if not _is_reported(row, own_causes)]
    return MappingBoard(
        name,
        number,
        event_counts[name] if name else 0,
        [
            (cause, _list_edits(editor, [cause]))
            for cause in own_causes
            # A deviation about events that no mapping takes has the mapping to add.
            if not cause.known and cause.newest.verdict != "not_subscribed"
        ],
        _group_deviations(name, deviations),
        table.replaces_default_mapping,
    )


def _is_reported(deviation: PreviewedDeviation, causes: Iterable[Cause]) -> bool:
    """Return whether a cause of messages is the same fault as a deviation from traffic."""
    field = deviation.path.rpartition(".")[2]
    for cause in causes:
        what = " ".join(cause.newest.what.split()).rstrip(".")
        if deviation.refusal and remove_values(deviation.refusal) in remove_values(what):
            return True
        if "traffic" in deviation.references and what.startswith(f"{field} parameter is required"):
            return True
    return False


def _group_deviations(
    mapping: str, deviations: Sequence[PreviewedDeviation]
) -> list[DeviationGroup]:
    """Group the deviations of a mapping that have a text for it, the most severe first."""
    groups: dict[object, DeviationGroup] = {}
    for number, deviation in enumerate(deviations):
        key = (deviation.effect, deviation.group_text or number)
        group = DeviationGroup(deviation.effect, deviation.group_text, [])
        groups.setdefault(key, group).deviations.append(deviation)
    rows = [
        group
        if len(group.deviations) > 1
        else group._replace(text="", query=_build_deviation_query(mapping, group.deviations[0]))
        for group in groups.values()
    ]
    return sorted(rows, key=lambda group: DEVIATION_EFFECTS.index(group.effect))


def _build_deviation_query(mapping: str, deviation: PreviewedDeviation) -> str:
    """Return a query for captured messages that show a deviation; "" without one."""
    path, event = deviation.unread_path, deviation.example_event or {}
    if not mapping and deviation.event_count and "type" in event:
        name = event.get("event")
        of_name = [f"event:{quote_for_query(name)}"] if isinstance(name, str) else []
        return " ".join(["verdict:not_subscribed", f"type:{event['type']}", *of_name])
    if not path or not _SIMPLE_PATH.fullmatch(path):
        return ""
    parts = [f"subscription:{quote_for_query(mapping)}"] if mapping else []
    return " ".join([*parts, f"has:{path}"])
