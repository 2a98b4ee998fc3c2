"""Control API routes that export a sandbox as NDJSON or HAR, and import an export."""

import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from http import HTTPStatus
from itertools import chain
from tempfile import TemporaryFile
from threading import BoundedSemaphore
from typing import IO, Final, cast

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wsgi import wrap_file

from segment_insider_emulator import __version__
from segment_insider_emulator.clock import check_clock_range, format_iso_utc
from segment_insider_emulator.control_api.expectations import RECORD_READERS, read_runs_of_journey
from segment_insider_emulator.control_api.message_models import (
    UpsertModel,
)
from segment_insider_emulator.control_api.models import (
    ImportModel,
)
from segment_insider_emulator.control_api.openapi import api_operation
from segment_insider_emulator.control_api.sandboxes import build_current_workspace_document
from segment_insider_emulator.errors import EmulatorError, TemporarilyUnavailable
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.json_text import MAX_DEPTH, mask_document, measure_nesting_depth
from segment_insider_emulator.storage.records import (
    DeliveryAttempt,
    DeliveryRecord,
    RecordedRequest,
    RecordedResponse,
    UpsertRecord,
)
from segment_insider_emulator.storage.sandboxes import SandboxArchive, validate_exported_row
from segment_insider_emulator.text_encoding import strip_bom
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.web.long_requests import IS_DISCONNECTED_KEY
from segment_insider_emulator.web.sandbox_routing import replace_current_workspace
from segment_insider_emulator.web.services import SandboxServices, current_services
from segment_insider_emulator.workspace.model import redact_workspace_document

MAX_LARGE_RESPONSES: Final = 4  # at a time in one process
# Bytes between two checks whether the client is still connected.
_DISCONNECT_CHECK_BYTES: Final = 256 * 1024
# Bytes that a server thread reads at once when the client is ready for them.
_FILE_CHUNK_BYTES: Final = 256 * 1024
_large_response_slots = BoundedSemaphore(MAX_LARGE_RESPONSES)
HAR_MEDIA_TYPE: Final = "application/json"
UNKNOWN_SIZE: Final = -1  # HAR's value for an unknown size
export_routes = Blueprint("exporting", __name__, url_prefix="/emulator/v1")
EXPORT_FORMAT: Final = 1
EXPORT_MEDIA_TYPE: Final = "application/x-ndjson"
MAX_IMPORT_BYTES: Final = 64 * 1024 * 1024  # bytes
HEADER_KEYS: Final = frozenset({"kind", "format", "version", "clock", "workspace"})
HEADER_PATH: Final = "body, line 1"
IMPORT_REMEDY: Final = "Send an export as it came from GET /emulator/v1/export."


class ClientDisconnected(TemporarilyUnavailable):
    """The client closed the connection before a large response was complete."""


class _ResponseFile:
    """Temporary file of a large HTTP response; closing it frees its slot."""

    def __init__(self) -> None:
        if not _large_response_slots.acquire(blocking=False):
            what = f"{MAX_LARGE_RESPONSES} large responses are being sent already"
            raise TemporarilyUnavailable(what, request.path, "Try again when one of them is done.")
        file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  # open until it is sent
        # Closes once, at the latest when this object is garbage.
        self.close = weakref.finalize(self, _close_file_and_release_slot, file)
        self.read, self.write, self.seek, self.tell = file.read, file.write, file.seek, file.tell


def _close_file_and_release_slot(file: IO[bytes]) -> None:
    file.close()
    _large_response_slots.release()


def send_large_response(chunks: Iterable[bytes], mimetype: str) -> Response:
    """Return an HTTP response of *chunks*, sent from a temporary file.

    A thread is busy only while the file is written. The server sends it as fast as the client
    reads, and closes it when it is sent or the client has disconnected.

    Raises: TemporarilyUnavailable, when too many are being sent, or the client disconnected.
    """
    file = _ResponseFile()
    try:
        size = _write_chunks(file, chunks)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    response = Response(
        wrap_file(
            request.environ,
            file,  # type: ignore[arg-type]  # a file as far as it is read
            _FILE_CHUNK_BYTES,
        ),
        mimetype=mimetype,
        direct_passthrough=True,
    )
    response.content_length = size
    return response


