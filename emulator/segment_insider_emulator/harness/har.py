"""Requests to Insider One as an HTTP archive, which browsers and proxies open: HAR 1.2."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from tempfile import TemporaryFile
from typing import Final, cast

import orjson

from segment_insider_emulator import __version__
from segment_insider_emulator.capture.records import (
    DeliveryAttempt,
    DeliveryRecord,
    RecordedRequest,
    RecordedResponse,
    UpsertRecord,
)
from segment_insider_emulator.types import JSONObject

HAR_MEDIA_TYPE: Final = "application/json"
UNKNOWN_SIZE: Final = -1  # the format's own word for a size that nobody measured


def write_har(records: Iterable[DeliveryRecord | UpsertRecord]) -> Iterator[bytes]:
    """{"log": ...} with an entry for each attempt, in the order in which they were made.

    An attempt but the last has no answer kept: its status alone is told.
    """
    creator = {"name": "segment-insider-emulator", "version": __version__}
    log = orjson.dumps({"version": "1.2", "creator": creator}).removesuffix(b"}")
    # Entries wait in a file until all are sorted: they are as large as the database.
    with TemporaryFile() as file:
        places: list[tuple[str, int, int]] = []  # time, offset and size in the file
        for entry in _har_entries(records):
            raw = orjson.dumps(entry)
            places.append((str(entry["startedDateTime"]), file.tell(), len(raw)))
            file.write(raw)
        yield b'{"log":' + log + b',"entries":['
        for index, (_, offset, size) in enumerate(sorted(places)):
            file.seek(offset)
            yield (b"," if index else b"") + file.read(size)
        yield b"]}}"


def _har_entries(records: Iterable[DeliveryRecord | UpsertRecord]) -> Iterator[JSONObject]:
    for record in records:
        for attempt in record.attempts if record.request else ():
            answer = record.response if attempt is record.attempts[-1] else None
            yield _har_entry(cast(RecordedRequest, record.request), attempt, answer)


def _har_entry(
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
        "response": _har_response(attempt, response.body if response else ""),
        "cache": {},
        "timings": {"send": 0, "wait": attempt.duration_ms, "receive": 0},
        "comment": attempt.error or "",
    }


def _har_response(attempt: DeliveryAttempt, body: str) -> JSONObject:
    status = attempt.status or 0  # as browsers write a request that met no answer
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
