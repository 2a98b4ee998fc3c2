"""`context.ip`: the address of a browser or an app, as Segment's edge fills it in.

Source: Segment, Spec: Common Fields, "Context" (documented): for client-side sources only, IPv4
only, and never where the call has an address already; an HTTP call asks for it with
`context.direct`. Which sources are client-side is told here by the SDK's own name. (assumed)
"""

from ipaddress import AddressValueError, IPv4Address

from segment_insider_emulator.types import JSON, JSONObject

# Beginnings of context.library.name, in lower case: the browser's SDK and the mobile ones.
CLIENT_SIDE_LIBRARIES = (
    "analytics.js",
    "analytics-ios",
    "analytics-swift",
    "analytics-android",
    "analytics-kotlin",
    "analytics-csharp",
    "analytics-react-native",
    "@segment/analytics-react-native",
    "analytics_flutter",
)


def add_client_ip(call: JSONObject, address: str | None) -> JSONObject:
    """Give *call* the address it came from, where Segment's edge would; else give it back.

    Args:
        call: With `context` an object or null.
        address: Of the client; None fills nothing in.
    """
    context = call.get("context") or {}
    if not _is_ipv4(address) or "ip" in context or not _wants_client_ip(context):
        return call
    return {**call, "context": {**context, "ip": address}}


def _wants_client_ip(context: JSONObject) -> bool:
    library: JSON = context.get("library")
    name = library.get("name") if isinstance(library, dict) else None
    is_client = isinstance(name, str) and name.lower().startswith(CLIENT_SIDE_LIBRARIES)
    return is_client or context.get("direct") is True


def _is_ipv4(address: str | None) -> bool:
    try:
        return address is not None and bool(IPv4Address(address))
    except AddressValueError:
        return False
