"""Step definitions for editors: the steps as Cucumber's language service reads them.

Editors with a Cucumber extension then complete our steps and mark the unknown ones. The file is
read only; no step is run from it.
"""

import json
import re
from collections.abc import Iterable

from segment_insider_scenarios.step_catalogue import (
    PLACEHOLDER_PATTERN,
    CatalogueStep,
)

GLUE_FILE = "emulator_steps.ts"
_HEAD = """\
// The steps of segment-insider-emulator, for editors. Made by: emulator steps --glue DIR
import { Given, When, Then, defineParameterType } from '@cucumber/cucumber'
"""
# Characters that Cucumber Expressions give a meaning: optional text, alternatives and escapes.
_SPECIAL_CHARACTERS = re.compile(r"[()/\\]")
_QUOTED_PLACEHOLDER = re.compile(r'"{(\w+)}"')


def build_editor_glue(steps: Iterable[CatalogueStep]) -> str:
    """Return TypeScript with one Cucumber Expression for each of the *steps*."""
    steps = list(steps)
    names = {name for step in steps for name in PLACEHOLDER_PATTERN.findall(step.pattern)}
    parameters = "".join(map(_define_parameters, sorted(names)))
    return f"{_HEAD}\n{parameters}\n{''.join(map(_define_step, steps))}"


def _define_step(step: CatalogueStep) -> str:
    expression = _quote(_to_cucumber_expression(step.pattern))
    return f"// {step.about}\n{step.kinds[0].capitalize()}({expression}, () => {{}})\n"


def _to_cucumber_expression(pattern: str) -> str:
    escaped = _SPECIAL_CHARACTERS.sub(r"\\\g<0>", pattern)
    return _QUOTED_PLACEHOLDER.sub(r'"{\1_text}"', escaped)


def _define_parameters(name: str) -> str:
    """Return the types of a placeholder without quotes, and in quotes, where it may be empty."""
    return "".join(
        f"defineParameterType({{ name: {_quote(type_name)}, regexp: /{pattern}/ }})\n"
        for type_name, pattern in ((name, '[^"]+'), (f"{name}_text", '[^"]*'))
    )


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
