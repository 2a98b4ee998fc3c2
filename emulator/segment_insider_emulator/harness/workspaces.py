"""The control API's workspace: what a sandbox was made of, and another in its place."""

from flask import Blueprint

from segment_insider_emulator.harness import bodies
from segment_insider_emulator.parts import Parts, parts
from segment_insider_emulator.sandboxes import replacing
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.model import shown

bp = Blueprint("workspaces", __name__, url_prefix="/emulator/v1/workspace")


@bp.get("")
def workspace() -> JSONObject:
    """The document, without what was changed of it since; keys are redacted."""
    return shown(parts().workspace.document)


@bp.get("/current")
def current() -> JSONObject:
    """The document with what was changed of its destination since; keys are redacted."""
    return shown(as_it_is(parts()))


def as_it_is(own: Parts) -> JSONObject:
    """The document of a sandbox with its destination as it is now, keys included."""
    return {**own.workspace.document, "destination": own.configuration.destination}


@bp.put("")
def replace() -> JSONObject:
    """Use another workspace from now on: {"workspace": a preset's name or a document}.

    What was captured stays, and the sandbox's own keys, too; journeys begin afresh. The default
    sandbox has its file again after a restart.
    """
    asked = bodies.read({"workspace": str | dict})["workspace"]
    with replacing(asked, "body.workspace") as own:
        own.journeys.reset()
    return shown(own.workspace.document)
