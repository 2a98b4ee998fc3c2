"""All steps that are registered, the library's own and those of a project."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from inspect import getdoc, signature

from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

from segment_insider_scenarios.likeness import step_similarity
from segment_insider_scenarios.steps import THEMES

LIBRARY_PACKAGE = "segment_insider_scenarios.steps"
PARSER_TYPE = re.compile(r":[a-z]}")  # the parser's type of a word or a number
MAX_SUGGESTIONS = 3
MIN_SUGGESTION_SIMILARITY = 0.35
STEP_KINDS = ("given", "when", "then")
PLACEHOLDER_PATTERN = re.compile(r"{(\w+)}")
# What stands for a placeholder in an example.
EXAMPLE_VALUES = {
    "address": "ada@shop.example",
    "call": "Order Completed",
    "cart": "c-9",
    "category": "Kitchen",
    "channel": "email",
    "channels": "email and sms",
    "checkout": "k-3",
    "count": "2",
    "currency": "EUR",
    "device": "phone",
    "end": "completed",
    "event": "Wish Listed",
    "event_name": "wish_listed",
    "file": "shop.ndjson",
    "goal": "Purchase",
    "group": "acme",
    "journey": "Welcome",
    "length": "45 minutes",
    "locale": "de_DE",
    "mapping": "Order Completed Event",
    "name": "Web shop",
    "now": "2026-11-23T12:00:00Z",
    "order": "o-17",
    "page": "Home",
    "path": "/v1/track",
    "person": "Ada",
    "previous": "guest-7",
    "reason": "event_group_id parameter is required",
    "role": "Administrator",
    "screen": "Home",
    "status": "503",
    "type": "Source",
    "verdict": "accepted",
    "why": "email_optin is absent",
    "workspace": "segment-defaults",
}
# Step -> what stands for its placeholders where the others would not do.
EXAMPLE_VALUES_BY_STEP = {
    'InOne refuses because "{reason}"': {"reason": "cannot make changes"},
    '{person} disables the mapping "{name}"': {"name": "Order Completed Event"},
    '{person} enables the mapping "{name}"': {"name": "Order Completed Event"},
    '{person} enters the journey "{journey}" because of "{event}"': {
        "journey": "Cart abandonment",
        "event": "item_added_to_cart",
    },
    '{person} leaves the journey "{journey}" because of "{event}"': {
        "journey": "Cart abandonment",
        "event": "confirmation_page_view",
    },
    'the call "{call}" ends as {verdict} because "{reason}"': {
        "call": "Cart Viewed",
        "verdict": "dropped",
    },
}
# What pytest-bdd calls that which stands below a step -> what people call it.
ARGUMENT_NOUNS = {"datatable": "table", "docstring": "text"}


@dataclass(frozen=True, slots=True)
class StepEntry:
    """One step.

    Args:
        module: Of the function, e.g. "segment_insider_scenarios.steps.people".
        kinds: Of "given", "when", "then", in this order.
        pattern: What it reads, e.g. '{person} does "{event}"'.
        about: One sentence.
        below: "table" or "text", when it needs one below it.
        shown: An example of what stands below it; empty when nothing does, or none is known.
    """

    module: str
    kinds: tuple[str, ...]
    pattern: str
    about: str
    below: str | None
    shown: str

    @property
    def theme(self) -> str:
        """The last part of its module, e.g. "people"."""
        return self.module.rpartition(".")[2]

    @property
    def example(self) -> str:
        """The step as a feature has it, with what stands below it."""
        values = EXAMPLE_VALUES | EXAMPLE_VALUES_BY_STEP.get(self.pattern, {})
        words = PLACEHOLDER_PATTERN.sub(lambda found: values.get(found[1], found[0]), self.pattern)
        lines = [f"{self.kinds[-1].capitalize()} {words}", *self._format_argument()]
        return "\n".join(lines)

    def _format_argument(self) -> list[str]:
        if not self.shown:
            return []
        if self.below == "table":
            return [f"  {line}" for line in self.shown.splitlines()]
        quoted = ['"""', *self.shown.splitlines(), '"""']
        return [f"  {line}" for line in quoted]


def list_steps() -> list[StepEntry]:
    """The steps in the order of their patterns."""
    kinds: dict[tuple[str, str, str, str | None, str], set[str]] = {}
    for context in step_function_context_registry.values():
        function = context.step_func
        about, _, example = (getdoc(function) or "").partition("\n\n")
        below = _argument_noun(function)
        entry = (
            function.__module__,
            _readable_pattern(context),
            about,
            below,
            example if below else "",
        )
        kinds.setdefault(entry, set()).add(context.type or "step")
    entries = [
        StepEntry(module, tuple(k for k in STEP_KINDS if k in found), pattern, about, below, shown)
        for (module, pattern, about, below, shown), found in kinds.items()
        if module != "pytest_bdd.plugin"
    ]
    return sorted(entries, key=lambda entry: entry.pattern)


def list_library_steps() -> list[StepEntry]:
    """The library's own steps, theme by theme in the order of its page."""
    for theme in THEMES:
        import_module(f"{LIBRARY_PACKAGE}.{theme}")
    module_order = {f"{LIBRARY_PACKAGE}.{theme}": at for at, theme in enumerate(THEMES)}
    entries = [entry for entry in list_steps() if entry.module in module_order]
    return sorted(entries, key=lambda entry: (module_order[entry.module], entry.pattern))


def is_library_step(name: str) -> bool:
    """Whether a step of the library would read *name*."""
    return any(context.parser.is_matching(name) for context in _library_step_contexts())


def find_matching_steps(name: str) -> list[StepEntry]:
    """The steps, of whatever kind, that would read *name*, e.g. 'Ada does "Wish Listed"'."""
    patterns = {
        _readable_pattern(context)
        for context in step_function_context_registry.values()
        if context.parser.is_matching(name)
    }
    return [entry for entry in list_steps() if entry.pattern in patterns]


def find_matching_patterns(name: str, kind: str) -> set[str]:
    """The patterns of *kind* that would read *name*, as the parser has them."""
    return {
        context.parser.name
        for context in step_function_context_registry.values()
        if context.type in (kind, None) and context.parser.is_matching(name)
    }


def suggest_steps(words: str, kind: str | None = None) -> list[str]:
    """The patterns of *kind*, or of any, that come nearest to *words*, best first."""
    patterns = [each.pattern for each in list_steps() if kind in (None, *each.kinds)]
    scored_patterns = sorted(
        ((step_similarity(words, each), each) for each in patterns), reverse=True
    )
    return [
        each
        for score, each in scored_patterns[:MAX_SUGGESTIONS]
        if score >= MIN_SUGGESTION_SIMILARITY
    ]


def best_library_similarity(words: str) -> float:
    """Return how much *words* are like the nearest pattern of the library."""
    return max(
        (step_similarity(words, _readable_pattern(each)) for each in _library_step_contexts()),
        default=0.0,
    )


def _readable_pattern(context: StepFunctionContext) -> str:
    return PARSER_TYPE.sub("}", context.parser.name)


def _library_step_contexts() -> Iterator[StepFunctionContext]:
    """The steps of the library."""
    for context in step_function_context_registry.values():
        if context.step_func.__module__.startswith(LIBRARY_PACKAGE):
            yield context


def _argument_noun(function: Callable[..., object]) -> str | None:
    nouns = (
        noun
        for argument, noun in ARGUMENT_NOUNS.items()
        if argument in signature(function).parameters
    )
    return next(nouns, None)
