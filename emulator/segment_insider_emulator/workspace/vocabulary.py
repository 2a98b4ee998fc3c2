"""The names that a workspace and the specs of both sides know."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import orjson

from segment_insider_emulator.insider.catalog import ALIASES, DEFAULT_EVENTS
from segment_insider_emulator.insider.documents import document
from segment_insider_emulator.insider.values import ATTRIBUTES, PARAMETERS
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.triggers import Condition, Node, TriggerError, parse
from segment_insider_emulator.mapping.upserts import normalised
from segment_insider_emulator.near_misses import is_slip, nearest
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.lint.conditions import conditions
from segment_insider_emulator.workspace.lint.spec import ECOMMERCE, EVENTS

# What Segment's specs say pages and people carry.
PAGE = ("name", "category", "path", "referrer", "search", "title", "url", "keywords")
_TRAITS = (
    "address age avatar birthday city company country createdAt description email firstName gender "
    "id lastName name phone postalCode state street title username website first_name last_name "
    "industry employee_count plan"
)
TRAITS = frozenset(_TRAITS.split())
# Events whose properties are known for them alone: a shop may well have a "season".
_RARE = ("Coupon Denied", "Product Shared", "Cart Shared", "Product Reviewed")
PROPERTIES = frozenset(
    {*PAGE, *(name for event in ECOMMERCE.keys() - _RARE for name in ECOMMERCE[event])}
) | frozenset(PARAMETERS.known)
INSIDER_EVENTS = frozenset({*DEFAULT_EVENTS, *ALIASES})
# Of every event of the spec: the name under which Track Event sends it -> its own name.
SPEC_EVENTS = {normalised(event): event for event in EVENTS}
INSIDER_NAMES = frozenset({*PARAMETERS.known, *ATTRIBUTES.known})
# The parameters, attributes and identifiers that are texts, also where they look like numbers.
TEXTS = frozenset(
    name
    for kind in ("parameters", "attributes")
    for name, schema in document(kind)["properties"].items()
    if schema.get("type") == "string"
)
NAMES = PROPERTIES | TRAITS | INSIDER_EVENTS | {*EVENTS}
NAMING = ("type", "event", "name")  # the roots of a condition that decide which calls are taken
WORKSPACES = 16  # whose vocabulary is remembered


def vocabulary_of(workspace: JSONObject) -> "Vocabulary":
    """Read the names of a workspace's document."""
    return _vocabulary(orjson.dumps(workspace["destination"]["subscriptions"]))


@lru_cache(WORKSPACES)
def _vocabulary(subscriptions: bytes) -> "Vocabulary":
    return Vocabulary(tuple(orjson.loads(subscriptions)))


