"""What Segment calls the destination and its actions in its catalogue.

Source: Segment's published catalogue; slugs and triggers stand in the mapping core.
"""

from collections.abc import Iterator

from segment_insider_emulator.mapping.catalog import ACTIONS, DESTINATION_NAME
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import Workspace

DESTINATION_METADATA_ID = "643697f531f98a978f414453"

# Slug -> actionId.
ACTION_IDS = {
    "updateUserProfile": "4eDL7bCbqSbFusKgkdfbwT",
    "trackEvent": "jR4ZKLguthvzW1gJJTtVnj",
    "productListViewedEvent": "4AmDqUQnbvrGNrGPxp3XFx",
    "productViewedEvent": "hesicNdpEf2spdcfWygXP1",
    "productAddedEvent": "n6y6Rg2aMws2rrNvsJvUAe",
    "productRemovedEvent": "dExYkQHzmTjt3U21gnKgKh",
    "userRegisteredEvent": "8muY7yrZPk25Fhhvf163FG",
    "cartViewedEvent": "ah446xfUXwiPSrEXyiDiQp",
    "checkoutEvent": "gWAXZgpgGCgNSoYvTw6xnv",
    "orderCompletedEvent": "xjHAWdHAw2SMv7kL1RD7f8",
}
ACTION_SLUGS = {action_id: slug for slug, action_id in ACTION_IDS.items()}

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


ALPHA_CONTENT_TYPE = "application/vnd.segment.v1alpha+json"
V1_CONTENT_TYPE = "application/vnd.segment.v1+json"
MAX_RULES_PER_REQUEST = 200  # of a tracking plan, in one request


def build_api_requests(workspace: Workspace, *, keep_secrets: bool = False) -> list[JSONObject]:
    """The requests in the order in which they are made.

    Returns: [{"method", "path", "contentType", "body"}]; a path may have {destinationId} in it
        or {trackingPlanId} in it, and "<sourceId>", to be filled in by whoever makes the requests.
    """
    own = workspace.destination
    return [
        _destination_request(workspace, keep_secrets=keep_secrets),
        *(_subscription_request(own, each) for each in export_subscriptions(workspace)),
        *(_filter_request(own, each) for each in export_filters(workspace)),
        *_tracking_plan_requests(own, export_tracking_plan(workspace)),
        *_schema_settings_requests(own, export_schema_settings(workspace)),
    ]


def _destination_request(workspace: Workspace, *, keep_secrets: bool) -> JSONObject:
    body = export_destination(workspace, keep_secrets=keep_secrets)
    own = workspace.destination
    if own.get("id"):
        return _build_request("PATCH", f"/destinations/{own['id']}", V1_CONTENT_TYPE, body)
    return _build_request(
        "POST",
        "/destinations",
        V1_CONTENT_TYPE,
        {"sourceId": _source_id(own), "metadataId": DESTINATION_METADATA_ID} | body,
    )


def _subscription_request(destination: JSONObject, subscription: JSONObject) -> JSONObject:
    where = f"/destinations/{_destination_id(destination)}/subscriptions"
    body = {key: value for key, value in subscription.items() if key != "id"}
    if "id" not in subscription:
        return _build_request("POST", where, ALPHA_CONTENT_TYPE, body)
    # An action cannot be exchanged; the id stays for whoever reads the request.
    change = {key: body[key] for key in ("name", "trigger", "enabled", "settings")}
    path = f"{where}/{subscription['id']}"
    return _build_request("PATCH", path, ALPHA_CONTENT_TYPE, {"input": change}) | {
        "actionId": body["actionId"]
    }


def _filter_request(destination: JSONObject, destination_filter: JSONObject) -> JSONObject:
    where = f"/destination/{_destination_id(destination)}/filters"
    kept = ("title", "description", "if", "actions", "enabled")
    body = {key: destination_filter[key] for key in kept if key in destination_filter}
    if destination_filter.get("id"):
        return _build_request("PATCH", f"{where}/{destination_filter['id']}", V1_CONTENT_TYPE, body)
    return _build_request(
        "POST", where, V1_CONTENT_TYPE, {"sourceId": _source_id(destination)} | body
    )


def _tracking_plan_requests(
    destination: JSONObject, plan: JSONObject | None
) -> Iterator[JSONObject]:
    if plan is None:
        return
    if not plan["id"]:
        yield _build_request(
            "POST", "/tracking-plans", V1_CONTENT_TYPE, {"name": plan["name"], "type": "LIVE"}
        )
    where = f"/tracking-plans/{plan['id'] or '{trackingPlanId}'}"
    rules = plan["rules"]
    yield _build_request(
        "PUT", f"{where}/rules", V1_CONTENT_TYPE, {"rules": rules[:MAX_RULES_PER_REQUEST]}
    )
    for first in range(MAX_RULES_PER_REQUEST, len(rules), MAX_RULES_PER_REQUEST):
        # PUT replaces all rules, PATCH adds to them.
        yield _build_request(
            "PATCH",
            f"{where}/rules",
            V1_CONTENT_TYPE,
            {"rules": rules[first : first + MAX_RULES_PER_REQUEST]},
        )
    yield _build_request(
        "POST", f"{where}/sources", V1_CONTENT_TYPE, {"sourceId": _source_id(destination)}
    )


def _schema_settings_requests(
    destination: JSONObject, schema_settings: JSONObject
) -> Iterator[JSONObject]:
    if schema_settings:
        yield _build_request(
            "PATCH",
            f"/sources/{_source_id(destination)}/settings",
            V1_CONTENT_TYPE,
            schema_settings,
        )


def _destination_id(destination: JSONObject) -> str:
    return str(destination.get("id") or "{destinationId}")


def _source_id(destination: JSONObject) -> str:
    return str(destination.get("sourceId") or "<sourceId>")


def _build_request(method: str, path: str, content_type: str, body: JSONObject) -> JSONObject:
    return {"method": method, "path": path, "contentType": content_type, "body": body}
