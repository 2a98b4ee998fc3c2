"""Known event, property and trait names of a workspace, for suggestions on misspelled names."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

import orjson

from segment_insider_emulator.insider.catalog import (
    DEFAULT_ATTRIBUTES,
    DEFAULT_EVENTS,
    DEFAULT_PARAMETERS,
    EVENT_ALIASES,
)
from segment_insider_emulator.insider.formats import load_schema_file
from segment_insider_emulator.mapping.catalog import ACTIONS
from segment_insider_emulator.mapping.segment_spec import (
    ECOMMERCE_EVENT_PROPERTIES,
    SPEC_EVENT_NAMES,
)
from segment_insider_emulator.mapping.triggers import (
    TriggerCondition,
    TriggerError,
    TriggerNode,
    iterate_conditions,
    parse_trigger,
)
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.similar_names import find_intended_name, is_misspelling
from segment_insider_emulator.types import JSON, JSONObject

# Properties of pages and traits of people in Segment's specs.
PAGE_PROPERTIES = ("name", "category", "path", "referrer", "search", "title", "url", "keywords")
_TRAIT_NAME_TEXT = (
    "address age avatar birthday city company country createdAt description email firstName gender "
    "id lastName name phone postalCode state street title username website first_name last_name "
    "industry employee_count plan"
)
SPEC_TRAITS = frozenset(_TRAIT_NAME_TEXT.split())
# The properties of these events are known for these events only; elsewhere they are too general.
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
# Name under which Track Event sends an event of the spec -> its name in the spec.
SPEC_EVENTS_BY_NORMALISED_NAME = {normalise_name(event): event for event in SPEC_EVENT_NAMES}
INSIDER_PARAMETERS_AND_ATTRIBUTES = frozenset(
    {*DEFAULT_PARAMETERS.schemas, *DEFAULT_ATTRIBUTES.schemas}
)
# Parameters and attributes whose values are always text, even if they look like numbers.
TEXT_VALUED_NAMES = frozenset(
    name
    for kind in ("parameters", "attributes")
    for name, schema in load_schema_file(kind)["properties"].items()
    if schema.get("type") == "string"
)
ALL_SPEC_NAMES = KNOWN_PROPERTIES | SPEC_TRAITS | INSIDER_EVENT_NAMES | {*SPEC_EVENT_NAMES}
CALL_NAME_ROOTS = ("type", "event", "name")  # condition roots that a call's type and name decide
MAX_CACHED_WORKSPACES = 16


def collect_known_names(workspace: JSONObject) -> "KnownNames":
    """Collect the names that a workspace's document uses."""
    return _collect_known_names_cached(orjson.dumps(workspace["destination"]["subscriptions"]))


@lru_cache(MAX_CACHED_WORKSPACES)
def _collect_known_names_cached(subscriptions: bytes) -> "KnownNames":
    return KnownNames(tuple(orjson.loads(subscriptions)))


