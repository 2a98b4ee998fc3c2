"""Contract cases made of traffic: one for each event and mapping that takes it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count

import orjson

from segment_insider_emulator.contract.cases import compiled
from segment_insider_emulator.contract.deployment import ACCOUNT, Deployment, frozen
from segment_insider_emulator.contract.normalising import Normaliser
from segment_insider_emulator.contract.running import actual
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace

_LONGEST_NAME = 200  # with a number and .json behind it, file systems take it


@dataclass(slots=True)
class Recording:
    """What was made of traffic.

    Args:
        cases: Sorted by name; of cases that are equal but for ids and times, one.
        events: How many events there were.
        stopped: Events that the workspace stops before any mapping, counted by the reason.
    """

    cases: list[JSONObject] = field(default_factory=list)
    events: int = 0
    stopped: Counter[str] = field(default_factory=Counter)


def record(
    events: Iterable[JSONObject],
    workspace: Workspace,
    rules: dict[str, str],
    *,
    has_key: bool = True,
) -> Recording:
    """Make the cases of *events*.

    Args:
        events: As destinations are handed them.
        rules: See emulator.contract.normalising.
        has_key: Whether the key in *workspace* is the account's own.
    """
    deployment = Deployment(workspace, workspace.name, has_key=has_key)
    normaliser = Normaliser(rules)
    seen: set[bytes] = set()
    recording = Recording()
    cases: list[JSONObject] = []
    for event in events:
        recording.events += 1
        if stop := deployment.stop(event):
            recording.stopped[str(stop)] += 1
            continue
        essence = orjson.dumps(normaliser.essence(event), option=orjson.OPT_SORT_KEYS)
        if essence not in seen:
            seen.add(essence)
            cases += _cases(*normaliser.event(event), workspace, deployment)
    recording.cases = _named(cases)
    return recording


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
    event: JSONObject, applied: dict[str, str], workspace: Workspace, deployment: Deployment
) -> Iterator[JSONObject]:
    for subscription in workspace.destination["subscriptions"]:
        if not subscription.get("enabled", True):
            continue
        settings = {**workspace.destination["settings"], **ACCOUNT}
        case: JSONObject = {
            "name": "",
            "destination": {"settings": settings},
            "subscription": frozen(subscription),
            "reference": deployment.reference(subscription),
            "batch": False,
            "events": [event],
            "normalised": applied,
        }
        happened = actual(compiled({**case, "name": "case"}, "case"))
        if happened["results"] != [{"status": "not_subscribed"}]:
            yield {**case, "expect": happened}


def _named(cases: Iterable[JSONObject]) -> list[JSONObject]:
    """Each with a name: its event and mapping, and a number where several have both."""
    taken: set[str] = set()
    named = []
    for case in cases:
        event = case["events"][0]
        called = event.get("event") or event.get("name") or event.get("type")
        name = _slug(
            f"{called} by {case['subscription'].get('name') or case['subscription']['actionSlug']}"
        )
        numbered = (f"{name}-{number}" for number in count(2))
        name = next(each for each in chain([name], numbered) if each not in taken)
        taken.add(name)
        named.append({**case, "name": name})
    return sorted(named, key=lambda case: str(case["name"]))


def _slug(text: JSON) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-")[:_LONGEST_NAME] or "case"
