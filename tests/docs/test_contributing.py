"""The pages for contributors name files and packages that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "CONTRIBUTING.md",
    ROOT / "docs" / "architecture.md",
    *sorted((ROOT / "docs" / "contributing").glob("*.md")),
    *sorted((ROOT / "docs" / "decisions").glob("*.md")),
]
FILE = re.compile(r"`([\w./-]+\.(?:py|yaml|ndjson|json|md|html))`")
# A page may leave out the folder that its sentence is about.
ROOTS = (
    ROOT,
    ROOT / "emulator" / "segment_insider_emulator",
    ROOT / "scenarios",
    ROOT / "tests",
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    named = FILE.findall(page.read_text("utf-8"))
    assert [name for name in named if not is_existing_path(name)] == []


def is_existing_path(name: str) -> bool:
    if "/" in name:
        return any((root / name).is_file() for root in ROOTS)
    return (ROOT / name).is_file() or any(next(root.rglob(name), None) for root in ROOTS[1:])


def test_the_architecture_names_every_package() -> None:
    table = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## The way")[0]
    named = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    packages = {
        path.parent.name
        for path in (ROOT / "emulator" / "segment_insider_emulator").glob("*/__init__.py")
    }
    assert named == packages
