"""Contract cases made of traffic: one for each event and mapping that takes it."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count

import orjson

from segment_insider_emulator.contract.cases import compile_case
from segment_insider_emulator.contract.deployment import (
    PLACEHOLDER_ACCOUNT,
    DeployedWorkspace,
    copy_subscription,
)
from segment_insider_emulator.contract.normalising import CaseNormaliser
from segment_insider_emulator.contract.running import run_case
from segment_insider_emulator.types import JSON, JSONObject
from segment_insider_emulator.workspace import Workspace

_MAX_CASE_NAME_CHARS = 200  # with a number and .json behind it, file systems take it


@dataclass(slots=True)
class CaseRecording:
    """What was made of traffic.

    Args:
        cases: Sorted by name; of cases that are equal but for ids and times, one.
        events: How many events there were.
        stopped: Events that the workspace stops before any mapping, counted by the reason.
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
    """Make the cases of *events*.

    Args:
        events: As destinations are handed them.
        rules: See emulator.contract.normalising.
        has_key: Whether the key in *workspace* is the account's own.
    """
    deployment = DeployedWorkspace(workspace, workspace.source_name, has_real_key=has_real_key)
    normaliser = CaseNormaliser(rules)
    recorded_masks: set[bytes] = set()
    recording = CaseRecording()
    cases: list[JSONObject] = []
    for event in events:
        recording.event_count += 1
        if stop := deployment.find_rejection(event):
            recording.rejection_counts[str(stop)] += 1
            continue
        essence = orjson.dumps(normaliser.mask_varying_values(event), option=orjson.OPT_SORT_KEYS)
        if essence not in recorded_masks:
            recorded_masks.add(essence)
            cases += _record_event_cases(*normaliser.normalise_event(event), workspace, deployment)
    recording.cases = _name_cases(cases)
    return recording


def cases_to_ndjson(cases: Iterable[JSONObject]) -> bytes:
    """One case a line, in an order of keys that does not depend on who wrote them."""
    return b"".join(
        orjson.dumps(case, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
        for case in cases
    )


def case_to_json_file(case: JSONObject) -> bytes:
    """One case as a file of its own, which shows in a review what changed."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(case, option=options)


def _record_event_cases(
    event: JSONObject,
    applied_rules: dict[str, str],
    workspace: Workspace,
    deployed_workspace: DeployedWorkspace,
) -> Iterator[JSONObject]:
    for subscription in workspace.destination["subscriptions"]:
        if not subscription.get("enabled", True):
            continue
        settings = {**workspace.destination["settings"], **PLACEHOLDER_ACCOUNT}
        case: JSONObject = {
            "name": "",
            "destination": {"settings": settings},
            "subscription": copy_subscription(subscription),
            "reference": deployed_workspace.build_reference(subscription),
            "batch": False,
            "events": [event],
            "normalised": applied_rules,
        }
        happened = run_case(compile_case({**case, "name": "case"}, "case"))
        if happened["results"] != [{"status": "not_subscribed"}]:
            yield {**case, "expect": happened}


def _name_cases(cases: Iterable[JSONObject]) -> list[JSONObject]:
    """Each with a name: its event and mapping, and a number where several have both."""
    used_names: set[str] = set()
    named = []
    for case in cases:
        event = case["events"][0]
        called = event.get("event") or event.get("name") or event.get("type")
        name = _slugify(
            f"{called} by {case['subscription'].get('name') or case['subscription']['actionSlug']}"
        )
        numbered = (f"{name}-{number}" for number in count(2))
        name = next(each for each in chain([name], numbered) if each not in used_names)
        used_names.add(name)
        named.append({**case, "name": name})
    return sorted(named, key=lambda case: str(case["name"]))


def _slugify(text: JSON) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(text).lower()).strip("-")[:_MAX_CASE_NAME_CHARS] or "case"
