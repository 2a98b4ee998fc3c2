"""The workspace: one Segment source and destination, and the Insider One account behind them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import orjson

from segment_insider_emulator.filtering.tracking_plan import TrackingPlan
from segment_insider_emulator.insider.options import InsiderOptions, parse_options
from segment_insider_emulator.types import JSONObject
from segment_insider_emulator.workspace.segment_options import SegmentOptions, read_segment_options

REDACTED = "…"
# What an account resolves profiles by until more is listed; the order is ours, nobody documents it.
DEFAULT_IDENTIFIERS = ("uuid", "email", "phone_number")


@dataclass(frozen=True, slots=True)
class SegmentSource:
    """An app that sends with a write key. One that is not enabled takes nothing.

    A source with several keys is told once for each.
    """

    name: str
    write_key: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class OAuthApplication:
    """An OAuth application: its id, and the key that its assertions are checked with (PEM)."""

    client_id: str
    public_key: str


@dataclass(frozen=True, slots=True)
class Workspace:
    """One workspace file, checked.

    Args:
        name: Name of the first source, e.g. "Web shop".
        write_key: What its SDKs authenticate with.
        destination: In the shape of Segment's Public API, `settings` and `subscriptions` included.
        account_name: Insider One account name, as the endpoint expects it.
        account_key: Its key.
        identifiers: Names that resolve profiles, in the order in which they are tried.
        document: The whole file as it was read.
        options: What else differs from one Insider One account to the next.
        enabled: Whether the first source takes anything.
        others: The other sources, and the first one's other keys.
        oauth: None where the bearers of tokens are not checked.
        plan: What events are held to; None when no plan is connected.
        segment: What may differ at Segment's end.
    """

    source_name: str
    write_key: str
    destination: JSONObject
    account_name: str
    account_key: str
    identifiers: tuple[str, ...]
    document: JSONObject
    insider_options: InsiderOptions = field(default_factory=InsiderOptions)
    source_enabled: bool = True
    other_sources: tuple[SegmentSource, ...] = ()
    oauth_application: OAuthApplication | None = None
    tracking_plan: TrackingPlan | None = None
    segment_options: SegmentOptions = field(default_factory=SegmentOptions)

    @property
    def sources(self) -> tuple[SegmentSource, ...]:
        """All sources; the first stands for whoever sends with a key that none has."""
        return (
            SegmentSource(self.source_name, self.write_key, self.source_enabled),
            *self.other_sources,
        )


def build_workspace(document: JSONObject) -> Workspace:
    """Name the parts of a *document* that `structure.faults` has nothing against."""
    settings = document["destination"]["settings"]
    insider = document.get("insider", {})
    account = insider.get("account", {"name": settings["account_name"], "key": settings["ucd_key"]})
    return Workspace(
        source_name=document["source"]["name"],
        write_key=document["source"]["writeKey"],
        destination=document["destination"],
        account_name=account["name"],
        account_key=account["key"],
        identifiers=tuple(insider.get("identifiers", DEFAULT_IDENTIFIERS)),
        document=document,
        insider_options=parse_options(insider.get("options", {})),
        source_enabled=document["source"].get("enabled", True),
        other_sources=(
            *_list_other_keys(document["source"]),
            *map(_build_source, document.get("sources", [])),
        ),
        oauth_application=_build_oauth_application(document.get("oauth")),
        segment_options=read_segment_options(document.get("segment", {})),
    )


def fingerprint_document(document: JSONObject) -> str:
    """What tells *document* from every other one."""
    same = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return blake2b(same, digest_size=16).hexdigest()


def replace_keys(
    workspace: Workspace, write_key: str, account_name: str, account_key: str
) -> Workspace:
    """*workspace* with the write key of its first source, and its account, replaced.

    Args:
        account, key: Of Insider One; Segment's end has them too, where it had those of the account.
    """
    document = workspace.document
    settings = workspace.destination["settings"]
    held = (settings["account_name"], settings["ucd_key"])
    if held == (workspace.account_name, workspace.account_key):
        settings = {**settings, "account_name": account_name, "ucd_key": account_key}
    destination = {**workspace.destination, "settings": settings}
    insider = {**document.get("insider", {}), "account": {"name": account_name, "key": account_key}}
    source = {**document.get("source", {}), "writeKey": write_key}
    return replace(
        workspace,
        write_key=write_key,
        account_name=account_name,
        account_key=account_key,
        destination=destination,
        document={**document, "source": source, "destination": destination, "insider": insider},
    )


def _list_other_keys(source_document: JSONObject) -> Iterator[SegmentSource]:
    for key in dict.fromkeys(source_document.get("writeKeys", [])):
        if key != source_document["writeKey"]:
            yield _build_source(source_document | {"writeKey": key})


def redact_document(document: JSONObject) -> JSONObject:
    """*document* without what opens the account, and without the name of another file."""
    kept = dict(document)
    if isinstance(kept.get("trackingPlan"), str):
        del kept["trackingPlan"]
    destination = kept["destination"]
    kept["destination"] = {
        **destination,
        "settings": {**destination["settings"], "ucd_key": REDACTED},
    }
    insider = kept.get("insider", {})
    if "account" in insider:
        kept["insider"] = {**insider, "account": {**insider["account"], "key": REDACTED}}
    return kept


def _build_source(source_document: JSONObject) -> SegmentSource:
    return SegmentSource(
        source_document["name"], source_document["writeKey"], source_document.get("enabled", True)
    )


def _build_oauth_application(oauth_document: JSONObject | None) -> OAuthApplication | None:
    return (
        OAuthApplication(oauth_document["clientId"], oauth_document["publicKey"])
        if oauth_document
        else None
    )
