"""Segment's settings of the destination as addresses of the control API."""

from flask import Blueprint, abort, request

from emulator.answers import fault
from emulator.capture.records import redacted
from emulator.errors import EmulatorError
from emulator.harness import bodies
from emulator.harness.queries import LARGEST_ID
from emulator.mapping.catalog import ACTIONS, SETTINGS
from emulator.parts import parts
from emulator.types import JSONObject

bp = Blueprint("destination", __name__, url_prefix="/emulator/v1/destination")

SECRET = "ucd_key"


@bp.get("")
def destination() -> JSONObject:
    """The destination as it is now; its key is redacted."""
    return _shown(parts().configuration.destination)


@bp.patch("")
def save() -> JSONObject:
    """Save Changes: the Enable Destination toggle, the settings, or both."""
    form = bodies.read({"enabled": bool, "settings": dict})
    settings = _settings(form["settings"]) if "settings" in form else None
    return _shown(parts().configuration.set(enabled=form.get("enabled"), settings=settings))


@bp.patch(f"/subscriptions/<int(max={LARGEST_ID}):number>")
def switch(number: int) -> JSONObject:
    """Enable or disable one subscription; 1 is the first."""
    own = parts().configuration
    if not 1 <= number <= len(own.destination["subscriptions"]):
        remedy = "List them with GET /emulator/v1/destination."
        abort(fault(404, f"there is no subscription {number}", request.path, remedy))
    form = bodies.read({"enabled": bool}, required=True)
    changed = own.switch(number - 1, form["enabled"])
    return _subscription(number, changed["subscriptions"][number - 1])


def _settings(given: JSONObject) -> JSONObject:
    settings = bodies.check(given, {field.key: str for field in SETTINGS}, "body.settings")
    for field in SETTINGS:
        if settings.get(field.key) == "":
            # Segment's form lets neither be empty. (observed in the destination's source)
            remedy = "Copy it from the InOne panel."
            raise EmulatorError(f"{field.label} is empty", f"body.settings.{field.key}", remedy)
    return settings


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
