"""The tracking plan that a workspace file names."""

from collections.abc import Iterator
from pathlib import Path

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.segment.filtering.plans.file import PLAN_FORMAT_REMEDY, parse_plan
from segment_insider_emulator.segment.filtering.plans.plan import TrackingPlan
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.finding import WorkspaceFinding
from segment_insider_emulator.workspace.parsing import parse_document


def lint_tracking_plan(document: JSONObject, path: str | Path) -> list[WorkspaceFinding]:
    """What keeps the plan that *document* names from being used, for `emulator lint`."""
    try:
        plan = read_plan_of_file(document, path)
    except EmulatorError as error:
        what = f"{error.what} ({error.where})"
        return [WorkspaceFinding("error", "trackingPlan", what, error.remedy)]
    return [*list_plan_problems(plan)]


def list_plan_problems(tracking_plan: TrackingPlan | None) -> Iterator[WorkspaceFinding]:
    """Yield the rules of *plan* that cannot be checked, wholly or in part."""
    for problem in tracking_plan.problems if tracking_plan else ():
        what = f"{problem.what} ({problem.where})"
        yield WorkspaceFinding("warning", "trackingPlan", what, problem.remedy)


def read_embedded_plan(document: JSONObject, where: str) -> TrackingPlan | None:
    """The plan that a *document* from elsewhere than a file has in it; None when it has none.

    Raises: EmulatorError, when it names a file, or it is no plan.
    """
    plan = document.get("trackingPlan")
    if plan is None:
        return None
    place = f"{where}.trackingPlan"
    if not isinstance(plan, dict):
        what = "no file is read for a document that comes from elsewhere than a file"
        raise EmulatorError(what, place, f"Put the plan itself here. {PLAN_FORMAT_REMEDY}")
    return parse_plan(plan, place)


def read_plan_of_file(document: JSONObject, path: str | Path) -> TrackingPlan | None:
    """The plan that the workspace *document* at *path* has or names; None when it has none.

    A relative name starts at the folder of the workspace file.
    Raises: EmulatorError, when there is no such file or it is no plan.
    """
    name = document.get("trackingPlan")
    if name is None:
        return None
    if isinstance(name, dict):
        return parse_plan(name, f"{path}: trackingPlan")
    place = Path(path).parent / name
    try:
        raw = place.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        remedy = "Name a file as trackingPlan by its path from the workspace file's folder."
        what = f"the tracking plan cannot be read ({reason})"
        raise EmulatorError(what, str(place), remedy) from error
    return parse_plan(
        parse_document(raw, str(place), file_kind=("tracking plan", PLAN_FORMAT_REMEDY)), str(place)
    )
