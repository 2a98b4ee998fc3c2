"""The names that a workspace and the specs of both sides know."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import orjson

from segment_insider_emulator.analysis.context import iterate_conditions
from segment_insider_emulator.insider.catalog import (
    DEFAULT_ATTRIBUTES,
    DEFAULT_EVENTS,
    DEFAULT_PARAMETERS,
    EVENT_ALIASES,
)
from segment_insider_emulator.insider.formats import load_json_document
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.segment_spec import (
    ECOMMERCE_EVENT_PROPERTIES,
    SPEC_EVENT_NAMES,
)
from segment_insider_emulator.mapping.triggers import (
    TriggerCondition,
    TriggerError,
    TriggerNode,
    parse_trigger,
)
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.similar_names import find_intended_name, is_misspelling
from segment_insider_emulator.types import JSON, JSONObject

# What Segment's specs say pages and people carry.
PAGE_PROPERTIES = ("name", "category", "path", "referrer", "search", "title", "url", "keywords")
_TRAIT_NAME_TEXT = (
    "address age avatar birthday city company country createdAt description email firstName gender "
    "id lastName name phone postalCode state street title username website first_name last_name "
    "industry employee_count plan"
)
SPEC_TRAITS = frozenset(_TRAIT_NAME_TEXT.split())
# Events whose properties are known for them alone: a shop may well have a "season".
_EVENTS_WITH_RARE_PROPERTIES = (
    "Coupon Denied",
    "Product Shared",
    "Cart Shared",
    "Product Reviewed",
)
KNOWN_PROPERTIES = frozenset(
    {
        *PAGE_PROPERTIES,
        *(
            name
            for event in ECOMMERCE_EVENT_PROPERTIES.keys() - _EVENTS_WITH_RARE_PROPERTIES
            for name in ECOMMERCE_EVENT_PROPERTIES[event]
        ),
    }
) | frozenset(DEFAULT_PARAMETERS.schemas)
INSIDER_EVENT_NAMES = frozenset({*DEFAULT_EVENTS, *EVENT_ALIASES})
# Of every event of the spec: the name under which Track Event sends it -> its own name.
SPEC_EVENTS_BY_NORMALISED_NAME = {normalise_name(event): event for event in SPEC_EVENT_NAMES}
INSIDER_PARAMETERS_AND_ATTRIBUTES = frozenset(
    {*DEFAULT_PARAMETERS.schemas, *DEFAULT_ATTRIBUTES.schemas}
)
# The parameters, attributes and identifiers that are texts, also where they look like numbers.
TEXT_VALUED_NAMES = frozenset(
    name
    for kind in ("parameters", "attributes")
    for name, schema in load_json_document(kind)["properties"].items()
    if schema.get("type") == "string"
)
ALL_SPEC_NAMES = KNOWN_PROPERTIES | SPEC_TRAITS | INSIDER_EVENT_NAMES | {*SPEC_EVENT_NAMES}
CALL_NAME_ROOTS = (
    "type",
    "event",
    "name",
)  # the roots of a condition that decide which calls are taken
MAX_CACHED_WORKSPACES = 16  # whose vocabulary is remembered


def collect_known_names(workspace: JSONObject) -> "KnownNames":
    """Read the names of a workspace's document."""
    return _cached_known_names(orjson.dumps(workspace["destination"]["subscriptions"]))


@lru_cache(MAX_CACHED_WORKSPACES)
def _cached_known_names(subscriptions: bytes) -> "KnownNames":
    return KnownNames(tuple(orjson.loads(subscriptions)))


