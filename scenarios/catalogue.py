"""All steps that are registered, the library's own and those of a project."""

import re
from dataclasses import dataclass

from pytest_bdd.steps import step_function_context_registry

TYPED = re.compile(r":[a-z]}")  # the parser's type of a word or a number


@dataclass(frozen=True, slots=True)
class StepEntry:
    """One step.

    Args:
        module: Of the function, e.g. "scenarios.steps.people".
        kinds: Of "given", "when", "then", in this order.
        pattern: What it reads, e.g. '{person} does "{event}"'.
        about: One sentence.
    """

    module: str
    kinds: tuple[str, ...]
    pattern: str
    about: str


def catalogue() -> list[StepEntry]:
    """The steps in the order of their patterns."""
    kinds: dict[tuple[str, str, str], set[str]] = {}
    for context in step_function_context_registry.values():
        function = context.step_func
        pattern = TYPED.sub("}", context.parser.name)
        about = (function.__doc__ or "").strip()
        kinds.setdefault((function.__module__, pattern, about), set()).add(context.type or "step")
    entries = [
        StepEntry(module, tuple(k for k in ("given", "when", "then") if k in found), pattern, about)
        for (module, pattern, about), found in kinds.items()
        if module != "pytest_bdd.plugin"
    ]
    return sorted(entries, key=lambda entry: entry.pattern)
