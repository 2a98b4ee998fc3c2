"""Names in the tables of Then steps: one that Insider One never has would check nothing."""

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.catalog import resolve_event_alias
from segment_insider_emulator.insider.identity import DEFAULT_IDENTIFIERS
from segment_insider_emulator.insider.options import InsiderOptions
from segment_insider_emulator.insider.shape import is_valid_event_name
from segment_insider_emulator.insider.values import DEFAULT_ATTRIBUTES, DEFAULT_PARAMETERS
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.workspace.finding import suggest_name
from segment_insider_emulator.workspace.vocabulary import KnownNames
from segment_insider_scenarios.spelling import ScenarioTexts

EVENT_NAME_COLUMN = "event_name"
# Before names that an account makes up itself, and those that Insider One knows nothing of.
CUSTOM_PREFIXES = ("custom.", "unrecognised.")
EVENT_NAME_RULE = "Names have lower-case letters, digits, dots, underscores and hyphens."
KNOWN_NAMES = {
    "parameter": frozenset({EVENT_NAME_COLUMN, *DEFAULT_PARAMETERS.schemas}),
    "attribute": frozenset(DEFAULT_ATTRIBUTES.schemas),
    "identifier": frozenset(DEFAULT_IDENTIFIERS),
}


def require_known_or_received(
    noun: str,
    names: Iterable[str],
    received: Callable[[], Collection[str]],
    where: str,
    texts: ScenarioTexts,
) -> None:
    """Refuse a name that Insider One neither knows nor received.

    One of the account's own, as custom.plan, is refused where it is one slip away from another.

    Args:
        noun: One of KNOWN.
        received: Gives the names that anybody has; asked only about a name that is not known.
        where: The step, for the error message.
    Raises: EmulatorError.
    """
    unknown = [name for name in names if name not in KNOWN_NAMES[noun] | texts.confirmed_names]
    if not unknown:
        return
    there = received()
    for name in unknown:
        if name in there:
            continue
        if not _has_custom_prefix(name):
            remedy = _suggest_name(name, noun, there)
            raise EmulatorError(f"Insider One has no {noun} {name!r}", where, remedy)
        bare = name.partition(".")[2]
        known = [*there, *KNOWN_NAMES[noun], *(f"custom.{each}" for each in texts.scenario_texts)]
        texts.reject_typo(noun, name, known, where)
        texts.reject_typo(noun, bare, KNOWN_NAMES[noun], where)


def require_known_name(noun: str, names: Iterable[str], known: Collection[str], where: str) -> None:
    """Refuse a name that is none of *known*; a list without any says nothing against it.

    Raises: EmulatorError.
    """
    for name in names:
        if known and name not in known:
            remedy = suggest_name(name, sorted(known))
            raise EmulatorError(f"there is no {noun} {name!r}", where, remedy)


def require_text(noun: str, text: str, where: str) -> None:
    """Refuse a text without a character, which every text contains. Raises: EmulatorError."""
    if not text.strip():
        raise EmulatorError(f"the {noun} is empty", where, "Write a part of it.")


def require_valid_event_name(
    name: str, options: InsiderOptions, vocabulary: KnownNames, where: str
) -> None:
    """Refuse the name of an event that this account can have none of, whatever is sent.

    Raises: EmulatorError.
    """
    if not is_valid_event_name(name, options.event_names):
        meant = normalise_name(name)
        arriving = sorted(vocabulary.insider_names_of_event(name))
        if arriving and meant not in arriving:
            raise EmulatorError(f"{name!r} arrives as {arriving[0]!r}", where, "Write that name.")
        known = is_valid_event_name(meant, options.event_names)
        remedy = f"Did you mean {meant!r}? {EVENT_NAME_RULE}" if known else EVENT_NAME_RULE
    elif (kept := resolve_event_alias(name)) != name:
        remedy = f"It keeps them as {kept!r}."
    else:
        return
    raise EmulatorError(f"Insider One has no events {name!r}", where, remedy)


def require_known_channels(names: Iterable[str], known: Collection[str], where: str) -> None:
    """Refuse a channel that is none of *known*. Raises: EmulatorError."""
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"Did you mean {near[0]!r}? " if near else ""
            remedy = f"{meant}Known: {', '.join(known)}."
            raise EmulatorError(f"unknown channel {name!r}", where, remedy)


def _has_custom_prefix(name: str) -> bool:
    return any(name.startswith(prefix) and name != prefix for prefix in CUSTOM_PREFIXES)


def _suggest_name(name: str, noun: str, received: Collection[str]) -> str:
    inside = [f"{prefix}{name}" for prefix in CUSTOM_PREFIXES if f"{prefix}{name}" in received]
    known = sorted({*KNOWN_NAMES[noun], *received})
    near = inside or get_close_matches(name, known, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Write 'custom.{name}' when it is one of your own."
