"""Where a scenario failed, and what an unknown step may have meant."""

from difflib import get_close_matches
from pathlib import Path

from pytest_bdd.parser import Scenario, Step

from scenarios.catalogue import catalogue

MOST_SUGGESTIONS = 3


def located(scenario: Scenario, failed: Step) -> str:
    """The scenario's steps, with `>` at the one that failed."""
    lines = [f"{Path(scenario.feature.filename).name}:{failed.line_number}: {scenario.name}"]
    for step in scenario.steps:
        same = (step.line_number, step.name) == (failed.line_number, failed.name)
        lines.append(f"{'>' if same else ' '} {step.keyword.strip():5} {step.name}")
    return "\n".join(lines)


def unknown_step(step: Step) -> str:
    """Say that no step is called so, and which come near."""
    kind = step.type.capitalize()
    known = [entry.pattern for entry in catalogue() if step.type in entry.kinds]
    near = get_close_matches(step.name, known, n=MOST_SUGGESTIONS, cutoff=0.4)
    lead = "Did you mean one of these?" if near else f"These are the {kind} steps:"
    listed = "\n".join(f"  {kind} {pattern}" for pattern in near or known)
    return f"No step is called so: {kind} {step.name}\n\n{lead}\n{listed}"
