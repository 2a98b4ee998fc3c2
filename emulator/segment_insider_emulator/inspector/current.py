"""The workspace as it is now: the file, and what was changed of it since."""

from segment_insider_emulator.parts import SandboxServices
from segment_insider_emulator.types import JSONObject


def current_workspace_document(
    services: SandboxServices, edited_number: int = 0, edited_subscription: JSONObject | None = None
) -> JSONObject:
    """The workspace as it is now; *after*, if given, in place of subscription *chosen*."""
    destination = services.destination_overrides.destination
    subscriptions = list(destination["subscriptions"])
    if edited_subscription is not None:
        subscriptions[edited_number - 1] = edited_subscription
    changed = {**destination, "subscriptions": subscriptions}
    return {**services.workspace.document, "destination": changed}
