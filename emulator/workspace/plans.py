"""The tracking plan that a workspace file names."""

from pathlib import Path

from emulator.types import JSONObject
from emulator.workspace.finding import Finding


def plan_faults(document: JSONObject, path: str | Path) -> list[Finding]:
    """What keeps the plan that *document* at *path* names from being used, for `emulator lint`.

    A relative name starts at the folder of the workspace file.
    """
    if "trackingPlan" not in document:
        return []
    place = Path(path).parent / document["trackingPlan"]
    try:
        place.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        what = f"the tracking plan cannot be read ({reason}) ({place})"
        remedy = "Name a file as trackingPlan by its path from the workspace file's folder."
        return [Finding("error", "trackingPlan", what, remedy)]
    return []
