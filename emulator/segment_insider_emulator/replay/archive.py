"""The files of an archive, and the parts that they are read in."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import IO, Any

from segment_insider_emulator.errors import EmulatorError

PART = 4 * 1024 * 1024  # bytes of a file that can be cut
GZIP = b"\x1f\x8b"
_REMEDY = "Give files, folders, patterns or s3:// addresses of a Segment archive."
_INSTALL = "Install the extra: pip install 'segment-insider-emulator[archive]'."


@dataclass(frozen=True, slots=True)
class File:
    """One file: a path, or an address such as "s3://bucket/2026-03-14/1.gz", and its bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of a file that begin at *start* or later, and before *end*.

    Args:
        file: Number of the file in the archive.
        end: None reads to the end of the file; what is packed is read as a whole.
        size: Bytes of the file that this is, for showing progress.
    """

    file: int
    name: str
    start: int
    end: int | None
    size: int


def files_of(names: Iterable[str]) -> list[File]:
    """The files that *names* stand for, each once, in the order of their names.

    Folders are read with all that is below them. Names that begin with "." or "_" are left out:
    they are the notes of the programs that write archives.
    Raises: EmulatorError, when a name stands for nothing.
    """
    found: dict[str, File] = {}
    for name in names:
        below = list(_remote(name) if "://" in name else _local(name))
        if not below:
            raise EmulatorError("no file is there", name, _REMEDY)
        found |= {each.name: each for each in below}
    return sorted(found.values(), key=lambda file: file.name)


def parts_of(files: Iterable[File], most: int = PART) -> Iterator[Part]:
    """Cut *files* into parts of about *most* bytes.

    Raises: EmulatorError, when a file cannot be read.
    """
    for number, file in enumerate(files):
        if file.size <= most or file.name.endswith(".gz") or _is_packed(file.name):
            yield Part(number, file.name, 0, None, file.size)
            continue
        for start in range(0, file.size, most):
            end = min(start + most, file.size)
            yield Part(number, file.name, start, end, end - start)


def opened(name: str) -> IO[bytes]:
    """The bytes of a file, unbuffered. Raises: OSError, or what its file system raises."""
    if "://" not in name:
        return Path(name).open("rb", buffering=0)
    system, path = _system(name)
    file: IO[bytes] = system.open(path, "rb")
    return file


def _local(name: str) -> Iterator[File]:
    given = Path(name)
    if given.is_dir():
        paths: Iterable[Path] = given.rglob("*")
    elif given.exists():
        paths = [given]
    else:
        paths = map(Path, glob(name, recursive=True))
    try:
        for path in paths:
            if path.is_file() and (path == given or not _noted(path.relative_to(given.anchor))):
                yield File(str(path), path.stat().st_size)
    except OSError as error:
        raise EmulatorError(f"cannot be read ({error.strerror})", name, _REMEDY) from None


def _noted(path: Path) -> bool:
    return path.name.startswith((".", "_"))


def _remote(name: str) -> Iterator[File]:
    system, path = _system(name)
    try:
        if any(each in path for each in "*?["):
            found = system.glob(path, detail=True)
        else:
            found = {path: system.info(path)}
            if found[path]["type"] == "directory":
                found = system.find(path, detail=True)
    except Exception as error:  # noqa: BLE001  # every file system raises errors of its own
        raise EmulatorError(f"cannot be read ({error})", name, _REMEDY) from None
    for path, known in found.items():
        if known["type"] == "file" and not _noted(Path(path)):
            yield File(system.unstrip_protocol(path), known["size"])


def _system(name: str) -> tuple[Any, str]:
    try:
        import fsspec  # type: ignore[import-untyped]  # the package ships no types
    except ImportError:
        raise EmulatorError("reading addresses needs fsspec", name, _INSTALL) from None
    try:
        system, path = fsspec.core.url_to_fs(name)
    except (ImportError, ValueError) as error:
        raise EmulatorError(f"cannot be read ({error})", name, _INSTALL) from None
    return system, path


def _is_packed(name: str) -> bool:
    try:
        with opened(name) as file:
            return file.read(len(GZIP)) == GZIP
    except OSError as error:
        raise EmulatorError(f"cannot be read ({error.strerror})", name, _REMEDY) from None
