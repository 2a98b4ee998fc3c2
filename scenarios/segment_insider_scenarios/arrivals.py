"""Whether an event that a scenario excludes could arrive under that name at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.upserts import normalised
from segment_insider_emulator.near_misses import nearest
from segment_insider_emulator.workspace.vocabulary import INSIDER_EVENTS, SPEC_EVENTS, Vocabulary
from segment_insider_scenarios.spelling import CORRECT, remedy_for_slip

WORD_STEM = 3  # letters that two forms of a word share: add and added


@dataclass(frozen=True, slots=True)
class Traffic:
    """The events around a claim.

    Args:
        sent: The names that the shop gave the track calls of the scenario.
        said: Texts of the feature; the events of its other scenarios are among them.
        received: The names of the events that Insider One has, of all people.
    """

    sent: Sequence[str]
    said: frozenset[str]
    received: frozenset[str]


def expect_possible(name: str, vocabulary: Vocabulary, traffic: Traffic, where: str) -> None:
    """Refuse an event's name under which no event of this scenario could arrive.

    Raises: EmulatorError, naming the one under which it arrives, or that may be meant.
    """
    if name in vocabulary.made or name in traffic.received:
        return
    events = _events_called(name, traffic)
    arriving = sorted({other for event in events for other in vocabulary.arriving(event)})
    if name in arriving or (not arriving and name in map(normalised, traffic.sent)):
        return
    if events and arriving:
        what = f"{events[0]!r} arrives as {arriving[0]!r}, not as {name!r}"
        raise EmulatorError(what, where, f"Write {arriving[0]!r}.")
    if name in INSIDER_EVENTS and vocabulary.takes_own_names:
        return
    if near := _near(name, vocabulary, traffic):
        raise EmulatorError(f"nothing arrives as {name!r}", where, remedy_for_slip(name, near))
    remedy = f"Correct the name. If it is right, add the step: {CORRECT.format(name)}."
    raise EmulatorError(f"no event of this feature arrives as {name!r}", where, remedy)


def _events_called(name: str, traffic: Traffic) -> list[str]:
    """The track events that Track Event would send as *name*, those of the scenario first."""
    known = [*traffic.sent, *sorted(traffic.said), *SPEC_EVENTS.values()]
    return [event for event in dict.fromkeys(known) if normalised(event) == name and event != name]


def _near(name: str, vocabulary: Vocabulary, traffic: Traffic) -> str | None:
    """The name that may be meant: one slip away, else one that has all words of *name*."""
    own = [*traffic.received, *vocabulary.made, *INSIDER_EVENTS]
    called = [*traffic.sent, *sorted(traffic.said), *SPEC_EVENTS.values()]
    known = {other: other for other in own}
    for event in called:
        for arriving in sorted(vocabulary.arriving(event)) if event != normalised(event) else ():
            known.setdefault(normalised(event), arriving)
    if near := nearest(name, known):
        return known[near]
    return next((other for other in own if _has_words(other.split("_"), name.split("_"))), None)


def _has_words(words: Iterable[str], wanted: Sequence[str]) -> bool:
    """Whether each of two or more *wanted* words has a form among *words*."""
    stems = {word[:WORD_STEM] for word in words}
    return len(wanted) > 1 and all(word[:WORD_STEM] in stems for word in wanted)
