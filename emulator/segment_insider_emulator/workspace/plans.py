"""The tracking plan that a workspace file names."""

from collections.abc import Iterator
from pathlib import Path

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.segment.filtering.plans.file import SHAPE, read_plan
from segment_insider_emulator.segment.filtering.plans.plan import Plan
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import Finding
from segment_insider_emulator.workspace.parsing import parse


def plan_faults(document: JSONObject, path: str | Path) -> list[Finding]:
    """What keeps the plan that *document* names from being used, for `emulator lint`."""
    try:
        plan = plan_beside(document, path)
    except EmulatorError as error:
        what = f"{error.what} ({error.where})"
        return [Finding("error", "trackingPlan", what, error.remedy)]
    return [*plan_problems(plan)]


def plan_problems(plan: Plan | None) -> Iterator[Finding]:
    """Yield the rules of *plan* that cannot be checked, wholly or in part."""
    for problem in plan.problems if plan else ():
        what = f"{problem.what} ({problem.where})"
        yield Finding("warning", "trackingPlan", what, problem.remedy)


def plan_within(document: JSONObject, where: str) -> Plan | None:
    """The plan that a *document* from elsewhere than a file has in it; None when it has none.

    Raises: EmulatorError, when it names a file, or it is no plan.
    """
    plan = document.get("trackingPlan")
    if plan is None:
        return None
    place = f"{where}.trackingPlan"
    if not isinstance(plan, dict):
        what = "no file is read for a document that comes from elsewhere than a file"
        raise EmulatorError(what, place, f"Put the plan itself here. {SHAPE}")
    return read_plan(plan, place)


def plan_beside(document: JSONObject, path: str | Path) -> Plan | None:
    """The plan that the workspace *document* at *path* has or names; None when it has none.

    A relative name starts at the folder of the workspace file.
    Raises: EmulatorError, when there is no such file or it is no plan.
    """
    name = document.get("trackingPlan")
    if name is None:
        return None
    if isinstance(name, dict):
        return read_plan(name, f"{path}: trackingPlan")
    place = Path(path).parent / name
    try:
        raw = place.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        remedy = "Name a file as trackingPlan by its path from the workspace file's folder."
        what = f"the tracking plan cannot be read ({reason})"
        raise EmulatorError(what, str(place), remedy) from error
    return read_plan(parse(raw, str(place), begin=("tracking plan", SHAPE)), str(place))
