"""Boxes import each other in one order: every allowed edge is in one table."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from request_trace import trace_post

ROOT = Path(__file__).parents[2]
EMULATOR = ROOT / "emulator" / "segment_insider_emulator"
SCENARIOS = ROOT / "scenarios" / "segment_insider_scenarios"

# Modules at the root of the emulator's package: every box may import them, they import no box.
FOUNDATION = (
    "clock",
    "config",
    "errors",
    "json_text",
    "masking",
    "shared_state",
    "similar_names",
    "terminal_output",
    "text_encoding",
    "types",
)
# Box -> the boxes that it may import. A box stands below all that it imports.
ALLOWED = {
    "mapping": (),
    "filtering": (),
    "storage": (),
    "insider": ("storage",),
    "functions": ("filtering", "insider"),
    "workspace": ("filtering", "functions", "insider", "mapping"),
    "segment": ("workspace",),
    "delivery": ("filtering", "functions", "mapping", "segment", "storage", "workspace"),
    "analysis": ("filtering", "functions", "insider", "mapping", "workspace"),
    "interchange": ("analysis", "filtering", "functions", "mapping", "workspace"),
    "contract": ("delivery", "filtering", "functions", "mapping", "segment", "workspace"),
    "replay": ("delivery", "insider", "mapping", "segment", "storage", "workspace"),
    "web": ("delivery", "functions", "insider", "segment", "storage", "workspace"),
    "control_api": (
        *("analysis", "delivery", "filtering", "insider", "mapping", "segment", "storage", "web"),
        "workspace",
    ),
    "inspector": (
        *("analysis", "contract", "control_api", "delivery", "filtering", "insider"),
        *("interchange", "mapping", "segment", "storage", "web", "workspace"),
    ),
    "app": (
        *("control_api", "delivery", "functions", "insider", "inspector", "mapping", "segment"),
        *("storage", "web", "workspace"),
    ),
    "scenarios": (
        *("analysis", "app", "contract", "filtering", "insider", "mapping", "storage", "web"),
        "workspace",
    ),
    "demo": ("mapping", "scenarios"),
    "cli": (
        *("analysis", "app", "contract", "delivery", "demo", "filtering", "insider", "inspector"),
        *("interchange", "mapping", "replay", "scenarios", "segment", "storage", "web"),
        "workspace",
    ),
}
# Box -> top-level packages of others that it may not import, wherever the import is.
FORBIDDEN = {
    "mapping": ("flask", "sqlalchemy", "requests", "os", "time", "random", "socket"),
    "filtering": ("flask", "sqlalchemy", "requests", "time", "random", "socket"),
    "segment": ("flask", "sqlalchemy"),
    "workspace": ("flask", "sqlalchemy", "requests"),
    "analysis": ("flask", "sqlalchemy", "requests"),
    "interchange": ("flask", "sqlalchemy"),
    "insider": ("sqlalchemy",),
    "delivery": ("flask", "sqlalchemy"),
    "replay": ("flask", "sqlalchemy"),
    "web": ("sqlalchemy",),
    "control_api": ("sqlalchemy",),
    "inspector": ("sqlalchemy",),
    "cli": ("sqlalchemy",),
    "scenarios": ("sqlalchemy",),
}


def list_imports(module: Path) -> Iterator[str]:
    """Yield the dotted names that *module* imports, wherever in it the import is."""
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def box_of_module(module: Path) -> str:
    """Return the box of a module file; a module at the root is a box of its own."""
    if module.is_relative_to(SCENARIOS):
        return "scenarios"
    return module.relative_to(EMULATOR).parts[0].removesuffix(".py")


def box_of_import(name: str) -> str | None:
    """Return the box that an imported dotted name belongs to; None for packages of others."""
    package, _, rest = name.partition(".")
    if package == "segment_insider_scenarios":
        return "scenarios"
    return rest.split(".")[0] if package == "segment_insider_emulator" else None


@cache
def list_edges() -> dict[tuple[str, str], list[str]]:
    """Map each (importing box, imported box) to the imports that make it, for messages."""
    edges: dict[tuple[str, str], list[str]] = {}
    for module in (*EMULATOR.rglob("*.py"), *SCENARIOS.rglob("*.py")):
        box = box_of_module(module)
        for name in list_imports(module):
            imported = box_of_import(name)
            if imported not in (None, box, "__version__"):
                path = f"{module.relative_to(ROOT)} imports {name}"
                edges.setdefault((box, str(imported)), []).append(path)
    return edges


def test_a_box_imports_only_what_the_table_allows() -> None:
    broken = [
        path
        for (box, imported), paths in list_edges().items()
        if box in ALLOWED and imported not in (*FOUNDATION, *ALLOWED[box])
        for path in paths
    ]
    assert broken == []


def test_the_table_allows_nothing_that_is_not_used() -> None:
    edges = {edge for edge in list_edges() if edge[0] in ALLOWED and edge[1] in ALLOWED}
    assert {(box, to) for box, allowed in ALLOWED.items() for to in allowed} == edges


def test_every_box_is_in_the_table() -> None:
    boxes = {path.parent.name for path in EMULATOR.glob("*/__init__.py")} | {"app", "scenarios"}
    modules = {path.stem for path in EMULATOR.glob("*.py") if not path.stem.startswith("__")}
    assert (boxes, modules) == (set(ALLOWED), {*FOUNDATION, "app"})


def test_the_table_has_no_cycle() -> None:
    below: set[str] = set()
    for box, allowed in ALLOWED.items():
        assert below.issuperset(allowed), f"{box} imports a box that is listed after it"
        below.add(box)


def test_the_foundation_imports_no_box() -> None:
    assert [
        path
        for (box, imported), paths in list_edges().items()
        if box in FOUNDATION and imported not in FOUNDATION
        for path in paths
    ] == []


@pytest.mark.parametrize("box", FORBIDDEN)
def test_a_box_imports_no_framework_that_it_must_not_know(box: str) -> None:
    modules = SCENARIOS.rglob("*.py") if box == "scenarios" else (EMULATOR / box).rglob("*.py")
    assert [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in modules
        for name in list_imports(module)
        if name.split(".")[0] in FORBIDDEN[box]
    ] == []


def test_only_the_command_line_and_the_demo_import_the_scenarios() -> None:
    assert {box for box, imported in list_edges() if imported == "scenarios"} == {"cli", "demo"}


def test_a_call_passes_few_files() -> None:
    files = trace_post()
    assert len(files) <= 40, files
