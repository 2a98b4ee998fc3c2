"""Small workspaces with one mistake, and the findings of a lint rule in them."""

from typing import Any

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.lint import LintRule
from segment_insider_emulator.types import JSONObject

SUBSCRIPTIONS = "destination.subscriptions"
FIRST = f"{SUBSCRIPTIONS}[0]"
TRACK = 'type = "track"'


def make_path(place: str) -> JSONObject:
    return {"@path": f"$.{place}"}


def make_condition(place: str, **branches: Any) -> JSONObject:
    return {"@if": {"exists": make_path(place), **branches}}


def make_workspace(*subscriptions: JSONObject, **changes: Any) -> JSONObject:
    destination = {
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": list(subscriptions),
    }
    source = {"name": "Web shop", "writeKey": "wk_demo"}
    return {"source": source, "destination": destination | changes.pop("destination", {})} | changes


def make_subscription(slug: str = "trackEvent", name: str = "S", **changes: Any) -> JSONObject:
    return {"name": name, "actionSlug": slug} | changes


def make_mapped_workspace(slug: str = "trackEvent", **settings: Any) -> JSONObject:
    """Return a workspace with one subscription that maps required fields and *settings*."""
    common = {
        "uuid": make_path("userId"),
        "timestamp": make_path("timestamp"),
        "event_name": make_path("event"),
    }
    return make_workspace(make_subscription(slug, settings=common | settings))


def make_triggered_workspace(trigger: str) -> JSONObject:
    return make_workspace(make_subscription(trigger=trigger))


def run_rule(rule: LintRule, document: JSONObject) -> list[tuple[str, str, str, str]]:
    return [(f.severity, f.where, f.what, f.remedy) for f in rule(build_context(document))]
