"""Names and addresses of archive files."""

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
    ("names", "expected"),
    [
        pytest.param([""], ["a.json", "b/1.ndjson", "b/2.gz"], id="folder with all below it"),
        pytest.param(["b/*.gz"], ["b/2.gz"], id="pattern"),
        pytest.param(["**/*.ndjson"], ["b/1.ndjson"], id="pattern of any depth"),
        pytest.param(["b/_SUCCESS"], ["b/_SUCCESS"], id="asked for by name"),
        pytest.param(["b/2.gz", "b", "b"], ["b/1.ndjson", "b/2.gz"], id="each file once"),
    ],
)
def test_names_are_resolved_to_files(archive: Path, names: list[str], expected: list[str]) -> None:
    paths = [str(archive / name) for name in names]

    assert [file.name for file in find_archive_files(paths)] == [
        str(archive / name) for name in expected
    ]


def test_a_name_without_a_matching_file_is_rejected(archive: Path) -> None:
    with pytest.raises(EmulatorError, match=r"none\.gz: no file found"):
        find_archive_files([str(archive), str(archive / "none.gz")])


def test_plain_files_are_split_and_compressed_ones_are_not(archive: Path) -> None:
    files = [ArchiveFile(str(archive / "a.json"), 3), ArchiveFile(str(archive / "b/2.gz"), 3)]

    assert list(split_files_into_parts(files, 2)) == [
        ArchivePart(0, str(archive / "a.json"), 0, 2, 2),
        ArchivePart(0, str(archive / "a.json"), 2, 3, 1),
        ArchivePart(1, str(archive / "b/2.gz"), 0, None, 3),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("logs", ["logs/1.gz", "logs/day/2.ndjson"], id="folder"),
        pytest.param("logs/*.gz", ["logs/1.gz"], id="pattern"),
        pytest.param("logs/day/2.ndjson", ["logs/day/2.ndjson"], id="file"),
    ],
)
def test_an_address_is_read_through_its_file_system(name: str, expected: list[str]) -> None:
    system = fsspec.filesystem("memory")
    for path in ("logs/1.gz", "logs/day/2.ndjson", "logs/_SUCCESS", "else/3.gz"):
        system.pipe(f"/archive/{path}", b"{}\n[]\n")

    files = find_archive_files([f"memory://archive/{name}"])

    assert [file.name for file in files] == [f"memory:///archive/{name}" for name in expected]
    assert [
        line for part in split_files_into_parts(files, 4) for line in read_archive_lines(part)
    ] == [
        b"{}\n",
        b"[]\n",
    ] * len(expected)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        pytest.param("memory://nothing", "cannot be read", id="nothing there"),
        pytest.param("gopher://host/x", "Protocol not known: gopher", id="unknown file system"),
    ],
)
def test_an_unreadable_address_is_rejected(name: str, complaint: str) -> None:
    with pytest.raises(EmulatorError, match=complaint):
        find_archive_files([name])
