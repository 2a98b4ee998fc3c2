"""Mutants that mean the same as the original scenario, and why."""

import re
from collections.abc import Callable
from contextlib import suppress

import orjson
from mutations import Mutant
from shipped_features import (
    COUNT,
    EXAMPLES_HEADER,
    EXPECTED,
    HEADER,
    KEYWORD,
    PLACEHOLDER_KIND,
    REMOVED_WHEN,
    STEP,
    STEP_WORD,
    TEXT,
    TITLE,
)

from segment_insider_emulator.similar_names import is_typo_of_text
from segment_insider_emulator.workspace.known_names import ALL_SPEC_NAMES

# Before a text that the shop chooses freely, and that goes through as it is.
FREE = re.compile(
    r"(?:cart|order|checkout|category|screen|group|known as|device|stands at|does|the page"
    r'|integration) "$'
)
# Scenarios that say of their When that it changes nothing.
UNCHANGED = (
    "Whoever is inside does not enter again, whatever else goes into the cart",
    "Whoever takes everything out again stays in the journey",
    "Nothing would be sent about a cart that was bought",
    "A minute before Ada still waits",
    "A day later",
    "Shopping says nothing about opt-ins",
    "A new opt-in does not take the unsubscribe back",
)


def explain_equivalence(mutant: Mutant) -> str | None:
    """Return why *mutant* is as right as the original; None when a test should fail."""
    return next((reason for reason, holds in REASONS.items() if holds(mutant)), None)


def _is_only_occurrence(mutant: Mutant) -> bool:
    """Return whether the word occurs nowhere else in the scenario."""
    return mutant.before not in _other_text(mutant)


def _other_text(mutant: Mutant) -> str:
    """Return the steps and tables of the scenario without the word and the titles."""
    lines, site = list(mutant.scenario.lines), mutant.site
    lines[site.line] = lines[site.line][: site.start] + lines[site.line][site.end :]
    return "\n".join(line for line in lines if not TITLE.match(line))


def _is_free_text(mutant: Mutant) -> bool:
    before = mutant.scenario.lines[mutant.site.line][: mutant.site.start]
    if mutant.site.kind != TEXT or not FREE.search(before):
        return False
    if before.endswith(' device "'):  # which no cell names: one with "phone" is an attribute
        return f'"{mutant.before}"' not in _other_text(mutant)
    return _is_only_occurrence(mutant)


def _is_own_property(mutant: Mutant) -> bool:
    return (
        mutant.site.kind == HEADER
        and mutant.before not in ALL_SPEC_NAMES
        and _is_only_occurrence(mutant)
    )


def _is_only_person(mutant: Mutant) -> bool:
    line = mutant.scenario.lines[mutant.site.line]
    first = (match := STEP.match(line)) and match.start(3) == mutant.site.start
    return mutant.site.kind == STEP_WORD and bool(first) and _is_only_occurrence(mutant)


def _is_amount_before_the_then(mutant: Mutant) -> bool:
    if mutant.site.kind != COUNT:
        return False
    lines = mutant.scenario.lines[: mutant.site.line + 1]
    words = [match[2] for line in lines if (match := STEP.match(line))]
    step = next(word for word in reversed(words) if word in ("Given", "When", "Then"))
    return step != "Then"


def _is_the_same_number(mutant: Mutant) -> bool:
    with suppress(ValueError):
        if mutant.site.kind == EXPECTED:
            same: bool = orjson.loads(mutant.before) == orjson.loads(mutant.after)
            return same
        return mutant.site.kind == COUNT and int(mutant.before) == int(mutant.after)
    return False


def _is_looser_bound(mutant: Mutant) -> bool:
    line = mutant.scenario.lines[mutant.site.line]
    return mutant.site.kind == EXPECTED and ("| at least " in line or "| at most " in line)


def _changes_only_case(mutant: Mutant) -> bool:
    same = mutant.before.casefold() == mutant.after.casefold()
    return mutant.site.kind == STEP_WORD and same


def _is_cart_of_a_series(mutant: Mutant) -> bool:
    """Return whether the word is a cart id like c-9 that no Then reads."""
    before = mutant.scenario.lines[mutant.site.line][: mutant.site.start]
    unread = before.endswith((' to cart "', ' from cart "')) and "cart_id" not in _other_text(
        mutant
    )
    return unread and not is_typo_of_text(mutant.before, mutant.after)


def _is_longer_value(mutant: Mutant) -> bool:
    return (
        mutant.before in mutant.after
        and mutant.site.kind == PLACEHOLDER_KIND
        and _is_only_occurrence(mutant)
    )


def _is_part_of_reason(mutant: Mutant) -> bool:
    before = mutant.scenario.lines[mutant.site.line][: mutant.site.start]
    return before.endswith(' because "') and mutant.after in mutant.before


def _is_unread_column(mutant: Mutant) -> bool:
    return mutant.site.kind == EXAMPLES_HEADER and f"<{mutant.before}>" not in _other_text(mutant)


def _says_that_nothing_changes(mutant: Mutant) -> bool:
    titles = (line.strip() for line in mutant.scenario.lines)
    return mutant.site.kind == REMOVED_WHEN and any(
        title.partition(": ")[2] in UNCHANGED for title in titles if title.startswith("Scenario")
    )


REASONS: dict[str, Callable[[Mutant], bool]] = {
    "an id or a name of the shop that no other step has: any other is as right": _is_free_text,
    "a property of the shop that no other step has: any other is as right": _is_own_property,
    "the only step with this person: any other is as right": _is_only_person,
    "a time, a status or a count before the Then: any other is as right": (
        _is_amount_before_the_then
    ),
    "a bound, which holds for other numbers, too": _is_looser_bound,
    "the same number": _is_the_same_number,
    "the words of a step may have capitals": _changes_only_case,
    "an id of the same series for a cart that no Then asks for": _is_cart_of_a_series,
    "a longer value, which no other step has: any other is as right": _is_longer_value,
    "a part of a reason, which the step asks for": _is_part_of_reason,
    "a column that no step reads": _is_unread_column,
    "a rule groups scenarios, and changes none of them": lambda mutant: (
        mutant.site.kind == KEYWORD and mutant.before == "Rule"
    ),
    "the scenario says that this step changes nothing": _says_that_nothing_changes,
}
