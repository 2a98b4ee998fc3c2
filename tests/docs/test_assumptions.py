"""The page of assumptions names only what exists, and is complete."""

import re
from itertools import groupby
from pathlib import Path
from pkgutil import resolve_name

import pytest

from segment_insider_emulator.insider.account_options import OPTION_FIELDS

PAGE = Path("docs/assumptions.md")
PACKAGE = Path("emulator/segment_insider_emulator")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text("utf-8").splitlines()
    if re.match(r"\| [A-Z]\d+ \|", line)
]
ASSUMES = r"Assumed:|\(assumed|; assumed\.|(?<!what )(is|are) assumed[.;]|are \"assumed\""
EVIDENCE_NAMES = [name for row in ROWS for name in re.findall(r"`([^`]+)`", row[-1])]


def test_every_contradiction_and_unknown_has_a_row() -> None:
    numbers = [row[0] for row in ROWS if row[0][0] in "CU"]
    assert numbers == [f"C{n}" for n in range(1, 21)] + [f"U{n}" for n in range(1, 21)]


def test_rows_are_numbered_without_a_gap() -> None:
    for kind, rows in groupby(ROWS, key=lambda row: row[0][0]):
        numbers = [row[0] for row in rows]
        assert numbers == [f"{kind}{n}" for n in range(1, len(numbers) + 1)]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_a_row_has_a_status_and_names_its_evidence(row: list[str]) -> None:
    _, _, _, status, evidence = row
    assert status in ("documented", "inferred", "invented")
    names = re.findall(r"(option )?`([^`]+)`", evidence)
    assert names
    assert [name for option, name in names if not is_defined(name, bool(option))] == []


def is_defined(name: str, option: bool) -> bool:
    """Return whether an option, a file or a name in the code exists."""
    if option:
        return name in OPTION_FIELDS
    if "/" in name:
        return Path(name).is_file()
    return resolve_name(name) is not None


def test_the_time_message_ids_are_remembered_is_documented() -> None:
    (row,) = [row for row in ROWS if "`messageId`" in row[1]]
    assert row[3:] == [
        "inferred",
        "`segment_insider_emulator.storage.messages.MessageStore.find_known_message_ids`",
    ]


def test_every_option_has_a_row() -> None:
    named = {name for row in ROWS for name in re.findall(r"option `([^`]+)`", row[-1])}
    assert named == set(OPTION_FIELDS)


def test_every_module_with_an_assumption_is_in_a_row() -> None:
    assuming = {
        ".".join(module.relative_to("emulator").with_suffix("").parts)
        for module in PACKAGE.rglob("*.py")
        if re.search(ASSUMES, module.read_text("utf-8"))
    }
    holding = {
        module for module in assuming if any(f"{module}." in name for name in EVIDENCE_NAMES)
    }
    assert sorted(assuming - holding) == []
