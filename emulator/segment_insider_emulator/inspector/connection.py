"""Whether events would reach Insider One as both panels are set; if not, what to change."""

from typing import Literal, NamedTuple, TypeAlias

from segment_insider_emulator.insider.panel import Panel
from segment_insider_emulator.types import JSONObject

State: TypeAlias = Literal["accepted", "disabled", "failed"]


class Connection(NamedTuple):
    """What happens to the next event. *state* is a verdict, *what* a sentence for people."""

    state: State
    what: str


def connection(destination: JSONObject, panel: Panel, *, elsewhere: bool) -> Connection:
    """Look at both ends, as the next delivery would.

    Args:
        elsewhere: Whether a real account answers, whose panel nobody here can see.
    """
    settings = destination["settings"]
    if not destination["enabled"]:
        return Connection("disabled", "The Enable Destination toggle is off: nothing is sent.")
    if not any(each["enabled"] for each in destination["subscriptions"]):
        return Connection("disabled", "Every mapping is switched off: nothing is sent.")
    if elsewhere:
        return Connection("accepted", "A real account judges key and account name.")
    if settings["account_name"] != panel.account_name:
        what = f"Insider One will refuse the account name: its panel shows {panel.account_name}."
        return Connection("failed", what)
    if refusal := panel.refusal(settings["ucd_key"]):
        return Connection("failed", f"Insider One will refuse the key. {refusal}")
    return Connection("accepted", "Segment is connected: the key opens the account.")
