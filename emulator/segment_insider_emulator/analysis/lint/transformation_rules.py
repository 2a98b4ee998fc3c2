"""Lint rules for transformations: conditions, conflicts, and mappings that read what has moved.

Source: Segment, "Transformations": conflicts that it refuses, one transformation for each event and
scope, four levels, no paths through lists; Public API, `TransformationV1`.
"""

from collections import Counter
from collections.abc import Iterator

from segment_insider_emulator.analysis.context import AnalysisContext, LocatedSubscription
from segment_insider_emulator.analysis.mapping_paths import (
    list_event_paths_of_value,
    list_mapped_values,
)
from segment_insider_emulator.filtering.fql_checks import find_constant_conditions
from segment_insider_emulator.filtering.fql_parser import (
    FqlLiteral,
    FqlNode,
    FqlOperation,
    FqlPath,
    FqlSyntaxError,
    parse_fql_statement,
)
from segment_insider_emulator.filtering.transformations import (
    CONTAINERS,
    EFFECT_KEYS,
    format_field_path,
    list_field_prefixes,
    resolve_property_path,
)
from segment_insider_emulator.mapping.segment_spec import SPEC_EVENT_NAMES
from segment_insider_emulator.similar_names import find_similar_name
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import select_transformations
from segment_insider_emulator.workspace.validation import WorkspaceFinding

_MAX_LEVELS = 4
_TOP_LEVEL_FIELDS = ("context", *CONTAINERS)


