"""The control API's exports: a whole sandbox as lines of JSON, its requests as HAR; and back."""

from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from typing import Final

import orjson
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from segment_insider_emulator import __version__
from segment_insider_emulator.capture.archive import Archive, checked
from segment_insider_emulator.capture.records import Delivery, Upsert
from segment_insider_emulator.clock import check, iso
from segment_insider_emulator.depth import MAX_DEPTH, depth
from segment_insider_emulator.encoding import without_bom
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness import har, shapes
from segment_insider_emulator.harness.large_answers import large_answer
from segment_insider_emulator.harness.subjects import SUBJECTS, runs_of
from segment_insider_emulator.harness.workspaces import as_it_is
from segment_insider_emulator.insider.formats import instant
from segment_insider_emulator.parts import Parts, parts
from segment_insider_emulator.sandboxes import replacing
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.model import shown

bp = Blueprint("exporting", __name__, url_prefix="/emulator/v1")

FORMAT: Final = 1
LINES: Final = "application/x-ndjson"
LARGEST: Final = 64 * 1024 * 1024  # bytes
HEAD: Final = frozenset({"kind", "format", "version", "clock", "workspace"})
HEAD_LINE: Final = "body, line 1"
REMEDY: Final = "Send an export as it came from GET /emulator/v1/export."


@bp.get("/export")
def export() -> Response:
    """The sandbox as lines of JSON: workspace and clock in the first, then a line for each row.

    Keys are redacted: whoever imports it has others.
    """
    own = parts()
    reading = own.clock.read()
    head: JSONObject = {
        "kind": "sandbox",
        "format": FORMAT,
        "version": __version__,
        "clock": {"now": iso(reading.now), "frozen": reading.frozen},
        "workspace": shown(as_it_is(own)),
    }
    rows = ({"kind": name, "row": row} for name, row in Archive(own.engine).rows())
    lines = (orjson.dumps(line) + b"\n" for line in chain([head], rows))
    return large_answer(lines, LINES)


@bp.get("/export.har")
def export_har() -> Response:
    """All requests to Insider One with their answers, HAR 1.2; tokens are redacted."""
    return large_answer(har.archive(_exchanges(parts())), har.JSON_TYPE)


@bp.post("/import")
def import_() -> JSONObject:
    """Take an export in, in the place of all that this sandbox has; it keeps its own keys.

    {"imported": number of rows}
    """
    head, rows = _read()
    clock, frozen = _clock(head["clock"])
    old = parts()
    old.queue.drain()
    with replacing(head["workspace"], f"{HEAD_LINE}.workspace") as own:
        with own.profiles.writing():
            Archive(own.engine).replace(rows)
            _read_back(own, {row["journey_id"] for name, row in rows if name == "journey_runs"})
        own.journeys.store.look_again()
        own.road.backlog.look_ahead()
        own.clock.reset(clock)
        if not frozen:
            own.clock.resume()
    return {"imported": len(rows)}


def _exchanges(own: Parts) -> Iterator[Delivery | Upsert]:
    """Each request once, whole: a batch is that of its upsert, not of its deliveries."""
    told: set[str] = set()
    after: int | None = 0
    while after is not None:
        page, after = own.store.deliveries(after=after, limit=1000)
        for each in page:
            if each.upsert is None:
                yield each
            elif each.upsert not in told:
                told.add(each.upsert)
                yield own.store.upserts.get(each.upsert) or each


def _read() -> tuple[JSONObject, list[tuple[str, JSONObject]]]:
    request.max_content_length = LARGEST
    try:
        lines = without_bom(request.get_data()).splitlines()
    except RequestEntityTooLarge as error:
        remedy = f"Send up to {LARGEST:,} bytes."
        raise EmulatorError("the export is too large", "body", remedy) from error
    head = _line(lines[0], 1) if lines else {}
    if head.keys() != HEAD or head["format"] != FORMAT or not isinstance(head["workspace"], dict):
        raise EmulatorError("this does not begin as an export", HEAD_LINE, REMEDY)
    rows = [
        checked(line.get("kind"), line.get("row"), f"body, line {number}")
        for number, line in enumerate(map(_line, lines[1:], range(2, len(lines) + 1)), 2)
    ]
    return head, rows


def _line(raw: bytes, number: int) -> JSONObject:
    where = f"body, line {number}"
    try:
        line: JSON = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise EmulatorError("this is no JSON", where, REMEDY) from error
    if not isinstance(line, dict) or depth(line) > MAX_DEPTH:
        raise EmulatorError("this is no line of an export", where, REMEDY)
    return line


def _clock(given: JSON) -> tuple[datetime, bool]:
    """Where the clock of an export stood, and whether it stood still."""
    place = f"{HEAD_LINE}.clock"
    if not isinstance(given, dict) or given.keys() != {"now", "frozen"}:
        raise EmulatorError("this is no clock", place, REMEDY)
    now = instant(given["now"]) if isinstance(given["now"], str) else None
    if now is None:
        raise EmulatorError("this is not a time", f"{place}.now", REMEDY)
    check(now, f"{place}.now")
    return now, given["frozen"] is True


def _read_back(own: Parts, journeys: set[int]) -> None:
    """See that what was written can be shown. Raises: EmulatorError, when some of it cannot.

    Args:
        journeys: Those that somebody is or was in, whether the workspace has them or not.
    """
    kept = [
        *(read(own, 0, {}) for read in SUBJECTS.values()),
        *(runs_of(own, journey) for journey in journeys),
        (shapes.upsert(each) for each in _exchanges(own) if isinstance(each, Upsert)),
    ]
    try:
        for _ in chain.from_iterable(kept):
            pass
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"rows of this export cannot be read ({type(error).__name__}: {error})"
        raise EmulatorError(what[:300], "body", REMEDY) from error
