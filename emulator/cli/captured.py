"""Traffic: events of a running emulator, of its database, or of a file with one a line."""

from collections.abc import Iterator
from pathlib import Path

from emulator.cli.running import is_address
from emulator.encoding import utf8
from emulator.errors import EmulatorError
from emulator.lines import BadLine, event_of
from emulator.types import JSONObject

_PAGE = 500
_SQLITE = b"SQLite format 3\0"
_REMEDY = (
    "Give the address of a running emulator, a database that `emulator serve --db` wrote, or "
    "events as JSON, one a line."
)


def captured(source: str) -> Iterator[JSONObject]:
    """The events as destinations were handed them, oldest first.

    Args:
        source: An http address, a path, or the address of a PostgreSQL database.
    Raises: EmulatorError, when they cannot be read.
    """
    if is_address(source):
        yield from _of_emulator(source)
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
        from scenarios.unreachable import without_scheme

        what = f"the traffic cannot be read ({error.strerror})"
        raise EmulatorError(what, name, without_scheme(name) or _REMEDY) from None
    if content is None:
        yield from _of_database(name)
    else:
        yield from (event for _, event in _numbered(utf8(content, name), name))


def _of_emulator(url: str) -> Iterator[JSONObject]:
    from scenarios.client import ControlClient

    with ControlClient.elsewhere(url) as client:
        yield from (each["normalised"] for each in client.messages() if each["normalised"])


def _of_database(url: str) -> Iterator[JSONObject]:
    from emulator.capture.database import connect
    from emulator.capture.store import Store

    store = Store(connect(url))
    after: int | None = 0
    try:
        while after is not None:
            page, after = store.messages(after=after, limit=_PAGE)
            yield from (each.normalised for each in page if each.normalised)
    finally:
        store.close()
