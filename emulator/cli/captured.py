"""Events of a database of the emulator, or of a file with one a line."""

from collections.abc import Iterator
from pathlib import Path

from emulator.capture.database import connect
from emulator.capture.store import Store
from emulator.errors import EmulatorError
from emulator.lines import BadLine, event_of
from emulator.types import JSONObject

_PAGE = 500
_SQLITE = b"SQLite format 3\0"
_REMEDY = "Give a database that `emulator serve --db` wrote, or events as JSON, one a line."


def captured(name: str) -> Iterator[JSONObject]:
    """The events as destinations were handed them, oldest first.

    Args:
        name: A path, or an SQLAlchemy URL.
    Raises: EmulatorError, when they cannot be read.
    """
    if "://" in name:
        yield from _stored(name)
        return
    try:
        with Path(name).open("rb") as file:
            if file.read(len(_SQLITE)) != _SQLITE:
                file.seek(0)
                yield from _lines(file.read(), name)
                return
    except OSError as error:
        what = f"the traffic cannot be read ({error.strerror})"
        raise EmulatorError(what, name, _REMEDY) from None
    yield from _stored(name)


def _stored(url: str) -> Iterator[JSONObject]:
    store = Store(connect(url))
    after: int | None = 0
    try:
        while after is not None:
            page, after = store.messages(after=after, limit=_PAGE)
            yield from (each.normalised for each in page if each.normalised)
    finally:
        store.close()


def _lines(content: bytes, name: str) -> Iterator[JSONObject]:
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            event = event_of(line)
        except BadLine as fault:
            raise EmulatorError(str(fault), f"{name}:{number}", _REMEDY) from None
        if event is not None:
            yield event