def find_unparsable_transformations(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find transformations that Segment cannot read; they drop every event."""
    for where, transformation in _iter_enabled_transformations(context):
        statements = [("if", transformation["if"])]
        for index, entry in enumerate(transformation.get("fqlDefinedProperties") or ()):
            statements.append((f"fqlDefinedProperties[{index}].fql", entry["fql"]))
        for key, statement in statements:
            try:
                parse_fql_statement(statement)
            except FqlSyntaxError as error:
                what = f"Segment cannot read this statement and drops every event: {error}"
                remedy = "Correct it, or switch the transformation off with enabled: false."
                yield WorkspaceFinding("error", f"{where}.{key}", what, remedy)


def find_constant_transformation_conditions(
    context: AnalysisContext,
) -> Iterator[WorkspaceFinding]:
    """Find conditions of transformations that give the same result for every event."""
    for where, transformation in _iter_enabled_transformations(context):
        statement = _parse_condition(transformation)
        for condition in dict.fromkeys(find_constant_conditions(statement) if statement else ()):
            remedy = "Correct this part or remove it."
            yield WorkspaceFinding("warning", f"{where}.if", str(condition), remedy)


def find_transformations_without_effect(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find transformations that change nothing: empty ones, and those of other ends."""
    own = [id(entry) for scope in select_transformations(context.workspace.document)
           for entry in scope]  # fmt: skip
    for where, transformation in _iter_enabled_transformations(context):
        if not any(transformation.get(key) for key in EFFECT_KEYS):
            what = "this transformation changes nothing"
            remedy = f"Give one of {', '.join(EFFECT_KEYS)}."
            yield WorkspaceFinding("warning", where, what, remedy)
        elif id(transformation) not in own:
            what = "this transformation is of another source or destination and does nothing here"
            remedy = "Correct sourceId or destinationMetadataId, or remove it."
            yield WorkspaceFinding("note", where, what, remedy)


def find_conflicting_transformations(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find transformations of the same event and scope, and conflicts inside of one."""
    seen: dict[tuple[str, ...], str] = {}
    for where, transformation in _iter_enabled_transformations(context):
        kinds = [key for key in EFFECT_KEYS if transformation.get(key)]
        for kind in kinds:
            scope = str(transformation.get("destinationMetadataId") or "")
            place = (str(transformation.get("sourceId") or ""), scope, transformation["if"], kind)
            if place in seen:
                what = f"{seen[place]} has {kind} for the same condition and scope"
                remedy = "Join them: Segment takes one transformation of a kind for an event."
                yield WorkspaceFinding("warning", where, what, remedy)
            seen.setdefault(place, where)
        if "fqlDefinedProperties" in kinds and len(kinds) > 1:
            what = f"Segment takes no fqlDefinedProperties together with {_join_others(kinds)}"
            remedy = "Make two transformations of it."
            yield WorkspaceFinding("error", where, what, remedy)
        yield from _find_conflicting_names(where, transformation)


def _join_others(kinds: list[str]) -> str:
    return " and ".join(kind for kind in kinds if kind != "fqlDefinedProperties")


def _find_conflicting_names(where: str, transformation: JSONObject) -> Iterator[WorkspaceFinding]:
    """Find names that two parts of one transformation move, fill or write."""
    kind = _get_call_type(transformation)
    renames = transformation.get("propertyRenames") or ()
    old = [format_field_path(resolve_property_path(entry["oldName"], kind)) for entry in renames]
    new = [format_field_path(resolve_property_path(entry["newName"], kind)) for entry in renames]
    written = [
        path
        for entry in transformation.get("propertyValueTransformations") or ()
        for path in entry["propertyPaths"]
    ]
    refused = [
        *(f"{path} is renamed {count} times" for path, count in _count_repeated(old)),
        *(f"{path} gets {count} values" for path, count in _count_repeated(written)),
        *(f"{path} is renamed and gets a value" for path in {*written} & {*old, *new}),
    ]
    for what in sorted(refused):
        yield WorkspaceFinding("error", where, f"{what}; Segment refuses that", "Keep one of them.")
    lost = [
        *(f"{count} names become {path}" for path, count in _count_repeated(new)),
        *(f"{path} is a new name and is renamed" for path in {*new} & {*old}),
    ]
    for what in sorted(lost):
        yield WorkspaceFinding("warning", where, f"{what}, so one value is lost", "Keep one.")


def _count_repeated(paths: list[str]) -> list[tuple[str, int]]:
    return [(path, count) for path, count in Counter(paths).items() if count > 1]


def find_unsupported_transformation_paths(
    context: AnalysisContext,
) -> Iterator[WorkspaceFinding]:
    """Find paths that Segment does not follow: through lists, too deep, or outside properties."""
    for where, transformation in _iter_enabled_transformations(context):
        for place, path in _iter_named_paths(transformation):
            first, *rest = path.split(".")
            if "$" in rest:
                what = f"{path} leads into a list, which Segment's transformations do not follow"
                yield WorkspaceFinding("warning", f"{where}.{place}", what, "Map the list instead.")
            elif len(rest) + (first not in CONTAINERS) > _MAX_LEVELS:
                what = f"{path} has more than {_MAX_LEVELS} levels; Segment selects no deeper ones"
                yield WorkspaceFinding("warning", f"{where}.{place}", what, "Map it instead.")
            elif place.startswith("propertyRenames") and first == "context" and rest:
                what = f"{path} is outside of properties and traits, where nothing is renamed"
                remedy = "Name a property or a trait."
                yield WorkspaceFinding("warning", f"{where}.{place}", what, remedy)
            elif place.startswith("propertyValue") and not rest and first in _TOP_LEVEL_FIELDS:
                what = f"this replaces all of {path} by a text"
                remedy = f"Write the whole path, such as {path}.currency."
                yield WorkspaceFinding("warning", f"{where}.{place}", what, remedy)


def _iter_named_paths(transformation: JSONObject) -> Iterator[tuple[str, str]]:
    """Yield the place and text of each name and path in a transformation."""
    for index, entry in enumerate(transformation.get("propertyRenames") or ()):
        for key in ("oldName", "newName"):
            yield f"propertyRenames[{index}].{key}", entry[key]
    for index, entry in enumerate(transformation.get("propertyValueTransformations") or ()):
        for number, path in enumerate(entry["propertyPaths"]):
            yield f"propertyValueTransformations[{index}].propertyPaths[{number}]", path


def find_unreachable_transformations(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find conditions on an event that an earlier transformation has renamed or dropped."""
    for scope in select_transformations(context.workspace.document):
        gone: dict[str, JSONObject] = {}
        for transformation in scope:
            if not transformation.get("enabled", True):
                continue
            event = _get_only_event(transformation)
            if event is not None and event in gone:
                where = _locate(context, transformation)
                what = f"no event {event!r} is left: {gone[event]['name']!r} comes before"
                remedy = "Put it first, or name the event as it is by then."
                yield WorkspaceFinding("warning", f"{where}.if", what, remedy)
            new_name = transformation.get("newEventName")
            if event is not None and (transformation.get("drop") or (new_name or event) != event):
                gone[event] = transformation
            gone.pop(new_name or "", None)


def find_misspelled_new_event_names(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find new names of events that are almost the name of an event of Segment's spec."""
    for where, transformation in _iter_enabled_transformations(context):
        name = transformation.get("newEventName")
        if not name:
            continue
        place = f"{where}.newEventName"
        if _get_call_type(transformation) != "track":
            what = "newEventName works only for track events"
            yield WorkspaceFinding("warning", place, what, "Remove it.")
        near = None if name in SPEC_EVENT_NAMES else find_similar_name(name, SPEC_EVENT_NAMES)
        if near and not any(
            subscription.matches({"type": "track", "event": name}) and _names_event(subscription)
            for subscription in context.subscriptions
        ):
            what = f"the name {name!r} is not {near!r}"
            yield WorkspaceFinding("warning", place, what, f"Did you mean {near!r}?")


def _names_event(subscription: LocatedSubscription) -> bool:
    return not subscription.matches({"type": "track", "event": "\N{NULL}"})


def find_mappings_of_moved_values(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Find mapped fields that read only a name which a transformation moves away."""
    for where, transformation in _iter_enabled_transformations(context):
        kind = _get_call_type(transformation)
        moved = {
            format_field_path(resolve_property_path(entry["oldName"], kind)): entry["newName"]
            for entry in transformation.get("propertyRenames") or ()
        }
        for subscription in context.subscriptions if moved else ():
            if not subscription.matches(_build_probe(transformation)):
                continue
            for field, path in _iter_moved_fields(subscription, moved):
                what = f"{field} of {subscription.name!r} reads {path}, which this renames"
                remedy = "Map the new name as well, or leave the property as it is."
                yield WorkspaceFinding("warning", where, what, remedy)


def _iter_moved_fields(
    subscription: LocatedSubscription, moved: dict[str, str]
) -> Iterator[tuple[str, str]]:
    for keys in list_mapped_values(subscription.mapping):
        read = list_event_paths_of_value(subscription.mapping, keys) - {""}
        moved_paths = [
            path for path in sorted(read) if not moved.keys().isdisjoint(list_field_prefixes(path))
        ]
        if moved_paths and len(moved_paths) == len(read):
            yield ".".join(keys), moved_paths[0]


def _build_probe(transformation: JSONObject) -> JSONObject:
    """Return an event that a transformation with a plain condition matches, after it."""
    name = transformation.get("newEventName") or _get_only_event(transformation)
    return {"type": _get_call_type(transformation)} | ({"event": name} if name else {})


def _iter_enabled_transformations(
    context: AnalysisContext,
) -> Iterator[tuple[str, JSONObject]]:
    for index, entry in enumerate(context.workspace.document.get("transformations", ())):
        if entry.get("enabled", True):
            yield f"transformations[{index}]", entry


def _locate(context: AnalysisContext, transformation: JSONObject) -> str:
    documents = context.workspace.document["transformations"]
    index = next(n for n, entry in enumerate(documents) if entry is transformation)
    return f"transformations[{index}]"


def _parse_condition(transformation: JSONObject) -> FqlNode | None:
    try:
        return parse_fql_statement(transformation["if"])
    except FqlSyntaxError:
        return None  # find_unparsable_transformations reports it


def _get_only_event(transformation: JSONObject) -> str | None:
    """Return the event that a condition such as `event = 'X'` names; None for another one."""
    return _get_compared_text(_parse_condition(transformation), ("event",))


def _get_call_type(transformation: JSONObject) -> str:
    """Return the type of the calls that a plain condition names, "track" for any other."""
    return _get_compared_text(_parse_condition(transformation), ("type",)) or "track"


def _get_compared_text(node: FqlNode | None, keys: tuple[str, ...]) -> str | None:
    """Return the text that a field must equal for an FQL statement to be true; None if any."""
    match node:
        case FqlOperation(operator="and"):
            return _get_compared_text(node.left, keys) or _get_compared_text(node.right, keys)
        case FqlOperation(
            operator="=", left=FqlPath() as path, right=FqlLiteral(value=str() as text)
        ):
            return text if path.keys == keys else None
    return None
