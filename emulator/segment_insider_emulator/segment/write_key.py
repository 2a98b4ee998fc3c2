"""The write key of a request: in the Basic header, in the body, or in both."""

import base64

from segment_insider_emulator.segment.errors import IngestError
from segment_insider_emulator.types import JSONObject


def find_write_key(authorization: str | None, call: JSONObject) -> str:
    """Find the key of a single call or of a batch's envelope; the header goes first.

    Raises: IngestError, when there is none. A key nobody knows is taken: Segment's edge does not
        look it up.
    """
    key = basic_auth_user(authorization) or call.get("writeKey")
    if isinstance(key, str) and key.strip():
        return key.strip()
    raise IngestError(
        400,
        "An invalid write key was provided",
        "invalid_request",
        "the request has no write key",
        "Authorization",
        "Send it as the user name of Basic authentication, or as writeKey in the body.",
    )


def basic_auth_user(authorization: str | None) -> str:
    """The user name of Basic authentication; "" where there is none."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        user = base64.b64decode(token.strip(), validate=True).decode()
    except ValueError:
        return ""
    return user.partition(":")[0].strip()
