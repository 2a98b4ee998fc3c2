"""Request bodies for Segment's Public API: what was proven here, to be applied there.

An object whose id the workspace knows is changed; any other is created.
Source: Segment's Public API; subscriptions are an alpha resource there.
"""

from collections.abc import Iterator

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.exporting import applied
from segment_insider_emulator.workspace.exporting.identity import DESTINATION_METADATA_ID
from segment_insider_emulator.workspace.model import Workspace

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
        *(_subscription_request(own, each) for each in applied.export_subscriptions(workspace)),
        *(_filter_request(own, each) for each in applied.export_filters(workspace)),
        *_tracking_plan_requests(own, applied.export_tracking_plan(workspace)),
        *_schema_settings_requests(own, applied.export_schema_settings(workspace)),
    ]


def _destination_request(workspace: Workspace, *, keep_secrets: bool) -> JSONObject:
    body = applied.export_destination(workspace, keep_secrets=keep_secrets)
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
