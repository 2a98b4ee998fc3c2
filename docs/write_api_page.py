"""Write `docs/api.md`, the API of the Python package for tests, from its docstrings.

Run it with `python docs/write_api_page.py`; a test compares the page with what it writes.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Final

DOCS = Path(__file__).parent
PACKAGE: Final = "segment_insider_scenarios"
EMULATOR: Final = "segment_insider_emulator"
ROOTS = {PACKAGE: DOCS.parent / "scenarios", EMULATOR: DOCS.parent / "emulator"}
INTRODUCTION = """\
# The Python API

What a test in Python may import, and the fixtures of the pytest plugin.

How to use them: [in tests in Python](in-process.md). `JSON` is any value of JSON, and `JSONObject`
is a `dict` with names as keys. `python docs/write_api_page.py` writes this page from the
docstrings.
"""
# Heading -> module -> names, in the order of the page.
PUBLIC: Final = {
    "Emulators": {
        "running_emulator": ("in_process", "serve_emulator", "RunningEmulator", "SandboxProvider"),
    },
    "Interception": {"interception": ("intercepting", "intercepting_browser")},
    "The control client": {"client": ("ControlClient",)},
    "Segment and Insider One": {
        "transport": ("SegmentShop", "InProcessAdapter"),
        "running_emulator": ("InsiderOneView", "ClockControl"),
    },
    "Shoppers and their calls": {
        "shopper": (
            *("make_shopper", "make_products", "Shopper", "SegmentCall", "track_call"),
            *("identify_call", "page_call", "screen_call", "group_call", "alias_call"),
            *("product_list_viewed_call", "product_viewed_call", "product_added_call"),
            *("product_removed_call", "cart_viewed_call", "checkout_started_call"),
            "order_completed_call",
        ),
    },
}
ERRORS: Final = {
    f"{EMULATOR}.errors": ("EmulatorError", "ConflictError", "TemporarilyUnavailable"),
    f"{PACKAGE}.client_http": (
        *("EmulatorUnreachable", "EmulatorTimeout", "ResourceNotFound", "SandboxLimitReached"),
    ),
}
FIXTURES_MODULE: Final = "plugin"
EXPORTED: Final = ("in_process", "intercepting", "intercepting_browser")  # by the package itself
Definition = ast.FunctionDef | ast.ClassDef

_SECTION = re.compile(r"^(Args|Filters|Returns|Raises|Source):[ \n]", re.MULTILINE)
_ARGUMENT = re.compile(r"^(\w+): ", re.MULTILINE)
_NAME = re.compile(r"(?<!\w)\*(\w+)\*")
_PAGE = re.compile(r"docs/([\w-]+)\.md")


def write_page() -> str:
    """Return the Markdown of the page."""
    parts = [INTRODUCTION]
    for heading, modules in PUBLIC.items():
        parts.append(f"## {heading}\n")
        for module, names in modules.items():
            found = read_definitions(f"{PACKAGE}.{module}")
            for name in names:
                parts += describe_definition(found[name], module)
    parts.append(f"## Errors\n\n{describe_errors()}")
    parts.append(f"## Fixtures\n\n{describe_fixtures()}")
    return "\n".join(parts)


def read_definitions(module: str) -> dict[str, Definition]:
    """Return the functions and classes at the top of a module, by name."""
    path = ROOTS[module.partition(".")[0]].joinpath(*module.split(".")).with_suffix(".py")
    body = ast.parse(path.read_text("utf-8")).body
    return {node.name: node for node in body if isinstance(node, Definition)}


def describe_errors() -> str:
    """Return a table of the errors with their base classes."""
    about = (
        "Each error has `what`, `where` and `remedy`; its text is one line of all three, without"
        " traceback or secrets.\n\n"
    )
    rows = ["| error | is a | module | when |", "|---|---|---|---|"]
    for module, names in ERRORS.items():
        for name in names:
            node = read_definitions(module)[name]
            assert isinstance(node, ast.ClassDef)
            summary = (ast.get_docstring(node) or "").partition("\n")[0]
            when = re.sub(r"^Error(:| when) ", "", summary)
            base = ast.unparse(node.bases[0])
            rows.append(f"| `{name}` | `{base}` | `{module}` | {when} |")
    return about + "\n".join(rows) + "\n"


def describe_definition(node: Definition, module: str) -> Iterator[str]:
    """Yield the Markdown of a function, or of a class with its fields and methods."""
    yield f"### {node.name}\n"
    path = PACKAGE if node.name in EXPORTED else f"{PACKAGE}.{module}"
    yield f"```py\nfrom {path} import {node.name}\n\n{write_signature(node)}\n```\n"
    yield write_docstring(node)
    if isinstance(node, ast.ClassDef):
        yield from describe_methods(node)


def describe_methods(node: ast.ClassDef) -> Iterator[str]:
    """Yield the Markdown of the public methods of a class."""
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
            yield f"#### {node.name}.{method.name}\n"
            yield f"```py\n{write_signature(method)}\n```\n"
            yield write_docstring(method)


def write_signature(node: Definition) -> str:
    """Return a signature as Python writes it, without `self` and with one line if it fits."""
    if isinstance(node, ast.ClassDef):
        start = next((m for m in node.body if getattr(m, "name", "") == "__init__"), None)
        if isinstance(start, ast.FunctionDef):
            return write_call(node.name, list_arguments(start), "")
        return write_call(node.name, [ast.unparse(f) for f in node.body if is_field(f)], "")
    decorators = {ast.unparse(decorator) for decorator in node.decorator_list}
    returns = ast.unparse(node.returns).strip("'") if node.returns else "None"
    if "contextmanager" in decorators:
        content = returns.removeprefix("Iterator[").removesuffix("]")
        as_name = "" if content == "None" else f" as value:  # a {content}"
        call = write_call(node.name, list_arguments(node), "")
        return f"with {call}{as_name or ':'}"
    if "property" in decorators:
        return f"{node.name}: {returns}"
    return write_call(node.name, list_arguments(node), f" -> {returns}")


def is_field(node: ast.stmt) -> bool:
    """Return whether a statement declares a public field of a dataclass."""
    return isinstance(node, ast.AnnAssign) and not ast.unparse(node.target).startswith("_")


def list_arguments(node: ast.FunctionDef) -> list[str]:
    """Return the arguments of a function with types and defaults, without `self` and `cls`."""
    args = node.args
    positional = [one for one in args.args if one.arg not in ("self", "cls")]
    missing: list[ast.expr | None] = [None] * (len(positional) - len(args.defaults))
    plain = list(map(write_argument, positional, [*missing, *args.defaults]))
    if args.vararg:
        plain.append(f"*{write_argument(args.vararg, None)}")
    elif args.kwonlyargs:
        plain.append("*")
    plain += map(write_argument, args.kwonlyargs, args.kw_defaults)
    return [*plain, f"**{write_argument(args.kwarg, None)}"] if args.kwarg else plain


def write_argument(argument: ast.arg, default: ast.expr | None) -> str:
    """Return one argument with its type and default."""
    text = ast.unparse(argument).replace("'", "")
    return f"{text} = {ast.unparse(default)}" if default else text


def write_call(name: str, arguments: list[str], returns: str) -> str:
    """Return a call, with one line for each argument if it is long."""
    line = f"{name}({', '.join(arguments)}){returns}"
    if len(line) <= 96:
        return line
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + f"){returns}"


def write_docstring(node: Definition) -> str:
    """Return a docstring as Markdown: prose, and a list for arguments and filters."""
    text = ast.get_docstring(node) or ""
    prose, *sections = _SECTION.split(text)
    parts = [prose.strip()]
    for title, content in zip(sections[::2], sections[1::2], strict=True):
        parts.append(write_section(title, content))
    text = _NAME.sub(r"`\1`", "\n\n".join(parts))
    return _PAGE.sub(r"[\1](\1.md)", text) + "\n"


def write_section(title: str, content: str) -> str:
    """Return one section of a docstring as Markdown."""
    if title != "Args":
        return f"**{title}:** {' '.join(content.split())}"
    items = [" ".join(item.split()) for item in split_items(dedent(content))]
    return "\n".join(_ARGUMENT.sub(r"- `\1`: ", item) for item in items)


def split_items(text: str) -> list[str]:
    """Split the arguments of a docstring; each begins at the margin."""
    return [item for item in re.split(r"\n(?=\S)", text.strip("\n")) if item.strip()]


def describe_fixtures() -> str:
    """Return a table of the fixtures of the pytest plugin."""
    rows = ["| fixture | value | what it is |", "|---|---|---|"]
    for node in read_definitions(f"{PACKAGE}.{FIXTURES_MODULE}").values():
        marks = [ast.unparse(decorator) for decorator in node.decorator_list]
        if isinstance(node, ast.FunctionDef) and any("pytest.fixture" in mark for mark in marks):
            value = ast.unparse(node.returns).strip("'") if node.returns else ""
            value = re.sub(r"^Iterator\[(.*)\]$", r"\1", value)
            about = " ".join((ast.get_docstring(node) or "").split())
            about = about.removeprefix("Pytest fixture: ")
            rows.append(f"| `{node.name}` | `{value}` | {about} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    (DOCS / "api.md").write_text(write_page(), "utf-8")
