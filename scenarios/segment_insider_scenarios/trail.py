"""What a journey did with somebody, for steps and for whoever reads a failed one."""

from datetime import timedelta

from segment_insider_emulator.segment.times import parse_iso_time
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_scenarios.scene import ScenarioContext
from segment_insider_scenarios.tables import flatten_values

# The app's clock says when an event happened, Insider One's when it moved somebody: the effect of
# an event may seem to come before it, by less than this.
MAX_CLOCK_DIFFERENCE = timedelta(seconds=1)


def list_trail_entries(
    scene: ScenarioContext, journey: str, name: str | None = None
) -> list[JSONObject]:
    """The trail of somebody, or of everybody, over all runs; the run that began first is first."""
    return [entry for run in scene.list_journey_runs(journey, name) for entry in run["trail"]]


def trail_entry_columns(entry: JSONObject) -> dict[str, JSON]:
    """Column -> value: its kind, its sentence and its details by place, e.g. "event.event_name"."""
    return {"kind": entry["kind"], "what": entry["what"], **flatten_values(entry["details"])}


def format_trails(scene: ScenarioContext, journey: str, name: str | None = None) -> list[str]:
    """The trails as people read them, with a blank line behind each."""
    runs = scene.list_journey_runs(journey, name)
    if not runs:
        return [f"{name or 'Nobody'} {'never ' if name else ''}entered {journey}.", ""]
    lines = []
    for run in runs:
        status = run["status"].replace("_", " ")
        lines += [f"The trail{f' of {name}' if name else ''} in {journey}, {status}:"]
        lines += [f"  {entry['at']}  {_format_trail_entry(entry)}" for entry in run["trail"]]
        lines += [""]
    return lines


def _format_trail_entry(entry: JSONObject) -> str:
    """Return what happened, with the time of its event only where that is another time."""
    what: str = entry["what"]
    happened_at = entry["details"].get("event", {}).get("timestamp")
    event, moved = parse_iso_time(happened_at), parse_iso_time(entry["at"])
    if event is None or moved is None or abs(event - moved) >= MAX_CLOCK_DIFFERENCE:
        return what
    return what.replace(f" at {happened_at}", "", 1)
