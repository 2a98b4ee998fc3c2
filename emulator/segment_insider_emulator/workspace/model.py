"""The workspace: one Segment source and destination, and the Insider One account behind them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import blake2b

import orjson

from segment_insider_emulator.insider.options import Options, options_of
from segment_insider_emulator.segment.filtering.plans.plan import Plan
from segment_insider_emulator.segment.options import SegmentOptions, segment_options
from segment_insider_emulator.types import JSONObject

REDACTED = "…"
# What an account resolves profiles by until more is listed; the order is ours, nobody documents it.
DEFAULT_IDENTIFIERS = ("uuid", "email", "phone_number")


@dataclass(frozen=True, slots=True)
class Source:
    """An app that sends with a write key. One that is not enabled takes nothing.

    A source with several keys is told once for each.
    """

    name: str
    write_key: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class OAuth:
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

    name: str
    write_key: str
    destination: JSONObject
    account_name: str
    account_key: str
    identifiers: tuple[str, ...]
    document: JSONObject
    options: Options = field(default_factory=Options)
    enabled: bool = True
    others: tuple[Source, ...] = ()
    oauth: OAuth | None = None
    plan: Plan | None = None
    segment: SegmentOptions = field(default_factory=SegmentOptions)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources; the first stands for whoever sends with a key that none has."""
        return (Source(self.name, self.write_key, self.enabled), *self.others)


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
        enabled=document["source"].get("enabled", True),
        others=(*_other_keys(document["source"]), *map(_source, document.get("sources", []))),
        oauth=_oauth(document.get("oauth")),
        segment=segment_options(document.get("segment", {})),
    )


def fingerprint(document: JSONObject) -> str:
    """What tells *document* from every other one."""
    same = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return blake2b(same, digest_size=16).hexdigest()


def with_keys(workspace: Workspace, write_key: str, account: str, key: str) -> Workspace:
    """*workspace* with the write key of its first source, and its account, replaced.

    Args:
        account, key: Of Insider One; Segment's end has them too, where it had those of the account.
    """
    document = workspace.document
    settings = workspace.destination["settings"]
    held = (settings["account_name"], settings["ucd_key"])
    if held == (workspace.account_name, workspace.account_key):
        settings = {**settings, "account_name": account, "ucd_key": key}
    destination = {**workspace.destination, "settings": settings}
    insider = {**document.get("insider", {}), "account": {"name": account, "key": key}}
    source = {**document.get("source", {}), "writeKey": write_key}
    return replace(
        workspace,
        write_key=write_key,
        account_name=account,
        account_key=key,
        destination=destination,
        document={**document, "source": source, "destination": destination, "insider": insider},
    )


def _other_keys(described: JSONObject) -> Iterator[Source]:
    for key in dict.fromkeys(described.get("writeKeys", [])):
        if key != described["writeKey"]:
            yield _source(described | {"writeKey": key})


def shown(document: JSONObject) -> JSONObject:
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


def _source(described: JSONObject) -> Source:
    return Source(described["name"], described["writeKey"], described.get("enabled", True))


def _oauth(described: JSONObject | None) -> OAuth | None:
    return OAuth(described["clientId"], described["publicKey"]) if described else None
