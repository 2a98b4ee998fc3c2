"""Every regular expression of ours runs in linear time."""

import ast
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from regex_backtracking import Method, find_backtracking

from segment_insider_emulator.insider.formats import SLOW_PATTERNS
from segment_insider_emulator.insider.validation import PUBLISHED_EVENT_NAME

PACKAGES = (
    Path("emulator/segment_insider_emulator"),
    Path("scenarios/segment_insider_scenarios"),
)
FUNCTIONS = ("match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
# Patterns that cannot be proved linear, and why no text makes them slow.
COMMAND_LINE = "an address on the command line of the operator"
FEATURE = "a line of a feature, on the machine of its author"
ONE_PLACE = "matched at one place, never searched for"
BOUNDED = {
    ("segment_insider_emulator.storage.database", "_redact_url"): COMMAND_LINE,
    ("segment_insider_emulator.config", "_parse_setting"): COMMAND_LINE,
    (
        "segment_insider_emulator.storage.database_errors",
        "find_error_advice",
    ): "the first line of a driver's message",
    (
        "segment_insider_emulator.control_api.openapi",
        "_PATH_VARIABLE",
    ): "the rule of a route of ours",
    (
        "segment_insider_emulator.insider.formats",
        "_compile_pattern",
    ): "the patterns of our schemas, which have a test below",
    ("segment_insider_emulator.mapping.liquid.tokenizer", "_NUMBER_PATTERN"): ONE_PLACE,
    (
        "segment_insider_emulator.mapping.liquid.date_filters",
        "_FORMAT_CODE",
    ): "what one part gives back, the last one takes",
    (
        "segment_insider_emulator.replay.evaluator",
        "_ACTUAL_VALUE_PATTERN",
    ): "the end of the text always matches",
    (
        "segment_insider_emulator.filtering.fql_evaluator",
        "_compile_glob",
    ): "atomic groups, which never give back",
    ("segment_insider_emulator.filtering.fql_parser", "_TOKEN_PATTERN"): ONE_PLACE,
    (
        "segment_insider_emulator.interchange.terraform_config",
        "head",
    ): "possessive, and the dots are counted",
    (
        "segment_insider_emulator.interchange.hcl_parser",
        "closing",
    ): "possessive, from a line's beginning",
    (
        "segment_insider_emulator.storage.query_language",
        "_RANGE",
    ): "a value of a query, which has at most 2,000 characters",
    (
        "segment_insider_emulator.mapping.rejected_values",
        "_NUMBER_TEXT",
    ): "a text of at most 40 characters",
    ("segment_insider_scenarios.step_catalogue", "_VALUE_PATTERN"): FEATURE,
    ("segment_insider_scenarios.step_errors", "_TWO_NAMES"): FEATURE,
    (
        "segment_insider_emulator.analysis.drift.lint_edits",
        "corrected",
    ): "a trigger of at most 2,000 characters",
    (
        "segment_insider_emulator.analysis.drift.lint_edits",
        "_replace_root",
    ): "blanks after two braces, with which nothing else begins",
    ("segment_insider_scenarios.value_checks", "TOLERANCE_PATTERN"): FEATURE,
    ("segment_insider_scenarios.interception", "address"): "the names of hosts of ours",
    (
        "segment_insider_emulator.workspace.causes",
        "_VALUES_IN_TEXT",
    ): "the beginning of a text, of a fixed length",
    (
        "segment_insider_scenarios.reports.writers",
        "ADDRESS_SECRET",
    ): "the command line of the run, and no slash repeats",
    (
        "segment_insider_scenarios.feature_checks",
        "_find_half_open_placeholders",
    ): "names of columns, in which nothing repeats",
}


@dataclass(frozen=True)
class PatternUse:
    """A pattern in a module, and the strictest method that all its uses share."""

    module: str
    name: str
    pattern: re.Pattern[str] | None
    method: Method


def iter_modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
            yield name, ast.parse(path.read_text("utf-8"))


def find_compiled_pattern(module: str, call: ast.Call) -> re.Pattern[str] | None:
    """Return the pattern of a call of `re`; None when only known at run time."""
    function = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    flags = call.args[1:] if function == "compile" else []
    flags += [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    if function in ("match", "fullmatch", "search", "split", "findall", "finditer"):
        flags += call.args[2:] if function != "split" else []
    names = vars(import_module(module))
    try:
        arguments = [eval(ast.unparse(argument), names) for argument in (call.args[0], *flags)]
    except NameError:
        return None
    return re.compile(*arguments)


def find_methods_by_name(trees: list[tuple[str, ast.Module]]) -> dict[str, set[str]]:
    """Return the methods called on each pattern name."""
    found: dict[str, set[str]] = {}
    for _, tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in (*FUNCTIONS, "pattern"):
                owner = node.value
                name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                found.setdefault(name, set()).add(node.attr)
    return found


def find_pattern_uses() -> list[PatternUse]:
    trees = list(iter_modules())
    methods = find_methods_by_name(trees)
    found = []
    for module, tree in trees:
        names = {
            id(node.value): ast.unparse(target)
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        }
        for scope, node in iter_nodes_with_scope(tree):
            function = get_called_name(node)
            if function and isinstance(node, ast.Call):
                name = names.get(id(node), scope)
                ways = methods.get(name, set()) if function == "compile" else {function}
                found.append(
                    PatternUse(
                        module,
                        name,
                        find_compiled_pattern(module, node),
                        pick_strictest_method(ways),
                    )
                )
    return found


def iter_nodes_with_scope(node: ast.AST, scope: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield all nodes below *node*, each with the name of its function."""
    for child in ast.iter_child_nodes(node):
        inner = child.name if isinstance(child, ast.FunctionDef) else scope
        yield inner, child
        yield from iter_nodes_with_scope(child, inner)


def get_called_name(node: Any) -> str:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=function)):
            return function if function in (*FUNCTIONS, "compile") else ""
    return ""


def find_slow_text(use: PatternUse) -> str | None:
    if use.pattern is None:
        return "only known at run time"
    return find_backtracking(use.pattern, use.method)


def pick_strictest_method(ways: set[str]) -> Method:
    ways = ways - {"pattern"}
    if ways == {"fullmatch"}:
        return "fullmatch"
    return "match" if ways and ways <= {"match", "fullmatch"} else "search"


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r".+@.+\..+", "fullmatch"),
        (r"(a+)+$", "match"),
        (r"(a|aa)+", "fullmatch"),
        (r"(a|a)*b", "match"),
        (r"(a*)*b", "match"),
        (r"a*a*b", "match"),
        (r"\s+$", "search"),
        (r"//.*@", "search"),
        (r"\n\s*[^#\s]", "search"),
        (r"a(.*b.*c)?", "match"),
        (r"(?:xa*a*c)+", "match"),
        (r"[A-Z]\w*(?:[ '-][A-Z]\w*)+", "search"),
        (r"a+(?!b)", "search"),
        (r"(?i:x[A-Z]*y[a-z]*)z", "match"),
        (r"<<(\w+)\n.*?\1", "match"),
    ],
)
def test_a_slow_pattern_is_reported(pattern: str, method: Method) -> None:
    assert find_backtracking(re.compile(pattern), method) is not None


@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"\+[1-9]\d{6,14}", "search"),
        (r"[a-z0-9][a-z0-9._-]*", "fullmatch"),
        (r"\s+", "search"),
        (r"(?:%[0-9A-F]{2})+", "search"),
        (r"(?:\.\w+)+", "search"),
        (r"a*b*c*", "fullmatch"),
        (r"(?:\d{1,9}d\s+)*", "fullmatch"),
        (r"^//.*@", "search"),
        (r"\[\d+\]", "search"),
    ],
)
def test_a_linear_pattern_is_not_reported(pattern: str, method: Method) -> None:
    assert find_backtracking(re.compile(pattern), method) is None


@pytest.mark.extended
def test_every_pattern_of_ours_is_linear_or_listed_with_its_bound() -> None:
    slow = {
        (use.module, use.name): reason
        for use in find_pattern_uses()
        if (reason := find_slow_text(use))
    }
    assert set(slow) == set(BOUNDED), {place: slow.get(place) for place in set(slow) ^ set(BOUNDED)}


def iter_schema_patterns(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        yield from node.get("patternProperties", {})
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from iter_schema_patterns(child)


def test_every_pattern_of_our_schemas_is_linear() -> None:
    documents = [
        json.loads(path.read_text("utf-8"))
        for package in PACKAGES
        for path in package.rglob("*.json")
    ]
    patterns = {*iter_schema_patterns(documents), PUBLISHED_EVENT_NAME}
    assert len(patterns) > 4
    slow = {p for p in patterns if find_backtracking(re.compile(p, re.ASCII), "search")}
    assert slow == set(SLOW_PATTERNS)


@pytest.mark.parametrize(("pattern", "replacement"), SLOW_PATTERNS.items())
def test_a_replaced_pattern_has_the_answers_of_the_published_one(
    pattern: str, replacement: Callable[[str], bool]
) -> None:
    texts = ("".join(text) for size in range(8) for text in product("@.\na", repeat=size))
    expression = re.compile(pattern)
    assert [text for text in texts if replacement(text) != bool(expression.fullmatch(text))] == []
