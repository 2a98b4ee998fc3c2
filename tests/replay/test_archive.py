from pathlib import Path

import fsspec  # type: ignore[import-untyped]  # the package ships no types
import pytest

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.replay.archive import (
    ArchiveFile,
    ArchivePart,
    find_archive_files,
    read_archive_lines,
    split_files_into_parts,
)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name in ("b/2.gz", "b/1.ndjson", "a.json", "b/_SUCCESS", "b/.hidden"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("names", "found"),
    [
        pytest.param([""], ["a.json", "b/1.ndjson", "b/2.gz"], id="folder with all below it"),
        pytest.param(["b/*.gz"], ["b/2.gz"], id="pattern"),
        pytest.param(["**/*.ndjson"], ["b/1.ndjson"], id="pattern of any depth"),
        pytest.param(["b/_SUCCESS"], ["b/_SUCCESS"], id="asked for by name"),
        pytest.param(["b/2.gz", "b", "b"], ["b/1.ndjson", "b/2.gz"], id="each file once"),
    ],
)
def test_names_stand_for_files(archive: Path, names: list[str], found: list[str]) -> None:
    given = [str(archive / name) for name in names]

    assert [file.name for file in find_archive_files(given)] == [
        str(archive / name) for name in found
    ]


def test_a_name_that_matches_no_file_is_refused(archive: Path) -> None:
    with pytest.raises(EmulatorError, match=r"none\.gz: no file found"):
        find_archive_files([str(archive), str(archive / "none.gz")])


def test_plain_files_are_cut_and_packed_ones_are_not(archive: Path) -> None:
    files = [ArchiveFile(str(archive / "a.json"), 3), ArchiveFile(str(archive / "b/2.gz"), 3)]

    assert list(split_files_into_parts(files, 2)) == [
        ArchivePart(0, str(archive / "a.json"), 0, 2, 2),
        ArchivePart(0, str(archive / "a.json"), 2, 3, 1),
        ArchivePart(1, str(archive / "b/2.gz"), 0, None, 3),
    ]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("logs", ["logs/1.gz", "logs/day/2.ndjson"], id="folder"),
        pytest.param("logs/*.gz", ["logs/1.gz"], id="pattern"),
        pytest.param("logs/day/2.ndjson", ["logs/day/2.ndjson"], id="file"),
    ],
)
def test_addresses_are_read_by_the_file_system_that_they_name(name: str, found: list[str]) -> None:
    system = fsspec.filesystem("memory")
    for path in ("logs/1.gz", "logs/day/2.ndjson", "logs/_SUCCESS", "else/3.gz"):
        system.pipe(f"/archive/{path}", b"{}\n[]\n")

    files = find_archive_files([f"memory://archive/{name}"])

    assert [file.name for file in files] == [f"memory:///archive/{name}" for name in found]
    assert [
        line for part in split_files_into_parts(files, 4) for line in read_archive_lines(part)
    ] == [
        b"{}\n",
        b"[]\n",
    ] * len(found)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("memory://nothing", "cannot be read", id="nothing there"),
        pytest.param("gopher://host/x", "Protocol not known: gopher", id="unknown file system"),
    ],
)
def test_address_that_cannot_be_read_is_refused(name: str, complaint: str) -> None:
    with pytest.raises(EmulatorError, match=complaint):
        find_archive_files([name])
