"""Segment's settings of the destination as addresses of the control API."""

from collections.abc import Mapping
from unicodedata import category

from flask import Blueprint, abort, request

from segment_insider_emulator.answers import fault
from segment_insider_emulator.capture.records import redacted
from segment_insider_emulator.errors import EmulatorError
from segment_insider_emulator.harness import bodies
from segment_insider_emulator.harness.queries import ID
from segment_insider_emulator.mapping.catalog import ACTIONS, SETTINGS
from segment_insider_emulator.parts import parts
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.structure import faults

bp = Blueprint("destination", __name__, url_prefix="/emulator/v1/destination")

SECRET = "ucd_key"
SUBSCRIPTION: Mapping[str, bodies.Kind] = {
    "name": str,
    "actionSlug": str,
    "enabled": bool,
    "trigger": str,
    "settings": dict,
}


@bp.get("")
def destination() -> JSONObject:
    """The destination as it is now; its key is redacted."""
    return _shown(parts().configuration.destination)


@bp.patch("")
def save() -> JSONObject:
    """Save Changes: the Enable Destination toggle, the settings, or both."""
    form = bodies.read({"enabled": bool, "settings": dict})
    settings = checked(form["settings"]) if "settings" in form else None
    return _shown(parts().configuration.set(enabled=form.get("enabled"), settings=settings))


@bp.patch(f"/subscriptions/{ID}")
def change(id: int) -> JSONObject:
    """Enable or disable one subscription, or change its trigger or mapping; 1 is the first."""
    own = parts().configuration
    _expect(id)
    form = bodies.read({"enabled": bool, "trigger": str, "settings": dict})
    if "enabled" in form:
        own.switch(id - 1, form.pop("enabled"))
    if form:
        own.edit(id - 1, form)
    return _subscription(id, own.destination["subscriptions"][id - 1])


@bp.post("/subscriptions")
def add() -> tuple[JSONObject, int]:
    """Add a subscription behind the others: {"name", "actionSlug", "enabled", "trigger",
    "settings"}, where what is left out is the action's own."""
    own = parts().configuration
    given = bodies.read(SUBSCRIPTION)
    there = own.destination["subscriptions"]
    _refuse_faulty([*there, given])
    changed = own.replace([*there, given])["subscriptions"]
    return _subscription(len(changed), changed[-1]), 201


@bp.delete(f"/subscriptions/{ID}")
def remove(id: int) -> JSONObject:
    """Remove a subscription; those after it move up. Gives the destination."""
    own = parts().configuration
    _expect(id)
    kept = [each for at, each in enumerate(own.destination["subscriptions"], 1) if at != id]
    return _shown({**own.destination, **own.replace(kept)})


def _expect(id: int) -> None:
    if not 1 <= id <= len(parts().configuration.destination["subscriptions"]):
        remedy = "List them with GET /emulator/v1/destination."
        abort(fault(404, f"there is no subscription {id}", request.path, remedy))


def _refuse_faulty(subscriptions: list[JSONObject]) -> None:
    document = parts().workspace.document
    destination = {**document["destination"], "subscriptions": subscriptions}
    for found in faults({**document, "destination": destination}):
        raise EmulatorError(found.what, found.where, found.remedy)


def checked(given: JSONObject) -> JSONObject:
    """Settings as Segment's form lets them be saved. Raises: EmulatorError."""
    settings = bodies.check(given, {field.key: str for field in SETTINGS}, "body.settings")
    for field in SETTINGS:
        if wrong := _fault(settings.get(field.key)):
            remedy = "Copy it from the InOne panel."
            raise EmulatorError(f"{field.label} {wrong}", f"body.settings.{field.key}", remedy)
    return settings


def _fault(value: str | None) -> str | None:
    """What is wrong with a setting's *value*; it may be a key, and is not repeated."""
    if value is None:
        return None
    if not value:
        return "is empty"  # Segment's form lets neither be. (observed in the destination's source)
    # Assumed: a header carries either, and HTTP has no way to write these in one.
    if value != value.strip() or any(category(each) == "Cc" for each in value):
        return "has blanks around it, or control characters in it"
    return None


def _shown(destination: JSONObject) -> JSONObject:
    settings = {field.key: destination["settings"][field.key] for field in SETTINGS}
    return {
        "name": destination.get("name"),
        "enabled": destination["enabled"],
        "settings": {**settings, SECRET: redacted(settings[SECRET])},
        "subscriptions": [
            _subscription(number, each)
            for number, each in enumerate(destination["subscriptions"], 1)
        ],
    }


def _subscription(number: int, subscription: JSONObject) -> JSONObject:
    return {
        "number": number,
        "name": subscription["name"],
        "actionSlug": subscription["actionSlug"],
        "enabled": subscription["enabled"],
        "trigger": subscription.get("trigger", ACTIONS[subscription["actionSlug"]].trigger),
    }
