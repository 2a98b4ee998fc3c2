"""The control API's sandboxes: emulators of their own, each with an address, keys and a clock."""

from collections.abc import Mapping

from flask import Blueprint, Response, request

from segment_insider_emulator import sandboxes as known
from segment_insider_emulator.answers import fault
from segment_insider_emulator.capture.records import redacted
from segment_insider_emulator.clock import iso
from segment_insider_emulator.errors import Conflict
from segment_insider_emulator.harness import bodies
from segment_insider_emulator.harness.clock_orders import RESET, reset_time
from segment_insider_emulator.harness.queries import refuse
from segment_insider_emulator.own_address import own_root
from segment_insider_emulator.sandboxes import Sandbox
from segment_insider_emulator.types import JSONObject

bp = Blueprint("sandboxes", __name__, url_prefix="/emulator/v1/sandboxes")

CREATE: Mapping[str, bodies.Kind] = {
    "id": str,
    "workspace": str | dict,
    "writeKey": str,
    "account": str,
    "key": str,
    "now": str,
}


@bp.get("")
def sandboxes() -> JSONObject:
    """The caller's sandboxes, the default one first; keys are redacted."""
    refuse(request.args)
    return {"sandboxes": [_shown(each) for each in known.seen()], "next": None}


@bp.post("")
def create() -> tuple[JSONObject, int]:
    """Create a sandbox; the only answer that has the key of its account.

    With "now" its clock stands still at that time.
    """
    order = bodies.read(CREATE, required=0)
    now = reset_time(order)
    made = known.create(
        id=order.get("id"),
        workspace=order.get("workspace"),
        write_key=order.get("writeKey"),
        account=order.get("account"),
        key=order.get("key"),
    )
    if now:
        made.parts.clock.reset(now)
    return {**_shown(made), "key": made.described.key}, 201


@bp.get("/<id>")
def sandbox(id: str) -> JSONObject:
    """One sandbox; its key is redacted."""
    return _shown(known.find(id))


@bp.post("/<id>/reset")
def reset(id: str) -> JSONObject:
    """Start one afresh, see POST /emulator/v1/reset."""
    known.find(id).parts.reset(reset_time(bodies.read(RESET, required=0)))
    return {}


@bp.delete("/<id>")
def delete(id: str) -> JSONObject:
    """End one with all that it holds."""
    known.delete(id)
    return {}


@bp.errorhandler(Conflict)
def refused(error: Conflict) -> Response:
    """What the sandboxes that there are do not allow."""
    return fault(409, error.what, error.where, error.remedy)


def _shown(sandbox: Sandbox) -> JSONObject:
    described, own = sandbox.described, sandbox.parts
    return {
        "id": described.id,
        "url": f"{own_root()}/sandboxes/{described.id}",
        "writeKey": described.write_key,
        "account": described.account,
        "key": redacted(described.key),
        "workspace": own.workspace.name,
        "now": iso(own.clock()),
        "createdAt": described.created_at,
        "team": described.team,
    }
