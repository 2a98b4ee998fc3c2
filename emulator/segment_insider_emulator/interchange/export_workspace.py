"""Export of a workspace: as Segment's resources, Public API requests, or a workspace file.

An object with an id in the workspace is changed; any other is created.
Source: Segment's published catalogue and Public API; subscriptions are an alpha resource there.
"""

from collections.abc import Iterator

from segment_insider_emulator.functions.segment_function import FUNCTION_KINDS
from segment_insider_emulator.interchange.function_resources import (
    EMULATOR_KEYS,
    build_function_requests,
    hide_secret_settings,
)
from segment_insider_emulator.mapping.catalog import (
    ACTIONS,
    DESTINATION_METADATA_ID,
    DESTINATION_NAME,
)
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.documents import format_workspace_yaml
from segment_insider_emulator.workspace.model import TEST_ACCOUNT_KEY, Workspace, replace_hash_key

# Action slug -> id in Segment's catalogue.
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
# What the Public API has and Terraform's provider 1.6.0 does not.
TRANSFORMATION_KEYS_WITHOUT_TERRAFORM = (
    *("drop", "propertyDrops", "allowProperties", "hashPropertiesConfiguration"),
)
# Placeholder for the secret key, to be replaced before an export is applied.
SECRET_PLACEHOLDER = "<ucd_key>"
HASH_KEY_PLACEHOLDER = "<hash_key>"


def export_destination(workspace: Workspace, *, keep_secrets: bool) -> JSONObject:
    """Return the workspace's destination as Segment stores it: name, enabled and settings."""
    destination = workspace.destination
    secret = {} if keep_secrets else {"ucd_key": SECRET_PLACEHOLDER}
    return {
        "name": destination.get("name", DESTINATION_NAME),
        "enabled": destination.get("enabled", True),
        "settings": destination["settings"] | secret,
    }


def export_subscriptions(workspace: Workspace) -> list[JSONObject]:
    """Return the workspace's subscriptions as Segment stores them, in order, with known ids."""
    return [
        _export_subscription(subscription)
        for subscription in workspace.destination["subscriptions"]
    ]


def fill_subscription_defaults(subscription: JSONObject) -> JSONObject:
    """Add the catalogue's trigger, state and mapping where a subscription has none."""
    action = ACTIONS[subscription["actionSlug"]]
    defaults = {"trigger": action.trigger, "enabled": True, "settings": action.default_mapping}
    explicit = {key: subscription[key] for key in subscription if key not in defaults}
    return explicit | {key: subscription.get(key, default) for key, default in defaults.items()}


def export_filters(workspace: Workspace) -> list[JSONObject]:
    """Return the workspace's destination filters as Segment stores them, in order."""
    return [
        {"title": "", "enabled": True, **destination_filter}
        for destination_filter in workspace.destination.get("filters", [])
    ]


def export_transformations(workspace: Workspace, *, keep_secrets: bool) -> list[JSONObject]:
    """Return the workspace's transformations as Segment stores them, in order."""
    transformations = workspace.document.get("transformations", [])
    return [
        entry if keep_secrets else replace_hash_key(entry, HASH_KEY_PLACEHOLDER)
        for entry in transformations
    ]


def export_tracking_plan(workspace: Workspace) -> JSONObject | None:
    """Return the workspace's tracking plan as Segment stores it; None without one."""
    tracking_plan = workspace.tracking_plan
    if tracking_plan is None:
        return None
    rules = [
        {"type": rule.kind, "key": rule.key, "version": rule.version, "jsonSchema": rule.schema}
        for rule in tracking_plan.rules
    ]
    return {"id": tracking_plan.id, "name": tracking_plan.name or "Tracking plan", "rules": rules}


def export_schema_settings(workspace: Workspace) -> JSONObject:
    """Return the schema settings of the workspace's source, {} when there are none."""
    settings = workspace.document["source"].get("settings", {})
    return {key: settings[key] for key in SCHEMA_SETTING_KEYS if key in settings}


def list_unexported_paths(
    workspace: Workspace, *, exports_schema_settings: bool, is_terraform: bool = False
) -> list[str]:
    """Return the workspace file's paths that an export leaves out.

    Args:
        exports_schema_settings: Whether the export includes the schema settings.
        is_terraform: Whether the export has only what Terraform's provider has.
    """
    document = workspace.document
    transformations = document.get("transformations", []) if is_terraform else []
    return [
        *(
            f"transformations[{index}].{key}"
            for index, entry in enumerate(transformations)
            for key in TRANSFORMATION_KEYS_WITHOUT_TERRAFORM
            if entry.get(key)
        ),
        *(["source.schema"] if document["source"].get("schema") else []),
        *(
            f"source.settings.{key}"
            for key in export_schema_settings(workspace)
            if not exports_schema_settings
        ),
        *(["destination.consentSettings"] if "consentSettings" in document["destination"] else []),
        *(f"functions.{key}" for key in EMULATOR_KEYS if document.get("functions", {}).get(key)),
        *(
            key
            for key in ("consentSettings", "sources", "oauth", "knownCauses")
            if document.get(key)
        ),
    ]


