"""Rules on the fields of a mapping: what an action does not have, needs, or reads in vain."""

from collections.abc import Iterator

from segment_insider_emulator.mapping.directives import DIRECTIVES
from segment_insider_emulator.mapping.root import ROOT_KEY
from segment_insider_emulator.mapping.validation import mapping_errors
from segment_insider_emulator.workspace.finding import Finding, did_you_mean
from segment_insider_emulator.workspace.lint.conditions import calls_taken
from segment_insider_emulator.workspace.lint.spec import CALLS, ROOTS
from segment_insider_emulator.workspace.lint.subject import Placed, Subject
from segment_insider_emulator.workspace.lint.values import LITERAL, members, sources

# Fields that Segment adds to every action that can send batches.
AUTOMATIC = ("enable_batching", "batch_size", "batch_keys", "batch_bytes")
_INVALID = " has an invalid directive: "


def faulty_directives(subject: Subject) -> Iterator[Finding]:
    """Directives that Segment refuses; every event of the subscription fails."""
    for placed in subject.subscriptions:
        for fault in mapping_errors(placed.mapping):
            path, is_invalid, name = fault.removesuffix(".").partition(_INVALID)
            if is_invalid:
                where = placed.field_place(*filter(None, path.split("/")))
                known = did_you_mean(name, list(DIRECTIVES))
                yield Finding("error", where, f"unknown directive {name!r}", known)
            else:
                remedy = "Correct the mapping: as it is, every event fails."
                yield Finding("error", placed.field_place(), fault.rstrip("."), remedy)


def unknown_fields(subject: Subject) -> Iterator[Finding]:
    """Fields that the action does not have; Segment drops them without a word."""
    for placed in subject.subscriptions:
        known = [field.key for field in placed.subscription.action.fields]
        for key in placed.mapping:
            if key not in (*known, *AUTOMATIC, ROOT_KEY) and not key.startswith("@"):
                what = f"{placed.slug} has no field {key!r}, so that it is dropped"
                yield Finding("error", placed.field_place(key), what, did_you_mean(key, known))


def required_fields(subject: Subject) -> Iterator[Finding]:
    """Fields without which an action sends nothing."""
    for placed in subject.subscriptions:
        for field in placed.subscription.action.fields:
            if field.required and field.key not in placed.mapping:
                what = f"{field.key} is required and not mapped, so that every event fails"
                remedy = "Map it, or leave settings out to get the action's own mapping."
                yield Finding("error", placed.field_place(), what, remedy)


def dead_paths(subject: Subject) -> Iterator[Finding]:
    """Values that are read where the call has nothing."""
    for placed in subject.subscriptions:
        calls = calls_taken(placed)
        for where, read in _reads(placed):
            roots = {path.split(".")[0].split("[")[0] for path in read - {LITERAL, ""}}
            for root in sorted(roots - set().union(*ROOTS.values())):
                known = sorted(set().union(*ROOTS.values()))
                yield Finding("error", where, f"no event has {root!r}", did_you_mean(root, known))
            alive = any(root in ROOTS[call] for call in calls for root in roots)
            known_roots = roots and roots <= set().union(*ROOTS.values())
            if calls and known_roots and not alive and LITERAL not in read:
                yield _dead(where, sorted(roots)[0], calls)


def unnamed_pages(subject: Subject) -> Iterator[Finding]:
    """Track Event on calls that have no `event`: Segment refuses each of them."""
    for placed in subject.subscriptions:
        unnamed = [call for call in calls_taken(placed) if call != "track"]
        read = sources(placed.mapping.get("event_name"))
        if placed.slug == "trackEvent" and unnamed and read == {"event"}:
            what = f"{', '.join(unnamed)} calls have no event name, so that each of them fails"
            remedy = "Map event_name to a text, such as other_page_view."
            yield Finding("error", placed.field_place("event_name"), what, remedy)


def batching(subject: Subject) -> Iterator[Finding]:
    """Batches behave otherwise than single events."""
    for placed in subject.subscriptions:
        if placed.mapping.get("enable_batching") in (True, "true"):
            what = "a batch keeps empty texts, and one event's directive error fails all of it"
            remedy = "Try both, single and batched, or leave batching off."
            yield Finding("note", placed.field_place("enable_batching"), what, remedy)


def _reads(placed: Placed) -> Iterator[tuple[str, set[str]]]:
    """The place and the sources of each field, or of each key of a field with keys."""
    for key, mapping in placed.mapping.items():
        inner = members(mapping)
        for name, value in inner.items():
            yield placed.field_place(key, name), sources(value)
        if not inner:
            yield placed.field_place(key), sources(mapping)


def _dead(where: str, root: str, calls: list[str]) -> Finding:
    holders = [call for call in CALLS if root in ROOTS[call]]
    what = f"only {', '.join(holders)} calls have {root}, and the trigger takes {', '.join(calls)}"
    remedy = "Read $.context.traits." if root == "traits" else "Read another part of the event."
    return Finding("warning", where, what, remedy)
