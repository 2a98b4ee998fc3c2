"""Checks of names in steps: events, properties, traits, identifiers, channels, currencies."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.insider.account_options import InsiderAccountOptions
from segment_insider_emulator.insider.catalog import (
    DEFAULT_ATTRIBUTES,
    DEFAULT_PARAMETERS,
    resolve_event_alias,
)
from segment_insider_emulator.insider.formats import VALUE_FORMATS
from segment_insider_emulator.insider.identity import DEFAULT_IDENTIFIERS
from segment_insider_emulator.insider.validation import is_valid_event_name
from segment_insider_emulator.json_text import DECIMAL_COMMA_NUMBER
from segment_insider_emulator.mapping.upserts import normalise_name
from segment_insider_emulator.similar_names import find_intended_name
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace.known_names import (
    INSIDER_EVENT_NAMES,
    SPEC_EVENTS_BY_NORMALISED_NAME,
    KnownNames,
)
from segment_insider_emulator.workspace.validation import suggest_name
from segment_insider_scenarios.context import ScenarioContext
from segment_insider_scenarios.spelling import CONFIRM_NAME_STEP, ScenarioTexts, format_typo_hint
from segment_insider_scenarios.tables import (
    StepTable,
    nest_dotted_values,
    parse_pairs,
    parse_records,
    split_enumeration,
)

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
    """Reject a name in a step that Insider One neither knows nor has received.

    A custom name, e.g. custom.plan, is rejected if it is one typing error away from another name.

    Args:
        noun: One of KNOWN_NAMES.
        received: Returns the names that any profile has; called only for an unknown name.
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
        known = [*there, *KNOWN_NAMES[noun], *(f"custom.{text}" for text in texts.scenario_texts)]
        texts.reject_name_typo(noun, name, known, where)
        texts.reject_name_typo(noun, bare, KNOWN_NAMES[noun], where)


def require_known_name(noun: str, names: Iterable[str], known: Collection[str], where: str) -> None:
    """Reject a name in a step that is not in *known*; accept all if *known* is empty.

    Raises: EmulatorError.
    """
    for name in names:
        if known and name not in known:
            remedy = suggest_name(name, sorted(known))
            raise EmulatorError(f"there is no {noun} {name!r}", where, remedy)


def require_nonempty_text(noun: str, text: str, where: str) -> None:
    """Reject an empty text in a step that looks for a text, as every text would contain it.

    Raises: EmulatorError.
    """
    if not text.strip():
        raise EmulatorError(f"the {noun} is empty", where, "Write a part of it.")


def require_valid_event_name(
    name: str, options: InsiderAccountOptions, vocabulary: KnownNames, where: str
) -> None:
    """Reject an event name in a step that this Insider One account can never have.

    Raises: EmulatorError.
    """
    if not is_valid_event_name(name, options.event_names):
        meant = normalise_name(name)
        arriving = sorted(vocabulary.list_insider_event_names(name))
        if arriving and meant not in arriving:
            raise EmulatorError(f"{name!r} arrives as {arriving[0]!r}", where, "Write that name.")
        known = is_valid_event_name(meant, options.event_names)
        remedy = f"Did you mean {meant!r}? {EVENT_NAME_RULE}" if known else EVENT_NAME_RULE
    elif (stored_name := resolve_event_alias(name)) != name:
        remedy = f"It stores them as {stored_name!r}."
    else:
        return
    raise EmulatorError(f"Insider One has no events {name!r}", where, remedy)


def require_known_channels(names: Iterable[str], known: Collection[str], where: str) -> None:
    """Reject an unknown channel, other than email, sms and so on, in a step.

    Raises: EmulatorError.
    """
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            meant = f"Did you mean {near[0]!r}? " if near else ""
            remedy = f"{meant}Known: {', '.join(known)}."
            raise EmulatorError(f"unknown channel {name!r}", where, remedy)


# How people write a channel, in small letters -> its name.
_CHANNEL_WORDS = {"e-mail": "email", "web push": "web_push"}


