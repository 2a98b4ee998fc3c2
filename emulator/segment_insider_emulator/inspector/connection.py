"""Whether events would reach Insider One as both panels are set; if not, what to change."""

from typing import Literal, NamedTuple, TypeAlias

from segment_insider_emulator.insider.panel import IntegrationPanel
from segment_insider_emulator.types import JSONObject

ConnectionState: TypeAlias = Literal["accepted", "disabled", "failed"]


class ConnectionCheck(NamedTuple):
    """What happens to the next event. *state* is a verdict, *what* a sentence for people."""

    state: ConnectionState
    explanation: str


def check_connection(
    destination: JSONObject, panel: IntegrationPanel, *, uses_real_account: bool
) -> ConnectionCheck:
    """Look at both ends, as the next delivery would.

    Args:
        elsewhere: Whether a real account answers, whose panel nobody here can see.
    """
    settings = destination["settings"]
    if not destination["enabled"]:
        return ConnectionCheck("disabled", "The Enable Destination toggle is off: nothing is sent.")
    if not any(each["enabled"] for each in destination["subscriptions"]):
        return ConnectionCheck("disabled", "Every mapping is switched off: nothing is sent.")
    if uses_real_account:
        return ConnectionCheck("accepted", "A real account judges key and account name.")
    if settings["account_name"] != panel.account_name:
        what = f"Insider One will refuse the account name: its panel shows {panel.account_name}."
        return ConnectionCheck("failed", what)
    if refusal := panel.explain_key_rejection(settings["ucd_key"]):
        return ConnectionCheck("failed", f"Insider One will refuse the key. {refusal}")
    return ConnectionCheck("accepted", "Segment is connected: the key opens the account.")