@dataclass(frozen=True)
class Vocabulary:
    """The names of one workspace.

    Args:
        subscriptions: As the document has them, the disabled ones among them.
    """

    subscriptions: tuple[JSONObject, ...]

    @cached_property
    def properties(self) -> frozenset[str]:
        """Properties of events, pages and products."""
        return PROPERTIES | self._read("properties") | self._read("")

    def properties_of(self, event: str) -> frozenset[str]:
        """Return the properties, with those that the spec has for this event alone."""
        return self.properties.union(ECOMMERCE.get(event, ()))

    def nearest_event(self, event: str) -> str | None:
        """Return the known event that *event* may mean; None when it is known, or like none."""
        known = [*EVENTS, *self.called]
        if event in known:
            return None
        system_name = normalised(event)
        own = (name for name in sorted(INSIDER_EVENTS) if is_slip(system_name, name))
        return nearest(event, known) or next(own, None)

    def nearest_page(self, page: str) -> str | None:
        """Return the known page that *page* may mean, as `nearest_event` does."""
        return nearest(page, self.called)

    def has_slip(self, call: JSONObject) -> bool:
        """Check whether a name of *call* may mean a known one."""
        kind, name = call.get("type"), str(call.get("event") or call.get("name") or "")
        known = self.traits if kind == "identify" else self.properties_of(name)
        body = call.get("traits" if kind == "identify" else "properties")
        names = body if isinstance(body, dict) else {}
        near = {"track": self.nearest_event, "page": self.nearest_page}.get(str(kind))
        return bool(near and near(name)) or any(nearest(each, known) for each in names)

    @cached_property
    def traits(self) -> frozenset[str]:
        """Traits of an identify call."""
        return TRAITS | frozenset(ATTRIBUTES.known) | self._read("traits")

    @cached_property
    def called(self) -> frozenset[str]:
        """The names of events and pages that triggers compare with."""
        found = (each for _, trigger in self._taken for each in conditions(trigger))
        return frozenset(str(each.value) for each in found if each.root in ("event", "name"))

    @cached_property
    def made(self) -> frozenset[str]:
        """The names under which Insider One gets events whatever they were called."""
        return frozenset(name for name, _ in self._taken if name)

    @property
    def takes_own_names(self) -> bool:
        """Whether any mapping sends an event under the name that the shop gave it."""
        return any(name is None for name, _ in self._taken)

    def arriving(self, event: str) -> frozenset[str]:
        """Return the names under which Insider One gets the track event *event* of a shop."""
        call = {"type": "track", "event": event}
        return frozenset(
            normalised(event) if name is None else name
            for name, trigger in self._taken
            if _may_hold(trigger, call)
        )

    @cached_property
    def _taken(self) -> list[tuple[str | None, Node]]:
        """Of each mapping that makes events: their name, None for the shop's, and the trigger."""
        return [each for definition in self.subscriptions for each in _events_of(definition)]

    def _read(self, root: str) -> frozenset[str]:
        """The names that mappings and triggers read below *root*; without one, of products."""
        start = f"$.{root}." if root else ""
        found = (path for each in self.subscriptions for path in _paths(_settings(each)))
        inside = (
            path.removeprefix(start)
            for path in found
            if path.startswith(start) and (root or not path.startswith("$"))
        )
        named = {part.partition("[")[0] for path in inside for part in path.split(".")}
        return frozenset(named | {step for path in self._compared(root) for step in path})

    def _compared(self, root: str) -> Iterator[tuple[str, ...]]:
        for definition in self.subscriptions:
            for each in conditions(_trigger(definition)):
                if each.root == root:
                    yield each.path


def _events_of(definition: JSONObject) -> Iterator[tuple[str | None, Node]]:
    slug = definition["actionSlug"]
    trigger = _trigger(definition)
    if slug == "trackEvent":
        name = _settings(definition).get("event_name")
        fixed = isinstance(name, str) and "{{" not in name
        yield (normalised(str(name)) if fixed else None), trigger
    elif events := ACTIONS[slug].user({"timestamp": ""}).get("events"):
        yield events[0]["event_name"], trigger


def _settings(definition: JSONObject) -> JSONObject:
    settings: JSONObject = definition.get(
        "settings", ACTIONS[definition["actionSlug"]].default_mapping
    )
    return settings


def _trigger(definition: JSONObject) -> Node:
    try:
        return parse(definition.get("trigger") or ACTIONS[definition["actionSlug"]].trigger)
    except TriggerError:
        return None


def _may_hold(node: Node, call: JSONObject) -> bool:
    """Whether a call with this type and name can meet the trigger, whatever else it carries."""
    if node is None:
        return False
    if isinstance(node, Condition):
        return node.root not in NAMING or node.holds(call)
    found = [_may_hold(child, call) for child in node.children]
    return all(found) if node.operator == "and" else any(found)


def _paths(value: JSON) -> Iterator[str]:
    """Every path that a mapping reads, e.g. "$.properties.price", or "price" of a product."""
    inside: Iterable[JSON] = ()
    if isinstance(value, dict):
        path = value.get("@path")
        if isinstance(path, str):
            yield path
        inside = value.values()
    elif isinstance(value, list):
        inside = value
        if value and isinstance(value[0], str) and value[0].startswith("$."):
            yield value[0]
    for each in inside:
        yield from _paths(each)
