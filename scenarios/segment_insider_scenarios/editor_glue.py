"""Step definitions for editors: the steps as Cucumber's language service reads them.

Editors with a Cucumber extension then complete our steps and mark the unknown ones. The file is
read only; no step is run from it.
"""

import json
import re
from collections.abc import Iterable

from pytest_bdd import parsers
from pytest_bdd.steps import StepFunctionContext, step_function_context_registry

from segment_insider_scenarios.step_catalogue import (
    PLACEHOLDER_PATTERN,
    CatalogueStep,
    is_library_function,
)

GLUE_FILE = "emulator_steps.ts"
_HEAD = """\
// The steps of segment-insider-emulator, for editors. Made by: emulator steps --glue DIR
import { Given, When, Then, defineParameterType } from '@cucumber/cucumber'
"""
_QUOTED_PLACEHOLDER = re.compile(r'"{(\w+)}"')
# Characters that a regular expression gives a meaning; an escaped one in a text is not understood.
_REGEX_CHARACTERS = re.compile(r"[.*+?^$(){}|\[\]\\/]")
_OWN_NAME, _OWN_PLACEHOLDER = "own_value", re.compile(r"{[^{}]*}")  # of a project's own steps


def build_editor_glue(steps: Iterable[CatalogueStep], own_steps: Iterable[str] = ()) -> str:
    """Return TypeScript with one definition for each of the *steps*.

    Args:
        own_steps: Definitions of a project's own steps, from `define_own_steps`.
    """
    steps = list(steps)
    names = {name for step in steps for name in PLACEHOLDER_PATTERN.findall(step.pattern)}
    parameters = "".join(map(_define_parameters, sorted({*names, _OWN_NAME})))
    definitions = "".join(map(_define_step, steps))
    return f"{_HEAD}\n{parameters}\n{definitions}{''.join(own_steps)}"


def define_own_steps() -> list[str]:
    """Return a definition of each registered step that is not of the library."""
    contexts = step_function_context_registry.values()
    return sorted(
        {
            _define_own_step(context)
            for context in contexts
            if not is_library_function(context.step_func)
            and not context.step_func.__module__.startswith("pytest_bdd.")
        }
    )


def _define_own_step(context: StepFunctionContext) -> str:
    """Return a definition of a project's step, as a regular expression where it needs one."""
    keyword = (context.type or "given").capitalize()
    name = context.parser.name
    if isinstance(context.parser, parsers.re):
        plain = re.sub(r"\(\?P<\w+>", "(", name).replace("/", r"\/")
        return f"{keyword}(/^{plain}$/, () => {{}})\n"
    is_plain = isinstance(context.parser, parsers.string)
    texts = [name] if is_plain else _OWN_PLACEHOLDER.split(name)
    if any(map(_REGEX_CHARACTERS.search, texts)):
        escaped = (_REGEX_CHARACTERS.sub(r"\\\g<0>", text) for text in texts)
        return f"{keyword}(/^{'(.*)'.join(escaped)}$/, () => {{}})\n"
    expression = f"{{{_OWN_NAME}}}".join(texts)
    expression = _QUOTED_PLACEHOLDER.sub(r'"{\1_text}"', expression)
    return f"{keyword}({_quote(expression)}, () => {{}})\n"


def _define_step(step: CatalogueStep) -> str:
    expression = _quote(_QUOTED_PLACEHOLDER.sub(r'"{\1_text}"', step.pattern))
    return f"// {step.about}\n{step.kinds[0].capitalize()}({expression}, () => {{}})\n"


def _define_parameters(name: str) -> str:
    """Return the types of a placeholder without quotes, and in quotes, where it may be empty."""
    return "".join(
        f"defineParameterType({{ name: {_quote(type_name)}, regexp: /{pattern}/ }})\n"
        for type_name, pattern in ((name, '[^"]+'), (f"{name}_text", '[^"]*'))
    )


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
