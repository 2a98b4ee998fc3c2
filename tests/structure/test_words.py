"""Names and texts of the code use the words of the field; words that misled readers stay out."""

import ast
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    module
    for root in ("emulator/segment_insider_emulator", "scenarios/segment_insider_scenarios")
    for module in (ROOT / root).rglob("*.py")
)
TEST_MODULES = sorted((ROOT / "tests").rglob("*.py"))
# No word of a name. Each of them was a riddle: the field has another word for what was meant.
RIDDLES = frozenset(
    (
        *("astray", "beside", "drafted", "everybody", "gate", "held", "kept", "mend", "news"),
        *("nobody", "passage", "road", "settling", "shown", "somebody", "standing", "tell"),
        *("telling", "those", "together", "told", "walking", "whoever", "whom", "whose"),
    )
)
# No word of the first line of a docstring.
LITERARY = re.compile(
    r"\b(whoever|whom|whose|nobody|everybody|somebody|anybody|tells?|told|telling|held|kept|astray"
    r"|swallow\w*|meanwhile|mend\w*|beside|goes on|made of it|stands?)\b",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"(?:[A-Z`/'\"]|analytics\.js ).*[.:]", re.DOTALL)
DEFINITIONS = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Definition(NamedTuple):
    """A module, class, function or argument.

    Args:
        where: File and line.
        docstring: None for an argument, and where there is none.
    """

    where: str
    name: str
    docstring: str | None


def list_definitions(module: Path) -> Iterator[Definition]:
    """Yield *module* and all that is defined in it."""
    tree = ast.parse(module.read_text("utf-8"))
    path = str(module.relative_to(ROOT))
    yield Definition(path, module.stem, ast.get_docstring(tree))
    for node in ast.walk(tree):
        if isinstance(node, DEFINITIONS):
            yield Definition(f"{path}:{node.lineno}", node.name, ast.get_docstring(node))
        elif isinstance(node, ast.arg):
            yield Definition(f"{path}:{node.lineno}", node.arg, None)


@cache
def list_all_definitions() -> list[Definition]:
    """Return the definitions of all modules; it takes seconds."""
    return [definition for module in MODULES for definition in list_definitions(module)]


def split_words(name: str) -> list[str]:
    """Return the words of a snake_case or CamelCase name, in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def test_no_name_is_a_riddle() -> None:
    assert [
        (where, name)
        for where, name, _ in list_all_definitions()
        if RIDDLES.intersection(split_words(name))
    ] == []


def test_no_docstring_begins_with_literary_words() -> None:
    assert [
        (where, docstring.splitlines()[0])
        for where, _, docstring in list_all_definitions()
        if docstring and set(LITERARY.findall(docstring.splitlines()[0])) - {"whose", "whom"}
    ] == []


def test_names_and_docstrings_of_tests_use_plain_words() -> None:
    riddles = RIDDLES - {"shown", "those", "together"}  # plain in a claim: "is shown once"
    assert [
        (where, name)
        for module in TEST_MODULES
        for where, name, docstring in list_definitions(module)
        if riddles.intersection(split_words(name))
        or set(LITERARY.findall((docstring or "").partition("\n")[0])) - {"whose", "whom"}
    ] == []


def test_literary_words_are_rare_in_the_code() -> None:
    texts = [module.read_text("utf-8") for module in MODULES]
    words = sum(len(LITERARY.findall(text)) for text in texts)
    assert words / sum(text.count("\n") for text in texts) <= 2 / 1000


def test_literary_words_are_rare_in_the_tests() -> None:
    modules = [path for path in (ROOT / "tests").rglob("*.py") if path.parent.name != "structure"]
    texts = [module.read_text("utf-8") for module in modules]
    words = sum(len(LITERARY.findall(text)) for text in texts)
    assert words / sum(text.count("\n") for text in texts) <= 2 / 1000


def test_a_module_says_in_one_sentence_what_is_in_it() -> None:
    assert [
        (where, docstring)
        for where, _, docstring in list_all_definitions()
        if ":" not in where and not SENTENCE.fullmatch((docstring or "").split("\n\n")[0])
    ] == []


def test_no_public_class_has_the_name_of_another() -> None:
    names = Counter(
        node.name
        for module in MODULES
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_modules_are_few_and_neither_splinters_nor_giants() -> None:
    sizes = [module.read_text("utf-8").count("\n") for module in MODULES]
    # The middle one is above 260 lines because features went into the rooms that they belong to,
    # in place of a small module each. What would raise these figures needs a split or a reason.
    figures = (len(sizes), statistics.median(sizes), max(sizes))
    assert (figures[0] <= 324, 150 <= figures[1] <= 267, figures[2] <= 612) == (True,) * 3, figures
