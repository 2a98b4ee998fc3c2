"""The lines of one part of an archive, with no more than a line of it in memory."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import cast

from segment_insider_emulator.encoding import BOM, refuse_utf16
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import GZIP, Part, opened

LONGEST = 1024 * 1024  # bytes of a line that are looked at
_BUFFER = 1024 * 1024


class Damaged(Exception):
    """A file that cannot be read to its end; the message says why."""


def lines(part: Part) -> Iterator[bytes | None]:
    """The lines that begin in *part*, without their ends; None is one longer than LONGEST.

    Raises: Damaged, after the lines that could be read.
    """
    try:
        # Files of some systems read whole lines only, however long: so each has a buffer of ours.
        raw = cast(io.RawIOBase, opened(part.name))
        with closing(io.BufferedReader(raw, _BUFFER)) as file, closing(_plain(file, part)) as plain:
            yield from _lines(plain, part)
    except EOFError:
        raise Damaged("the gzip file ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise Damaged(f"the gzip file is damaged ({error})") from None
    except OSError as error:
        raise Damaged(f"cannot be read ({error.strerror or error})") from None


def _plain(file: io.BufferedIOBase, part: Part) -> io.BufferedIOBase:
    """*file* unpacked, if it is packed, at the first line that begins in *part*."""
    if part.start:
        file.seek(part.start - 1)
        _end_of_line(file)
        return file
    packed = part.end is None and file.read(len(GZIP)) == GZIP
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file


def _lines(file: io.BufferedIOBase, part: Part) -> Iterator[bytes | None]:
    at = file.tell()
    if at == 0:
        at += _skip_bom(file, part.name)
    while part.end is None or at < part.end:
        line = file.readline(LONGEST + 1)
        if not line:
            return
        at += len(line)
        if len(line) > LONGEST and not line.endswith(b"\n"):
            at += _end_of_line(file)
            yield None
        else:
            yield line


def _skip_bom(file: io.BufferedIOBase, name: str) -> int:
    """Pass over a byte order mark and return its length. Raises: Damaged, when it is UTF-16's."""
    beginning = file.peek(LONGEST)  # type: ignore[attr-defined]  # both that come here have it
    try:
        refuse_utf16(beginning, name)
    except EmulatorError as error:
        raise Damaged(f"{error.what}; {error.remedy[0].lower()}{error.remedy[1:-1]}") from None
    return len(file.read(len(BOM))) if beginning.startswith(BOM) else 0


def _end_of_line(file: io.BufferedIOBase) -> int:
    """Go to the end of the line; the bytes that were passed."""
    passed = 0
    while piece := file.readline(LONGEST):
        passed += len(piece)
        if piece.endswith(b"\n"):
            break
    return passed