def _write_chunks(file: _ResponseFile, chunks: Iterable[bytes]) -> int:
    is_gone: Callable[[], bool] = request.environ.get(IS_DISCONNECTED_KEY, bool)
    size = looked_at = 0
    for part in chunks:
        size += file.write(part)
        if size - looked_at > _DISCONNECT_CHECK_BYTES:
            looked_at = size
            if is_gone():
                raise ClientDisconnected("the client has disconnected", request.path)
    return size


def generate_har_document(records: Iterable[DeliveryRecord | UpsertRecord]) -> Iterator[bytes]:
    """Yield a HAR document with one entry per delivery attempt, ordered by time.

    Only the response of the last attempt is stored; earlier entries have the status alone.
    """
    creator = {"name": "segment-insider-emulator", "version": __version__}
    log = orjson.dumps({"version": "1.2", "creator": creator}).removesuffix(b"}")
    # Entries are sorted in a file: together they are as large as the database.
    with TemporaryFile() as file:
        places: list[tuple[str, int, int]] = []  # time, offset and size in the file
        for entry in _build_har_entries(records):
            raw = orjson.dumps(mask_document(entry))
            places.append((str(entry["startedDateTime"]), file.tell(), len(raw)))
            file.write(raw)
        yield b'{"log":' + log + b',"entries":['
        for index, (_, offset, size) in enumerate(sorted(places)):
            file.seek(offset)
            yield (b"," if index else b"") + file.read(size)
        yield b"]}}"


def _build_har_entries(records: Iterable[DeliveryRecord | UpsertRecord]) -> Iterator[JSONObject]:
    for record in records:
        for attempt in record.attempts if record.request else ():
            response = record.response if attempt is record.attempts[-1] else None
            yield _build_har_entry(cast(RecordedRequest, record.request), attempt, response)


def _build_har_entry(
    request: RecordedRequest, attempt: DeliveryAttempt, response: RecordedResponse | None
) -> JSONObject:
    return {
        "startedDateTime": attempt.at,
        "time": attempt.duration_ms,
        "request": {
            "method": request.method,
            "url": request.url,
            "httpVersion": "HTTP/1.1",
            "cookies": [],
            "headers": [{"name": name, "value": value} for name, value in request.headers.items()],
            "queryString": [],
            "postData": {"mimeType": HAR_MEDIA_TYPE, "params": [], "text": request.body},
            "headersSize": UNKNOWN_SIZE,
            "bodySize": len(request.body.encode(errors="surrogatepass")),
        },
        "response": _build_har_response(attempt, response.body if response else ""),
        "cache": {},
        "timings": {"send": 0, "wait": attempt.duration_ms, "receive": 0},
        "comment": attempt.error or "",
    }


def _build_har_response(attempt: DeliveryAttempt, body: str) -> JSONObject:
    status = attempt.status or 0  # as browsers write a request without a response
    known = status in HTTPStatus.__members__.values()
    size = len(body.encode(errors="surrogatepass"))
    return {
        "status": status,
        "statusText": HTTPStatus(status).phrase if known else "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": [],
        "content": {"size": size, "mimeType": HAR_MEDIA_TYPE, "text": body},
        "redirectURL": "",
        "headersSize": UNKNOWN_SIZE,
        "bodySize": size,
    }


@export_routes.get("/export", endpoint="export")
@api_operation(response=str, media_type=EXPORT_MEDIA_TYPE)
def export_sandbox() -> Response:
    """Export the sandbox as NDJSON: workspace and clock first, then one line per row.

    Keys are redacted: the importing sandbox has its own.
    """
    services = current_services()
    reading = services.clock.read_time_and_offset()
    head: JSONObject = {
        "kind": "sandbox",
        "format": EXPORT_FORMAT,
        "version": __version__,
        "clock": {"now": format_iso_utc(reading.now), "frozen": reading.frozen},
        "workspace": redact_workspace_document(build_current_workspace_document(services)),
    }
    rows = (
        {"kind": name, "row": row} for name, row in SandboxArchive(services.engine).export_rows()
    )
    lines = (orjson.dumps(mask_document(line)) + b"\n" for line in chain([head], rows))
    return send_large_response(lines, EXPORT_MEDIA_TYPE)


