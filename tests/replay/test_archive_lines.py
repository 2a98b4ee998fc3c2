"""Lines of archives, plain and compressed, and their split into parts."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segment_insider_emulator.replay.archive import (
    MAX_LINE_BYTES,
    ArchiveFile,
    DamagedArchiveFileError,
    find_archive_files,
    read_archive_lines,
    split_files_into_parts,
)

LINES = st.lists(st.binary(max_size=12).filter(lambda line: b"\n" not in line), max_size=20)
PACKED_TOO_LITTLE = gzip.compress(b"1\n" * 99)[:-9]
WRONG_SUM = gzip.compress(b"1\n")[:-8] + b"\0" * 8


def read_all_lines(path: Path, part_size: int) -> list[bytes | None]:
    parts = split_files_into_parts(find_archive_files([str(path)]), part_size)
    return [line for part in parts for line in read_archive_lines(part)]


@given(LINES, st.booleans(), st.integers(1, 40))
def test_each_line_is_in_one_part_wherever_a_file_is_split(
    tmp_path_factory: pytest.TempPathFactory,
    content: list[bytes],
    has_final_newline: bool,
    part_size: int,
) -> None:
    path = tmp_path_factory.mktemp("cut") / "events.ndjson"
    last = [b"last\n"] if has_final_newline else [b"last"]
    expected = [b"{}\n", *(line + b"\n" for line in content), *last]
    path.write_bytes(b"".join(expected))

    assert read_all_lines(path, part_size) == expected


@pytest.mark.parametrize("part_size", [1024, MAX_LINE_BYTES, 100 * MAX_LINE_BYTES])
def test_a_too_long_line_is_skipped(tmp_path: Path, part_size: int) -> None:
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"{}\n" + b"x" * (2 * MAX_LINE_BYTES) + b"\n[]\n")

    assert read_all_lines(path, part_size) == [b"{}\n", None, b"[]\n"]


@pytest.mark.parametrize("name", ["events.gz", "events.ndjson"])
def test_gzip_is_detected_by_content_and_never_split(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(b"1\n2\n") + gzip.compress(b"3\n"))

    assert read_all_lines(path, 4) == [b"1\n", b"2\n", b"3\n"]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(PACKED_TOO_LITTLE, "the gzip file ends too early", id="cut off"),
        pytest.param(WRONG_SUM, "the gzip file is damaged", id="wrong sum"),
        pytest.param(gzip.compress(b"1\n") + b"rest", "damaged", id="something behind it"),
    ],
)
def test_a_damaged_gzip_file_is_reported(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "events.gz"
    path.write_bytes(content)

    with pytest.raises(DamagedArchiveFileError, match=complaint):
        read_all_lines(path, MAX_LINE_BYTES)


def test_a_deleted_file_is_reported(tmp_path: Path) -> None:
    gone = ArchiveFile(str(tmp_path / "gone.ndjson"), 3)

    with pytest.raises(
        DamagedArchiveFileError, match=r"cannot be read \(No such file or directory\)"
    ):
        list(read_archive_lines(next(split_files_into_parts([gone]))))
