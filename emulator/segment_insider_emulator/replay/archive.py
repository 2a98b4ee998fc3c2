"""Files of a Segment archive, the parts they are split into, and the lines of a part."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import IO, Any, cast

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.text_encoding import UTF8_BOM, reject_utf16

MAX_PART_BYTES = 4 * 1024 * 1024  # bytes of a file that can be cut
GZIP_MAGIC = b"\x1f\x8b"
_ARCHIVE_REMEDY = "Give files, folders, patterns or s3:// addresses of a Segment archive."
_FSSPEC_REMEDY = "Install the extra: pip install 'segment-insider-emulator[archive]'."
MAX_LINE_BYTES = 1024 * 1024  # bytes of a line that are looked at
_READ_BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One archive file: a path or a URL such as "s3://bucket/2026-03-14/1.gz", and its size."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ArchivePart:
    """The lines of an archive file that begin at byte *start* or later, and before *end*.

    Args:
        file_index: Index of the file in the archive.
        end: None reads to the end of the file; what is packed is read as a whole.
        size: Bytes of the file that this is, for showing progress.
    """

    file_index: int
    name: str
    start: int
    end: int | None
    size: int


def find_archive_files(names: Iterable[str]) -> list[ArchiveFile]:
    """Find the archive files that *names* refer to, each once, sorted by name.

    Folders include all files below them. Names that begin with "." or "_" are skipped: programs
    that write archives keep their notes there.
    Raises: EmulatorError, when a name matches no file.
    """
    files_by_name: dict[str, ArchiveFile] = {}
    for name in names:
        matching_files = list(
            _list_remote_files(name) if "://" in name else _list_local_files(name)
        )
        if not matching_files:
            raise EmulatorError("no file found", name, _ARCHIVE_REMEDY)
        files_by_name |= {file.name: file for file in matching_files}
    return sorted(files_by_name.values(), key=lambda file: file.name)


def split_files_into_parts(
    files: Iterable[ArchiveFile], max_bytes: int = MAX_PART_BYTES
) -> Iterator[ArchivePart]:
    """Split archive files into parts of about *max_bytes*.

    Raises: EmulatorError, when a file cannot be read.
    """
    for number, file in enumerate(files):
        if file.size <= max_bytes or file.name.endswith(".gz") or _is_gzip(file.name):
            yield ArchivePart(number, file.name, 0, None, file.size)
            continue
        for start in range(0, file.size, max_bytes):
            end = min(start + max_bytes, file.size)
            yield ArchivePart(number, file.name, start, end, end - start)


def open_archive_file(name: str) -> IO[bytes]:
    """Open an archive file unbuffered.

    Raises: OSError, or an error of its file system.

    Raises: OSError, or what its file system raises.
    """
    if "://" not in name:
        return Path(name).open("rb", buffering=0)
    system, path = _find_remote_file_system(name)
    file: IO[bytes] = system.open(path, "rb")
    return file


def _list_local_files(name: str) -> Iterator[ArchiveFile]:
    start_path = Path(name)
    if start_path.is_dir():
        paths: Iterable[Path] = start_path.rglob("*")
    elif start_path.exists():
        paths = [start_path]
    else:
        paths = map(Path, glob(name, recursive=True))
    try:
        for path in paths:
            if path.is_file() and (
                path == start_path or not _is_hidden_path(path.relative_to(start_path.anchor))
            ):
                yield ArchiveFile(str(path), path.stat().st_size)
    except OSError as error:
        raise EmulatorError(f"cannot be read ({error.strerror})", name, _ARCHIVE_REMEDY) from None


def _is_hidden_path(path: Path) -> bool:
    return path.name.startswith((".", "_"))


def _list_remote_files(name: str) -> Iterator[ArchiveFile]:
    system, path = _find_remote_file_system(name)
    try:
        if any(character in path for character in "*?["):
            details_by_path = system.glob(path, detail=True)
        else:
            details_by_path = {path: system.info(path)}
            if details_by_path[path]["type"] == "directory":
                details_by_path = system.find(path, detail=True)
    except Exception as error:  # noqa: BLE001  # every file system raises errors of its own
        raise EmulatorError(f"cannot be read ({error})", name, _ARCHIVE_REMEDY) from None
    for path, known in details_by_path.items():
        if known["type"] == "file" and not _is_hidden_path(Path(path)):
            yield ArchiveFile(system.unstrip_protocol(path), known["size"])


def _find_remote_file_system(name: str) -> tuple[Any, str]:
    try:
        import fsspec  # type: ignore[import-untyped]  # the package ships no types
    except ImportError:
        raise EmulatorError("reading addresses needs fsspec", name, _FSSPEC_REMEDY) from None
    try:
        system, path = fsspec.core.url_to_fs(name)
    except (ImportError, ValueError) as error:
        raise EmulatorError(f"cannot be read ({error})", name, _FSSPEC_REMEDY) from None
    return system, path


def _is_gzip(name: str) -> bool:
    try:
        with open_archive_file(name) as file:
            return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    except OSError as error:
        raise EmulatorError(f"cannot be read ({error.strerror})", name, _ARCHIVE_REMEDY) from None


class DamagedArchiveFileError(Exception):
    """An archive file cannot be read to its end; the message says why."""


def read_archive_lines(part: ArchivePart) -> Iterator[bytes | None]:
    """Yield the lines of an archive part; None is a line longer than MAX_LINE_BYTES.

    Raises: Damaged, after the lines that could be read.
    """
    try:
        # Files of some systems read whole lines only, however long: so each has a buffer of ours.
        raw = cast(io.RawIOBase, open_archive_file(part.name))
        with (
            closing(io.BufferedReader(raw, _READ_BUFFER_BYTES)) as file,
            closing(_open_decompressed_part(file, part)) as plain,
        ):
            yield from _read_decompressed_lines(plain, part)
    except EOFError:
        raise DamagedArchiveFileError("the gzip file ends too early") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DamagedArchiveFileError(f"the gzip file is damaged ({error})") from None
    except OSError as error:
        raise DamagedArchiveFileError(f"cannot be read ({error.strerror or error})") from None


def _open_decompressed_part(file: io.BufferedIOBase, part: ArchivePart) -> io.BufferedIOBase:
    """Return an archive file decompressed and positioned at the first line of *part*."""
    if part.start:
        file.seek(part.start - 1)
        _skip_rest_of_line(file)
        return file
    packed = part.end is None and file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file


def _read_decompressed_lines(file: io.BufferedIOBase, part: ArchivePart) -> Iterator[bytes | None]:
    at = file.tell()
    if at == 0:
        at += _skip_bom(file, part.name)
    while part.end is None or at < part.end:
        line = file.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        at += len(line)
        if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            at += _skip_rest_of_line(file)
            yield None
        else:
            yield line


def _skip_bom(file: io.BufferedIOBase, name: str) -> int:
    """Skip the byte order mark of an archive file and return its length.

    Raises: DamagedArchiveFileError, for UTF-16.

    Raises: Damaged, when it is UTF-16's.
    """
    beginning = file.peek(MAX_LINE_BYTES)  # type: ignore[attr-defined]  # both that come here have it
    try:
        reject_utf16(beginning, name)
    except EmulatorError as error:
        raise DamagedArchiveFileError(
            f"{error.what}; {error.remedy[0].lower()}{error.remedy[1:-1]}"
        ) from None
    return len(file.read(len(UTF8_BOM))) if beginning.startswith(UTF8_BOM) else 0


def _skip_rest_of_line(file: io.BufferedIOBase) -> int:
    """Skip the rest of a line in an archive file and return the number of bytes."""
    passed = 0
    while piece := file.readline(MAX_LINE_BYTES):
        passed += len(piece)
        if piece.endswith(b"\n"):
            break
    return passed
