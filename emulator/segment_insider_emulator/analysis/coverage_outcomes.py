"""What one event becomes with one subscription: the values at Insider One, and what is lost."""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import Literal

from segment_insider_emulator.analysis.context import LocatedSubscription
from segment_insider_emulator.analysis.drift.traffic_stats import (
    is_empty_value,
    list_paths_with_value,
)
from segment_insider_emulator.analysis.mapping_paths import (
    LITERAL_MARKER,
    list_event_paths_of_value,
    list_mapped_values,
    list_read_paths,
)
from segment_insider_emulator.clock import utc_now
from segment_insider_emulator.insider.formats import parse_rfc3339
from segment_insider_emulator.insider.identity import build_identity_rules
from segment_insider_emulator.insider.users import parse_user
from segment_insider_emulator.insider.validation import validate_user
from segment_insider_emulator.mapping.destination import (
    MAPPING_ERRORS,
    InsiderRequest,
    MappingFailure,
)
from segment_insider_emulator.mapping.directives import compile_mapping, is_directive
from segment_insider_emulator.mapping.javascript import MISSING, equals_empty_text
from segment_insider_emulator.mapping.upserts import (
    PROFILE_ATTRIBUTE_NAMES,
    ROOT_ATTRIBUTES,
    normalise_name,
)
from segment_insider_emulator.mapping.validation import Resolver
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.model import Workspace

# Field of an attribute -> the identifier that it is too, and the switch that makes it one.
_IDENTIFYING_FIELDS = {
    "email": ("email", "email_as_identifier"),
    "phone": ("phone_number", "phone_number_as_identifier"),
}
_PARAMETER_FIELDS = ("parameters", "products")


