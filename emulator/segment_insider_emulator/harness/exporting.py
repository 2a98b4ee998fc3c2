"""The control API's exports: a whole sandbox as lines of JSON, its requests as HAR; and back."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Final

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from segment_insider_emulator import __version__
from segment_insider_emulator.capture.archive import SandboxArchive, validate_exported_row
from segment_insider_emulator.capture.records import DeliveryRecord, UpsertRecord
from segment_insider_emulator.clock import check_clock_range, format_iso_utc
from segment_insider_emulator.depth import MAX_DEPTH, nesting_depth
from segment_insider_emulator.encoding import strip_bom
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness import har, shapes
from segment_insider_emulator.harness.large_answers import send_large_response
from segment_insider_emulator.harness.subjects import RECORD_READERS, read_runs_of_journey
from segment_insider_emulator.harness.workspaces import current_workspace
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.parts import SandboxServices, current_services
from segment_insider_emulator.sandboxes import replace_current_workspace
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.model import redact_document

export_routes = Blueprint("exporting", __name__, url_prefix="/emulator/v1")

EXPORT_FORMAT: Final = 1
EXPORT_MEDIA_TYPE: Final = "application/x-ndjson"
MAX_IMPORT_BYTES: Final = 64 * 1024 * 1024  # bytes
HEADER_KEYS: Final = frozenset({"kind", "format", "version", "clock", "workspace"})
HEADER_PATH: Final = "body, line 1"
IMPORT_REMEDY: Final = "Send an export as it came from GET /emulator/v1/export."


@export_routes.get("/export")
def export() -> Response:
    """The sandbox as lines of JSON: workspace and clock in the first, then a line for each row.

    Keys are redacted: whoever imports it has others.
    """
    services = current_services()
    reading = services.clock.read()
    head: JSONObject = {
        "kind": "sandbox",
        "format": EXPORT_FORMAT,
        "version": __version__,
        "clock": {"now": format_iso_utc(reading.now), "frozen": reading.frozen},
        "workspace": redact_document(current_workspace(services)),
    }
    rows = (
        {"kind": name, "row": row} for name, row in SandboxArchive(services.engine).export_rows()
    )
    lines = (orjson.dumps(line) + b"\n" for line in chain([head], rows))
    return send_large_response(lines, EXPORT_MEDIA_TYPE)


@export_routes.get("/export.har")
def export_har() -> Response:
    """All requests to Insider One with their answers, HAR 1.2; tokens are redacted."""
    return send_large_response(
        har.write_har(_list_requests(current_services())), har.HAR_MEDIA_TYPE
    )


@export_routes.post("/import")
def import_() -> JSONObject:
    """Take an export in, in the place of all that this sandbox has; it keeps its own keys.

    {"imported": number of rows}
    """
    head, rows = _read_export()
    clock, frozen = _parse_exported_clock(head["clock"])
    old = current_services()
    old.queue.drain()
    with replace_current_workspace(head["workspace"], f"{HEADER_PATH}.workspace") as services:
        with services.profiles.unit_of_work():
            SandboxArchive(services.engine).replace_rows(rows)
            _check_readable(
                services, {row["journey_id"] for name, row in rows if name == "journey_runs"}
            )
        services.journeys.run_store.clear_next_due()
        services.pipeline.retries.reload_next_due()
        services.clock.reset(clock)
        if not frozen:
            services.clock.resume()
    return {"imported": len(rows)}


def _list_requests(services: SandboxServices) -> Iterator[DeliveryRecord | UpsertRecord]:
    """Each request once, whole: a batch is that of its upsert, not of its deliveries."""
    listed_upsert_ids: set[str] = set()
    after: int | None = 0
    while after is not None:
        page, after = services.store.list_deliveries(after_id=after, limit=1000)
        for delivery in page:
            if delivery.upsert is None:
                yield delivery
            elif delivery.upsert not in listed_upsert_ids:
                listed_upsert_ids.add(delivery.upsert)
                yield services.store.upserts.get(delivery.upsert) or delivery


def _read_export() -> tuple[JSONObject, list[tuple[str, JSONObject]]]:
    request.max_content_length = MAX_IMPORT_BYTES
    try:
        lines = strip_bom(request.get_data()).splitlines()
    except RequestEntityTooLarge as error:
        remedy = f"Send up to {MAX_IMPORT_BYTES:,} bytes."
        raise EmulatorError("the export is too large", "body", remedy) from error
    head = _parse_export_line(lines[0], 1) if lines else {}
    if (
        head.keys() != HEADER_KEYS
        or head["format"] != EXPORT_FORMAT
        or not isinstance(head["workspace"], dict)
    ):
        raise EmulatorError("this does not begin as an export", HEADER_PATH, IMPORT_REMEDY)
    rows = [
        validate_exported_row(line.get("kind"), line.get("row"), f"body, line {number}")
        for number, line in enumerate(
            map(_parse_export_line, lines[1:], range(2, len(lines) + 1)), 2
        )
    ]
    return head, rows


def _parse_export_line(raw: bytes, number: int) -> JSONObject:
    where = f"body, line {number}"
    try:
        line: JSON = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise EmulatorError("this is no JSON", where, IMPORT_REMEDY) from error
    if not isinstance(line, dict) or nesting_depth(line) > MAX_DEPTH:
        raise EmulatorError("this is no line of an export", where, IMPORT_REMEDY)
    return line


def _parse_exported_clock(clock_json: JSON) -> tuple[datetime, bool]:
    """Where the clock of an export stood, and whether it stood still."""
    place = f"{HEADER_PATH}.clock"
    if not isinstance(clock_json, dict) or clock_json.keys() != {"now", "frozen"}:
        raise EmulatorError("this is no clock", place, IMPORT_REMEDY)
    now = parse_rfc3339(clock_json["now"]) if isinstance(clock_json["now"], str) else None
    if now is None:
        raise EmulatorError("this is not a time", f"{place}.now", IMPORT_REMEDY)
    check_clock_range(now, f"{place}.now")
    return now, clock_json["frozen"] is True


def _check_readable(services: SandboxServices, journey_ids: set[int]) -> None:
    """See that what was written can be shown. Raises: EmulatorError, when some of it cannot.

    Args:
        journeys: Those that somebody is or was in, whether the workspace has them or not.
    """
    record_readers = [
        *(read(services, 0, {}) for read in RECORD_READERS.values()),
        *(read_runs_of_journey(services, journey) for journey in journey_ids),
        (
            shapes.upsert_json(each)
            for each in _list_requests(services)
            if isinstance(each, UpsertRecord)
        ),
    ]
    try:
        for _ in chain.from_iterable(record_readers):
            pass
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"rows of this export cannot be read ({type(error).__name__}: {error})"
        raise EmulatorError(what[:300], "body", IMPORT_REMEDY) from error
