"""The workspace: one Segment source and destination, and the Insider One account behind them."""

from dataclasses import dataclass, field

from emulator.insider.options import Options, options_of
from emulator.types import JSONObject

# What an account resolves profiles by until more is listed; the order is ours, nobody documents it.
DEFAULT_IDENTIFIERS = ("uuid", "email", "phone_number")


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace file, checked.

    Args:
        name: Name of the source, e.g. "Web shop".
        write_key: What SDKs authenticate with.
        destination: In the shape of Segment's Public API, `settings` and `subscriptions` included.
        account_name: Insider One account name, as the endpoint expects it.
        account_key: Its key.
        identifiers: Names that resolve profiles, in the order in which they are tried.
        document: The whole file as it was read.
        options: What else differs from one Insider One account to the next.
    """

    name: str
    write_key: str
    destination: JSONObject
    account_name: str
    account_key: str
    identifiers: tuple[str, ...]
    document: JSONObject
    options: Options = field(default_factory=Options)


def workspace_of(document: JSONObject) -> Workspace:
    """Name the parts of a *document* that `structure.faults` has nothing against."""
    settings = document["destination"]["settings"]
    insider = document.get("insider", {})
    account = insider.get("account", {"name": settings["account_name"], "key": settings["ucd_key"]})
    return Workspace(
        name=document["source"]["name"],
        write_key=document["source"]["writeKey"],
        destination=document["destination"],
        account_name=account["name"],
        account_key=account["key"],
        identifiers=tuple(insider.get("identifiers", DEFAULT_IDENTIFIERS)),
        document=document,
        options=options_of(insider.get("options", {})),
    )
