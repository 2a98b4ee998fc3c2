"""Inference of a tracking plan from events, in the shape of Segment's Public API.

It says what the events have, not what they should have: people review it. What every event of a
name has is required; a value has the types that were seen.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject

if TYPE_CHECKING:
    from genson import SchemaBuilder

SCHEMA_URI: Final = "http://json-schema.org/draft-07/schema#"
# Type of an event -> the object of it that a rule describes.
DESCRIBED_OBJECTS: Final = {
    "track": "properties",
    "page": "properties",
    "screen": "properties",
    "identify": "traits",
    "group": "traits",
}
MAX_EVENT_NAMES: Final = 1_000


def infer_tracking_plan(events: Iterable[JSONObject], name: str) -> JSONObject:
    """Infer a tracking plan: {"data": {"trackingPlan", "rules"}}.

    Args:
        events: As destinations receive them; other types than those of a plan are left out.
    Raises: EmulatorError, when no event fits, the names are too many, or genson is not installed.
    """
    builders: dict[tuple[str, str], _RuleBuilder] = {}
    for event in events:
        kind = event.get("type")
        if kind not in DESCRIBED_OBJECTS:
            continue
        key = str(event.get("event") or "") if kind == "track" else ""
        if (kind, key) not in builders and len(builders) == MAX_EVENT_NAMES:
            what = f"the traffic has more than {MAX_EVENT_NAMES:,} event names"
            remedy = "Names with ids in them are no names: give traffic without them."
            raise EmulatorError(what, "events", remedy)
        builders.setdefault((kind, key), _RuleBuilder(DESCRIBED_OBJECTS[kind])).add_event(event)
    if not builders:
        remedy = "Give traffic with track, identify, group, page or screen calls."
        raise EmulatorError("no event can be in a tracking plan", "events", remedy)
    rules = [
        {
            "type": kind.upper(),
            **({"key": key} if key else {}),
            "version": 1,
            "jsonSchema": builder.build_schema(),
        }
        for (kind, key), builder in sorted(builders.items())
    ]
    return {"data": {"trackingPlan": {"name": name, "type": "LIVE"}, "rules": rules}}


class _RuleBuilder:
    """Builder of the rule of one event name.

    Args:
        described: "properties" or "traits".
    """

    def __init__(self, described: str) -> None:
        self._described, self._count, self._count_with_object = described, 0, 0
        self._builder = _create_schema_builder()

    def add_event(self, event: JSONObject) -> None:
        """Add what an event of this name has."""
        value: JSON = event.get(self._described)
        self._count += 1
        if isinstance(value, dict) and value:
            self._count_with_object += 1
            self._builder.add_object(value)

    def build_schema(self) -> JSONObject:
        """Build the schema over the whole event."""
        schema = self._builder.to_schema() if self._count_with_object else {"type": "object"}
        is_always_there = self._count_with_object == self._count
        plural = "" if self._count == 1 else "s"
        return {
            "$schema": SCHEMA_URI,
            "description": f"Inferred from {self._count:,} event{plural}; not reviewed.",
            "type": "object",
            "properties": {self._described: schema},
            **({"required": [self._described]} if is_always_there else {}),
        }


def _create_schema_builder() -> "SchemaBuilder":
    try:
        from genson import SchemaBuilder
    except ImportError:
        remedy = "Run: pip install 'segment-insider-emulator[infer]'"
        raise EmulatorError("genson is not installed", "plan infer", remedy) from None
    return SchemaBuilder(schema_uri=None)
