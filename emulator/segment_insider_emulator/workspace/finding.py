"""What a check of a workspace file has to say."""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["error", "warning", "note"]
MAX_COMPARED_CHARACTERS = 100  # characters of a name that is compared with the known ones
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True, slots=True)
class WorkspaceFinding:
    """One thing to know about a workspace file.

    Args:
        severity: "error" does not work, "warning" does something else than it seems, "note" is
            how Segment or Insider One are.
        where: Dotted path; "" is the whole file. The name of a subscription follows its index,
            e.g. "destination.subscriptions[3] 'Purchases'.trigger".
        what: The fault, a sentence without its full stop. Never holds a value that may be secret.
        remedy: What to write instead, a full sentence.
    """

    severity: Severity
    where: str
    what: str
    remedy: str


def suggest_name(name: str, known_names: list[str]) -> str:
    """A sentence that names the nearest of *known*, or else all of them."""
    folded = {each.casefold(): each for each in known_names if len(each) <= MAX_COMPARED_CHARACTERS}
    # The comparison takes quadratic time, and a longer word is no slip of the pen.
    near = (
        get_close_matches(name.casefold(), folded, n=1)
        if len(name) <= MAX_COMPARED_CHARACTERS
        else ()
    )
    if near:
        return f"Did you mean {folded[near[0]]!r}?"
    return f"Known: {', '.join(known_names)}."
