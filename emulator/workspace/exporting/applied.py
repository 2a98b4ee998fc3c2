"""A workspace with everything spelled out that a workspace file may leave to the catalogue."""

from emulator.mapping.catalog import ACTIONS, DESTINATION_NAME
from emulator.types import JSONObject
from emulator.workspace.exporting.identity import ACTION_IDS
from emulator.workspace.model import Workspace

# Stands for a secret; whoever applies an export puts the real one there.
PLACEHOLDER = "<ucd_key>"


def destination(workspace: Workspace, *, keep_secrets: bool) -> JSONObject:
    """The destination as Segment stores it: name, enabled and settings."""
    own = workspace.destination
    secret = {} if keep_secrets else {"ucd_key": PLACEHOLDER}
    return {
        "name": own.get("name", DESTINATION_NAME),
        "enabled": own.get("enabled", True),
        "settings": own["settings"] | secret,
    }


def subscriptions(workspace: Workspace) -> list[JSONObject]:
    """The subscriptions as Segment stores them, in order; `id` and `modelId` where known."""
    return [_subscription(each) for each in workspace.destination["subscriptions"]]


def filters(workspace: Workspace) -> list[JSONObject]:
    """The destination filters as Segment stores them, in order."""
    return [
        {"title": "", "enabled": True, **each} for each in workspace.destination.get("filters", [])
    ]


def _subscription(own: JSONObject) -> JSONObject:
    action = ACTIONS[own["actionSlug"]]
    known = {key: own[key] for key in ("id", "modelId") if own.get(key)}
    return known | {
        "name": own["name"],
        "actionId": ACTION_IDS[action.slug],
        "trigger": own.get("trigger", action.trigger),
        "enabled": own.get("enabled", True),
        "settings": own.get("settings", action.default_mapping),
    }
