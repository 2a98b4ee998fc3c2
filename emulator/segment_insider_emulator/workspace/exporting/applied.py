"""A workspace with everything spelled out that a workspace file may leave to the catalogue."""

from segment_insider_emulator.mapping.catalog import ACTIONS, DESTINATION_NAME
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.exporting.identity import ACTION_IDS
from segment_insider_emulator.workspace.model import Workspace

SCHEMA_SETTING_KEYS = (
    "track",
    "identify",
    "group",
    "forwardingViolationsTo",
    "forwardingBlockedEventsTo",
)
# Stands for a secret; whoever applies an export puts the real one there.
SECRET_PLACEHOLDER = "<ucd_key>"


def export_destination(workspace: Workspace, *, keep_secrets: bool) -> JSONObject:
    """The destination as Segment stores it: name, enabled and settings."""
    own = workspace.destination
    secret = {} if keep_secrets else {"ucd_key": SECRET_PLACEHOLDER}
    return {
        "name": own.get("name", DESTINATION_NAME),
        "enabled": own.get("enabled", True),
        "settings": own["settings"] | secret,
    }


def export_subscriptions(workspace: Workspace) -> list[JSONObject]:
    """The subscriptions as Segment stores them, in order; `id` and `modelId` where known."""
    return [_export_subscription(each) for each in workspace.destination["subscriptions"]]


def with_defaults(subscription: JSONObject) -> JSONObject:
    """*subscription* with trigger, switch and mapping, whatever it leaves to the catalogue."""
    action = ACTIONS[subscription["actionSlug"]]
    left_to_it = {"trigger": action.trigger, "enabled": True, "settings": action.default_mapping}
    said = {key: subscription[key] for key in subscription if key not in left_to_it}
    return said | {key: subscription.get(key, own) for key, own in left_to_it.items()}


def export_filters(workspace: Workspace) -> list[JSONObject]:
    """The destination filters as Segment stores them, in order."""
    return [
        {"title": "", "enabled": True, **each} for each in workspace.destination.get("filters", [])
    ]


def export_tracking_plan(workspace: Workspace) -> JSONObject | None:
    """The tracking plan as Segment stores it, `id` "" where it is not known; None without one."""
    own = workspace.tracking_plan
    if own is None:
        return None
    rules = [
        {"type": each.kind, "key": each.key, "version": each.version, "jsonSchema": each.schema}
        for each in own.rules
    ]
    return {"id": own.id, "name": own.name or "Tracking plan", "rules": rules}


def export_schema_settings(workspace: Workspace) -> JSONObject:
    """What the source does about violations, {} where nothing is said."""
    settings = workspace.document["source"].get("settings", {})
    return {key: settings[key] for key in SCHEMA_SETTING_KEYS if key in settings}


def list_unexported_paths(workspace: Workspace, *, exports_schema_settings: bool) -> list[str]:
    """What of Segment's end an export has no place for, as dotted places of the workspace file.

    Args:
        controlled: Whether what the source does about violations has one.
    """
    document = workspace.document
    return [
        *(["source.schema"] if document["source"].get("schema") else []),
        *(
            f"source.settings.{key}"
            for key in export_schema_settings(workspace)
            if not exports_schema_settings
        ),
        *(key for key in ("sources", "oauth") if document.get(key)),
    ]


def _export_subscription(subscription: JSONObject) -> JSONObject:
    whole = with_defaults(subscription)
    known = {key: subscription[key] for key in ("id", "modelId") if subscription.get(key)}
    return known | {
        "name": subscription["name"],
        "actionId": ACTION_IDS[subscription["actionSlug"]],
        "trigger": whole["trigger"],
        "enabled": whole["enabled"],
        "settings": whole["settings"],
    }
