"""Traffic: events of a running emulator, of its database, or of a file with one a line."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from segment_insider_emulator.cli.running import is_address
from segment_insider_emulator.clock import utc_now
from segment_insider_emulator.encoding import utf8
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.lines import BadLine, event_of
from segment_insider_emulator.segment.normalise import normalise
from segment_insider_emulator.types import JSONObject

_PAGE = 500
_STOPPED = ("filtered", "disabled")
_SQLITE = b"SQLite format 3\0"
_REMEDY = (
    "Give the address of a running emulator, a database that `emulator serve --db` wrote, or "
    "events as JSON, one a line."
)


def captured(source: str, stopped: Counter[str] | None = None) -> Iterator[JSONObject]:
    """The events as destinations were handed them, oldest first.

    Args:
        source: An http address, a path, or the address of a PostgreSQL database.
        stopped: Where it is given, what a running emulator stopped before its mappings is left out
            and counted there, by the reason.
    Raises: EmulatorError, when they cannot be read.
    """
    if is_address(source):
        yield from _of_emulator(source, stopped)
    elif "://" in source:
        yield from _of_database(source)
    else:
        yield from _of_file(source)


def numbered_events(path: Path) -> Iterator[tuple[str, JSONObject]]:
    """Place and event, e.g. ("events.ndjson:3", {...}), for each line of a file.

    Raises: EmulatorError, when it cannot be read.
    """
    try:
        content = utf8(path.read_bytes(), str(path))
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise EmulatorError(what, str(path), "Name a file of events.") from error
    yield from _numbered(content, str(path))


def _numbered(content: bytes, name: str) -> Iterator[tuple[str, JSONObject]]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        where = f"{name}:{number}"
        try:
            event = event_of(line)
        except BadLine as fault:
            raise EmulatorError(str(fault), where, "Correct the line or take it out.") from fault
        if event is not None:
            yield where, event


def _of_file(name: str) -> Iterator[JSONObject]:
    try:
        with Path(name).open("rb") as file:  # once: it may be a pipe
            beginning = file.read(len(_SQLITE))
            content = None if beginning == _SQLITE else beginning + file.read()
    except OSError as error:
        from segment_insider_scenarios.unreachable import without_scheme

        what = f"the traffic cannot be read ({error.strerror})"
        raise EmulatorError(what, name, without_scheme(name) or _REMEDY) from None
    if content is None:
        yield from _of_database(name)
    else:
        numbered = enumerate((event for _, event in _numbered(utf8(content, name), name)), start=1)
        yield from (_as_handed_on(event, number) for number, event in numbered)


def _as_handed_on(event: JSONObject, number: int) -> JSONObject:
    """*event* with the id and the times that Segment adds, where it is as an SDK sent it."""
    if event.get("timestamp") is not None:
        return event
    return normalise(event, str(event.get("messageId") or f"message-{number}"), utc_now())


def _of_emulator(url: str, stopped: Counter[str] | None) -> Iterator[JSONObject]:
    from segment_insider_scenarios.client import ControlClient

    with ControlClient.elsewhere(url) as client:
        for message in client.messages():
            if stopped is not None and message["verdict"] in _STOPPED:
                stopped[message["reason"]] += 1
            elif message["normalised"]:
                yield message["normalised"]


def _of_database(url: str) -> Iterator[JSONObject]:
    from segment_insider_emulator.capture.database import connect
    from segment_insider_emulator.capture.store import Store

    store = Store(connect(url))
    after: int | None = 0
    try:
        while after is not None:
            page, after = store.messages(after=after, limit=_PAGE)
            yield from (each.normalised for each in page if each.normalised)
    finally:
        store.close()
