"""What a journey did with somebody, for steps and for whoever reads a failed one."""

from emulator.types import JSON, JSONObject
from scenarios.scene import Scene
from scenarios.tables import flattened


def entries(scene: Scene, journey: str, name: str | None = None) -> list[JSONObject]:
    """The trail of somebody, or of everybody, over all runs; the run that began first is first."""
    return [entry for run in scene.runs(journey, name) for entry in run["trail"]]


def values(entry: JSONObject) -> dict[str, JSON]:
    """Column -> value: its kind, its sentence and its details by place, e.g. "event.event_name"."""
    return {"kind": entry["kind"], "what": entry["what"], **flattened(entry["details"])}


def told(scene: Scene, journey: str, name: str | None = None) -> list[str]:
    """The trails as people read them, with a blank line behind each."""
    runs = scene.runs(journey, name)
    if not runs:
        return [f"{name or 'Nobody'} {'never ' if name else ''}entered {journey}.", ""]
    lines = []
    for run in runs:
        status = run["status"].replace("_", " ")
        lines += [f"The trail{f' of {name}' if name else ''} in {journey}, {status}:"]
        lines += [f"  {entry['at']}  {entry['what']}" for entry in run["trail"]]
        lines += [""]
    return lines
