"""The stream that tells open pages that something was kept; what it was they fetch themselves."""

import time
from collections.abc import Callable, Iterator

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.clock import Stopwatch
from segment_insider_emulator.errors import TemporarilyUnavailable
from segment_insider_emulator.storage.change_feed import ChangeCounter
from segment_insider_emulator.web.server import StreamSlots
from segment_insider_emulator.web.services import current_services

bp = Blueprint("stream", __name__)

POLL_INTERVAL_S = (
    0.25  # seconds after which a page that was closed, or a server that ends, is noticed
)
MIN_PUSH_INTERVAL_S = (
    0.1  # seconds between two pushes: what comes in between goes with the later one
)
KEEPALIVE_INTERVAL_S = (
    15.0  # seconds of silence after which a comment keeps proxies from cutting the line
)
# Seconds after which the browser connects anew: a sandbox whose page is open is not idle.
MAX_STREAM_S = 600.0


@bp.get("/stream")
def stream_changes() -> Response:
    """Server-sent events: `changed`, with the number of changes so far, at most ten a second.

    A stream holds a thread of the server, which has spare ones for a few. The others are answered
    204, which tells a browser not to connect again; their pages poll.
    """
    streams: StreamSlots | None = request.environ.get("emulator.streams")
    if streams is None or not streams.acquire():
        return Response(status=204)
    gone: Callable[[], bool] = request.environ.get("waitress.client_disconnected", lambda: False)
    answer = Response(
        iter_change_events(
            current_services().store.change_counter, lambda: gone() or streams.is_closing
        ),
        mimetype="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )
    answer.call_on_close(streams.release)
    return answer


def iter_change_events(
    change_counter: ChangeCounter,
    is_over: Callable[[], bool],
    stopwatch: Stopwatch = time.monotonic,
) -> Iterator[bytes]:
    """What a stream of *news* says until it is *over*, or has gone on for LONGEST."""
    sent_count, silent_s, until = change_counter.count, 0.0, stopwatch() + MAX_STREAM_S
    yield b"retry: 2000\n\n" + _format_change_event(sent_count)
    while not is_over() and stopwatch() < until:
        try:
            count = change_counter.wait_for_change(sent_count, POLL_INTERVAL_S)
        except TemporarilyUnavailable:
            return  # the browser connects again, and then finds what it has missed
        if count != sent_count:
            sent_count, silent_s = count, 0.0
            yield _format_change_event(sent_count)
            time.sleep(MIN_PUSH_INTERVAL_S)
        elif (silent_s := silent_s + POLL_INTERVAL_S) >= KEEPALIVE_INTERVAL_S:
            silent_s = 0.0
            yield b": still here\n\n"


def _format_change_event(count: int) -> bytes:
    return b"event: changed\ndata: " + orjson.dumps({"count": count}) + b"\n\n"
