"""Names in the tables of Then steps: one that Insider One never has would check nothing."""

from collections.abc import Callable, Collection, Iterable
from difflib import get_close_matches

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.catalog import stored_name
from segment_insider_emulator.insider.identity import DEFAULT_IDENTIFIERS
from segment_insider_emulator.insider.options import Options
from segment_insider_emulator.insider.shape import takes_event_name
from segment_insider_emulator.insider.values import ATTRIBUTES, PARAMETERS
from segment_insider_emulator.mapping.upserts import normalised
from segment_insider_emulator.workspace.finding import did_you_mean
from segment_insider_emulator.workspace.vocabulary import Vocabulary
from segment_insider_scenarios.spelling import Spelling

EVENT_NAME = "event_name"
# Before names that an account makes up itself, and those that Insider One knows nothing of.
FREE = ("custom.", "unrecognised.")
EVENT_NAMES = "Names have lower-case letters, digits, dots, underscores and hyphens."
KNOWN = {
    "parameter": frozenset({EVENT_NAME, *PARAMETERS.known}),
    "attribute": frozenset(ATTRIBUTES.known),
    "identifier": frozenset(DEFAULT_IDENTIFIERS),
}


def expect_names(
    noun: str,
    names: Iterable[str],
    received: Callable[[], Collection[str]],
    where: str,
    spelling: Spelling,
) -> None:
    """Refuse a name that Insider One neither knows nor received.

    One of the account's own, as custom.plan, is refused where it is one slip away from another.

    Args:
        noun: One of KNOWN.
        received: Gives the names that anybody has; asked only about a name that is not known.
        where: The step, for the error message.
    Raises: EmulatorError.
    """
    unknown = [name for name in names if name not in KNOWN[noun] | spelling.correct]
    if not unknown:
        return
    there = received()
    for name in unknown:
        if name in there:
            continue
        if not _is_free(name):
            remedy = _remedy(name, noun, there)
            raise EmulatorError(f"Insider One has no {noun} {name!r}", where, remedy)
        bare = name.partition(".")[2]
        known = [*there, *KNOWN[noun], *(f"custom.{each}" for each in spelling.scenario)]
        spelling.expect(noun, name, known, where)
        spelling.expect(noun, bare, KNOWN[noun], where)


def expect_known(noun: str, names: Iterable[str], known: Collection[str], where: str) -> None:
    """Refuse a name that is none of *known*; a list without any says nothing against it.

    Raises: EmulatorError.
    """
    for name in names:
        if known and name not in known:
            remedy = did_you_mean(name, sorted(known))
            raise EmulatorError(f"there is no {noun} {name!r}", where, remedy)


def expect_text(noun: str, text: str, where: str) -> None:
    """Refuse a text without a character, which every text contains. Raises: EmulatorError."""
    if not text.strip():
        raise EmulatorError(f"the {noun} is empty", where, "Write a part of it.")


def expect_event_name(name: str, options: Options, vocabulary: Vocabulary, where: str) -> None:
    """Refuse the name of an event that this account can have none of, whatever is sent.

    Raises: EmulatorError.
    """
    if not takes_event_name(name, options.event_names):
        meant = normalised(name)
        arriving = sorted(vocabulary.arriving(name))
        if arriving and meant not in arriving:
            raise EmulatorError(f"{name!r} arrives as {arriving[0]!r}", where, "Write that name.")
        known = takes_event_name(meant, options.event_names)
        remedy = f"Did you mean {meant!r}? {EVENT_NAMES}" if known else EVENT_NAMES
    elif (kept := stored_name(name)) != name:
        remedy = f"It keeps them as {kept!r}."
    else:
        return
    raise EmulatorError(f"Insider One has no events {name!r}", where, remedy)


def expect_channels(names: Iterable[str], known: Collection[str], where: str) -> None:
    """Refuse a channel that is none of *known*. Raises: EmulatorError."""
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"Did you mean {near[0]!r}? " if near else ""
            remedy = f"{meant}Known: {', '.join(known)}."
            raise EmulatorError(f"unknown channel {name!r}", where, remedy)


def _is_free(name: str) -> bool:
    return any(name.startswith(prefix) and name != prefix for prefix in FREE)


def _remedy(name: str, noun: str, received: Collection[str]) -> str:
    inside = [f"{prefix}{name}" for prefix in FREE if f"{prefix}{name}" in received]
    known = sorted({*KNOWN[noun], *received})
    near = inside or get_close_matches(name, known, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Write 'custom.{name}' when it is one of your own."
