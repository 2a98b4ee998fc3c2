"""What stands below a step: its table, or its text between triple quotes."""

from collections.abc import Callable
from inspect import getdoc, signature
from textwrap import indent

from pytest_bdd.parser import Step

from segment_insider_emulator.errors import EmulatorError
from segment_insider_scenarios.catalogue import (
    ARGUMENT_NOUNS,
    LIBRARY_PACKAGE,
    find_matching_steps,
    list_steps,
)


def describe_missing_argument(argument: str, function: Callable[..., object]) -> str:
    """Say what a step needs below it, with the example of its docstring.

    Args:
        argument: One of NOUNS.
    """
    noun = ARGUMENT_NOUNS[argument]
    about, _, example = (getdoc(function) or "").partition("\n\n")
    if not example:
        return f"This step needs a {noun} below it. {about}".rstrip()
    formatted_example = example if argument == "datatable" else f'"""\n{example}\n"""'
    return f"This step needs a {noun} below it, such as:\n\n{indent(formatted_example, '  ')}"


def reject_unused_argument(step: Step, function: Callable[..., object]) -> None:
    """Refuse what stands below a step of the library that does not read it.

    Raises: EmulatorError.
    """
    if not function.__module__.startswith(LIBRARY_PACKAGE):
        return
    arguments = {"datatable": step.datatable, "docstring": step.docstring}
    for argument, value in arguments.items():
        if value is not None and argument not in signature(function).parameters:
            noun = ARGUMENT_NOUNS[argument]
            what = f"this step takes no {noun}"
            raise EmulatorError(what, step.name, _suggest_step_with_argument(step, noun))


def _suggest_step_with_argument(step: Step, noun: str) -> str:
    """The step that begins as this one and takes what stands below."""
    begun = tuple(entry.pattern for entry in find_matching_steps(step.name))
    for entry in list_steps():
        if entry.below == noun and step.type in entry.kinds and entry.pattern.startswith(begun):
            return f"With a {noun} it is: {step.type.capitalize()} {entry.pattern}"
    return f"Remove the {noun}, or choose another step."
