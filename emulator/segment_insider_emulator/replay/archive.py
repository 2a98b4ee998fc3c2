"""The files of an archive, and the parts that they are read in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import IO, Any

from segment_insider_emulator.errors import EmulatorError

MAX_PART_BYTES = 4 * 1024 * 1024  # bytes of a file that can be cut
GZIP_MAGIC = b"\x1f\x8b"
_ARCHIVE_REMEDY = "Give files, folders, patterns or s3:// addresses of a Segment archive."
_FSSPEC_REMEDY = "Install the extra: pip install 'segment-insider-emulator[archive]'."


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """One file: a path, or an address such as "s3://bucket/2026-03-14/1.gz", and its bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ArchivePart:
    """The lines of a file that begin at *start* or later, and before *end*.

    Args:
        file: Number of the file in the archive.
        end: None reads to the end of the file; what is packed is read as a whole.
        size: Bytes of the file that this is, for showing progress.
    """

    file_index: int
    name: str
    start: int
    end: int | None
    size: int


def find_files(names: Iterable[str]) -> list[ArchiveFile]:
    """The files that *names* stand for, each once, in the order of their names.

    Folders are read with all that is below them. Names that begin with "." or "_" are left out:
    they are the notes of the programs that write archives.
    Raises: EmulatorError, when a name stands for nothing.
    """
    files_by_name: dict[str, ArchiveFile] = {}
    for name in names:
        matching_files = list(_remote_files(name) if "://" in name else _local_files(name))
        if not matching_files:
            raise EmulatorError("no file is there", name, _ARCHIVE_REMEDY)
        files_by_name |= {each.name: each for each in matching_files}
    return sorted(files_by_name.values(), key=lambda file: file.name)


def split_files(
    files: Iterable[ArchiveFile], max_bytes: int = MAX_PART_BYTES
) -> Iterator[ArchivePart]:
    """Cut *files* into parts of about *most* bytes.

    Raises: EmulatorError, when a file cannot be read.
    """
    for number, file in enumerate(files):
        if file.size <= max_bytes or file.name.endswith(".gz") or _is_gzip(file.name):
            yield ArchivePart(number, file.name, 0, None, file.size)
            continue
        for start in range(0, file.size, max_bytes):
            end = min(start + max_bytes, file.size)
            yield ArchivePart(number, file.name, start, end, end - start)


def open_file(name: str) -> IO[bytes]:
    """The bytes of a file, unbuffered. Raises: OSError, or what its file system raises."""
    if "://" not in name:
        return Path(name).open("rb", buffering=0)
    system, path = _file_system(name)
    file: IO[bytes] = system.open(path, "rb")
    return file


def _local_files(name: str) -> Iterator[ArchiveFile]:
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
                path == start_path or not _is_hidden(path.relative_to(start_path.anchor))
            ):
                yield ArchiveFile(str(path), path.stat().st_size)
    except OSError as error:
        raise EmulatorError(f"cannot be read ({error.strerror})", name, _ARCHIVE_REMEDY) from None


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "_"))


def _remote_files(name: str) -> Iterator[ArchiveFile]:
    system, path = _file_system(name)
    try:
        if any(each in path for each in "*?["):
            details_by_path = system.glob(path, detail=True)
        else:
            details_by_path = {path: system.info(path)}
            if details_by_path[path]["type"] == "directory":
                details_by_path = system.find(path, detail=True)
    except Exception as error:  # noqa: BLE001  # every file system raises errors of its own
        raise EmulatorError(f"cannot be read ({error})", name, _ARCHIVE_REMEDY) from None
    for path, known in details_by_path.items():
        if known["type"] == "file" and not _is_hidden(Path(path)):
            yield ArchiveFile(system.unstrip_protocol(path), known["size"])


def _file_system(name: str) -> tuple[Any, str]:
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
        with open_file(name) as file:
            return file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
    except OSError as error:
        raise EmulatorError(f"cannot be read ({error.strerror})", name, _ARCHIVE_REMEDY) from None
