"""The workspace as it is now: the file, and what was changed of it since."""

from segment_insider_emulator.parts import Parts
from segment_insider_emulator.types import JSONObject


def document(own: Parts, chosen: int = 0, after: JSONObject | None = None) -> JSONObject:
    """The workspace as it is now; *after*, if given, in place of subscription *chosen*."""
    destination = own.configuration.destination
    subscriptions = list(destination["subscriptions"])
    if after is not None:
        subscriptions[chosen - 1] = after
    changed = {**destination, "subscriptions": subscriptions}
    return {**own.workspace.document, "destination": changed}
