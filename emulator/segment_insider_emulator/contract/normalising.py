"""What changes from run to run in recorded events, put to values that stay: ids and times."""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject

FIXED_TIME = "2026-01-01T00:00:00.000Z"
# Place in an event -> what becomes of it. A case states those that were applied to it.
DEFAULT_RULES = {
    "messageId": "message",
    "anonymousId": "anonymous",
    "timestamp": "time",
    "originalTimestamp": "time",
    "sentAt": "time",
    "receivedAt": "time",
    "context.ip": "ip",
    "context.library.version": "version",
}
FIXED_VALUES = {"time": FIXED_TIME, "ip": "192.0.2.1", "version": "1.0.0"}
RULE_WORD = re.compile(r"[a-z][a-z-]*")


def parse_rules(rule_texts: list[str]) -> dict[str, str]:
    """RULES with those of *given*, such as "properties.order_id=order", "context.ip=" for none.

    Raises: EmulatorError.
    """
    rules = dict(DEFAULT_RULES)
    for text in rule_texts:
        place, sign, word = text.partition("=")
        if not (sign and place) or (word and not RULE_WORD.fullmatch(word)):
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
class CaseNormaliser:
    """Applies rules to events; equal values get equal numbers, in the order of their first use."""

    rules: dict[str, str]
    _numbered_values: dict[tuple[str, str], str] = field(default_factory=dict)

    def normalise_event(self, event: JSONObject) -> tuple[JSONObject, dict[str, str]]:
        """*event* with what the rules make of it, and the rules that applied."""
        changed = deepcopy(event)
        applied = {
            place: word
            for place, word in self.rules.items()
            if _replace_value_at(changed, place.split("."), partial(self._get_stable_value, word))
        }
        return changed, applied

    def mask_varying_values(self, event: JSONObject) -> JSONObject:
        """*event* without what the rules are about: equal for events that are one case."""
        bare = deepcopy(event)
        for place, word in self.rules.items():
            _replace_value_at(bare, place.split("."), partial(_get_rule_word, word))
        return bare

    def _get_stable_value(self, word: str, value: JSON) -> str:
        if word in FIXED_VALUES:
            return FIXED_VALUES[word]
        known = len([each for each, _ in self._numbered_values if each == word])
        return self._numbered_values.setdefault((word, repr(value)), f"{word}-{known + 1}")


def _get_rule_word(word: str, _value: JSON) -> str:
    return word


def _replace_value_at(event: JSON, steps: list[str], replacement: Callable[[JSON], str]) -> bool:
    """Replace the value at the end of *steps*; whether there was one."""
    *outer, last = steps
    for step in outer:
        event = event.get(step) if isinstance(event, dict) else None
    if not isinstance(event, dict) or event.get(last) is None:
        return False
    event[last] = replacement(event[last])
    return True
