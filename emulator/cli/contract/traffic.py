"""Where contract cases are recorded from: a running emulator, its database, a file of events."""

from collections.abc import Iterator
from pathlib import Path

from emulator.errors import EmulatorError
from emulator.lines import BadLine, event_of
from emulator.types import JSONObject

PAGE = 500  # messages read at once


def events_of(source: str) -> Iterator[JSONObject]:
    """The events of *source*, oldest first, as destinations are handed them.

    Args:
        source: An http address, a database (an SQLAlchemy URL, or a file that ends in .db), or a
            file of events, one a line.
    Raises: EmulatorError, when it cannot be read.
    """
    if source.startswith(("http://", "https://")):
        return _of_emulator(source)
    if "://" in source or source.endswith(".db"):
        return _of_database(source)
    return (event for _, event in numbered_events(Path(source)))


def _of_emulator(url: str) -> Iterator[JSONObject]:
    from scenarios.client import ControlClient

    with ControlClient.elsewhere(url) as client:
        yield from (each["normalised"] for each in client.messages() if each["normalised"])


def _of_database(db: str) -> Iterator[JSONObject]:
    from emulator.capture.database import connect
    from emulator.capture.store import Store

    if "://" not in db and not Path(db).is_file():
        raise EmulatorError("there is no such database", db, "Name one that `serve` has written.")
    store = Store(connect(db))
    after: int | None = 0
    try:
        while after is not None:
            found, after = store.messages({}, after=after, limit=PAGE)
            yield from (each.normalised for each in found if each.normalised)
    finally:
        store.close()


def numbered_events(path: Path) -> Iterator[tuple[str, JSONObject]]:
    """Place and event, e.g. ("events.ndjson:3", {...}), for each line of a file.

    Raises: EmulatorError, when it cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise EmulatorError(what, str(path), "Name a file of events.") from error
    for number, line in enumerate(lines, start=1):
        where = f"{path}:{number}"
        try:
            event = event_of(line)
        except BadLine as fault:
            raise EmulatorError(str(fault), where, "Correct the line or take it out.") from fault
        if event is not None:
            yield where, event
