"""The recorder of contract cases from events, with stable values for ids and times."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, count

import orjson

from segment_insider_emulator.contract.cases import compile_case, run_case
from segment_insider_emulator.contract.deployed_workspace import (
    PLACEHOLDER_ACCOUNT,
    DeployedWorkspace,
    copy_recorded_subscription_fields,
)
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace

FIXED_TIME = "2026-01-01T00:00:00.000Z"
# Path in an event -> kind of replacement. A case records the applied rules.
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


def parse_normalisation_rules(rule_texts: list[str]) -> dict[str, str]:
    """Return the normalisation rules changed by texts such as "properties.order_id=order".

    Raises: EmulatorError.
    """
    rules = dict(DEFAULT_RULES)
    for text in rule_texts:
        place, sign, word = text.partition("=")
        if not (sign and place) or (word and not RULE_WORD.fullmatch(word)):
            remedy = (
                "Write PLACE=WORD: time, ip, version, or a word that is numbered, as in order-1."
            )
            raise EmulatorError(f"{text!r} is not a rule", "--rule", remedy)
        if word:
            rules[place] = word
        else:
            rules.pop(place, None)
    return rules


@dataclass(slots=True)
class CaseNormaliser:
    """Normaliser of events for contract cases: equal values get equal numbers."""

    rules: dict[str, str]
    _numbered_values: dict[tuple[str, str], str] = field(default_factory=dict)

    def normalise_event(self, event: JSONObject) -> tuple[JSONObject, dict[str, str]]:
        """Return *event* with stable values, and the rules that were applied."""
        changed = deepcopy(event)
        applied = {
            place: word
            for place, word in self.rules.items()
            if _replace_event_value_at_path(
                changed, place.split("."), partial(self._get_stable_value, word)
            )
        }
        return changed, applied

    def mask_varying_values(self, event: JSONObject) -> JSONObject:
        """Return *event* with placeholders for varying values; equal events make one case."""
        bare = deepcopy(event)
        for place, word in self.rules.items():
            _replace_event_value_at_path(bare, place.split("."), partial(_get_rule_word, word))
        return bare

    def _get_stable_value(self, word: str, value: JSON) -> str:
        if word in FIXED_VALUES:
            return FIXED_VALUES[word]
        known = len([known_word for known_word, _ in self._numbered_values if known_word == word])
        return self._numbered_values.setdefault((word, repr(value)), f"{word}-{known + 1}")


def _get_rule_word(word: str, _value: JSON) -> str:
    return word


def _replace_event_value_at_path(
    event: JSON, steps: list[str], replacement: Callable[[JSON], str]
) -> bool:
    """Replace the value at a path of an event; return whether there was one."""
    *outer, last = steps
    for step in outer:
        event = event.get(step) if isinstance(event, dict) else None
    if not isinstance(event, dict) or event.get(last) is None:
        return False
    event[last] = replacement(event[last])
    return True


_MAX_CASE_NAME_CHARS = 200  # leaves room for a number and .json in a file name


@dataclass(slots=True)
class CaseRecording:
    """Result of a recording: the contract cases and counts of events.

    Args:
        cases: Sorted by name; of cases that are equal but for ids and times, one.
        event_count: How many events there were.
        rejection_counts: Events that the workspace stops before any mapping, counted by the reason.
    """

    cases: list[JSONObject] = field(default_factory=list)
    event_count: int = 0
    rejection_counts: Counter[str] = field(default_factory=Counter)


def record_cases(
    events: Iterable[JSONObject],
    workspace: Workspace,
    rules: dict[str, str],
    *,
    has_real_key: bool = True,
) -> CaseRecording:
    """Record contract cases from *events*.

    Args:
        events: As destinations are handed them.
        rules: See emulator.contract.normalising.
        has_real_key: Whether the key in *workspace* is the account's own.
    """
    deployment = DeployedWorkspace(workspace, workspace.source_name, has_real_key=has_real_key)
    normaliser = CaseNormaliser(rules)
    recorded_masks: set[bytes] = set()
    recording = CaseRecording()
    cases: list[JSONObject] = []
    for event in events:
        recording.event_count += 1
        if stop := deployment.find_event_rejection(event):
            recording.rejection_counts[str(stop)] += 1
            continue
        essence = orjson.dumps(normaliser.mask_varying_values(event), option=orjson.OPT_SORT_KEYS)
        if essence not in recorded_masks:
            recorded_masks.add(essence)
            cases += _record_event_cases(*normaliser.normalise_event(event), workspace, deployment)
    recording.cases = _assign_case_names(cases)
    return recording


def format_cases_as_ndjson(cases: Iterable[JSONObject]) -> bytes:
    """Return contract cases as NDJSON with sorted keys."""
    return b"".join(
        orjson.dumps(case, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        for case in cases
    )


def format_case_as_json(case: JSONObject) -> bytes:
    """Return one contract case as indented JSON with sorted keys."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(case, option=options)


def _record_event_cases(
    event: JSONObject,
    applied_rules: dict[str, str],
    workspace: Workspace,
    deployed_workspace: DeployedWorkspace,
) -> Iterator[JSONObject]:
    passed = deployed_workspace.run_functions(event)
    received = {"received": [event]} if passed.trigger_event else {}
    for subscription in workspace.destination["subscriptions"]:
        if not subscription.get("enabled", True):
            continue
        settings = {**workspace.destination["settings"], **PLACEHOLDER_ACCOUNT}
        case: JSONObject = {
            "name": "",
            "destination": {"settings": settings},
            "subscription": copy_recorded_subscription_fields(subscription),
            "reference": deployed_workspace.build_subscription_reference(subscription),
            "batch": False,
            "events": [passed.event],
            **received,
            "normalised": applied_rules,
        }
        happened = run_case(compile_case({**case, "name": "case"}, "case"))
        if happened["results"] != [{"status": "not_subscribed"}]:
            yield {**case, "expect": happened}


def _assign_case_names(cases: Iterable[JSONObject]) -> list[JSONObject]:
    """Give each contract case a name from its event and mapping, with a number if needed."""
    used_names: set[str] = set()
    named = []
    for case in cases:
        event = case["events"][0]
        called = event.get("event") or event.get("name") or event.get("type")
        name = _slugify(
            f"{called} by {case['subscription'].get('name') or case['subscription']['actionSlug']}"
        )
        numbered = (f"{name}-{number}" for number in count(2))
        name = next(option for option in chain([name], numbered) if option not in used_names)
        used_names.add(name)
        named.append({**case, "name": name})
    return sorted(named, key=lambda case: str(case["name"]))


def _slugify(text: JSON) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-")[:_MAX_CASE_NAME_CHARS] or "case"
