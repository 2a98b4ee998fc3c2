"""What changes from run to run in recorded events, put to values that stay: ids and times."""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject

TIME = "2026-01-01T00:00:00.000Z"
# Place in an event -> what becomes of it. A case states those that were applied to it.
RULES = {
    "messageId": "message",
    "anonymousId": "anonymous",
    "timestamp": "time",
    "originalTimestamp": "time",
    "sentAt": "time",
    "receivedAt": "time",
    "context.ip": "ip",
    "context.library.version": "version",
}
FIXED = {"time": TIME, "ip": "192.0.2.1", "version": "1.0.0"}
WORD = re.compile(r"[a-z][a-z-]*")


def read_rules(given: list[str]) -> dict[str, str]:
    """RULES with those of *given*, such as "properties.order_id=order", "context.ip=" for none.

    Raises: EmulatorError.
    """
    rules = dict(RULES)
    for text in given:
        place, sign, word = text.partition("=")
        if not (sign and place) or (word and not WORD.fullmatch(word)):
            remedy = (
                "Write PLACE=WORD: time, ip, version, or a word that is numbered, as in order-1."
            )
            raise EmulatorError(f"{text!r} is no rule", "--rule", remedy)
        if word:
            rules[place] = word
        else:
            rules.pop(place, None)
    return rules


@dataclass(slots=True)
class Normaliser:
    """Applies rules to events; equal values get equal numbers, in the order of their first use."""

    rules: dict[str, str]
    _numbers: dict[tuple[str, str], str] = field(default_factory=dict)

    def event(self, event: JSONObject) -> tuple[JSONObject, dict[str, str]]:
        """*event* with what the rules make of it, and the rules that applied."""
        changed = deepcopy(event)
        applied = {
            place: word
            for place, word in self.rules.items()
            if _replace(changed, place.split("."), partial(self._steady, word))
        }
        return changed, applied

    def essence(self, event: JSONObject) -> JSONObject:
        """*event* without what the rules are about: equal for events that are one case."""
        bare = deepcopy(event)
        for place, word in self.rules.items():
            _replace(bare, place.split("."), partial(_without_value, word))
        return bare

    def _steady(self, word: str, value: JSON) -> str:
        if word in FIXED:
            return FIXED[word]
        known = len([each for each, _ in self._numbers if each == word])
        return self._numbers.setdefault((word, repr(value)), f"{word}-{known + 1}")


def _without_value(word: str, _value: JSON) -> str:
    return word


def _replace(at: JSON, steps: list[str], steady: Callable[[JSON], str]) -> bool:
    """Replace the value at the end of *steps*; whether there was one."""
    *outer, last = steps
    for step in outer:
        at = at.get(step) if isinstance(at, dict) else None
    if not isinstance(at, dict) or at.get(last) is None:
        return False
    at[last] = steady(at[last])
    return True
