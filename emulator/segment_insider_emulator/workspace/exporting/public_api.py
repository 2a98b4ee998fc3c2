"""Request bodies for Segment's Public API: what was proven here, to be applied there.

An object whose id the workspace knows is changed; any other is created.
Source: Segment's Public API; subscriptions are an alpha resource there.
"""

from collections.abc import Iterator

from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.exporting import applied
from segment_insider_emulator.workspace.exporting.identity import METADATA_ID
from segment_insider_emulator.workspace.model import Workspace

ALPHA = "application/vnd.segment.v1alpha+json"
V1 = "application/vnd.segment.v1+json"
RULES = 200  # of a tracking plan, in one request


def requests(workspace: Workspace, *, keep_secrets: bool = False) -> list[JSONObject]:
    """The requests in the order in which they are made.

    Returns: [{"method", "path", "contentType", "body"}]; a path may have {destinationId} in it
        or {trackingPlanId} in it, and "<sourceId>", to be filled in by whoever makes the requests.
    """
    own = workspace.destination
    return [
        _destination(workspace, keep_secrets=keep_secrets),
        *(_subscription(own, each) for each in applied.subscriptions(workspace)),
        *(_filter(own, each) for each in applied.filters(workspace)),
        *_plan(own, applied.plan(workspace)),
        *_controls(own, applied.controls(workspace)),
    ]


def _destination(workspace: Workspace, *, keep_secrets: bool) -> JSONObject:
    body = applied.destination(workspace, keep_secrets=keep_secrets)
    own = workspace.destination
    if own.get("id"):
        return _request("PATCH", f"/destinations/{own['id']}", V1, body)
    return _request(
        "POST", "/destinations", V1, {"sourceId": _source(own), "metadataId": METADATA_ID} | body
    )


def _subscription(own: JSONObject, subscription: JSONObject) -> JSONObject:
    where = f"/destinations/{_id(own)}/subscriptions"
    body = {key: value for key, value in subscription.items() if key != "id"}
    if "id" not in subscription:
        return _request("POST", where, ALPHA, body)
    # An action cannot be exchanged; the id stays for whoever reads the request.
    change = {key: body[key] for key in ("name", "trigger", "enabled", "settings")}
    path = f"{where}/{subscription['id']}"
    return _request("PATCH", path, ALPHA, {"input": change}) | {"actionId": body["actionId"]}


def _filter(own: JSONObject, wanted: JSONObject) -> JSONObject:
    where = f"/destination/{_id(own)}/filters"
    kept = ("title", "description", "if", "actions", "enabled")
    body = {key: wanted[key] for key in kept if key in wanted}
    if wanted.get("id"):
        return _request("PATCH", f"{where}/{wanted['id']}", V1, body)
    return _request("POST", where, V1, {"sourceId": _source(own)} | body)


def _plan(own: JSONObject, plan: JSONObject | None) -> Iterator[JSONObject]:
    if plan is None:
        return
    if not plan["id"]:
        yield _request("POST", "/tracking-plans", V1, {"name": plan["name"], "type": "LIVE"})
    where = f"/tracking-plans/{plan['id'] or '{trackingPlanId}'}"
    rules = plan["rules"]
    yield _request("PUT", f"{where}/rules", V1, {"rules": rules[:RULES]})
    for first in range(RULES, len(rules), RULES):
        # PUT replaces all rules, PATCH adds to them.
        yield _request("PATCH", f"{where}/rules", V1, {"rules": rules[first : first + RULES]})
    yield _request("POST", f"{where}/sources", V1, {"sourceId": _source(own)})


def _controls(own: JSONObject, controls: JSONObject) -> Iterator[JSONObject]:
    if controls:
        yield _request("PATCH", f"/sources/{_source(own)}/settings", V1, controls)


def _id(own: JSONObject) -> str:
    return str(own.get("id") or "{destinationId}")


def _source(own: JSONObject) -> str:
    return str(own.get("sourceId") or "<sourceId>")


def _request(method: str, path: str, content_type: str, body: JSONObject) -> JSONObject:
    return {"method": method, "path": path, "contentType": content_type, "body": body}
