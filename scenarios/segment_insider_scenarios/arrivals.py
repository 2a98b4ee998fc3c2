"""Whether an event that a scenario excludes could arrive under that name at all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.near_misses import find_intended_name
from segment_insider_emulator.workspace.vocabulary import (
    INSIDER_EVENT_NAMES,
    SPEC_EVENTS_BY_NORMALISED_NAME,
    KnownNames,
)
from segment_insider_scenarios.spelling import CONFIRM_NAME_STEP, typo_hint

WORD_STEM_LENGTH = 3  # letters that two forms of a word share: add and added


@dataclass(frozen=True, slots=True)
class ScenarioEvents:
    """The events around a claim.

    Args:
        sent: The names that the shop gave the track calls of the scenario.
        said: Texts of the feature; the events of its other scenarios are among them.
        received: The names of the events that Insider One has, of all people.
    """

    sent_names: Sequence[str]
    feature_texts: frozenset[str]
    received_names: frozenset[str]


def require_possible_event(
    name: str, vocabulary: KnownNames, scenario_events: ScenarioEvents, where: str
) -> None:
    """Refuse an event's name under which no event of this scenario could arrive.

    Raises: EmulatorError, naming the one under which it arrives, or that may be meant.
    """
    if name in vocabulary.fixed_insider_event_names or name in scenario_events.received_names:
        return
    events = _find_source_events(name, scenario_events)
    arriving = sorted(
        {other for event in events for other in vocabulary.insider_names_of_event(event)}
    )
    if name in arriving or (
        not arriving and name in map(normalise_name, scenario_events.sent_names)
    ):
        return
    if events and arriving:
        what = f"{events[0]!r} arrives as {arriving[0]!r}, not as {name!r}"
        raise EmulatorError(what, where, f"Write {arriving[0]!r}.")
    if name in INSIDER_EVENT_NAMES and vocabulary.forwards_event_names:
        return
    if near := _suggest_event_name(name, vocabulary, scenario_events):
        raise EmulatorError(f"nothing arrives as {name!r}", where, typo_hint(name, near))
    remedy = f"Correct the name. If it is right, add the step: {CONFIRM_NAME_STEP.format(name)}."
    raise EmulatorError(f"no event of this feature arrives as {name!r}", where, remedy)


def _find_source_events(name: str, scenario_events: ScenarioEvents) -> list[str]:
    """The track events that Track Event would send as *name*, those of the scenario first."""
    known = [
        *scenario_events.sent_names,
        *sorted(scenario_events.feature_texts),
        *SPEC_EVENTS_BY_NORMALISED_NAME.values(),
    ]
    return [
        event for event in dict.fromkeys(known) if normalise_name(event) == name and event != name
    ]


def _suggest_event_name(
    name: str, vocabulary: KnownNames, scenario_events: ScenarioEvents
) -> str | None:
    """The name that may be meant: one slip away, else one that has all words of *name*."""
    exact_names = [
        *scenario_events.received_names,
        *vocabulary.fixed_insider_event_names,
        *INSIDER_EVENT_NAMES,
    ]
    source_events = [
        *scenario_events.sent_names,
        *sorted(scenario_events.feature_texts),
        *SPEC_EVENTS_BY_NORMALISED_NAME.values(),
    ]
    known = {other: other for other in exact_names}
    for event in source_events:
        for arriving in (
            sorted(vocabulary.insider_names_of_event(event))
            if event != normalise_name(event)
            else ()
        ):
            known.setdefault(normalise_name(event), arriving)
    if near := find_intended_name(name, known):
        return known[near]
    return next(
        (other for other in exact_names if _has_all_words(other.split("_"), name.split("_"))), None
    )


def _has_all_words(words: Iterable[str], required_words: Sequence[str]) -> bool:
    """Whether each of two or more *wanted* words has a form among *words*."""
    stems = {word[:WORD_STEM_LENGTH] for word in words}
    return len(required_words) > 1 and all(
        word[:WORD_STEM_LENGTH] in stems for word in required_words
    )