@dataclass(frozen=True)
class KnownNames:
    """All event, property and trait names of one workspace and of both vendors' specs.

    Args:
        subscriptions: As in the document, including disabled ones.
    """

    subscriptions: tuple[JSONObject, ...]

    @cached_property
    def properties(self) -> frozenset[str]:
        """Known properties of events, pages and products."""
        return (
            KNOWN_PROPERTIES
            | self._list_read_names_below("properties")
            | self._list_read_names_below("")
        )

    def list_event_properties(self, event: str) -> frozenset[str]:
        """Return the known properties, including those the spec has for this event only."""
        return self.properties.union(ECOMMERCE_EVENT_PROPERTIES.get(event, ()))

    def suggest_event_name(self, event: str) -> str | None:
        """Suggest a known event that *event* may mean; None if it is known or unlike any."""
        known = [*SPEC_EVENT_NAMES, *self.trigger_event_names]
        if event in known:
            return None
        system_name = normalise_name(event)
        insider_names = (
            name for name in sorted(INSIDER_EVENT_NAMES) if is_misspelling(system_name, name)
        )
        return find_intended_name(event, known) or next(insider_names, None)

    def suggest_page_name(self, page: str) -> str | None:
        """Suggest a known page name that *page* may mean, as `suggest_event_name` does."""
        return find_intended_name(page, self.trigger_event_names)

    def has_misspelled_name(self, call: JSONObject) -> bool:
        """Return whether a name in a Segment call looks like a misspelled known name."""
        kind, name = call.get("type"), str(call.get("event") or call.get("name") or "")
        known = self.traits if kind == "identify" else self.list_event_properties(name)
        body = call.get("traits" if kind == "identify" else "properties")
        names = body if isinstance(body, dict) else {}
        suggest = {"track": self.suggest_event_name, "page": self.suggest_page_name}.get(str(kind))
        return bool(suggest and suggest(name)) or any(
            find_intended_name(sent_name, known) for sent_name in names
        )

    @cached_property
    def traits(self) -> frozenset[str]:
        """Known traits of identify calls."""
        return (
            SPEC_TRAITS
            | frozenset(DEFAULT_ATTRIBUTES.schemas)
            | self._list_read_names_below("traits")
        )

    @cached_property
    def trigger_event_names(self) -> frozenset[str]:
        """Event and page names that the workspace's triggers compare with."""
        conditions = (
            condition
            for _, trigger in self._event_names_and_triggers
            for condition in iterate_conditions(trigger)
        )
        return frozenset(
            str(condition.value) for condition in conditions if condition.root in ("event", "name")
        )

    @cached_property
    def fixed_insider_event_names(self) -> frozenset[str]:
        """Event names that mappings send whatever the event was called."""
        return frozenset(name for name, _ in self._event_names_and_triggers if name)

    @property
    def forwards_event_names(self) -> bool:
        """Return whether any mapping sends an event under its original name."""
        return any(name is None for name, _ in self._event_names_and_triggers)

    def list_insider_event_names(self, event: str) -> frozenset[str]:
        """Return the names under which Insider One receives the track event *event*."""
        call = {"type": "track", "event": event}
        return frozenset(
            normalise_name(event) if name is None else name
            for name, trigger in self._event_names_and_triggers
            if _can_trigger_match_call(trigger, call)
        )

    @cached_property
    def _event_names_and_triggers(self) -> list[tuple[str | None, TriggerNode]]:
        """For each mapping that sends events: the fixed event name or None, and the trigger."""
        return [
            mapping
            for definition in self.subscriptions
            for mapping in _iter_event_names_and_triggers(definition)
        ]

    def _list_read_names_below(self, root: str) -> frozenset[str]:
        """Return the names that mappings and triggers read below *root*; "" means products."""
        start = f"$.{root}." if root else ""
        paths = (
            path
            for subscription in self.subscriptions
            for path in _iterate_read_paths(_get_effective_mapping(subscription))
        )
        inner_paths = (
            path.removeprefix(start)
            for path in paths
            if path.startswith(start) and (root or not path.startswith("$"))
        )
        names = {part.partition("[")[0] for path in inner_paths for part in path.split(".")}
        return frozenset(
            names | {step for path in self._list_trigger_paths_below(root) for step in path}
        )

    def _list_trigger_paths_below(self, root: str) -> Iterator[tuple[str, ...]]:
        for definition in self.subscriptions:
            for condition in iterate_conditions(_parse_subscription_trigger(definition)):
                if condition.root == root:
                    yield condition.path


def _iter_event_names_and_triggers(
    subscription: JSONObject,
) -> Iterator[tuple[str | None, TriggerNode]]:
    slug = subscription["actionSlug"]
    trigger = _parse_subscription_trigger(subscription)
    if slug == "trackEvent":
        name = _get_effective_mapping(subscription).get("event_name")
        fixed = isinstance(name, str) and "{{" not in name
        yield (normalise_name(str(name)) if fixed else None), trigger
    elif events := ACTIONS[slug].build_user({"timestamp": ""}).get("events"):
        yield events[0]["event_name"], trigger


def _get_effective_mapping(subscription: JSONObject) -> JSONObject:
    settings: JSONObject = subscription.get(
        "settings", ACTIONS[subscription["actionSlug"]].default_mapping
    )
    return settings


def _parse_subscription_trigger(subscription: JSONObject) -> TriggerNode:
    try:
        return parse_trigger(
            subscription.get("trigger") or ACTIONS[subscription["actionSlug"]].trigger
        )
    except TriggerError:
        return None


def _can_trigger_match_call(node: TriggerNode, call: JSONObject) -> bool:
    """Return whether a call of this type and name can match the trigger."""
    if node is None:
        return False
    if isinstance(node, TriggerCondition):
        return node.root not in CALL_NAME_ROOTS or node.is_met(call)
    matches = [_can_trigger_match_call(child, call) for child in node.children]
    return all(matches) if node.operator == "and" else any(matches)


def _iterate_read_paths(value: JSON) -> Iterator[str]:
    """Yield every path that a mapping reads, e.g. "$.properties.price"."""
    children: Iterable[JSON] = ()
    if isinstance(value, dict):
        path = value.get("@path")
        if isinstance(path, str):
            yield path
        children = value.values()
    elif isinstance(value, list):
        children = value
        if value and isinstance(value[0], str) and value[0].startswith("$."):
            yield value[0]
    for child in children:
        yield from _iterate_read_paths(child)