def _export_subscription(subscription: JSONObject) -> JSONObject:
    complete = fill_subscription_defaults(subscription)
    known = {key: subscription[key] for key in ("id", "modelId") if subscription.get(key)}
    return known | {
        "name": subscription["name"],
        "actionId": ACTION_IDS[subscription["actionSlug"]],
        "trigger": complete["trigger"],
        "enabled": complete["enabled"],
        "settings": complete["settings"],
    }


ALPHA_CONTENT_TYPE = "application/vnd.segment.v1alpha+json"
V1_CONTENT_TYPE = "application/vnd.segment.v1+json"
MAX_RULES_PER_REQUEST = 200  # of a tracking plan, in one request


def build_public_api_requests(
    workspace: Workspace, *, keep_secrets: bool = False
) -> list[JSONObject]:
    """Build the Public API requests that create or update a workspace at Segment, in order.

    Returns: [{"method", "path", "contentType", "body"}]. A path may contain the placeholders
        {destinationId} and {trackingPlanId}, a path or a body "<sourceId>".
    """
    destination = workspace.destination
    return [
        _build_destination_request(workspace, keep_secrets=keep_secrets),
        *(
            _build_subscription_request(destination, subscription)
            for subscription in export_subscriptions(workspace)
        ),
        *(
            _build_filter_request(destination, destination_filter)
            for destination_filter in export_filters(workspace)
        ),
        *(
            _build_transformation_request(destination, transformation)
            for transformation in export_transformations(workspace, keep_secrets=keep_secrets)
        ),
        *build_function_requests(
            workspace,
            {
                "insert": _get_destination_id(destination),
                "sourceInsert": _get_source_id(destination),
            },
            _build_alpha_request,
            keep_secrets=keep_secrets,
        ),
        *_build_tracking_plan_requests(destination, export_tracking_plan(workspace)),
        *_build_schema_settings_requests(destination, export_schema_settings(workspace)),
    ]


def _build_destination_request(workspace: Workspace, *, keep_secrets: bool) -> JSONObject:
    body = export_destination(workspace, keep_secrets=keep_secrets)
    destination = workspace.destination
    if destination.get("id"):
        return _build_api_request(
            "PATCH", f"/destinations/{destination['id']}", V1_CONTENT_TYPE, body
        )
    return _build_api_request(
        "POST",
        "/destinations",
        V1_CONTENT_TYPE,
        {"sourceId": _get_source_id(destination), "metadataId": DESTINATION_METADATA_ID} | body,
    )


def _build_subscription_request(destination: JSONObject, subscription: JSONObject) -> JSONObject:
    where = f"/destinations/{_get_destination_id(destination)}/subscriptions"
    body = {key: value for key, value in subscription.items() if key != "id"}
    if "id" not in subscription:
        return _build_api_request("POST", where, ALPHA_CONTENT_TYPE, body)
    # The action of a subscription cannot be changed; its id is only information.
    change = {key: body[key] for key in ("name", "trigger", "enabled", "settings")}
    path = f"{where}/{subscription['id']}"
    return _build_api_request("PATCH", path, ALPHA_CONTENT_TYPE, {"input": change}) | {
        "actionId": body["actionId"]
    }


def _build_filter_request(destination: JSONObject, destination_filter: JSONObject) -> JSONObject:
    where = f"/destination/{_get_destination_id(destination)}/filters"
    allowed_keys = ("title", "description", "if", "actions", "enabled")
    body = {key: destination_filter[key] for key in allowed_keys if key in destination_filter}
    if destination_filter.get("id"):
        return _build_api_request(
            "PATCH", f"{where}/{destination_filter['id']}", V1_CONTENT_TYPE, body
        )
    return _build_api_request(
        "POST", where, V1_CONTENT_TYPE, {"sourceId": _get_source_id(destination)} | body
    )


_TRANSFORMATION_BODY_KEYS = (
    *("name", "sourceId", "destinationMetadataId", "enabled", "if", "drop", "newEventName"),
    *("propertyRenames", "propertyValueTransformations", "fqlDefinedProperties", "propertyDrops"),
    *("allowProperties", "hashPropertiesConfiguration"),
)


def _build_transformation_request(
    destination: JSONObject, transformation: JSONObject
) -> JSONObject:
    complete = {"sourceId": _get_source_id(destination), "enabled": True} | transformation
    body = {key: complete[key] for key in _TRANSFORMATION_BODY_KEYS if key in complete}
    if transformation.get("id"):
        path = f"/transformations/{transformation['id']}"
        return _build_api_request("PATCH", path, V1_CONTENT_TYPE, body)
    return _build_api_request("POST", "/transformations", V1_CONTENT_TYPE, body)