@dataclass(frozen=True, slots=True)
class PersonValue:
    """A value about a person, by its keys in a user of an upsert, e.g. ("attributes", "age")."""

    keys: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return its name at Insider One, e.g. "age" or "custom.tier"."""
        return ".".join(self.keys[1:])

    @property
    def group(self) -> Literal["Attributes", "Identifiers", "Opt-ins"]:
        """Return the group of the coverage report that it belongs to."""
        if self.keys[0] == "identifiers":
            return "Identifiers"
        return "Opt-ins" if self.keys[-1].endswith("_optin") else "Attributes"


def list_person_values(subscription: LocatedSubscription) -> dict[PersonValue, set[str]]:
    """Return the values about the person that a mapping writes, with the event paths it reads."""
    values: dict[PersonValue, set[str]] = {}
    mapping = subscription.mapping
    for keys, value_mapping in list_mapped_values(mapping).items():
        target = _find_person_value(mapping, keys, subscription.action_slug)
        if target and value_mapping is not None:
            values.setdefault(target, set()).update(list_event_paths_of_value(mapping, keys))
    return values


def _find_person_value(
    mapping: JSONObject, keys: tuple[str, ...], action_slug: str
) -> PersonValue | None:
    match keys:
        case ("uuid",):
            return PersonValue(("identifiers", "uuid"))
        case ("segment_anonymous_id",):
            return PersonValue(("identifiers", "custom", "segment_anonymous_id"))
        case ("custom_identifiers", name):
            return PersonValue(("identifiers", "custom", name))
        case ("attributes", name):
            return _find_attribute(mapping, name, name)
        case (name,) if action_slug == "updateUserProfile" and name in PROFILE_ATTRIBUTE_NAMES:
            return _find_attribute(mapping, name, PROFILE_ATTRIBUTE_NAMES[name])
        case ("custom", name):
            return PersonValue(("attributes", "custom", name))
        case _:
            return None


def _find_attribute(mapping: JSONObject, field: str, name: str) -> PersonValue:
    if field in _IDENTIFYING_FIELDS:
        identifier, switch = _IDENTIFYING_FIELDS[field]
        if mapping.get(switch):
            return PersonValue(("identifiers", identifier))
    is_default = name in ROOT_ATTRIBUTES or name in PROFILE_ATTRIBUTE_NAMES.values()
    return PersonValue(
        ("attributes", name) if is_default else ("attributes", "custom", normalise_name(name))
    )


def list_unfilled_fields(
    mapping: JSONObject, present_paths: Set[str], filled_parameters: Set[str]
) -> dict[str, set[str]]:
    """Return the parameters that a mapping never filled, e.g. "products.sku", with their paths.

    Args:
        present_paths: Paths with a value in some event, and their parents.
        filled_parameters: Names of the parameters that Insider One received with a value.
    """
    unfilled = {}
    for keys in list_mapped_values(mapping):
        if keys[0] not in _PARAMETER_FIELDS or len(keys) < 2:
            continue
        paths = list_event_paths_of_value(mapping, keys)
        if not paths - {"", LITERAL_MARKER} or LITERAL_MARKER in paths:
            continue
        is_sent = not paths.isdisjoint(present_paths)
        if not is_sent or normalise_name(keys[1]) not in filled_parameters:
            unfilled[".".join(keys)] = paths
    return unfilled


def list_filled_parameters(user: JSONObject) -> Iterator[str]:
    """Yield the names of event parameters with a value in a user of an upsert."""
    for event in user.get("events", ()):
        params = event["event_params"]
        for name, value in (*params.items(), *params.get("custom", {}).items()):
            if not is_empty_value(value):
                yield name


def sort_paths_as_sent(paths: Iterable[str]) -> list[str]:
    """Sort event paths: those that people send in calls first, those that SDKs add last."""
    roots = ("traits", "properties", "context")
    return sorted(
        paths,
        key=lambda path: (
            roots.index(root) if (root := path.split(".")[0]) in roots else -1,
            path.lower(),
        ),
    )


@dataclass(frozen=True, slots=True)
class EventOutcome:
    """What a subscription makes of an event.

    Args:
        user: The user of the upsert; None when Segment or Insider One refuses it.
        problems: Place in the user, e.g. "attributes.age" or "" for all of it, and a sentence.
    """

    user: JSONObject | None
    problems: list[tuple[str, str]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """Return the sentences of the problems."""
        return [text for _, text in self.problems]

    @property
    def filled_parameters(self) -> set[str]:
        """Names of the event parameters that have a value."""
        return set(list_filled_parameters(self.user)) if self.user else set()

    def has_value(self, value: PersonValue) -> bool:
        """Return whether Insider One received a value about the person."""
        found: JSON = self.user
        for key in value.keys:
            found = found.get(key) if isinstance(found, dict) else None
        return not is_empty_value(found)

    def list_problems_at(self, value: PersonValue) -> list[str]:
        """Return the problems of one value about the person."""
        place = ".".join(value.keys)
        return [text for where, text in self.problems if where == place]


def check_event(
    workspace: Workspace, subscription: LocatedSubscription, event: JSONObject
) -> EventOutcome:
    """Run an event through a subscription and Insider One's checks; nothing is sent or stored.

    The time is the event's own: how old a recording is changes nothing.
    """
    result = subscription.subscription.build_request(event)
    if isinstance(result, MappingFailure):
        text = " ".join(result.message.split())
        return EventOutcome(None, [("", f"Segment refuses it: {text}")])
    if not isinstance(result, InsiderRequest):
        return EventOutcome(None)
    user, options = result.json["users"][0], workspace.insider_options
    if errors := validate_user(user, options):
        texts = dict.fromkeys(
            f"Insider One refuses it: {error.text.rstrip('.')}. {error.remedy}" for error in errors
        )
        return EventOutcome(None, [("", text) for text in texts])
    parsed = parse_user(
        user,
        0,
        build_identity_rules(workspace.identifiers, options),
        options,
        parse_rfc3339(str(event.get("timestamp"))) or utc_now(),
        skip_hook=False,
        from_segment=True,
    )
    problems = [
        (finding.where.removeprefix("users.0."), f"{finding.what.rstrip('.')}. {finding.remedy}")
        for finding in parsed.findings
    ]
    return EventOutcome(user, problems)


def list_paths_and_parents(event: JSONObject) -> set[str]:
    """Return every path of an event that has a value, and the objects and lists around it."""
    paths = set[str]()
    for path in list_paths_with_value(event):
        while path and path not in paths:
            paths.add(path)
            path = path.removesuffix("[]") if path.endswith("[]") else path.rpartition(".")[0]
    return paths


@dataclass(frozen=True, slots=True)
class MappingBranch:
    """One branch of an `@if` in a mapping.

    Args:
        field: Field and keys of the mapping that have the `@if`, e.g. "attributes.email".
        condition: Event paths that the `@if` tests, e.g. "context.traits.email".
        is_then: Whether the branch is taken when the condition has a value.
        sends: Event paths that the branch sends; "" for none.
    """

    field: str
    condition: str
    is_then: bool
    sends: str

    @property
    def name(self) -> str:
        """Return its name in the report, e.g. "attributes.email without context.traits.email"."""
        return f"{self.field} {'with' if self.is_then else 'without'} {self.condition}"


_ANY_EVENT: JSON = {}  # compared by identity: the walk visits all branches


class BranchFinder:
    """Finds the branches of each `@if` in a mapping, and those that an event takes."""

    def __init__(self, mapping: JSONObject) -> None:
        self._mapping = mapping
        self._resolvers: dict[int, Resolver] = {}  # by the id of a part of the mapping

    def list_branches(self) -> list[MappingBranch]:
        """Return all branches, in the order of the mapping."""
        branches = (
            branch
            for field_name, value in self._mapping.items()
            for branch in self._walk(value, field_name, "", _ANY_EVENT)
        )
        return list(dict.fromkeys(branches))

    def find_taken_branches(self, event: JSONObject) -> set[MappingBranch]:
        """Return the branches that an event takes."""
        taken = set[MappingBranch]()
        for field_name, value in self._mapping.items():
            try:
                taken.update(self._walk(value, field_name, "", event))
            except MAPPING_ERRORS:  # Segment refuses the event, which the row of its mapping says
                continue
        return taken

    def _walk(
        self, mapping: JSON, field_name: str, prefix: str, event: JSON
    ) -> Iterator[MappingBranch]:
        """Yield the branches in a part of a mapping.

        Args:
            prefix: Of event paths inside a list, e.g. "properties.products[].".
            event: The event, or the item of a list that the part is for.
        """
        match mapping:
            case {"@if": dict(options)} if is_directive(mapping):
                yield from self._walk_if(options, field_name, prefix, event)
            case {"@arrayPath": [path, dict(shape), *_]} if is_directive(mapping) and shape:
                yield from self._walk_items(path, shape, field_name, prefix, event)
            case {"@transform": {"apply": dict(applied), "mapping": inner}}:
                yield from self._walk_transform(applied, inner, field_name, prefix, event)
            case dict() | list():
                for name, child in _list_named_parts(mapping, field_name):
                    yield from self._walk(child, name, prefix, event)

    def _walk_transform(
        self, applied: JSONObject, inner: JSON, field_name: str, prefix: str, event: JSON
    ) -> Iterator[MappingBranch]:
        yield from self._walk(applied, field_name, prefix, event)
        result = event if event is _ANY_EVENT else self._resolve(applied, event)
        yield from self._walk(inner, field_name, prefix, result)

    def _walk_if(
        self, options: JSONObject, field_name: str, prefix: str, event: JSON
    ) -> Iterator[MappingBranch]:
        tested = options.get("exists" if "exists" in options else "blank")
        branches = {True: options.get("then"), False: options.get("else")}
        if event is _ANY_EVENT:
            taken = [True, False]
        else:
            value = self._resolve(tested, event)
            is_absent = value is None or value is MISSING
            if "exists" not in options:
                is_absent = is_absent or equals_empty_text(value)
            taken = [not is_absent]
        condition = _describe_paths(tested, prefix) or "a fixed value"
        for is_then in taken:
            sends = _describe_paths(branches[is_then], prefix)
            yield MappingBranch(field_name, condition, is_then, sends)
            yield from self._walk(branches[is_then], field_name, prefix, event)

    def _walk_items(
        self, path: JSON, shape: JSONObject, field_name: str, prefix: str, event: JSON
    ) -> Iterator[MappingBranch]:
        list_path = {"@path": path} if isinstance(path, str) else path
        inner_prefix = f"{prefix}{_describe_paths(list_path, '')}[]."
        if event is _ANY_EVENT:
            yield from self._walk(shape, field_name, inner_prefix, _ANY_EVENT)
            return
        root = self._resolve(list_path, event)
        for item in root if isinstance(root, list) else [root]:
            if isinstance(item, dict):
                yield from self._walk(shape, field_name, inner_prefix, item)

    def _resolve(self, mapping: JSON, event: JSON) -> JSON:
        resolver = self._resolvers.get(id(mapping))
        if resolver is None:
            resolver = self._resolvers[id(mapping)] = compile_mapping(mapping)
        return resolver(event)


def _list_named_parts(mapping: JSON, field_name: str) -> list[tuple[str, JSON]]:
    """Return the parts of a mapping, each with the field and keys that it is for."""
    if isinstance(mapping, list):
        return [(field_name, child) for child in mapping]
    if not is_directive(mapping):
        return [(f"{field_name}.{key}", child) for key, child in mapping.items()]
    parts: list[tuple[str, JSON]] = []
    for options in mapping.values():
        # The names of options, such as "value", are no keys of the field.
        has_options = isinstance(options, dict) and not is_directive(options)
        parts += ((field_name, child) for child in (options.values() if has_options else [options]))
    return parts


def _describe_paths(mapping: JSON, prefix: str) -> str:
    paths = sort_paths_as_sent(list_read_paths(mapping) - {LITERAL_MARKER})
    return ", ".join(prefix + path for path in paths)
