"""Which channels could reach a profile, and why the others could not.

Source: Insider One, "Check Reachability" and "Reachability on Channels".
"""

from collections.abc import Mapping

from segment_insider_emulator.insider.formats import is_e164, is_email
from segment_insider_emulator.types import JSON, JSONObject

# Channel -> (address, opt-in, flag that outranks the opt-in).
CHANNEL_ATTRIBUTES = {
    "email": ("email", "email_optin", "global_unsubscribe"),
    "sms": ("phone_number", "sms_optin", "sms_opt_out_user"),
    "whatsapp": ("phone_number", "whatsapp_optin", "wa_opt_out_user"),
}
WEB_PUSH_REASON = "web push needs a browser token and permission, which no upsert carries"


def check_reachability(attributes: Mapping[str, JSON]) -> JSONObject:
    """Say for each channel whether it reaches a profile with these default attributes.

    Returns: {"email": {"reachable": bool, "why": [sentence, ...], "notes": [...]}, ...}; `why`
        is empty when reachable, `notes` tells where the integration guide asks for more.
    """
    reasons_by_channel = {
        channel: _list_unreachable_reasons(attributes, *needs)
        for channel, needs in CHANNEL_ATTRIBUTES.items()
    }
    reasons_by_channel["web_push"] = [WEB_PUSH_REASON]
    notes = []
    if attributes.get("gdpr_optin") is None:
        notes.append("gdpr_optin was never sent: it counts as allowed, yet the guide asks for it")
    return {
        channel: {"reachable": not why, "why": why, "notes": notes}
        for channel, why in reasons_by_channel.items()
    }


def _list_unreachable_reasons(
    attributes: Mapping[str, JSON],
    address_attribute: str,
    optin_attribute: str,
    optout_attribute: str,
) -> list[str]:
    reasons = []
    address = attributes.get(address_attribute)
    if not address:
        reasons.append(f"no {address_attribute}")
    elif address_attribute == "phone_number" and not is_e164(address):
        reasons.append("phone_number is not in E.164 form")
    elif address_attribute == "email" and not is_email(address):
        reasons.append("email is no e-mail address")
    if attributes.get(optin_attribute) is None:
        reasons.append(f"{optin_attribute} is absent")
    elif not attributes[optin_attribute]:
        reasons.append(f"{optin_attribute} is false")
    if attributes.get("gdpr_optin") is False:
        reasons.append("gdpr_optin is false")
    if attributes.get(optout_attribute) is True:
        reasons.append(f"{optout_attribute} is true")
    return reasons
