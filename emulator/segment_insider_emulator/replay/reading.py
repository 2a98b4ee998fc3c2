"""The lines of one part of an archive, with no more than a line of it in memory."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import closing
from typing import cast

from segment_insider_emulator.encoding import UTF8_BOM, reject_utf16
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import GZIP_MAGIC, ArchivePart, open_file

MAX_LINE_BYTES = 1024 * 1024  # bytes of a line that are looked at
_READ_BUFFER_BYTES = 1024 * 1024


class DamagedFile(Exception):
    """A file that cannot be read to its end; the message says why."""


def read_lines(part: ArchivePart) -> Iterator[bytes | None]:
    """The lines that begin in *part*, without their ends; None is one longer than LONGEST.

    Raises: Damaged, after the lines that could be read.
    """
    try:
        # Files of some systems read whole lines only, however long: so each has a buffer of ours.
        raw = cast(io.RawIOBase, open_file(part.name))
        with (
            closing(io.BufferedReader(raw, _READ_BUFFER_BYTES)) as file,
            closing(_open_plain(file, part)) as plain,
        ):
            yield from _read_plain_lines(plain, part)
    except EOFError:
        raise DamagedFile("the gzip file ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DamagedFile(f"the gzip file is damaged ({error})") from None
    except OSError as error:
        raise DamagedFile(f"cannot be read ({error.strerror or error})") from None


def _open_plain(file: io.BufferedIOBase, part: ArchivePart) -> io.BufferedIOBase:
    """*file* unpacked, if it is packed, at the first line that begins in *part*."""
    if part.start:
        file.seek(part.start - 1)
        _skip_line(file)
        return file
    packed = part.end is None and file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file


def _read_plain_lines(file: io.BufferedIOBase, part: ArchivePart) -> Iterator[bytes | None]:
    at = file.tell()
    if at == 0:
        at += _skip_bom(file, part.name)
    while part.end is None or at < part.end:
        line = file.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        at += len(line)
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            at += _skip_line(file)
            yield None
        else:
            yield line


def _skip_bom(file: io.BufferedIOBase, name: str) -> int:
    """Pass over a byte order mark and return its length. Raises: Damaged, when it is UTF-16's."""
    beginning = file.peek(MAX_LINE_BYTES)  # type: ignore[attr-defined]  # both that come here have it
    try:
        reject_utf16(beginning, name)
    except EmulatorError as error:
        raise DamagedFile(f"{error.what}; {error.remedy[0].lower()}{error.remedy[1:-1]}") from None
    return len(file.read(len(UTF8_BOM))) if beginning.startswith(UTF8_BOM) else 0


def _skip_line(file: io.BufferedIOBase) -> int:
    """Go to the end of the line; the bytes that were passed."""
    passed = 0
    while piece := file.readline(MAX_LINE_BYTES):
        passed += len(piece)
        if piece.endswith(b"\n"):
            break
    return passed