def parse_channels(words: str) -> list[str]:
    """Return the channels of an enumeration such as "e-mail, SMS and web push"."""
    names = (name.strip() for name in split_enumeration(words))
    return [parse_channel(name) for name in names]


def parse_channel(word: str) -> str:
    """Return the channel that a step names: web_push for "web push", sms for "SMS"."""
    return _CHANNEL_WORDS.get(word.lower(), word.lower())


def _has_custom_prefix(name: str) -> bool:
    return any(name.startswith(prefix) and name != prefix for prefix in CUSTOM_PREFIXES)


def _suggest_name(name: str, noun: str, received: Collection[str]) -> str:
    inside = [f"{prefix}{name}" for prefix in CUSTOM_PREFIXES if f"{prefix}{name}" in received]
    known = sorted({*KNOWN_NAMES[noun], *received})
    near = inside or get_close_matches(name, known, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Write 'custom.{name}' when it is one of your own."


WORD_STEM_LENGTH = 3  # letters that two forms of a word share: add and added


@dataclass(frozen=True, slots=True)
class ScenarioEventNames:
    """Event names of one scenario: sent, mentioned in the feature file, and received.

    Args:
        sent_names: The names that the shop gave the track calls of the scenario.
        feature_texts: Texts of the feature; the events of its other scenarios are among them.
        received_names: The names of the events that Insider One has, of all people.
    """

    sent_names: Sequence[str]
    feature_texts: frozenset[str]
    received_names: frozenset[str]


def require_possible_event_name(
    name: str, vocabulary: KnownNames, scenario_events: ScenarioEventNames, where: str
) -> None:
    """Reject an event name in a step under which no event of the scenario could arrive.

    Raises: EmulatorError, naming the one under which it arrives, or that may be meant.
    """
    if name in vocabulary.fixed_insider_event_names or name in scenario_events.received_names:
        return
    events = _find_segment_events_mapped_to(name, scenario_events)
    arriving = sorted(
        {other for event in events for other in vocabulary.list_insider_event_names(event)}
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
        raise EmulatorError(f"nothing arrives as {name!r}", where, format_typo_hint(name, near))
    remedy = f"Correct the name. If it is right, add the step: {CONFIRM_NAME_STEP.format(name)}."
    raise EmulatorError(f"no event of this feature arrives as {name!r}", where, remedy)


def _find_segment_events_mapped_to(name: str, events: ScenarioEventNames) -> list[str]:
    """Return the track events that arrive under an Insider One name, the scenario's own first."""
    known = [
        *events.sent_names,
        *sorted(events.feature_texts),
        *SPEC_EVENTS_BY_NORMALISED_NAME.values(),
    ]
    return [
        event for event in dict.fromkeys(known) if normalise_name(event) == name and event != name
    ]


def _suggest_event_name(
    name: str, vocabulary: KnownNames, events: ScenarioEventNames
) -> str | None:
    """Return the known event name that is one typing error away or has all words of *name*."""
    exact_names = [
        *events.received_names,
        *vocabulary.fixed_insider_event_names,
        *INSIDER_EVENT_NAMES,
    ]
    source_events = [
        *events.sent_names,
        *sorted(events.feature_texts),
        *SPEC_EVENTS_BY_NORMALISED_NAME.values(),
    ]
    known = {other: other for other in exact_names}
    for event in source_events:
        for arriving in (
            sorted(vocabulary.list_insider_event_names(event))
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
    """Return whether an event name's words include a form of each of the *required_words*."""
    stems = {word[:WORD_STEM_LENGTH] for word in words}
    return len(required_words) > 1 and all(
        word[:WORD_STEM_LENGTH] in stems for word in required_words
    )


_NUMBER_PROPERTY_NAMES = (
    "price quantity position total subtotal revenue shipping tax discount unit_price "
    "unit_sale_price value stock"
)
NUMBER_PROPERTIES = frozenset(_NUMBER_PROPERTY_NAMES.split())


def read_product_table(scene: ScenarioContext, table: StepTable) -> list[JSONObject]:
    """Return one product for each row of a step's table, after checking its property names.

    Raises: EmulatorError, for a table without rows or names, or a name that is a slip.
    """
    header, *lines = table
    where = " | ".join(header)
    if not lines or not scene.vocabulary.properties & {*header}:
        remedy = "Begin with a header such as: | product_id | price |."
        what = "the table has no rows" if not lines else "this header has no property name"
        raise EmulatorError(what, where, remedy)
    _reject_table_name_typos(scene, "property", header, scene.vocabulary.properties, where)
    products = parse_records(table)
    for line in lines:
        for name, cell in zip(header, line, strict=True):
            _reject_decimal_comma(name, cell, where)
    return products


def read_property_table(scene: ScenarioContext, table: StepTable, event: str) -> JSONObject:
    """Return the properties of a call from a step's table, after checking their names.

    Raises: EmulatorError.
    """
    return _read_checked_name_value_table(
        scene, "property", table, scene.vocabulary.list_event_properties(event)
    )


def read_trait_table(scene: ScenarioContext, table: StepTable) -> JSONObject:
    """Return the traits of an identify call from a step's table, after checking their names.

    Raises: EmulatorError.
    """
    return _read_checked_name_value_table(scene, "trait", table, scene.vocabulary.traits)


def reject_event_name_typo(scene: ScenarioContext, event: str) -> None:
    """Reject a track event name in a step that is one typing error away from a known name.

    Raises: EmulatorError.
    """
    near = scene.vocabulary.suggest_event_name(event)
    scene.texts.reject_misspelled_name("event", event, near, f'does "{event}"')


def reject_page_name_typo(scene: ScenarioContext, page: str) -> None:
    """Reject a page name in a step that is one typing error away from a name in a mapping.

    Raises: EmulatorError.
    """
    near = scene.vocabulary.suggest_page_name(page)
    scene.texts.reject_misspelled_name("page", page, near, f'the page "{page}"')


def require_iso_currency(scene: ScenarioContext, currency: str) -> None:
    """Reject a currency in a step that is not an ISO 4217 code.

    Raises: EmulatorError.
    """
    is_known, format_hint = VALUE_FORMATS["iso4217"]
    if not is_known(currency) and currency not in scene.texts.confirmed_names:
        remedy = f"Write {format_hint}. To send it anyway: {CONFIRM_NAME_STEP.format(currency)}."
        raise EmulatorError(f"unknown currency {currency!r}", f"in {currency}", remedy)


def _read_checked_name_value_table(
    scene: ScenarioContext, noun: str, table: StepTable, known: Iterable[str]
) -> JSONObject:
    values: dict[str, JSON] = parse_pairs(table, noun)
    where = f"the table of {noun} and value"
    _reject_table_name_typos(scene, noun, (name for name, _ in table[1:]), known, where)
    for name, cell in table[1:]:
        _reject_decimal_comma(name, cell, where)
    return nest_dotted_values(values)


def _reject_table_name_typos(
    scene: ScenarioContext, noun: str, names: Iterable[str], known: Iterable[str], where: str
) -> None:
    used_names = {
        part for text in scene.texts.scenario_texts for part in text.split(".") if "_" in part
    }
    for name in names:
        for part in name.split("."):
            if part not in known and not part.isdigit():
                scene.texts.reject_name_typo(noun, part, known, where)
                scene.texts.reject_name_typo(noun, part, used_names - {part}, where)


def _reject_decimal_comma(name: str, cell: str, where: str) -> None:
    """Reject a decimal comma in a property that must be a number.

    Raises: EmulatorError.
    """
    if name.rpartition(".")[2] in NUMBER_PROPERTIES and DECIMAL_COMMA_NUMBER.fullmatch(cell):
        point = cell.replace(".", "").replace(",", ".")
        remedy = f'Write {point}, or "{cell}" in quotes if it is a text.'
        raise EmulatorError(f"the {name} {cell} is not a number", where, remedy)
