"""All steps that are registered, the library's own and those of a project."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getdoc, signature

from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

TYPED = re.compile(r":[a-z]}")  # the parser's type of a word or a number
KINDS = ("given", "when", "then")
# What pytest-bdd calls that which stands below a step -> what people call it.
NOUNS = {"datatable": "table", "docstring": "text"}


@dataclass(frozen=True, slots=True)
class StepEntry:
    """One step.

    Args:
        module: Of the function, e.g. "scenarios.steps.people".
        kinds: Of "given", "when", "then", in this order.
        pattern: What it reads, e.g. '{person} does "{event}"'.
        about: One sentence.
        below: "table" or "text", when it needs one below it.
    """

    module: str
    kinds: tuple[str, ...]
    pattern: str
    about: str
    below: str | None


def catalogue() -> list[StepEntry]:
    """The steps in the order of their patterns."""
    kinds: dict[tuple[str, str, str, str | None], set[str]] = {}
    for context in step_function_context_registry.values():
        function = context.step_func
        pattern = _pattern(context)
        about = (getdoc(function) or "").partition("\n\n")[0]
        entry = (function.__module__, pattern, about, _below(function))
        kinds.setdefault(entry, set()).add(context.type or "step")
    entries = [
        StepEntry(module, tuple(k for k in KINDS if k in found), pattern, about, below)
        for (module, pattern, about, below), found in kinds.items()
        if module != "pytest_bdd.plugin"
    ]
    return sorted(entries, key=lambda entry: entry.pattern)


def matching(name: str) -> list[StepEntry]:
    """The steps, of whatever kind, that would read *name*, e.g. 'Ada does "Wish Listed"'."""
    patterns = {
        _pattern(context)
        for context in step_function_context_registry.values()
        if context.parser.is_matching(name)
    }
    return [entry for entry in catalogue() if entry.pattern in patterns]


def _pattern(context: StepFunctionContext) -> str:
    return TYPED.sub("}", context.parser.name)


def _below(function: Callable[..., object]) -> str | None:
    taken = (noun for argument, noun in NOUNS.items() if argument in signature(function).parameters)
    return next(taken, None)