def _build_tracking_plan_requests(
    destination: JSONObject, plan: JSONObject | None
) -> Iterator[JSONObject]:
    if plan is None:
        return
    if not plan["id"]:
        yield _build_api_request(
            "POST", "/tracking-plans", V1_CONTENT_TYPE, {"name": plan["name"], "type": "LIVE"}
        )
    where = f"/tracking-plans/{plan['id'] or '{trackingPlanId}'}"
    rules = plan["rules"]
    yield _build_api_request(
        "PUT", f"{where}/rules", V1_CONTENT_TYPE, {"rules": rules[:MAX_RULES_PER_REQUEST]}
    )
    for first in range(MAX_RULES_PER_REQUEST, len(rules), MAX_RULES_PER_REQUEST):
        # PUT replaces all rules, PATCH adds to them.
        yield _build_api_request(
            "PATCH",
            f"{where}/rules",
            V1_CONTENT_TYPE,
            {"rules": rules[first : first + MAX_RULES_PER_REQUEST]},
        )
    yield _build_api_request(
        "POST", f"{where}/sources", V1_CONTENT_TYPE, {"sourceId": _get_source_id(destination)}
    )


def _build_schema_settings_requests(
    destination: JSONObject, schema_settings: JSONObject
) -> Iterator[JSONObject]:
    if schema_settings:
        yield _build_api_request(
            "PATCH",
            f"/sources/{_get_source_id(destination)}/settings",
            V1_CONTENT_TYPE,
            schema_settings,
        )


def _get_destination_id(destination: JSONObject) -> str:
    return str(destination.get("id") or "{destinationId}")


def _get_source_id(destination: JSONObject) -> str:
    return str(destination.get("sourceId") or "<sourceId>")


def _build_alpha_request(method: str, path: str, body: JSONObject) -> JSONObject:
    is_alpha = path.startswith("/insert-function-instances")
    content_type = ALPHA_CONTENT_TYPE if is_alpha else V1_CONTENT_TYPE
    return _build_api_request(method, path, content_type, body)


def _build_api_request(method: str, path: str, content_type: str, body: JSONObject) -> JSONObject:
    return {"method": method, "path": path, "contentType": content_type, "body": body}


# Used if the destination's key differs from the account's: the exported keys differ, too.
OTHER_TEST_KEY = f"other-{TEST_ACCOUNT_KEY}"


def export_workspace_file(workspace: Workspace, *, keep_secrets: bool = False) -> str:
    """Return a workspace as the YAML text of a workspace file."""
    return format_workspace_yaml(
        export_workspace_document(workspace, keep_secrets=keep_secrets), []
    )


def export_workspace_document(workspace: Workspace, *, keep_secrets: bool = False) -> JSONObject:
    """Return a workspace file's document with all catalogue defaults written out.

    Args:
        keep_secrets: Keep the account's key; otherwise TEST_ACCOUNT_KEY replaces it.
    """
    destination = workspace.destination
    settings = export_destination(workspace, keep_secrets=True)
    subscriptions = [
        fill_subscription_defaults(subscription) for subscription in destination["subscriptions"]
    ]
    document = {
        **workspace.document,
        "destination": {**destination, **settings, "subscriptions": subscriptions},
    }
    if isinstance(document.get("trackingPlan"), str):
        document["trackingPlan"] = export_tracking_plan(workspace)
    return document if keep_secrets else replace_account_key(document)


def replace_account_key(document: JSONObject) -> JSONObject:
    """Replace the secret keys in a workspace document by TEST_ACCOUNT_KEY."""
    destination, insider = document["destination"], document.get("insider", {})
    account = insider.get("account")
    matches = account is None or account["key"] == destination["settings"]["ucd_key"]
    settings = {
        **destination["settings"],
        "ucd_key": TEST_ACCOUNT_KEY if matches else OTHER_TEST_KEY,
    }
    replaced = {**document, "destination": {**destination, "settings": settings}}
    if "transformations" in document:
        replaced["transformations"] = [
            replace_hash_key(entry, TEST_ACCOUNT_KEY) for entry in document["transformations"]
        ]
    if "functions" in document:
        replaced["functions"] = {
            key: [hide_secret_settings(entry, TEST_ACCOUNT_KEY) for entry in value]
            if key in FUNCTION_KINDS
            else value
            for key, value in document["functions"].items()
        }
    if account is not None:
        # Without the keys of the Contact API: they are then derived from the account's key.
        replaced["insider"] = {
            **insider,
            "account": {"name": account["name"], "key": TEST_ACCOUNT_KEY},
        }
    return replaced
