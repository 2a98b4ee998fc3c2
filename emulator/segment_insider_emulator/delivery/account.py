"""A real Insider One account in place of the emulated one: its address and its credentials."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

PARTNER_HEADER, TOKEN_HEADER = "x-partner-name", "x-request-token"
REDACTED_MARK = "…"


@dataclass(frozen=True, slots=True)
class RealAccount:
    """Where requests really go.

    Args:
        url: Its host, with a path before Insider One's own if need be, without a slash at the end.
        name: The account's, in place of the workspace's; None keeps what the workspace has.
        key: Likewise.
    """

    url: str
    name: str | None = None
    key: str | None = None

    def with_credentials(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers *own* of a request, with the account's credentials."""
        credentials = {PARTNER_HEADER: self.name, TOKEN_HEADER: self.key}
        return {**headers, **{name: value for name, value in credentials.items() if value}}

    def request_url(self, url: str) -> str:
        """Where a request for *url* goes."""
        return self.url + urlsplit(url).path


def credential_headers(settings: Mapping[str, str]) -> dict[str, str]:
    """The headers that a destination of these *settings* authenticates with."""
    return {PARTNER_HEADER: settings["account_name"], TOKEN_HEADER: settings["ucd_key"]}


def redact_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """*headers* without their secret, so that a database or a screenshot can be passed on.

    The first two characters stay: one sees which of two keys it was.
    """
    return {
        name: f"{value[:2]}{REDACTED_MARK}" if name.lower() == TOKEN_HEADER else value
        for name, value in headers.items()
    }
