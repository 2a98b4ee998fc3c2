"""The page of assumptions names what is there, and leaves nothing out."""

import re
from pathlib import Path

import pytest

from emulator.insider.options import NAMES

PAGE = Path("docs/assumptions.md")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text("utf-8").splitlines()
    if re.match(r"\| [CUA]\d+ \|", line)
]


def test_every_contradiction_and_unknown_has_a_row() -> None:
    numbers = [row[0] for row in ROWS if row[0][0] in "CU"]
    assert numbers == [f"C{n}" for n in range(1, 19)] + [f"U{n}" for n in range(1, 21)]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_has_a_standing_and_names_what_holds_it(row: list[str]) -> None:
    _, _, _, standing, held_by = row
    assert standing in ("documented", "inferred", "invented")
    holders = re.findall(r"(option )?`([^`]+)`", held_by)
    assert holders
    missing = [
        name
        for option, name in holders
        if name not in NAMES and (option or not Path(name).is_file())
    ]
    assert missing == []


def test_how_long_message_ids_are_remembered_is_told() -> None:
    (row,) = [row for row in ROWS if "`messageId`" in row[1]]
    assert row[3:] == ["inferred", "`emulator/capture/store.py`"]


def test_every_option_has_a_row() -> None:
    named = {name for row in ROWS for name in re.findall(r"option `([^`]+)`", row[-1])}
    assert named == set(NAMES)
