"""Small workspaces with one thing wrong, and what a rule of lint finds in them."""

from typing import Any

from segment_insider_emulator.analysis.context import build_context
from segment_insider_emulator.analysis.lint import LintRule
from segment_insider_emulator.types import JSONObject

SUBSCRIPTIONS = "destination.subscriptions"
FIRST = f"{SUBSCRIPTIONS}[0]"
TRACK = 'type = "track"'


def path(place: str) -> JSONObject:
    return {"@path": f"$.{place}"}


def when(place: str, **branches: Any) -> JSONObject:
    return {"@if": {"exists": path(place), **branches}}


def workspace(*subscriptions: JSONObject, **changes: Any) -> JSONObject:
    destination = {
        "settings": {"account_name": "mybrand", "ucd_key": "test-key"},
        "subscriptions": list(subscriptions),
    }
    source = {"name": "Web shop", "writeKey": "wk_demo"}
    return {"source": source, "destination": destination | changes.pop("destination", {})} | changes


def subscription(slug: str = "trackEvent", name: str = "S", **changes: Any) -> JSONObject:
    return {"name": name, "actionSlug": slug} | changes


def mapped(slug: str = "trackEvent", **settings: Any) -> JSONObject:
    """A workspace of one subscription that maps what it must, and *settings*."""
    common = {"uuid": path("userId"), "timestamp": path("timestamp"), "event_name": path("event")}
    return workspace(subscription(slug, settings=common | settings))


def triggered(trigger: str) -> JSONObject:
    return workspace(subscription(trigger=trigger))


def found(rule: LintRule, document: JSONObject) -> list[tuple[str, str, str, str]]:
    return [(f.severity, f.where, f.what, f.remedy) for f in rule(build_context(document))]
