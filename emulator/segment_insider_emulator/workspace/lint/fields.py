"""Rules on the fields of a mapping: what an action does not have, needs, or reads in vain."""

from collections.abc import Iterator

from segment_insider_emulator.mapping.directives import DIRECTIVES
from segment_insider_emulator.mapping.root import ROOT_DIRECTIVE_KEY
from segment_insider_emulator.mapping.validation import find_mapping_errors
from segment_insider_emulator.workspace.finding import WorkspaceFinding, suggest_name
from segment_insider_emulator.workspace.lint.conditions import list_accepted_call_types
from segment_insider_emulator.workspace.lint.spec import CALL_TYPES, ROOT_FIELDS
from segment_insider_emulator.workspace.lint.subject import AnalysisContext, LocatedSubscription
from segment_insider_emulator.workspace.lint.values import (
    LITERAL_MARKER,
    list_read_paths,
    list_written_keys,
)

# Fields that Segment adds to every action that can send batches.
AUTOMATIC_FIELDS = ("enable_batching", "batch_size", "batch_keys", "batch_bytes")
_INVALID_DIRECTIVE_TEXT = " has an invalid directive: "


def find_invalid_directives(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Directives that Segment refuses; every event of the subscription fails."""
    for placed in context.subscriptions:
        for fault in find_mapping_errors(placed.mapping):
            path, is_invalid, name = fault.removesuffix(".").partition(_INVALID_DIRECTIVE_TEXT)
            if is_invalid:
                where = placed.field_path(*filter(None, path.split("/")))
                known = suggest_name(name, list(DIRECTIVES))
                yield WorkspaceFinding("error", where, f"unknown directive {name!r}", known)
            else:
                remedy = "Correct the mapping: as it is, every event fails."
                yield WorkspaceFinding("error", placed.field_path(), fault.rstrip("."), remedy)


def find_unknown_fields(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Fields that the action does not have; Segment drops them without a word."""
    for placed in context.subscriptions:
        known = [field.key for field in placed.subscription.action.fields]
        for key in placed.mapping:
            if key not in (*known, *AUTOMATIC_FIELDS, ROOT_DIRECTIVE_KEY) and not key.startswith(
                "@"
            ):
                what = f"{placed.action_slug} has no field {key!r}, so that it is dropped"
                yield WorkspaceFinding(
                    "error", placed.field_path(key), what, suggest_name(key, known)
                )


def find_unmapped_required_fields(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Fields without which an action sends nothing."""
    for placed in context.subscriptions:
        for field in placed.subscription.action.fields:
            if field.required and field.key not in placed.mapping:
                what = f"{field.key} is required and not mapped, so that every event fails"
                remedy = "Map it, or leave settings out to get the action's own mapping."
                yield WorkspaceFinding("error", placed.field_path(), what, remedy)


def find_paths_without_value(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Values that are read where the call has nothing."""
    for placed in context.subscriptions:
        calls = list_accepted_call_types(placed)
        for where, read in _iterate_field_sources(placed):
            roots = {path.split(".")[0].split("[")[0] for path in read - {LITERAL_MARKER, ""}}
            for root in sorted(roots - set().union(*ROOT_FIELDS.values())):
                known = sorted(set().union(*ROOT_FIELDS.values()))
                yield WorkspaceFinding(
                    "error", where, f"no event has {root!r}", suggest_name(root, known)
                )
            alive = any(root in ROOT_FIELDS[call] for call in calls for root in roots)
            known_roots = roots and roots <= set().union(*ROOT_FIELDS.values())
            if calls and known_roots and not alive and LITERAL_MARKER not in read:
                yield _path_without_value_finding(where, sorted(roots)[0], calls)


def find_calls_without_event_name(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Track Event on calls that have no `event`: Segment refuses each of them."""
    for placed in context.subscriptions:
        unnamed = [call for call in list_accepted_call_types(placed) if call != "track"]
        read = list_read_paths(placed.mapping.get("event_name"))
        if placed.action_slug == "trackEvent" and unnamed and read == {"event"}:
            what = f"{', '.join(unnamed)} calls have no event name, so that each of them fails"
            remedy = "Map event_name to a text, such as other_page_view."
            yield WorkspaceFinding("error", placed.field_path("event_name"), what, remedy)


def find_batched_subscriptions(context: AnalysisContext) -> Iterator[WorkspaceFinding]:
    """Batches behave otherwise than single events."""
    for placed in context.subscriptions:
        if placed.mapping.get("enable_batching") in (True, "true"):
            what = "a batch keeps empty texts, and one event's directive error fails all of it"
            remedy = "Try both, single and batched, or leave batching off."
            yield WorkspaceFinding("note", placed.field_path("enable_batching"), what, remedy)


def _iterate_field_sources(subscription: LocatedSubscription) -> Iterator[tuple[str, set[str]]]:
    """The place and the sources of each field, or of each key of a field with keys."""
    for key, mapping in subscription.mapping.items():
        inner = list_written_keys(mapping)
        for name, value in inner.items():
            yield subscription.field_path(key, name), list_read_paths(value)
        if not inner:
            yield subscription.field_path(key), list_read_paths(mapping)


def _path_without_value_finding(where: str, root: str, call_types: list[str]) -> WorkspaceFinding:
    holders = [call for call in CALL_TYPES if root in ROOT_FIELDS[call]]
    what = f"only {', '.join(holders)} calls have {root}, and the trigger takes {', '.join(call_types)}"
    remedy = "Read $.context.traits." if root == "traits" else "Read another part of the event."
    return WorkspaceFinding("warning", where, what, remedy)
