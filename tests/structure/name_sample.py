"""Draw names and docstrings for readers who guess: `python tests/structure/name_sample.py SEED`.

Show the readers the first two parts alone. A name is right when the reader says what it is before
seeing the code; the third part has the docstrings of the names, to compare.
"""

import ast
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SOURCE_ROOTS = ("emulator", "scenarios")
NAMES, DOCSTRINGS = 150, 100


class Definition(NamedTuple):
    """A module, class or function: its place, and the first line of its docstring."""

    place: str
    first_line: str


def list_definitions() -> Iterator[Definition]:
    """Yield every module, class and function of both packages, except dunder methods."""
    for source_root in SOURCE_ROOTS:
        for module in sorted((ROOT / source_root).glob("segment_insider_*/**/*.py")):
            tree = ast.parse(module.read_text("utf-8"))
            path = str(module.relative_to(ROOT / source_root))
            yield Definition(path, (ast.get_docstring(tree) or "").split("\n")[0])
            yield from _list_members(tree, f"{path}: ")


def _list_members(parent: ast.AST, prefix: str) -> Iterator[Definition]:
    for node in ast.iter_child_nodes(parent):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first_line = (ast.get_docstring(node) or "").split("\n")[0]
            if not node.name.startswith("__"):
                yield Definition(prefix + node.name, first_line)
            yield from _list_members(node, f"{prefix}{node.name}.")


def main() -> None:
    """Print the sample of the seed on the command line."""
    draw = random.Random(int(sys.argv[1]))
    definitions = list(list_definitions())
    names = draw.sample(definitions, NAMES)
    documented = [definition for definition in definitions if definition.first_line]
    docstrings = draw.sample(documented, DOCSTRINGS)
    parts = (
        [f"{number}. {name.place}" for number, name in enumerate(names, 1)],
        [f"{number}. {doc.first_line}" for number, doc in enumerate(docstrings, 1)],
        [f"{number}. {name.first_line}" for number, name in enumerate(names, 1)],
        [f"{number}. {doc.place}" for number, doc in enumerate(docstrings, 1)],
    )
    sys.stdout.write("\n\n".join("\n".join(part) for part in parts) + "\n")


if __name__ == "__main__":
    main()
