"""The stream that tells open pages that something was kept; what it was they fetch themselves."""

import time
from collections.abc import Callable, Iterator

import orjson
from flask import Blueprint, Response, request

from segment_insider_emulator.capture.news import News
from segment_insider_emulator.clock import Stopwatch
from segment_insider_emulator.errors import Unavailable
from segment_insider_emulator.parts import parts
from segment_insider_emulator.server import Streams

bp = Blueprint("stream", __name__)

HEARTBEAT = 0.25  # seconds after which a page that was closed, or a server that ends, is noticed
SPACING = 0.1  # seconds between two pushes: what comes in between goes with the later one
PING = 15.0  # seconds of silence after which a comment keeps proxies from cutting the line
# Seconds after which the browser connects anew: a sandbox whose page is open is not idle.
LONGEST = 600.0


@bp.get("/stream")
def events() -> Response:
    """Server-sent events: `changed`, with the number of changes so far, at most ten a second.

    A stream holds a thread of the server, which has spare ones for a few. The others are answered
    204, which tells a browser not to connect again; their pages poll.
    """
    streams: Streams | None = request.environ.get("emulator.streams")
    if streams is None or not streams.take():
        return Response(status=204)
    gone: Callable[[], bool] = request.environ.get("waitress.client_disconnected", lambda: False)
    answer = Response(
        changes(parts().store.news, lambda: gone() or streams.closing),
        mimetype="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )
    answer.call_on_close(streams.release)
    return answer


def changes(
    news: News, over: Callable[[], bool], stopwatch: Stopwatch = time.monotonic
) -> Iterator[bytes]:
    """What a stream of *news* says until it is *over*, or has gone on for LONGEST."""
    told, silent, until = news.count, 0.0, stopwatch() + LONGEST
    yield b"retry: 2000\n\n" + _event(told)
    while not over() and stopwatch() < until:
        try:
            count = news.wait(told, HEARTBEAT)
        except Unavailable:
            return  # the browser connects again, and then finds what it has missed
        if count != told:
            told, silent = count, 0.0
            yield _event(told)
            time.sleep(SPACING)
        elif (silent := silent + HEARTBEAT) >= PING:
            silent = 0.0
            yield b": still here\n\n"


def _event(count: int) -> bytes:
    return b"event: changed\ndata: " + orjson.dumps({"count": count}) + b"\n\n"
