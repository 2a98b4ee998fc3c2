"""Imports point one way: the road knows nothing of those who watch it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "emulator" / "segment_insider_emulator"
WATCHERS = (
    "segment_insider_emulator.control_api",
    "segment_insider_emulator.inspector",
    "segment_insider_scenarios",
)
OUTSIDE = ("flask", "sqlalchemy", "requests", "os", "time", "random", "socket")
SIDES = ("segment", "mapping", "delivery", "insider", "capture", "harness", "inspector")


def imports(module: Path) -> Iterator[str]:
    """Dotted names that *module* imports, wherever in it the import stands."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def others(*own: str) -> tuple[str, ...]:
    return tuple(f"segment_insider_emulator.{side}" for side in SIDES if side not in own)


@pytest.mark.parametrize(
    ("box", "forbidden"),
    [
        pytest.param("mapping", OUTSIDE + others("mapping"), id="mapping is pure and alone"),
        pytest.param(
            "segment",
            ("segment_insider_emulator.insider", *WATCHERS),
            id="segment knows no insider",
        ),
        pytest.param(
            "insider",
            ("segment_insider_emulator.segment", *WATCHERS),
            id="insider knows no segment",
        ),
        pytest.param("delivery", WATCHERS, id="delivery is not watched from inside"),
        pytest.param("capture", WATCHERS, id="capture is not watched from inside"),
        pytest.param("replay", (*WATCHERS, "flask", "sqlalchemy"), id="replay stores nothing"),
        pytest.param("workspace", (*WATCHERS, "flask", "sqlalchemy"), id="workspace is a file"),
    ],
)
def test_a_box_imports_only_what_it_may(box: str, forbidden: tuple[str, ...]) -> None:
    broken = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in sorted((ROOT / box).rglob("*.py"))
        for name in imports(module)
        if name.startswith(tuple(f"{prefix}." for prefix in forbidden)) or name in forbidden
    ]
    assert broken == []


def test_only_capture_speaks_sql() -> None:
    speakers = {
        module.relative_to(ROOT).parts[0]
        for module in ROOT.rglob("*.py")
        for name in imports(module)
        if name.startswith("sqlalchemy")
    }
    assert speakers == {"capture"}


def test_only_the_command_line_and_the_demo_need_the_scenarios() -> None:
    needing = {
        module.relative_to(ROOT).parts[0]
        for module in ROOT.rglob("*.py")
        for name in imports(module)
        if name.split(".")[0] == "segment_insider_scenarios"
    }
    assert needing == {"cli", "demo"}
