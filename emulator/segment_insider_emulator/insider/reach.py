"""Which channels could reach a profile, and why the others could not.

Source: Insider One, "Check Reachability" and "Reachability on Channels".
"""

from collections.abc import Mapping

from segment_insider_emulator.insider.formats import is_e164, is_email
from segment_insider_emulator.types import JSON, JSONObject

# Channel -> (address, opt-in, flag that outranks the opt-in).
CHANNELS = {
    "email": ("email", "email_optin", "global_unsubscribe"),
    "sms": ("phone_number", "sms_optin", "sms_opt_out_user"),
    "whatsapp": ("phone_number", "whatsapp_optin", "wa_opt_out_user"),
}
WEB_PUSH = "web push needs a browser token and permission, which no upsert carries"


def reach(attributes: Mapping[str, JSON]) -> JSONObject:
    """Say for each channel whether it reaches a profile with these default attributes.

    Returns: {"email": {"reachable": bool, "why": [sentence, ...], "notes": [...]}, ...}; `why`
        is empty when reachable, `notes` tells where the integration guide asks for more.
    """
    channels = {channel: _why(attributes, *needs) for channel, needs in CHANNELS.items()}
    channels["web_push"] = [WEB_PUSH]
    notes = []
    if attributes.get("gdpr_optin") is None:
        notes.append("gdpr_optin was never sent: it counts as allowed, yet the guide asks for it")
    return {
        channel: {"reachable": not why, "why": why, "notes": notes}
        for channel, why in channels.items()
    }


def _why(attributes: Mapping[str, JSON], address: str, optin: str, out: str) -> list[str]:
    why = []
    value = attributes.get(address)
    if not value:
        why.append(f"no {address}")
    elif address == "phone_number" and not is_e164(value):
        why.append("phone_number is not in E.164 form")
    elif address == "email" and not is_email(value):
        why.append("email is no e-mail address")
    if attributes.get(optin) is None:
        why.append(f"{optin} is absent")
    elif not attributes[optin]:
        why.append(f"{optin} is false")
    if attributes.get("gdpr_optin") is False:
        why.append("gdpr_optin is false")
    if attributes.get(out) is True:
        why.append(f"{out} is true")
    return why