@dataclass(frozen=True)
class KnownNames:
    """The names of one workspace.

    Args:
        subscriptions: As the document has them, the disabled ones among them.
    """

    subscriptions: tuple[JSONObject, ...]

    @cached_property
    def properties(self) -> frozenset[str]:
        """Properties of events, pages and products."""
        return KNOWN_PROPERTIES | self._names_below("properties") | self._names_below("")

    def properties_of(self, event: str) -> frozenset[str]:
        """Return the properties, with those that the spec has for this event alone."""
        return self.properties.union(ECOMMERCE_EVENT_PROPERTIES.get(event, ()))

    def suggest_event(self, event: str) -> str | None:
        """Return the known event that *event* may mean; None when it is known, or like none."""
        known = [*SPEC_EVENT_NAMES, *self.trigger_event_names]
        if event in known:
            return None
        system_name = normalise_name(event)
        own = (name for name in sorted(INSIDER_EVENT_NAMES) if is_misspelling(system_name, name))
        return find_intended_name(event, known) or next(own, None)

    def suggest_page(self, page: str) -> str | None:
        """Return the known page that *page* may mean, as `nearest_event` does."""
        return find_intended_name(page, self.trigger_event_names)

    def has_misspelled_name(self, call: JSONObject) -> bool:
        """Check whether a name of *call* may mean a known one."""
        kind, name = call.get("type"), str(call.get("event") or call.get("name") or "")
        known = self.traits if kind == "identify" else self.properties_of(name)
        body = call.get("traits" if kind == "identify" else "properties")
        names = body if isinstance(body, dict) else {}
        near = {"track": self.suggest_event, "page": self.suggest_page}.get(str(kind))
        return bool(near and near(name)) or any(find_intended_name(each, known) for each in names)

    @cached_property
    def traits(self) -> frozenset[str]:
        """Traits of an identify call."""
        return SPEC_TRAITS | frozenset(DEFAULT_ATTRIBUTES.schemas) | self._names_below("traits")

    @cached_property
    def trigger_event_names(self) -> frozenset[str]:
        """The names of events and pages that triggers compare with."""
        found = (
            each for _, trigger in self._event_mappings for each in iterate_conditions(trigger)
        )
        return frozenset(str(each.value) for each in found if each.root in ("event", "name"))

    @cached_property
    def fixed_insider_event_names(self) -> frozenset[str]:
        """The names under which Insider One gets events whatever they were called."""
        return frozenset(name for name, _ in self._event_mappings if name)

    @property
    def forwards_event_names(self) -> bool:
        """Whether any mapping sends an event under the name that the shop gave it."""
        return any(name is None for name, _ in self._event_mappings)

    def insider_names_of_event(self, event: str) -> frozenset[str]:
        """Return the names under which Insider One gets the track event *event* of a shop."""
        call = {"type": "track", "event": event}
        return frozenset(
            normalise_name(event) if name is None else name
            for name, trigger in self._event_mappings
            if _can_match_call(trigger, call)
        )

    @cached_property
    def _event_mappings(self) -> list[tuple[str | None, TriggerNode]]:
        """Of each mapping that makes events: their name, None for the shop's, and the trigger."""
        return [
            each for definition in self.subscriptions for each in _insider_events_of(definition)
        ]

    def _names_below(self, root: str) -> frozenset[str]:
        """The names that mappings and triggers read below *root*; without one, of products."""
        start = f"$.{root}." if root else ""
        found = (
            path for each in self.subscriptions for path in _iterate_read_paths(_mapping_of(each))
        )
        inside = (
            path.removeprefix(start)
            for path in found
            if path.startswith(start) and (root or not path.startswith("$"))
        )
        named = {part.partition("[")[0] for path in inside for part in path.split(".")}
        return frozenset(named | {step for path in self._compared_paths(root) for step in path})

    def _compared_paths(self, root: str) -> Iterator[tuple[str, ...]]:
        for definition in self.subscriptions:
            for each in iterate_conditions(_parsed_trigger_of(definition)):
                if each.root == root:
                    yield each.path


def _insider_events_of(subscription: JSONObject) -> Iterator[tuple[str | None, TriggerNode]]:
    slug = subscription["actionSlug"]
    trigger = _parsed_trigger_of(subscription)
    if slug == "trackEvent":
        name = _mapping_of(subscription).get("event_name")
        fixed = isinstance(name, str) and "{{" not in name
        yield (normalise_name(str(name)) if fixed else None), trigger
    elif events := ACTIONS[slug].build_user({"timestamp": ""}).get("events"):
        yield events[0]["event_name"], trigger


def _mapping_of(subscription: JSONObject) -> JSONObject:
    settings: JSONObject = subscription.get(
        "settings", ACTIONS[subscription["actionSlug"]].default_mapping
    )
    return settings


def _parsed_trigger_of(subscription: JSONObject) -> TriggerNode:
    try:
        return parse_trigger(
            subscription.get("trigger") or ACTIONS[subscription["actionSlug"]].trigger
        )
    except TriggerError:
        return None


def _can_match_call(node: TriggerNode, call: JSONObject) -> bool:
    """Whether a call with this type and name can meet the trigger, whatever else it carries."""
    if node is None:
        return False
    if isinstance(node, TriggerCondition):
        return node.root not in CALL_NAME_ROOTS or node.is_met(call)
    found = [_can_match_call(child, call) for child in node.children]
    return all(found) if node.operator == "and" else any(found)


def _iterate_read_paths(value: JSON) -> Iterator[str]:
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
        yield from _iterate_read_paths(each)