@export_routes.get("/export.har", endpoint="export_har")
@api_operation(response=JSONObject)
def export_har() -> Response:
    """Export all requests to Insider One and their responses as HAR 1.2; tokens are redacted."""
    return send_large_response(
        generate_har_document(_list_insider_requests(current_services())), HAR_MEDIA_TYPE
    )


@export_routes.post("/import", endpoint="import_")
@api_operation(body=str, body_media_types=(EXPORT_MEDIA_TYPE, "text/plain"))
def import_sandbox() -> ImportModel:
    """Replace the data of this sandbox by an export; the sandbox keeps its own keys."""
    head, rows = _read_export_from_body()
    clock, frozen = _parse_exported_clock(head["clock"])
    old = current_services()
    old.queue.wait_until_drained()
    with replace_current_workspace(head["workspace"], f"{HEADER_PATH}.workspace") as services:
        with services.profiles.unit_of_work():
            SandboxArchive(services.engine).replace_rows(rows)
            _check_imported_rows_readable(
                services, {row["journey_id"] for name, row in rows if name == "journey_runs"}
            )
        services.journeys.run_store.forget_cached_due_time()
        services.pipeline.retries.reload_next_due_time()
        services.clock.reset(clock)
        if not frozen:
            services.clock.resume()
    return ImportModel(imported=len(rows))


def _list_insider_requests(services: SandboxServices) -> Iterator[DeliveryRecord | UpsertRecord]:
    """Yield each request to Insider One once; a batch comes as its upsert."""
    listed_upsert_ids: set[str] = set()
    after: int | None = 0
    while after is not None:
        page, after = services.store.list_deliveries(after_id=after, limit=1000)
        for delivery in page:
            if delivery.upsert is None:
                yield delivery
            elif delivery.upsert not in listed_upsert_ids:
                listed_upsert_ids.add(delivery.upsert)
                yield services.store.upserts.get_upsert(delivery.upsert) or delivery


def _read_export_from_body() -> tuple[JSONObject, list[tuple[str, JSONObject]]]:
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
        raise EmulatorError(
            "the first line is not the header of an export", HEADER_PATH, IMPORT_REMEDY
        )
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
        raise EmulatorError("invalid JSON", where, IMPORT_REMEDY) from error
    if not isinstance(line, dict) or measure_nesting_depth(line) > MAX_DEPTH:
        raise EmulatorError("not a line of an export", where, IMPORT_REMEDY)
    return line


def _parse_exported_clock(clock_json: JSON) -> tuple[datetime, bool]:
    """Return the time of a clock in an export, and whether it was frozen."""
    place = f"{HEADER_PATH}.clock"
    if not isinstance(clock_json, dict) or clock_json.keys() != {"now", "frozen"}:
        raise EmulatorError("invalid clock", place, IMPORT_REMEDY)
    now = parse_rfc3339(clock_json["now"]) if isinstance(clock_json["now"], str) else None
    if now is None:
        raise EmulatorError("invalid time", f"{place}.now", IMPORT_REMEDY)
    check_clock_range(now, f"{place}.now")
    return now, clock_json["frozen"] is True


def _check_imported_rows_readable(services: SandboxServices, journey_ids: set[int]) -> None:
    """Raise EmulatorError unless all imported rows can be shown.

    Raises: EmulatorError, when some of it cannot.

    Args:
        journey_ids: Journeys with runs, whether the workspace has them or not.
    """
    record_readers = [
        *(read(services, 0, {}) for read in RECORD_READERS.values()),
        *(read_runs_of_journey(services, journey) for journey in journey_ids),
        (
            UpsertModel.from_record(record, [])
            for record in _list_insider_requests(services)
            if isinstance(record, UpsertRecord)
        ),
    ]
    try:
        for _ in chain.from_iterable(record_readers):
            pass
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"rows of this export cannot be read ({type(error).__name__}: {error})"
        raise EmulatorError(what[:300], "body", IMPORT_REMEDY) from error
