"""Contract cases made of traffic: one for each event and mapping that takes it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

import orjson

from emulator.contract.cases import compiled
from emulator.contract.normalising import Normaliser
from emulator.contract.running import actual
from emulator.types import JSON, JSONObject
from emulator.workspace import Workspace

ACCOUNT = {"account_name": "account", "ucd_key": "key"}  # a real key is nobody's business in a repo


def record(
    events: Iterable[JSONObject], workspace: Workspace, rules: dict[str, str]
) -> list[JSONObject]:
    """The cases, sorted by name; of cases that are equal but for ids and times, one.

    Args:
        events: As destinations are handed them.
        rules: See emulator.contract.normalising.
    """
    normaliser = Normaliser(rules)
    seen: set[bytes] = set()
    cases: list[JSONObject] = []
    for event in events:
        essence = orjson.dumps(normaliser.essence(event), option=orjson.OPT_SORT_KEYS)
        if essence not in seen:
            seen.add(essence)
            cases += _cases(*normaliser.event(event), workspace)
    return _named(cases)


def text_of(cases: Iterable[JSONObject]) -> bytes:
    """One case a line, in an order of keys that does not depend on who wrote them."""
    return b"".join(
        orjson.dumps(case, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        for case in cases
    )


def file_text(case: JSONObject) -> bytes:
    """One case as a file of its own, which shows in a review what changed."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(case, option=options)


def _cases(
    event: JSONObject, applied: dict[str, str], workspace: Workspace
) -> Iterator[JSONObject]:
    for subscription in workspace.destination["subscriptions"]:
        if not subscription.get("enabled", True):
            continue
        settings = {**workspace.destination["settings"], **ACCOUNT}
        case: JSONObject = {
            "name": "",
            "destination": {"settings": settings},
            "subscription": {key: subscription[key] for key in KEPT if key in subscription},
            "batch": False,
            "events": [event],
            "normalised": applied,
        }
        happened = actual(compiled({**case, "name": "case"}, "case"))
        if happened["results"] != [{"status": "not_subscribed"}]:
            yield {**case, "expect": happened}


KEPT = ("name", "actionSlug", "trigger", "settings", "enabled")


def _named(cases: Iterable[JSONObject]) -> list[JSONObject]:
    """Each with a name: its event and mapping, and a number where several have both."""
    seen: Counter[str] = Counter()
    named = []
    for case in cases:
        event = case["events"][0]
        called = event.get("event") or event.get("name") or event.get("type")
        name = _slug(
            f"{called} by {case['subscription'].get('name') or case['subscription']['actionSlug']}"
        )
        seen[name] += 1
        named.append({**case, "name": name if seen[name] == 1 else f"{name}-{seen[name]}"})
    return sorted(named, key=lambda case: str(case["name"]))


def _slug(text: JSON) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-") or "case"
